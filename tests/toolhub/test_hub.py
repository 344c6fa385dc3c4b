"""The hub before the demonstration server, in process."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import pytest
from mcp.server.mcpserver import MCPServer

from mcp_auth_ref import demo
from mcp_auth_ref.core.errors import ServerDisconnected, ToolTimeout, UnknownServer, UnknownTool
from mcp_auth_ref.toolhub import Caller, HubResult, HubTool, InProcessServer, ServerStatus, ToolHub

if TYPE_CHECKING:
    from mcp_auth_ref.events import Event

T = TypeVar("T")


def demonstration(root: Path | None = None) -> InProcessServer:
    return InProcessServer(demo.create_server(root), tool_scopes=demo.TOOL_SCOPES)


def within(work: Callable[[ToolHub], Awaitable[T]], *names: str, **options: Any) -> T:
    """Do something with a hub of demonstration servers."""

    async def run() -> T:
        async with ToolHub({name: demonstration() for name in names or ("demo",)}, **options) as hub:
            return await work(hub)

    return anyio.run(run)


def test_a_server_in_process_is_connected_as_soon_as_the_hub_is_entered() -> None:
    """Our choice: the demonstration works at once."""

    async def work(hub: ToolHub) -> list[ServerStatus]:
        return hub.servers()

    assert within(work) == [ServerStatus(name="demo", status="connected", transport="in-process", tools=7)]


def test_a_tool_is_called_by_its_plain_and_by_its_full_name() -> None:
    """Our choice: the full name always leads to it."""

    async def work(hub: ToolHub) -> list[HubResult]:
        return [await hub.execute(name, {"text": "hi"}) for name in ("echo", "demo.echo")]

    results = within(work)

    assert [(result.tool, result.server, result.is_error, result.content) for result in results] == 2 * [
        ("echo", "demo", False, [{"type": "text", "text": "hi"}])
    ]


def test_a_failing_tool_is_a_result() -> None:
    """MCP 2026-07-28, tools, error handling: the tool's failure is for its caller to read."""

    async def work(hub: ToolHub) -> HubResult:
        return await hub.execute("fail", {})

    result = within(work)

    said = [{"type": "text", "text": "Error executing tool fail: this tool always fails"}]
    assert (result.is_error, result.content) == (True, said)


def test_a_plain_name_that_two_servers_share_is_refused_with_the_full_names() -> None:
    """Our choice: a later server cannot shadow an earlier one's tool."""

    async def work(hub: ToolHub) -> HubResult:
        with pytest.raises(UnknownTool) as refused:
            await hub.tool("echo")
        assert refused.value.candidates == ("one.echo", "two.echo")
        return await hub.execute("two.echo", {"text": "hi"})

    assert within(work, "one", "two").server == "two"


@pytest.mark.parametrize("name", ["nothing", "demo.nothing", "other.echo", "", ".", "demo."])
def test_what_is_no_tool_is_unknown(name: str) -> None:
    """Our choice: 404."""

    async def work(hub: ToolHub) -> None:
        with pytest.raises(UnknownTool):
            await hub.execute(name, {})

    within(work)


def test_a_server_that_the_configuration_does_not_name_is_unknown() -> None:
    """Our choice: 404, with the names there are."""

    async def work(hub: ToolHub) -> None:
        for act in (hub.connect, hub.disconnect, hub.tools):
            with pytest.raises(UnknownServer, match="known are demo"):
                await act("other")

    within(work)


def test_a_disconnected_server_is_refused_until_it_is_connected_again() -> None:
    """Our choice: 503, and connecting or disconnecting twice is like once."""

    async def work(hub: ToolHub) -> list[object]:
        first = [(await hub.disconnect("demo")).status for _ in range(2)]
        assert await hub.tools() == []
        with pytest.raises(ServerDisconnected):
            await hub.execute("echo", {"text": "hi"})
        second = [(await hub.connect("demo")).status for _ in range(2)]
        return [*first, *second, (await hub.execute("echo", {"text": "hi"})).is_error]

    assert within(work) == ["disconnected", "disconnected", "connected", "connected", False]


def test_a_call_takes_no_longer_than_it_may() -> None:
    """Our choice: a caller may ask for less time than the hub gives, not for more."""

    async def work(hub: ToolHub) -> list[float]:
        given = []
        for timeout in (None, 60, 0.01):
            with pytest.raises(ToolTimeout) as refused:
                await hub.execute("sleep", {"seconds": 10}, timeout=timeout)
            given.append(refused.value.seconds)
        return given

    assert within(work, timeout=0.05) == [0.05, 0.05, 0.01]


