from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

from mcp_auth_ref import Settings, verifier_from
from mcp_auth_ref.integrations.fastmcp import FastMCPVerifier
from mcp_auth_ref.integrations.mcp_sdk import SdkVerifier

settings = Settings.load()
verifier = verifier_from(settings)
issuer = AnyHttpUrl(settings.issuer)
resource = AnyHttpUrl(settings.resource_url)

with_the_sdk = MCPServer(
    "Greetings",
    token_verifier=SdkVerifier(verifier),
    auth=AuthSettings(
        issuer_url=issuer,
        resource_server_url=resource,
        validate_token_resource=False,  # the verifier has compared the audience
        required_scopes=["mcp:tools:execute"],
    ),
)

with_fastmcp: FastMCP = FastMCP(
    "Greetings",
    auth=RemoteAuthProvider(
        FastMCPVerifier(verifier, required_scopes=["mcp:tools:execute"]),
        authorization_servers=[issuer],
        base_url="http://127.0.0.1:8765",  # FastMCP adds /mcp
    ),
)
