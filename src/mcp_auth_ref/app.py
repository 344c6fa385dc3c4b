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
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from fastapi import FastAPI
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from mcp_auth_ref import demo
from mcp_auth_ref.audit import AuditLog, audit_from
from mcp_auth_ref.core.discovery import AUTHORIZATION_SERVER, PROTECTED_RESOURCE, resource_metadata, well_known
from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.keys import SigningKey
from mcp_auth_ref.core.limits import Rate
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
    create_gateway,
)
from mcp_auth_ref.server.limits import CallLimits, ClientLimits, LimitFailures, Limits, accepted_by
from mcp_auth_ref.server.mcp import RequireToolScopes, StatelessEndpoint
from mcp_auth_ref.server.observed import Observed
from mcp_auth_ref.server.proxies import OverTls, TrustedProxies
from mcp_auth_ref.server.published import FRESH, Document, Health, answer_error, cors, published
from mcp_auth_ref.server.resource import RequireToken, Verifier
from mcp_auth_ref.server.tools import create_server, own_scopes
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.stores.revocations import Revocations, opened
from mcp_auth_ref.toolhub import InProcessServer, ServerConfig, ToolHub, read_servers
from mcp_auth_ref.trust import clients_from, issuer_with

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

JWKS_PATH = "/.well-known/jwks.json"


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
    world = _world(settings, clock=clock, spans=spans)
    door = _door(world, elapsed=elapsed) if settings.auth_enabled else None
    manager = _session_manager(world.hub)
    app = Starlette(
        routes=[*_public(world, door), *_guarded(world, door, StatelessEndpoint(manager))],
        lifespan=_lifespan(
            partial(_written, world.audit, clock), lambda: world.hub, manager.run, *(door.lasting if door else ())
        ),
        exception_handlers={HTTPException: answer_error, Exception: answer_error},
    )
    app.router.redirect_slashes = False
    return Observed(traced(_entrance(app, world)), answered=world.metrics.answered)


@dataclass(frozen=True, slots=True)
class _World:
    """What every server has, whoever may enter."""

    settings: Settings
    clock: Callable[[], float]
    tell: Listener
    audit: AuditLog | None
    metrics: Metrics
    hub: ToolHub
    gateway: FastAPI


def _world(settings: Settings, *, clock: Callable[[], float], spans: Listener | None) -> _World:
    audit, metrics = audit_from(settings, stream=sys.stdout), Metrics()
    metrics.watch(audit=audit)
    tell = all_of(listener for listener in (audit, metrics, spans) if listener is not None)
    hub = ToolHub(
        servers_of(settings),
        timeout=settings.tool_timeout_secs,
        max_result_bytes=settings.max_result_bytes,
        tell=tell,
        clock=clock,
    )
    gateway = create_gateway(
        hub,
        server=_origin(settings.resource_url),
        timeout=settings.tool_timeout_secs,
        metadata_url=_metadata_url(settings) if settings.auth_enabled else None,
    )
    return _World(settings, clock, tell, audit, metrics, hub, gateway)


def servers_of(settings: Settings) -> Mapping[str, ServerConfig]:
    """Return the servers that the configuration names, or the demonstration server. Raises ConfigurationError."""
    if settings.servers_file is not None:
        return read_servers(settings.servers_file, os.environ)
    return {"demo": InProcessServer(demo.create_server(settings.files_root), tool_scopes=demo.TOOL_SCOPES)}


@dataclass(frozen=True, slots=True)
class _Door:
    """What decides who may enter, and how often."""

    keys: LiveKeys
    api_keys: LiveApiKeys
    revocations: Revocations
    tokens: VerifiedTokenCache
    verifier: Verifier
    shared: SharedCounts | None
    limits: Limits | None

    @property
    def lasting(self) -> Iterator[Callable[[], AbstractAsyncContextManager[object]]]:
        """What is opened with the server and closed with it, the first first."""
        yield from (self.keys.following, self.api_keys.following, self.revocations.following)
        if (shared := self.shared) is not None:
            yield lambda: shared


