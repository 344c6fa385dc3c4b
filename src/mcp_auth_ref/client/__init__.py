"""Callers of guarded servers: of the gateway, and of any MCP endpoint through a client of `httpx2`."""