def test_each_call_is_told_once_with_its_caller_and_its_code() -> None:
    """Our choice: what the audit log and the metrics are made of."""
    heard: list[Event] = []
    caller = Caller(subject="ada", client_id="cli", token_id="t-1", request_id="r-1")

    async def work(hub: ToolHub) -> None:
        await hub.execute("echo", {"text": "hi"}, caller=caller)
        with pytest.raises(UnknownTool):
            await hub.execute("x" * 1000, {})
        with pytest.raises(ToolTimeout):
            await hub.execute("sleep", {"seconds": 5}, timeout=0.01)
        with anyio.move_on_after(0.01):
            await hub.execute("sleep", {"seconds": 5})

    within(work, tell=heard.append, clock=lambda: 1_795_000_000.0)

    assert [(event.kind, event.at, event.code, event.server, event.tool) for event in heard] == [
        ("execute", 1_795_000_000.0, None, "demo", "echo"),
        ("execute", 1_795_000_000.0, "unknown_tool", None, "x" * 128),
        ("execute", 1_795_000_000.0, "tool_timeout", "demo", "sleep"),
        ("execute", 1_795_000_000.0, "cancelled", "demo", "sleep"),
    ]
    assert [(e.subject, e.client_id, e.token_id, e.request_id) for e in heard[:2]] == [
        ("ada", "cli", "t-1", "r-1"),
        (None, None, None, None),
    ]
    assert all(event.duration is not None and event.duration >= 0 for event in heard)


def servers_of(**tools: list[str]) -> dict[str, InProcessServer]:
    """Make a server for each name, whose tools say where they are."""

    def server(name: str, its: list[str]) -> InProcessServer:
        made = MCPServer(name)
        for tool in its:
            made.add_tool(lambda: name, name=tool, description="Say where this is.")
        return InProcessServer(made)

    return {name: server(name, its) for name, its in tools.items()}


async def said(hub: ToolHub, name: str) -> object:
    return (await hub.execute(name, {})).content[0]["text"]


def test_no_name_of_a_tool_takes_the_place_of_a_full_name() -> None:
    """Our choice: what begins with the name of a server and a dot leads to that server, or nowhere."""

    async def run() -> list[object]:
        async with ToolHub(servers_of(a=["x", "y.z"], b=["a.x", "a.w", "y.w"])) as hub:
            with pytest.raises(UnknownTool):
                await hub.tool("a.w")
            return [await said(hub, name) for name in ("a.x", "b.a.x", "b.a.w", "y.z", "a.y.z", "y.w")]

    assert anyio.run(run) == ["a", "b", "b", "a", "a", "b"]


def test_a_server_that_is_away_keeps_its_names() -> None:
    """Our choice: otherwise a plain name would lead elsewhere as soon as its server fails."""

    async def run() -> list[object]:
        async with ToolHub(servers_of(a=["x"], b=["x", "y"])) as hub:
            await hub.disconnect("a")
            with pytest.raises(UnknownTool, match=r"call it as a\.x or b\.x"):
                await hub.execute("x", {})
            with pytest.raises(ServerDisconnected):
                await hub.execute("a.x", {})
            return [await said(hub, "b.x"), [tool.full_name for tool in await hub.tools()]]

    assert anyio.run(run) == ["b", ["b.x", "b.y"]]


def test_a_tool_has_the_scopes_of_its_server_and_its_own() -> None:
    """Our choice: what the configuration says, whatever the server says of itself."""
    server = InProcessServer(demo.create_server(None), scopes=("demo:use",), tool_scopes=demo.TOOL_SCOPES)

    async def run() -> dict[str, tuple[str, ...]]:
        async with ToolHub({"demo": server}) as hub:
            return {tool.name: tool.scopes for tool in await hub.tools() if tool.name in ("echo", "write_file")}

    assert anyio.run(run) == {"echo": ("demo:use",), "write_file": ("demo:use", "files:write")}


def test_scopes_for_a_tool_that_is_none_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: a misspelled name in the configuration would leave a tool open."""
    server = InProcessServer(demo.create_server(None), tool_scopes={"write_fil": ("files:write",)})

    async def run() -> None:
        async with ToolHub({"demo": server}):
            pass

    anyio.run(run)

    assert "the configuration has scopes for demo.write_fil, which is no tool" in caplog.messages


def test_what_a_tool_says_of_itself_is_passed_on() -> None:
    """MCP 2026-07-28, tools."""

    async def work(hub: ToolHub) -> HubTool:
        return await hub.tool("demo.echo")

    tool = within(work)

    assert (tool.name, tool.server, tool.full_name, tool.description) == (
        "echo",
        "demo",
        "demo.echo",
        "Give the text back.",
    )
    assert tool.input_schema["required"] == ["text"]
    assert tool.output_schema is not None


@pytest.mark.parametrize("timeout", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_time_that_is_none_is_the_time_of_the_hub(timeout: float) -> None:
    """Our choice: no value takes the bound away."""

    async def work(hub: ToolHub) -> float:
        with pytest.raises(ToolTimeout) as refused:
            await hub.execute("sleep", {"seconds": 10}, timeout=timeout)
        return refused.value.seconds

    assert within(work, timeout=0.05) == 0.05


def test_a_body_that_fails_fails_as_itself() -> None:
    """Our choice: nobody has to unpack a group to learn what has happened."""

    async def work(_: ToolHub) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        within(work)


def test_a_hub_is_used_where_it_is_entered() -> None:
    """Our choice: there is nothing to connect before, and nothing left after."""

    async def run() -> None:
        await ToolHub({"demo": demonstration()}).connect("demo")

    with pytest.raises(RuntimeError, match="the hub has not been entered"):
        anyio.run(run)
