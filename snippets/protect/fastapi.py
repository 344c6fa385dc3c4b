from typing import Annotated

from fastapi import FastAPI, Security

from mcp_auth_ref import Claims, Settings, verifier_from
from mcp_auth_ref.integrations.asgi import PublishMetadata
from mcp_auth_ref.integrations.fastapi import (
    AccessTokenBearer,
    Refused,
    problem_document,
)

SCOPES = ["mcp:tools:execute"]

settings = Settings.load()
# --8<-- [start:highlight-guard]
guard = AccessTokenBearer(verifier_from(settings), resource=settings.resource_url)
Caller = Annotated[Claims, Security(guard, scopes=SCOPES)]
app = FastAPI(exception_handlers={Refused: problem_document})
# --8<-- [end:highlight-guard]
app.add_middleware(
    PublishMetadata,
    resource=settings.resource_url,
    authorization_servers=[settings.issuer],
    scopes=SCOPES,
)


@app.get("/greeting")
# --8<-- [start:highlight-endpoint]
def greet(claims: Caller) -> str:
    # --8<-- [end:highlight-endpoint]
    """Greet whoever is calling."""
    return f"Hello, {claims.subject}."
