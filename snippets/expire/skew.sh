python ahead.py | validate-mcp-token --verbose -
