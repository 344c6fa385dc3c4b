"""Who is refused for asking too often, who is not, and what both are told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretBytes
from starlette.testclient import TestClient

from mcp_auth_ref import RequireToken, Settings, create_app
from mcp_auth_ref.core.limits import Rate
from mcp_auth_ref.events import Event
from mcp_auth_ref.server.counters import MemoryCounter
from mcp_auth_ref.server.limits import CallLimits, LimitFailures, accepted_by, network_of
from mcp_auth_ref.server.mcp import RequireToolScopes
from mcp_auth_ref.settings import StoreUrl
from tests.server.oauth import basic, oauth_server, post_form
from tests.server.world import METADATA_URL, NOW, ORIGIN, SECRET, VERIFIER, Clock, Recorder, call, post, server, token
from tests.stores.servers import Valkey

START = NOW // 60 * 60 + 60
FORGED = token(secret=b"another-secret-that-nobody-here-has-heard-of")
THREE = Rate(3, 60)
HELP = "https://mcp-auth-ref.github.io/reference/errors/#rate_limited"


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


def limited(**settings: Any) -> dict[str, Any]:
    return {"rate_limit_requests": 3, "rate_limit_failures": 3, **settings}


def statuses(answers: list[httpx2.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_the_fourth_of_three_requests_is_told_when_to_come_again(clock: Clock) -> None:
    """RFC 6585, section 4; RFC 9457; draft-ietf-httpapi-ratelimit-headers-11, sections 3, 4 and 5.1."""
    with server(clock=clock, **limited()) as client:
        answers = [post(client, "tools/list", credential=token()) for _ in range(4)]
        clock.now += 80
        later = post(client, "tools/list", credential=token())

    refused = answers[3]
    assert [*statuses(answers), later.status_code] == [200, 200, 200, 429, 200]
    assert [answer.headers["ratelimit"] for answer in (*answers, later)] == [
        *(f'"subject";r={left};t=60' for left in (2, 1, 0)),
        '"subject";r=0;t=80',
        '"subject";r=0;t=40',
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"subject";q=3;w=60'}
    assert (refused.headers["retry-after"], refused.headers["cache-control"]) == ("80", "no-store")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json() == {
        "type": HELP,
        "title": "Rate limited",
        "status": 429,
        "detail": "more than 3 requests of one subject in 60 seconds; try again in 80 seconds",
        "code": "rate_limited",
        "retry_after": 80,
        "policy": "subject",
        "quota": 3,
        "window": 60,
    }


def test_one_subject_does_not_use_up_what_another_may(clock: Clock) -> None:
    """Our choice; a subject is one of its issuer (RFC 7519, section 4.1.2)."""
    with server(clock=clock, **limited()) as client:
        ada = [post(client, "tools/list", credential=token(jti=f"{number}")) for number in range(4)]
        bob = [post(client, "tools/list", credential=token(sub="bob")) for _ in range(3)]

    assert statuses(ada) == [200, 200, 200, 429]
    assert statuses(bob) == [200, 200, 200]


def test_a_tool_with_a_limit_of_its_own_is_refused_and_the_others_are_not(clock: Clock) -> None:
    """Our choice: each subject may call it so often."""
    with server(clock=clock, tool_limits={"echo": Rate(2, 60)}) as client:
        echoes = [call(client, "echo", {"text": "x"}, credential=token()) for _ in range(3)]
        other = call(client, "calculate", {"expression": "1"}, credential=token())
        bob = call(client, "echo", {"text": "x"}, credential=token(sub="bob"))

    assert statuses([*echoes, other, bob]) == [200, 200, 429, 200, 200]
    assert echoes[0].headers["ratelimit-policy"] == '"subject";q=600;w=60, "tool";q=2;w=60'
    assert echoes[0].headers["ratelimit"] == '"subject";r=599;t=60, "tool";r=1;t=60'
    assert echoes[2].headers["ratelimit-policy"] == '"tool";q=2;w=60'
    assert echoes[2].json()["detail"] == "more than 2 calls of this tool in 60 seconds; try again in 90 seconds"
    assert echoes[2].json()["policy"] == "tool"
    assert other.headers["ratelimit-policy"] == '"subject";q=600;w=60'


def guarded(limits: CallLimits) -> TestClient:
    scopes = RequireToolScopes(Recorder(), tools={}, metadata_url=METADATA_URL, limits=limits)
    app = RequireToken(scopes, verifier=VERIFIER, metadata_url=METADATA_URL, clock=Clock())
    return TestClient(app, base_url=ORIGIN)


def message(tool: str | None = None) -> dict[str, Any]:
    return {"method": "tools/call", "params": {"name": tool}} if tool else {"method": "ping"}


def test_each_message_of_a_batch_counts() -> None:
    """JSON-RPC 2.0, section 6: a batch is several requests in one."""
    client = guarded(CallLimits(MemoryCounter(Rate(5, 60)), {"echo": MemoryCounter(Rate(2, 60))}, clock=Clock()))
    headers = {"Authorization": f"Bearer {token()}"}

    answers = [
        client.post("/mcp", json=[message(), message("echo")], headers=headers),
        client.post("/mcp", json=[message("echo"), message("echo")], headers=headers),
        client.post("/mcp", json=[message(), message()], headers=headers),
        client.post("/mcp", json=[message()], headers=headers),
    ]

    assert statuses(answers) == [200, 429, 429, 200]
    assert [answer.json()["policy"] for answer in answers[1:3]] == ["tool", "subject"]


def test_a_batch_that_would_never_pass_is_told_so() -> None:
    """Our choice: 429 would let a client try again for ever."""
    client = guarded(CallLimits(MemoryCounter(THREE), {}, clock=Clock()))

    answer = client.post("/mcp", json=[message()] * 4, headers={"Authorization": f"Bearer {token()}"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["detail"] == "the batch has 4 messages where 3 in 60 seconds may pass"


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"a":1,"a":2}'])
def test_what_cannot_be_read_counts_as_well(content: bytes) -> None:
    """Our choice: a flood of rubbish is a flood."""
    client = guarded(CallLimits(MemoryCounter(THREE), {}, clock=Clock()))
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}

    answers = [client.post("/mcp", content=content, headers=headers) for _ in range(4)]

    assert statuses(answers) == [400, 400, 400, 429]


def test_a_call_that_lacks_scopes_counts_and_says_what_is_left() -> None:
    """Our choice: who tries one tool after the other is limited too."""
    client = guarded(CallLimits(MemoryCounter(THREE), {}, clock=Clock()))
    headers = {"Authorization": f"Bearer {token('mcp:tools:read')}"}

    answers = [client.post("/mcp", json=message("echo"), headers=headers) for _ in range(4)]

    assert statuses(answers) == [403, 403, 403, 429]
    assert answers[0].headers["ratelimit"] == '"subject";r=2;t=20'


@pytest.mark.parametrize(
    ("limit", "called"),
    [
        ("write_file", ["write_file", "demo.write_file", "write_file"]),
        ("demo.write_file", ["demo.write_file", "write_file", "demo.write_file"]),
        ("demo.files.write", ["demo.files.write", "files.write", "files.write"]),
        ("files.write", ["demo.files.write", "files.write", "files.write"]),
    ],
)
def test_two_names_of_one_tool_are_one_tool(limit: str, called: list[str]) -> None:
    """Our choice: a second name is no second allowance."""
    client = guarded(CallLimits(MemoryCounter(Rate(9, 60)), {limit: MemoryCounter(Rate(2, 60))}, clock=Clock()))
    headers = {"Authorization": f"Bearer {token()}"}

    assert statuses([client.post("/mcp", json=message(name), headers=headers) for name in called]) == [200, 200, 429]


def test_the_limit_of_one_servers_tool_is_not_that_of_anothers() -> None:
    """Our choice."""
    client = guarded(CallLimits(MemoryCounter(Rate(9, 60)), {"a.echo": MemoryCounter(Rate(1, 60))}, clock=Clock()))
    headers = {"Authorization": f"Bearer {token()}"}

    assert statuses([client.post("/mcp", json=message("b.echo"), headers=headers) for _ in range(2)]) == [200, 200]


def guess(client: TestClient, credential: str = FORGED) -> httpx2.Response:
    return post(client, "tools/list", credential=credential)


def test_guesses_from_one_address_are_refused_and_good_tokens_from_it_are_not(clock: Clock) -> None:
    """CWE-307, CWE-645: who guesses is slowed down, and locks out neither the subject nor the address."""
    with server(clock=clock, **limited()) as client:
        guesses = [guess(client, token(secret=b"x" * 32, jti=f"{number}")) for number in range(5)]
        good = post(client, "tools/list", credential=token())
        signing_in = client.post("/mcp")
        clock.now += 80
        later = guess(client)

    assert statuses(guesses) == [401, 401, 401, 429, 429]
    assert (good.status_code, signing_in.status_code, later.status_code) == (200, 401, 401)
    assert "resource_metadata" in signing_in.headers["www-authenticate"]
    assert {answer.headers["retry-after"] for answer in guesses[3:]} == {"80"}
    assert {answer.headers["ratelimit"] for answer in guesses[3:]} == {'"address";r=0;t=80'}
    assert ["ratelimit" in answer.headers for answer in guesses[:3]] == [False] * 3
    assert "www-authenticate" not in guesses[3].headers
    assert guesses[4].json() == {
        "type": HELP,
        "title": "Rate limited",
        "status": 429,
        "detail": "more than 3 failures from one address in 60 seconds; try again in 80 seconds",
        "code": "rate_limited",
        "retry_after": 80,
        "policy": "address",
        "quota": 3,
        "window": 60,
    }


def test_asking_without_a_token_never_counts(clock: Clock) -> None:
    """MCP 2026-07-28, discovery: each client begins so, and an office has many behind one address."""
    with server(clock=clock, **limited()) as client:
        assert statuses([client.post("/mcp") for _ in range(9)]) == [401] * 9
        assert statuses([guess(client) for _ in range(4)]) == [401, 401, 401, 429]


def test_another_address_guesses_on_its_own_account(clock: Clock) -> None:
    """Our choice."""
    app = create_app(Settings(jwt_secret=SecretBytes(SECRET), rate_limit_failures=3), clock=clock)
    with TestClient(app, base_url=ORIGIN, client=("192.0.2.1", 1)) as one:
        two = TestClient(app, base_url=ORIGIN, client=("192.0.2.2", 1))

        assert statuses([guess(one) for _ in range(4)]) == [401, 401, 401, 429]
        assert statuses([guess(two)]) == [401]


def test_without_limits_nothing_is_counted_and_nothing_said(clock: Clock) -> None:
    """Our choice: the switch that is in the settings."""
    with server(clock=clock, **limited(rate_limit_enabled=False)) as client:
        answers = [post(client, "tools/list", credential=token()) for _ in range(9)]
        guesses = [guess(client) for _ in range(9)]

    assert statuses(answers) == [200] * 9
    assert statuses(guesses) == [401] * 9
    assert not any("ratelimit" in answer.headers for answer in (*answers, *guesses))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"),
        ("2001:db8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(address: str, network: str) -> None:
    """RFC 6177, section 2: one customer has at least a network of 64 bits, and so as many addresses as it likes."""
    assert network_of(address) == network


def test_one_event_tells_of_a_flood(clock: Clock) -> None:
    """Our choice: a flood fills no audit log; the first refusal in each window is told."""
    events: list[Event] = []
    calls = CallLimits(MemoryCounter(THREE), {}, clock=clock, tell=events.append)
    scopes = RequireToolScopes(Recorder(), tools={}, metadata_url=METADATA_URL, limits=calls)
    guard = RequireToken(scopes, verifier=VERIFIER, metadata_url=METADATA_URL, clock=clock)
    app = LimitFailures(
        guard, MemoryCounter(THREE), is_good=accepted_by(VERIFIER, clock), clock=clock, tell=events.append
    )
    client = TestClient(app, base_url=ORIGIN, client=("192.0.2.1", 1))
    headers = {"Authorization": f"Bearer {token()}"}

    for _ in range(9):
        client.post("/mcp", json=message(), headers=headers)
        client.post("/mcp", headers={"Authorization": f"Bearer {FORGED}"})

    limit = Event(kind="limit", at=START, code="rate_limited", address="192.0.2.1")
    of_ada = replace(limit, subject="ada", client_id="tests", token_id="JhAVKVcAcGQLn8Q1C2lFTg")
    assert events == [of_ada, limit]


def test_guesses_beyond_the_limit_reach_no_guard(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """CWE-779: what is refused for its number writes no line each."""
    caplog.set_level("INFO")
    with server(clock=clock, **limited()) as client:
        for _ in range(50):
            guess(client)

    assert len([line for line in caplog.messages if "bad_signature" in line]) == 4
    assert len([line for line in caplog.messages if "rate_limited" in line]) == 1


def test_where_clients_authenticate_nothing_passes_an_address_that_has_failed_too_often(clock: Clock) -> None:
    """CWE-307: a secret of a client can be guessed, so that a right guess must not pass either."""

    async def endpoint(scope: Any, _: Any, send: Any) -> None:
        right = (b"authorization", b"right") in scope["headers"]
        await send({"type": "http.response.start", "status": 200 if right else 401, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    client = TestClient(LimitFailures(endpoint, MemoryCounter(THREE), clock=clock), base_url=ORIGIN)
    right, wrong = {"Authorization": "right"}, {"Authorization": "wrong"}

    answers = [client.post("/token", headers=headers) for headers in (right, wrong, wrong, {}, right, wrong, right)]
    assert statuses(answers) == [200, 401, 401, 401, 200, 429, 429]
    clock.now += 80
    assert statuses([client.post("/token", headers=right)]) == [200]


def test_a_verifier_that_fails_is_answered_for_by_the_guard(clock: Clock) -> None:
    """Our choice: 503, as without limits."""
    with server(clock=clock, **limited()) as client:
        statuses([guess(client) for _ in range(4)])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mcp_auth_ref.server.cache.VerifiedTokenCache.verify", lambda *_, **__: 1 / 0)

            assert guess(client).status_code == 503


def replica(url: str, **more: Any) -> TestClient:
    settings = Settings(
        jwt_secret=SecretBytes(SECRET), store_url=StoreUrl(url), rate_limit_requests=3, rate_limit_failures=3, **more
    )
    return TestClient(create_app(settings, clock=Clock()), base_url=ORIGIN, client=("192.0.2.1", 1))


def test_without_redis_what_has_to_be_counted_is_refused_where_the_settings_say_so(tmp_path: Path) -> None:
    """Our choice: a limit may matter more than an answer. It comes back by itself."""
    valkey = Valkey(tmp_path)
    with replica(valkey.url, rate_limit_without_store="refuse") as client:
        before = post(client, "tools/list", credential=token())
        valkey.kill()
        without = post(client, "tools/list", credential=token())
        asking = client.post("/mcp")

    assert statuses([before, without, asking]) == [200, 429, 401]
    assert without.headers["retry-after"] == "1"


def test_replicas_of_one_redis_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our choice: another replica is no second allowance, neither for a subject nor for who guesses."""
    monkeypatch.setattr("mcp_auth_ref.server.counters.PATIENCE", 30)
    valkey = Valkey(tmp_path)
    with replica(valkey.url) as one, replica(valkey.url) as two:
        answers = [post(client, "tools/list", credential=token()) for client in (one, two, one, two, one)]
        guesses = [guess(client) for client in (one, two, one, two, one)]
        ready = one.get("/ready").json()
        valkey.kill()
        alone = post(one, "tools/list", credential=token(sub="bob"))
        without = one.get("/ready").json()

    assert statuses(answers) == [200, 200, 200, 429, 429]
    assert statuses(guesses) == [401, 401, 401, 429, 429]
    assert answers[0].headers["ratelimit-policy"] == '"subject";q=3;w=60'
    assert ["ratelimit" in answer.headers for answer in answers] == [False, False, False, True, True]
    assert (ready["limits"], without["limits"]) == ("counted together", "counted alone")
    assert (alone.status_code, alone.headers["ratelimit"]) == (200, '"subject";r=2;t=20')