def _door(world: _World, *, elapsed: Callable[[], float]) -> _Door:
    settings, clock, tell = world.settings, world.clock, world.tell
    keys = LiveKeys(settings, clock=clock, tell=tell)
    store_url = settings.store_url.get_secret_value()
    revocations = opened(store_url, stale=settings.store_stale_secs, elapsed=elapsed, clock=clock)
    tokens = VerifiedTokenCache(keys.verifier, revoked=revocations.is_revoked)
    keys.replace = tokens.replace
    api_keys = LiveApiKeys(settings, is_revoked=revocations.is_revoked, clock=clock, tell=tell)
    shared = shared_counts(store_url) if settings.rate_limit_enabled else None
    world.metrics.watch(cache=tokens, store=revocations)
    return _Door(
        keys=keys,
        api_keys=api_keys,
        revocations=revocations,
        tokens=tokens,
        verifier=TokensAndApiKeys(tokens, api_keys),
        shared=shared,
        limits=_limits(settings, shared, clock=clock, tell=tell) if settings.rate_limit_enabled else None,
    )


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


def _public(world: _World, door: _Door | None) -> Iterator[Route]:
    """Give the addresses that need no token."""
    settings, documents = world.settings, dict[str, Document]()
    health = Health("disabled", world.hub)
    if door is not None:
        health = Health("enabled", world.hub, (door.keys, door.api_keys), door.revocations, door.shared)
        documents = _resource_documents(settings, door.keys)
        if _issues_here(settings, door.keys):
            documents |= _oauth_documents(settings)
            yield from _oauth_routes(_authorization(world, door), settings)
    yield Route("/health", health.health)
    yield Route("/ready", health.ready)
    yield from (published(path, document) for path, document in documents.items())
    yield from (Route(path, HeadAsGet(world.gateway), middleware=[cors(settings.allowed_origins)]) for path in PUBLIC)


def _guarded(world: _World, door: _Door | None, endpoint: ASGIApp) -> Iterator[BaseRoute]:
    """Give the addresses that nobody enters without a token, unless authentication is off."""
    mcp, rest = endpoint, cast("ASGIApp", StrictJson(world.gateway))
    for_metrics: list[Middleware] = []
    if door is not None:
        mcp = _with_token(_with_tool_scopes(mcp, world, door), world, door, scopes=CALL_SCOPES)
        rest = _with_token(_with_operation_scopes(rest, world, door), world, door, scopes=FIRST_SCOPES)
        for_metrics = [Middleware(_with_token, world, door, scopes=[METRICS_READ], required=[METRICS_READ])]
    shown = [cors(world.settings.allowed_origins)]
    yield Route("/metrics", partial(_metrics, world.metrics), methods=["GET"], middleware=for_metrics)
    yield Route(urlsplit(world.settings.resource_url).path or "/", mcp, middleware=shown)
    yield Below(PREFIX, HeadAsGet(rest), middleware=shown)


async def _metrics(metrics: Metrics, request: Request) -> Response:
    page, media_type = metrics.page(request.headers.get("accept", ""))
    return Response(page, headers={**FRESH, "content-type": media_type})


def _with_token(
    app: ASGIApp, world: _World, door: _Door, *, scopes: Collection[str], required: Collection[str] = ()
) -> ASGIApp:
    """Put the rings around an application that nobody enters without a token, the innermost first."""
    settings, clock, tell = world.settings, world.clock, world.tell
    metadata_url = _metadata_url(settings)
    guard: ASGIApp = RequireToken(
        app,
        verifier=door.verifier,
        metadata_url=metadata_url,
        scopes=required,
        challenge_scopes=scopes,
        clock=clock,
        tell=tell,
    )
    if door.limits is not None:
        is_good = accepted_by(door.verifier, clock)
        guard = LimitFailures(guard, door.limits.failures, is_good=is_good, clock=clock, tell=tell)
    if settings.api_key_header is None or settings.api_keys_file is None:
        return guard
    return ApiKeyHeader(
        guard,
        header=settings.api_key_header,
        metadata_url=metadata_url,
        challenge_scopes=scopes,
        clock=clock,
        tell=tell,
    )


