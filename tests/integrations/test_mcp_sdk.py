"""What a server of the MCP SDK lets in by itself, and what it lets in behind our guard."""

import time
from typing import Any

import anyio
import jwt
import pytest
from httpx2 import Response
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.shared.exceptions import MCPDeprecationWarning
from pydantic import AnyHttpUrl
from starlette.testclient import TestClient

from mcp_auth_ref import RequireToken
from mcp_auth_ref.integrations.mcp_sdk import KnownToSdk, SdkVerifier
from tests.integrations.calls import answer_of, call_tool, client_of
from tests.integrations.tokens import FLAWS, ISSUER, METADATA_URL, RESOURCE, SECRET, VERIFIER, flawed, good


class PyJwtVerifier:
    """A verifier as many write it, for the SDK brings none: the signature, the dates, and the SDK does the rest."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """Decode with PyJWT and report who the token was issued for."""
        try:
            claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None
        return AccessToken(
            token=token,
            client_id=claims.get("client_id", ""),
            scopes=claims.get("scope", "").split(),
            expires_at=claims.get("exp"),
            resource=claims["aud"],
            subject=claims.get("sub"),
        )


def server_with(verifier: TokenVerifier, **settings: Any) -> MCPServer:
    """Make a server with one tool, which says whom the token speaks for."""
    auth = AuthSettings(issuer_url=AnyHttpUrl(ISSUER), resource_server_url=AnyHttpUrl(RESOURCE), **settings)
    server = MCPServer("Reports", token_verifier=verifier, auth=auth)
    server.tool()(whoami)
    return server


def whoami() -> str:
    """Name the subject of the token."""
    token = get_access_token()
    return str(token and token.subject)


@pytest.mark.parametrize("flaw", [flaw for flaw in FLAWS if flaw != "nbf an hour ahead"])
def test_the_sdk_by_default_lets_in_a_token(flaw: str) -> None:
    """`mcp` 2.3.0: the SDK compares the resource on demand only, and leaves the rest to the verifier."""
    with pytest.warns(MCPDeprecationWarning, match="validate_token_resource"):
        server = server_with(PyJwtVerifier())

    with client_of(server.streamable_http_app()) as client:
        assert call_tool(client, flawed(flaw)).status_code == 200


def test_the_sdk_by_default_blames_a_token_that_nobody_sent() -> None:
    """`mcp` 2.3.0; RFC 6750, section 3.1, wants no `error` there, and the specification a `scope`."""
    server = server_with(PyJwtVerifier(), required_scopes=["mcp:tools:read"], validate_token_resource=True)

    with client_of(server.streamable_http_app()) as client:
        challenge = call_tool(client).headers["www-authenticate"]

    assert challenge == (
        f'Bearer error="invalid_token", error_description="Authentication required", resource_metadata="{METADATA_URL}"'
    )


def test_the_sdk_by_default_names_one_missing_scope_in_prose() -> None:
    """`mcp` 2.3.0; the specification wants every scope that the operation needs, in `scope`."""
    server = server_with(PyJwtVerifier(), required_scopes=["files:read", "files:write"], validate_token_resource=True)

    with client_of(server.streamable_http_app()) as client:
        refused = call_tool(client, good())

    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="Required scope: files:read", '
        f'resource_metadata="{METADATA_URL}"'
    )


def guarded(*scopes: str) -> RequireToken:
    """Put our guard around the same server, which then needs no settings of its own."""
    server = MCPServer("Reports")
    server.tool()(whoami)
    app = KnownToSdk(server.streamable_http_app())
    return RequireToken(app, verifier=VERIFIER, metadata_url=METADATA_URL, scopes=scopes)


def test_the_tool_knows_whose_token_the_guard_has_let_in() -> None:
    with client_of(guarded("mcp:tools:read")) as client:
        assert answer_of(call_tool(client, good())) == "alice"


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_guard_refuses_a_token(flaw: str) -> None:
    with client_of(guarded()) as client:
        assert call_tool(client, flawed(flaw)).status_code == 401


def test_the_guard_blames_nobody_for_a_token_not_sent_and_names_the_scopes_to_ask_for() -> None:
    """RFC 6750, section 3.1; the specification's scope selection."""
    with client_of(guarded("mcp:tools:read")) as client:
        refused = call_tool(client)

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == f'Bearer scope="mcp:tools:read", resource_metadata="{METADATA_URL}"'


def test_the_guard_names_every_missing_scope_in_one_challenge() -> None:
    """RFC 6750, section 3.1; the specification's scope challenge."""
    with client_of(guarded("files:read", "files:write")) as client:
        refused = call_tool(client, good())

    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="the operation needs the scope files:read files:write", '
        f'scope="files:read files:write", resource_metadata="{METADATA_URL}"'
    )


