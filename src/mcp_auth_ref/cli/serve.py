"""`serve`."""

from urllib.parse import urlsplit

from mcp_auth_ref.cli.settings import load
from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.settings import is_loopback

try:
    from mcp_auth_ref.process import serve as run
except ModuleNotFoundError as error:
    package = f"{error.name}".partition(".")[0]
    remedy = 'Install it: python -m pip install "mcp-auth-ref[server]"'
    raise ConfigurationError("mcp-auth-ref serve", f"the package {package} is not there", remedy) from None


def serve(*, host: str, port: int | None) -> None:
    """Run the demonstration server until it is interrupted."""
    settings = load()
    url = settings.resource_url
    given = urlsplit(url).port if is_loopback(url) else None
    run(settings, host=host, port=port or given or 8765)
