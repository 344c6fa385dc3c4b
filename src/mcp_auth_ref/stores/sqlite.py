"""A store in one SQLite file, for the processes of one machine.

The file is in WAL mode and synced at each commit, so that what was answered is on the disk. Only its owner may read it.
A file that is removed or replaced under a running server is noticed, and the store goes on with the one that is there.
Put back a backup while no server runs: SQLite itself would read the journal beside the old file into the new one.
"""

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event, Lock

from mcp_auth_ref.core.errors import ConfigurationError, StoreUnavailable
from mcp_auth_ref.core.grants import Family, Revocation
from mcp_auth_ref.stores.documents import document_of, family_from

logger = logging.getLogger(__name__)

BUSY_SECONDS = 5.0
OPEN_SECONDS = 15.0
POLL_SECONDS = 0.05
_BATCH = 10_000
_MIGRATIONS = (
    """
    CREATE TABLE revocations (
        n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, issuer TEXT NOT NULL, name TEXT NOT NULL,
        at REAL NOT NULL, until REAL NOT NULL, UNIQUE (kind, issuer, name)
    );
    CREATE INDEX revocations_until ON revocations (until);
    CREATE TABLE families (
        id TEXT PRIMARY KEY, issuer TEXT NOT NULL, subject TEXT NOT NULL, turn INTEGER NOT NULL,
        started_at REAL NOT NULL, expires_at REAL NOT NULL, document TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX families_subject ON families (issuer, subject);
    CREATE INDEX families_expires_at ON families (expires_at);
    """,
)


class SqliteStore:
    """One connection for everything but feeds, behind a lock; each feed has its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._file = _File(path)

    def check(self) -> None:
        """Open the file, or make it. Raises StoreUnavailable."""
        with self._transaction("DEFERRED"):
            if not os.access(self._path, os.W_OK):
                raise StoreUnavailable("Permission denied")

    def revoke(self, revocation: Revocation, *, now: float) -> None:  # noqa: ARG002 - the contract's
        """Write a revocation and drop the families it concerns."""
        with self._transaction() as connection:
            connection.execute(_REVOKE, asdict(revocation))
            if revocation.kind == "family":
                connection.execute("DELETE FROM families WHERE id = :name AND issuer = :issuer", asdict(revocation))
            elif revocation.kind == "subject":
                connection.execute(_DROP_OF_SUBJECT, asdict(revocation))

    def feed(self) -> "SqliteFeed":
        """Return a feed that begins with the oldest revocation."""
        return SqliteFeed(self._path)

    def start(self, family: Family, *, now: float) -> None:  # noqa: ARG002 - the contract's
        """Write a family."""
        with self._transaction() as connection:
            connection.execute(_START, _row(family))

    def family(self, name: str, *, now: float) -> Family | None:
        """Return a family as it is."""
        with self._transaction("DEFERRED") as connection:
            query = "SELECT document FROM families WHERE id = ? AND expires_at > ?"
            row = connection.execute(query, (name, now)).fetchone()
        return None if row is None else family_from(row[0])

    def replace(self, family: Family, *, now: float) -> bool:  # noqa: ARG002 - the contract's
        """Write the next turn of a family, where the turn before is still there."""
        with self._transaction() as connection:
            return connection.execute(_REPLACE, _row(family)).rowcount == 1

    def sweep(self, *, now: float) -> int:
        """Forget what has expired."""
        with self._transaction() as connection:
            swept = connection.execute("DELETE FROM revocations WHERE until <= ?", (now,)).rowcount
            return swept + connection.execute("DELETE FROM families WHERE expires_at <= ?", (now,)).rowcount

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._file.close()

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, or nothing of it."""
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise StoreUnavailable("others are waiting for the file already")
        try:
            with _as_unavailable():
                connection, _ = self._file.connection()
                with _committed(connection, kind):
                    yield connection
        finally:
            self._lock.release()


def open_store(url: str) -> SqliteStore:
    """Open the file that a URL names, or make it and its folder. Raises ConfigurationError."""
    path = url.removeprefix("sqlite:///")
    store = SqliteStore(Path(path))
    try:
        store.check()
    except StoreUnavailable as error:
        remedy = "Name a file that this process can write, like sqlite:///.mcp/store.db, or use memory:"
        raise ConfigurationError("MCP_STORE_URL", f"{path}: {error.reason}", remedy) from None
    return store


