import asyncio
import secrets
import time

from mcp_auth_ref import ROLES, MCPAuthClient, Settings, TokenRefused, issuer_from

ISSUER = issuer_from(Settings.load())
HOUR = 3600
ages = [2 * HOUR, 0]


async def issue() -> str:
    """Stand in for whoever issues your tokens: the first is two hours old, and good for one."""
    print("a token, please")
    now = int(time.time()) - ages.pop(0)
    return ISSUER.issue(
        subject="ada", client_id="renewed", scopes=ROLES["user"], now=now, token_id=secrets.token_urlsafe(16)
    )


async def main() -> None:
    # --8<-- [start:highlight]
    async with MCPAuthClient("http://127.0.0.1:8765", issue) as client:
        # --8<-- [end:highlight]
        print((await client.execute("echo", {"text": "nobody has noticed"})).text)
        print((await client.execute("echo", {"text": "and it is kept"})).text)

    ages.append(2 * HOUR)
    token = await issue()
    async with MCPAuthClient("http://127.0.0.1:8765", token) as client:
        try:
            await client.list_tools()
        except TokenRefused as error:
            print(error.reason)


asyncio.run(main())