OWN = {"grant_type": "client_credentials"}


def at(client: TestClient, address: str) -> TestClient:
    """Call the same server from another address."""
    return TestClient(client.app, base_url=ORIGIN, client=(address, 1))


@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect"])
def test_who_guesses_a_clients_secret_is_refused_even_with_the_right_one(path: str, clock: Clock) -> None:
    """CWE-307: otherwise the limit would only tell when to stop listening."""
    with oauth_server(clock=clock, rate_limit_failures=3) as client:
        guesses = [post_form(client, path, OWN, basic(secret=f"guess {number}")) for number in range(4)]
        right = post_form(client, path, OWN, basic())
        clock.now += 80
        later = post_form(client, "/token", OWN, basic())

    assert statuses([*guesses, right, later]) == [401, 401, 401, 429, 429, 200]
    assert guesses[3].json() == {
        "error": "rate_limited",
        "error_description": "more than 3 failures from one address in 60 seconds; try again in 80 seconds",
    }
    assert (guesses[3].headers["retry-after"], guesses[3].headers["cache-control"]) == ("80", "no-store")
    assert "www-authenticate" not in guesses[3].headers


def test_who_guesses_locks_out_neither_the_client_elsewhere_nor_another_client(clock: Clock) -> None:
    """CWE-645."""
    with oauth_server(clock=clock, rate_limit_failures=3) as client:
        for _ in range(9):
            post_form(client, "/token", OWN, basic(secret="guess"))

        elsewhere = post_form(at(client, "192.0.2.1"), "/token", OWN, basic())
        another = post_form(client, "/token", OWN, basic(client_id="pair robot"))

    assert statuses([elsewhere, another]) == [200, 200]


