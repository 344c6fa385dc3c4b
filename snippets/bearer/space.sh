python host.py space.mcp.json 2>&1 | grep -o 'Using custom headers.*\|Connected suc.*\|Fatal error'
