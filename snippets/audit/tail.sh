tail -n 1 .mcp/audit.log
