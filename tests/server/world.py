"""A small world to test servers in: keys, a clock to move by hand, tokens with any flaw, and a client in process."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2
import jwt
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_auth_ref import Claims, KeySet, SigningKey, TokenVerifier

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
