"""The client of the gateway, in both faces: what it sends, what it gives, and how it fails."""

import gzip
import inspect
import json
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from mcp_auth_ref import AuthError, ConfigurationError, MCPAuthClient, SyncMCPAuthClient, TokenRefused
from mcp_auth_ref.client import gateway
from mcp_auth_ref.client.calls import Health, Server, Tool, ToolResult
from mcp_auth_ref.core.errors import (
    ConnectionLost,
    DeadlinePassed,
    RedirectRefused,
    UnexpectedAnswer,
    Unreachable,
)
from tests.client.faces import GATEWAY, TOKEN, Face, both_faces, call_async
from tests.served import PATIENCE, served

SERVER = {"name": "files", "status": "connected", "transport": "stdio", "tools": 2}
TOOL = {
    "name": "read_file",
    "server": "files",
    "title": "Read",
    "description": None,
    "input_schema": {"type": "object"},
    "output_schema": None,
    "scopes": ["files:read"],
}
BLOCKS = [{"type": "text", "text": "one"}, {"type": "image", "data": ""}, {"type": "text", "text": "two"}]
RESULT = {
    "tool": "read_file",
    "server": "files",
    "is_error": False,
    "content": BLOCKS,
    "structured_content": {"result": "one"},
    "duration_ms": 1.5,
}
A_SERVER = Server("files", "connected", "stdio", 2)
A_TOOL = Tool("read_file", "files", "Read", None, {"type": "object"}, None, ("files:read",))
A_RESULT = ToolResult("read_file", "files", False, tuple(BLOCKS), {"result": "one"}, 1.5)


@dataclass(frozen=True)
class Row:
    """A call, the request that it is, what comes back, and what the client makes of that."""

    call: tuple[Any, ...]
    sent: tuple[str, str, Any]
    answer: object
    value: object
    timeout: dict[str, Any] = field(default_factory=dict)


TABLE = [
    Row(("list_servers",), ("GET", "/servers", None), {"servers": [SERVER]}, (A_SERVER,)),
    Row(("connect", "files"), ("POST", "/servers/files/connect", None), SERVER, A_SERVER),
    Row(("disconnect", "files"), ("POST", "/servers/files/disconnect", None), SERVER, A_SERVER),
    Row(("list_tools",), ("GET", "/tools", None), {"tools": [TOOL]}, (A_TOOL,)),
    Row(("list_tools", "a b"), ("GET", "/tools?server_name=a+b", None), {"tools": []}, ()),
    Row(("get_tool", "read_file"), ("GET", "/tools/read_file", None), TOOL, A_TOOL),
    Row(("execute", "x"), ("POST", "/tools/x/execute", {"arguments": {}}), RESULT, A_RESULT),
    Row(
        ("execute", "files.x", {"a": 1}),
        ("POST", "/tools/files.x/execute", {"arguments": {"a": 1}, "timeout": 5}),
        RESULT,
        A_RESULT,
        {"timeout": 5},
    ),
]


def test_the_text_of_a_result_is_its_text_blocks() -> None:
    assert A_RESULT.text == "one\ntwo"


@both_faces
@pytest.mark.parametrize("prefix", ["", "/behind/a/proxy/"])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join(map(str, row.call)))
def test_a_method_is_one_request_and_one_value(face: Face, prefix: str, row: Row) -> None:
    """The table of the gateway's addresses: `docs/reference/http.md`."""
    requests: list[tuple[str, str, Any, str | None]] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else None
        requests.append((request.method, str(request.url), body, request.headers.get("authorization")))
        return httpx2.Response(200, json=row.answer)

    value = face(*row.call, url=f"{GATEWAY}{prefix}", handler=handler, **row.timeout)

    method, path, body = row.sent
    assert requests == [(method, f"{GATEWAY}{prefix.rstrip('/')}/api/v1/mcp{path}", body, f"Bearer {TOKEN}")]
    assert value == row.value


@both_faces
def test_health_is_asked_for_without_the_token(face: Face) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        assert "authorization" not in request.headers
        return httpx2.Response(200, json={"status": "ok", "servers": {"connected": 1, "total": 2}})

    assert face("health", handler=handler) == Health("ok", 1, 2)


