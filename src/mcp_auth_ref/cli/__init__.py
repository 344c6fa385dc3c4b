"""Words in, text and an exit code out: `mcp-auth-ref` and its two short names."""

from mcp_auth_ref.cli.commands import generate, main, validate

__all__ = ["generate", "main", "validate"]
