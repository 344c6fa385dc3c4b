"""Call the server without a pause while a command rotates its keys, and say how many calls are refused."""

import http.client
import json
import secrets
import subprocess
import sys
import threading
import time

from mcp_auth_ref import Settings, issuer_from

settings = Settings.load()
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def fresh_token() -> str:
    return issuer_from(settings).issue(
        subject="load",
        client_id="load",
        scopes=["mcp:tools:read"],
        now=int(time.time()),
        token_id=secrets.token_urlsafe(16),
    )


old_token = fresh_token()
enough = threading.Event()
refused: list[int] = []


def call() -> None:
    connection = http.client.HTTPConnection("127.0.0.1", 8765, timeout=30)
    while not enough.is_set():
        for token in (old_token, fresh_token()):
            connection.request("POST", "/mcp", BODY, {**HEADERS, "Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.OK:
                refused.append(answer.status)


threads = [threading.Thread(target=call) for _ in range(4)]
for thread in threads:
    thread.start()
subprocess.run(sys.argv[1:], check=True, capture_output=True)
header, _, _ = old_token.partition(".")
while fresh_token().startswith(header):  # the header names the key
    time.sleep(0.1)
enough.wait(3)
enough.set()
for thread in threads:
    thread.join()
print("refused:", "many" if len(refused) > 20 else len(refused) or "none")
