"""The page of settings and the settings hold each other, and the places they come from are asked in its order."""

from pathlib import Path

import pytest

from mcp_auth_ref import ConfigurationError, Settings
from mcp_auth_ref.settings import ClientSettings, IssuerSettings, variable
from tests.guide.conftest import ROOT

SECRET = "demonstration-secret-never-use-it-in-production"


def rows(name: str) -> dict[str, list[str]]:
    """Read a printed table: the name of each row, and its other cells."""
    lines = (ROOT / f"snippets/settings/{name}.out").read_text().splitlines()[2:]
    cells = [[cell.strip(" `") for cell in line.split(" | ")] for line in lines]
    return {first.removeprefix("| `"): others for first, *others in cells}


def test_the_table_has_every_variable_and_no_other() -> None:
    assert list(rows("variables")) == [variable(name) for name in Settings.model_fields]


def test_the_table_of_issuers_has_every_key_and_no_other() -> None:
    assert list(rows("issuers")) == list(IssuerSettings.model_fields)


def test_the_table_of_clients_has_every_key_and_no_other() -> None:
    assert list(rows("clients")) == list(ClientSettings.model_fields)


def test_the_defaults_of_the_table_are_what_is_in_effect_without_any_setting(tmp_path: Path) -> None:
    settings = Settings.load(environ={}, cwd=tmp_path)
    shown = {name: default for name, (_, default, _) in rows("variables").items()}

    assert shown | {"MCP_ALLOWED_HOSTS": "127.0.0.1:8765"} == {name: value for name, value, _ in settings.effective()}
    assert shown["MCP_ALLOWED_HOSTS"] == ""


def test_the_places_are_asked_in_the_order_of_the_page(tmp_path: Path) -> None:
    environ = {"MCP_LEEWAY": "1", "MCP_CONFIG": str(tmp_path / "s.toml")}
    (tmp_path / ".env").write_text("MCP_LEEWAY=2\n")
    (tmp_path / "s.toml").write_text("leeway = 3\n")

    all_four = Settings.load(environ=environ, cwd=tmp_path)
    del environ["MCP_LEEWAY"]
    without_the_first = Settings.load(environ=environ, cwd=tmp_path)
    (tmp_path / ".env").unlink()
    without_the_second = Settings.load(environ=environ, cwd=tmp_path)
    without_the_third = Settings.load(environ={}, cwd=tmp_path)

    found = (all_four, without_the_first, without_the_second, without_the_third)
    assert [settings.leeway for settings in found] == [1, 2, 3, 30]


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert Settings.load(environ={"MCP_LEEWAY": ""}, cwd=tmp_path).where("leeway") == "default"


def test_a_relative_path_starts_from_the_folder_of_whoever_names_it(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/s.toml").write_text('files_root = "files"\n')
    (tmp_path / ".env").write_text("MCP_KEYS_FILE=keys.json\n")

    settings = Settings.load(environ={"MCP_CONFIG": "etc/s.toml"}, cwd=tmp_path)

    assert (settings.keys_file, settings.files_root) == (tmp_path / "keys.json", tmp_path / "etc/files")


@pytest.mark.parametrize(
    "toml",
    [
        f'jwt_secret = "{SECRET}"',
        '[[issuers]]\nissuer = "https://a.example"\njwks_file = "keys.json"',
        '[[issuers]]\nalgorithms = ["ES256"]\njwks_file = "keys.json"',
        '[[issuers]]\nissuer = "https://a.example"\nalgorithms = ["ES256"]',
        '[[issuers]]\nissuer = "https://a.example"\nalgorithms = ["ES256"]\njwks_file = "a"\nsecret_file = "b"',
    ],
)
def test_the_file_that_the_page_calls_wrong_is_refused(tmp_path: Path, toml: str) -> None:
    (tmp_path / "s.toml").write_text(toml)

    with pytest.raises(ConfigurationError):
        Settings.load(environ={"MCP_CONFIG": str(tmp_path / "s.toml")}, cwd=tmp_path)
