from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcp_auth_ref import Settings, verifier_from
from mcp_auth_ref.integrations.asgi import protected


async def greet(request: Request) -> PlainTextResponse:
    """Greet whoever is calling."""
    return PlainTextResponse(f"Hello, {request.state.claims.subject}.\n")


settings = Settings.load()
# --8<-- [start:highlight]
app = protected(
    Starlette(routes=[Route("/greeting", greet)]),
    verifier=verifier_from(settings),
    resource=settings.resource_url,
    authorization_servers=[settings.issuer],
    scopes=["mcp:tools:execute"],
)
# --8<-- [end:highlight]
