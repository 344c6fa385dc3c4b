import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core.scopes import ROLES, implies, is_scope_list, missing


def test_the_roles_grant_exactly_this() -> None:
    """Our choice: `user` reads and executes, `admin` adds servers, `superadmin` adds tokens."""
    assert ROLES == {
        "user": ("mcp:servers:read", "mcp:tools:read", "mcp:tools:execute"),
        "admin": ("mcp:servers:read", "mcp:tools:read", "mcp:tools:execute", "mcp:servers:manage", "mcp:metrics:read"),
        "superadmin": (
            "mcp:servers:read",
            "mcp:tools:read",
            "mcp:tools:execute",
            "mcp:servers:manage",
            "mcp:metrics:read",
            "mcp:tokens:manage",
        ),
    }


@pytest.mark.parametrize(
    ("granted", "required", "enough"),
    [
        ("mcp:tools:read", "mcp:tools:read", True),
        ("mcp:tools", "mcp:tools:read", True),
        ("mcp", "mcp:tools:read", True),
        ("mcp:tools:read", "mcp:tools", False),
        ("mcp:tools:read", "mcp:tools:readwrite", False),
        ("mcp:tool", "mcp:tools:read", False),
        ("mcp:tools:", "mcp:tools:read", False),
        ("MCP:tools", "mcp:tools:read", False),
        ("tools:read", "mcp:tools:read", False),
        ("", "mcp:tools:read", False),
        ("*", "mcp:tools:read", False),
    ],
)
def test_a_shorter_path_implies_the_longer_and_nothing_else_does(granted: str, required: str, *, enough: bool) -> None:
    """MCP 2026-07-28, step-up authorization: a broader scope implies the narrower. RFC 6749, section 3.3: exact."""
    assert implies(granted, required) is enough


def test_all_missing_scopes_are_named_at_once_in_the_order_asked_for() -> None:
    """MCP 2026-07-28, scope challenge handling: one challenge names everything an operation needs."""
    required = ("files:write", "mcp:tools:execute", "mcp:servers:read")

    assert missing({"mcp:tools"}, required) == ("files:write", "mcp:servers:read")
    assert missing(frozenset(), required) == required
    assert missing({"files", "mcp"}, required) == ()


WORD = r"[\x21\x23-\x5B\x5D-\x7E]+"


@given(st.text(st.sampled_from('a:~! "\\\t\n\x00\x7fé'), max_size=6) | st.text(max_size=6))
def test_a_scope_list_is_what_the_grammar_says(text: str) -> None:
    """RFC 6749, section 3.3, whose grammar is the expression below; no scope at all is an empty list."""
    assert is_scope_list(text) is (re.fullmatch(rf"(?:{WORD}(?: {WORD})*)?", text) is not None)