@both_faces
def test_without_a_token_none_is_sent_and_the_server_decides(face: Face) -> None:
    """A gateway on this machine may have its authentication off."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        assert "authorization" not in request.headers
        return httpx2.Response(200, json={"tools": []})

    assert face("list_tools", token=None, handler=handler) == ()


def test_both_faces_have_the_same_methods_with_the_same_arguments_and_words() -> None:
    def methods(client: type) -> Mapping[str, tuple[Any, str | None]]:
        return {
            name: (inspect.signature(function), function.__doc__)
            for name, function in vars(client).items()
            if inspect.isfunction(function) and not name.startswith("_") and name not in ("close", "aclose")
        }

    assert methods(MCPAuthClient) == methods(SyncMCPAuthClient)
    assert len(methods(MCPAuthClient)) == 7


@pytest.mark.parametrize("client", [MCPAuthClient, SyncMCPAuthClient])
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://mcp.example.com", "it is http to another machine, where the token would travel in the clear"),
        ("http://192.168.0.1:8765", "it is http to another machine, where the token would travel in the clear"),
        ("http://localhost.example.com", "it is http to another machine, where the token would travel in the clear"),
        ("mcp.example.com", "it is not an https or http URL with a host"),
        ("ftp://mcp.example.com", "it is not an https or http URL with a host"),
        ("https://", "it is not an https or http URL with a host"),
        ("https://a:b@mcp.example.com", "it has a user name, a query or a fragment"),
        ("https://mcp.example.com?a=b", "it has a user name, a query or a fragment"),
        ("https://mcp.example.com#a", "it has a user name, a query or a fragment"),
        ("https://mcp.example.com:port", "it is not a URL"),
        ("${MCP_URL}", "it is not an https or http URL with a host"),
    ],
)
def test_an_address_that_a_token_should_not_go_to_is_refused_from_the_beginning(
    client: type[MCPAuthClient], url: str, problem: str
) -> None:
    """OAuth 2.1, section 1.5: bearer tokens travel over TLS; loopback is no network."""
    with pytest.raises(ConfigurationError) as refused:
        client(url, TOKEN)

    assert (refused.value.setting, refused.value.problem) == ("base_url", problem)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8765", "http://[::1]:8765", "http://localhost", "https://a.example"])
def test_https_and_this_machine_are_addresses_for_a_token(url: str) -> None:
    SyncMCPAuthClient(url, TOKEN).close()


@pytest.mark.parametrize("options", [{"deadline": 0}, {"deadline": -1}, {"retries": -1}])
def test_a_client_without_time_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a deadline is longer than 0 seconds"):
        MCPAuthClient(GATEWAY, TOKEN, **options)


@both_faces
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["https://evil.example/", "/elsewhere", "http://mcp.example.com/"])
def test_no_redirect_is_followed(face: Face, status: int, target: str) -> None:
    """Our choice: an address that moves is corrected in the configuration, and not on the way."""
    requests = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        requests.append(request.url.host)
        return httpx2.Response(status, headers={"location": target})

    with pytest.raises(RedirectRefused):
        face("execute", "echo", handler=handler)
    assert requests == ["mcp.example.com"]


def test_no_redirect_is_followed_by_an_http_client_that_would() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(307, headers={"location": "https://evil.example/"})

    with (
        httpx2.Client(
            transport=httpx2.MockTransport(handler), follow_redirects=True, auth=("ada", "her-password")
        ) as http,
        SyncMCPAuthClient(GATEWAY, TOKEN, http_client=http) as client,
        pytest.raises(RedirectRefused, match=r"307 and would lead to https://evil\.example/"),
    ):
        client.list_tools()


@both_faces
def test_an_answer_that_is_larger_than_any_result_is_not_kept(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", 1000)

    with pytest.raises(UnexpectedAnswer, match="it has more than 1000 bytes"):
        face("list_tools", handler=lambda _: httpx2.Response(200, content=b"x" * 1001))


@both_faces
def test_an_answer_that_is_small_until_it_is_unpacked_is_not_kept(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", 1000)
    packed = gzip.compress(b"x" * 1_000_000)

    with pytest.raises(UnexpectedAnswer, match="it has more than 1000 bytes"):
        face(
            "list_tools",
            handler=lambda _: httpx2.Response(200, content=packed, headers={"content-encoding": "gzip"}),
        )


def expired_at_first(request: httpx2.Request) -> httpx2.Response:
    """Accept every token but `old`."""
    if request.headers["authorization"] == "Bearer old":
        problem = {"code": "token_expired", "detail": "the token expired 5 seconds ago"}
        return httpx2.Response(401, json=problem, headers={"content-type": "application/problem+json"})
    return httpx2.Response(200, json=RESULT)


@both_faces
def test_a_token_that_expires_in_the_middle_is_replaced_and_nobody_notices(face: Face) -> None:
    tokens = iter(["old", "new"])

    assert face("execute", "read_file", token=lambda: next(tokens), handler=expired_at_first) == A_RESULT


@both_faces
def test_a_token_that_expires_and_has_no_successor_is_an_error(face: Face) -> None:
    with pytest.raises(TokenRefused, match=r"\(token_expired\): the token expired 5 seconds ago$"):
        face("execute", "read_file", token="old", handler=expired_at_first)


@both_faces
def test_an_expired_token_and_a_clock_that_is_wrong_are_told_together(face: Face) -> None:
    """RFC 9110, section 6.6.1: the server says in `Date` what time it has."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)

    def handler(_: httpx2.Request) -> httpx2.Response:
        problem = {"code": "token_expired", "detail": "the token expired 3600 seconds ago"}
        return httpx2.Response(401, json=problem, headers={"content-type": "application/problem+json", "date": date})

    with pytest.raises(TokenRefused, match=r"; your clock is (7200|719\d) seconds behind the server's$"):
        face("list_tools", handler=handler)


