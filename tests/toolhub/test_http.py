"""Servers at an address: real ones, of both generations, and those that do not do their part."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import SecretStr

from mcp_auth_ref.core.errors import ResultTooLarge, ServerUnavailable, ToolTimeout
from mcp_auth_ref.toolhub import HttpServer, ServerConfig, ToolHub
from tests.served import served
from tests.toolhub.modern import create_server
from tests.toolhub.test_stdio import text, until, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT = 64 * 1024


def at(origin: str, path: str = "/mcp", **headers: str) -> Mapping[str, ServerConfig]:
    return {"far": HttpServer(url=f"{origin}{path}", headers={name: SecretStr(said) for name, said in headers.items()})}


def real(*, stateless: bool = True, as_json: bool = True) -> "Callable[[str], ASGIApp]":
    return lambda _: create_server().streamable_http_app(stateless_http=stateless, json_response=as_json)


def answering(status: int, headers: Mapping[str, str], body: bytes = b"") -> "Callable[[str], ASGIApp]":
    """Make a server that answers everything alike."""

    async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http":
            raw = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": raw})
            await send({"type": "http.response.body", "body": body})

    return lambda _: app


def failed(make_app: "Callable[[str], ASGIApp]") -> str:
    """Say why the hub cannot connect to a server."""

    async def work(hub: ToolHub) -> str:
        with pytest.raises(ServerUnavailable) as refused:
            await hub.connect("far")
        return refused.value.problem

    with served(make_app) as origin:
        return within(work, at(origin), max_result_bytes=LIMIT, start_seconds=20)


@pytest.mark.parametrize("stateless", [True, False], ids=["stateless", "sessions"])
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "events"])
def test_a_server_at_an_address_is_asked_and_called(stateless: bool, as_json: bool) -> None:
    """MCP 2026-07-28, streamable HTTP: an answer is JSON or a stream of events."""

    async def work(hub: ToolHub) -> str:
        status = await hub.connect("far")
        assert (status.status, status.transport, status.tools) == ("connected", "http", 6)
        return await text(hub, "large", size=3)

    with served(real(stateless=stateless, as_json=as_json), lifespan="on") as origin:
        assert within(work, at(origin)) == "xxx"


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "events"])
def test_a_result_that_is_too_large_fails_its_own_call_only(as_json: bool) -> None:
    """Our choice: what comes over HTTP is bounded while it is read."""

    async def work(hub: ToolHub) -> list[str]:
        await hub.connect("far")
        for size in (LIMIT + 1, 100 * LIMIT):
            with pytest.raises(ResultTooLarge):
                await hub.execute("large", {"size": size})
        return [hub.servers()[0].status, await text(hub, "large", size=3)]

    with served(real(as_json=as_json), lifespan="on") as origin:
        assert within(work, at(origin), max_result_bytes=LIMIT) == ["connected", "xxx"]


def test_a_call_that_takes_too_long_is_cancelled_at_the_server() -> None:
    """MCP 2026-07-28, streamable HTTP: to close the stream of a request is to cancel it."""

    async def work(hub: ToolHub) -> str:
        await hub.connect("far")
        with pytest.raises(ToolTimeout):
            await hub.execute("sleep", {"seconds": 70}, timeout=0.5)
        with anyio.move_on_after(0.5):
            await hub.execute("sleep", {"seconds": 80})
        with anyio.fail_after(30):
            while (seen := await text(hub, "gone")) not in ("70 80", "80 70"):
                pass
        return seen

    with served(real(as_json=False), lifespan="on") as origin:
        assert within(work, at(origin)) in ("70 80", "80 70")


def test_the_list_of_tools_follows_a_server_that_is_subscribed_to() -> None:
    """MCP 2026-07-28, subscriptions/listen."""

    async def work(hub: ToolHub) -> str:
        await hub.connect("far")
        with anyio.fail_after(30):
            number = 0
            while hub.servers()[0].tools == 6:
                number += 1
                await hub.execute("learn", {"name": f"novel{number}"})
                with anyio.move_on_after(1):
                    await until(lambda: hub.servers()[0].tools > 6)
        return (await hub.tool("novel1")).full_name

    with served(real(), lifespan="on") as origin:
        assert within(work, at(origin)) == "far.novel1"


def test_the_configured_headers_and_nothing_of_the_caller_reach_the_server() -> None:
    """MCP 2026-07-28, security, token passthrough: there is no way for a caller's token."""
    seen: list[dict[str, str]] = []

    def watched(origin: str) -> "ASGIApp":
        app = real()(origin)

        async def watch(scope: "Scope", receive: "Receive", send: "Send") -> None:
            if scope["type"] == "http":
                seen.append({name.decode(): value.decode() for name, value in scope["headers"]})
            await app(scope, receive, send)

        return watch

    async def work(hub: ToolHub) -> str:
        await hub.connect("far")
        return await text(hub, "large", size=3)

    with served(watched, lifespan="on") as origin:
        assert within(work, at(origin, Authorization="Bearer for-the-server", **{"X-Team": "a b"})) == "xxx"

    assert {headers["authorization"] for headers in seen} == {"Bearer for-the-server"}
    assert {headers["x-team"] for headers in seen} == {"a b"}
    assert "cookie" not in set().union(*seen)


