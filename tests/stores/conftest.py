"""The three stores, each empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_auth_ref.stores import Store, open_store
from tests.stores.servers import Valkey


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Give a running Valkey."""
    server = Valkey(tmp_path_factory.mktemp("v"))
    yield server
    server.kill()


@pytest.fixture(params=["memory", "sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty store of each kind."""
    if request.param == "memory":
        return "memory:"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/.mcp/store.db"
    valkey: Valkey = request.getfixturevalue("valkey")
    valkey.empty()
    return valkey.url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Give an empty store of each kind."""
    opened = open_store(url)
    yield opened
    opened.close()
