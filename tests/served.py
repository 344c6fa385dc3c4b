"""A real server on a real port, in a thread of the test, so that a clock can be moved under it by hand."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

PATIENCE = 30  # seconds


@contextmanager
def served(make_app: Callable[[str], ASGIApp], *, lifespan: Literal["on", "off"] = "off") -> Iterator[str]:
    """Serve the application that `make_app` makes for an origin, and give that origin; it ends with the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(make_app(origin), lifespan=lifespan, ws="none", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _wait_for(server, thread)
            yield origin
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the server has not ended"


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + PATIENCE
    while not server.started:
        assert thread.is_alive(), "the server has not started"
        assert time.monotonic() < deadline, "the server has not started in time"
        time.sleep(0.01)
