"""What the page on API keys says; the rest of it is in tests/core/test_apikeys.py and beside it."""

import os
import re
import secrets
from pathlib import Path

import pytest
from click.testing import CliRunner

from mcp_auth_ref import Settings, apikeyfiles
from mcp_auth_ref.cli import main
from mcp_auth_ref.core.apikeys import api_key
from tests.guide.conftest import ROOT
from tests.server.world import NOW, bearer, server

PAGE = (ROOT / "docs/how-to/apikeys.md").read_text()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_SECRET", secrets.token_urlsafe(32))
    monkeypatch.setenv("MCP_API_KEYS_FILE", "apikeys.json")
    return tmp_path


def new(*words: str) -> str:
    line = ["apikey", "new", "--user-id", "service:backup", "--scope", "mcp:tools", *words]
    return CliRunner().invoke(main, line, catch_exceptions=False).stdout.strip()


def test_the_pattern_for_scanners_finds_every_key() -> None:
    shown = re.search(r"`(mcpk_\S+)`", PAGE)

    assert shown is not None
    assert all(re.fullmatch(shown[1], api_key(os.urandom(32))) for _ in range(100))


def test_a_key_lives_for_90_days_and_366_at_most(folder: Path) -> None:
    new()
    new("--days", "366")

    lives = [key.expires_at - key.created_at for key in apikeyfiles.read(folder / "apikeys.json")]
    assert [life / 86_400 for life in lives] == [90, 366]
    assert new("--days", "367") == ""


def test_the_file_is_for_its_owner_alone_and_has_no_key(folder: Path) -> None:
    key = new()

    path = folder / "apikeys.json"
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert not [piece for piece in (key, key[5:], key[5:20]) if piece in path.read_text()]


def test_no_second_header_is_read_unless_a_setting_names_it() -> None:
    assert Settings.load().api_key_header is None


def test_the_digest_is_no_key_in_any_dress(folder: Path) -> None:
    new()
    [known] = apikeyfiles.read(folder / "apikeys.json")
    as_bytes = bytes.fromhex(known.digest)

    with server(api_keys_file=folder / "apikeys.json") as client:
        statuses = [
            client.post("/mcp", headers=bearer(credential)).status_code
            for credential in (known.digest, known.id, f"mcpk_{known.digest}", api_key(as_bytes))
        ]

    assert known.created_at > NOW - 10**9
    assert statuses == [401] * 4
