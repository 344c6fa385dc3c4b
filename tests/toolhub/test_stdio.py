"""Servers that are processes: real ones, started, overheard, killed and closed."""

import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest

from mcp_auth_ref.core.errors import (
    InvalidArguments,
    ResultTooLarge,
    ServerDisconnected,
    ServerUnavailable,
    ToolTimeout,
    UnknownTool,
)
from mcp_auth_ref.toolhub import HubResult, ServerConfig, StdioServer, ToolHub, connection
from mcp_auth_ref.toolhub.connection import pauses
from mcp_auth_ref.toolhub.stdio import BoundedLines, presentable
from tests.toolhub.servers import node, npm_package, ours
from tests.toolhub.test_hub import demonstration

T = TypeVar("T")
PATIENCE = 60


def within(
    work: Callable[[ToolHub], Awaitable[T]], servers: Mapping[str, ServerConfig] | None = None, **options: Any
) -> T:
    """Do something with a hub of one server of ours, or of others, once all have settled."""

    async def run() -> T:
        with anyio.fail_after(PATIENCE):
            async with ToolHub(servers or {"ours": ours()}, **options) as hub:
                return await work(hub)

    return anyio.run(run)


async def text(hub: ToolHub, name: str, **arguments: object) -> str:
    result = await hub.execute(name, arguments)
    assert not result.is_error, result
    return str(result.content[0]["text"])


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not holds():  # noqa: ASYNC110 - processes end when they end
            await anyio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_server_is_started_asked_page_by_page_and_called() -> None:
    """MCP 2025-11-25, tools and pagination."""

    async def work(hub: ToolHub) -> tuple[object, list[str], str]:
        status = await hub.connect("ours")
        names = [tool.name for tool in await hub.tools("ours")]
        return (status.status, status.transport, status.tools), names, await text(hub, "echo", text="née")

    status, names, said = within(work)

    assert status == ("connected", "stdio", 12)
    assert names[:2] + names[-1:] == ["echo", "sleep", "refuse"]
    assert said == "née"


def test_the_start_of_the_hub_does_not_wait_for_a_server() -> None:
    """Our choice: until it has answered, it is connecting and its calls fail at once."""

    async def work(hub: ToolHub) -> str:
        assert [(status.name, status.status) for status in hub.servers()] == [("ours", "connecting")]
        with pytest.raises(ServerUnavailable, match="it is starting"):
            await hub.execute("ours.echo", {"text": "x"})
        return (await hub.connect("ours")).status

    assert within(work) == "connected"


def test_a_server_gets_little_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our choice: what every program needs, and what the configuration names; never a secret of this server."""
    for name in ("MCP_JWT_SECRET", "MCP_STORE_URL", "MCP_TOKEN", "JWT_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hush")

    async def work(hub: ToolHub) -> dict[str, str]:
        await hub.connect("ours")
        seen: dict[str, str] = json.loads(await text(hub, "env"))
        return seen

    seen = within(work, {"ours": ours(KEY="for-the-server")})

    assert seen["KEY"] == "for-the-server"
    assert "hush" not in seen.values()
    assert seen.keys() <= {"KEY", "HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LC_CTYPE"}


def test_what_a_server_says_on_standard_error_is_logged_escaped_short_and_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Our choice: a server's words look like nothing but a server's words."""
    caplog.set_level(logging.INFO, "mcp_auth_ref.toolhub")

    async def work(hub: ToolHub) -> str:
        await hub.connect("ours")
        await until(lambda: "long" in caplog.text)
        return await text(hub, "echo", text="it goes on")

    assert within(work, {"ours": ours("talks", KEY="hush-hush")}) == "it goes on"

    said = [line.removeprefix("the server ours says: ") for line in caplog.messages if " says: " in line]
    assert said[:2] == [r"first\x1b[31m line", "key …"]
    assert (said[2][:8], len(said[2])) == ("x y x y ", 501)
    assert said[3:5] == ["Authorization: Bearer …", "long …"]


