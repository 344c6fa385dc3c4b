import contextlib
import http.client
import logging
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import SecretBytes
from starlette.types import ASGIApp, Message

from mcp_auth_ref import ConfigurationError, KeySet, Settings, SigningKey, create_app, keyfiles
from mcp_auth_ref.process import PlainFormatter, serve
from mcp_auth_ref.settings import StoreUrl
from tests.server.world import (
    METADATA_URL,
    MODERN,
    OLDER,
    ORIGIN,
    RESOURCE,
    SECRET,
    VERSIONS,
    Clock,
    bearer,
    call,
    post,
    server,
    token,
)

METADATA = {
    "resource": RESOURCE,
    "authorization_servers": [ORIGIN],
    "scopes_supported": ["mcp:tools:read", "mcp:tools:execute"],
    "bearer_methods_supported": ["header"],
}
GOOD = dict(bearer(token()))
PROGRAM = (str(Path(sys.executable).with_name("mcp-auth-ref")),)
HURRIED = """
from mcp_auth_ref.cli import main
from mcp_auth_ref.server.connections import PunctualProtocol
PunctualProtocol.seconds = 0.2
main()
"""


@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])
def test_the_resource_metadata_is_the_same_at_both_addresses(path: str) -> None:
    """RFC 9728, sections 2 and 3; MCP 2026-07-28, authorization server location."""
    with server() as client:
        response = client.get(path)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "public, max-age=300"
    assert response.json() == METADATA


def test_addresses_follow_the_resource_url_and_never_the_request() -> None:
    """RFC 9728, section 3.1: the path goes behind the well-known part."""
    public: dict[str, Any] = {"resource_url": "https://mcp.example.com/tools/v1", "allowed_hosts": ("mcp.example.com",)}
    forged = {"Host": "mcp.example.com", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}

    with server(**public) as client:
        refused = client.post("/tools/v1", headers={**forged, "Forwarded": "host=evil.example;proto=gopher"})
        metadata = client.get("/.well-known/oauth-protected-resource/tools/v1", headers=forged)
        elsewhere = client.get("/.well-known/oauth-protected-resource/mcp", headers=forged)

    assert refused.headers["www-authenticate"] == (
        'Bearer scope="mcp:tools:read mcp:tools:execute", '
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/tools/v1"'
    )
    assert metadata.json() == {**METADATA, "resource": "https://mcp.example.com/tools/v1"}
    assert elsewhere.status_code == 404


def test_a_shared_secret_publishes_no_key() -> None:
    """RFC 7517: the set of public keys is empty."""
    with server() as client:
        assert client.get("/.well-known/jwks.json").json() == {"keys": []}


