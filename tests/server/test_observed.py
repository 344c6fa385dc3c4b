"""Each request has a name of ours; each decision on it is told once, with its true reason and whom it is about."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from mcp_auth_ref import RequireToken, VerifiedTokenCache
from mcp_auth_ref.events import UNAVAILABLE, Event, Listener, nobody
from mcp_auth_ref.server.callers import RequireKnownCaller
from mcp_auth_ref.server.mcp import RequireToolScopes
from mcp_auth_ref.server.observed import Observed, random_identifier
from mcp_auth_ref.server.resource import Verifier
from tests.server.world import METADATA_URL, NOW, VERIFIER, Clock, Recorder, ask, bearer, server, token

ID = "0123456789abcdef0123456789abcdef"
ADA: dict[str, Any] = {"subject": "ada", "client_id": "tests", "token_id": "JhAVKVcAcGQLn8Q1C2lFTg"}
WHERE: dict[str, Any] = {"at": NOW, "request_id": ID, "address": "127.0.0.1"}
CALL_NOTES = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "write_file", "arguments": {}}}'


def ticks() -> Iterator[float]:
    """Say a time that is half a second later at each look."""
    return iter(number / 2 for number in range(100))


def told(
    *headers: tuple[str, str], verifier: Any = VERIFIER, app: Any = None, listener: Listener | None = None, **more: Any
) -> list[Event]:
    """Send a request to a guard, and return what it tells."""
    heard: list[Event] = []
    guard = RequireToken(
        app or Recorder(),
        verifier=verifier,
        metadata_url=METADATA_URL,
        scopes=["mcp:tools:read"],
        clock=Clock(),
        timer=ticks().__next__,
        tell=listener or heard.append,
    )
    ask(Observed(guard, identifier=lambda: ID), headers=headers, **more)
    return heard


def test_every_answer_has_an_identifier_and_no_two_the_same() -> None:
    with server() as client:
        answers = [
            client.get("/health"),
            client.get("/nowhere"),
            client.post("/mcp"),
            client.get("/health", headers={"Host": "evil.example"}),
            client.options("/.well-known/oauth-protected-resource", headers={"Origin": "https://a.example"}),
        ]

    identifiers = [answer.headers.get_list("x-request-id") for answer in answers]

    assert all(len(each) == 1 and len(each[0]) == 32 and int(each[0], 16) > 0 for each in identifiers)
    assert len({each[0] for each in identifiers}) == len(answers)


def test_an_identifier_that_a_caller_sends_is_not_taken_over() -> None:
    """Our choice: it could be that of another request."""
    app = Recorder()

    answer = ask(Observed(app, identifier=lambda: ID), headers=[("X-Request-Id", "mine")])

    assert app.scope is not None
    assert (answer.headers["x-request-id"], app.scope["state"]["request_id"]) == (ID, ID)


def test_what_a_lifespan_says_passes_as_it_is() -> None:
    app = Recorder()
    lifespan: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}}

    async def run() -> None:
        await Observed(app)(lifespan, Mock(), Mock())

    anyio.run(run)

    assert app.scope is lifespan


def test_an_identifier_is_128_random_bits() -> None:
    assert len({random_identifier() for _ in range(1000)}) == 1000
    assert len(random_identifier()) == 32


def test_who_is_let_in_is_told_with_the_token_and_how_long_the_decision_took() -> None:
    assert told(*bearer(token())) == [Event(kind="accept", duration=0.5, **ADA, **WHERE)]


@pytest.mark.parametrize(
    ("headers", "code", "names"),
    [
        ([], "missing_token", {}),
        ([("Authorization", "Bearer a b")], "invalid_request", {}),
        (bearer("no.token"), "malformed_token", {}),
        (bearer(token(secret=b"another secret of thirty-two bytes")), "bad_signature", {}),
        (bearer(token(exp=NOW - 31, iat=NOW - 3600)), "token_expired", ADA),
        (bearer(token(aud="https://other.example")), "wrong_audience", ADA),
        (bearer(token(sub=7)), "invalid_claim", {**ADA, "subject": None}),
        (bearer(token("mcp:servers:read")), "insufficient_scope", ADA),
    ],
)
def test_who_is_refused_is_told_with_the_true_reason(
    headers: list[tuple[str, str]], code: str, names: dict[str, Any]
) -> None:
    """Our choice: a name is repeated only once the signature of the token that says it has held."""
    assert told(*headers) == [Event(kind="refuse", code=code, duration=0.5, **names, **WHERE)]


def test_a_token_taken_back_is_told_with_whose_it_was() -> None:
    cache = VerifiedTokenCache(VERIFIER, revoked=lambda _: True)

    assert told(*bearer(token()), verifier=cache) == [
        Event(kind="refuse", code="token_revoked", duration=0.5, **ADA, **WHERE)
    ]


def test_a_verifier_that_fails_is_told() -> None:
    failing = Mock(spec=Verifier, verify=Mock(side_effect=OSError("the store is gone")))

    assert told(*bearer(token()), verifier=failing) == [Event(kind="refuse", code=UNAVAILABLE, duration=0.5, **WHERE)]


@pytest.mark.parametrize(
    ("body", "code", "tool"),
    [(CALL_NOTES, "insufficient_scope", "write_file"), (b"{", "invalid_request", None)],
)
def test_an_operation_that_is_refused_is_told_with_its_tool(body: bytes, code: str, tool: str | None) -> None:
    heard: list[Event] = []
    tools = RequireToolScopes(
        Recorder(), tools={"write_file": ["files:write"]}, metadata_url=METADATA_URL, clock=Clock(), tell=heard.append
    )
    told(
        *bearer(token()),
        ("Content-Type", "application/json"),
        app=tools,
        content=body,
        listener=nobody,
    )

    assert heard == [Event(kind="refuse", code=code, tool=tool, **ADA, **WHERE)]


@pytest.mark.parametrize(
    ("header", "code"), [(("Host", "evil.example"), "misdirected_host"), (("Origin", "null"), "forbidden_origin")]
)
def test_a_caller_by_a_wrong_name_or_from_a_foreign_page_is_told(header: tuple[str, str], code: str) -> None:
    heard: list[Event] = []
    callers = RequireKnownCaller(Recorder(), hosts=["127.0.0.1:8765"], origins=[], clock=Clock(), tell=heard.append)

    ask(Observed(callers, identifier=lambda: ID), headers=[header])

    assert heard == [Event(kind="refuse", code=code, **WHERE)]


def test_a_guard_that_stands_alone_tells_without_an_identifier() -> None:
    heard: list[Event] = []
    guard = RequireToken(Recorder(), verifier=VERIFIER, metadata_url=METADATA_URL, clock=Clock(), tell=heard.append)

    ask(guard)

    assert [event.request_id for event in heard] == [None]


def test_a_failure_of_the_application_has_an_identifier_too() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500})
        await send({"type": "http.response.body"})

    response = ask(Observed(failing, identifier=lambda: ID))

    assert (response.status_code, dict(response.headers)) == (500, {"x-request-id": ID})
