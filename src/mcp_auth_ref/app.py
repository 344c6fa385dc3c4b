"""The whole server: from settings to an application, and from the application to a process that listens.

RequireKnownCaller          by the right name, and from no page of a foreign site
  CORSMiddleware            answers preflights, shows the challenge to pages that may call
    RequireToken            who calls
      RequireToolScopes     what for
        StatelessEndpoint   the SDK's server with the demonstration tools
"""

import logging
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mcp_auth_ref import demo
from mcp_auth_ref.core.discovery import PROTECTED_RESOURCE, resource_metadata, well_known
from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.tokens import TokenVerifier, TrustedIssuers
from mcp_auth_ref.server.cache import VerifiedTokenCache
from mcp_auth_ref.server.callers import RequireKnownCaller
from mcp_auth_ref.server.connections import PunctualProtocol
from mcp_auth_ref.server.disabled import AuthenticationDisabled
from mcp_auth_ref.server.mcp import CALL_SCOPES, MAX_BODY_BYTES, RequireToolScopes, StatelessEndpoint
from mcp_auth_ref.server.problems import problem
from mcp_auth_ref.server.resource import RequireToken
from mcp_auth_ref.settings import Settings, is_loopback
from mcp_auth_ref.trust import verifier_from

MAX_HEADER_BYTES = 16 * 1024
MAX_CONNECTIONS = 1000
GRACE_SECONDS = 5
METADATA_AGE = "public, max-age=300"


def create_app(settings: Settings, *, clock: Callable[[], float] = time.time) -> ASGIApp:
    """Return the server of these settings. Raises ConfigurationError."""
    server = demo.create_server(settings.files_root)
    endpoint: ASGIApp = _endpoint(server)
    documents: Mapping[str, Mapping[str, object]] = {}
    if settings.auth_enabled:
        verifier = verifier_from(settings)
        documents = _documents(settings, verifier)
        endpoint = _guarded(endpoint, settings, verifier, clock)
    routes = [
        Route("/health", _health),
        Route("/ready", _ready),
        *(_document(path, document) for path, document in documents.items()),
        Route(urlsplit(settings.resource_url).path or "/", endpoint, middleware=[_cors(settings.allowed_origins)]),
    ]
    app = Starlette(
        routes=routes,
        lifespan=_lifespan(server),
        exception_handlers={HTTPException: _answer_error, Exception: _answer_error},
    )
    app.router.redirect_slashes = False
    app.state.authentication = "enabled" if settings.auth_enabled else "disabled"
    callers = RequireKnownCaller(app, hosts=settings.allowed_hosts, origins=settings.allowed_origins)
    return callers if settings.auth_enabled else AuthenticationDisabled(callers)


def _guarded(
    app: ASGIApp, settings: Settings, verifier: TokenVerifier | TrustedIssuers, clock: Callable[[], float]
) -> ASGIApp:
    metadata_url = well_known(settings.resource_url, PROTECTED_RESOURCE)
    return RequireToken(
        RequireToolScopes(app, tools=demo.TOOL_SCOPES, metadata_url=metadata_url),
        verifier=VerifiedTokenCache(verifier),
        metadata_url=metadata_url,
        challenge_scopes=CALL_SCOPES,
        clock=clock,
    )


def _endpoint(server: MCPServer) -> StatelessEndpoint:
    # The application this returns is left aside: its route redirects, and Host and Origin are checked before it. Its
    # session manager is what serves.
    server.streamable_http_app(
        stateless_http=True,
        json_response=True,
        max_request_body_size=MAX_BODY_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return StatelessEndpoint(server.session_manager)


def _lifespan(server: MCPServer) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with server.session_manager.run():
            app.state.ready = True
            yield
            app.state.ready = False

    return lifespan


def _documents(settings: Settings, verifier: TokenVerifier | TrustedIssuers) -> dict[str, Mapping[str, object]]:
    """Return what is published under `/.well-known/`, by path. Every address in it comes from the settings."""
    verifiers = verifier.verifiers if isinstance(verifier, TrustedIssuers) else (verifier,)
    metadata = resource_metadata(
        resource=settings.resource_url,
        authorization_servers=[each.issuer for each in verifiers],
        scopes_supported=CALL_SCOPES,
    )
    own = [each.keys.jwks() for each in verifiers if each.issuer == settings.issuer]
    return {
        f"/.well-known/{PROTECTED_RESOURCE}": metadata,
        urlsplit(well_known(settings.resource_url, PROTECTED_RESOURCE)).path: metadata,
        "/.well-known/jwks.json": own[0] if own else {"keys": []},
    }


def _document(path: str, document: Mapping[str, object]) -> Route:
    """Publish a document to the pages of every site. OPTIONS is for their preflights."""

    async def answer(_: Request) -> Response:
        return JSONResponse(document, headers={"cache-control": METADATA_AGE})

    return Route(path, answer, methods=["GET", "OPTIONS"], middleware=[_cors(["*"])])


def _cors(origins: Collection[str]) -> Middleware:
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
        expose_headers=["WWW-Authenticate", "MCP-Protocol-Version", "Mcp-Session-Id"],
    )


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok", "authentication": request.app.state.authentication}, headers=_FRESH)


