"""Private files: keys and secrets. Who may read and write them is looked at; they are replaced in one step.

A file that anybody may write to is refused, for whoever writes it chooses the keys. One that others may read is worth a
warning and no more: secrets that Docker and Kubernetes mount can be read by a group, or by everybody in a container
that has one user, and it is not for the program in the container to change that.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mcp_auth_ref.core.errors import InvalidKey

if sys.platform != "win32":
    import fcntl

_WRITTEN_BY_ANYBODY = 0o002
_READ_BY_OTHERS = 0o077
_FOR_A_GROUP_ALONE = 0o040


def read(path: Path) -> bytes:
    """Read a file that holds keys or secrets, or the public keys to believe in.

    Raises InvalidKey where anybody may write to it, and OSError.
    """
    with path.open("rb") as file:
        if _has_modes() and os.fstat(file.fileno()).st_mode & _WRITTEN_BY_ANYBODY and not _is_read_only(file.fileno()):
            raise InvalidKey("everybody on this machine can write to the file: chmod o-w")
        return file.read()


def doubt_about(path: Path) -> str | None:
    """Say who else can read a file that is there, and how to change that; None where nobody else can."""
    with suppress(OSError, ValueError):
        mode = path.stat().st_mode & 0o777
        if _has_modes() and mode & _READ_BY_OTHERS:
            who = "everybody on this machine" if mode & 0o007 else "the group of the file"
            return f"can be read by {who} (mode {mode:04o}): chmod 600, unless it is mounted so"
    return None


def replace(path: Path, data: bytes) -> None:
    """Replace a file in one step, or make it. Raises OSError, and the old file is as it was.

    Links are followed. The file is for its owner alone (mode 0600), or for its owner and one group, where it was so
    before (mode 0640); owner and group stay what they were.
    """
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            _take_after(path, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one command at a time read a file and replace it, save on Windows. Raises OSError."""
    if sys.platform == "win32":
        yield
        return
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _take_after(path: Path, descriptor: int) -> None:
    """Give a new file the owner and the group of the old one: who has read it will have to read it again."""
    if not _has_modes() or not path.is_file():
        return
    old, new = path.stat(), os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    if old.st_mode & _READ_BY_OTHERS == _FOR_A_GROUP_ALONE:
        os.fchmod(descriptor, 0o640)


def _has_modes() -> bool:
    return os.name == "posix"


def _is_read_only(descriptor: int) -> bool:
    return bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)
