"""What the page on protecting a server says; what it says of the bridges one by one is in tests/integrations."""

import re
import runpy
import secrets
import time
import tomllib
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocketDisconnect

from mcp_auth_ref import (
    ROLES,
    KeySet,
    Settings,
    SigningKey,
    TokenIssuer,
    VerifiedTokenCache,
    issuer_from,
    keyfiles,
    verifier_from,
)
from mcp_auth_ref.integrations.asgi import protected
from mcp_auth_ref.integrations.mcp_sdk import KnownToSdk
from tests.guide.conftest import ROOT
from tests.integrations.calls import answer_of, call_tool, client_of

CHALLENGE = (
    'Bearer scope="mcp:tools:execute", '
    'resource_metadata="http://127.0.0.1:8765/.well-known/oauth-protected-resource/mcp"'
)
KINDS = {"sdk": "/mcp", "fastmcp": "/mcp", "fastapi": "/greeting", "asgi": "/greeting"}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Stand in the folder that the page's first block has prepared."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_SECRET", secrets.token_urlsafe(32))
    return Settings.load()


def app_of(snippet: str) -> ASGIApp:
    """Make the application of a snippet anew: an SDK server runs once."""
    app: ASGIApp = runpy.run_path(str(ROOT / "snippets" / "protect" / f"{snippet}.py"))["app"]
    return app


def token_of(settings: Settings, *, subject: str = "ada", scopes: tuple[str, ...] = ROLES["user"]) -> str:
    """Issue what `generate-mcp-token --user-id ada` does."""
    return issuer_from(settings).issue(
        subject=subject, client_id="cli", scopes=scopes, now=int(time.time()), token_id=secrets.token_urlsafe(16)
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_extras_bring_what_the_page_says() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {extra: {re.split(r"\W", package)[0] for package in packages} for extra, packages in extras.items()}

    assert names["server"] >= {"mcp", "starlette", "uvicorn", "fastapi"}
    assert names["fastmcp"] == {"fastmcp"}


@pytest.mark.parametrize(("snippet", "path"), KINDS.items())
def test_every_kind_sends_the_same_challenge_and_publishes_the_metadata_it_leads_to(snippet: str, path: str) -> None:
    with client_of(app_of(snippet)) as client:
        refused = client.get(path)
        metadata = [client.get(f"/.well-known/oauth-protected-resource{end}").json() for end in ("", "/mcp")]

    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, CHALLENGE)
    assert refused.headers["content-type"] == "application/problem+json"
    assert metadata[0] == metadata[1]
    assert metadata[0]["resource"] == "http://127.0.0.1:8765/mcp"
    assert metadata[0]["authorization_servers"] == ["http://127.0.0.1:8765"]


@pytest.mark.parametrize("snippet", ["sdk", "fastmcp"])
def test_a_tool_learns_who_is_calling(snippet: str, settings: Settings) -> None:
    with client_of(app_of(snippet)) as client:
        assert answer_of(call_tool(client, token_of(settings), tool="greet")) == "Hello, ada."


@pytest.mark.parametrize("snippet", ["fastapi", "asgi"])
def test_an_endpoint_learns_who_is_calling(snippet: str, settings: Settings) -> None:
    with client_of(app_of(snippet)) as client:
        assert "Hello, ada." in client.get("/greeting", headers=bearer(token_of(settings))).text


@pytest.mark.parametrize(("snippet", "path"), KINDS.items())
def test_a_token_of_another_secret_gets_into_none_of_them(snippet: str, path: str, settings: Settings) -> None:
    forged = TokenIssuer(
        settings.issuer, settings.resource_url, KeySet([SigningKey.from_secret(secrets.token_bytes(32))])
    )
    token = forged.issue(
        subject="ada", client_id="cli", scopes=ROLES["user"], now=int(time.time()), token_id=secrets.token_urlsafe(16)
    )

    with client_of(app_of(snippet)) as client:
        assert client.get(path, headers=bearer(token)).json()["code"] == "invalid_token"


