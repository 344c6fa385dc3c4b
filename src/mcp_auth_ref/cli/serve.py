"""`serve`."""

from urllib.parse import urlsplit

from mcp_auth_ref.app import serve as run
from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.settings import is_loopback


def serve(*, host: str, port: int | None) -> None:
    """Run the demonstration server until it is interrupted."""
    settings = load()
    url = settings.resource_url
    given = urlsplit(url).port if is_loopback(url) else None
    run(settings, host=host, port=port or given or 8765)