@both_faces
def test_what_a_source_fails_with_ends_the_call(face: Face) -> None:
    def fail() -> str:
        raise OSError("the vault is closed")

    with pytest.raises(OSError, match="the vault is closed"):
        face("list_tools", token=fail, handler=expired_at_first)


async def answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-type", JSON)]})
    await send({"type": "http.response.body", "body": body})


JSON = b"application/json"
NO_TOOLS = b'{"tools": []}'


async def no_tools(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Be a gateway without tools."""
    await answer(send, 200, NO_TOOLS)


@both_faces
def test_a_real_server_is_asked_and_the_connection_closed(face: Face) -> None:
    """With warnings as errors, as everywhere here, a socket left open fails the test."""
    with served(lambda _: no_tools) as url:
        assert face("list_tools", url=url) == ()


@both_faces
def test_nobody_at_the_address_is_told_apart_from_everything_else(face: Face) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(Unreachable) as failed:
            face("execute", "echo", url=url, options={"retries": 1})

    assert (failed.value.address, failed.value.problem) == (url, "nothing listens there")


@both_faces
def test_a_name_that_does_not_exist_is_said_to_be_one(face: Face) -> None:
    """RFC 6761, section 6.4: `.invalid` never resolves."""
    with pytest.raises(Unreachable) as failed:
        face("health", url="https://nobody.invalid", options={"retries": 0})

    assert failed.value.problem == "its name does not resolve"


@contextmanager
def hanging_up(after: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Be a server that takes a request, says so much, and hangs up; give its address, and the first line of each."""
    lines: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                lines.append(connection.recv(65536).partition(b"\r\n")[0])
                connection.sendall(after)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lines
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


@both_faces
@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"SSH-2.0-OpenSSH\r\n"],
    ids=["nothing", "half", "ssh"],
)
def test_a_call_whose_answer_is_lost_is_not_repeated_but_a_question_is(face: Face, said: bytes) -> None:
    """Our choice, and RFC 9110, section 9.2.2: the tool may have run."""
    with hanging_up(said) as (url, lines), pytest.raises(ConnectionLost):
        face("execute", "echo", url=url)
    assert lines == [b"POST /api/v1/mcp/tools/echo/execute HTTP/1.1"]

    with hanging_up(said) as (url, lines), pytest.raises(ConnectionLost):
        face("list_tools", url=url)
    assert lines == [b"GET /api/v1/mcp/tools HTTP/1.1"] * 3


