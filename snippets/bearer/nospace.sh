export AUTH_HEADER="Bearer $MCP_TOKEN"
python host.py nospace.mcp.json 2>&1 | grep -o 'Using custom headers.*\|Connected suc.*\|Fatal error'
