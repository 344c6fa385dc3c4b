"""Any ASGI application behind the guard, and the metadata that leads clients to a token."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcp_auth_ref.integrations.asgi import PublishMetadata, protected
from tests.integrations.calls import client_of
from tests.integrations.tokens import ISSUER, METADATA_URL, RESOURCE, VERIFIER, flawed, good


def greet(request: Request) -> PlainTextResponse:
    """Greet the subject of the token."""
    return PlainTextResponse(f"Hello, {request.state.claims.subject}.")


GUARDED = protected(
    Starlette(routes=[Route("/mcp", greet)]),
    verifier=VERIFIER,
    resource=RESOURCE,
    authorization_servers=[ISSUER],
    scopes=["mcp:tools:read"],
)
METADATA = {
    "resource": RESOURCE,
    "authorization_servers": [ISSUER],
    "scopes_supported": ["mcp:tools:read"],
    "bearer_methods_supported": ["header"],
}


def test_the_application_finds_the_claims_in_the_state_of_the_request() -> None:
    with client_of(GUARDED) as client:
        assert client.get("/mcp", headers={"Authorization": f"Bearer {good()}"}).text == "Hello, alice."


def test_a_refused_token_gets_no_further() -> None:
    with client_of(GUARDED) as client:
        headers = {"Authorization": f"Bearer {flawed('for another resource')}"}

        assert client.get("/mcp", headers=headers).json()["code"] == "wrong_audience"


def test_a_path_that_does_not_exist_is_guarded_as_well() -> None:
    """Our choice: who is not let in does not learn what there is."""
    with client_of(GUARDED) as client:
        assert client.get("/elsewhere").status_code == 401


def test_the_challenge_leads_to_the_metadata_and_the_metadata_back_to_the_resource() -> None:
    """RFC 9728, sections 3 and 5.1."""
    with client_of(GUARDED) as client:
        challenge = client.get("/mcp").headers["www-authenticate"]
        metadata = client.get(METADATA_URL)

    assert challenge == f'Bearer scope="mcp:tools:read", resource_metadata="{METADATA_URL}"'
    assert metadata.json() == METADATA
    assert metadata.headers["cache-control"] == "public, max-age=300"


def test_the_metadata_stands_at_the_root_too() -> None:
    """MCP 2026-07-28, protected resource metadata discovery: clients may fall back to it."""
    with client_of(GUARDED) as client:
        assert client.get("/.well-known/oauth-protected-resource").json() == METADATA


def test_a_page_of_any_site_may_read_the_metadata() -> None:
    """Fetch standard: the client's header MCP-Protocol-Version makes the browser ask first."""
    asks = {
        "Origin": "https://client.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "mcp-protocol-version",
    }
    with client_of(GUARDED) as client:
        preflight = client.options(METADATA_URL, headers=asks)
        answer = client.get(METADATA_URL, headers={"Origin": "https://client.example"})

    assert preflight.status_code == 200
    assert "mcp-protocol-version" in preflight.headers["access-control-allow-headers"].lower()
    assert answer.headers["access-control-allow-origin"] == "*"


def test_metadata_goes_beside_a_guard_of_another_kind_as_well() -> None:
    app = PublishMetadata(
        PlainTextResponse("behind"),
        resource=RESOURCE,
        authorization_servers=[ISSUER],
        scopes=["mcp:tools:read"],
    )
    client = client_of(app)

    assert client.get(METADATA_URL).json() == METADATA
    assert client.get("/mcp").text == "behind"
