"""A call from its first attempt to its end: when the token is asked for again, what is repeated, and after how long.

It is decided here and done elsewhere: `exchange` yields what is to be done next and is sent what came of it, so that
one conversation serves the asynchronous client and the other.
"""

import socket
import ssl
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import httpx2

from mcp_auth_ref.client.answers import Answer, document_of, is_renewable, refusal_of, retry_after
from mcp_auth_ref.client.calls import Call
from mcp_auth_ref.core.errors import (
    AuthError,
    CallFailed,
    ConnectionLost,
    DeadlinePassed,
    UnexpectedAnswer,
    Unreachable,
)

T = TypeVar("T")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
_BUSY = (429, 503)
_BROKEN = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class AskForToken:
    """Ask the token's source, and tell which token has been refused; comes to the token, or None."""

    refused: str | None


@dataclass(frozen=True, slots=True)
class Send:
    """Send the call with the token; comes to the Answer, or to the CallFailed that stands for none."""

    call: Call[Any]
    token: str | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds; comes to nothing."""

    seconds: float


Step: TypeAlias = AskForToken | Send | Wait
Outcome: TypeAlias = Answer | CallFailed | str | None


def exchange(
    call: Call[T], *, retries: int, remaining: Callable[[], float], chance: Callable[[], float]
) -> Generator[Step, Outcome, T]:
    """Have the conversation of one call, and return its value. Raises AuthError.

    `remaining` tells how many seconds are left; what would have to wait longer fails at once. `chance` gives numbers
    from 0 to 1, which keep clients that failed together from coming back together.
    """
    token: str | None = None
    has_renewed = False
    attempt = 0
    while True:
        if call.authenticated and not has_renewed:
            token = _token((yield AskForToken(None)))
        outcome = yield Send(call, token)
        if isinstance(outcome, Answer) and outcome.is_success:
            return _read(call, outcome)
        error = _error_of(outcome, token)
        if isinstance(outcome, Answer) and is_renewable(error, outcome) and not has_renewed:
            refused, token = token, _token((yield AskForToken(token)))
            has_renewed = True
            if token != refused:
                continue
        pause = _pause(call, outcome, attempt, chance())
        if pause is None or attempt == retries or pause >= remaining():
            raise error
        attempt += 1
        yield Wait(pause)


def failure_of(error: httpx2.RequestError, url: str, seconds: float) -> CallFailed:
    """Return the error for a request that came to no answer within so many seconds.

    Only where no connection came about is it certain that nothing was done. The cause is kept.
    """
    failure = _failure(error, url, seconds)
    failure.__cause__ = error  # as `raise … from` does; it is raised later, if no further attempt mends it
    return failure


def _failure(error: httpx2.RequestError, url: str, seconds: float) -> CallFailed:
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError | httpx2.UnsupportedProtocol):
        return Unreachable(address, _why(error))
    if isinstance(error, httpx2.TimeoutException):
        return DeadlinePassed(seconds)
    return ConnectionLost(address, _LOST.get(type(error), "it ended before the whole answer was there"))


def _token(outcome: Outcome) -> str | None:
    if outcome is not None and not isinstance(outcome, str):
        raise TypeError(f"to ask for a token comes to one, not to {type(outcome).__name__}")
    return outcome


def _read(call: Call[T], answer: Answer) -> T:
    try:
        return call.read(document_of(answer))
    except TypeError as error:
        raise UnexpectedAnswer(answer.status, str(error)) from None


def _error_of(outcome: Outcome, token: str | None) -> AuthError:
    if isinstance(outcome, Answer):
        return refusal_of(outcome, token)
    if not isinstance(outcome, CallFailed):
        raise TypeError(f"to send comes to an answer or a failure, not to {type(outcome).__name__}")
    return outcome


def _pause(call: Call[Any], outcome: Outcome, attempt: int, chance: float) -> float | None:
    """Return how many seconds to wait before the call is sent again, or None where it must not be.

    What certainly was not done may be sent again, whatever it is: nobody listened, or the server is busy and says until
    when. What may have been done is sent again only where twice is as good as once.
    """
    if isinstance(outcome, Answer) and outcome.status in _BUSY and (told := retry_after(outcome)) is not None:
        return told
    was_not_done = isinstance(outcome, Unreachable) and outcome.problem not in _PERMANENT
    may_repeat = call.is_repeatable and (
        outcome.status in (*_BUSY, *_BROKEN) if isinstance(outcome, Answer) else isinstance(outcome, ConnectionLost)
    )
    backing_off = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**attempt)
    return backing_off * (0.5 + chance / 2) if was_not_done or may_repeat else None


def _why(error: httpx2.RequestError) -> str:
    """Say why no connection came about, by what the system said, which lies at the bottom of a chain of errors."""
    kinds = [
        (kind, problem) for found in _chain(error) for kind, problem in _UNREACHED.items() if isinstance(found, kind)
    ]
    return kinds[-1][1] if kinds else "no connection came about"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from (found for member in error.exceptions for found in _chain(member))
        error = error.__cause__ or error.__context__


_CERTIFICATE = "its certificate is not accepted"
_SCHEME = "it is no address that this client can call"
_PERMANENT = (_CERTIFICATE, _SCHEME)
_UNREACHED: Mapping[type[BaseException], str] = {
    httpx2.ConnectTimeout: "it does not answer",
    httpx2.UnsupportedProtocol: _SCHEME,
    httpx2.ProxyError: "the proxy in between does not connect",
    socket.gaierror: "its name does not resolve",
    ConnectionRefusedError: "nothing listens there",
    ssl.SSLError: "it does not speak TLS",
    ssl.SSLCertVerificationError: _CERTIFICATE,
}
_LOST: Mapping[type[BaseException], str] = {
    httpx2.DecodingError: "the answer is not encoded as it says",
    httpx2.LocalProtocolError: "the request is not one that HTTP allows",
}
