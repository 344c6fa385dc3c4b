"""What FastMCP lets in by itself, and what it lets in behind our guard."""

import time

import anyio
import jwt
import pytest
from fastmcp import FastMCP
from fastmcp.server.auth import AccessToken, RemoteAuthProvider, TokenVerifier, require_scopes
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token
from pydantic import AnyHttpUrl

from mcp_auth_ref import RequireToken
from mcp_auth_ref.integrations.fastmcp import FastMCPVerifier
from mcp_auth_ref.integrations.mcp_sdk import KnownToSdk
from tests.integrations.calls import answer_of, call_tool, client_of
from tests.integrations.tokens import FLAWS, ISSUER, METADATA_URL, RESOURCE, SECRET, VERIFIER, flawed, good


def jwt_verifier(*, required_scopes: list[str] | None = None) -> JWTVerifier:
    """Make FastMCP's own verifier, told the key and the issuer."""
    return JWTVerifier(public_key=SECRET, algorithm="HS256", issuer=ISSUER, required_scopes=required_scopes)


def server_with(verifier: TokenVerifier) -> FastMCP:
    """Make a server with one tool, which says whom the token speaks for."""
    auth = RemoteAuthProvider(verifier, authorization_servers=[AnyHttpUrl(ISSUER)], base_url=ISSUER)
    server: FastMCP = FastMCP("Reports", auth=auth)
    server.tool(whoami)
    return server


def whoami() -> str:
    """Name the subject of the token."""
    token = get_access_token()
    return str(token and token.subject)


@pytest.mark.parametrize("flaw", FLAWS)
def test_fastmcp_by_default_lets_in_a_token(flaw: str) -> None:
    """FastMCP 4.1.2: `JWTVerifier` looks at the audience on demand only, and at the other flaws never."""
    server = server_with(jwt_verifier())

    with client_of(server.http_app()) as client:
        assert call_tool(client, flawed(flaw)).status_code == 200


def test_fastmcp_by_default_takes_a_missing_scope_for_a_bad_token() -> None:
    """FastMCP 4.1.2; RFC 6750, section 3.1, wants 403 and `insufficient_scope`, and only then can a client step up."""
    server = server_with(jwt_verifier(required_scopes=["files:write"]))

    with client_of(server.http_app()) as client:
        refused = call_tool(client, good())

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith('Bearer error="invalid_token", ')


def test_fastmcp_by_default_hides_a_tool_instead_of_asking_for_its_scope() -> None:
    """FastMCP 4.1.2; the answer is HTTP 200, so no client learns what to ask for."""
    server = server_with(jwt_verifier())
    server.tool(whoami, name="write", auth=require_scopes("files:write"))

    with client_of(server.http_app()) as client:
        refused = call_tool(client, good(), tool="write")

    assert refused.status_code == 200
    assert refused.json()["result"]["content"] == [{"type": "text", "text": "Unknown tool: 'write'"}]


def guarded(*scopes: str) -> RequireToken:
    """Put our guard around the same server, which then needs no settings of its own."""
    server: FastMCP = FastMCP("Reports")
    server.tool(whoami)
    server.tool(whoami, name="write", auth=require_scopes("files:write"))
    return RequireToken(KnownToSdk(server.http_app()), verifier=VERIFIER, metadata_url=METADATA_URL, scopes=scopes)


def test_the_tool_knows_whose_token_the_guard_has_let_in() -> None:
    with client_of(guarded("mcp:tools:read")) as client:
        assert answer_of(call_tool(client, good())) == "alice"


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_guard_refuses_a_token(flaw: str) -> None:
    with client_of(guarded()) as client:
        assert call_tool(client, flawed(flaw)).status_code == 401


def test_the_guard_asks_for_a_missing_scope() -> None:
    """RFC 6750, section 3.1; the specification's scope challenge."""
    with client_of(guarded("files:write")) as client:
        refused = call_tool(client, good())

    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="the operation needs the scope files:write", '
        f'scope="files:write", resource_metadata="{METADATA_URL}"'
    )


def test_scopes_of_a_single_tool_still_hold_behind_the_guard() -> None:
    """FastMCP 4.1.2 checks them itself, from the token that `KnownToSdk` hands on."""
    with client_of(guarded()) as client:
        assert answer_of(call_tool(client, good(scope="files:write"), tool="write")) == "alice"
        assert call_tool(client, good(), tool="write").json()["result"]["isError"] is True


def strictly_verified(*scopes: str) -> FastMCP:
    return server_with(FastMCPVerifier(VERIFIER, required_scopes=list(scopes)))


def test_in_the_place_of_fastmcp_the_verifier_tells_the_tool_whose_token_it_is() -> None:
    with client_of(strictly_verified("mcp:tools:read").http_app()) as client:
        assert answer_of(call_tool(client, good())) == "alice"


@pytest.mark.parametrize("flaw", FLAWS)
def test_in_the_place_of_fastmcp_the_verifier_refuses_a_token(flaw: str) -> None:
    with client_of(strictly_verified().http_app()) as client:
        assert call_tool(client, flawed(flaw)).status_code == 401


def test_in_the_place_of_fastmcp_a_missing_scope_is_no_bad_token() -> None:
    """RFC 6750, section 3.1: the verifier judges the token and leaves its scopes to FastMCP, which answers 403."""
    with client_of(strictly_verified("files:write").http_app()) as client:
        refused = call_tool(client, good())

    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="Required scope: files:write", '
        f'scope="files:write", resource_metadata="{METADATA_URL}"'
    )


def test_in_the_place_of_fastmcp_the_expiry_has_no_leeway_and_scopes_are_compared_word_by_word() -> None:
    """FastMCP 4.1.2 builds on the SDK's middleware; behind the guard leeway and broader scopes hold."""
    just_expired, broader = good(exp=int(time.time()) - 10), good(scope="mcp:tools")

    with client_of(strictly_verified("mcp:tools:read").http_app()) as client:
        assert [call_tool(client, token).status_code for token in (just_expired, broader)] == [401, 403]
    with client_of(guarded("mcp:tools:read")) as client:
        assert [call_tool(client, token).status_code for token in (just_expired, broader)] == [200, 200]


def test_the_verifier_says_in_the_words_of_fastmcp_what_the_token_says() -> None:
    now = 1_795_000_000
    token = good(iat=now, exp=now + 600)

    said = anyio.run(FastMCPVerifier(VERIFIER, clock=lambda: now).verify_token, token)

    assert said == AccessToken(
        token=token,
        client_id="editor",
        scopes=["mcp:tools:read"],
        expires_at=now + 600,
        resource=RESOURCE,
        subject="alice",
        claims=jwt.decode(token, options={"verify_signature": False}),
    )
