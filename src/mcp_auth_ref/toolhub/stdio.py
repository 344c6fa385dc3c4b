"""A server as a process: spawned with little of our environment, read with bounds, and ended with all it has started.

The SDK's own transport reads lines of any length and hands our standard error on. This one bounds what a server can
make us hold, and puts what it says on standard error into the log, so that it looks like nothing but that.
"""

import logging
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from mcp_auth_ref.toolhub.messages import TOO_LARGE, in_place_of_answer

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, ByteSendStream, Process

    from mcp_auth_ref.toolhub.config import StdioServer

logger = logging.getLogger(__name__)

GRACE_SECONDS = 2
MAX_LOG_LINE = 500
MAX_LOG_LINES_A_SECOND = 100

_EDGE = 256
_QUEUE = 1024
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)
# The id stands at the beginning (Python) or at the end (TypeScript) of an answer; the middle is the tool's to write.
_ID_FIRST = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\s*,')
_ID_LAST = re.compile(rb'"id"\s*:\s*(\d{1,18})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*\Z')
_PERHAPS_SECRET = re.compile(r"[\w.+=~-]{32,}|(?<=[Bb]earer )\S+", re.ASCII)

Incoming: TypeAlias = SessionMessage | Exception
Streams: TypeAlias = tuple[MemoryObjectReceiveStream[Incoming], MemoryObjectSendStream[SessionMessage]]


@asynccontextmanager
async def spawned(
    name: str, server: "StdioServer", *, max_line_bytes: int, lost: Callable[[], None]
) -> AsyncIterator[Streams]:
    """Run the server's process, and give the streams that the SDK's client speaks over. Raises OSError.

    `lost` is called when the process or its standard output has ended.
    """
    secrets = {variable: value.get_secret_value() for variable, value in server.env.items()}
    process = await anyio.open_process(
        [server.command, *server.args], env=get_default_environment() | secrets, start_new_session=True
    )
    arriving, incoming = anyio.create_memory_object_stream[Incoming]()
    # Who is cancelled must not wait for a server that does not read: what it sends has room here.
    outgoing, leaving = anyio.create_memory_object_stream[SessionMessage](_QUEUE)
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise RuntimeError("a process was spawned without pipes")

    async def read() -> None:
        with suppress(*_GONE):
            await _read(name, stdout, arriving, max_line_bytes)
        hang_up()

    async def write() -> None:
        with suppress(*_GONE):
            await _write(stdin, leaving)
        hang_up()

    async def watch() -> None:
        # What the process has started may hold its standard output open. It is gone all the same.
        await _until(lambda: process.returncode is not None, None)
        await anyio.sleep(GRACE_SECONDS / 10)
        hang_up()

    def hang_up() -> None:
        arriving.close()
        lost()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            tasks.start_soon(watch)
            tasks.start_soon(write)
            tasks.start_soon(_log, name, stderr, secrets.values())
            try:
                yield incoming, outgoing
            finally:
                with anyio.CancelScope(shield=True):
                    await _end(name, process, stdin)
                tasks.cancel_scope.cancel()
    finally:
        for stream in (arriving, incoming, outgoing, leaving):
            stream.close()
        with anyio.move_on_after(GRACE_SECONDS, shield=True), suppress(*_GONE):
            await process.aclose()


class BoundedLines:
    """Cut bytes into lines. Of a line longer than `limit` bytes only its two ends are kept, and it counts as cut."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line = bytearray()
        self._cut = False

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, bool]]:
        """Take bytes, and give each line that is complete, and whether it was cut."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._add(end)
            yield bytes(self._line), self._cut
            self._line.clear()
            self._cut = False
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._line += part
        if len(self._line) > self._limit:
            del self._line[_EDGE:-_EDGE]
            self._cut = True


async def _read(
    name: str, stdout: "ByteReceiveStream", arriving: MemoryObjectSendStream[Incoming], max_line_bytes: int
) -> None:
    lines = BoundedLines(max_line_bytes)
    async for chunk in stdout:
        for line, cut in lines.feed(chunk):
            if not line.strip():
                continue
            message = _too_large(line) if cut else _parsed(name, line)
            if message is not None:
                await arriving.send(message)
            elif cut:
                logger.warning("the server %s has sent an overlong message that answers nothing known", name)
                return


def _too_large(line: bytes) -> SessionMessage | None:
    known = _ID_FIRST.match(line) or _ID_LAST.search(line)
    problem = "the answer is too large"
    return SessionMessage(in_place_of_answer(int(known[1]), TOO_LARGE, problem)) if known else None


def _parsed(name: str, line: bytes) -> SessionMessage | None:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        logger.debug("the server %s writes lines to its standard output that are no messages", name)
        return None


async def _write(stdin: "ByteSendStream", leaving: MemoryObjectReceiveStream[SessionMessage]) -> None:
    async for item in leaving:
        await stdin.send(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")


async def _log(name: str, stderr: "ByteReceiveStream", secrets: Collection[str]) -> None:
    lines = BoundedLines(4 * MAX_LOG_LINE)
    since, said = anyio.current_time(), 0
    with suppress(*_GONE):
        async for chunk in stderr:
            for line, _ in lines.feed(chunk):
                if anyio.current_time() - since >= 1:
                    since, said = anyio.current_time(), 0
                text = line.decode("utf-8", "backslashreplace").strip()
                said += bool(text)
                if text and said < MAX_LOG_LINES_A_SECOND:
                    logger.info("the server %s says: %s", name, presentable(text, secrets))
                elif said == MAX_LOG_LINES_A_SECOND:
                    logger.info("the server %s says more than is logged", name)
                    said += 1


def presentable(text: str, secrets: Collection[str]) -> str:
    """Leave out known secrets and what may be one, write control characters as escapes, and cut what is long."""
    for secret in secrets:
        text = text.replace(secret, "…") if len(secret) > 3 else text
    text = _PERHAPS_SECRET.sub("…", text)
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return shown if len(shown) <= MAX_LOG_LINE else f"{shown[:MAX_LOG_LINE]}…"


async def _end(name: str, process: "Process", stdin: "ByteSendStream") -> None:
    """End the process and all it has started: ask it (MCP, lifecycle, shutdown), tell it, make it."""
    with anyio.move_on_after(GRACE_SECONDS), suppress(*_GONE):
        await stdin.aclose()
    await _until(lambda: process.returncode is not None, GRACE_SECONDS)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _told(process.pid, number):
            return
        await _until(lambda: process.returncode is not None and not _told(process.pid, 0), GRACE_SECONDS)
    if process.returncode is None:
        logger.warning("the process %d of the server %s does not end", process.pid, name)


async def _until(holds: Callable[[], bool], seconds: float | None) -> None:
    """Wait for what nothing tells us of: asyncio tells of a process only once its pipes are closed as well."""
    with anyio.move_on_after(seconds):
        while not holds():  # noqa: ASYNC110 - see above
            await anyio.sleep(0.02 if seconds else 0.1)


def _told(group: int, number: int) -> bool:
    """Send a signal to a process group, which has the number of its first process; tell whether it is there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
