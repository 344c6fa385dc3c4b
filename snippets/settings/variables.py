"""Print every variable."""

from mcp_auth_ref.settings import settings_table

print(settings_table())