@pytest.mark.parametrize(
    ("make_app", "problem"),
    [
        (
            answering(401, {"www-authenticate": "Bearer"}),
            "it refuses what this server has for it (HTTP 401): look at its headers in the configuration",
        ),
        (
            answering(403, {"content-type": "application/json"}, b'{"jsonrpc":"2.0","id":null,"error":{}}'),
            "it refuses what this server has for it (HTTP 403): look at its headers in the configuration",
        ),
        (answering(500, {}), "it answers with HTTP 500"),
        (answering(429, {}), "it answers with HTTP 429"),
        (
            answering(307, {"location": "http://127.0.0.1:1/elsewhere"}),
            "it redirects (HTTP 307): name the address that it really has",
        ),
        (
            answering(200, {"content-type": "application/json", "content-encoding": "gzip"}, b"\x1f\x8b"),
            "it compresses an answer that was asked for as it is",
        ),
        (answering(404, {}), "it answers with the error -32601"),
        (answering(200, {"content-type": "text/html"}, b"<p>hello"), "it answers with the error -32600"),
        (answering(200, {"content-type": "application/json"}, b"{}"), "it answers with the error -32700"),
        (answering(200, {"content-type": "application/json"}, b"[" * 100_000), "it answers with the error -32700"),
        (answering(200, {"content-type": "application/json"}, b"x" * 10 * LIMIT), "it answers with the error -32099"),
    ],
)
def test_an_address_without_an_mcp_server_has_failed_with_a_reason(
    make_app: "Callable[[str], ASGIApp]", problem: str
) -> None:
    """Our choice: the operator reads what to look at, and no answer of a stranger."""
    assert failed(make_app) == problem


def test_where_nothing_listens_the_server_has_failed() -> None:
    """Our choice: the kind of failure, from the HTTP client."""

    async def work(hub: ToolHub) -> str:
        with pytest.raises(ServerUnavailable) as refused:
            await hub.connect("far")
        return refused.value.problem

    with served(real(), lifespan="on") as origin:
        pass

    assert within(work, at(origin)) == "it cannot be reached (ConnectError)"


