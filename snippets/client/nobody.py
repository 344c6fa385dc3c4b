from mcp_auth_ref import CallFailed, SyncMCPAuthClient, TokenVariable

with SyncMCPAuthClient("http://127.0.0.1:8764", TokenVariable("MCP_TOKEN"), deadline=10) as client:
    try:
        client.list_tools()
    except CallFailed as error:
        print(error)
        print(error.cure)