def test_a_server_that_talks_without_end_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: so many lines a second, and a word about the rest."""
    caplog.set_level(logging.INFO, "mcp_auth_ref.toolhub")

    async def work(hub: ToolHub) -> str:
        await hub.connect("ours")
        return await text(hub, "echo", text="it goes on")

    assert within(work, {"ours": ours("floods")}) == "it goes on"

    assert 50 < sum(" says: " in line for line in caplog.messages) < 10_000
    assert "the server ours says more than is logged" in caplog.messages


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("all is well at /usr/lib/node_modules/server/index.js:10", None),
        ("a token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl here", "a token … here"),
        ("key=s3cret1 and s3cret1again", "key=… and …again"),
        ("line\r\u2028tab\t", "line\\r\\u2028tab\\t"),
    ],
)
def test_a_line_is_made_presentable(line: str, shown: str | None) -> None:
    """Our choice: known secrets, and what is long and unbroken, are left out."""
    assert presentable(line, ["s3cret1", "is"]) == (shown or line)


def test_arguments_are_held_against_the_schema() -> None:
    """Our choice: 422 in the schema's words; a schema that cannot be used is the server's fault, 502."""

    async def work(hub: ToolHub) -> tuple[str, ...]:
        await hub.connect("ours")
        with pytest.raises(InvalidArguments) as refused:
            await hub.execute("echo", {"text": 1})
        with pytest.raises(ServerUnavailable, match="its tool refuse cannot be used: it refers to something that is"):
            await hub.execute("refuse", {})
        return refused.value.problems

    assert within(work) == ('$.text breaks type "string"',)


def test_an_error_that_a_server_answers_with_is_for_the_caller_to_read() -> None:
    """Our choice: whoever answers is there. The server of the test refuses by a JSON-RPC error."""

    async def work(hub: ToolHub) -> HubResult:
        await hub.connect("ours")
        return await hub.execute("sleep", {"seconds": "x"})

    result = within(work)

    assert (result.is_error, result.content) == (True, [{"type": "text", "text": "seconds is no number"}])


def test_a_server_that_says_it_is_away_is_taken_at_its_word_and_quoted_with_care() -> None:
    """Our choice: the numbers of our own errors are no secret, and the text beside them is a stranger's."""

    async def work(hub: ToolHub) -> str:
        await hub.connect("ours")
        with pytest.raises(ServerUnavailable) as refused:
            await hub.execute("lie", {})
        return refused.value.problem

    assert within(work) == r"\x1b[31mI am away …"


def test_what_is_no_message_is_passed_over() -> None:
    """MCP 2025-11-25, stdio: a server writes nothing else to standard output, and some do."""

    async def work(hub: ToolHub) -> str:
        await hub.connect("ours")
        return await text(hub, "garble")

    assert within(work) == "still here"


def test_a_call_that_takes_too_long_is_cancelled_at_the_server() -> None:
    """MCP 2025-11-25, cancellation: by timeout, and by a caller that goes away."""

    async def work(hub: ToolHub) -> list[object]:
        await hub.connect("ours")
        with pytest.raises(ToolTimeout):
            await hub.execute("sleep", {"seconds": 60}, timeout=0.05)
        with anyio.move_on_after(0.05):
            await hub.execute("sleep", {"seconds": 60})
        with anyio.fail_after(30):
            while len(seen := json.loads(await text(hub, "cancelled"))) < 2:
                pass
        return list(seen)

    assert len(set(map(str, within(work)))) == 2


