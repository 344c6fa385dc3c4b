export MCP_AUDIT_LOG_PATH=sealed/audit.log MCP_AUDIT_KEY_FILE=audit-key
mcp-auth-ref secret new > audit-key
for name in ada bob cleo; do
  generate-mcp-token --user-id "$name" > "$name.token"
done
mcp-auth-ref audit verify
