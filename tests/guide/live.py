"""Serve the built site beside the live reference server until Ctrl-C: `python -m tests.guide.live [--check | --pages]`.

With `--pages` the site is alone: port 8765 is left to the servers that the pages have their reader start. The server's
secret is made for this one run. A token for it lies in a file that only you can read, so that no terminal shows it.
"""

import argparse
import contextlib
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = "http://127.0.0.1:8766/"
SERVER = "http://127.0.0.1:8765"
TOKEN_FILE = Path(".cache/guide/token")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal belongs to the reference server."""


def main() -> None:
    """Start both, say where they are, and wait."""
    parser = argparse.ArgumentParser(prog="nox -s guide --", description=__doc__)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="stop as soon as both have answered")
    how.add_argument("--pages", action="store_true", help="serve the site alone")
    options = parser.parse_args()
    with _site(), contextlib.nullcontext() if options.pages else _server():
        print(f"\n  The guide              {SITE}\n\n  Ctrl-C to end.", flush=True)
        urllib.request.urlopen(SITE, timeout=5).close()
        if not options.check:
            threading.Event().wait()


@contextlib.contextmanager
def _site() -> Iterator[None]:
    handler = partial(_Quiet, directory="site")
    with ThreadingHTTPServer(("127.0.0.1", 8766), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@contextlib.contextmanager
def _server() -> Iterator[None]:
    environment = {**os.environ, "MCP_JWT_SECRET": secrets.token_urlsafe(32)}
    process = subprocess.Popen([_command("mcp-auth-ref"), "serve"], env=environment)
    try:
        _wait_until_ready(process)
        _write_token(environment)
        print(
            f"\n  The reference server   {SERVER}/mcp\n"
            f'  A token for it         curl -H "Authorization: Bearer $(cat {TOKEN_FILE})" …',
            flush=True,
        )
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(process: "subprocess.Popen[bytes]") -> None:
    for _ in range(100):
        if process.poll() is not None:
            sys.exit(f"the reference server ended with exit code {process.returncode}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{SERVER}/ready", timeout=5).close()
            return
        time.sleep(0.1)
    sys.exit(f"the reference server did not answer on {SERVER}/ready within 10 seconds")


def _write_token(environment: dict[str, str]) -> None:
    TOKEN_FILE.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(TOKEN_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        subprocess.run([_command("generate-mcp-token"), "--user-id", "you"], env=environment, stdout=file, check=True)


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
