from pathlib import Path

from mcp_auth_ref import RefreshingToken, SyncMCPAuthClient, TokenPair

PAIR = Path("pair")


def save(pair: TokenPair) -> None:
    """Replace the file in one step, so that a crash leaves the old pair or the new one."""
    draft = Path("pair.new")
    draft.touch(0o600)
    draft.write_text(f"{pair.access_token}\n{pair.refresh_token}\n", encoding="utf-8")
    draft.replace(PAIR)


access_token, refresh_token = PAIR.read_text(encoding="utf-8").split()
# --8<-- [start:highlight]
token = RefreshingToken(
    "http://127.0.0.1:8765/token", TokenPair(access_token, refresh_token), client_id="mcp-auth-ref-cli", save=save
)
# --8<-- [end:highlight]
with SyncMCPAuthClient("http://127.0.0.1:8765", token) as client:
    print(client.execute("echo", {"text": "hello"}).text)

print("refreshed:", refresh_token not in PAIR.read_text(encoding="utf-8"))
