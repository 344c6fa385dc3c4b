"""What the page on how it works says. Its outputs are compared by the walk; here is what the sentences say of them."""

import json

from mcp_auth_ref import parse_challenges
from tests.guide.conftest import ROOT
from tests.server.world import RESOURCE, post, server, token

SHOWN = ROOT / "snippets/flow"


def head_and_body(name: str) -> tuple[list[str], dict[str, object]]:
    """Split a shown answer into its status line with headers, and its document."""
    head, _, body = (SHOWN / name).read_text().partition("\n\n")
    return head.splitlines(), json.loads(body)


def challenge_in(lines: list[str]) -> dict[str, str]:
    (field,) = [line.partition(": ")[2] for line in lines if line.startswith("www-authenticate")]
    (challenge,) = parse_challenges(field)
    assert challenge.scheme == "Bearer"
    return dict(challenge.parameters)


def test_the_first_refusal_names_scopes_and_metadata_and_no_error() -> None:
    """RFC 6750, section 3.1; RFC 9728, section 5.1."""
    lines, _ = head_and_body("refused.out")

    assert lines[0] == "HTTP/1.1 401 Unauthorized"
    assert challenge_in(lines) == {
        "scope": "mcp:tools:read mcp:tools:execute",
        "resource_metadata": "http://127.0.0.1:8765/.well-known/oauth-protected-resource/mcp",
    }


def test_resource_in_the_metadata_is_the_audience_a_token_must_carry() -> None:
    """RFC 9728, section 2; RFC 8707, section 2."""
    metadata = json.loads((SHOWN / "metadata.out").read_text())

    assert metadata["resource"] == RESOURCE
    with server() as client:
        audiences = (metadata["resource"], "https://other.example/mcp", f"{RESOURCE}/")
        statuses = [post(client, "tools/list", credential=token(aud=each)).status_code for each in audiences]
    assert statuses == [200, 401, 401]


def test_a_missing_scope_is_403_and_the_challenge_lists_everything_the_operation_needs() -> None:
    """MCP 2026-07-28, authorization, runtime insufficient scope errors."""
    lines, document = head_and_body("scope.out")

    challenge = challenge_in(lines)
    assert lines[0] == "HTTP/1.1 403 Forbidden"
    assert challenge["error"] == "insufficient_scope"
    assert (
        challenge["scope"].split()
        == document["required_scopes"]
        == ["files:write", "mcp:tools:execute", "mcp:tools:read"]
    )


def test_no_session_remembers_an_earlier_check() -> None:
    """MCP 2026-07-28: authorization is included in every request."""
    with server() as client:
        statuses = [post(client, "tools/list", credential=each).status_code for each in (token(), None)]

    assert statuses == [200, 401]


def test_a_token_in_the_address_is_not_looked_at() -> None:
    """RFC 9700, section 4.3.2; MCP 2026-07-28: tokens are not included in the query string."""
    with server() as client:
        answer = client.post(f"/mcp?access_token={token()}", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})

    assert (answer.status_code, answer.json()["code"]) == (401, "missing_token")
