"""What an answer stands for, whoever wrote it."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.client.answers import Answer, clock_difference, is_renewable, refusal_of, retry_after
from mcp_auth_ref.core.errors import (
    AuthError,
    CallFailed,
    CallRefused,
    ForbiddenOrigin,
    InsufficientScope,
    InvalidRequest,
    MissingToken,
    RedirectRefused,
    TokenRefused,
    UnexpectedAnswer,
)
from mcp_auth_ref.server.problems import challenge
from tests.server.world import METADATA_URL, NOW

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.sQ-_6"
DATE = "Wed, 18 Nov 2026 11:06:40 GMT"  # the moment NOW


def answer(
    status: int,
    body: object = b"",
    media_type: str = "application/problem+json",
    *,
    took: float = 0.0,
    clock: float = NOW,
    **headers: str,
) -> Answer:
    """Make an answer; headers are named with underscores."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": media_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Answer(status, httpx2.Headers(fields), content, "https://mcp.example.com/x", clock, clock + took)


def told(error: AuthError) -> tuple[type, Mapping[str, Any]]:
    return type(error), vars(error)


@pytest.mark.parametrize(
    ("given_answer", "kind", "data"),
    [
        (answer(401, {"code": "missing_token"}), MissingToken, {}),
        (answer(401, b"", "text/plain", www_authenticate='Bearer scope="a"'), MissingToken, {}),
        (
            answer(401, {"code": "wrong_audience", "detail": "it names another"}),
            TokenRefused,
            {"reason": "wrong_audience", "detail": "it names another", "clock_difference": None},
        ),
        (
            answer(401, b"", "", www_authenticate='Basic realm="x", Bearer error="invalid_token"'),
            TokenRefused,
            {"reason": "invalid_token", "detail": "it says no more", "clock_difference": None},
        ),
        (
            answer(403, {"code": "insufficient_scope", "required_scopes": ["b", "a"]}),
            InsufficientScope,
            {"required": ("a", "b")},
        ),
        (
            answer(403, b"", "", www_authenticate='Bearer error="insufficient_scope", scope="b a"'),
            InsufficientScope,
            {"required": ("a", "b")},
        ),
        (answer(403, {"code": "forbidden_origin"}), ForbiddenOrigin, {}),
        (answer(400, {"code": "invalid_request", "detail": "two headers"}), InvalidRequest, {"problem": "two headers"}),
        (
            answer(404, {"type": "about:blank", "detail": "nothing here"}),
            CallRefused,
            {"status": 404, "reason": None, "detail": "nothing here"},
        ),
        (
            answer(500, {"title": "Internal Server Error"}),
            CallRefused,
            {"status": 500, "reason": None, "detail": "Internal Server Error"},
        ),
        (
            answer(418, {"code": "teapot", "detail": 7}),
            CallRefused,
            {"status": 418, "reason": "teapot", "detail": "it says no more"},
        ),
        (
            answer(401, b"<html>", "text/html"),
            UnexpectedAnswer,
            {"status": 401, "problem": "it is text/html and no problem document"},
        ),
        (
            answer(403, b"blocked", ""),
            UnexpectedAnswer,
            {"status": 403, "problem": "it is of no type and no problem document"},
        ),
        (
            answer(502, b"[1]"),
            UnexpectedAnswer,
            {"status": 502, "problem": "it is application/problem+json and no problem document"},
        ),
        (
            answer(302, location="/login?next=secret#top"),
            RedirectRefused,
            {"status": 302, "location": "https://mcp.example.com/login"},
        ),
        (
            answer(307, location="//user:word@evil.example/x"),
            RedirectRefused,
            {"status": 307, "location": "https://evil.example/x"},
        ),
        (
            answer(301, location="http://[broken"),
            RedirectRefused,
            {"status": 301, "location": "an address that cannot be read"},
        ),
        (
            answer(304),
            UnexpectedAnswer,
            {"status": 304, "problem": "it is application/problem+json and no problem document"},
        ),
    ],
)
def test_an_answer_stands_for_one_error_with_its_data(
    given_answer: Answer, kind: type, data: Mapping[str, Any]
) -> None:
    """RFC 9457 for the document, RFC 6750, section 3, for the challenge."""
    assert told(refusal_of(given_answer, TOKEN)) == (kind, data)


