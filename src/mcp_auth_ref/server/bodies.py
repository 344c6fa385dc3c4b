"""Bodies of requests: read whole and in bounds before anything is done, as JSON that has one meaning and no other."""

import json
import logging
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from mcp_auth_ref.core.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from mcp_auth_ref.server.problems import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64

TOO_LARGE = refusal(BodyTooLarge(MAX_BODY_BYTES))

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class StrictJson:
    """Let a request through to `app` with a body in one reading, or with none; refuse every other body.

    Bodies are looked at where the method gives them a meaning (RFC 9110, section 9.3).
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Read the body of an HTTP request; everything else passes."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        body = await read(receive)
        if body is None:
            await TOO_LARGE(scope, receive, send)
            return
        try:
            if body:
                check_type(scope)
                strict_json(body)
        except (InvalidRequest, UnsupportedMediaType) as error:
            logger.info("refused a request, %s: %s", error.code, error)
            await refusal(error)(scope, receive, send)
        else:
            await self._app(scope, replay(body, receive), send)


def check_type(scope: "Scope") -> None:
    """Refuse a body that does not call itself JSON, once. Raises UnsupportedMediaType."""
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    if [value.partition(b";")[0].strip().lower() for value in types] != [b"application/json"]:
        raise UnsupportedMediaType


async def read(receive: "Receive") -> bytes | None:
    """Read the whole body. None stands for one that is too large, or that the client has stopped sending."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > MAX_BODY_BYTES:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def replay(body: bytes, receive: "Receive") -> "Receive":
    """Let the next application read the body as if nobody had."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> "Message":
        return unread.pop() if unread else await receive()

    return receive_again


def strict_json(body: bytes) -> object:
    """Return the document, refusing what another parser may read otherwise, and what no JSON can say back.

    A member twice, NaN and numbers beyond a double, half of a surrogate pair, more than `MAX_DEPTH` levels, anything
    but UTF-8 (RFC 8259, sections 4, 6, 8.1 and 8.2). Raises InvalidRequest.
    """
    try:
        document = _DECODER.decode(body.decode("utf-8"))
        if _SURROGATE.search(body):
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not JSON (RFC 8259) in UTF-8, or has a member twice") from None
    if _deeper_than(MAX_DEPTH, document):
        raise InvalidRequest(f"the body has more than {MAX_DEPTH} levels")
    return document


def _deeper_than(limit: int, document: object) -> bool:
    level = [document]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is beyond a double")
    return number


def _refuse(_: str) -> NoReturn:
    raise ValueError("NaN and infinity are not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)
