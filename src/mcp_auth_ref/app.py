"""The whole server: from settings to an application.

What stands around what, from the outside in:

Observed                    under which name the request is told of; around it, where there is one, a span
TrustedProxies              who has sent it, where a named proxy stands in between
OverTls                     whether it has come over TLS, where the public address is https
RequireKnownCaller          by the right name, and from no page of a foreign site
  CORSMiddleware            answers preflights, shows the challenge to pages that may call
    ApiKeyHeader            where a second header may carry an API key
    LimitFailures           how often what comes from one address has been refused
    RequireToken            who calls, and whether that was revoked
      RequireToolScopes     what for, and how often (CallLimits), at /mcp
        StatelessEndpoint   the SDK's server, with the tools of the hub
      RequireOperationScopes  the same, at /api/v1/mcp
        StrictJson          bodies in one reading
          create_gateway    the REST gateway, with the same tools
"""

import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from fastapi import FastAPI
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
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
from mcp_auth_ref.audit import AuditLog, audit_from
from mcp_auth_ref.core.discovery import AUTHORIZATION_SERVER, PROTECTED_RESOURCE, resource_metadata, well_known
from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.keys import SigningKey
from mcp_auth_ref.core.limits import Rate
from mcp_auth_ref.core.rotation import JWKS_MAX_AGE
from mcp_auth_ref.core.scopes import METRICS_READ, ROLES
from mcp_auth_ref.core.tokens import TokenIssuer, TokenVerifier
from mcp_auth_ref.events import Listener, all_of
from mcp_auth_ref.metrics import Metrics
from mcp_auth_ref.refresh import refresh_tokens_from
from mcp_auth_ref.server.apikeys import ApiKeyHeader, LiveApiKeys, TokensAndApiKeys
from mcp_auth_ref.server.authorization import AuthorizationServer, authorization_metadata
from mcp_auth_ref.server.bodies import MAX_BODY_BYTES, StrictJson
from mcp_auth_ref.server.cache import VerifiedTokenCache
from mcp_auth_ref.server.callers import RequireKnownCaller
from mcp_auth_ref.server.calls import CALL_SCOPES
from mcp_auth_ref.server.counters import Counter, MemoryCounter, RedisCounter, SharedCounts, shared_counts
from mcp_auth_ref.server.disabled import AuthenticationDisabled
from mcp_auth_ref.server.following import LiveKeys
from mcp_auth_ref.server.gateway import (
    FIRST_SCOPES,
    PREFIX,
    PUBLIC,
    Below,
    HeadAsGet,
    RequireOperationScopes,
    connected,
    create_gateway,
)
from mcp_auth_ref.server.limits import LIMIT_FIELDS, CallLimits, ClientLimits, LimitFailures, Limits, accepted_by
from mcp_auth_ref.server.mcp import RequireToolScopes, StatelessEndpoint
from mcp_auth_ref.server.observed import Observed
from mcp_auth_ref.server.problems import failure
from mcp_auth_ref.server.proxies import OverTls, TrustedProxies
from mcp_auth_ref.server.resource import RequireToken, Verifier
from mcp_auth_ref.server.tools import create_server, own_scopes
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.stores.revocations import Revocations, opened
from mcp_auth_ref.toolhub import InProcessServer, ServerConfig, ToolHub, read_servers
from mcp_auth_ref.trust import clients_from, issuer_with

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_Document: TypeAlias = Callable[[], Mapping[str, object]]

