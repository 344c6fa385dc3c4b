"""Who is believed about where a request comes from, how far, and what has to come over TLS."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from mcp_auth_ref import ConfigurationError, Settings, apikeyfiles, create_app
from mcp_auth_ref.events import Event
from mcp_auth_ref.process import serve
from mcp_auth_ref.server.proxies import OverTls, TrustedProxies
from tests.server.world import NOW, SECRET, Clock, Recorder, token

PROXIES = ("10.0.0.0/24", "192.0.2.7", "2001:db8:a::/48")
PROXY = "10.0.0.1"
PUBLIC: dict[str, Any] = {
    "resource_url": "https://mcp.example.com/mcp",
    "issuer": "https://mcp.example.com",
    "jwt_secret": SecretBytes(SECRET),
}


def seen(headers: list[tuple[str, str]], *, peer: str = PROXY) -> tuple[Any, ...]:
    """Return the status of an answer and, where the request has passed, the caller and the scheme that were seen."""
    recorder = Recorder()
    client = TestClient(TrustedProxies(recorder, proxies=PROXIES), client=(peer, 4711))
    answer = client.get("/", headers=httpx2.Headers(headers))
    if recorder.scope is None:
        return (answer.status_code, answer.json()["code"])
    return (*recorder.scope["client"], recorder.scope["scheme"])


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ([], PROXY),
        ([("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
        ([("X-Forwarded-For", "203.0.113.9:1234")], "203.0.113.9"),
        ([("X-Forwarded-For", "2001:db8::9")], "2001:db8::9"),
        ([("X-Forwarded-For", "[2001:DB8::9]:443")], "2001:db8::9"),
        ([("X-Forwarded-For", "::ffff:203.0.113.9")], "203.0.113.9"),
        ([("X-Forwarded-For", "6.6.6.6, 203.0.113.9")], "203.0.113.9"),
        ([("X-Forwarded-For", "no address, <script>, 203.0.113.9")], "203.0.113.9"),
        ([("X-Forwarded-For", "203.0.113.9, 10.0.0.2, 192.0.2.7")], "203.0.113.9"),
        ([("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.0.0.2")], "203.0.113.9"),
        ([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
        ([("X-Forwarded-For", "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
        ([("X-Forwarded-For", "unknown")], PROXY),
        ([("X-Forwarded-For", " , ,203.0.113.9,")], "203.0.113.9"),
        ([("Forwarded", "for=203.0.113.9")], "203.0.113.9"),
        ([("Forwarded", 'For="[2001:db8::9]:4711"')], "2001:db8::9"),
        ([("Forwarded", 'for=6.6.6.6;by=10.0.0.9, for="203.0.113.9:80" ; proto=http')], "203.0.113.9"),
        ([("Forwarded", "for=6.6.6.6"), ("Forwarded", "for=203.0.113.9;host=evil.example")], "203.0.113.9"),
        ([("Forwarded", 'for="x, for=6.6.6.6;y=\\"", for=203.0.113.9')], "203.0.113.9"),
        ([("Forwarded", "for=203.0.113.9, for=_hidden")], PROXY),
        ([("Forwarded", "for=203.0.113.9, for=10.0.0.2, for=192.0.2.7")], "203.0.113.9"),
        ([("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
        ([("Forwarded", "proto=https"), ("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
        ([("X-Real-IP", "6.6.6.6"), ("True-Client-IP", "6.6.6.6")], PROXY),
    ],
)
def test_the_caller_is_the_first_from_the_right_that_is_no_named_proxy(
    headers: list[tuple[str, str]], caller: str
) -> None:
    """RFC 7239, sections 4 to 6 and 8.1: only what named proxies have added is worth anything."""
    assert seen(headers)[0] == caller


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-For", "203.0.113.9, nonsense")],
        [("X-Forwarded-For", "203.0.113.9:port")],
        [("X-Forwarded-For", "203.0.113.300")],
        [("X-Forwarded-For", "fe80::1%eth0")],
        [("X-Forwarded-For", "[203.0.113.9")],
        [("X-Forwarded-For", "[203.0.113.9]")],
        [("X-Forwarded-For", "2001:db8::9]")],
        [("Forwarded", "203.0.113.9")],
        [("Forwarded", "for=203.0.113.9;for=6.6.6.6")],
        [("Forwarded", 'for="203.0.113.9')],
        [("Forwarded", 'for="6.6.6.6, for=203.0.113.9')],
        [("Forwarded", "for=2001:db8::9")],
        [("Forwarded", "for=203.0.113.9;")],
        [("Forwarded", "for=203.0.113.9;proto=gopher")],
        [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "gopher")],
        [("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", "203.0.113.9")],
        [("Forwarded", "for=_hidden"), ("X-Forwarded-For", "6.6.6.6")],
        [("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", "unknown")],
    ],
)
def test_what_a_named_proxy_says_and_nobody_can_read_is_refused(headers: list[tuple[str, str]]) -> None:
    """Our choice: to guess whose request it is would blame somebody else, or let somebody go."""
    assert seen(headers) == (400, "invalid_request")


@given(st.text(st.sampled_from('for=proto;,"\\[]:. 0123456789abchttps_%'), max_size=60))
def test_whatever_stands_in_the_header_is_a_caller_or_a_refusal(value: str) -> None:
    """Our choice: never a failure."""
    for name in ("Forwarded", "X-Forwarded-For"):
        assert len(seen([(name, value)])) in (2, 3)


@pytest.mark.parametrize("peer", ["203.0.113.1", "10.0.1.1", "127.0.0.1", "2001:db8:b::1", "testclient"])
@pytest.mark.parametrize(
    "header",
    [("X-Forwarded-For", "6.6.6.6"), ("Forwarded", "for=6.6.6.6;proto=https"), ("X-Forwarded-Proto", "nonsense")],
)
def test_nobody_else_is_believed(peer: str, header: tuple[str, str]) -> None:
    """CWE-348."""
    assert seen([header], peer=peer) == (peer, 4711, "http")


@pytest.mark.parametrize("peer", ["10.0.0.255", "192.0.2.7", "2001:db8:a:ffff::1", "::ffff:10.0.0.1"])
def test_a_proxy_is_known_by_its_address_or_its_network(peer: str) -> None:
    """RFC 4291, section 2.5.5.2: on a socket for both, IPv4 looks like IPv6."""
    assert seen([("X-Forwarded-For", "203.0.113.9")], peer=peer)[0] == "203.0.113.9"


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ([("X-Forwarded-Proto", "https")], "https"),
        ([("X-Forwarded-Proto", "HTTP")], "http"),
        ([("X-Forwarded-Proto", "http, https")], "https"),
        ([("Forwarded", "for=203.0.113.9;proto=https")], "https"),
        ([("Forwarded", "for=6.6.6.6;proto=http, for=203.0.113.9;proto=https")], "https"),
        ([("Forwarded", "for=203.0.113.9;proto=http, for=10.0.0.2;proto=https")], "http"),
        ([("Forwarded", "for=203.0.113.9;proto=https"), ("X-Forwarded-Proto", "http")], "http"),
        ([], "http"),
    ],
)
def test_http_on_one_stretch_of_the_way_is_http(headers: list[tuple[str, str]], scheme: str) -> None:
    """RFC 7239, section 5.4; our choice where two say different things."""
    assert seen(headers)[2] == scheme


def asked(method: str, *, peer: str, scheme: str = "http", **headers: str) -> httpx2.Response:
    client = TestClient(OverTls(Recorder()), base_url=f"{scheme}://testserver", client=(peer, 4711))
    return client.request(method, "/", headers=headers)


@pytest.mark.parametrize(
    ("method", "peer", "scheme", "headers", "status"),
    [
        ("POST", "203.0.113.9", "https", {}, 200),
        ("POST", "127.0.0.1", "http", {"Authorization": "Bearer x"}, 200),
        ("POST", "::1", "http", {}, 200),
        ("GET", "203.0.113.9", "http", {}, 200),
        ("HEAD", "203.0.113.9", "http", {}, 200),
        ("POST", "203.0.113.9", "http", {}, 400),
        ("GET", "203.0.113.9", "http", {"Authorization": "Bearer x"}, 400),
        ("POST", "testclient", "http", {}, 400),
    ],
)
def test_what_carries_credentials_has_to_come_over_tls(
    method: str, peer: str, scheme: str, headers: dict[str, str], status: int
) -> None:
    """RFC 6750, section 5.3; OAuth 2.1, section 1.5. A body may hold a secret as well."""
    answer = asked(method, peer=peer, scheme=scheme, **headers)

    assert answer.status_code == status
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_the_refusal_says_what_to_do_and_is_told() -> None:
    """Our choice: whoever forgets to name a proxy finds out why nothing passes."""
    events: list[Event] = []
    app = OverTls(Recorder(), clock=Clock(), tell=events.append)

    answer = TestClient(app, client=("203.0.113.9", 4711)).post("/mcp")

    assert answer.json()["detail"] == (
        "the request has not come over TLS, as far as this server can tell: send it to the https address; "
        "a proxy in between has to be named in MCP_TRUSTED_PROXIES and to send X-Forwarded-Proto"
    )
    assert events == [Event(kind="refuse", at=NOW, code="invalid_request", address="203.0.113.9")]


def test_what_is_no_http_passes_both() -> None:
    """ASGI: a lifespan has no caller."""
    kinds = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        kinds.append(scope["type"])
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})

    for ring in (TrustedProxies(app, proxies=PROXIES), OverTls(app)):
        with TestClient(ring):
            pass

    assert kinds == ["lifespan", "lifespan"]


def behind(peer: str, **settings: Any) -> TestClient:
    complete = Settings(**{**PUBLIC, "trusted_proxies": PROXIES, **settings})
    return TestClient(create_app(complete, clock=Clock()), base_url="http://mcp.example.com", client=(peer, 4711))


def test_nothing_of_what_a_proxy_says_about_hosts_comes_back() -> None:
    """CWE-644, RFC 9728, section 7.3: the public address is a setting."""
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "evil",
        "X-Forwarded-Prefix": "/evil",
        "X-Original-URL": "/evil",
        "Forwarded": 'for=203.0.113.9;host="evil.example";proto=https',
    }
    with behind(PROXY) as client:
        answers = [
            client.get("/.well-known/oauth-protected-resource/mcp", headers=forged),
            client.post("/mcp", headers=forged),
            client.get("/nowhere", headers=forged),
            client.get("/mcp/", headers=forged),
        ]

    assert [answer.status_code for answer in answers] == [200, 401, 404, 404]
    assert answers[0].json()["resource"] == "https://mcp.example.com/mcp"
    said = " ".join(f"{answer.headers} {answer.text}" for answer in answers)
    assert "evil" not in said
    assert "https://mcp.example.com/.well-known/oauth-protected-resource/mcp" in answers[1].headers["www-authenticate"]


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        (PROXY, {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, 401),
        (PROXY, {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}, 400),
        (PROXY, {"X-Forwarded-For": "203.0.113.9"}, 400),
        ("203.0.113.9", {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}, 400),
    ],
)
def test_a_token_that_has_travelled_in_the_clear_is_refused(peer: str, headers: dict[str, str], status: int) -> None:
    """RFC 6750, section 5.3: also where a proxy answers on port 80, or is passed by."""
    with behind(peer) as client:
        assert client.post("/mcp", headers={**headers, "Authorization": f"Bearer {token()}"}).status_code == status


def test_an_api_key_that_has_travelled_in_the_clear_is_refused(tmp_path: Path) -> None:
    """RFC 6750, section 5.3: a credential is one in whichever header it comes, also of a request that only reads."""
    keys = tmp_path / "apikeys.json"
    apikeyfiles.write(keys, ())

    with behind(PROXY, api_keys_file=keys, api_key_header="X-API-Key") as client:
        answer = client.get(
            "/api/v1/mcp/tools",
            headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-API-Key": "mcpk_"},
        )

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("the request has not come over TLS")


def test_a_forged_address_gets_nobody_around_the_limit_of_failures() -> None:
    """CWE-348, CWE-307: each guess names another address; the proxy adds the true one."""
    statuses = []
    with behind(PROXY, rate_limit_failures=3) as client:
        for number in range(5):
            headers = {
                "X-Forwarded-For": f"6.6.6.{number}, 203.0.113.9",
                "X-Forwarded-Proto": "https",
                "Authorization": "Bearer guess",
            }
            statuses.append(client.post("/mcp", headers=headers).status_code)

    assert statuses == [401, 401, 401, 429, 429]


def test_an_address_that_is_not_loopback_wants_tls_or_a_proxy() -> None:
    """Our choice: refused before anything listens."""
    with pytest.raises(ConfigurationError) as refused:
        serve(Settings(jwt_secret=SecretBytes(SECRET)), host="0.0.0.0")

    assert str(refused.value) == (
        "--host: 0.0.0.0 is not loopback, and tokens would travel there in the clear. Name the proxy that speaks TLS "
        "in MCP_TRUSTED_PROXIES, give MCP_TLS_CERT_FILE and MCP_TLS_KEY_FILE, or listen on 127.0.0.1"
    )
