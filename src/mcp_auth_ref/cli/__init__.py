"""Words in, text and an exit code out: `mcp-auth-ref` and its two short names."""

from mcp_auth_ref.cli.commands import generate, main, validate
from mcp_auth_ref.cli.markdown import reference

__all__ = ["generate", "main", "reference", "validate"]
