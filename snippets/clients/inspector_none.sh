npx mcp-inspector --cli http://127.0.0.1:8765/mcp --stored-auth-only --method tools/list
