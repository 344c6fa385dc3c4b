"""What anybody may read: documents under `/.well-known/`, and whether the server is alive and ready."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, TypeAlias

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_auth_ref.core.rotation import JWKS_MAX_AGE
from mcp_auth_ref.server.apikeys import LiveApiKeys
from mcp_auth_ref.server.counters import SharedCounts
from mcp_auth_ref.server.following import LiveKeys
from mcp_auth_ref.server.gateway import connected
from mcp_auth_ref.server.limits import LIMIT_FIELDS
from mcp_auth_ref.server.problems import failure
from mcp_auth_ref.stores.revocations import Revocations
from mcp_auth_ref.toolhub import ToolHub

Document: TypeAlias = Callable[[], Mapping[str, object]]

METADATA_AGE = f"public, max-age={JWKS_MAX_AGE}"
FRESH = {"cache-control": "no-store"}


def published(path: str, document: Document) -> Route:
    """Publish a document to the pages of every site. OPTIONS is for their preflights."""

    async def answer(_: Request) -> Response:
        return JSONResponse(document(), headers={"cache-control": METADATA_AGE})

    return Route(path, answer, methods=["GET", "OPTIONS"], middleware=[cors(["*"])])


def cors(origins: Collection[str]) -> Middleware:
    """Answer the preflights of these origins, and show their pages the challenge and the limits."""
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=[
            "Authorization",
            "Last-Event-ID",
            "MCP-Protocol-Version",
            "Mcp-Method",
            "Mcp-Name",
            "Mcp-Session-Id",
        ],
        expose_headers=["WWW-Authenticate", "MCP-Protocol-Version", "Mcp-Session-Id", "X-Request-Id", *LIMIT_FIELDS],
    )


@dataclass(frozen=True, slots=True)
class Health:
    """What probes ask for. What a server has not, such as a store where nobody needs a token, is None."""

    authentication: Literal["enabled", "disabled"]
    hub: ToolHub
    followed: tuple[LiveKeys | LiveApiKeys, ...] = ()
    revocations: Revocations | None = None
    shared: SharedCounts | None = None

    async def health(self, _: Request) -> Response:
        """Say that the process answers."""
        return JSONResponse({"status": "ok", "authentication": self.authentication}, headers=FRESH)

    async def ready(self, request: Request) -> Response:
        """Say whether requests can be served: 200, or 503 while it starts or cannot know what is revoked."""
        status = self._status(is_open=getattr(request.app.state, "ready", False))
        document = {
            "status": status,
            "authentication": self.authentication,
            "servers": connected(self.hub).model_dump(),
            **self._parts(),
        }
        code = HTTPStatus.OK if status == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(document, code, headers=FRESH)

    def _status(self, *, is_open: bool) -> str:
        if not is_open:
            return "starting"
        return "ready" if self.revocations is None or self.revocations.is_current else "waiting"

    def _parts(self) -> dict[str, str]:
        parts = {}
        if self.revocations is not None:
            parts["store"] = "available" if self.revocations.is_current else "unavailable"
        if any(each.problem is not None for each in self.followed):
            parts["keys"] = "stale"
        if self.shared is not None:
            parts["limits"] = "counted alone" if self.shared.is_lost else "counted together"
        return parts


async def answer_error(_: Request, error: Exception) -> Response:
    """Answer in JSON, as clients that look for metadata read every answer."""
    known = error if isinstance(error, HTTPException) else HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = failure(known.status_code, known.headers)
    return Response(answer.body, answer.status, answer.headers)