@both_faces
def test_a_server_that_never_answers_is_left_at_the_deadline(face: Face) -> None:
    async def sleep(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    with served(lambda _: sleep) as url, pytest.raises(DeadlinePassed) as passed:
        face("list_tools", url=url, options={"deadline": 0.2})

    assert passed.value.seconds == 0.2


@both_faces
def test_a_server_that_answers_drop_by_drop_is_left_at_the_deadline(face: Face) -> None:
    async def drip(_scope: Scope, receive: Receive, send: Send) -> None:
        async def drops() -> None:
            while True:
                await send({"type": "http.response.body", "body": b" ", "more_body": True})
                await anyio.sleep(0.01)

        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", JSON)]})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drops)
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

    with served(lambda _: drip) as url, pytest.raises(DeadlinePassed):
        face("list_tools", url=url, options={"deadline": 0.2})


@both_faces
def test_a_tool_that_may_take_longer_than_the_deadline_is_waited_for(face: Face) -> None:
    timeouts: list[float] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        timeouts.append(request.extensions["timeout"]["read"])
        return httpx2.Response(200, json=RESULT)

    face("execute", "x", timeout=500, handler=handler, options={"deadline": 1})

    assert 500 < timeouts[0] <= 510


def test_a_call_that_is_cancelled_closes_its_connection_and_leaves_the_client_usable() -> None:
    """So the gateway learns that nobody waits any more, and cancels the tool."""
    started, gone = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/execute"):
            await receive()
            started.set()
            if (await receive())["type"] == "http.disconnect":
                gone.set()
        else:
            await answer(send, 200, NO_TOOLS)

    async def cancel(url: str) -> object:
        async with MCPAuthClient(url, TOKEN) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.execute, "sleep")
                await anyio.to_thread.run_sync(started.wait, PATIENCE)
                tasks.cancel_scope.cancel()
            await anyio.to_thread.run_sync(gone.wait, PATIENCE)
            return await client.list_tools()

    with served(lambda _: app) as url:
        assert anyio.run(cancel, url) == ()
    assert gone.is_set()


def test_many_calls_at_once_are_all_answered_and_the_token_is_asked_for_once() -> None:
    asked: list[str] = []

    async def issue() -> str:
        asked.append("again")
        await anyio.sleep(0.01)
        return TOKEN

    async def call_all(url: str) -> int:
        answered: list[object] = []

        async def call(client: MCPAuthClient) -> None:
            answered.append(await client.list_tools())

        async with MCPAuthClient(url, issue) as client, anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(call, client)
        return len(answered)

    with served(lambda _: no_tools) as url:
        assert anyio.run(call_all, url) == 200
    assert asked == ["again"]


def test_a_client_serves_the_threads_of_a_script_at_once() -> None:
    answered: list[object] = []
    with served(lambda _: no_tools) as url, SyncMCPAuthClient(url, TOKEN) as client:
        threads = [threading.Thread(target=lambda: answered.append(client.list_tools())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    assert answered == [()] * 20


def test_ones_own_http_client_stays_open() -> None:
    with httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json={"tools": []}))) as http:
        with SyncMCPAuthClient(GATEWAY, TOKEN, http_client=http) as client:
            client.list_tools()

        assert not http.is_closed


def test_a_closed_client_says_so() -> None:
    client = SyncMCPAuthClient(GATEWAY, TOKEN)
    client.close()
    client.close()

    with pytest.raises(RuntimeError, match="closed"):
        client.list_tools()


def test_a_proxy_of_the_environment_does_not_get_what_is_meant_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over http a proxy would read the token; for https it only passes on what it cannot read."""
    with hanging_up(b"") as (proxy, lines), served(lambda _: no_tools) as url:
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.delenv("no_proxy", raising=False)

        assert call_async("list_tools", url=url) == ()
    assert lines == []


@both_faces
def test_the_token_is_in_no_log_and_no_error(
    face: Face, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """At the most talkative level, of us and of everything below."""
    caplog.set_level(logging.DEBUG)

    async def echo_token(scope: Scope, _receive: Receive, send: Send) -> None:
        token = dict(scope["headers"])[b"authorization"]
        problem = (b"content-type", b"application/problem+json")
        await send({"type": "http.response.start", "status": 401, "headers": [problem]})
        await send({"type": "http.response.body", "body": b'{"code": "wrong_audience", "detail": "%s"}' % token})

    with served(lambda _: echo_token) as url:
        with pytest.raises(AuthError) as failed:
            face("list_tools", url=url)
        with pytest.raises(ConnectionLost) as lost, hanging_up(b"") as (silent, _):
            face("execute", "echo", url=silent)

    printed = capfd.readouterr()
    everything = [caplog.text, printed.out, printed.err, f"{failed.value!r}", f"{lost.value!r}{lost.value.__cause__!r}"]
    assert "GET" in caplog.text
    assert str(failed.value) == "the server refuses the token (wrong_audience): Bearer …"
    assert [text for text in everything if TOKEN in text or TOKEN[:25] in text] == []


@pytest.mark.parametrize("client", [MCPAuthClient, SyncMCPAuthClient])
def test_a_client_shows_where_it_calls_and_not_with_what(client: type) -> None:
    assert repr(client("http://127.0.0.1:8765", TOKEN)) == f"{client.__name__}('http://127.0.0.1:8765')"
