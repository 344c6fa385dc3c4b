"""A store that lasts as long as its process, for tests and for one server that may forget when it ends."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from threading import Condition

from mcp_auth_ref.core.grants import Family, Revocation

_BATCH = 10_000


class MemoryStore:
    """Revocations in a list, families in a dictionary, one lock around both."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._revocations: list[tuple[int, Revocation]] = []
        self._written = 0
        self._families: dict[str, Family] = {}

    def revoke(self, revocation: Revocation, *, now: float) -> None:  # noqa: ARG002 - the contract's
        """Write a revocation and drop the families it concerns."""
        with self._changed:
            self._written += 1
            self._revocations.append((self._written, revocation))
            for family in [each for each in self._families.values() if concerns(revocation, each)]:
                del self._families[family.id]
            self._changed.notify_all()

    def feed(self) -> "MemoryFeed":
        """Return a feed that begins with the oldest revocation."""
        return MemoryFeed(self)

    def start(self, family: Family, *, now: float) -> None:  # noqa: ARG002 - the contract's
        """Write a family."""
        with self._changed:
            self._families[family.id] = family

    def family(self, name: str, *, now: float) -> Family | None:
        """Return a family as it is."""
        family = self._families.get(name)
        return family if family is not None and now < family.expires_at else None

    def replace(self, family: Family, *, now: float) -> bool:  # noqa: ARG002 - the contract's
        """Write the next turn of a family, where the turn before is still there."""
        with self._changed:
            held = self._families.get(family.id)
            if held is None or held.turn != family.turn - 1:
                return False
            self._families[family.id] = family
            return True

    def sweep(self, *, now: float) -> int:
        """Forget what has expired."""
        with self._changed:
            before = len(self._revocations) + len(self._families)
            self._revocations = [each for each in self._revocations if now < each[1].until]
            self._families = {name: each for name, each in self._families.items() if now < each.expires_at}
            return before - len(self._revocations) - len(self._families)

    def close(self) -> None:
        """Do nothing: there is nothing to let go."""

    def wake(self) -> None:
        """Let those who wait look again."""
        with self._changed:
            self._changed.notify_all()

    def after(self, position: int, *, wait: float, is_closed: Callable[[], bool]) -> tuple[int, list[Revocation]]:
        """Return the revocations after a position, and the position after them."""
        with self._changed:
            self._changed.wait_for(lambda: self._written > position or is_closed(), wait)
            first = bisect_right(self._revocations, position, key=lambda each: each[0])
            batch = self._revocations[first : first + _BATCH]
            return (batch[-1][0] if batch else position), [revocation for _, revocation in batch]


class MemoryFeed:
    """A position in the list."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._position = 0
        self._is_closed = False

    def read(self, *, wait: float) -> Sequence[Revocation]:
        """Return what has been revoked since the last call."""
        self._position, revocations = self._store.after(self._position, wait=wait, is_closed=lambda: self._is_closed)
        return revocations

    def close(self) -> None:
        """End a `read` that is waiting."""
        self._is_closed = True
        self._store.wake()


def concerns(revocation: Revocation, family: Family) -> bool:
    """Tell whether a revocation ends a family."""
    if family.issuer != revocation.issuer:
        return False
    if revocation.kind == "subject":
        return family.subject == revocation.name and family.started_at <= revocation.at
    return revocation.kind == "family" and family.id == revocation.name


def open_store(_url: str) -> MemoryStore:
    """Make a store with nothing in it."""
    return MemoryStore()
