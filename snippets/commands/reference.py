"""Print every command with its options."""

from mcp_auth_ref.cli import reference

print(reference())
