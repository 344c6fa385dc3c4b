"""Clients of the authorization server: who they are, and how they prove it (RFC 6749, section 2)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from mcp_auth_ref.core.errors import InvalidClient

COMMAND_LINE = "mcp-auth-ref-cli"
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Client:
    """A client. `secret_digest` is the SHA-256 of its secret; without one it is public, and is known by its name only.

    `scopes` is what it may have for itself; `refresh` gives it refresh tokens with that.
    """

    id: str
    secret_digest: bytes | None = None
    scopes: tuple[str, ...] = ()
    refresh: bool = False

    @property
    def is_public(self) -> bool:
        """Tell whether it has no secret."""
        return self.secret_digest is None


def digest(secret: str | bytes) -> bytes:
    """Return what is kept of a client's secret, which is a long random one."""
    return sha256(secret.encode() if isinstance(secret, str) else secret).digest()


def authenticated(clients: Mapping[str, Client], client_id: str, secret: str | None) -> Client:
    """Return the client that has proven who it is. Raises InvalidClient, which does not say what was wrong.

    A name that is not known takes as long as one that is.
    """
    client = clients.get(client_id)
    expected = _NOBODY if client is None or client.secret_digest is None else client.secret_digest
    is_right = hmac.compare_digest(digest(secret or ""), expected)
    if client is None or (secret is not None if client.is_public else not is_right):
        raise InvalidClient
    return client
