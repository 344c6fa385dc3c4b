"""Our guard and servers of the MCP SDK.

Put `RequireToken` around the server's application, and `KnownToSdk` between the two:

    app = RequireToken(KnownToSdk(server.streamable_http_app()), verifier=verifier, ...)

`SdkVerifier` instead goes into the SDK's own place for a verifier. Tokens are then checked as strictly, and refused in
the SDK's words: `error="invalid_token"` to who sent none, no `scope` to ask for, one missing scope at a time.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_auth_ref.core.errors import InvalidToken
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.server.resource import Verifier, bearer_token

logger = logging.getLogger(__name__)


class KnownToSdk:
    """Tell the SDK whose request `RequireToken` has let in.

    Tools then ask `get_access_token()`, and a session belongs to who opened it: without this, every holder of a good
    token may go on with everybody else's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = AuthContextMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what `RequireToken` has found out, in the form of the SDK's own middleware."""
        if scope["type"] == "http":
            claims = scope.get("state", {}).get("claims")
            if claims is None:
                raise RuntimeError("no verified claims: KnownToSdk stands inside RequireToken, next to the application")
            scope = {**scope, "user": AuthenticatedUser(access_token(claims, bearer_token(scope)))}
        await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class SdkVerifier:
    """What the SDK calls a `TokenVerifier`: accepts what `verifier` accepts.

    `verifier` has compared the audience, so `AuthSettings` may say `validate_token_resource=False`. The SDK looks at
    `exp` once more, without leeway, and at scopes word by word: `mcp:tools` is not `mcp:tools:read` to it.
    """

    verifier: Verifier
    clock: Callable[[], float] = time.time

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token says, or None where it is refused."""
        try:
            return access_token(self.verifier.verify(token, now=self.clock()), token)
        except InvalidToken as error:
            logger.info("refused a token, %s: %s", error.code, error)
            return None


def access_token(claims: Claims, token: str) -> AccessToken:
    """Say in the SDK's words what a verified token says; of several audiences, its `resource` has room for none."""
    return AccessToken(
        token=token,
        client_id=claims.client_id,
        scopes=sorted(claims.scopes),
        expires_at=int(claims.expires_at),
        resource=claims.audience[0] if len(claims.audience) == 1 else None,
        subject=claims.subject,
        claims=dict(claims.payload),
    )
