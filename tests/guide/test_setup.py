"""What the page on set-up says beyond what its walk shows."""

from pathlib import Path

import pytest

from mcp_auth_ref import ConfigurationError, KeySet, Settings, SigningKey, TokenIssuer, verifier_from
from mcp_auth_ref.core.errors import WrongAudience
from tests.guide.conftest import ROOT

SHOWN = ROOT / "snippets/setup"
SECRET = "demonstration-secret-never-use-it-in-production"
NOW = 1_795_000_000


def test_only_the_owner_may_read_the_secret() -> None:
    assert (SHOWN / "secret.out").read_text() == "-rw-------\n"


def test_a_variable_of_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MCP_JWT_EXPIRY_HOURS=0.25\n")
    environment = {"MCP_JWT_SECRET": SECRET}

    hours = [
        Settings.load(environ=environment, cwd=tmp_path).jwt_expiry_hours,
        Settings.load(environ=environment | {"MCP_JWT_EXPIRY_HOURS": "2"}, cwd=tmp_path).jwt_expiry_hours,
    ]

    assert hours == [0.25, 2]


def test_a_slash_more_at_the_end_is_another_server(tmp_path: Path) -> None:
    """RFC 9068, section 4: `aud` is compared character for character."""
    keys = KeySet([SigningKey.from_secret(SECRET.encode())])
    issuer = TokenIssuer("http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp/", keys)
    token = issuer.issue(subject="ada", client_id="cli", scopes=(), now=NOW, token_id="t" * 16)
    verifier = verifier_from(Settings.load(environ={"MCP_JWT_SECRET": SECRET}, cwd=tmp_path))

    with pytest.raises(WrongAudience):
        verifier.verify(token, now=NOW)


@pytest.mark.parametrize(
    ("environment", "file", "names"),
    [
        ({"MCP_JWT_SECRET": "short"}, "", "MCP_JWT_SECRET"),
        ({"MCP_JWT_SECRET_FILE": "nowhere"}, "", "MCP_JWT_SECRET_FILE"),
        ({"MCP_JWT_SECRET": SECRET}, '[[issuers]]\nisuer = "https://login.partner.example"\n', "issuer"),
    ],
    ids=["a secret that is too short", "a missing file", "a misspelt key"],
)
def test_a_mistake_stops_the_set_up_with_the_name_of_the_setting(
    tmp_path: Path, environment: dict[str, str], file: str, names: str
) -> None:
    (tmp_path / "mcp-auth-ref.toml").write_text(file)

    with pytest.raises(ConfigurationError) as refused:
        verifier_from(Settings.load(environ=environment | {"MCP_CONFIG": "mcp-auth-ref.toml"}, cwd=tmp_path))

    assert names in str(refused.value)


def test_one_token_is_let_in_and_every_way_round_is_closed() -> None:
    lines = (SHOWN / "verification.out").read_text().splitlines()

    assert {line.rsplit(maxsplit=1)[0]: line.rsplit(maxsplit=1)[1] for line in lines} == {
        "no token": "401",
        "a good token": "200",
        "for another server": "401",
        "without the scope": "403",
        "in the address": "401",
        "signed by somebody else": "401",
    }
