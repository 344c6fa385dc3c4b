"""Where audit lines go: a file that rotates and can be sealed, or a stream.

Several processes may write one file, the server and the commands beside it. Each line is one `write` at the end of
the file, under a lock, so lines do not mix, rotation loses none, and a sealed chain stays one chain: whoever writes
next goes on from the head that the last writer has left.
"""

import logging
import os
import stat
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from errno import EAGAIN, EINVAL, ENOSPC
from pathlib import Path
from typing import TextIO

from mcp_auth_ref.audit.chain import ORIGIN, Chain, Link, is_sealed

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

LOCK_SECONDS = 0.05
_TAIL_BYTES = 64 * 1024
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def files_of(path: Path) -> list[Path]:
    """Return the files of a log that are there, oldest first."""
    numbered = _numbered(path)
    return [*(numbered[number] for number in sorted(numbered, reverse=True)), *([path] if path.exists() else [])]


def _numbered(path: Path) -> Mapping[int, Path]:
    """Return the older files of a log by their number: the higher, the older."""
    endings = {file: file.name.removeprefix(f"{path.name}.") for file in path.parent.iterdir()}
    return {
        int(ending): file
        for file, ending in endings.items()
        if ending != file.name and ending.isascii() and ending.isdecimal()
    }


def head_of(path: Path) -> Path:
    """Return the file beside a log that is locked while a line is written, and holds the head of a sealed one."""
    return path.with_name(f"{path.name}.head")


