"""Print every key of a `[[clients]]` table."""

from mcp_auth_ref.settings import clients_table

print(clients_table())
