"""A server with clients, and what its clients send."""

import base64
from collections.abc import Callable, Iterable
from typing import Any

import httpx2
from starlette.testclient import TestClient

from mcp_auth_ref.core.clients import digest
from mcp_auth_ref.core.grants import RefreshPolicy
from mcp_auth_ref.core.tokens import TokenIssuer
from mcp_auth_ref.refresh import Issued, RefreshTokens
from mcp_auth_ref.settings import ClientSettings
from mcp_auth_ref.stores import Store
from tests.server.world import ISSUER, KEYS, NOW, RESOURCE, Clock, server

ROBOT = "build-robot"
ROBOT_SECRET = "robot-secret-for-tests-0123456789-abcdef"
SCOPES = ("mcp:tools:read", "mcp:tools:execute")
CLIENTS = (
    ClientSettings(id=ROBOT, secret_sha256=digest(ROBOT_SECRET).hex(), scopes=SCOPES),
    ClientSettings(id="pair robot", secret_sha256=digest(ROBOT_SECRET).hex(), scopes=SCOPES, refresh=True),
    ClientSettings(id="page", public=True),
)


def oauth_server(*, clock: Clock | None = None, **settings: Any) -> TestClient:
    """Give a client of a server that knows three clients."""
    return server(clock=clock, clients=CLIENTS, **settings)


def basic(client_id: str = ROBOT, secret: str = ROBOT_SECRET) -> dict[str, str]:
    """Give the header by which a client proves who it is."""
    credentials = f"{httpx2.QueryParams({'': client_id})}"[1:] + ":" + f"{httpx2.QueryParams({'': secret})}"[1:]
    return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def post_form(
    client: TestClient, path: str, form: dict[str, str], headers: dict[str, str] | None = None
) -> httpx2.Response:
    """Send a form."""
    return client.post(path, data=form, headers=headers or {})


def refresh(client: TestClient, token: str, *, client_id: str = "page", **more: str) -> httpx2.Response:
    """Redeem a refresh token as a public client does."""
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id, **more}
    return post_form(client, "/token", form)


def refresh_tokens(store: Store, *, policy: RefreshPolicy | None = None) -> RefreshTokens:
    """Give what issues pairs into a store."""
    return RefreshTokens(issuer=lambda: TokenIssuer(ISSUER, RESOURCE, KEYS), store=store, policy=policy)


def pair(
    store: Store, *, client_id: str = "page", subject: str = "ada", scopes: Iterable[str] = SCOPES, now: float = NOW
) -> Issued:
    """Issue a first pair into a store, as the command does."""
    return refresh_tokens(store).start(subject=subject, client_id=client_id, scopes=tuple(scopes), now=now)


def secret_of(issued: Issued) -> str:
    """Give the refresh token that is there."""
    assert issued.refresh_token is not None
    return issued.refresh_token


Deed = Callable[[TestClient], httpx2.Response]