def test_key_pairs_publish_their_public_halves_only(tmp_path: Path) -> None:
    """RFC 7517; jwt-checklist 30."""
    key = SigningKey.from_private_key(Ed25519PrivateKey.generate())
    keyfiles.write(tmp_path / "keys.json", KeySet([key]))

    with server(jwt_secret=None, jwt_algorithm="EdDSA", keys_file=tmp_path / "keys.json") as client:
        [published] = client.get("/.well-known/jwks.json").json()["keys"]

    assert published == key.public_jwk()
    assert set(published) == {"kid", "alg", "use", "kty", "crv", "x"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/mcp/",
        "/MCP",
        "/mcp/extra",
        "/health/",
        "/.well-known/",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-protected-resource/",
        "/.well-known/oauth-protected-resource/mcp/",
        "/.well-known/oauth-protected-resource/other",
        "/register",
        "/docs",
    ],
)
def test_every_other_address_is_a_404_in_json_and_no_redirect(path: str) -> None:
    """RFC 9457; clients that look for metadata read every answer as JSON, and drop the token at a redirect."""
    with server() as client:
        response = client.get(path, headers=GOOD)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#unknown_address",
        "title": "Unknown address",
        "status": 404,
        "detail": "there is nothing at this address",
        "code": "unknown_address",
    }


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/health", {"GET", "HEAD"}),
        ("/ready", {"GET", "HEAD"}),
        ("/.well-known/jwks.json", {"GET", "HEAD", "OPTIONS"}),
        ("/.well-known/oauth-protected-resource/mcp", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_document_is_only_read(path: str, allow: set[str]) -> None:
    """RFC 9110, section 15.5.6."""
    with server() as client:
        response = client.post(path)

    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == allow
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_the_endpoint_takes_messages_only(method: str, version: str) -> None:
    """MCP 2026-07-28 and before: without sessions there is no stream to GET, and nothing to DELETE."""
    with server() as client:
        response = client.request(method, "/mcp", headers={**GOOD, "MCP-Protocol-Version": version})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.headers["content-type"] == "application/problem+json"


def test_it_says_how_it_is() -> None:
    """Our choice: for probes, without a token and without a secret."""
    with server() as client:
        health, ready = client.get("/health"), client.get("/ready")

    assert (health.status_code, health.json()) == (200, {"status": "ok", "authentication": "enabled"})
    assert (ready.status_code, ready.json()) == (
        200,
        {
            "status": "ready",
            "authentication": "enabled",
            "servers": {"connected": 1, "total": 1},
            "store": "available",
        },
    )
    assert health.headers["cache-control"] == ready.headers["cache-control"] == "no-store"


def test_it_is_not_ready_before_it_has_started_or_after_it_has_ended() -> None:
    """Our choice: who waits for /ready waits for the MCP endpoint."""
    client = server()

    assert (client.get("/ready").status_code, client.get("/health").status_code) == (503, 200)
    with client:
        assert client.get("/ready").status_code == 200
    assert client.get("/ready").status_code == 503


def test_a_failure_is_a_500_in_json_that_tells_nothing() -> None:
    """RFC 9457; CWE-209."""
    response = server().post("/mcp", headers=GOOD, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    assert response.status_code == 500
    assert response.json() == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#internal_error",
        "title": "Internal error",
        "status": 500,
        "detail": "the server has failed; its log says where",
        "code": "internal_error",
    }


APP = "https://app.example.com"
PREFLIGHT = {
    "Origin": APP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": (
        "authorization, content-type, last-event-id, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id"
    ),
}


def test_a_preflight_of_an_allowed_page_needs_no_token() -> None:
    """Fetch standard: a preflight never carries one, so CORS stands outside of authentication."""
    with server(allowed_origins=(APP,)) as client:
        response = client.options("/mcp", headers=PREFLIGHT)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == APP
    assert response.headers["access-control-allow-methods"] == "GET, POST, DELETE"
    assert set(response.headers["access-control-allow-headers"].split(", ")) == {
        "Accept",
        "Accept-Language",
        "Authorization",
        "Content-Language",
        "Content-Type",
        "Last-Event-ID",
        "MCP-Protocol-Version",
        "Mcp-Method",
        "Mcp-Name",
        "Mcp-Session-Id",
    }


def test_an_allowed_page_can_read_the_challenge() -> None:
    """Fetch standard: what is not exposed, the page does not see."""
    with server(allowed_origins=(APP,)) as client:
        response = client.post("/mcp", headers={"Origin": APP})

    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == APP
    assert response.headers["access-control-expose-headers"] == (
        "WWW-Authenticate, MCP-Protocol-Version, Mcp-Session-Id, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy"
    )
    assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "GET"])
