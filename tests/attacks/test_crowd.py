"""Connections that ask nothing, more than a process may have files open."""

import logging
import resource
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mcp_auth_ref.process import Seldom
from tests.serving import serving

FEW = 256
CROWD = 400


@contextmanager
def few_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_crowd_of_silent_connections_keeps_nobody_out_and_fills_no_log(tmp_path: Path) -> None:
    """CWE-400, CWE-779: a shell gives a process few files, and asyncio a line for each that it cannot open."""
    with ExitStack() as stack:
        with few_files():
            served = stack.enter_context(serving(tmp_path))
        host, _, port = served.origin.removeprefix("http://").rpartition(":")
        for _ in range(CROWD):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))

        with urllib.request.urlopen(f"{served.origin}/health", timeout=30) as answer:
            status = answer.status

        assert status == 200
        assert "socket.accept()" not in served.log()


def test_a_line_that_comes_too_often_is_written_once_a_minute() -> None:
    """Our choice: where even all files are not enough, the log says so and does not fill the disk."""
    passes = Seldom("no more")

    def passed(text: str, seconds: float) -> bool:
        record = logging.makeLogRecord({"msg": text, "created": seconds})
        return passes(record)

    assert [passed("no more files", at) for at in (0, 1, 59, 60, 61, 30)] == [True, False, False, True, False, True]
    assert passed("another", 31)
