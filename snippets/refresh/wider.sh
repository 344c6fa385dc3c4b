robot -d grant_type=client_credentials -d scope=mcp:servers:manage
robot -d grant_type=client_credentials -d resource=https://other.example/mcp
