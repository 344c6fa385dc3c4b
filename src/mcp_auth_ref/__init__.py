"""The reference implementation behind a guide to MCP authentication whose every example is run.

Everything public is here, and each name is imported when it is first asked for: `import mcp_auth_ref` costs next to
nothing, and who only verifies tokens never loads a server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_auth_ref.app import create_app
    from mcp_auth_ref.client.auth import McpAuth
    from mcp_auth_ref.client.gateway import MCPAuthClient, SyncMCPAuthClient
    from mcp_auth_ref.client.refresh import RefreshingToken, TokenPair
    from mcp_auth_ref.client.sources import TokenFile, TokenVariable
    from mcp_auth_ref.core.discovery import Challenge, parse_challenges, resource_metadata, well_known
    from mcp_auth_ref.core.errors import (
        AuthError,
        CallFailed,
        ConfigurationError,
        InsufficientScope,
        InvalidKey,
        InvalidToken,
        RefusedClaims,
        TokenRefused,
    )
    from mcp_auth_ref.core.grants import Revocation
    from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey
    from mcp_auth_ref.core.scopes import ROLES
    from mcp_auth_ref.core.tokens import Claims, TokenIssuer, TokenVerifier, TrustedIssuers
    from mcp_auth_ref.refresh import RefreshTokens
    from mcp_auth_ref.server.cache import VerifiedTokenCache
    from mcp_auth_ref.server.resource import RequireToken
    from mcp_auth_ref.settings import Settings
    from mcp_auth_ref.stores import open_store
    from mcp_auth_ref.stores.revocations import Revocations
    from mcp_auth_ref.trust import issuer_from, keys_from, verifier_from

__all__ = [
    "ROLES",
    "AuthError",
    "CallFailed",
    "Challenge",
    "Claims",
    "ConfigurationError",
    "InsufficientScope",
    "InvalidKey",
    "InvalidToken",
    "KeySet",
    "MCPAuthClient",
    "McpAuth",
    "RefreshTokens",
    "RefreshingToken",
    "RefusedClaims",
    "RequireToken",
    "Revocation",
    "Revocations",
    "Settings",
    "SigningKey",
    "SyncMCPAuthClient",
    "TokenFile",
    "TokenIssuer",
    "TokenPair",
    "TokenRefused",
    "TokenVariable",
    "TokenVerifier",
    "TrustedIssuers",
    "VerifiedTokenCache",
    "VerifyingKey",
    "create_app",
    "issuer_from",
    "keys_from",
    "open_store",
    "parse_challenges",
    "resource_metadata",
    "verifier_from",
    "well_known",
]

_HOMES = {
    "app": ("create_app",),
    "client.auth": ("McpAuth",),
    "client.gateway": ("MCPAuthClient", "SyncMCPAuthClient"),
    "client.refresh": ("RefreshingToken", "TokenPair"),
    "client.sources": ("TokenFile", "TokenVariable"),
    "core.discovery": (
        "Challenge",
        "parse_challenges",
        "resource_metadata",
        "well_known",
    ),
    "core.errors": (
        "AuthError",
        "CallFailed",
        "ConfigurationError",
        "InsufficientScope",
        "InvalidKey",
        "InvalidToken",
        "RefusedClaims",
        "TokenRefused",
    ),
    "core.grants": ("Revocation",),
    "core.keys": (
        "KeySet",
        "SigningKey",
        "VerifyingKey",
    ),
    "core.scopes": ("ROLES",),
    "core.tokens": (
        "Claims",
        "TokenIssuer",
        "TokenVerifier",
        "TrustedIssuers",
    ),
    "server.cache": ("VerifiedTokenCache",),
    "server.resource": ("RequireToken",),
    "refresh": ("RefreshTokens",),
    "settings": ("Settings",),
    "stores": ("open_store",),
    "stores.revocations": ("Revocations",),
    "trust": ("issuer_from", "keys_from", "verifier_from"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"mcp_auth_ref.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