def test_clients_that_do_not_exist_are_one(clock: Clock) -> None:
    """CWE-770: an invented name is no counter of its own."""
    with oauth_server(clock=clock, rate_limit_failures=3) as client:
        answers = [post_form(client, "/token", OWN, basic(client_id=f"nobody {number}")) for number in range(4)]

    assert statuses(answers) == [401, 401, 401, 429]


def test_a_client_asks_for_so_many_tokens_and_no_more(clock: Clock) -> None:
    """Our choice: with all its addresses."""
    with oauth_server(clock=clock, rate_limit_requests=3) as client:
        places = [client, at(client, "192.0.2.1"), client, at(client, "192.0.2.2")]
        answers = [post_form(place, "/token", OWN, basic()) for place in places]

    assert statuses(answers) == [200, 200, 200, 429]
    assert answers[3].headers["ratelimit-policy"] == '"client";q=3;w=60'


def test_a_public_client_is_limited_where_it_asks_from(clock: Clock) -> None:
    """Our choice: its name proves nothing, so nobody may use up what it may ask for elsewhere."""
    form = {"grant_type": "refresh_token", "refresh_token": "guess", "client_id": "page"}
    with oauth_server(clock=clock, rate_limit_requests=3) as client:
        here = [post_form(client, "/token", form) for _ in range(4)]
        elsewhere = post_form(at(client, "192.0.2.1"), "/token", form)

    assert statuses([*here, elsewhere]) == [400, 400, 400, 429, 400]
