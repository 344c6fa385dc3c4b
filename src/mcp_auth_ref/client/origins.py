"""Which addresses a token may be sent to."""

from ipaddress import ip_address

import httpx2

from mcp_auth_ref.core.errors import ConfigurationError

_RIGHT = "Write it like https://mcp.example.com"


def checked_address(url: str, name: str) -> httpx2.URL:
    """Return the address of a server: https, or http on this machine, where nobody else listens in.

    Raises ConfigurationError that names the argument.
    """
    try:
        address = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError):
        raise ConfigurationError(name, "it is not a URL", _RIGHT) from None
    if address.scheme not in ("https", "http") or not address.host:
        raise ConfigurationError(name, "it is not an https or http URL with a host", _RIGHT)
    if address.userinfo or address.query or address.fragment:
        raise ConfigurationError(name, "it has a user name, a query or a fragment", _RIGHT)
    if address.scheme == "http" and not _is_loopback(address.host):
        wrong = "it is http to another machine, where the token would travel in the clear"
        raise ConfigurationError(name, wrong, "Use https, or a tunnel that ends on 127.0.0.1")
    return address


def origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port: what two addresses have to share before one gets the token of the other."""
    return url.scheme, url.host, url.port


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
