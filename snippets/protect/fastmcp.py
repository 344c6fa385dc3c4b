from fastmcp import FastMCP
from fastmcp.server.dependencies import get_access_token

from mcp_auth_ref import Settings, verifier_from
from mcp_auth_ref.integrations.asgi import protected
from mcp_auth_ref.integrations.mcp_sdk import KnownToSdk

server: FastMCP = FastMCP("Greetings")


@server.tool
def greet() -> str:
    """Greet whoever is calling."""
    token = get_access_token()
    return f"Hello, {token.subject}." if token else "Who are you?"


settings = Settings.load()
# --8<-- [start:highlight]
app = protected(
    KnownToSdk(server.http_app()),
    verifier=verifier_from(settings),
    resource=settings.resource_url,
    authorization_servers=[settings.issuer],
    scopes=["mcp:tools:execute"],
)
# --8<-- [end:highlight]
