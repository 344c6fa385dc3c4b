"""What is sent again and what is not, decided without a socket and without a clock."""

import ssl
from typing import Any

import httpx2
import pytest

from mcp_auth_ref.client import calls
from mcp_auth_ref.client.answers import Answer
from mcp_auth_ref.client.calls import Call
from mcp_auth_ref.client.exchange import AskForToken, Outcome, Send, Step, Wait, exchange, failure_of
from mcp_auth_ref.core.errors import (
    AuthError,
    CallFailed,
    CallRefused,
    ConnectionLost,
    DeadlinePassed,
    TokenRefused,
    UnexpectedAnswer,
    Unreachable,
)
from tests.client.test_answers import answer

READ = calls.list_servers()
EXECUTE = calls.execute("echo", {"text": "hello"}, None)
SERVERS = answer(200, {"servers": []}, "application/json")
RESULT = answer(
    200,
    {
        "tool": "echo",
        "server": "demo",
        "is_error": False,
        "content": [],
        "structured_content": None,
        "duration_ms": 1,
    },
    "application/json",
)
UNREACHABLE = Unreachable("https://mcp.example.com", "nothing listens there")
LOST = ConnectionLost("https://mcp.example.com", "it ended before the whole answer was there")
EXPIRED = answer(401, {"code": "token_expired", "detail": "it expired"})


def talk(
    call: Call[Any], *outcomes: Outcome, retries: int = 2, remaining: float = 60.0, chance: float = 1.0
) -> tuple[list[Step], Any]:
    """Have the conversation, with one outcome for each step that has one; give the steps and how it ended."""
    conversation = exchange(call, retries=retries, remaining=lambda: remaining, chance=lambda: chance)
    given = iter(outcomes)
    steps: list[Step] = []
    result: Any
    try:
        step = next(conversation)
        while True:
            steps.append(step)
            step = conversation.send(None if isinstance(step, Wait) else next(given))
    except StopIteration as end:
        result = end.value
    except AuthError as error:
        result = error
    assert list(given) == [], "not everything was asked for"
    return steps, result


def sends(steps: list[Step]) -> list[str | None]:
    """Give the tokens that the call was sent with."""
    return [step.token for step in steps if isinstance(step, Send)]


def waits(steps: list[Step]) -> list[float]:
    return [step.seconds for step in steps if isinstance(step, Wait)]


def test_a_call_asks_for_the_token_and_is_sent_once() -> None:
    assert talk(READ, "one", SERVERS) == ([AskForToken(None), Send(READ, "one")], ())


def test_a_call_that_everybody_may_make_goes_without_a_token() -> None:
    call = calls.health()
    healthy = answer(200, {"status": "ok", "servers": {"connected": 1, "total": 2}}, "application/json")

    assert talk(call, healthy) == ([Send(call, None)], calls.Health("ok", 1, 2))


@pytest.mark.parametrize("call", [READ, EXECUTE])
def test_what_nobody_listened_to_is_sent_again_after_growing_pauses(call: Call[Any]) -> None:
    """RFC 9110, section 9.2.2: a request that certainly was not processed may be repeated."""
    steps, result = talk(call, "one", UNREACHABLE, "two", UNREACHABLE, "three", UNREACHABLE)

    assert result is UNREACHABLE
    assert sends(steps) == ["one", "two", "three"]
    assert waits(steps) == [0.2, 0.4]


def test_clients_that_failed_together_do_not_come_back_together() -> None:
    pauses = {
        chance: waits(talk(READ, "one", UNREACHABLE, "one", SERVERS, chance=chance)[0]) for chance in (0.0, 0.5, 1.0)
    }

    assert pauses == {0.0: [0.1], 0.5: [pytest.approx(0.15)], 1.0: [0.2]}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("call", "success"), [(READ, SERVERS), (EXECUTE, RESULT)])
def test_a_server_that_is_busy_is_left_alone_for_as_long_as_it_says(
    call: Call[Any], success: Answer, status: int
) -> None:
    steps, result = talk(call, "one", answer(status, retry_after="7"), "one", success)

    assert (waits(steps), sends(steps)) == ([7.0], ["one", "one"])
    assert not isinstance(result, AuthError)


@pytest.mark.parametrize("outcome", [LOST, answer(502), answer(503), answer(504), answer(429)])
def test_only_what_reads_is_sent_again_where_it_may_have_been_done(outcome: Outcome) -> None:
    """RFC 9110, section 9.2.2: what is not idempotent is not repeated by itself."""
    read_again, _ = talk(READ, "one", outcome, "one", SERVERS)
    executed, error = talk(EXECUTE, "one", outcome)

    assert (len(sends(read_again)), len(sends(executed))) == (2, 1)
    assert isinstance(error, CallFailed)


@pytest.mark.parametrize("call", [calls.connect("files"), calls.disconnect("files"), EXECUTE])
def test_no_call_that_changes_anything_is_sent_twice(call: Call[Any]) -> None:
    assert len(sends(talk(call, "one", LOST)[0])) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500])
def test_a_refusal_that_will_not_change_is_not_asked_for_twice(status: int) -> None:
    steps, error = talk(READ, "one", answer(status, {"detail": "no"}))

    assert waits(steps) == []
    assert isinstance(error, CallRefused)


def test_a_certificate_that_is_not_accepted_is_not_tried_again() -> None:
    refused = Unreachable("https://mcp.example.com", "its certificate is not accepted")

    assert talk(READ, "one", refused) == ([AskForToken(None), Send(READ, "one")], refused)


