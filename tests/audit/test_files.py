"""The file of the audit log: whole lines, one chain, bounded, for its owner's eyes, whoever writes beside."""

import errno
import json
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from mcp_auth_ref.audit import AuditFile, BrokenChain, Chain
from mcp_auth_ref.audit.chain import ORIGIN
from mcp_auth_ref.audit.files import files_of, head_of

KEY = b"the key of a test, 32 bytes long."
CHAIN = Chain(KEY)
MOMENT = "2026-11-18T11:06:40.000Z"
AS_NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log" / "audit.log"


def file(path: Path, *, sealed: bool = True, max_bytes: int = 1_000_000, keep: int = 3) -> AuditFile:
    return AuditFile(path, max_bytes=max_bytes, keep=keep, chain=CHAIN if sealed else None)


def write(log: AuditFile, *subjects: object) -> None:
    for subject in subjects:
        log.append(json.dumps({"event": "accept", "subject": subject}), time=MOMENT)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def subjects(path: Path) -> list[object]:
    """Give the subjects of all lines of all files, oldest first."""
    return [line["subject"] for each in files_of(path) for line in lines(each) if line["event"] == "accept"]


def length(path: Path) -> int:
    """Give how many lines a sealed log has, once the chain over all its files has held, and its head as well."""
    found = CHAIN.verify([(each.name, each.read_bytes().splitlines()) for each in files_of(path)])
    assert found is not None
    assert CHAIN.read_head(head_of(path).read_bytes()) == found[1]
    return found[1].seq


def test_a_log_without_a_key_is_its_lines_and_no_more(path: Path) -> None:
    write(file(path, sealed=False), "ada", "bob")

    assert path.read_text() == '{"event": "accept", "subject": "ada"}\n{"event": "accept", "subject": "bob"}\n'


def test_a_sealed_log_says_where_each_file_begins(path: Path) -> None:
    write(file(path), "ada")

    [opening, first] = lines(path)
    assert opening == {
        "seq": 1, "time": MOMENT, "event": "open", "previous": ORIGIN.seal, "seal": opening["seal"]
    }  # fmt: skip
    assert (first["seq"], first["subject"], length(path)) == (2, "ada", 2)


def test_only_the_owner_reads_what_is_made(path: Path) -> None:
    """Our choice: a log of who did what is worth protecting from the neighbours."""
    write(file(path), "ada")

    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path, head_of(path))] == [0o700, 0o600, 0o600]


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)

    write(file(path), "ada")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_makes_room_and_the_oldest_goes(path: Path) -> None:
    log = file(path, sealed=False, max_bytes=100, keep=2)

    write(log, *range(12))

    assert [each.name for each in files_of(path)] == ["audit.log.2", "audit.log.1", "audit.log"]
    assert subjects(path) == [6, 7, 8, 9, 10, 11]
    assert all(each.stat().st_size <= 100 for each in files_of(path))


def test_fewer_files_are_kept_once_fewer_are_wanted(path: Path) -> None:
    write(file(path, sealed=False, max_bytes=100, keep=5), *range(12))
    write(file(path, sealed=False, max_bytes=100, keep=1), *range(3))

    assert [each.name for each in files_of(path)] == ["audit.log.1", "audit.log"]


def test_without_older_files_only_the_newest_lines_are_kept(path: Path) -> None:
    write(file(path, sealed=False, max_bytes=100, keep=0), *range(5))

    assert subjects(path) == [4]


def test_the_chain_goes_on_across_rotation_and_restarts(path: Path) -> None:
    for start in range(0, 30, 10):
        log = file(path, max_bytes=1500, keep=100)
        write(log, *range(start, start + 10))
        log.close()

    assert subjects(path) == list(range(30))
    assert length(path) == 30 + len(files_of(path))


def test_who_begins_knows_how_many_lines_there_are(path: Path) -> None:
    """A monitor that sees fewer lines after a restart would think that some have been cut off."""
    write(file(path), "ada", "bob")
    log = file(path)

    log.begin(time=MOMENT)

    assert log.sequence == 3


def test_two_writers_in_turn_make_one_chain(path: Path) -> None:
    """The server and the commands beside it write the same file."""
    one, other = file(path, max_bytes=1500, keep=100), file(path, max_bytes=1500, keep=100)

    for number in range(0, 20, 2):
        write(one, number)
        write(other, number + 1)

    assert subjects(path) == list(range(20))
    assert length(path) == 20 + len(files_of(path))


WRITER = """
import json, sys
from pathlib import Path
from mcp_auth_ref.audit import AuditFile, BrokenChain, Chain
chain = Chain(sys.argv[3].encode()) if sys.argv[3] else None
log = AuditFile(Path(sys.argv[1]), max_bytes=20_000, keep=1000, chain=chain)
for number in range(int(sys.argv[4])):
    for _ in range(1000):
        try:
            log.append(json.dumps({"event": "accept", "subject": f"{sys.argv[2]}-{number}"}), time="now")
        except BlockingIOError:
            continue
        break
    print(number, flush=True)
"""


def writer(path: Path, name: str, *, key: str, count: int) -> "subprocess.Popen[str]":
    line = [sys.executable, "-c", WRITER, str(path), name, key, str(count)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("key", ["", KEY.decode()])
def test_four_processes_at_once_lose_no_line_and_mix_none(path: Path, key: str) -> None:
    processes = [writer(path, name, key=key, count=100) for name in "abcd"]
    for process in processes:
        process.communicate(timeout=120)

    assert {process.returncode for process in processes} == {0}
    assert sorted(map(str, subjects(path))) == sorted(f"{name}-{number}" for name in "abcd" for number in range(100))
    if key:
        assert length(path) == 400 + len(files_of(path))


def test_a_writer_killed_at_work_leaves_a_whole_chain(path: Path) -> None:
    """A line is one write, and the head may be one line behind."""
    process = writer(path, "killed", key=KEY.decode(), count=100_000)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)

    write(file(path), "after")

    assert len(subjects(path)) > len(said)
    assert subjects(path)[-1] == "after"
    assert length(path) > 50


