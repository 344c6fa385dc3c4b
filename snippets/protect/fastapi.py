from typing import Annotated

from fastapi import FastAPI, Security

from mcp_auth_ref import Claims, Settings
from mcp_auth_ref.integrations.asgi import PublishMetadata
from mcp_auth_ref.integrations.fastapi import AccessTokenBearer, Refused, problem_document
from mcp_auth_ref.trust import verifier_from

settings = Settings.load()
# --8<-- [start:highlight-guard]
guard = AccessTokenBearer(verifier_from(settings), resource=settings.resource_url)
app = FastAPI(exception_handlers={Refused: problem_document})
# --8<-- [end:highlight-guard]
app.add_middleware(
    PublishMetadata,
    resource=settings.resource_url,
    authorization_servers=[settings.issuer],
    scopes=["mcp:tools:execute"],
)


@app.get("/greeting")
# --8<-- [start:highlight-endpoint]
def greet(claims: Annotated[Claims, Security(guard, scopes=["mcp:tools:execute"])]) -> str:
    # --8<-- [end:highlight-endpoint]
    """Greet whoever is calling."""
    return f"Hello, {claims.subject}."
