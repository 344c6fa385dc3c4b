"""Files that hold keys and secrets: who may read and write them, and how they are replaced."""

import os
import threading
from pathlib import Path

import pytest

from mcp_auth_ref import privatefiles
from mcp_auth_ref.core.errors import InvalidKey

AS_ROOT = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")


def made(folder: Path, mode: int) -> Path:
    path = folder / "keys"
    path.write_text("old")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o602, 0o666, 0o777])
def test_a_file_that_everybody_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    """CWE-732: whoever writes it chooses the keys."""
    with pytest.raises(InvalidKey) as caught:
        privatefiles.read(made(tmp_path, mode))

    assert caught.value.problem == "everybody on this machine can write to the file: chmod o-w"


def test_a_file_that_everybody_can_write_is_read_where_nobody_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our choice: Docker Desktop shows each file of Windows as mode 0777, mounted read-only."""
    monkeypatch.setattr(privatefiles, "_is_read_only", lambda _: True)

    assert privatefiles.read(made(tmp_path, 0o777)) == b"old"


@pytest.mark.parametrize(
    ("mode", "doubt"),
    [
        (0o600, None),
        (0o400, None),
        (0o440, "can be read by the group of the file (mode 0440): chmod 600, unless it is mounted so"),
        (0o640, "can be read by the group of the file (mode 0640): chmod 600, unless it is mounted so"),
        (0o444, "can be read by everybody on this machine (mode 0444): chmod 600, unless it is mounted so"),
        (0o644, "can be read by everybody on this machine (mode 0644): chmod 600, unless it is mounted so"),
    ],
)
def test_a_file_that_others_can_read_is_a_doubt_and_no_refusal(tmp_path: Path, mode: int, doubt: str | None) -> None:
    """Our choice: 0444 is how Docker mounts a secret, 0440 how Kubernetes does with fsGroup."""
    path = made(tmp_path, mode)

    assert privatefiles.doubt_about(path) == doubt
    assert privatefiles.read(path) == b"old"


def test_a_file_that_is_not_there_is_no_doubt(tmp_path: Path) -> None:
    assert privatefiles.doubt_about(tmp_path / "missing") is None


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o644, 0o600), (0o640, 0o640), (0o660, 0o600)])
def test_what_is_replaced_is_for_its_owner_and_at_most_for_one_group_to_read(
    tmp_path: Path, before: int, after: int
) -> None:
    """Our choice: 0640 is deliberate, everything wider is an accident."""
    path = made(tmp_path, before)

    privatefiles.replace(path, b"new")

    assert (path.read_bytes(), oct(path.stat().st_mode & 0o777)) == (b"new", oct(after))
    assert list(tmp_path.iterdir()) == [path]


@AS_ROOT
def test_the_owner_stays_when_root_replaces_a_file(tmp_path: Path) -> None:
    """Our choice: the server that reads it may run as somebody else than who rotates."""
    path = made(tmp_path, 0o600)
    os.chown(path, 12345, 23456)

    privatefiles.replace(path, b"new")

    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    """Kubernetes mounts a secret as a link through `..data`."""
    (tmp_path / "..data").mkdir()
    target = made(tmp_path / "..data", 0o600)
    link = tmp_path / "link"
    link.symlink_to("..data/keys")

    privatefiles.replace(link, b"new")

    assert (link.is_symlink(), target.read_bytes()) == (True, b"new")


def test_one_at_a_time_changes_a_file(tmp_path: Path) -> None:
    """CWE-362: two rotations at once must not lose one key of the two."""
    path = made(tmp_path, 0o600)
    order: list[str] = []

    def second() -> None:
        with privatefiles.locked(path):
            order.append("second")

    with privatefiles.locked(path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(30)

    assert order == ["first", "second"]