def test_a_page_that_is_not_allowed_is_told_so_before_anything_else(method: str) -> None:
    """MCP 2026-07-28, transports, security warning."""
    with server() as client:
        response = client.request(method, "/mcp", headers={**PREFLIGHT, **GOOD, "Origin": "https://evil.example"})

    assert response.status_code == 403
    assert response.json()["code"] == "forbidden_origin"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource", "/.well-known/jwks.json"],
)
def test_a_page_of_any_site_can_read_what_is_public(path: str, method: str) -> None:
    """RFC 9728, section 3; a client in a browser starts here, and sends its protocol version along."""
    headers = {
        "Origin": "https://any.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "mcp-protocol-version",
    }
    with server() as client:
        response = client.request(method, path, headers=headers)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/mcp", "/health", "/.well-known/oauth-protected-resource", "/nowhere"])
@pytest.mark.parametrize("credential", [{}, GOOD])
def test_under_a_wrong_name_nothing_is_answered(path: str, credential: dict[str, str]) -> None:
    """RFC 9110, section 15.5.20; with a token or without, the answer is the same."""
    with server() as client:
        response = client.post(path, headers={**credential, "Host": "evil.example"})

    assert response.status_code == 421
    assert response.json()["code"] == "misdirected_host"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sdk_has_no_second_opinion_on_host_and_origin(version: str) -> None:
    """Our choice: what is allowed here is allowed, whatever the SDK's own list would say."""
    names: dict[str, Any] = {"resource_url": "https://mcp.example.com/mcp", "allowed_hosts": ("inside.example:9",)}
    with server(**names, allowed_origins=(APP,)) as client:
        response = post(
            client,
            "tools/list",
            version=version,
            credential=token(aud="https://mcp.example.com/mcp"),
            headers={"Host": "inside.example:9", "Origin": APP},
        )

    assert response.status_code == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_to_a_call_is_private(version: str) -> None:
    """RFC 6750, section 5.3; jwt-checklist 34."""
    with server() as client:
        response = call(client, "echo", {"text": "hi"}, credential=token(), version=version)

    assert response.json()["result"]["structuredContent"] == {"result": "hi"}
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Origin"


