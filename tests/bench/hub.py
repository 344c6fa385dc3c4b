"""What the hub costs: beside the SDK's own client, under 200 calls at once, with many tools and many servers."""

import logging
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.server.mcpserver import MCPServer

from mcp_auth_ref.core.errors import ServerUnavailable
from mcp_auth_ref.demo import create_server
from mcp_auth_ref.toolhub import InProcessServer, StdioServer, ToolHub
from tests.bench.measure import Row, resident

# A server that does next to nothing, so that what is measured is on our side.
TINY = """
import json, os, sys
TOOL = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "tiny", "version": "1"}}
for line in sys.stdin:
    message = json.loads(line)
    method, answer = message.get("method"), {"error": {"code": -32601, "message": "no"}}
    if method == "initialize":
        answer = {"result": HELLO}
    elif method == "tools/list":
        answer = {"result": {"tools": [TOOL]}}
    elif method == "tools/call":
        text = message["params"]["arguments"]["text"]
        text = str(os.getpid()) if text == "pid" else text
        answer = {"result": {"content": [{"type": "text", "text": text}]}}
    if "id" in message and answer.get("result", {}).get("content", [{}])[0].get("text") != "hang":
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"""
ARGUMENTS = {"text": "hello"}
ROUNDS = 7
MANY = 200

Call = Callable[[], Coroutine[Any, Any, object]]


def rows() -> Iterator[Row]:
    """Measure in this one process; servers that are processes run beside it and are not counted."""
    # Memory first: what later measurements leave behind would be taken for free.
    for measure in (_memory, _beside_the_sdk, _at_once, _many_tools, _many_servers, _killed):
        logging.disable(logging.CRITICAL)  # the SDK's servers turn it on, each time one is made
        yield from anyio.run(measure)


def tiny() -> StdioServer:
    """Describe the tiny server."""
    return StdioServer(command=sys.executable, args=("-I", "-S", "-c", TINY))


def in_process(tools: int = 1, name: str = "s") -> InProcessServer:
    """Make a server in this process with so many tools."""
    server = MCPServer(name)
    for number in range(tools):
        server.add_tool(_echo, name=f"{name}-{number}")
    return InProcessServer(server)


def _echo(text: str) -> str:
    return text