def open_session(client: TestClient, token: str) -> str:
    """Open a session, as clients of the older protocol do."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    return post(client, token, "initialize", hello).headers["mcp-session-id"]


def post(client: TestClient, token: str, method: str, params: dict[str, Any], **headers: str) -> Response:
    """Send a message of the older protocol."""
    accepted = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {token}"}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return client.post("/mcp", json=message, headers={**accepted, **headers})


def test_a_session_belongs_to_who_opened_it() -> None:
    """The specification's session hijacking; the SDK keeps sessions apart once it knows whose they are."""
    with client_of(guarded()) as client:
        session = {"Mcp-Session-Id": open_session(client, good())}

        assert post(client, good(jti="another"), "ping", {}, **session).status_code == 200
        assert post(client, good(sub="bob"), "ping", {}, **session).status_code == 404


def test_the_sdk_shares_sessions_among_users_it_is_not_told_of() -> None:
    """`mcp` 2.3.0; this is what `KnownToSdk` is for."""
    app = RequireToken(MCPServer("Reports").streamable_http_app(), verifier=VERIFIER, metadata_url=METADATA_URL)

    with client_of(app) as client:
        session = {"Mcp-Session-Id": open_session(client, good())}

        assert post(client, good(sub="bob"), "ping", {}, **session).status_code == 200


def test_without_a_guard_around_it_nobody_is_known_and_nothing_is_served() -> None:
    """Our choice: the wrong order of the two is an error, not a server without sessions of one's own."""
    with (
        client_of(KnownToSdk(MCPServer("Reports").streamable_http_app())) as client,
        pytest.raises(RuntimeError, match="inside RequireToken"),
    ):
        call_tool(client, good())


def strictly_verified(**settings: Any) -> MCPServer:
    return server_with(SdkVerifier(VERIFIER), validate_token_resource=False, **settings)


def test_in_the_place_of_the_sdk_the_verifier_tells_the_tool_whose_token_it_is() -> None:
    with client_of(strictly_verified().streamable_http_app()) as client:
        assert answer_of(call_tool(client, good())) == "alice"


@pytest.mark.parametrize("flaw", FLAWS)
def test_in_the_place_of_the_sdk_the_verifier_refuses_a_token(flaw: str) -> None:
    with client_of(strictly_verified().streamable_http_app()) as client:
        assert call_tool(client, flawed(flaw)).status_code == 401


def test_the_verifier_says_in_the_words_of_the_sdk_what_the_token_says() -> None:
    now = 1_795_000_000
    token = good(iat=now, exp=now + 600)

    said = anyio.run(SdkVerifier(VERIFIER, clock=lambda: now).verify_token, token)

    assert said == AccessToken(
        token=token,
        client_id="editor",
        scopes=["mcp:tools:read"],
        expires_at=now + 600,
        resource=RESOURCE,
        subject="alice",
        claims=jwt.decode(token, options={"verify_signature": False}),
    )


def test_the_sdk_can_compare_a_single_audience_once_more_and_no_list() -> None:
    """`AccessToken.resource` has room for one; `SdkVerifier` has found this server in the list."""
    server = server_with(SdkVerifier(VERIFIER), validate_token_resource=True)

    with client_of(server.streamable_http_app()) as client:
        assert call_tool(client, good()).status_code == 200
        assert call_tool(client, good(aud=[RESOURCE, "https://api.example.com"])).status_code == 401


def test_the_sdk_looks_at_the_expiry_once_more_without_leeway() -> None:
    """`mcp` 2.3.0; behind the guard the leeway of 30 seconds holds."""
    just_expired = good(exp=int(time.time()) - 10)

    with client_of(strictly_verified().streamable_http_app()) as client:
        assert call_tool(client, just_expired).status_code == 401
    with client_of(guarded()) as client:
        assert call_tool(client, just_expired).status_code == 200


def test_the_sdk_compares_scopes_word_by_word() -> None:
    """`mcp` 2.3.0; behind the guard a shorter scope implies the longer."""
    with client_of(strictly_verified(required_scopes=["mcp:tools:read"]).streamable_http_app()) as client:
        assert call_tool(client, good(scope="mcp:tools")).status_code == 403
    with client_of(guarded("mcp:tools:read")) as client:
        assert call_tool(client, good(scope="mcp:tools")).status_code == 200


def test_the_log_knows_why_the_verifier_refused(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "mcp_auth_ref"), client_of(strictly_verified().streamable_http_app()) as client:
        call_tool(client, flawed("for another resource"))

    assert caplog.messages == [f"refused a token, wrong_audience: the token's aud does not name {RESOURCE}"]
