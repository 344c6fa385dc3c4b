"""The development authorization server: `/token`, `/revoke` and `/introspect`, and the metadata that lead there.

It issues tokens to the clients of the settings and refreshes what was issued by command. What a request needs of the
store happens in a thread, so that a slow disk or network keeps no other request waiting; a store that hangs is given up
after a few seconds, and when all threads wait for it, so is the next request.
"""

import base64
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote_plus

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from mcp_auth_ref.core import grants
from mcp_auth_ref.core.clients import Client, authenticated
from mcp_auth_ref.core.discovery import describe
from mcp_auth_ref.core.errors import (
    AuthError,
    GrantRefused,
    InvalidClient,
    InvalidGrant,
    InvalidKey,
    InvalidRequest,
    InvalidScope,
    InvalidToken,
    RateLimited,
    RefreshTokenReused,
    StoreUnavailable,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from mcp_auth_ref.core.grants import Revocation
from mcp_auth_ref.core.scopes import is_scope_list
from mcp_auth_ref.core.tokens import Claims, TokenIssuer
from mcp_auth_ref.events import Event, Listener, nobody
from mcp_auth_ref.refresh import Issued, RefreshTokens
from mcp_auth_ref.server.limits import ClientLimits
from mcp_auth_ref.server.problems import status_of, when
from mcp_auth_ref.server.resource import Verifier

logger = logging.getLogger(__name__)

GRANTS = ("client_credentials", "refresh_token")
MAX_FORM_BYTES = 16 * 1024
_MAX_FIELDS = 30
_THREADS = 16
_THREAD_SECONDS = 2
_NO_STORE = {"cache-control": "no-store"}
_Result = TypeVar("_Result")
Form: TypeAlias = Mapping[str, str]


def authorization_metadata(issuer: str, scopes: tuple[str, ...]) -> dict[str, object]:
    """Describe the authorization server (RFC 8414, section 2), without what it does not have."""
    base = issuer.removesuffix("/")
    with_secret = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": issuer,
        "token_endpoint": f"{base}/token",
        "token_endpoint_auth_methods_supported": [*with_secret, "none"],
        "grant_types_supported": list(GRANTS),
        "response_types_supported": [],
        "scopes_supported": list(scopes),
        "revocation_endpoint": f"{base}/revoke",
        "revocation_endpoint_auth_methods_supported": [*with_secret, "none"],
        "introspection_endpoint": f"{base}/introspect",
        "introspection_endpoint_auth_methods_supported": with_secret,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServer:
    """Answers at the three endpoints, in OAuth's own form.

    `issuer` and `own` are the issuer and the verifier whose keys are good at this moment; `own` knows of no revocation,
    and `verifier` does. `revoke_one` writes a revocation and lets this process know at once.
    """

    clients: Mapping[str, Client]
    issuer: Callable[[], TokenIssuer]
    own: Callable[[], Verifier]
    verifier: Verifier
    refresh_tokens: RefreshTokens
    revoke_one: Callable[[Revocation], None]
    clock: Callable[[], float]
    limits: ClientLimits | None = None
    tell: Listener = nobody
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_THREADS))

    async def token(self, request: Request) -> Response:
        """Issue or refresh (RFC 6749, sections 4.4 and 6)."""
        return await self._answered(self._token, request)

    async def revoke(self, request: Request) -> Response:
        """Take back a token of the client that asks (RFC 7009). What is no token is answered like one."""
        return await self._answered(self._revoke, request)

    async def introspect(self, request: Request) -> Response:
        """Say what a token is worth, to a client with a secret (RFC 7662)."""
        return await self._answered(self._introspect, request)

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        client, grant, now = await self._client(request, form), _required(form, "grant_type"), self.clock()
        if grant == "client_credentials":
            issued = await self._in_thread(request, lambda tell: self._own_token(client, form, now=now, tell=tell))
        elif grant == "refresh_token":
            issued = await self._in_thread(request, lambda tell: self._refreshed(client, form, now=now, tell=tell))
        else:
            raise UnsupportedGrantType(GRANTS)
        return JSONResponse(_response(issued), headers=_NO_STORE)

    def _own_token(self, client: Client, form: Form, *, now: float, tell: Listener) -> Issued:
        if client.is_public:
            raise UnauthorizedClient
        issuer, scopes = self.issuer(), grants.granted_scopes(client.scopes, _scopes(form))
        grants.check_target(issuer.audience, form.get("resource"))
        if client.refresh:
            return self.refresh_tokens.start(subject=client.id, client_id=client.id, scopes=scopes, now=now, tell=tell)
        token_id = secrets.token_urlsafe(16)
        token = issuer.issue(subject=client.id, client_id=client.id, scopes=scopes, now=int(now), token_id=token_id)
        tell(Event(kind="issue", at=now, subject=client.id, client_id=client.id, token_id=token_id))
        return Issued(token, issuer.lifetime, scopes)

    def _refreshed(self, client: Client, form: Form, *, now: float, tell: Listener) -> Issued:
        return self.refresh_tokens.refresh(
            _required(form, "refresh_token"),
            client_id=client.id,
            now=now,
            scopes=_scopes(form),
            resource=form.get("resource"),
            tell=tell,
        )

    async def _revoke(self, request: Request) -> Response:
        form = await _form(request)
        client, token, now = await self._client(request, form), _required(form, "token"), self.clock()
        take_back = self._end_family if grants.is_refresh_token(token) else self._end_token
        await self._in_thread(request, lambda tell: take_back(client, token, now=now, tell=tell))
        return Response(status_code=HTTPStatus.OK, headers=_NO_STORE)

    def _end_family(self, client: Client, token: str, *, now: float, tell: Listener) -> None:
        family = self.refresh_tokens.family(token, now=now)
        if family is not None:
            _check_owner(client, family.client_id)
            self.refresh_tokens.end(family, now=now)
            tell(Event(kind="revoke", at=now, subject=family.subject, client_id=client.id, family=family.id))

    def _end_token(self, client: Client, token: str, *, now: float, tell: Listener) -> None:
        claims = _accepted(self.own(), token, now=now)
        if claims is not None:
            _check_owner(client, claims.client_id)
            self.revoke_one(Revocation("token", claims.issuer, claims.token_id, now, claims.expires_at + 120))
            token_id, subject = claims.token_id, claims.subject
            tell(Event(kind="revoke", at=now, subject=subject, client_id=client.id, token_id=token_id))

    async def _introspect(self, request: Request) -> Response:
        form = await _form(request)
        client, token, now = await self._client(request, form), _required(form, "token"), self.clock()
        if client.is_public:
            raise InvalidClient
        if grants.is_refresh_token(token):
            document = await self._in_thread(request, lambda _: self._seen_refresh_token(client, token, now=now))
        else:
            document = _seen_access_token(_accepted(self.verifier, token, now=now))
        return JSONResponse(document, headers=_NO_STORE)

    def _seen_refresh_token(self, client: Client, token: str, *, now: float) -> dict[str, object]:
        family = self.refresh_tokens.family(token, now=now)
        is_theirs = family is not None and family.client_id == client.id
        if family is None or not is_theirs or not self.refresh_tokens.is_active(family, token, now=now):
            return {"active": False}
        return {
            "active": True,
            "scope": " ".join(family.scopes),
            "client_id": family.client_id,
            "sub": family.subject,
            "aud": family.audience,
            "iss": family.issuer,
            "iat": int(family.rotated_at),
            "exp": int(self.refresh_tokens.expiry_of(family)),
        }

    async def _client(self, request: Request, form: Form) -> Client:
        client_id, secret = _credentials(request, form)
        if self.limits is None:
            return authenticated(self.clients, client_id, secret)
        known = client_id if client_id in self.clients else None
        self.limits.check(request.scope, known)
        try:
            client = authenticated(self.clients, client_id, secret)
        except InvalidClient:
            await self.limits.failed(request.scope, known)
            raise
        await self.limits.asks(request.scope, client.id, is_public=client.is_public)
        return client

    async def _in_thread(self, request: Request, work: Callable[[Listener], _Result]) -> _Result:
        """Do the work in a thread, and tell afterwards, here, what it had to tell."""
        events: list[Event] = []
        await self._wait_for_a_thread(work)
        try:
            return await anyio.to_thread.run_sync(work, events.append, limiter=anyio.CapacityLimiter(1))
        finally:
            self.threads.release_on_behalf_of(work)
            for event in events:
                self._tell(request, event)

    async def _wait_for_a_thread(self, borrower: object) -> None:
        try:
            with anyio.fail_after(_THREAD_SECONDS):
                await self.threads.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise StoreUnavailable("every thread is waiting for it") from None

    async def _answered(self, answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
        try:
            return await answer(request)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        except RateLimited as error:  # the first of a window has been told and logged
            return _refused(error)
        except (GrantRefused, InvalidClient, InvalidKey, InvalidRequest, StoreUnavailable) as error:
            logger.info("refused a request, %s: %s", error.code, error)
            if not isinstance(error, RefreshTokenReused):  # that has been told already
                self._tell(request, Event(kind="refuse", at=self.clock(), code=error.code))
            return _refused(error)

    def _tell(self, request: Request, event: Event) -> None:
        if self.tell is not nobody:
            address = request.client.host if request.client else None
            self.tell(replace(event, request_id=request.scope.get("state", {}).get("request_id"), address=address))


def _refused(error: AuthError) -> Response:
    document = {"error": error.public_code, "error_description": describe(error)}
    challenge = {"www-authenticate": 'Basic realm="mcp-auth-ref"'} if isinstance(error, InvalidClient) else {}
    return JSONResponse(document, status_of(error), {**_NO_STORE, **challenge, **when(error)})


async def _form(request: Request) -> Form:
    """Read the parameters (RFC 6749, section 3.2): one form, each name once, those without a value left out."""
    if request.scope["query_string"]:
        raise InvalidRequest("the parameters belong into the body, where no log writes them down")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise InvalidRequest("the Content-Type of the body is not application/x-www-form-urlencoded")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            raise InvalidRequest(f"the body has more than {MAX_FORM_BYTES} bytes")
    return _parameters(bytes(body))


def _parameters(body: bytes) -> Form:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise InvalidRequest("the body is not a form in UTF-8, or has too many fields") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("a parameter comes more than once")
    return {name: value for name, value in form.items() if value}


def _required(form: Form, name: str) -> str:
    if name not in form:
        raise InvalidRequest(f"the parameter {name} is missing")
    return form[name]


def _scopes(form: Form) -> tuple[str, ...]:
    scope = form.get("scope", "")
    if not is_scope_list(scope):
        raise InvalidScope([scope])
    return tuple(scope.split())


def _credentials(request: Request, form: Form) -> tuple[str, str | None]:
    """Return the client's name and secret, from the header or from the form (RFC 6749, section 2.3.1)."""
    fields = request.headers.getlist("authorization")
    if not fields:
        if "client_id" not in form:
            raise InvalidClient
        return form["client_id"], form.get("client_secret")
    if len(fields) > 1 or "client_secret" in form:
        raise InvalidRequest("the client says in more than one way who it is")
    client_id, secret = _basic(fields[0])
    if form.get("client_id", client_id) != client_id:
        raise InvalidRequest("client_id is not the client of the Authorization header")
    return client_id, secret or None


def _basic(header: str) -> tuple[str, str]:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient
    try:
        client_id, colon, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        raise InvalidClient from None
    if not colon:
        raise InvalidClient
    return unquote_plus(client_id), unquote_plus(secret)


def _check_owner(client: Client, owner: str) -> None:
    if client.id != owner:
        raise InvalidGrant("the token was issued to another client")


def _accepted(verifier: Verifier, token: str, *, now: float) -> Claims | None:
    try:
        return verifier.verify(token, now=now)
    except InvalidToken:
        return None


def _seen_access_token(claims: Claims | None) -> dict[str, object]:
    """Say what RFC 7662, section 2.2, has names for."""
    if claims is None:
        return {"active": False}
    shown = ("scope", "client_id", "username", "exp", "iat", "nbf", "sub", "aud", "iss", "jti", "sid")
    payload = claims.payload
    return {"active": True, "token_type": "Bearer", **{name: payload[name] for name in shown if name in payload}}


def _response(issued: Issued) -> dict[str, object]:
    document: dict[str, object] = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "scope": " ".join(issued.scopes),
    }
    return document if issued.refresh_token is None else {**document, "refresh_token": issued.refresh_token}
