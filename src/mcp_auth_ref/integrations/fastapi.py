"""Our guard as a FastAPI dependency.

    guard = AccessTokenBearer(verifier, resource="https://api.example.com/reports")
    app = FastAPI(exception_handlers={Refused: problem_document})

    @app.get("/reports")
    def reports(claims: Annotated[Claims, Security(guard, scopes=["reports:read"])]) -> list[str]: ...

To guard every path of an application, and not one endpoint at a time, put `protected` around it.
"""

import logging
import time
from collections.abc import Callable

from fastapi import HTTPException, Response
from fastapi.openapi.models import HTTPBearer
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from mcp_auth_ref.core.discovery import PROTECTED_RESOURCE, well_known
from mcp_auth_ref.core.errors import InsufficientScope, InvalidRequest, InvalidToken, MissingToken
from mcp_auth_ref.core.scopes import missing
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.server.problems import Problem, challenge
from mcp_auth_ref.server.resource import Verifier, bearer_token, unverifiable

logger = logging.getLogger(__name__)


class Refused(HTTPException):
    """A refusal on its way to the client: its status and its challenge hold even where no handler knows it."""

    def __init__(self, answer: Problem) -> None:
        headers = {name: value for name, value in answer.headers.items() if name != "content-type"}
        super().__init__(answer.status, answer.document, headers)
        self.answer = answer


async def problem_document(_: HTTPConnection, refused: Exception) -> Response:
    """Answer a `Refused` with its problem document (RFC 9457)."""
    if not isinstance(refused, Refused):
        raise refused
    return Response(refused.answer.body, refused.answer.status, refused.answer.headers)


class AccessTokenBearer(SecurityBase):
    """Give an endpoint the verified `Claims` of the request's access token, or refuse the request.

    `Security(guard, scopes=[...])` names the scopes of the endpoint. Name them all in one place, so that a client that
    lacks two hears of both in one challenge. `resource` is the audience that `verifier` compares; beside the guard,
    `PublishMetadata` answers at the address that the challenge gives.
    """

    def __init__(self, verifier: Verifier, *, resource: str, clock: Callable[[], float] = time.time) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = type(self).__name__
        self._verifier = verifier
        self._metadata_url = well_known(resource, PROTECTED_RESOURCE)
        self._clock = clock

    async def __call__(self, connection: HTTPConnection, needed: SecurityScopes) -> Claims:
        """Return what the token says. Raises Refused."""
        try:
            return self._verified(bearer_token(connection.scope), needed.scopes)
        except (MissingToken, InvalidRequest, InvalidToken, InsufficientScope) as error:
            logger.info("refused a request, %s: %s", error.code, error)
            raise Refused(challenge(error, metadata_url=self._metadata_url, scopes=needed.scopes)) from error
        except Exception as error:  # noqa: BLE001 - whatever a verifier fails with, nobody is let in
            raise Refused(unverifiable(error)) from None

    def _verified(self, token: str, scopes: list[str]) -> Claims:
        claims = self._verifier.verify(token, now=self._clock())
        if missing(claims.scopes, scopes):
            raise InsufficientScope(scopes)
        return claims
