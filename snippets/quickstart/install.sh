python -m venv .venv
. .venv/bin/activate
python -m pip install --quiet "./mcp-auth-ref[server]"
mcp-auth-ref --version
