"""Scopes: the vocabulary, which scope implies which, and what each role is granted.

A scope is a word of RFC 6749, section 3.3. Ours are paths joined by colons, and a shorter path implies the longer:
`mcp:tools` implies `mcp:tools:read`. Nothing else is implied; what a role may do is written out below.
"""

from collections.abc import Collection, Iterable

SERVERS_READ = "mcp:servers:read"
SERVERS_MANAGE = "mcp:servers:manage"
TOOLS_READ = "mcp:tools:read"
TOOLS_EXECUTE = "mcp:tools:execute"
TOKENS_MANAGE = "mcp:tokens:manage"
METRICS_READ = "mcp:metrics:read"

_USER = (SERVERS_READ, TOOLS_READ, TOOLS_EXECUTE)
_ADMIN = (*_USER, SERVERS_MANAGE, METRICS_READ)

ROLES: dict[str, tuple[str, ...]] = {
    "user": _USER,
    "admin": _ADMIN,
    "superadmin": (*_ADMIN, TOKENS_MANAGE),
}


def is_scope_list(text: str) -> bool:
    """Tell whether `text` is empty or scope words with one space between two (RFC 6749, section 3.3).

    A scope word is printable ASCII without space, quotation mark and backslash.
    """
    return (
        text.isascii()
        and text.isprintable()
        and '"' not in text
        and "\\" not in text
        and "  " not in text
        and text == text.strip(" ")
    )


def implies(granted: str, required: str) -> bool:
    """Tell whether holding `granted` is enough where `required` is asked for."""
    return required == granted or required.startswith(granted + ":")


def missing(granted: Collection[str], required: Iterable[str]) -> tuple[str, ...]:
    """Return the required scopes that nothing granted implies, in the order they were asked for."""
    return tuple(
        scope for scope in required if scope not in granted and not any(implies(held, scope) for held in granted)
    )
