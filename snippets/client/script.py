from mcp_auth_ref import SyncMCPAuthClient, TokenVariable

with SyncMCPAuthClient("http://127.0.0.1:8765", TokenVariable("MCP_TOKEN")) as client:
    for tool in client.list_tools():
        print(f"{tool.name:12}{' '.join(tool.scopes)}")
    print(client.execute("echo", {"text": "hello"}).text)