JWKS_PATH = "/.well-known/jwks.json"
METADATA_AGE = f"public, max-age={JWKS_MAX_AGE}"


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    elapsed: Callable[[], float] = time.monotonic,
    tracer_provider: "TracerProvider | None" = None,
) -> ASGIApp:
    """Return the server of these settings. Raises ConfigurationError.

    `tracer_provider` is OpenTelemetry's, for spans of the requests and of the calls of tools.
    """
    traced, spans = _tracing(tracer_provider)
    documents: dict[str, _Document] = {}
    oauth: list[Route] = []
    audit = audit_from(settings, stream=sys.stdout)
    metrics = Metrics()
    metrics.watch(audit=audit)
    tell = all_of(listener for listener in (audit, metrics, spans) if listener is not None)
    hub = _hub(settings, clock=clock, tell=tell)
    manager = _session_manager(hub)
    gateway = create_gateway(
        hub,
        server=_origin(settings.resource_url),
        timeout=settings.tool_timeout_secs,
        metadata_url=_metadata_url(settings) if settings.auth_enabled else None,
    )
    mcp: ASGIApp = StatelessEndpoint(manager)
    rest: ASGIApp = StrictJson(gateway)
    lasting: list[Callable[[], AbstractAsyncContextManager[object]]] = [
        partial(_written, audit, clock),
        lambda: hub,
        manager.run,
    ]
    for_metrics: list[Middleware] = []
    keys: LiveKeys | None = None
    api_keys: LiveApiKeys | None = None
    revocations: Revocations | None = None
    shared: SharedCounts | None = None
    if settings.auth_enabled:
        keys = LiveKeys(settings, clock=clock, tell=tell)
        store_url = settings.store_url.get_secret_value()
        revocations = opened(store_url, stale=settings.store_stale_secs, elapsed=elapsed, clock=clock)
        cache = VerifiedTokenCache(keys.verifier, revoked=revocations.is_revoked)
        keys.replace = cache.replace
        api_keys = LiveApiKeys(settings, is_revoked=revocations.is_revoked, clock=clock, tell=tell)
        verifier = TokensAndApiKeys(cache, api_keys)
        lasting += [keys.following, api_keys.following, revocations.following]
        documents = _documents(settings, keys)
        shared = shared_counts(store_url) if settings.rate_limit_enabled else None
        lasting += [lambda: shared] if shared else []
        limits = _limits(settings, shared, clock=clock, tell=tell) if settings.rate_limit_enabled else None
        guard = partial(_with_token, settings=settings, verifier=verifier, limits=limits, clock=clock, tell=tell)
        mcp = guard(_with_tool_scopes(mcp, hub, settings, limits=limits, clock=clock, tell=tell), scopes=CALL_SCOPES)
        rest = _with_operation_scopes(rest, gateway, hub, settings, limits=limits, clock=clock, tell=tell)
        rest = guard(rest, scopes=FIRST_SCOPES)
        if _issues_here(settings, keys):
            authorization = _authorization(settings, keys, cache, revocations, limits=limits, clock=clock, tell=tell)
            oauth = _oauth_routes(authorization, settings)
            documents |= _oauth_documents(settings)
        for_metrics = [Middleware(guard, scopes=[METRICS_READ], required=[METRICS_READ])]
        metrics.watch(cache=cache, store=revocations)
    cors = [_cors(settings.allowed_origins)]
    app = Starlette(
        routes=[
            Route("/health", _health),
            Route("/ready", _ready),
            Route("/metrics", partial(_metrics, metrics), methods=["GET"], middleware=for_metrics),
            *(_document(path, document) for path, document in documents.items()),
            *oauth,
            Route(urlsplit(settings.resource_url).path or "/", mcp, middleware=cors),
            *(Route(path, HeadAsGet(gateway), middleware=cors) for path in PUBLIC),
            Below(PREFIX, HeadAsGet(rest), middleware=cors),
        ],
        lifespan=_lifespan(*lasting),
        exception_handlers={HTTPException: _answer_error, Exception: _answer_error},
    )
    app.router.redirect_slashes = False
    app.state.authentication = "enabled" if settings.auth_enabled else "disabled"
    app.state.hub = hub
    app.state.followed = tuple(each for each in (keys, api_keys) if each is not None)
    app.state.revocations = revocations
    app.state.shared = shared
    return Observed(traced(_entrance(app, settings, clock=clock, tell=tell)), answered=metrics.answered)


def _hub(settings: Settings, *, clock: Callable[[], float], tell: Listener) -> ToolHub:
    return ToolHub(
        servers_of(settings),
        timeout=settings.tool_timeout_secs,
        max_result_bytes=settings.max_result_bytes,
        tell=tell,
        clock=clock,
    )


def servers_of(settings: Settings) -> Mapping[str, ServerConfig]:
    """Return the servers that the configuration names, or the demonstration server. Raises ConfigurationError."""
    if settings.servers_file is not None:
        return read_servers(settings.servers_file, os.environ)
    return {"demo": InProcessServer(demo.create_server(settings.files_root), tool_scopes=demo.TOOL_SCOPES)}


def _tracing(provider: "TracerProvider | None") -> tuple[Callable[[ASGIApp], ASGIApp], Listener | None]:
    """Return the ring that traces requests, and the listener beside it; without a provider, neither does anything."""
    if provider is None:
        return (lambda app: app), None
    from mcp_auth_ref.traces import Traced, spans, tracer_of  # noqa: PLC0415 - it needs the extra `otel`

    tracer = tracer_of(provider)
    return partial(Traced, tracer=tracer), spans(tracer)