async def _ready(request: Request) -> Response:
    ready = getattr(request.app.state, "ready", False)
    document = {"status": "ready" if ready else "starting", "authentication": request.app.state.authentication}
    return JSONResponse(document, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, headers=_FRESH)


_FRESH = {"cache-control": "no-store"}
_DETAILS = {
    HTTPStatus.NOT_FOUND: "there is nothing at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "what is at this address does not take this method",
    HTTPStatus.INTERNAL_SERVER_ERROR: "the server has failed; its log says where",
}


async def _answer_error(_: Request, error: Exception) -> Response:
    """Answer in JSON, as clients that look for metadata read every answer."""
    known = error if isinstance(error, HTTPException) else HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR)
    status = HTTPStatus(known.status_code)
    answer = problem(status, _DETAILS.get(status, status.description), known.headers)
    return Response(answer.body, answer.status, answer.headers)


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Listen until SIGINT or SIGTERM, then finish what has begun. Raises ConfigurationError.

    Without `MCP_FILES_ROOT`, the tools for files get a folder that lasts as long as the server.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not settings.auth_enabled and not is_loopback(f"//{address}"):
        raise ConfigurationError(
            "MCP_AUTH_ENABLED", f"it is false, and {host} is not loopback", "Set it to true, or listen on 127.0.0.1"
        )
    _log_to_stderr()
    with _listening(host, port, address) as listener, _with_files(settings) as complete:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(complete),
                http=PunctualProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        # Uvicorn raises the signal again once it has stopped; that would turn an orderly end into a failure.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, server.handle_exit)
        sys.stderr.write(_greeting(settings, address))
        server.run(sockets=[listener])


@contextmanager
def _listening(host: str, port: int, address: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once; without, each waits 40 ms for an acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            wrong = f"nothing can listen on {address}: {error.strerror}"
            raise ConfigurationError("--port", wrong, "Choose another, and the same in MCP_RESOURCE_URL") from None
        yield listener


@contextmanager
def _with_files(settings: Settings) -> Iterator[Settings]:
    if settings.files_root is not None:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="mcp-auth-ref-") as folder:
        Path(folder, "welcome.txt").write_text("This folder lasts as long as the server.\n", encoding="utf-8")
        yield settings.model_copy(update={"files_root": Path(folder)})


def _greeting(settings: Settings, address: str) -> str:
    names = ", ".join(settings.allowed_hosts)
    lines = {
        "listens on": f"http://{address}{urlsplit(settings.resource_url).path}",
        "resource": settings.resource_url,
        "called as": names if address in settings.allowed_hosts else f"{names}, and not as {address}",
        "issuer": settings.issuer,
        "algorithm": settings.jwt_algorithm,
        "files": str(settings.files_root or "a folder that lasts as long as the server; MCP_FILES_ROOT names another"),
        "token": "generate-mcp-token --user-id you",
    }
    if not settings.auth_enabled:
        lines |= {"token": "none: authentication is off, and every answer says so (MCP-Auth: disabled)"}
    return "".join(f"{name:12}{value}\n" for name, value in lines.items())


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_PlainFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    for noisy in ("mcp", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").addFilter(_worth_logging)


class _PlainFormatter(logging.Formatter):
    """Write what callers have a say in so that it looks like no line of its own, and no terminal obeys it."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).translate(_ESCAPES).replace("\n", "\n    ")


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}
_PERHAPS_SECRET = re.compile(r"[^/]{40,}")  # longer than a UUID, shorter than a token


def _worth_logging(record: logging.LogRecord) -> bool:
    """Leave out probes, the query of every path, and what is long in a path: people put tokens there."""
    match record.args:
        case (client, method, str(path), *rest):
            record.args = (client, method, _PERHAPS_SECRET.sub("…", path.partition("?")[0]), *rest)
            return path not in ("/health", "/ready")
    return True
