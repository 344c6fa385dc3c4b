"""A line for each event, whatever callers call themselves, and no request that fails for want of one."""

import json
import logging
from dataclasses import dataclass, field, fields
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from mcp_auth_ref import ConfigurationError, Settings
from mcp_auth_ref.audit import AuditLog, AuditStream, audit_from
from mcp_auth_ref.audit.log import MAX_WAITING
from mcp_auth_ref.events import Event

NOW = 1_795_000_000.25


@dataclass
class Paper:
    """A sink in memory, that can be full."""

    lines: list[str] = field(default_factory=list)
    full: bool = False
    breaks: int = 0
    sequence: int = 0
    tries: int = 0

    def begin(self, *, time: str) -> None:  # noqa: ARG002 - it has no line of its own
        """Open, or fail."""
        if self.full:
            raise OSError(13, "Permission denied")

    def append(self, body: str, *, time: str) -> None:  # noqa: ARG002 - it has no line of its own
        """Write, or fail."""
        self.tries += 1
        if self.full:
            raise OSError(28, "No space left on device", "/secret/path")
        self.lines.append(body)

    def close(self) -> None:
        """Do nothing."""


def written(event: Event) -> dict[str, Any]:
    paper = Paper()
    AuditLog(paper)(event)
    [line] = paper.lines
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


def test_a_line_has_what_the_event_knows_and_nothing_that_it_does_not() -> None:
    event = Event(
        kind="execute",
        at=NOW,
        subject="ada",
        client_id="cli",
        token_id="t1",
        server="files",
        tool="write_file",
        request_id="r1",
        duration=0.0123456,
    )

    assert list(written(event).items()) == [
        ("time", "2026-11-18T11:06:40.250Z"),
        ("event", "execute"),
        ("subject", "ada"),
        ("client_id", "cli"),
        ("token_id", "t1"),
        ("server", "files"),
        ("tool", "write_file"),
        ("request_id", "r1"),
        ("duration_ms", 12.346),
    ]


def test_every_member_of_an_event_has_its_place_in_a_line() -> None:
    texts: dict[str, Any] = {each.name: "x" for each in fields(Event) if each.name not in ("kind", "at", "duration")}
    event = Event(kind="refuse", at=NOW, duration=1, **texts)

    assert set(written(event)) == {"time", "event", "duration_ms", *texts}


@pytest.mark.parametrize("odd", ["eve\n", "eve\r\n", "\x1b[2J", "\u202eevil", "\x00", '"', "\ud800", "a\u2028b"])
def test_a_name_cannot_begin_a_line_nor_steer_a_terminal(odd: str) -> None:
    """Our choice: CWE-117, and terminals obey what is shown on them."""
    paper = Paper()

    AuditLog(paper)(Event(kind="refuse", at=NOW, subject=odd, tool=odd, client_id=odd))

    [line] = paper.lines
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["subject"] == odd


def test_a_long_name_is_cut() -> None:
    assert written(Event(kind="refuse", at=NOW, subject="x" * 100_000))["subject"] == "x" * 128 + "…"


def test_a_line_has_its_longest() -> None:
    texts: dict[str, Any] = {
        each.name: "\U0001f511" * 500 for each in fields(Event) if each.name not in ("kind", "at", "duration")
    }
    paper = Paper()

    AuditLog(paper)(Event(kind="refuse", at=NOW, **texts))

    assert len(paper.lines[0]) < 20_000


def test_a_tool_that_nobody_knows_may_be_a_token_by_mistake() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"

    assert written(Event(kind="refuse", at=NOW, tool=token))["tool"] == "…"
    assert written(Event(kind="refuse", at=NOW, tool=" " * 110 + token))["tool"] == " " * 110 + "…"
    assert written(Event(kind="refuse", at=NOW, tool="github__create_pull_request"))["tool"] == (
        "github__create_pull_request"
    )
    assert written(Event(kind="execute", at=NOW, server="github", tool="list_" * 8))["tool"] == "list_" * 8