def _entrance(app: ASGIApp, settings: Settings, *, clock: Callable[[], float], tell: Listener) -> ASGIApp:
    """Put the rings that every request passes around the application, the innermost first."""
    app = RequireKnownCaller(
        app, hosts=settings.allowed_hosts, origins=settings.allowed_origins, clock=clock, tell=tell
    )
    if settings.auth_enabled and settings.resource_url.startswith("https://"):
        credentials = filter(None, ("Authorization", settings.api_key_header))
        app = OverTls(app, credentials=credentials, clock=clock, tell=tell)
    if settings.auth_enabled and settings.trusted_proxies:
        app = TrustedProxies(app, proxies=settings.trusted_proxies, clock=clock, tell=tell)
    return app if settings.auth_enabled else AuthenticationDisabled(app)


def _limits(settings: Settings, shared: SharedCounts | None, *, clock: Callable[[], float], tell: Listener) -> Limits:
    """Count in Redis where that is the store, so that replicas share what they let pass; else in this process."""

    def counter(name: str, rate: Rate) -> Counter:
        alone = settings.rate_limit_without_store == "count"
        return RedisCounter(rate, shared, name=name, alone=alone) if shared else MemoryCounter(rate)

    window = settings.rate_limit_window_secs
    requests, failures = Rate(settings.rate_limit_requests, window), Rate(settings.rate_limit_failures, window)
    return Limits(
        CallLimits(
            counter("subject", requests),
            {tool: counter(f"tool/{tool}", rate) for tool, rate in settings.tool_limits.items()},
            clock=clock,
            tell=tell,
        ),
        failures=counter("address", failures),
        clients=ClientLimits(counter("client", requests), counter("secret", failures), clock=clock, tell=tell),
    )


def _with_token(
    app: ASGIApp,
    *,
    settings: Settings,
    scopes: Collection[str],
    verifier: Verifier,
    limits: Limits | None,
    clock: Callable[[], float],
    tell: Listener,
    required: Collection[str] = (),
) -> ASGIApp:
    """Put the rings around an application that nobody enters without a token, the innermost first."""
    guard: ASGIApp = RequireToken(
        app,
        verifier=verifier,
        metadata_url=_metadata_url(settings),
        scopes=required,
        challenge_scopes=scopes,
        clock=clock,
        tell=tell,
    )
    if limits is not None:
        guard = LimitFailures(guard, limits.failures, is_good=accepted_by(verifier, clock), clock=clock, tell=tell)
    if settings.api_key_header is None or settings.api_keys_file is None:
        return guard
    return ApiKeyHeader(
        guard,
        header=settings.api_key_header,
        metadata_url=_metadata_url(settings),
        challenge_scopes=scopes,
        clock=clock,
        tell=tell,
    )


def _with_tool_scopes(
    app: ASGIApp,
    hub: ToolHub,
    settings: Settings,
    *,
    limits: Limits | None,
    clock: Callable[[], float],
    tell: Listener,
) -> ASGIApp:
    return RequireToolScopes(
        app,
        tools=partial(own_scopes, hub),
        metadata_url=_metadata_url(settings),
        limits=limits.calls if limits else None,
        clock=clock,
        tell=tell,
    )


def _with_operation_scopes(
    app: ASGIApp,
    gateway: FastAPI,
    hub: ToolHub,
    settings: Settings,
    *,
    limits: Limits | None,
    clock: Callable[[], float],
    tell: Listener,
) -> ASGIApp:
    return RequireOperationScopes(
        app,
        routes=gateway.routes,
        tools=partial(own_scopes, hub),
        metadata_url=_metadata_url(settings),
        limits=limits.calls if limits else None,
        clock=clock,
        tell=tell,
    )


def _metadata_url(settings: Settings) -> str:
    return well_known(settings.resource_url, PROTECTED_RESOURCE)


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def _session_manager(hub: ToolHub) -> StreamableHTTPSessionManager:
    """Return what serves each MCP request by itself. Host and Origin are checked before it."""
    return StreamableHTTPSessionManager(
        create_server(hub, title=demo.TITLE, instructions=demo.INSTRUCTIONS),
        json_response=True,
        stateless=True,
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        max_request_body_size=MAX_BODY_BYTES,
    )


