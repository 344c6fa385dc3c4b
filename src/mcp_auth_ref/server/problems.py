"""Refusals as HTTP answers: problem documents (RFC 9457), the one table of statuses, and the challenge beside them."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from mcp_auth_ref.core.discovery import challenge_for, describe
from mcp_auth_ref.core.errors import (
    AuthError,
    ForbiddenOrigin,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    MisdirectedHost,
    MissingToken,
    help_url,
)

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

STATUS: Mapping[type[AuthError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    MissingToken: HTTPStatus.UNAUTHORIZED,
    InvalidToken: HTTPStatus.UNAUTHORIZED,
    InsufficientScope: HTTPStatus.FORBIDDEN,
    ForbiddenOrigin: HTTPStatus.FORBIDDEN,
    MisdirectedHost: HTTPStatus.MISDIRECTED_REQUEST,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A whole answer, and an ASGI application that gives it to whoever asks."""

    status: int
    headers: tuple[tuple[str, str], ...]
    document: Mapping[str, object]

    async def __call__(self, _scope: "Scope", _receive: "Receive", send: "Send") -> None:
        """Give the answer."""
        body = json.dumps(self.document).encode()
        headers = (
            ("content-type", "application/problem+json"),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            *self.headers,
        )
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def problem(status: HTTPStatus, detail: str, *, headers: Iterable[tuple[str, str]] = ()) -> Problem:
    """Say what the status alone means (`about:blank`, RFC 9457, section 4.2.1), and what to do in this case."""
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Problem(status.value, tuple(headers), document)


def refusal(error: AuthError) -> Problem:
    """Answer a refusal of this package: `type` is the address of the guide's section on it."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    code = error.public_code
    document: dict[str, object] = {
        "type": help_url(code),
        "title": code.replace("_", " ").capitalize(),
        "status": status.value,
        "detail": describe(error),
        "code": code,
    }
    if isinstance(error, InsufficientScope):
        document["required_scopes"] = list(error.required)
    return Problem(status.value, (), document)


def challenged(error: AuthError, *, metadata_url: str, scopes: Collection[str]) -> Problem:
    """Answer a refusal that a client may mend, with the challenge that says how (RFC 6750, section 3)."""
    answer = refusal(error)
    challenge = challenge_for(error, metadata_url=metadata_url, scopes=scopes)
    return Problem(answer.status, (("www-authenticate", str(challenge)),), answer.document)