def test_a_result_that_is_too_large_fails_its_own_call_only() -> None:
    """Our choice: bounded before it is read whole, and told apart by its id."""
    limit = 64 * 1024

    async def work(hub: ToolHub) -> list[str]:
        await hub.connect("ours")
        seen = []
        for size in (limit + 1, 4 * limit, 40 * limit):
            with pytest.raises(ResultTooLarge) as refused:
                await hub.execute("large", {"size": size})
            seen.append(f"{refused.value.tool} {refused.value.limit}")
        seen.append(str(len(await text(hub, "large", size=limit // 2))))
        return seen

    assert within(work, max_result_bytes=limit) == 3 * ["ours.large 65536"] + ["32768"]


def test_the_list_of_tools_follows_the_server() -> None:
    """MCP 2025-11-25, tools: notifications/tools/list_changed."""

    async def work(hub: ToolHub) -> str:
        await hub.connect("ours")
        with pytest.raises(UnknownTool):
            await hub.tool("novel")
        before = await hub.tool("echo")
        await hub.execute("grow", {"name": "novel"})
        await until(lambda: hub.servers()[0].tools == 13)
        assert await hub.tool("echo") is before
        return (await hub.tool("novel")).full_name

    assert within(work) == "ours.novel"


def test_a_server_that_dies_is_started_again_and_fails_its_own_calls_only() -> None:
    """Our choice: 502 for those who called it, nothing lost for others, and the next call works."""

    async def work(hub: ToolHub) -> int:
        for name in ("one", "two"):
            await hub.connect(name)
        pid = int(await text(hub, "one.pid"))
        refused: list[str] = []
        kept: list[str] = []
        killed = anyio.Event()

        async def on_the_killed() -> None:
            with pytest.raises(ServerUnavailable) as error:
                await hub.execute("one.sleep", {"seconds": 3600})
            refused.append(error.value.problem)

        async def on_the_other(number: int) -> None:
            while not killed.is_set() or len(kept) < 100:
                kept.append(await text(hub, "two.echo", text=f"{number}"))
                kept.append(await text(hub, "demo.echo", text=f"{number}"))

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(on_the_killed)
                tasks.start_soon(on_the_other, number)
            await until(lambda: len(kept) > 20)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: len(refused) == 10)
            killed.set()
        await until(lambda: hub.servers()[0].status == "connected")
        assert int(await text(hub, "one.pid")) != pid
        assert set(refused) == {"its connection has ended during the call"}
        return len(kept)

    assert within(work, {"one": ours(), "two": ours(), "demo": demonstration()}) >= 100


def test_a_server_that_ends_itself_is_started_again() -> None:
    """Our choice: whoever calls it at that moment is told so."""

    async def work(hub: ToolHub) -> str:
        await hub.connect("ours")
        with pytest.raises(ServerUnavailable, match="its connection has ended during the call"):
            await hub.execute("exit", {})
        with pytest.raises(ServerUnavailable):
            await hub.execute("echo", {"text": "x"})
        await until(lambda: hub.servers()[0].status == "connected")
        return await text(hub, "echo", text="back")

    assert within(work) == "back"


@pytest.mark.parametrize(
    ("behaviour", "seconds", "problem"),
    [
        ("hangs", 1, "it has not started within 1 seconds"),
        ("dies", 50, "its connection has ended"),
        ("endless", 50, "there is no end to its list of tools"),
    ],
)
def test_a_server_that_does_not_start_has_failed_with_a_reason(behaviour: str, seconds: int, problem: str) -> None:
    """Our choice: it is tried again and again, with growing pauses, and everything else works meanwhile."""

    async def work(hub: ToolHub) -> str:
        with pytest.raises(ServerUnavailable) as refused:
            await hub.connect("ours")
        assert await text(hub, "demo.echo", text="hi") == "hi"
        return refused.value.problem

    assert within(work, {"ours": ours(behaviour), "demo": demonstration()}, start_seconds=seconds) == problem


def test_the_pauses_between_attempts_grow_up_to_a_bound() -> None:
    """Our choice: a server that keeps failing costs little, and one that has recovered is soon there."""
    assert list(islice(pauses(), 10)) == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]


def test_whoever_connects_a_failed_server_does_not_wait_for_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our choice: an administrator who has mended it sees at once whether it works."""
    monkeypatch.setattr(connection, "FIRST_PAUSE", 3600)
    mended = tmp_path / "mended"

    async def work(hub: ToolHub) -> str:
        with pytest.raises(ServerUnavailable):
            await hub.connect("ours")
        await until(lambda: hub.servers()[0].status == "failed")
        mended.touch()
        return (await hub.connect("ours")).status

    assert within(work, {"ours": ours("dies", UNTIL=str(mended))}) == "connected"


def test_connecting_and_disconnecting_at_once_ends_as_the_last_one_says() -> None:
    """Our choice: both may be asked at any time, by several, and leave one process or none."""

    async def work(hub: ToolHub) -> list[str]:
        async def connect() -> None:
            with suppress(ServerDisconnected, ServerUnavailable):
                await hub.connect("ours")

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(connect)
                tasks.start_soon(hub.disconnect, "ours")
                tasks.start_soon(connect)
        ends = [(await hub.disconnect("ours")).status, (await hub.connect("ours")).status]
        return [*ends, *{await text(hub, "pid") for _ in range(3)}]

    *ends, pid = within(work)

    assert ends == ["disconnected", "connected"]
    assert not alive(int(pid))


def test_a_program_that_is_not_there_has_failed_with_a_reason() -> None:
    """Our choice: the system's own word for it."""
    nothing = ours().model_copy(update={"command": "/no/such/program"})

    async def work(hub: ToolHub) -> str:
        with pytest.raises(ServerUnavailable) as refused:
            await hub.connect("ours")
        return refused.value.problem

    assert within(work, {"ours": nothing}) == "it cannot be started: No such file or directory"


@pytest.mark.parametrize("behaviour", ["polite", "ignores-signals"])
def test_closing_leaves_no_process(behaviour: str) -> None:
    """MCP 2025-11-25, lifecycle, shutdown: asked, told, made; and what the server has started goes with it."""

    async def work(hub: ToolHub) -> list[int]:
        await hub.connect("ours")
        return [int(await text(hub, name)) for name in ("pid", "child")]

    left = within(work, {"ours": ours(behaviour)})

    assert [pid for pid in left if alive(pid)] == []


def test_what_a_killed_server_has_started_goes_with_it() -> None:
    """Our choice: a new server finds no remains of the old one."""

    async def work(hub: ToolHub) -> list[bool]:
        await hub.connect("ours")
        pid, child = [int(await text(hub, name)) for name in ("pid", "child")]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not alive(child))
        await until(lambda: hub.servers()[0].status == "connected")
        return [alive(pid), alive(child)]

    assert within(work) == [False, False]


def test_disconnecting_ends_the_process_and_the_calls_on_it() -> None:
    """Our choice: 503 for those who are waiting, until somebody connects it again."""

    async def work(hub: ToolHub) -> list[str]:
        await hub.connect("ours")
        pid = int(await text(hub, "pid"))
        await text(hub, "sleep", seconds=0)
        codes = []

        async def call() -> None:
            with pytest.raises(Exception, match="the server ours is disconnected") as refused:
                await hub.execute("sleep", {"seconds": 30})
            codes.append(type(refused.value).__name__)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await text(hub, "echo", text="by now the other call is on its way")
            await hub.disconnect("ours")
        assert not alive(pid)
        await hub.connect("ours")
        return [*codes, await text(hub, "echo", text="again")]

    assert within(work) == ["ServerDisconnected", "again"]


def test_two_hundred_calls_share_one_server() -> None:
    """Our choice: a slow call holds up no other; here the slow one ends last."""

    async def work(hub: ToolHub) -> list[str]:
        await hub.connect("ours")
        done: list[str] = []

        async def call(name: str, arguments: Mapping[str, object]) -> None:
            done.append(await text(hub, name, **arguments))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, "sleep", {"seconds": 1000})
            async with anyio.create_task_group() as quick:
                for number in range(200):
                    quick.start_soon(call, "echo", {"text": f"{number}"})
            tasks.cancel_scope.cancel()
        return done

    assert sorted(map(int, within(work, timeout=60))) == list(range(200))


