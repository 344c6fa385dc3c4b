promtool test rules mcp-rules_test.yml
