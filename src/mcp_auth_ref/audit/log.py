"""The audit log as a listener: an event becomes a line of JSON, and a log that cannot be written stops no request.

What is in a line comes from the event alone, which holds no token and no argument. Names that callers choose are cut
and escaped, so that none looks like a line of its own, and none is long enough to fill a disk.
"""

import json
import logging
import re
from collections import deque
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol, Self, TextIO

from mcp_auth_ref.audit.chain import Chain
from mcp_auth_ref.audit.files import AuditFile, AuditStream
from mcp_auth_ref.events import Event
from mcp_auth_ref.settings import AUDIT_TO_STREAM, Settings, read_secret

logger = logging.getLogger(__name__)

MAX_NAME = 128
MAX_WAITING = 1000
RETRY_SECONDS = 1.0

_PERHAPS_SECRET = re.compile(r"[\w.~+/=-]{32,}", re.ASCII)


class Sink(Protocol):
    """What takes lines: `AuditFile`, `AuditStream`."""

    breaks: int

    @property
    def sequence(self) -> int:
        """The number of the last line of a sealed log, else 0."""

    def begin(self, *, time: str) -> None:
        """Open what is written to. Raises OSError."""

    def append(self, body: str, *, time: str) -> None:
        """Write a JSON object as a line. Raises OSError."""

    def close(self) -> None:
        """Let go of the file."""


class AuditLog:
    """Writes each event to `sink`.

    A line that cannot be written waits, with up to 1,000 others, and is tried again once a second. More than that are
    lost; the next line that succeeds says how many. No request is refused for it: `waiting`, `lost` and `failures`
    say how the log is, and the program's own log says it once.
    """

    def __init__(self, sink: Sink, *, name: str = "the audit log") -> None:
        self._sink = sink
        self._name = name
        self._waiting: deque[tuple[str, str]] = deque()
        self._unsaid = 0
        self._failed_at: float | None = None
        self._one_at_a_time = Lock()
        self.lines = 0
        self.failures = 0
        self.lost = 0

    def __call__(self, event: Event) -> None:
        """Write a line."""
        moment = _moment(event.at)
        body = json.dumps(record(event, moment))
        with self._one_at_a_time:
            self._waiting.append((body, moment))
            if len(self._waiting) > MAX_WAITING:
                self._waiting.popleft()
                self._unsaid += 1
                self.lost += 1
            if self._failed_at is None or not 0 <= event.at - self._failed_at < RETRY_SECONDS:
                self._write(event.at)

    @property
    def breaks(self) -> int:
        """How often this process has found that somebody else has changed the sealed log."""
        return self._sink.breaks

    @property
    def sequence(self) -> int:
        """The number of the last line of a sealed log, else 0."""
        return self._sink.sequence

    @property
    def waiting(self) -> int:
        """How many lines have not been written yet."""
        return len(self._waiting)

    def begin(self, now: float) -> None:
        """Open the log, so that what is wrong with it is known before the first event."""
        with self._one_at_a_time:
            try:
                self._sink.begin(time=_moment(now))
            except OSError as error:
                self._fail(error, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Try once more to write what waits, and close the sink."""
        if self._waiting:
            self._write(self._failed_at or 0)
        if self._waiting:
            logger.error("%s ends with %d lines that could not be written", self._name, len(self._waiting))
        self._sink.close()

    def _write(self, now: float) -> None:
        try:
            while self._waiting:
                body, moment = self._waiting[0]
                if self._unsaid:
                    self._sink.append(json.dumps({"time": moment, "event": "gap", "lost": self._unsaid}), time=moment)
                    self._unsaid = 0
                self._sink.append(body, time=moment)
                self._waiting.popleft()
                self.lines += 1
        except (OSError, ValueError) as error:
            self._fail(error, now)
            return
        if self._failed_at is not None:
            logger.warning("%s is written again; %d lines have been lost", self._name, self.lost)
            self._failed_at = None

    def _fail(self, error: Exception, now: float) -> None:
        self.failures += 1
        if self._failed_at is None:
            reason = getattr(error, "strerror", None) or type(error).__name__
            logger.error("%s cannot be written: %s; requests go on, and lines wait", self._name, reason)
        self._failed_at = now


def record(event: Event, moment: str) -> dict[str, object]:
    """Return the members of a line: what the event knows, under the event's own names."""
    members: dict[str, object] = {"time": moment, "event": event.kind}
    for name, show in _SHOWN:
        value = getattr(event, name)
        if value is not None:
            members[name] = show(value)
    if event.server is None and event.tool is not None:
        # Nobody knows this tool: it is any text. What may be a secret goes before a cut leaves a piece of it.
        members["tool"] = bounded(_PERHAPS_SECRET.sub("…", event.tool))
    if event.duration is not None:
        members["duration_ms"] = round(event.duration * 1000, 3)
    return members


def bounded(text: str) -> str:
    """Cut a name that somebody else has chosen."""
    return text if len(text) <= MAX_NAME else f"{text[:MAX_NAME]}…"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SHOWN: tuple[tuple[str, Callable[[str], str]], ...] = tuple(
    (field.name, bounded) for field in fields(Event) if field.name not in ("kind", "at", "duration")
)


def audit_from(settings: Settings, *, stream: TextIO) -> AuditLog | None:
    """Return the audit log of these settings, or None where they want none; `stream` is for `-`.

    Raises ConfigurationError.
    """
    if not settings.audit_enabled:
        return None
    if settings.audit_log_path == AUDIT_TO_STREAM:
        return AuditLog(AuditStream(stream))
    return AuditLog(
        AuditFile(
            settings.audit_log_path,
            max_bytes=settings.audit_max_bytes,
            keep=settings.audit_keep_files,
            chain=chain_from(settings),
        ),
        name=f"the audit log {settings.audit_log_path}",
    )


def chain_from(settings: Settings) -> Chain | None:
    """Return what seals the audit log of these settings, or None where nothing does. Raises ConfigurationError."""
    if settings.audit_key_file is None:
        return None
    return Chain(read_secret(settings.audit_key_file, setting="MCP_AUDIT_KEY_FILE"))
