"""Our verifier in the place where FastMCP takes one: `FastMCP(auth=...)`."""

import time
from collections.abc import Callable

from fastmcp.server.auth import AccessToken, TokenVerifier

from mcp_auth_ref.integrations.mcp_sdk import SdkVerifier
from mcp_auth_ref.server.resource import Verifier


class FastMCPVerifier(TokenVerifier):
    """What FastMCP calls a `TokenVerifier`: accepts what `verifier` accepts.

    Wrap it in FastMCP's `RemoteAuthProvider`, which publishes the resource metadata. FastMCP looks at `exp` once more,
    without leeway, and at `required_scopes` word by word: `mcp:tools` is not `mcp:tools:read` to it.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        required_scopes: list[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(required_scopes=required_scopes)
        self._verifier = SdkVerifier(verifier, clock)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token says, or None where it is refused."""
        said = await self._verifier.verify_token(token)
        return AccessToken.model_validate(said.model_dump()) if said else None