class SqliteFeed:
    """A connection of its own that looks at the counter SQLite keeps of others' commits, and at nothing else."""

    def __init__(self, path: Path) -> None:
        self._file = _File(path)
        self._lock = Lock()
        self._closed = Event()
        self._position = 0
        self._version: int | None = None

    def read(self, *, wait: float) -> Sequence[Revocation]:
        """Return what has been revoked since the last call."""
        deadline = time.monotonic() + wait
        while not self._closed.is_set():
            with self._lock:
                if revocations := self._unread():
                    return revocations
            if (left := deadline - time.monotonic()) <= 0:
                break
            self._closed.wait(min(POLL_SECONDS, left))
        return ()

    def close(self) -> None:
        """Let the file go."""
        self._closed.set()
        with self._lock:
            self._file.close()

    def _unread(self) -> Sequence[Revocation]:
        with _as_unavailable():
            connection, is_another = self._file.connection()
            if is_another:
                self._position, self._version = 0, None
            # Asked before the rows: a commit between the two is then seen once more, never missed.
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return ()
            rows = connection.execute(_UNREAD, (self._position, _BATCH)).fetchall()
        if rows:
            self._position = rows[-1][0]
        if len(rows) < _BATCH:
            self._version = version
        return [Revocation(*columns) for _, *columns in rows]


class _File:
    """The database file as it is at this moment: a connection that is opened again when another file is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def connection(self) -> tuple[sqlite3.Connection, bool]:
        """Return the connection, and whether it leads to another file than the last time. Raises OSError, Error."""
        if self._connection is not None and self._identity == _identity(self._path):
            return self._connection, False
        if self._connection is not None:
            logger.error("the store's file was removed or replaced; what it held beyond memory is gone")
        self.close()
        self._connection = _opened(self._path)
        self._identity = _identity(self._path)
        return self._connection, True

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def __del__(self) -> None:
        # An application that is made and never served, such as for its OpenAPI document, is closed by nobody.
        self.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _opened(path: Path) -> sqlite3.Connection:
    _make(path)
    connection = sqlite3.connect(path, timeout=OPEN_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection)
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """Make an empty file for its owner's eyes only; SQLite gives the same mode to the files it puts beside it.

    It appears under its name complete and closed: to close a file that SQLite has open would drop SQLite's locks.
    """
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, as many others may be doing: SQLite itself does not wait for them here."""
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.001 + secrets.randbelow(10) / 1000)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest version, one process at a time."""
    if _version(connection) == len(_MIGRATIONS):
        return
    with _committed(connection, "IMMEDIATE"):
        version = _version(connection)
        if version > len(_MIGRATIONS):
            raise StoreUnavailable("a newer version of mcp-auth-ref has made the file")
        for migration in _MIGRATIONS[version:]:
            for statement in filter(str.strip, migration.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _committed(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from None
    except OSError as error:
        raise StoreUnavailable(error.strerror or "the file cannot be used") from None


def _row(family: Family) -> dict[str, object]:
    return {**asdict(family), "document": document_of(family)}


# Taken back twice is taken back once, and of two moments the later counts. A new number tells the feeds.
_REVOKE = """
INSERT OR REPLACE INTO revocations (kind, issuer, name, at, until)
SELECT :kind, :issuer, :name, max(:at, coalesce(max(at), :at)), max(:until, coalesce(max(until), :until))
FROM revocations WHERE kind = :kind AND issuer = :issuer AND name = :name
"""
_UNREAD = "SELECT n, kind, issuer, name, at, until FROM revocations WHERE n > ? ORDER BY n LIMIT ?"
_DROP_OF_SUBJECT = "DELETE FROM families WHERE issuer = :issuer AND subject = :name AND started_at <= :at"
_START = """
INSERT INTO families (id, issuer, subject, turn, started_at, expires_at, document)
VALUES (:id, :issuer, :subject, :turn, :started_at, :expires_at, :document)
"""
_REPLACE = "UPDATE families SET turn = :turn, document = :document WHERE id = :id AND turn = :turn - 1"
