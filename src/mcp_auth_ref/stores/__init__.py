"""Stores: where revocations and refresh families outlive a request, a process, or a machine.

Three of them keep one contract. `memory:` lasts as long as the process; `sqlite:///PATH` is one file, shared by the
processes of one machine; `redis://HOST` is shared by all replicas. Their methods block, for milliseconds as a rule and
for a few seconds at worst: a server calls them in threads, a command calls them as they are.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.grants import Family, Revocation


class Feed(Protocol):
    """Everything that has been revoked, oldest first, and then each further revocation by whichever process."""

    def read(self, *, wait: float) -> Sequence[Revocation]:
        """Return what has been revoked since the last call, at most some thousands at once.

        Nothing is returned only when there is nothing, after `wait` seconds. Raises StoreUnavailable; the next call
        then goes on where this one should have.
        """

    def close(self) -> None:
        """Hold no connection any more, nor let a `read` wait for long in another thread."""


class Store(Protocol):
    """What a store does. `now` is in seconds since 1970. Every method but `close` raises StoreUnavailable.

    A method that has returned has written: neither a killed process nor, with SQLite, a power cut takes it back.
    """

    def revoke(self, revocation: Revocation, *, now: float) -> None:
        """Write a revocation, tell every feed, and drop the families it concerns: all of it or nothing."""

    def feed(self) -> Feed:
        """Return a feed that begins with the oldest revocation."""

    def start(self, family: Family, *, now: float) -> None:
        """Write a family that is not there yet."""

    def family(self, name: str, *, now: float) -> Family | None:
        """Return a family as it is, or None where there is none, it has expired, or it was revoked."""

    def replace(self, family: Family, *, now: float) -> bool:
        """Write the next turn of a family, where the turn before is still the one that is there.

        Of any number of callers, one is told True.
        """

    def sweep(self, *, now: float) -> int:
        """Forget what has expired; return how many entries that were."""

    def close(self) -> None:
        """Hold no file and no connection any more."""


def open_store(url: str) -> Store:
    """Open the store that a URL names. Raises ConfigurationError.

    An SQLite file is made where there is none. Redis is not asked anything yet: it may come up later.
    """
    name = url.partition(":")[0]
    try:
        module = import_module(f"mcp_auth_ref.stores.{name if name in ('memory', 'sqlite') else 'redis'}")
    except ModuleNotFoundError as error:
        remedy = 'Install it: python -m pip install "mcp-auth-ref[redis]"'
        raise ConfigurationError("MCP_STORE_URL", f"the package {error.name} is not there", remedy) from None
    store: Store = module.open_store(url)
    return store