def test_a_crash_between_a_line_and_the_head_is_no_break(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = file(path)
    write(log, "ada")
    behind = head_of(path).read_bytes()
    write(log, "bob")
    head_of(path).write_bytes(behind)

    again = file(path)
    write(again, "cleo")

    assert (subjects(path), length(path), again.breaks, caplog.messages) == (["ada", "bob", "cleo"], 4, 0, [])


@pytest.mark.parametrize("sealed", [True, False])
def test_half_a_line_is_left_where_it_is_and_the_next_begins_anew(path: Path, sealed: bool) -> None:
    write(file(path, sealed=sealed), "ada")
    with path.open("ab") as torn:
        torn.write(b'{"event": "acc')

    write(file(path, sealed=sealed), "bob")

    assert path.read_bytes().splitlines()[-2] == b'{"event": "acc'
    assert json.loads(path.read_bytes().splitlines()[-1])["subject"] == "bob"


def test_sealing_begins_with_a_file_of_its_own(path: Path) -> None:
    write(file(path, sealed=False), "ada")

    log = file(path)
    write(log, "bob")

    assert [each.name for each in files_of(path)] == ["audit.log.1", "audit.log"]
    assert (length(path), log.breaks) == (2, 0)


def cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def lose_the_head(path: Path) -> None:
    head_of(path).unlink()


def empty_the_head(path: Path) -> None:
    head_of(path).write_bytes(b"")


def forge_the_head(path: Path) -> None:
    head_of(path).write_bytes(Chain(b"the key of somebody else, 32 bytes.").head(ORIGIN))


@pytest.mark.parametrize("tamper", [cut, lose_the_head, empty_the_head, forge_the_head])
@pytest.mark.parametrize("restarted", [True, False])
def test_who_writes_next_notices_and_goes_on(
    path: Path,
    caplog: pytest.LogCaptureFixture,
    tamper: Any,
    restarted: bool,
) -> None:
    log = file(path)
    write(log, "ada", "bob")
    tamper(path)
    if restarted or tamper is not cut:
        log = file(path)

    with caplog.at_level(logging.ERROR):
        write(log, "cleo")

    assert log.breaks == 1
    assert [message.startswith("somebody has changed the audit log: ") for message in caplog.messages] == [True]
    assert subjects(path)[-1] == "cleo"
    with pytest.raises(BrokenChain):
        length(path)


def test_a_log_taken_away_is_begun_again(path: Path) -> None:
    """Who moves the file away, as logrotate does, loses no line."""
    log = file(path, sealed=False)
    write(log, "ada")
    path.rename(path.with_name("moved"))
    head_of(path).unlink()

    write(log, "bob")

    assert subjects(path) == ["bob"]


def test_a_full_disk_leaves_no_half_line(path: Path) -> None:
    log = file(path)
    write(log, "ada")
    before = path.read_bytes()

    def half(descriptor: int, data: bytes) -> int:
        return real(descriptor, data[: len(data) // 2])

    real = os.write
    with patch("os.write", half), pytest.raises(OSError, match="No space left") as caught:
        write(log, "bob")

    assert (caught.value.errno, path.read_bytes()) == (errno.ENOSPC, before)
    write(log, "cleo")
    assert (subjects(path), length(path)) == (["ada", "cleo"], 3)


def test_a_file_that_fills_while_it_is_begun_is_begun_again(path: Path) -> None:
    log = file(path)

    with patch("os.write", side_effect=OSError(errno.ENOSPC, "full")), pytest.raises(OSError, match="full"):
        write(log, "ada")

    write(log, "bob")
    assert (subjects(path), length(path)) == (["bob"], 2)


def link(path: Path) -> None:
    path.symlink_to("elsewhere")


def dangle(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere" / "nowhere")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [link, dangle, pipe, folder])
def test_what_is_no_file_of_ours_is_not_written(path: Path, make: Any) -> None:
    """Our choice: a link leads to somebody else's file, a pipe lets us wait for ever."""
    path.parent.mkdir()
    (path.parent / "elsewhere").touch()
    make(path)

    with pytest.raises(OSError, match=r"symbolic links|no regular file|Is a directory"):
        write(file(path), "ada")

    assert (path.parent / "elsewhere").read_bytes() == b""


@pytest.fixture
def held(path: Path) -> Iterator[None]:
    """Let another process hold the lock."""
    write(file(path), "ada")
    script = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    line = [sys.executable, "-c", script, str(head_of(path))]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.communicate("\n", timeout=30)


@pytest.mark.usefixtures("held")
def test_a_lock_that_somebody_keeps_stops_nobody(path: Path) -> None:
    with pytest.raises(BlockingIOError, match="another process keeps it locked"):
        write(file(path), "bob")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_belongs_to_whoever_owns_the_folder(path: Path) -> None:
    """Our choice: a command run as root would leave a log that the server cannot write."""
    home = path.parent.parent
    os.chown(home, AS_NOBODY, AS_NOBODY)

    write(file(path, max_bytes=500), *range(10))

    assert {each.stat().st_uid for each in (path.parent, *path.parent.iterdir())} == {AS_NOBODY}
    assert len(files_of(path)) > 1
