"""Refusals as HTTP answers: problem documents (RFC 9457), the one table of statuses, and the challenge beside them."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from mcp_auth_ref.core.discovery import challenge_for, describe
from mcp_auth_ref.core.errors import (
    AuthError,
    BodyTooLarge,
    ForbiddenOrigin,
    GrantRefused,
    InsufficientScope,
    InternalError,
    InvalidArguments,
    InvalidClient,
    InvalidKey,
    InvalidParameters,
    InvalidRequest,
    InvalidToken,
    MethodNotAllowed,
    MisdirectedHost,
    MissingToken,
    RateLimited,
    ResultTooLarge,
    ServerDisconnected,
    ServerUnavailable,
    StoreUnavailable,
    TokenNotChecked,
    ToolTimeout,
    UnknownAddress,
    UnknownServer,
    UnknownTool,
    UnsupportedMediaType,
    help_url,
)

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[AuthError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    MissingToken: HTTPStatus.UNAUTHORIZED,
    InvalidToken: HTTPStatus.UNAUTHORIZED,
    InsufficientScope: HTTPStatus.FORBIDDEN,
    GrantRefused: HTTPStatus.BAD_REQUEST,
    InvalidClient: HTTPStatus.UNAUTHORIZED,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    InvalidKey: HTTPStatus.SERVICE_UNAVAILABLE,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    ForbiddenOrigin: HTTPStatus.FORBIDDEN,
    MisdirectedHost: HTTPStatus.MISDIRECTED_REQUEST,
    TokenNotChecked: HTTPStatus.SERVICE_UNAVAILABLE,
    UnknownAddress: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidParameters: HTTPStatus.UNPROCESSABLE_ENTITY,
    InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnknownServer: HTTPStatus.NOT_FOUND,
    UnknownTool: HTTPStatus.NOT_FOUND,
    InvalidArguments: HTTPStatus.UNPROCESSABLE_ENTITY,
    ServerUnavailable: HTTPStatus.BAD_GATEWAY,
    ToolTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    ResultTooLarge: HTTPStatus.BAD_GATEWAY,
    ServerDisconnected: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A whole answer, and an ASGI application that gives it to whoever asks."""

    status: HTTPStatus
    document: Mapping[str, object]
    headers: Mapping[str, str]

    @property
    def body(self) -> bytes:
        """The document as it is sent."""
        return json.dumps(self.document).encode()

    async def __call__(self, _scope: "Scope", _receive: "Receive", send: "Send") -> None:
        """Give the answer."""
        body = self.body
        headers = {**self.headers, "content-length": str(len(body))}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status.value, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Problem:
    """Say what the status alone means (`about:blank`, RFC 9457, section 4.2.1), and what to do in this case."""
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return _problem(status, document, headers or {})


def refusal(error: AuthError, headers: Mapping[str, str] | None = None) -> Problem:
    """Answer a refusal of this package: `type` is the address of the guide's section on it."""
    return _refusal(error, {**when(error), **(headers or {})})


def failure(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Answer what a router or a framework refuses with no more than a status."""
    match status:
        case HTTPStatus.NOT_FOUND:
            return refusal(UnknownAddress())
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return refusal(MethodNotAllowed(), headers)
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return refusal(InternalError())
    known = HTTPStatus(status)
    return problem(known, known.description or known.phrase, headers)


def challenge(error: AuthError, *, metadata_url: str, scopes: Collection[str]) -> Problem:
    """Answer a refusal that a client may mend, with the challenge that says how (RFC 6750, section 3)."""
    value = str(challenge_for(error, metadata_url=metadata_url, scopes=scopes))
    return _refusal(error, {"www-authenticate": value})


def when(error: AuthError) -> Mapping[str, str]:
    """Say when it may pass (RFC 9110, section 10.2.3; draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4)."""
    if not isinstance(error, RateLimited):
        return {"retry-after": str(error.retry_after)} if isinstance(error, StoreUnavailable) else {}
    return {
        "retry-after": str(error.retry_after),
        "ratelimit-policy": f'"{error.policy}";q={error.quota};w={error.window}',
        "ratelimit": f'"{error.policy}";r=0;t={error.retry_after}',
    }


def status_of(error: AuthError) -> HTTPStatus:
    """Return the status of a refusal."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _refusal(error: AuthError, headers: Mapping[str, str]) -> Problem:
    status = status_of(error)
    code = error.public_code
    document = {
        "type": help_url(code),
        "title": code.replace("_", " ").capitalize(),
        "status": status.value,
        "detail": str(error) if code == error.code else describe(error),
        "code": code,
        **({"required_scopes": error.required} if isinstance(error, InsufficientScope) else {}),
        **{name: getattr(error, name) for name in error.public_data},
    }
    return _problem(status, document, headers)


def _problem(status: HTTPStatus, document: Mapping[str, object], headers: Mapping[str, str]) -> Problem:
    return Problem(status, document, {"content-type": MEDIA_TYPE, "cache-control": "no-store", **headers})