def test_a_wait_beyond_the_deadline_fails_at_once() -> None:
    steps, error = talk(EXECUTE, "one", answer(429, {"detail": "wait"}, retry_after="61"), remaining=60.0)

    assert waits(steps) == []
    assert (error.status, error.detail) == (429, "wait")


def test_without_retries_everything_is_sent_once() -> None:
    steps, error = talk(READ, "one", UNREACHABLE, retries=0)

    assert (sends(steps), error) == (["one"], UNREACHABLE)


@pytest.mark.parametrize(("call", "success"), [(READ, SERVERS), (EXECUTE, RESULT)])
def test_an_expired_token_is_replaced_once_for_a_call_of_either_kind(call: Call[Any], success: Answer) -> None:
    """A 401 says that nothing was done (RFC 9110, section 15.5.2)."""
    steps, _ = talk(call, "old", EXPIRED, "new", success)

    assert steps == [AskForToken(None), Send(call, "old"), AskForToken("old"), Send(call, "new")]


def test_a_second_expired_token_is_an_error() -> None:
    steps, error = talk(READ, "old", EXPIRED, "new", EXPIRED)

    assert sends(steps) == ["old", "new"]
    assert isinstance(error, TokenRefused)
    assert error.reason == "token_expired"


def test_a_source_that_has_no_other_token_gets_no_second_attempt() -> None:
    steps, error = talk(READ, "old", EXPIRED, "old")

    assert sends(steps) == ["old"]
    assert isinstance(error, TokenRefused)


@pytest.mark.parametrize(
    ("received", "problem"),
    [
        (answer(200, b"", "text/html"), "it is text/html and not JSON"),
        (answer(204, b"", ""), "it is of no type and not JSON"),
        (answer(200, b"{", "application/json"), "it is not JSON"),
        (answer(200, b"\xff", "application/json"), "it is not JSON"),
        (answer(200, b"[" * 100_000, "application/json"), "it is not JSON"),
        (answer(200, [], "application/json"), "it is no JSON object"),
        (answer(200, {}, "application/json"), "its member servers is not of the type list"),
        (
            answer(200, {"servers": [1]}, "application/json"),
            "its member servers does not have entries of the type dict only",
        ),
        (
            answer(
                200, {"servers": [{"name": "a", "status": "b", "transport": "c", "tools": True}]}, "application/json"
            ),
            "its member tools is not of the type int",
        ),
    ],
)
def test_a_success_that_is_not_what_was_asked_for_is_an_error(received: Answer, problem: str) -> None:
    _, error = talk(READ, "one", received)

    assert isinstance(error, UnexpectedAnswer)
    assert (error.status, error.problem) == (received.status, problem)


def test_members_that_this_client_does_not_know_are_left_aside() -> None:
    entry = {"name": "files", "status": "failed", "transport": "stdio", "tools": 0, "since": 1}

    _, servers = talk(READ, "one", answer(200, {"servers": [entry], "next": None}, "application/json"))

    assert servers == (calls.Server("files", "failed", "stdio", 0),)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_elsewhere_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="names no server and no tool"):
        calls.get_tool(name)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "/api/v1/mcp/tools/a%2Fb"),
        ("../x", "/api/v1/mcp/tools/..%2Fx"),
        ("a?b#c", "/api/v1/mcp/tools/a%3Fb%23c"),
        ("files.read", "/api/v1/mcp/tools/files.read"),
    ],
)
def test_a_name_stays_within_its_segment_of_the_path(name: str, path: str) -> None:
    assert calls.get_tool(name).path == path


def caused(error: httpx2.RequestError, *causes: BaseException) -> httpx2.RequestError:
    """Chain errors as the layers below a request do."""
    below: BaseException = error
    for cause in causes:
        below.__cause__ = cause
        below = cause
    return error


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (httpx2.ConnectError("x"), "no connection came about"),
        (caused(httpx2.ConnectError("x"), OSError(1, "x"), ConnectionRefusedError()), "nothing listens there"),
        (
            caused(httpx2.ConnectError("x"), BaseExceptionGroup("x", [ConnectionRefusedError(), OSError()])),
            "nothing listens there",
        ),
        (caused(httpx2.ConnectError("x"), ssl.SSLCertVerificationError()), "its certificate is not accepted"),
        (caused(httpx2.ConnectError("x"), ssl.SSLError()), "it does not speak TLS"),
        (httpx2.ConnectTimeout("x"), "it does not answer"),
        (httpx2.ProxyError("x"), "the proxy in between does not connect"),
        (httpx2.UnsupportedProtocol("x"), "it is no address that this client can call"),
    ],
)
def test_what_was_not_sent_is_told_apart(error: httpx2.RequestError, problem: str) -> None:
    failure = failure_of(error, "https://user:word@mcp.example.com:8443/x?y", 30)

    assert (type(failure), vars(failure)) == (
        Unreachable,
        {"address": "https://mcp.example.com:8443", "problem": problem},
    )


@pytest.mark.parametrize("error", [httpx2.ReadTimeout("x"), httpx2.WriteTimeout("x"), httpx2.PoolTimeout("x")])
def test_what_takes_too_long_has_passed_its_deadline(error: httpx2.RequestError) -> None:
    failure = failure_of(error, "https://mcp.example.com/", 30)

    assert (type(failure), vars(failure)) == (DeadlinePassed, {"seconds": 30})


@pytest.mark.parametrize(
    "error", [httpx2.ReadError("x"), httpx2.WriteError("x"), httpx2.RemoteProtocolError("x"), httpx2.DecodingError("x")]
)
def test_whatever_else_breaks_may_have_been_done(error: httpx2.RequestError) -> None:
    assert isinstance(failure_of(error, "https://mcp.example.com/", 30), ConnectionLost)
