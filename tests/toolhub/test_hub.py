"""The hub before the demonstration server, in process."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import pytest

from mcp_auth_ref import demo
from mcp_auth_ref.core.errors import ServerDisconnected, ToolTimeout, UnknownServer, UnknownTool
from mcp_auth_ref.toolhub import Caller, HubResult, InProcessServer, ServerStatus, ToolHub

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