def _lifespan(
    *lasting: Callable[[], AbstractAsyncContextManager[object]],
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Open what lasts as long as the server, in this order, and close it the other way round."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for opened in lasting:
                await stack.enter_async_context(opened())
            app.state.ready = True
            yield
            app.state.ready = False

    return lifespan


@asynccontextmanager
async def _written(audit: AuditLog | None, clock: Callable[[], float]) -> AsyncIterator[None]:
    """Open the audit log while the server runs."""
    if audit is None:
        yield
        return
    with audit:
        audit.begin(clock())
        yield


def _documents(settings: Settings, keys: LiveKeys) -> dict[str, _Document]:
    """Return what is published under `/.well-known/`, by path. Every address in it comes from the settings."""
    metadata = resource_metadata(
        resource=settings.resource_url,
        authorization_servers=keys.issuers,
        scopes_supported=CALL_SCOPES,
    )
    return {
        f"/.well-known/{PROTECTED_RESOURCE}": lambda: metadata,
        urlsplit(well_known(settings.resource_url, PROTECTED_RESOURCE)).path: lambda: metadata,
        JWKS_PATH: keys.jwks,
    }


def _issues_here(settings: Settings, keys: LiveKeys) -> bool:
    """Tell whether this server is its issuer: it has a key to sign with, and answers where the issuer is."""
    own = keys.own
    can_sign = own is not None and any(isinstance(key, SigningKey) for key in own.keys.keys)
    return can_sign and urlsplit(settings.issuer).netloc in settings.allowed_hosts


def _authorization(
    settings: Settings,
    keys: LiveKeys,
    verifier: VerifiedTokenCache,
    revocations: Revocations,
    *,
    limits: Limits | None,
    clock: Callable[[], float],
    tell: Listener,
) -> AuthorizationServer:
    def issuer() -> TokenIssuer:
        return issuer_with(settings, own().keys)

    def own() -> TokenVerifier:
        if keys.own is None:
            raise ConfigurationError("MCP_KEYS_FILE", "it has no key of this server any more", "Put one into it")
        return keys.own

    store, revoke = revocations.store, revocations.revoke
    return AuthorizationServer(
        clients=clients_from(settings),
        issuer=issuer,
        own=own,
        verifier=verifier,
        refresh_tokens=refresh_tokens_from(settings, issuer=issuer, store=store, revoke=revoke),
        revoke_one=revoke,
        limits=limits.clients if limits else None,
        clock=clock,
        tell=tell,
    )


def _oauth_documents(settings: Settings) -> dict[str, _Document]:
    parts, scopes = urlsplit(settings.issuer), ROLES["superadmin"]
    jwks_uri = f"{parts.scheme}://{parts.netloc}{JWKS_PATH}"
    document = {**authorization_metadata(settings.issuer, scopes), "jwks_uri": jwks_uri}
    return {urlsplit(well_known(settings.issuer, AUTHORIZATION_SERVER)).path: lambda: document}


def _oauth_routes(authorization: AuthorizationServer, settings: Settings) -> list[Route]:
    base, cors = urlsplit(settings.issuer).path.removesuffix("/"), [_cors(settings.allowed_origins)]
    return [
        Route(f"{base}/token", authorization.token, methods=["POST", "OPTIONS"], middleware=cors),
        Route(f"{base}/revoke", authorization.revoke, methods=["POST", "OPTIONS"], middleware=cors),
        Route(f"{base}/introspect", authorization.introspect, methods=["POST"]),
    ]


def _document(path: str, document: _Document) -> Route:
    """Publish a document to the pages of every site. OPTIONS is for their preflights."""

    async def answer(_: Request) -> Response:
        return JSONResponse(document(), headers={"cache-control": METADATA_AGE})

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
        expose_headers=["WWW-Authenticate", "MCP-Protocol-Version", "Mcp-Session-Id", "X-Request-Id", *LIMIT_FIELDS],
    )


async def _metrics(metrics: Metrics, request: Request) -> Response:
    page, media_type = metrics.page(request.headers.get("accept", ""))
    return Response(page, headers={**_FRESH, "content-type": media_type})


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok", "authentication": request.app.state.authentication}, headers=_FRESH)


async def _ready(request: Request) -> Response:
    state = request.app.state
    is_open, store = getattr(state, "ready", False), _store_of(state.revocations)
    status = "starting" if not is_open else "ready" if store != {"store": "unavailable"} else "waiting"
    document = {
        "status": status,
        "authentication": state.authentication,
        "servers": connected(state.hub).model_dump(),
        **store,
    }
    if any(each.problem is not None for each in state.followed):
        document["keys"] = "stale"
    if state.shared is not None:
        document["limits"] = "counted alone" if state.shared.is_lost else "counted together"
    code = HTTPStatus.OK if status == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(document, code, headers=_FRESH)


def _store_of(revocations: Revocations | None) -> dict[str, str]:
    return {} if revocations is None else {"store": "available" if revocations.is_current else "unavailable"}


_FRESH = {"cache-control": "no-store"}


async def _answer_error(_: Request, error: Exception) -> Response:
    """Answer in JSON, as clients that look for metadata read every answer."""
    known = error if isinstance(error, HTTPException) else HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = failure(known.status_code, known.headers)
    return Response(answer.body, answer.status, answer.headers)