def _with_tool_scopes(app: ASGIApp, world: _World, door: _Door) -> ASGIApp:
    return RequireToolScopes(
        app,
        tools=partial(own_scopes, world.hub),
        metadata_url=_metadata_url(world.settings),
        limits=door.limits.calls if door.limits else None,
        clock=world.clock,
        tell=world.tell,
    )


def _with_operation_scopes(app: ASGIApp, world: _World, door: _Door) -> ASGIApp:
    return RequireOperationScopes(
        app,
        routes=world.gateway.routes,
        tools=partial(own_scopes, world.hub),
        metadata_url=_metadata_url(world.settings),
        limits=door.limits.calls if door.limits else None,
        clock=world.clock,
        tell=world.tell,
    )


def _entrance(app: ASGIApp, world: _World) -> ASGIApp:
    """Put the rings that every request passes around the application, the innermost first."""
    settings, clock, tell = world.settings, world.clock, world.tell
    app = RequireKnownCaller(
        app, hosts=settings.allowed_hosts, origins=settings.allowed_origins, clock=clock, tell=tell
    )
    if not settings.auth_enabled:
        return AuthenticationDisabled(app)
    if settings.resource_url.startswith("https://"):
        credentials = filter(None, ("Authorization", settings.api_key_header))
        app = OverTls(app, credentials=credentials, clock=clock, tell=tell)
    if settings.trusted_proxies:
        app = TrustedProxies(app, proxies=settings.trusted_proxies, clock=clock, tell=tell)
    return app


def _tracing(provider: "TracerProvider | None") -> tuple[Callable[[ASGIApp], ASGIApp], Listener | None]:
    """Return the ring that traces requests, and the listener beside it; without a provider, neither does anything."""
    if provider is None:
        return (lambda app: app), None
    from mcp_auth_ref.traces import Traced, spans, tracer_of  # noqa: PLC0415 - it needs the extra `otel`

    tracer = tracer_of(provider)
    return partial(Traced, tracer=tracer), spans(tracer)


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


def _resource_documents(settings: Settings, keys: LiveKeys) -> dict[str, Document]:
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


def _authorization(world: _World, door: _Door) -> AuthorizationServer:
    settings = world.settings

    def issuer() -> TokenIssuer:
        return issuer_with(settings, own().keys)

    def own() -> TokenVerifier:
        if door.keys.own is None:
            raise ConfigurationError("MCP_KEYS_FILE", "it has no key of this server any more", "Put one into it")
        return door.keys.own

    store, revoke = door.revocations.store, door.revocations.revoke
    return AuthorizationServer(
        clients=clients_from(settings),
        issuer=issuer,
        own=own,
        verifier=door.tokens,
        refresh_tokens=refresh_tokens_from(settings, issuer=issuer, store=store, revoke=revoke),
        revoke_one=revoke,
        limits=door.limits.clients if door.limits else None,
        clock=world.clock,
        tell=world.tell,
    )


def _oauth_documents(settings: Settings) -> dict[str, Document]:
    parts, scopes = urlsplit(settings.issuer), ROLES["superadmin"]
    jwks_uri = f"{parts.scheme}://{parts.netloc}{JWKS_PATH}"
    document = {**authorization_metadata(settings.issuer, scopes), "jwks_uri": jwks_uri}
    return {urlsplit(well_known(settings.issuer, AUTHORIZATION_SERVER)).path: lambda: document}


def _oauth_routes(authorization: AuthorizationServer, settings: Settings) -> list[Route]:
    base, shown = urlsplit(settings.issuer).path.removesuffix("/"), [cors(settings.allowed_origins)]
    return [
        Route(f"{base}/token", authorization.token, methods=["POST", "OPTIONS"], middleware=shown),
        Route(f"{base}/revoke", authorization.revoke, methods=["POST", "OPTIONS"], middleware=shown),
        Route(f"{base}/introspect", authorization.introspect, methods=["POST"]),
    ]