def test_with_a_key_pair_the_program_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keyfiles.write(tmp_path / "keys.json", KeySet([keyfiles.generate("EdDSA")]))
    monkeypatch.setenv("MCP_JWT_ALGORITHM", "EdDSA")
    monkeypatch.setenv("MCP_KEYS_FILE", "keys.json")

    with client_of(app_of("asgi")) as client:
        assert client.get("/greeting", headers=bearer(token_of(Settings.load()))).text == "Hello, ada.\n"


def session_of(client: TestClient, token: str) -> str:
    """Open a session, as clients of the protocol before 2026-07-28 do."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    accept = {"Accept": "application/json, text/event-stream"}
    return client.post("/mcp", json=message, headers={**accept, **bearer(token)}).headers["mcp-session-id"]


@pytest.mark.parametrize("snippet", ["sdk", "fastmcp"])
def test_nobody_goes_on_with_the_session_of_somebody_else(snippet: str, settings: Settings) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with client_of(app_of(snippet)) as client:
        common = {
            "Accept": "application/json, text/event-stream",
            "Mcp-Session-Id": session_of(client, token_of(settings)),
        }
        statuses = [
            client.post(
                "/mcp", json=ping, headers={**common, **bearer(token_of(settings, subject=subject))}
            ).status_code
            for subject in ("ada", "bob")
        ]

    assert statuses == [200, 404]


def test_known_to_sdk_outside_the_guard_answers_nothing(settings: Settings) -> None:
    with client_of(KnownToSdk(app_of("sdk"))) as client, pytest.raises(RuntimeError, match="inside RequireToken"):
        call_tool(client, token_of(settings), tool="greet")


def test_a_tool_with_a_scope_of_its_own_asks_for_everything_at_once_and_then_lets_in(settings: Settings) -> None:
    with client_of(app_of("tools")) as client:
        refused = call_tool(client, token_of(settings), tool="write_note")
        asked_for = tuple(refused.json()["required_scopes"])
        allowed = call_tool(client, token_of(settings, scopes=asked_for), tool="write_note")

    assert refused.status_code == 403
    assert asked_for == ("mcp:tools:execute", "mcp:tools:read", "notes:write")
    assert allowed.status_code == 200


def test_fastapi_as_a_whole_can_be_wrapped_like_any_other(settings: Settings) -> None:
    app = protected(
        FastAPI(),
        verifier=verifier_from(settings),
        resource=settings.resource_url,
        authorization_servers=[settings.issuer],
    )

    with client_of(app) as client:
        assert client.get("/docs").status_code == 401
        assert client.get("/docs", headers=bearer(token_of(settings))).status_code == 200


def test_a_path_that_does_not_exist_is_guarded_too() -> None:
    with client_of(app_of("asgi")) as client:
        assert client.get("/elsewhere").status_code == 401


def test_websockets_are_refused(settings: Settings) -> None:
    with (
        client_of(app_of("asgi")) as client,
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("/greeting", headers=bearer(token_of(settings))),
    ):
        pass

    assert refused.value.code == 1008


def test_the_cache_goes_where_a_verifier_goes(settings: Settings) -> None:
    cache = VerifiedTokenCache(verifier_from(settings))
    app = protected(FastAPI(), verifier=cache, resource=settings.resource_url, authorization_servers=[settings.issuer])
    token = token_of(settings)

    with client_of(app) as client:
        assert [client.get("/docs", headers=bearer(token)).status_code for _ in range(2)] == [200, 200]
    assert len(cache) == 1


def test_the_guard_refuses_what_its_cache_knows_to_be_revoked(settings: Settings) -> None:
    cache = VerifiedTokenCache(verifier_from(settings), revoked=lambda claims: claims.subject == "ada")
    app = protected(FastAPI(), verifier=cache, resource=settings.resource_url, authorization_servers=[settings.issuer])

    with client_of(app) as client:
        ada, bob = (client.get("/docs", headers=bearer(token_of(settings, subject=who))) for who in ("ada", "bob"))

    assert (ada.status_code, ada.json()["code"], bob.status_code) == (401, "token_revoked", 200)