async def _seconds(contenders: Mapping[str, Call], calls: int, clock: Callable[[], float]) -> dict[str, float]:
    """Return seconds per call by a clock: the best of some rounds in which the contenders take turns."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(ROUNDS):
        for name, call in contenders.items():
            started = clock()
            for _ in range(calls):
                await call()
            best[name] = min(best[name], (clock() - started) / calls)
    return best


async def _beside_the_sdk() -> list[Row]:
    parameters = StdioServerParameters(command=sys.executable, args=["-I", "-S", "-c", TINY])
    demo = create_server(None)
    found: list[Row] = []
    async with (
        ToolHub({"tiny": tiny(), "demo": InProcessServer(demo)}) as hub,
        Client(parameters) as process,
        Client(demo) as local,
    ):
        await hub.connect("tiny")
        await process.list_tools()
        await local.list_tools()
        kinds: Mapping[str, Mapping[str, Call]] = {
            "a process": {
                "SDK": partial(process.call_tool, "echo", ARGUMENTS),
                "hub": partial(hub.execute, "tiny.echo", ARGUMENTS),
            },
            "in process": {
                "SDK": partial(local.call_tool, "echo", ARGUMENTS),
                "hub": partial(hub.execute, "demo.echo", ARGUMENTS),
            },
        }
        for kind, contenders in kinds.items():
            for unit, clock in (("µs CPU", time.process_time), ("µs", time.perf_counter)):
                taken = await _seconds(contenders, 300, clock)
                group = f"gateway: one call to {kind}"
                found += [
                    Row(
                        group,
                        f"{name}, {unit}",
                        taken[name] * 1e6,
                        "µs/call",
                        "the SDK's client",
                        taken["SDK"] / taken[name],
                    )
                    for name in contenders
                ]
    return found


async def _at_once() -> list[Row]:
    parameters = StdioServerParameters(command=sys.executable, args=["-I", "-S", "-c", TINY])

    async def together(call: Call) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(MANY):
                tasks.start_soon(call)

    async with ToolHub({"tiny": tiny()}) as hub, Client(parameters) as process:
        await hub.connect("tiny")
        await process.list_tools()
        contenders = {
            "SDK": partial(together, partial(process.call_tool, "echo", ARGUMENTS)),
            "hub": partial(together, partial(hub.execute, "echo", ARGUMENTS)),
        }
        taken = await _seconds(contenders, 3, time.perf_counter)
    return [
        Row(
            "gateway: 200 calls at once",
            name,
            MANY / taken[name],
            "calls/s",
            "the SDK's client",
            taken["SDK"] / taken[name],
        )
        for name in contenders
    ]


async def _many_tools() -> list[Row]:
    hubs = {number: ToolHub({"s": in_process(number)}) for number in (1, 10, 100, 1000)}
    return await _curve("gateway: tools of one server", hubs, lambda number: f"s-{number - 1}")


async def _many_servers() -> list[Row]:
    hubs = {
        number: ToolHub({f"s{each}": in_process(20, f"s{each}") for each in range(number)}) for number in (1, 10, 50)
    }
    return await _curve("gateway: servers with 20 tools", hubs, lambda number: f"s{number - 1}-19")


async def _curve(group: str, hubs: Mapping[int, ToolHub], last: Callable[[int], str]) -> list[Row]:
    async def measured(waiting: list[int], calls: dict[str, Call]) -> dict[str, float]:
        if not waiting:
            return await _seconds(calls, 200, time.process_time)
        number, *others = waiting
        async with hubs[number] as hub:
            call = partial(hub.execute, last(number), ARGUMENTS)
            return await measured(others, {**calls, f"{number}": call})

    taken = await measured(list(hubs), {})
    return [Row(group, name, one * 1e6, "µs/call", "one", taken["1"] / one) for name, one in taken.items()]


async def _killed() -> list[Row]:
    """Kill a server with ten callers waiting; measure until the last is told, and until a call works again."""
    told, again = [], []
    for _ in range(5):
        async with ToolHub({"tiny": tiny()}) as hub:
            await hub.connect("tiny")
            pid = int(str((await hub.execute("echo", {"text": "pid"})).content[0]["text"]))
            waited: list[float] = []

            async def call(waited: list[float] = waited) -> None:
                try:
                    await hub.execute("echo", {"text": "hang"})
                except ServerUnavailable:
                    waited.append(time.perf_counter())

            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(call)
                await anyio.sleep(0.3)
                killed = time.perf_counter()
                os.kill(pid, signal.SIGKILL)
            told.append(max(waited) - killed)
            while True:
                try:
                    await hub.execute("echo", ARGUMENTS)
                    break
                except ServerUnavailable:
                    await anyio.sleep(0.005)
            again.append(time.perf_counter() - killed)
    group, unit, second = "gateway: a server is killed", "ms", "one second"
    return [
        Row(
            group,
            "10 callers are told, median",
            statistics.median(told) * 1e3,
            unit,
            second,
            1 / statistics.median(told),
        ),
        Row(group, "10 callers are told, longest", max(told) * 1e3, unit, second, 1 / max(told), 1.0),
        Row(
            group,
            "a call works again, median",
            statistics.median(again) * 1e3,
            unit,
            second,
            1 / statistics.median(again),
        ),
    ]


async def _memory() -> list[Row]:
    async with ToolHub({"tiny": tiny()}) as hub:
        await hub.connect("tiny")
        await hub.execute("echo", ARGUMENTS)
    before = resident()
    async with ToolHub({f"s{number}": tiny() for number in range(50)}) as hub:
        for status in hub.servers():
            await hub.connect(status.name)
        started = resident()
        for number in range(2000):
            await hub.execute(f"s{number % 50}.echo", ARGUMENTS)
        warm = resident()
        for number in range(20_000):
            await hub.execute(f"s{number % 50}.echo", ARGUMENTS)
        after = resident()
    group = "gateway: memory of 50 processes' hub"
    return [
        Row(group, "50 servers", (started - before) / 2**20, "MiB more", "before", before / started),
        Row(group, "after 20,000 more calls", (after - warm) / 2**20, "MiB more", "before", warm / after),
    ]
