MCP_AUDIT_LOG_PATH=/dev/null/audit.log generate-mcp-token --user-id ada
