"""What hurts users of MCP authentication, as far as a resource server can spare them."""

from pathlib import Path
from typing import Any

import pytest

from tests.server.world import METADATA_URL, NOW, ORIGIN, RESOURCE, VERSIONS, call, post, server, token


def test_behind_a_tls_proxy_no_address_is_http() -> None:
    """Pain 3: addresses come from the settings, whatever a proxy or a caller writes."""
    public: dict[str, Any] = {"resource_url": "https://mcp.example.com/mcp", "issuer": "https://login.example.com"}
    forwarded = {"Host": "mcp.example.com", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}

    with server(**public) as client:
        refused = client.post("/mcp", headers=forwarded)
        metadata = client.get("/.well-known/oauth-protected-resource/mcp", headers=forwarded)

    assert "http://" not in refused.headers["www-authenticate"] + refused.text + metadata.text
    assert "evil.example" not in refused.headers["www-authenticate"] + metadata.text


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_every_client_learns_where_to_sign_in(method: str) -> None:
    """Pain 4: a 401 with a challenge on every method, for new clients and old."""
    with server() as client:
        response = client.request(method, "/mcp")

    assert response.status_code == 401
    assert f'resource_metadata="{METADATA_URL}"' in response.headers["www-authenticate"]


def test_both_forms_of_the_metadata_are_there_and_all_else_is_a_json_404() -> None:
    """Pain 5: clients fall back from one form to the other, and only at a 404."""
    with server() as client:
        found = [client.get(f"/.well-known/oauth-protected-resource{path}") for path in ("", "/mcp")]
        missing = client.get("/.well-known/oauth-protected-resource/sse")

    assert [response.json()["resource"] for response in found] == [RESOURCE, RESOURCE]
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_address")


@pytest.mark.parametrize(
    "credential", [token(exp=NOW - 100), token(exp="soon"), token(sub=None), "a.b.c", "." * 8000, "x" * 9000]
)
def test_no_token_is_a_500(credential: str) -> None:
    """Pain 15: every refusal is a 401 with a challenge, so that clients sign in again."""
    with server() as client:
        response = post(client, "tools/list", credential=credential)

    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tool_that_may_not_be_called_does_not_disappear(tmp_path: Path, version: str) -> None:
    """Pain 22: it is listed, and calling it is a 403 that says what is missing."""
    with server(tmp_path) as client:
        listed = post(client, "tools/list", credential=token("mcp:tools:read"), version=version)
        called = call(client, "write_file", credential=token("mcp:tools:read"), version=version)

    assert "write_file" in listed.text
    assert called.status_code == 403
    assert called.json()["required_scopes"] == ["files:write", "mcp:tools:execute", "mcp:tools:read"]


def test_a_browser_can_ask_and_can_read_the_refusal() -> None:
    """Pain 24: every header of the protocol is allowed, the challenge is exposed, and the preflight needs no token."""
    page = "https://app.example.com"
    asked = "authorization, content-type, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id"
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    with server(allowed_origins=(page,)) as client:
        allowed = client.options("/mcp", headers={"Origin": page, **preflight})
        refused = client.post("/mcp", headers={"Origin": page})

    assert allowed.status_code == 200
    assert {name.lower() for name in allowed.headers["access-control-allow-headers"].split(", ")} >= set(
        asked.split(", ")
    )
    assert refused.headers["access-control-expose-headers"].startswith("WWW-Authenticate, MCP-Protocol-Version")


def test_a_slash_at_the_end_is_no_redirect() -> None:
    """Pain 25: a client that follows one loses its token on the way."""
    with server() as client:
        response = client.post("/mcp/", headers={"Authorization": f"Bearer {token()}"})

    assert response.status_code == 404
    assert "location" not in response.headers


@pytest.mark.parametrize("credential", [None, token()])
def test_a_wrong_host_is_told_before_any_token_is_looked_at(credential: str | None) -> None:
    """Pain 26: with a sentence that names the right one, and not only to who has signed in."""
    with server() as client:
        response = post(client, "tools/list", credential=credential, headers={"Host": "mcp.internal"})

    assert response.status_code == 421
    assert response.json()["detail"] == f"this server answers for {ORIGIN.removeprefix('http://')} only"


@pytest.mark.parametrize(
    "path", ["oauth-authorization-server/other", "openid-configuration", "oauth-authorization-server/mcp"]
)
def test_who_looks_for_an_authorization_server_here_gets_json(path: str) -> None:
    """Pain 31: a 404 in text or HTML breaks the discovery of clients that parse before they look."""
    with server() as client:
        response = client.get(f"/.well-known/{path}")

    assert response.status_code == 404
    assert response.json()["status"] == 404
