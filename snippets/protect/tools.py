from mcp.server import MCPServer

from mcp_auth_ref import Settings, verifier_from, well_known
from mcp_auth_ref.integrations.asgi import protected
from mcp_auth_ref.integrations.mcp_sdk import KnownToSdk
from mcp_auth_ref.server.mcp import RequireToolScopes

server = MCPServer("Notes")


@server.tool()
def write_note(text: str) -> str:
    """Write a note."""
    return f"noted: {text}"


settings = Settings.load()
# --8<-- [start:highlight]
tools = RequireToolScopes(
    KnownToSdk(server.streamable_http_app()),
    tools={"write_note": ["notes:write"]},
    metadata_url=well_known(settings.resource_url, "oauth-protected-resource"),
)
# --8<-- [end:highlight]
app = protected(
    tools,
    verifier=verifier_from(settings),
    resource=settings.resource_url,
    authorization_servers=[settings.issuer],
    scopes=["mcp:tools:read"],
)
