"""Print every key of an `[[issuers]]` table."""

from mcp_auth_ref.settings import issuers_table

print(issuers_table())
