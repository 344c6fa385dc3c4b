(umask 077; echo "$MCP_TOKEN" > token)
python from_file.py
