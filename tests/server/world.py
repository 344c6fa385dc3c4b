"""A small world to test servers in: keys, a clock to move by hand, tokens with any flaw, and a client in process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import jwt
from pydantic import SecretBytes
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_auth_ref import Claims, KeySet, Settings, SigningKey, TokenVerifier, create_app

NOW = 1_795_000_000
ORIGIN = "http://127.0.0.1:8765"
ISSUER = ORIGIN
RESOURCE = f"{ORIGIN}/mcp"
METADATA_URL = f"{ORIGIN}/.well-known/oauth-protected-resource/mcp"
SECRET = b"demonstration-secret-never-use-it-in-production"
KEYS = KeySet([SigningKey.from_secret(SECRET)])
VERIFIER = TokenVerifier(ISSUER, RESOURCE, KEYS)


@dataclass
class Clock:
    """Says what time it is; move it by hand."""

    now: float = NOW

    def __call__(self) -> float:
        """Say it."""
        return self.now


def token(scope: str = "mcp:tools:read mcp:tools:execute", *, secret: bytes = SECRET, **claims: Any) -> str:
    """Sign a good access token, or one with the given claims in place of the good ones; None leaves a claim out."""
    payload = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": RESOURCE,
        "client_id": "tests",
        "scope": scope,
        "iat": NOW,
        "exp": NOW + 3600,
        "jti": "JhAVKVcAcGQLn8Q1C2lFTg",
    } | claims
    kept = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(kept, secret, headers={"typ": "at+jwt"})


def bearer(*credentials: str) -> list[tuple[str, str]]:
    """Give the headers that carry tokens: one `Authorization` each."""
    return [("Authorization", f"Bearer {credential}") for credential in credentials]


def ask(
    app: ASGIApp,
    path: str = "/mcp",
    *,
    method: str = "POST",
    headers: Iterable[tuple[str, str]] = (),
    content: bytes = b"",
) -> httpx2.Response:
    """Send one request to an application in this process."""

    async def send() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN) as client:
            return await client.request(method, path, headers=list(headers), content=content)

    return anyio.run(send)


@dataclass
class Recorder:
    """An application that answers 200 and keeps what it was asked."""

    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"text/plain"),)
    scope: Scope | None = None

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer, and keep what was asked."""
        self.scope = scope
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": list(self.headers)})
            await send({"type": "http.response.body", "body": b"reached"})

    @property
    def claims(self) -> Claims:
        """The claims that came with the last request."""
        assert self.scope is not None
        claims = self.scope["state"]["claims"]
        assert isinstance(claims, Claims)
        return claims


def server(root: Path | None = None, *, clock: Clock | None = None, **settings: Any) -> TestClient:
    """Give a client of the whole server; the server runs while the client is open."""
    quiet: dict[str, Any] = {"store_url": "memory:", "audit_enabled": False}
    complete = Settings(**{"jwt_secret": SecretBytes(SECRET), "files_root": root, **quiet, **settings})
    return client_of(create_app(complete, clock=clock or Clock()))


def client_of(app: ASGIApp) -> TestClient:
    """Give a client that calls an application over loopback, and sees redirects and failures as a stranger does."""
    return TestClient(
        app,
        base_url=ORIGIN,
        client=("127.0.0.1", 50000),
        follow_redirects=False,
        raise_server_exceptions=False,
    )


MODERN = "2026-07-28"
OLDER = "2025-11-25"
VERSIONS = (MODERN, OLDER)


def post(
    client: TestClient,
    method: str,
    params: Mapping[str, Any] | None = None,
    *,
    credential: str | None = None,
    version: str = MODERN,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """Send one MCP message, as a client of that version of the protocol does."""
    content: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params or {})}
    sent = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": version}
    if version == MODERN:
        content["params"]["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        sent["Mcp-Method"] = method
        sent |= {"Mcp-Name": name} if (name := content["params"].get("name")) else {}
    if credential is not None:
        sent["Authorization"] = f"Bearer {credential}"
    return client.post("/mcp", json=content, headers={**sent, **(headers or {})})


def call(
    client: TestClient, tool: str, arguments: Mapping[str, Any] | None = None, *, version: str = MODERN, **more: Any
) -> httpx2.Response:
    """Call a tool."""
    return post(client, "tools/call", {"name": tool, "arguments": dict(arguments or {})}, version=version, **more)