def test_overlong_lines_are_cut_in_the_middle() -> None:
    """Our choice: of what is not read whole, both ends are kept, for the id is at one of them."""
    lines = BoundedLines(1000)

    given = [*lines.feed(b"short\n" + b"a" * 600), *lines.feed(b"b" * 5000), *lines.feed(b"c" * 5000 + b"end\n\nx")]

    assert given[0] == (b"short", False)
    assert (given[1][0][:5], given[1][0][-5:], given[1][1]) == (b"aaaaa", b"ccend", True)
    assert len(given[1][0]) <= 1000
    assert given[2:] == [(b"", False)]


def test_the_official_filesystem_server_works_behind_the_hub(tmp_path: Path) -> None:
    """Our choice: real servers of other people."""
    (tmp_path / "note.txt").write_text("Hello, Ada.")
    server = ours().model_copy(
        update={"command": node(), "args": (npm_package("@modelcontextprotocol/server-filesystem"), str(tmp_path))}
    )

    async def work(hub: ToolHub) -> tuple[str, bool]:
        await hub.connect("files")
        said = await text(hub, "read_text_file", path=str(tmp_path / "note.txt"))
        refused = await hub.execute("files.read_text_file", {"path": "/etc/passwd"})
        with pytest.raises(InvalidArguments):
            await hub.execute("read_text_file", {"path": 1})
        return said, refused.is_error

    assert within(work, {"files": server}) == ("Hello, Ada.", True)


