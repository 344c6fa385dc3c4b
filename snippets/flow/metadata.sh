curl http://127.0.0.1:8765/.well-known/oauth-protected-resource/mcp
