NARROW=$(generate-mcp-token --user-id ada --scope mcp:tools:read)
ask -H "Authorization: Bearer $NARROW" \
  -d '{"jsonrpc": "2.0", "id": 2, "method": "tools/call",
       "params": {"name": "write_file",
                  "arguments": {"path": "note.txt", "content": "mine"}}}'