def test_one_bad_answer_fails_one_call_and_an_outage_ends_with_a_new_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Our choice: a call that fails makes the hub look whether the server is there, and connect again if not."""
    caplog.set_level(logging.CRITICAL, "mcp")
    fails: set[bytes] = set()

    def moody(origin: str) -> "ASGIApp":
        good, bad = real()(origin), answering(503, {})(origin)

        async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
            method = dict(scope.get("headers", ())).get(b"mcp-method")
            await (bad if method in fails else good)(scope, receive, send)

        return app

    async def work(hub: ToolHub) -> list[str]:
        await hub.connect("far")
        answers: list[str] = []

        async def slow() -> None:
            answers.append(await text(hub, "sleep", seconds=2))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow)
            await anyio.sleep(0.5)
            fails.add(b"tools/call")
            with pytest.raises(ServerUnavailable, match="it answers with HTTP 503"):
                await hub.execute("pid", {})
        fails.update((b"tools/list", b"server/discover", b"initialize"))
        with pytest.raises(ServerUnavailable):
            await hub.execute("pid", {})
        await until(lambda: hub.servers()[0].status == "failed")
        assert hub.servers()[0].tools == 6
        fails.clear()
        await until(lambda: hub.servers()[0].status == "connected")
        return [*answers, await text(hub, "large", size=2)]

    with served(moody, lifespan="on") as origin:
        assert within(work, at(origin)) == ["slept", "xx"]


def test_a_session_that_the_server_has_forgotten_is_begun_again() -> None:
    """MCP 2025-11-25, session management: a 404 ends a session."""
    legacy: dict[str, Any] = {"forget": False}

    def forgetful(origin: str) -> "ASGIApp":
        app = real(stateless=False, as_json=False)(origin)

        async def forgets(scope: "Scope", receive: "Receive", send: "Send") -> None:
            headers = dict(scope.get("headers", ()))
            if headers.get(b"mcp-method") == b"server/discover" or (
                legacy["forget"] and headers.get(b"mcp-session-id") == legacy["session"]
            ):
                await answering(404, {})(origin)(scope, receive, send)
            else:
                await app(scope, receive, remember(send))

        def remember(send: "Send") -> "Send":
            async def told(message: "Message") -> None:
                session = dict(message.get("headers", ())).get(b"mcp-session-id")
                if session and not legacy["forget"]:
                    legacy["session"] = session
                await send(message)

            return told

        return forgets

    async def work(hub: ToolHub) -> str:
        await hub.connect("far")
        legacy["forget"] = True
        with pytest.raises(ServerUnavailable, match="it has forgotten the session"):
            await hub.execute("pid", {})
        await until(lambda: hub.servers()[0].status != "connected")
        await until(lambda: hub.servers()[0].status == "connected")
        return await text(hub, "large", size=2)

    with served(forgetful, lifespan="on") as origin:
        assert within(work, at(origin)) == "xx"


def only_older(app: "ASGIApp") -> "ASGIApp":
    """Take from a server the revision without a handshake, as servers are that have sessions."""

    async def older(scope: "Scope", receive: "Receive", send: "Send") -> None:
        is_probe = dict(scope.get("headers", ())).get(b"mcp-method") == b"server/discover"
        await (answering(404, {})("") if is_probe else app)(scope, receive, send)

    return older


def test_a_session_is_ended_at_the_server_as_well() -> None:
    """MCP 2025-11-25, session management: a client that needs a session no more deletes it."""
    seen: list[str] = []

    def watched(origin: str) -> "ASGIApp":
        app = only_older(real(stateless=False)(origin))

        async def watch(scope: "Scope", receive: "Receive", send: "Send") -> None:
            seen.append(scope.get("method", ""))
            await app(scope, receive, send)

        return watch

    async def work(hub: ToolHub) -> int:
        await hub.connect("far")
        await hub.disconnect("far")
        before = seen.count("DELETE")
        await hub.connect("far")
        return before

    with served(watched, lifespan="on") as origin:
        assert within(work, at(origin)) == 1
        assert seen.count("DELETE") == 2


def test_a_server_that_hangs_is_connected_again_once_it_answers() -> None:
    """Our choice: nothing waits for it without end, the end of its session included."""
    hangs: set[str] = set()

    def moody(origin: str) -> "ASGIApp":
        app = only_older(real(stateless=False)(origin))

        async def hang(scope: "Scope", receive: "Receive", send: "Send") -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async def maybe(scope: "Scope", receive: "Receive", send: "Send") -> None:
            await (hang if scope.get("method") in hangs else app)(scope, receive, send)

        return maybe

    async def work(hub: ToolHub) -> str:
        await hub.connect("far")
        hangs.update(("POST", "DELETE"))
        with pytest.raises(ToolTimeout):
            await hub.execute("pid", {}, timeout=0.2)
        await until(lambda: hub.servers()[0].status != "connected")
        hangs.clear()
        await until(lambda: hub.servers()[0].status == "connected")
        return await text(hub, "large", size=2)

    with served(moody, lifespan="on") as origin:
        assert within(work, at(origin), start_seconds=5) == "xx"


def test_many_calls_to_one_server_at_an_address_do_not_wait_for_each_other() -> None:
    """Our choice: as many connections as calls."""

    async def work(hub: ToolHub) -> int:
        await hub.connect("far")
        said: list[str] = []

        async def call(tool: str, arguments: Mapping[str, object]) -> None:
            said.append(await text(hub, tool, **arguments))

        async with anyio.create_task_group() as slow:
            for _ in range(110):
                slow.start_soon(call, "sleep", {"seconds": 600})
            await call("large", {"size": 1})
            slow.cancel_scope.cancel()
        return len(said)

    with served(real(as_json=False), lifespan="on") as origin:
        assert within(work, at(origin), timeout=600) == 1
