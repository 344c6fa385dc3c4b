mcp '{"jsonrpc": "2.0", "id": 2, "method": "tools/call",
      "params": {"name": "calculate", "arguments": {"expression": "6 * 7"}}}'