class AuditStream:
    """Writes lines to standard output, or another stream."""

    breaks = 0
    sequence = 0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def begin(self, *, time: str) -> None:
        """Do nothing: a stream is open."""

    def append(self, body: str, *, time: str) -> None:  # noqa: ARG002 - a stream has no line of its own
        """Write a line. Raises OSError."""
        self._stream.write(f"{body}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream to whoever opened it."""


class AuditFile:
    """Writes lines to a file that only its owner may read, of at most `max_bytes`, with `keep` older ones beside it.

    A file or folder that root makes belongs to the owner of the folder it is in, so that a command run as root leaves
    nothing behind that the server cannot write. `breaks` counts what only somebody else can have done to a sealed log,
    as far as this process has come across it; `sequence` is the number of the last line of a sealed log.
    """

    def __init__(self, path: Path, *, max_bytes: int, keep: int, chain: Chain | None = None) -> None:
        self._path = path
        self._head_path = head_of(path)
        self._head_seen = (0, 0)
        self._max_bytes = max_bytes
        self._keep = keep
        self._chain = chain
        self._file: int | None = None
        self._head: int | None = None
        self._seen: tuple[int, int, int] | None = None
        self._size = 0
        self._link = ORIGIN
        self.breaks = 0

    @property
    def sequence(self) -> int:
        """How many lines a sealed log has had, as far as this process knows."""
        return self._link.seq

    def begin(self, *, time: str) -> None:
        """Open the file, and find where its chain has come to. Raises OSError."""
        head = self._lock()
        try:
            self._open(time)
        finally:
            _unlock(head)

    def append(self, body: str, *, time: str) -> None:
        """Write a JSON object as a line, or nothing. `time` is for a line of the file's own. Raises OSError."""
        head = self._lock()
        try:
            if self._seen is None or self._seen != _identity(self._path):
                self._open(time)
            data, link = self._line(body)
            if self._size > 0 and self._size + len(data) > self._max_bytes:
                self._rotate(time)
                data, link = self._line(body)
            self._put(data, link)
        finally:
            _unlock(head)

    def close(self) -> None:
        """Close the file. A line that comes later opens it again."""
        for descriptor in (self._file, self._head):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._head = self._seen = None

    def _lock(self) -> int:
        """Lock the head, which is opened if need be, and give it. Raises OSError."""
        while True:
            if self._head is None:
                _make_folder(self._path.parent)
                self._head = _opened(self._head_path)
                self._head_seen = _file_at(self._head)
            _lock(self._head)
            if _identity(self._head_path)[:2] == self._head_seen:
                return self._head
            os.close(self._head)  # somebody has taken the file away: whoever comes next locks another one
            self._head = None

    def _line(self, body: str) -> tuple[bytes, Link]:
        if self._chain is None:
            return body.encode("ascii") + b"\n", self._link
        line, link = self._chain.sealed(body, self._link)
        return line + b"\n", link

    def _put(self, data: bytes, link: Link) -> None:
        """Write the whole line or nothing of it, then the head: a crash in between leaves a line that is one ahead."""
        assert self._file is not None  # noqa: S101 - for the type checker: it has been opened
        written = os.write(self._file, data)
        if written < len(data):
            os.ftruncate(self._file, self._size)
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        self._size += written
        self._link = link
        if self._seen is not None:
            self._seen = (*self._seen[:2], self._size)
        if self._chain is not None and self._head is not None:
            os.pwrite(self._head, self._chain.head(link), 0)

    def _open(self, time: str) -> None:
        self._seen = None
        self._reopen()
        assert self._file is not None  # noqa: S101 - for the type checker
        if self._size > 0 and os.pread(self._file, 1, self._size - 1) != b"\n":
            self._size += os.write(self._file, b"\n")  # what a crash has left of a line stays, and is no sealed line
        if self._chain is not None:
            self._resume(self._chain)
        self._begin(time)

    def _rotate(self, time: str) -> None:
        self._seen = None
        self._shift()
        self._begin(time)

    def _begin(self, time: str) -> None:
        """Let an empty file of a sealed log say what it follows."""
        if self._chain is not None and self._size == 0:
            line, link = self._chain.opening(time, self._link)
            self._put(line + b"\n", link)
        self._seen = _identity(self._path)

    def _resume(self, chain: Chain) -> None:
        """Find where the chain has come to: what the head says, or one line more."""
        assert self._file is not None  # noqa: S101 - for the type checker
        assert self._head is not None  # noqa: S101 - likewise
        said = os.pread(self._head, 512, 0)
        last = _last_line(self._file, self._size)
        head = chain.read_head(said)
        if head is None:
            self._link = ORIGIN
            if said or is_sealed(last):
                self._broken("its head is gone, or not of this key: a chain begins anew")
            if self._size > 0:
                self._shift()
            return
        ahead = chain.next(last, head)
        self._link = ahead if isinstance(ahead, Link) else head
        if not isinstance(ahead, Link) and self._size > 0 and not chain.is_last(last, head):
            self._broken(f"it does not end in line {head.seq}, which was its last")

    def _broken(self, problem: str) -> None:
        self.breaks += 1
        logger.error("somebody has changed the audit log: %s; `mcp-auth-ref audit verify` says where", problem)

    def _shift(self) -> None:
        """Give each file the next number, drop the oldest, and begin an empty one."""
        numbered = _numbered(self._path)
        for number in sorted(numbered, reverse=True):
            if number >= self._keep:
                numbered[number].unlink(missing_ok=True)
            else:
                numbered[number].replace(_older(self._path, number + 1))
        if self._keep:
            self._path.replace(_older(self._path, 1))
        else:
            self._path.unlink()
        self._reopen()

    def _reopen(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._file = _opened(self._path, os.O_APPEND)
        self._size = os.fstat(self._file).st_size


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _identity(path: Path) -> tuple[int, int, int]:
    """Tell which file this is, and how long: whether another process has written or rotated it since."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return (0, 0, 0)
    return found.st_dev, found.st_ino, found.st_size


def _file_at(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _opened(path: Path, append: int = 0) -> int:
    """Open a file of our own: 0600, never through a link, never a device or a pipe that would make us wait."""
    is_new = False
    try:
        file = os.open(path, _FLAGS | append)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another process has been quicker
            file, is_new = os.open(path, _FLAGS | append | os.O_CREAT | os.O_EXCL, 0o600), True
        if not is_new:
            file = os.open(path, _FLAGS | append)
    try:
        _claim(path, file, is_new=is_new)
    except OSError:
        os.close(file)
        raise
    return file


def _claim(path: Path, file: int, *, is_new: bool) -> None:
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(EINVAL, "it is no regular file")
    if is_new:
        _give_to_owner_of(path.parent, file)
    elif sys.platform != "win32" and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != 0o600:
        os.fchmod(file, 0o600)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _give_to_owner_of(folder.parent, folder)


def _give_to_owner_of(folder: Path, made: Path | int) -> None:
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = folder.stat()
        os.chown(made, owner.st_uid, owner.st_gid)


def _last_line(file: int, size: int) -> bytes:
    start = max(size - _TAIL_BYTES, 0)
    return os.pread(file, size - start, start).rstrip(b"\n").rpartition(b"\n")[2]


def _lock(file: int) -> None:
    """Wait a little for whoever is writing. Raises OSError where the lock is held for longer than a line takes."""
    if sys.platform == "win32":
        return
    deadline = 0.0
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            deadline = deadline or time.monotonic() + LOCK_SECONDS
            if time.monotonic() > deadline:
                raise OSError(EAGAIN, "another process keeps it locked") from None
            time.sleep(0.0005)
        else:
            return


def _unlock(file: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_UN)
