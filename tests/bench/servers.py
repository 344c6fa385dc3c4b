"""The applications that the request benchmark puts under load: `uvicorn tests.bench.servers:NAME`."""

import json
from typing import TYPE_CHECKING

import jwt
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl

from mcp_auth_ref import KeySet, RequireToken, SigningKey, TokenVerifier, VerifiedTokenCache
from tests.bench.tokens import ISSUER, REQUIRED, RESOURCE, SECRET

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

METADATA = f"{ISSUER}/.well-known/oauth-protected-resource/mcp"
_ANSWER = json.dumps({"answer": 42}).encode()


async def plain(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Answer everything with a small JSON document: the floor under every ratio."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


def _guarded(*, cached: bool) -> "ASGIApp":
    verifier = TokenVerifier(ISSUER, RESOURCE, KeySet([SigningKey.from_secret(SECRET)]))
    return RequireToken(
        plain,
        verifier=VerifiedTokenCache(verifier) if cached else verifier,
        metadata_url=METADATA,
        scopes=["mcp:tools:read"],
    )


async def pyjwt(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Guard `plain` the way most tutorials do: PyJWT's `decode` at each request."""
    if scope["type"] != "http":
        return
    token = dict(scope["headers"])[b"authorization"].removeprefix(b"Bearer ").decode()
    _decode(token)
    await plain(scope, receive, send)


def _decode(token: str) -> dict[str, object]:
    return jwt.decode(
        token,
        SECRET,
        algorithms=["HS256"],
        audience=RESOURCE,
        issuer=ISSUER,
        options={"require": list(REQUIRED)},
    )


class _PyJWTVerifier:
    async def verify_token(self, token: str) -> AccessToken | None:
        claims = _decode(token)
        return AccessToken(
            token=token,
            client_id=str(claims["client_id"]),
            scopes=str(claims["scope"]).split(),
            expires_at=int(str(claims["exp"])),
            resource=RESOURCE,
        )


def _sdk(*, guarded: bool) -> "ASGIApp":
    server = MCPServer("bench")
    if guarded:
        settings = AuthSettings(
            issuer_url=AnyHttpUrl(ISSUER),
            resource_server_url=AnyHttpUrl(RESOURCE),
            required_scopes=["mcp:tools:read"],
            validate_token_resource=True,
        )
        server = MCPServer("bench", token_verifier=_PyJWTVerifier(), auth=settings)
    server.tool()(echo)
    return server.streamable_http_app(json_response=True, stateless_http=True)


def _fastmcp(*, guarded: bool) -> "ASGIApp":
    auth = JWTVerifier(public_key=SECRET, issuer=ISSUER, audience=RESOURCE, algorithm="HS256") if guarded else None
    server = FastMCP("bench", auth=auth)
    server.tool()(echo)
    return server.http_app(json_response=True, stateless_http=True)


def echo(text: str) -> str:
    """Give the text back."""
    return text


ours = _guarded(cached=False)
ours_cached = _guarded(cached=True)
sdk = _sdk(guarded=False)
sdk_pyjwt = _sdk(guarded=True)
fastmcp = _fastmcp(guarded=False)
fastmcp_jwt = _fastmcp(guarded=True)
