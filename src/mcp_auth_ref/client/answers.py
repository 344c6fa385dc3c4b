"""What an answer says: the value that was asked for, or why there is none, as the error that it stands for.

Whoever answers may be somebody else than the server, so what is quoted from an answer is cut, cleaned, and rid of the
token that went with the request.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx2

from mcp_auth_ref.core.discovery import Challenge, parse_challenges
from mcp_auth_ref.core.errors import (
    AuthError,
    CallRefused,
    ForbiddenOrigin,
    InsufficientScope,
    InvalidRequest,
    MissingToken,
    RedirectRefused,
    TokenRefused,
    UnexpectedAnswer,
)

PROBLEM_TYPE = "application/problem+json"
RENEWABLE = frozenset({"token_expired", "token_too_old"})

_MAX_QUOTED = 500
_LEAST_DIFFERENCE = 3.0  # seconds: `Date` has whole ones, and servers write it once a second


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with its whole body, and between which two moments it was made (seconds since 1970)."""

    status: int
    headers: httpx2.Headers
    body: bytes
    url: str
    asked_at: float
    answered_at: float

    @property
    def is_success(self) -> bool:
        """Tell whether the server has done what it was asked for."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Problem:
    """What a problem document says (RFC 9457): the `code` where it has one, the sentence, and all its members."""

    code: str | None
    detail: str
    members: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def document_of(answer: Answer) -> Mapping[str, Any]:
    """Return the JSON object that an answer is. Raises UnexpectedAnswer."""
    if answer.media_type not in ("application/json", PROBLEM_TYPE):
        raise UnexpectedAnswer(answer.status, f"it is {shown(answer.media_type, None) or 'of no type'} and not JSON")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise UnexpectedAnswer(answer.status, "it is not JSON") from None
    if not isinstance(document, dict):
        raise UnexpectedAnswer(answer.status, "it is no JSON object")
    return document


def problem_of(answer: Answer, token: str | None) -> Problem | None:
    """Return the problem document that an answer is, or None where it is none."""
    if answer.media_type != PROBLEM_TYPE:
        return None
    try:
        members = document_of(answer)
    except UnexpectedAnswer:
        return None
    code, detail = members.get("code"), members.get("detail", members.get("title"))
    known = code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,64}", code) else None
    return Problem(known, shown(detail, token) if isinstance(detail, str) else "", members)


def refusal_of(answer: Answer, token: str | None) -> AuthError:
    """Return the error that an answer other than a success stands for; `token` is what went with the request."""
    if location := answer.headers.get("location") if 300 <= answer.status < 400 else None:
        return RedirectRefused(answer.status, _target(answer.url, location, token))
    problem = problem_of(answer, token)
    challenge = bearer_challenge(answer)
    if (refused := rights_refusal(answer, problem, challenge, token)) is not None:
        return refused
    if problem is None:
        said = shown(answer.media_type, None) or "of no type"
        return UnexpectedAnswer(answer.status, f"it is {said} and no problem document")
    plain = _PLAIN.get(problem.code or "")
    return _other(answer, problem, token) if plain is None else plain(problem.detail)


def rights_refusal(
    answer: Answer, problem: Problem | None, challenge: Challenge | None, token: str | None
) -> AuthError | None:
    """Return the error where an answer is about the token and its rights, whoever wrote the server, else None."""
    said = challenge.parameters if challenge is not None else {}
    reason = (problem.code if problem is not None else None) or said.get("error")
    if answer.status == 403 and reason == InsufficientScope.code:
        return InsufficientScope(_scopes(problem, challenge))
    if answer.status != 401 or (problem is None and challenge is None):
        return None
    if reason in (None, MissingToken.code):
        return MissingToken()
    detail = problem.detail if problem is not None else shown(said.get("error_description", ""), token)
    code = reason if re.fullmatch(r"[a-z_]{1,64}", reason or "") else None
    return TokenRefused(code or "invalid_token", detail or "it says no more", clock_difference(answer))


def bearer_challenge(answer: Answer) -> Challenge | None:
    """Return the Bearer challenge of an answer, or None where there is none or it breaks the grammar."""
    try:
        challenges = parse_challenges(", ".join(answer.headers.get_list("www-authenticate")))
    except InvalidRequest:
        return None
    return next((challenge for challenge in challenges if challenge.scheme.lower() == "bearer"), None)


def is_renewable(error: AuthError, answer: Answer) -> bool:
    """Tell whether another token may help: this one has lived its time, or a server that names no reason refuses it."""
    if not isinstance(error, TokenRefused):
        return False
    return error.reason in RENEWABLE or (error.reason == "invalid_token" and answer.media_type != PROBLEM_TYPE)


def retry_after(answer: Answer) -> float | None:
    """Return how many seconds the server wants to be left alone (RFC 9110, section 10.2.3), or None."""
    value = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    until, now = _moment(value), _moment(answer.headers.get("date", ""))
    return None if until is None else max(0.0, until - (answer.answered_at if now is None else now))


def clock_difference(answer: Answer) -> float | None:
    """Return by how many seconds the server's clock is ahead of ours (behind: negative), or None where it agrees.

    What `Date` says was true at some moment between question and answer, so only what lies outside is a difference.
    """
    told = _moment(answer.headers.get("date", ""))
    if told is None:
        return None
    ahead, behind = told - answer.answered_at, answer.asked_at - (told + 1)
    return ahead if ahead >= _LEAST_DIFFERENCE else -behind if behind >= _LEAST_DIFFERENCE else None


def _moment(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _scopes(problem: Problem | None, challenge: Challenge | None) -> tuple[str, ...]:
    listed = problem.members.get("required_scopes") if problem is not None else None
    if isinstance(listed, list) and all(isinstance(scope, str) for scope in listed):
        return tuple(shown(scope, None) for scope in listed)
    return tuple(shown(scope, None) for scope in challenge.scopes) if challenge is not None else ()


def shown(text: str, token: str | None) -> str:
    """Make what somebody else wrote fit for a message: without the token, short, and with nothing to obey in it."""
    clean = text if token is None else text.replace(token, "…")
    short = clean if len(clean) <= _MAX_QUOTED else f"{clean[:_MAX_QUOTED]}…"
    return "".join(character if character.isprintable() else "?" for character in short)


def _target(url: str, location: str, token: str | None) -> str:
    try:
        parts = urlsplit(urljoin(url, location))
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an address that cannot be read"
    return shown(urlunsplit((parts.scheme, host, parts.path, "", "")), token)


def _other(answer: Answer, problem: Problem, token: str | None) -> AuthError:
    """Return the very error that the server raised, where the document has its data; else what it says of it."""
    kind = _by_code(AuthError).get(problem.code or "")
    try:
        if kind is not None:
            return kind(**{name: _clean(problem.members[name], token) for name in kind.public_data})
    except (KeyError, TypeError, ValueError):
        pass
    return CallRefused(answer.status, problem.code, problem.detail or "it says no more")


def _by_code(kind: type[AuthError]) -> dict[str, type[AuthError]]:
    """Find the errors whose data travel with their problem documents."""
    below = [found for child in kind.__subclasses__() for found in _by_code(child).items()]
    return dict([*below, *([(kind.code, kind)] if kind.public_data else [])])


def _clean(value: object, token: str | None) -> str | float | list[Any]:
    if isinstance(value, str):
        return shown(value, token)
    if isinstance(value, list):
        return [_clean(item, token) for item in value[:_MAX_QUOTED]]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("an error carries texts and numbers")
    return value


_PLAIN: Mapping[str, Callable[[str], AuthError]] = {
    InvalidRequest.code: InvalidRequest,
    ForbiddenOrigin.code: lambda _: ForbiddenOrigin(),
}