def test_the_official_everything_server_works_behind_the_hub() -> None:
    """Our choice: real servers of other people."""
    server = ours().model_copy(
        update={"command": node(), "args": (npm_package("@modelcontextprotocol/server-everything"), "stdio")}
    )

    async def work(hub: ToolHub) -> tuple[str, object]:
        await hub.connect("everything")
        weather = await hub.execute("get-structured-content", {"location": "New York"})
        return await text(hub, "echo", message="hi"), weather.structured_content

    said, weather = within(work, {"everything": server})

    assert said == "Echo: hi"
    assert isinstance(weather, dict)
    assert weather.keys() == {"temperature", "conditions", "humidity"}


def modern() -> StdioServer:
    return ours().model_copy(update={"args": (str(Path(__file__).with_name("modern.py")),)})


def test_a_server_of_the_current_revision_is_called_and_followed() -> None:
    """MCP 2026-07-28: no handshake, changes by subscription, and a cancelled call ends at the server."""

    async def work(hub: ToolHub) -> list[str]:
        await hub.connect("modern")
        with pytest.raises(ToolTimeout):
            await hub.execute("sleep", {"seconds": 90}, timeout=0.2)
        with anyio.fail_after(30):
            while (gone := await text(hub, "gone")) != "90":
                pass
            while hub.servers()[0].tools == 6:
                await hub.execute("learn", {"name": "novel"})
                with anyio.move_on_after(1):
                    await until(lambda: hub.servers()[0].tools > 6)
        return [gone, (await hub.tool("novel")).full_name]

    assert within(work, {"modern": modern()}) == ["90", "modern.novel"]


def test_a_tool_that_asks_its_caller_for_more_has_failed() -> None:
    """MCP 2026-07-28, input_required: behind a gateway there is nobody to ask."""

    async def work(hub: ToolHub) -> HubResult:
        await hub.connect("modern")
        return await hub.execute("ask", {})

    result = within(work, {"modern": modern()})

    said = "the tool asks its caller for more, and a gateway has nobody to ask"
    assert (result.is_error, result.content) == (True, [{"type": "text", "text": said}])
