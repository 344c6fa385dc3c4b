"""What is particular to the store in a file."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mcp_auth_ref.core.errors import ConfigurationError, StoreUnavailable
from mcp_auth_ref.stores import open_store, sqlite
from tests.stores.test_contract import FAMILY, NOW, TOKEN, at_once, family, read

OPEN = """
import sys
from mcp_auth_ref.core.grants import Revocation
from mcp_auth_ref.stores import open_store
print("ready", flush=True)
sys.stdin.readline()
store = open_store(sys.argv[1])
store.revoke(Revocation("token", "i", sys.argv[2], 1, 2), now=1)
"""
KILLED = """
import sys
from mcp_auth_ref.core.grants import Revocation
from mcp_auth_ref.stores import open_store
store = open_store(sys.argv[1])
for number in range(1_000_000):
    store.revoke(Revocation("token", "i", str(number), 1, 2), now=1)
    print(number, flush=True)
"""


def test_file_and_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    """Our choice: who reads digests and subjects learns too much already."""
    before = os.umask(0)
    try:
        with closing(open_store(f"sqlite:///{tmp_path}/new/store.db")) as store:
            store.revoke(TOKEN, now=NOW)
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("new/*")}
    finally:
        os.umask(before)

    assert modes == {"store.db": 0o600, "store.db-shm": 0o600, "store.db-wal": 0o600}
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_new_file_is_opened_by_many_threads_at_once(tmp_path: Path) -> None:
    """SQLite waits for nobody while it switches a file to WAL, so we do."""
    stores = at_once(30, lambda _: open_store(f"sqlite:///{tmp_path}/store.db"))
    stores[0].start(family(), now=NOW)

    assert [store.family("f1", now=NOW) for store in stores] == [family()] * 30
    for store in stores:
        store.close()


def test_a_new_file_is_opened_by_several_processes_at_once(tmp_path: Path) -> None:
    """The same, for a server and the commands beside it."""
    url = f"sqlite:///{tmp_path}/store.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(8)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n", timeout=60)

    assert [process.returncode for process in processes] == [0] * 8
    with closing(open_store(url)) as store, closing(store.feed()) as feed:
        assert sorted(each.name for each in read(feed, 8)) == [str(number) for number in range(8)]


def test_what_a_killed_process_has_written_is_there(tmp_path: Path) -> None:
    """Our choice: a method that has returned has written."""
    url = f"sqlite:///{tmp_path}/store.db"
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.wait()
    process.stdout.close()

    with closing(open_store(url)) as store, closing(store.feed()) as feed:
        assert {each.name for each in read(feed, len(told))} >= {line.strip() for line in told}


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_removed_or_replaced_is_noticed(tmp_path: Path, is_replaced: bool) -> None:
    """Our choice: nobody writes into a file that no name leads to any more."""
    path = tmp_path / "store.db"
    with closing(open_store(f"sqlite:///{path}")) as store, closing(store.feed()) as feed:
        store.revoke(TOKEN, now=NOW)
        assert read(feed, 1) == [TOKEN]
        if is_replaced:
            with closing(open_store(f"sqlite:///{tmp_path}/other.db")) as other:
                other.revoke(FAMILY, now=NOW)
            for file in tmp_path.glob("store.db*"):
                file.unlink()
            (tmp_path / "other.db").replace(path)
        else:
            path.unlink()
            store.revoke(FAMILY, now=NOW)

        assert read(feed, 1) == [FAMILY]
        store.start(family("f2"), now=NOW)
    with closing(open_store(f"sqlite:///{path}")) as again:
        assert again.family("f2", now=NOW) == family("f2")


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """Our choice: who does not know the tables does not touch them."""
    open_store(f"sqlite:///{tmp_path}/store.db").close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(ConfigurationError, match=r"store\.db: a newer version of mcp-auth-ref has made the file"):
        open_store(f"sqlite:///{tmp_path}/store.db")


def test_an_older_file_is_brought_up_to_date_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our choice: each version adds a step, and a file takes those that it lacks."""
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        store.start(family(), now=NOW)
    further = ("ALTER TABLE families ADD COLUMN note TEXT", "CREATE TABLE notes (text TEXT)")
    monkeypatch.setattr(sqlite, "_MIGRATIONS", (*sqlite._MIGRATIONS, *further))

    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        assert store.family("f1", now=NOW) == family()
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        assert connection.execute("SELECT count(note) FROM families, notes").fetchone() == (0,)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """Our choice: the setting is named, and the file is left as it is."""
    (tmp_path / "notes.txt").write_text("remember the milk\n" * 100)

    with pytest.raises(ConfigurationError, match=r"MCP_STORE_URL: .*notes\.txt: file is not a database\. Name a file"):
        open_store(f"sqlite:///{tmp_path}/notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "remember the milk\n" * 100


def test_a_place_where_nothing_can_be_written_is_refused() -> None:
    """Our choice: the start is where one learns of it."""
    with pytest.raises(ConfigurationError, match=r"/dev/null/store\.db: File exists\. Name a file"):
        open_store("sqlite:////dev/null/store.db")


def test_who_holds_the_file_too_long_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our choice: a request gets an answer in seconds, whatever another program does."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    with (
        closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store,
        closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="database is locked"):
            store.revoke(TOKEN, now=NOW)
        other.execute("ROLLBACK")
        store.revoke(TOKEN, now=NOW)