def test_headers_that_contradict_the_body_are_refused_by_the_sdk() -> None:
    """MCP 2026-07-28, transports: HeaderMismatch. If the SDK ceases to look, this says so."""
    with server() as client:
        response = call(client, "echo", {"text": "hi"}, credential=token(), headers={"Mcp-Name": "write_file"})

    assert response.status_code == 400
    assert "mcp-name" in response.json()["error"]["message"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_batch_is_no_way_around(version: str) -> None:
    """MCP 2025-06-18 and later: there are no batches."""
    batch = [{"jsonrpc": "2.0", "id": number, "method": "tools/list"} for number in (1, 2)]
    headers = {**GOOD, "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": version}

    with server() as client:
        assert client.post("/mcp", json=batch, headers=headers).status_code == 400


@pytest.mark.parametrize("mode", ["legacy", "auto", MODERN])
def test_the_clients_of_the_sdk_work(tmp_path: Path, mode: str) -> None:
    """MCP 2026-07-28 and the older protocol, through the SDK's own client."""

    async def talk() -> tuple[list[str], Any, Any, str | None]:
        async with _connected(_app(tmp_path), mode, token("mcp:tools files:write")) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            await client.call_tool("write_file", {"name": "note", "content": "hi"})
            read = await client.call_tool("read_file", {"name": "note"})
            failed = await client.call_tool("fail", {})
            return names, read.structured_content, failed.is_error, client.protocol_version

    names, read, failed, version = anyio.run(talk)

    assert names == ["list_files", "read_file", "write_file", "calculate", "echo", "sleep", "fail"]
    assert read == {"result": "hi"}
    assert failed is True
    assert version == (OLDER if mode == "legacy" else MODERN)


@pytest.mark.parametrize("mode", ["legacy", MODERN])
def test_the_clients_of_the_sdk_see_a_missing_scope_as_403(tmp_path: Path, mode: str) -> None:
    """MCP 2026-07-28, runtime insufficient scope: a status and a challenge, not a tool that has gone."""
    seen: list[tuple[int, str]] = []

    async def note(response: httpx2.Response) -> None:
        if response.is_error:
            seen.append((response.status_code, response.headers["www-authenticate"]))

    async def talk() -> None:
        async with _connected(_app(tmp_path), mode, token("mcp:tools"), note) as client:
            with pytest.raises(MCPError):
                await client.call_tool("write_file", {"name": "note", "content": "hi"})

    anyio.run(talk)
    challenge = (
        'Bearer error="insufficient_scope", error_description="the operation needs the scope '
        'files:write mcp:tools:execute mcp:tools:read", scope="files:write mcp:tools:execute mcp:tools:read", '
        f'resource_metadata="{METADATA_URL}"'
    )
    assert seen == [(403, challenge)]


def _app(root: Path) -> ASGIApp:
    return create_app(
        Settings(jwt_secret=SecretBytes(SECRET), files_root=root, store_url=StoreUrl("memory:")), clock=Clock()
    )


@contextlib.asynccontextmanager
async def _connected(app: ASGIApp, mode: str, credential: str, *hooks: Any) -> AsyncIterator[Client]:
    """Connect the SDK's client to an application in this process."""
    http_client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        headers={"Authorization": f"Bearer {credential}"},
        event_hooks={"response": list(hooks)},
    )
    async with (
        _running(app),
        http_client,
        Client(streamable_http_client(RESOURCE, http_client=http_client), mode=mode) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def _running(app: ASGIApp) -> AsyncIterator[None]:
    """Start the application as a server does, and end it."""
    events = {name: anyio.Event() for name in ("startup", "shutdown", "startup.complete", "shutdown.complete")}
    due = iter(("startup", "shutdown"))
    events["startup"].set()

    async def receive() -> Message:
        name = next(due)
        await events[name].wait()
        return {"type": f"lifespan.{name}"}

    async def send(message: Message) -> None:
        events[message["type"].removeprefix("lifespan.")].set()

    async def live() -> None:
        await app({"type": "lifespan", "state": {}}, receive, send)

    async with anyio.create_task_group() as group:
        group.start_soon(live)
        await events["startup.complete"].wait()
        yield
        events["shutdown"].set()


@pytest.mark.parametrize("path", ["/mcp", "/health", "/ready", "/nowhere", "/.well-known/oauth-protected-resource"])
def test_without_authentication_every_answer_says_so(path: str) -> None:
    """Our choice: nobody forgets it."""
    with server(auth_enabled=False, jwt_secret=None) as client:
        answers = [client.get(path), client.get(path, headers={"Host": "evil.example"})]

    assert [answer.headers["mcp-auth"] for answer in answers] == ["disabled", "disabled"]


@pytest.mark.parametrize("version", VERSIONS)
def test_without_authentication_everybody_on_this_machine_is_let_in(version: str) -> None:
    """Our choice: that, and nothing else, is what the setting does."""
    with server(auth_enabled=False, jwt_secret=None) as client:
        assert post(client, "tools/list", version=version).status_code == 200
        assert client.get("/health").json() == {"status": "ok", "authentication": "disabled"}
        assert client.get("/ready").json()["authentication"] == "disabled"
        assert client.get("/.well-known/oauth-protected-resource").status_code == 404


def test_with_authentication_no_answer_says_it_is_off() -> None:
    """Our choice: the header means one thing."""
    with server() as client:
        assert "mcp-auth" not in client.get("/health").headers


def test_without_authentication_a_failure_says_so_too() -> None:
    """Our choice: every answer."""
    response = server(auth_enabled=False).post("/mcp", json={})

    assert response.status_code == 500
    assert response.headers["mcp-auth"] == "disabled"


def test_without_authentication_only_loopback_is_listened_on() -> None:
    """Our choice: refused before anything listens."""
    with pytest.raises(ConfigurationError) as refused:
        serve(Settings(auth_enabled=False), host="0.0.0.0")

    assert str(refused.value) == (
        "MCP_AUTH_ENABLED: it is false, and 0.0.0.0 is not loopback. Set it to true, or listen on 127.0.0.1"
    )


def test_without_a_secret_nothing_starts() -> None:
    """Our choice: no secret is chosen for you."""
    with pytest.raises(ConfigurationError) as refused:
        create_app(Settings())

    assert refused.value.setting == "MCP_JWT_SECRET"


def test_several_issuers_are_all_named_in_the_metadata(tmp_path: Path) -> None:
    """RFC 9728, section 2: every authorization server whose tokens are accepted."""
    (tmp_path / "login.secret").write_text("another-secret-of-more-than-32-bytes", encoding="utf-8")
    login = {"issuer": "https://login.example", "algorithms": ["HS256"], "secret_file": tmp_path / "login.secret"}
    foreign = token(iss="https://login.example", secret=b"another-secret-of-more-than-32-bytes")

    with server(issuers=(login,)) as client:
        metadata = client.get("/.well-known/oauth-protected-resource").json()
        statuses = [post(client, "tools/list", credential=each).status_code for each in (token(), foreign)]

    assert metadata["authorization_servers"] == [ORIGIN, "https://login.example"]
    assert statuses == [200, 200]


@contextlib.contextmanager
def _process(
    tmp_path: Path, program: Sequence[str] = PROGRAM, **environment: str
) -> Iterator[tuple["subprocess.Popen[bytes]", int, Path]]:
    """Run the command `serve` as a user does; give the process, its port, and the file that has its standard error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    log = tmp_path / "log"
    variables = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "MCP_JWT_SECRET": SECRET.decode(),
        "MCP_RESOURCE_URL": f"http://127.0.0.1:{port}/mcp",
        **environment,
    }
    command = [*program, "serve", "--port", str(port)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, env=variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=stderr)
        try:
            _wait(process, port)
            yield process, port, log
        finally:
            process.kill()
            process.communicate()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            if _get(port, "/ready").status == 200:
                return
        assert process.poll() is None
        time.sleep(0.05)
    pytest.fail("the server did not become ready")


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


def _get(port: int, path: str, **headers: str) -> http.client.HTTPResponse:
    with contextlib.closing(_connect(port)) as connection:
        connection.request("GET", path, headers={"Connection": "close", **headers})
        response = connection.getresponse()
        response.read()
        return response


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_says_where_it_is_and_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Our choice: what a user needs next stands on standard error, and a stop that was asked for is no failure."""
    with _process(tmp_path) as (process, port, log):
        folders = list(tmp_path.glob("mcp-auth-ref-*"))
        process.send_signal(number)
        code = process.wait(10)

    assert code == 0
    assert [path.exists() for path in folders] == [False]
    url = f"http://127.0.0.1:{port}/mcp"
    assert log.read_text() == (
        "Warning: MCP_JWT_SECRET is the secret that the guide publishes: whoever reads it can sign tokens\n"
        f"listens on  {url}\n"
        f"gateway     http://127.0.0.1:{port}/api/v1/mcp\n"
        "servers     demo\n"
        f"resource    {url}\n"
        f"called as   127.0.0.1:{port}\n"
        "issuer      http://127.0.0.1:8765\n"
        "algorithm   HS256\n"
        "files       a folder that lasts as long as the server; MCP_FILES_ROOT names another\n"
        "token       generate-mcp-token --user-id you\n"
    )


def test_the_log_of_the_process_has_no_token_no_query_and_no_probe(tmp_path: Path) -> None:
    """jwt-checklist 32; RFC 6750, section 5.3: people put tokens into addresses."""
    credential = token()
    with _process(tmp_path) as (_, port, log):
        answers = [
            _get(port, f"/mcp?access_token={credential}"),
            _get(port, "/mcp?a=b", Authorization=f"Bearer {credential}"),
            _get(port, "/health"),
        ]
        text = log.read_text()

    assert [answer.status for answer in answers] == [401, 401, 200]
    assert credential not in text
    assert '"GET /mcp HTTP/1.1" 401' in text
    assert "access_token" not in text
    assert "/health" not in text
    assert [name for answer in answers for name, _ in answer.getheaders() if name.lower() == "server"] == []


@pytest.mark.parametrize("form", ["/mcp/{}", "/{}/mcp", "/mcp%3Faccess_token={}", "/mcp;access_token={}"])
def test_the_log_of_the_process_has_no_token_that_stood_in_a_path(tmp_path: Path, form: str) -> None:
    """jwt-checklist 32: a token in an address leads nowhere, and is no less a token."""
    credential = token()
    with _process(tmp_path) as (_, port, log):
        answer = _get(port, form.format(credential))
        text = log.read_text()

    assert answer.status == 404
    assert credential not in text
    assert "…" in text


def test_what_a_caller_makes_the_log_say_looks_like_no_line_of_its_own() -> None:
    """CWE-117: libraries log names as callers have sent them."""
    said = "no prompt x\n2026-11-22 12:00:00,000 INFO all is well\x1b[2J\x9b2J"
    record = logging.LogRecord("mcp", logging.WARNING, "", 0, said, None, None)

    line = PlainFormatter("%(levelname)s %(message)s").format(record)

    assert line == "WARNING no prompt x\n    2026-11-22 12:00:00,000 INFO all is well\\x1b[2J\\x9b2J"


@pytest.mark.parametrize("size", [64 * 1024, 1024 * 1024])
def test_headers_beyond_all_measure_are_refused_and_the_process_lives_on(tmp_path: Path, size: int) -> None:
    """RFC 9110, section 5.4: the longest token we read is 8 KiB; the connection may end before all has been said."""
    with _process(tmp_path) as (_, port, _log):
        try:
            status = _get(port, "/mcp", Authorization="Bearer " + "x" * size).status
        except OSError:
            status = 0

        assert status in {0, 400, 401, 431}
        assert _get(port, "/mcp", Authorization="Bearer " + "x" * 8192).status == 401
        assert _get(port, "/health").status == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: 127.0.0.1:{}\r\nHost: evil.example\r\n"])
def test_what_is_no_http_is_refused_in_a_line_of_text(tmp_path: Path, hosts: bytes) -> None:
    """RFC 9112, section 3.2: a request without the one Host it must have is refused, whatever else it brings."""
    with _process(tmp_path) as (_, port, _log), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + hosts.replace(b"{}", b"%d" % port) + b"\r\n")
        with connection.makefile("rb") as answer:
            text = answer.read()

    assert text.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n")
    assert text.endswith(b"\r\n\r\nInvalid HTTP request received.")


def test_who_says_nothing_loses_the_connection(tmp_path: Path) -> None:
    """CWE-400, Slowloris: the process has a limited number of places."""
    with _process(tmp_path, (sys.executable, "-c", HURRIED)) as (_, port, _log):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\n")
            answer = connection.recv(1)
        status = _get(port, "/health").status

    assert answer == b""
    assert status == 200


def test_small_answers_are_sent_at_once(tmp_path: Path) -> None:
    """Our choice: on a connection that stays open, no answer waits 40 ms for an acknowledgement (RFC 896)."""
    with _process(tmp_path) as (_, port, _log), contextlib.closing(_connect(port)) as connection:
        waits = [_wait_for_an_answer(connection) for _ in range(21)]

    assert statistics.median(waits) < 0.03


def _wait_for_an_answer(connection: http.client.HTTPConnection) -> float:
    started = time.monotonic()
    connection.request("GET", "/health")
    connection.getresponse().read()
    return time.monotonic() - started


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """Our choice: exit code 2, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ConfigurationError) as refused:
        serve(Settings(auth_enabled=False), port=listener.getsockname()[1])

    assert refused.value.setting == "--port"
    assert refused.value.problem.endswith("Address already in use")
