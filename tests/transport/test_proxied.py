"""The real nginx and the real Caddy before the real server, over TLS, with the files that the guide shows."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from pydantic import SecretBytes
from starlette.types import Receive, Scope, Send

from mcp_auth_ref import Settings, create_app
from tests.served import served
from tests.server.world import SECRET, Clock, token
from tests.transport.proxies import NAME, PATIENCE, Proxy, free_ports, running

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run the server, and a proxy before it."""
    folder = tmp_path_factory.mktemp(request.param)
    https, http = free_ports(2)
    settings = Settings(
        jwt_secret=SecretBytes(SECRET),
        issuer="http://127.0.0.1:8765",
        resource_url=f"https://{NAME}:{https}/mcp",
        trusted_proxies=("127.0.0.1",),
        audit_log_path=folder / "audit.jsonl",
        rate_limit_failures=5,
    )
    with served(lambda _: create_app(settings, clock=Clock()), lifespan="on") as origin:
        upstream = int(origin.rpartition(":")[2])
        with running(request.param, folder, https=https, http=http, upstream=upstream) as proxy:
            yield proxy


def ask(proxy: Proxy, method: str = "POST", path: str = "/mcp", **more: Any) -> httpx2.Response:
    headers = {"Host": proxy.host, "Accept": "application/json", **more.pop("headers", {})}
    with proxy.client() as client:
        return client.request(method, path, headers=headers, extensions={"sni_hostname": NAME}, **more)


def bearer(proxy: Proxy, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(aud=f'https://{proxy.host}/mcp', **claims)}"}


def events(proxy: Proxy) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (proxy.folder / "audit.jsonl").read_text().splitlines()]


def test_the_challenge_survives_and_leads_to_the_public_address(proxy: Proxy) -> None:
    """RFC 9728, section 5.1; RFC 6797."""
    refused = ask(proxy)
    metadata = ask(proxy, "GET", "/.well-known/oauth-protected-resource/mcp")

    assert refused.status_code == 401
    assert (
        f'resource_metadata="https://{proxy.host}/.well-known/oauth-protected-resource/mcp"'
        in (refused.headers["www-authenticate"])
    )
    assert refused.headers["strict-transport-security"] == "max-age=31536000"
    assert metadata.json()["resource"] == f"https://{proxy.host}/mcp"


def test_a_token_passes_and_stands_in_no_log(proxy: Proxy) -> None:
    """RFC 6750, section 5.3; the query of an address is not written either."""
    headers = bearer(proxy)

    answer = ask(proxy, path="/mcp?note=do-not-write-this-down", headers=headers, json=LIST)
    refused = ask(proxy, path=f"/mcp?access_token={headers['Authorization'][7:]}", json=LIST)

    assert (answer.status_code, refused.status_code) == (200, 401)
    assert "/mcp" in proxy.written
    assert headers["Authorization"][7:] not in proxy.written
    assert "do-not-write-this-down" not in proxy.written


def test_a_forged_address_is_not_the_callers(proxy: Proxy) -> None:
    """CWE-348: in events, and for the limit of failures."""
    forged = [
        {"X-Forwarded-For": f"6.6.6.{number}", "Forwarded": f"for=6.6.6.{number}", "X-Real-IP": "6.6.6.6"}
        for number in range(8)
    ]
    before = len(events(proxy))

    accepted = ask(proxy, headers={**forged[0], **bearer(proxy, sub="eve")}, json=LIST)
    guesses = [ask(proxy, headers={**each, "Authorization": "Bearer guess"}).status_code for each in forged]

    told = events(proxy)[before:]
    assert accepted.status_code == 200
    assert guesses == [401] * 5 + [429] * 3
    assert {event["address"] for event in told} == {"127.0.0.1"}
    assert {event["event"] if "event" in event else event["kind"] for event in told} >= {"accept", "refuse", "limit"}


def test_a_forged_host_comes_back_nowhere(proxy: Proxy) -> None:
    """CWE-644."""
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "evil", "Forwarded": "host=evil.example"}

    answers = [ask(proxy, "GET", path, headers=forged) for path in ("/mcp", "/.well-known/jwks.json", "/nowhere")]

    assert [answer.status_code for answer in answers] == [401, 200, 404]
    assert "evil" not in " ".join(f"{answer.headers} {answer.text}" for answer in answers)


def test_without_tls_nothing_is_served_and_nobody_is_sent_elsewhere(proxy: Proxy) -> None:
    """OAuth 2.1, section 1.5: a redirect would come after the token."""
    answer = httpx2.post(f"http://127.0.0.1:{proxy.http}/mcp", headers={"Host": NAME, **bearer(proxy)}, trust_env=False)

    assert answer.status_code == 403
    assert "location" not in answer.headers


def handshake(proxy: Proxy, *, name: str = NAME, latest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> str | None:
    context = ssl.create_default_context(cafile=str(proxy.folder / "ca.pem"))
    context.check_hostname = False
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = latest
    with (
        socket.create_connection(("127.0.0.1", proxy.https), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.version()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_begins_at_version_1_2(proxy: Proxy) -> None:
    """RFC 8996, RFC 9325."""
    assert handshake(proxy) == "TLSv1.3"
    assert handshake(proxy, latest=ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"):
        handshake(proxy, latest=ssl.TLSVersion.TLSv1_1)


def test_another_name_gets_no_handshake(proxy: Proxy) -> None:
    """Our choice: who does not know the name gets no certificate that tells it."""
    with pytest.raises(ssl.SSLError):
        handshake(proxy, name="other.example.com")


def test_a_body_and_headers_have_their_limits(proxy: Proxy) -> None:
    """CWE-400: those of the server, kept at the door."""
    large = ask(proxy, headers={"X-Filler": "a" * 20_000})
    body = ask(proxy, headers={**bearer(proxy), "Content-Type": "application/json"}, content=b" " * 4_300_000)

    assert large.status_code in (400, 431)
    assert body.status_code == 413


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_what_is_streamed_arrives_as_it_comes(kind: str, tmp_path: Path) -> None:
    """Our choice: the second part is sent once the first has arrived, so a proxy that waited would wait for ever."""
    arrived = threading.Event()

    async def stream(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
        for _attempt in range(PATIENCE * 50):
            if arrived.is_set():
                break
            await anyio.sleep(0.02)
        await send({"type": "http.response.body", "body": b"data: second\n\n" if arrived.is_set() else b"late"})

    https, http = free_ports(2)
    with (
        served(lambda _: stream) as origin,
        running(kind, tmp_path, https=https, http=http, upstream=int(origin.rpartition(":")[2])) as proxy,
        proxy.client() as client,
        client.stream("GET", "/", headers={"Host": proxy.host}, extensions={"sni_hostname": NAME}) as answer,
    ):
        parts = answer.iter_bytes()
        first = next(parts)
        arrived.set()
        rest = b"".join(parts)

    assert (first, rest) == (b"data: first\n\n", b"data: second\n\n")
