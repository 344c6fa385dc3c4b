"""The store, as commands open it: beside the servers that use it."""

from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.stores import Store, open_store


def store_of(settings: Settings) -> Store:
    """Open the store of these settings. Raises ConfigurationError where it would end with the command."""
    url = settings.store_url.get_secret_value()
    if url == "memory:":
        problem = "a store in memory is the server's own, and no command reaches it"
        raise ConfigurationError("MCP_STORE_URL", problem, "Set it to sqlite:///.mcp/store.db, for the server as well")
    return open_store(url)
