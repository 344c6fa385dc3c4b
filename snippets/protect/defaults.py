"""Ask four servers about tokens that all have the right signature, and print the status of each answer."""

import logging
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.shared.exceptions import MCPDeprecationWarning
from pydantic import AnyHttpUrl
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from mcp_auth_ref import KeySet, RequireToken, SigningKey, TokenVerifier

SECRET = "demonstration-secret-never-use-it-in-production"
ISSUER = "http://127.0.0.1:8765"
RESOURCE = f"{ISSUER}/mcp"
NOW = int(time.time())
GOOD = {"iss": ISSUER, "sub": "alice", "aud": RESOURCE, "client_id": "editor", "iat": NOW, "exp": NOW + 600, "jti": "1"}


def signed(typ: str = "at+jwt", **changes: object) -> str:
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return jwt.encode(claims, SECRET, headers={"typ": typ})


TOKENS = {
    "with nothing wrong": signed(),
    "issued for another server": signed(aud="http://127.0.0.1:9999/mcp"),
    "without `exp`, good for ever": signed(exp=None),
    "not valid for another hour (`nbf`)": signed(nbf=NOW + 3600),
    "of another kind (`typ: JWT`)": signed(typ="JWT"),
    "of nobody (no `sub`)": signed(sub=None),
    "that is an ID token": signed(typ="JWT", aud="editor", client_id=None, jti=None, nonce="8f1c"),
}


class PyJwtVerifier:
    """The SDK brings no verifier: this one checks the signature and the dates, and reports the rest."""

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            said = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None
        return AccessToken(
            token=token,
            client_id=said.get("client_id", ""),
            scopes=[],
            expires_at=said.get("exp"),
            resource=said["aud"],
        )


def sdk() -> ASGIApp:
    auth = AuthSettings(issuer_url=AnyHttpUrl(ISSUER), resource_server_url=AnyHttpUrl(RESOURCE))
    return MCPServer("Default", token_verifier=PyJwtVerifier(), auth=auth).streamable_http_app()


def fastmcp() -> ASGIApp:
    return FastMCP("Default", auth=JWTVerifier(public_key=SECRET, algorithm="HS256", issuer=ISSUER)).http_app()


def fastapi() -> ASGIApp:
    app = FastAPI()

    @app.post("/mcp")
    def endpoint(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> None:
        try:
            jwt.decode(bearer.credentials, SECRET, algorithms=["HS256"], audience=RESOURCE)
        except jwt.InvalidTokenError as error:
            raise HTTPException(401) from error

    return app


def guarded() -> ASGIApp:
    verifier = TokenVerifier(ISSUER, RESOURCE, KeySet([SigningKey.from_secret(SECRET.encode())]))
    app = MCPServer("Guarded").streamable_http_app()
    return RequireToken(app, verifier=verifier, metadata_url=f"{ISSUER}/.well-known/oauth-protected-resource/mcp")


SERVERS: dict[str, Callable[[], ASGIApp]] = {
    f"`mcp` {version('mcp')} and PyJWT": sdk,
    f"FastMCP {version('fastmcp')}": fastmcp,
    f"FastAPI {version('fastapi')} and PyJWT": fastapi,
    "the guard": guarded,
}


def statuses(app: ASGIApp) -> list[str]:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "defaults", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    with TestClient(app, base_url=ISSUER, headers={"Accept": "application/json, text/event-stream"}) as client:
        answers = [client.post("/mcp", json=message, headers={"Authorization": f"Bearer {t}"}) for t in TOKENS.values()]
    return [str(answer.status_code) for answer in answers]


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore", MCPDeprecationWarning)  # the SDK says that it does not compare the resource
    answers = {name: statuses(make()) for name, make in SERVERS.items()}
    print("| a token", *answers, sep=" | ", end=" |\n")
    print("|---" * (len(answers) + 1), end="|\n")
    for token, *given in zip(TOKENS, *answers.values(), strict=True):
        print("|", " | ".join([token, *(status if status == given[-1] else f"**{status}**" for status in given)]), "|")


if __name__ == "__main__":
    main()