def test_what_our_server_refuses_with_comes_back_as_the_same_error() -> None:
    problem = challenge(InsufficientScope(["b", "a"]), metadata_url=METADATA_URL, scopes=["a"])
    received = Answer(problem.status, httpx2.Headers(dict(problem.headers)), problem.body, "https://a/", NOW, NOW)

    assert told(refusal_of(received, TOKEN)) == told(InsufficientScope(["a", "b"]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "code": JSON | st.sampled_from(["missing_token", "insufficient_scope", "unknown_tool", "rate_limited"]),
        "detail": JSON | st.just(f"not {TOKEN}, {TOKEN}!"),
        "title": JSON,
        "required_scopes": JSON | st.just([f"a{TOKEN}"]),
        "retry_after": JSON,
    },
)
HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@given(
    status=st.integers(300, 599),
    body=st.binary(max_size=50)
    | JSON.map(lambda value: json.dumps(value).encode())
    | DOCUMENTS.map(lambda value: json.dumps(value).encode()),
    media_type=st.sampled_from(["application/problem+json", "application/json", "text/html", ""]) | HEADERS,
    challenge_field=HEADERS | st.just(f'Bearer error="invalid_token", error_description="not {TOKEN}"'),
    location=HEADERS | st.just(f"https://evil.example/{TOKEN}"),
)
def test_whatever_comes_back_becomes_an_error_that_can_be_printed_and_holds_no_token(
    status: int, body: bytes, media_type: str, challenge_field: str, location: str
) -> None:
    """Our choice: nothing that anybody answers breaks a client, and nothing shows the token."""
    received = answer(status, body, media_type, www_authenticate=challenge_field, location=location)

    error = refusal_of(received, TOKEN)

    assert isinstance(error, AuthError)
    assert str(error).isprintable()
    assert str(error).encode()
    assert TOKEN not in f"{error}{error!r}{vars(error)}".replace("\\", "")


def test_a_long_sentence_is_cut() -> None:
    error = refusal_of(answer(500, {"detail": "x" * 100_000}), None)

    assert len(str(error)) < 600
    assert str(error).endswith("x…")


def test_what_a_terminal_would_obey_is_not_passed_on() -> None:
    error = refusal_of(answer(500, {"detail": "\x1b[2Jgone\r\nforged: line"}), None)

    assert str(error) == "the server refuses the call (HTTP 500): ?[2Jgone??forged: line"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (DATE, 0.0),
        ("Wed, 18 Nov 2026 11:07:10 GMT", 30.0),
        ("Wed, 18 Nov 2020 11:07:10 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1e9", None),
        ("99999999999999999999", None),
        ("Fri, 99 Nov 2026 11:07:10 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_clock(value: str, seconds: float | None) -> None:
    """RFC 9110, section 10.2.3."""
    assert retry_after(answer(503, retry_after=value, date=DATE, clock=NOW + 5000)) == seconds


@pytest.mark.parametrize(
    ("clock", "took", "difference"),
    [
        (NOW, 0.0, None),
        (NOW - 2.9, 0.0, None),
        (NOW - 120.0, 0.0, 120.0),
        (NOW - 120.0, 30.0, 90.0),
        (NOW + 3.9, 0.0, None),
        (NOW + 121.0, 0.0, -120.0),
        (NOW - 100.0, 200.0, None),
    ],
)
def test_clocks_differ_by_what_lies_outside_question_and_answer(
    clock: float, took: float, difference: float | None
) -> None:
    """RFC 9110, section 6.6.1: `Date` is when the answer was made, in whole seconds."""
    assert clock_difference(answer(401, clock=clock, took=took, date=DATE)) == difference


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 18 Nov 99999 11:06:40 GMT"])
def test_without_a_date_nothing_is_said_of_clocks(date: str) -> None:
    assert clock_difference(answer(401, date=date, clock=0)) is None


def test_an_expired_token_tells_how_wrong_our_clock_is() -> None:
    error = refusal_of(answer(401, {"code": "token_expired", "detail": "it expired"}, date=DATE, clock=NOW - 120), None)

    assert str(error) == (
        "the server refuses the token (token_expired): it expired; your clock is 120 seconds behind the server's"
    )


@pytest.mark.parametrize(
    ("received", "renewable"),
    [
        (answer(401, {"code": "token_expired"}), True),
        (answer(401, {"code": "token_too_old"}), True),
        (answer(401, {"code": "token_revoked"}), False),
        (answer(401, {"code": "wrong_audience"}), False),
        (answer(401, {"code": "invalid_token"}), False),
        (answer(401, b"", "", www_authenticate='Bearer error="invalid_token"'), True),
        (answer(401, b"", "", www_authenticate="Bearer"), False),
        (answer(403, {"code": "insufficient_scope"}), False),
    ],
)
def test_another_token_is_asked_for_where_it_may_help(received: Answer, renewable: bool) -> None:
    """Our choice: a server that knows no codes says `invalid_token` of an expired token too (RFC 6750, section 3.1)."""
    assert is_renewable(refusal_of(received, TOKEN), received) is renewable


def test_every_failure_that_is_not_about_rights_is_a_failed_call() -> None:
    failures = [refusal_of(answer(status), TOKEN) for status in (302, 404, 429, 500, 502, 503, 504)]

    assert all(isinstance(failure, CallFailed) for failure in failures)