def test_a_log_that_cannot_be_written_says_so_once_and_lets_lines_wait(caplog: pytest.LogCaptureFixture) -> None:
    paper = Paper(full=True)
    log = AuditLog(paper, name="the audit log x")

    with caplog.at_level(logging.WARNING):
        for number in range(5):
            log(Event(kind="accept", at=NOW + number / 10, subject=f"{number}"))

    assert (paper.tries, log.waiting, log.failures, log.lines, log.lost) == (1, 5, 1, 0, 0)
    assert caplog.messages == [
        "the audit log x cannot be written: No space left on device; requests go on, and lines wait"
    ]


def test_a_log_that_cannot_be_opened_says_so_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(Paper(full=True), name="the audit log x")

    log.begin(NOW)

    assert (log.failures, caplog.messages) == (
        1,
        ["the audit log x cannot be written: Permission denied; requests go on, and lines wait"],
    )


def test_what_waited_is_written_in_its_order(caplog: pytest.LogCaptureFixture) -> None:
    paper = Paper(full=True)
    log = AuditLog(paper, name="the audit log x")
    log(Event(kind="accept", at=NOW, subject="ada"))
    paper.full = False

    with caplog.at_level(logging.WARNING):
        log(Event(kind="accept", at=NOW + 0.5, subject="bob"))
        log(Event(kind="accept", at=NOW + 1, subject="cleo"))

    assert [json.loads(line)["subject"] for line in paper.lines] == ["ada", "bob", "cleo"]
    assert (log.waiting, log.lines, caplog.messages[1:]) == (
        0,
        3,
        ["the audit log x is written again; 0 lines have been lost"],
    )


def test_lines_that_are_lost_are_counted_where_they_are_missing() -> None:
    paper = Paper(full=True)
    log = AuditLog(paper)
    for number in range(MAX_WAITING + 7):
        log(Event(kind="accept", at=NOW, subject=f"{number}"))
    paper.full = False

    log.close()

    documents = [json.loads(line) for line in paper.lines]
    assert documents[0] == {"time": "2026-11-18T11:06:40.250Z", "event": "gap", "lost": 7}
    assert (documents[1]["subject"], len(documents), log.lost) == ("7", MAX_WAITING + 1, 7)


def test_a_clock_that_goes_back_stops_no_try() -> None:
    paper = Paper(full=True)
    log = AuditLog(paper)
    log(Event(kind="accept", at=NOW))
    log(Event(kind="accept", at=NOW - 3600))

    assert paper.tries == 2


def test_what_could_not_be_written_to_the_end_is_said(caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(Paper(full=True), name="the audit log x")
    log(Event(kind="accept", at=NOW))

    log.close()

    assert caplog.messages[-1] == "the audit log x ends with 1 lines that could not be written"


def test_a_stream_gets_a_line_at_once() -> None:
    stream = StringIO()

    AuditLog(AuditStream(stream))(Event(kind="revoke", at=NOW, subject="ada"))

    assert stream.getvalue() == '{"time": "2026-11-18T11:06:40.250Z", "event": "revoke", "subject": "ada"}\n'


def test_the_settings_say_where_the_log_is(tmp_path: Path) -> None:
    stream = StringIO()
    to_file = audit_from(Settings(audit_log_path=tmp_path / "a" / "audit.log"), stream=stream)
    to_stream = audit_from(Settings(audit_log_path=Path("-")), stream=stream)
    assert to_file is not None
    assert to_stream is not None

    to_file(Event(kind="revoke", at=NOW))
    to_stream(Event(kind="rotate", at=NOW))

    assert json.loads((tmp_path / "a" / "audit.log").read_text())["event"] == "revoke"
    assert json.loads(stream.getvalue())["event"] == "rotate"
    assert audit_from(Settings(audit_enabled=False), stream=stream) is None


def test_a_stream_cannot_be_sealed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ={"MCP_AUDIT_LOG_PATH": "-", "MCP_AUDIT_KEY_FILE": "key"}, cwd=tmp_path)

    assert (caught.value.setting, caught.value.remedy) == (
        "MCP_AUDIT_KEY_FILE",
        "Set MCP_AUDIT_LOG_PATH to a file, or leave out the key",
    )


def test_a_key_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        audit_from(Settings(audit_key_file=tmp_path / "none"), stream=StringIO())

    assert caught.value.setting == "MCP_AUDIT_KEY_FILE"
