"""The store, as commands open it: beside the servers that use it."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.tokens import Claims
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.stores import Store, open_store
from mcp_auth_ref.stores.revocations import opened

_FILE = "sqlite:///"


def store_of(settings: Settings) -> Store:
    """Open the store of these settings. Raises ConfigurationError where it would end with the command."""
    url = settings.store_url.get_secret_value()
    if url == "memory:":
        problem = "a store in memory is the server's own, and no command reaches it"
        raise ConfigurationError("MCP_STORE_URL", problem, "Set it to sqlite:///.mcp/store.db, for the server as well")
    return open_store(url)


@contextmanager
def revoked_by(settings: Settings) -> Iterator[Callable[[Claims], bool]]:
    """Tell of verified claims whether the store of these settings knows them to be revoked.

    A store in memory is the server's own and is not asked; where there is no file yet, none is made. What is given
    raises StoreUnavailable while nobody can tell.
    """
    url = settings.store_url.get_secret_value()
    if url == "memory:" or (url.startswith(_FILE) and not Path(url.removeprefix(_FILE)).exists()):
        yield lambda _: False
        return
    revocations = opened(url, stale=settings.store_stale_secs, elapsed=time.monotonic, clock=time.time)
    with closing(revocations.store), revocations.followed():
        yield revocations.is_revoked
