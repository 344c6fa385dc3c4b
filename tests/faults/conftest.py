"""Where the servers of these tests keep their state."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.servers import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """Give a Valkey of the test's own."""
    folder = tmp_path / "v"
    folder.mkdir()
    server = Valkey(folder)
    yield server
    server.kill()


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a store that outlives a process."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    valkey: Valkey = request.getfixturevalue("valkey")
    return valkey.url
