"""What the page on expiry says."""

import secrets
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner

from mcp_auth_ref import ConfigurationError, InvalidToken, Settings, issuer_from, verifier_from
from mcp_auth_ref.cli import validate
from tests.guide.conftest import ROOT
from tests.server.world import NOW, Clock, bearer, post, server, token

PAGE = (ROOT / "docs/how-to/expire.md").read_text()
SECRET = "demonstration-secret-never-use-it-in-production"
DAY = 86_400


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_SECRET", SECRET)
    return Settings.load()


def code(settings: Settings, credential: str, *, now: float = NOW) -> str:
    """Say how the verifier of these settings takes a token."""
    try:
        verifier_from(settings).verify(credential, now=now)
    except InvalidToken as error:
        return error.code
    return "accepted"


def issue(settings: Settings, *, now: int = NOW) -> str:
    return issuer_from(settings).issue(
        subject="ada", client_id="cli", scopes=["mcp:tools"], now=now, token_id=secrets.token_urlsafe(16)
    )


def test_pyjwt_asks_for_no_exp_and_compares_it_where_there_is_one() -> None:
    for claims in ({}, {"exp": 2**33}):
        assert jwt.decode(jwt.encode(claims, SECRET), SECRET, algorithms=["HS256"]) == claims
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(jwt.encode({"exp": 1}, SECRET), SECRET, algorithms=["HS256"])


def test_both_dates_are_required(settings: Settings) -> None:
    assert [code(settings, credential) for credential in (token(exp=None), token(iat=None))] == ["missing_claim"] * 2


def test_the_age_is_counted_from_iat_whatever_exp_promises(settings: Settings) -> None:
    year = token(exp=NOW + 365 * DAY)

    assert settings.max_token_age == DAY
    assert [code(settings, year, now=NOW + DAY + late) for late in (30, 31)] == ["accepted", "token_too_old"]


def test_the_age_of_a_token_that_was_verified_before_is_looked_at_too() -> None:
    clock = Clock()
    year = token(exp=NOW + 365 * DAY)

    with server(clock=clock) as client:
        first = post(client, "tools/list", credential=year).status_code
        clock.now += DAY + 31
        later = post(client, "tools/list", credential=year)

    assert (first, later.status_code, later.json()["code"]) == (200, 401, "token_too_old")


def test_the_leeway_is_30_seconds_both_ways_and_60_at_most(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = issue(settings)

    assert [code(settings, hour, now=NOW + at) for at in (-31, -30, 3629, 3630)] == [
        "token_not_yet_valid",
        "accepted",
        "accepted",
        "token_expired",
    ]
    monkeypatch.setenv("MCP_LEEWAY", "61")
    with pytest.raises(ConfigurationError):
        Settings.load()


def test_the_default_life_is_an_hour(settings: Settings) -> None:
    assert settings.jwt_expiry_hours == 1
    assert "| an hour | the default |" in PAGE


def test_a_server_tells_the_caller_whose_clock_is_ahead() -> None:
    ahead = dict(bearer(token(iat=NOW + 300, exp=NOW + 900)))
    said = "the token's iat lies 300 seconds ahead: the issuer's clock is ahead of this one by at least that"

    with server() as client:
        answer = client.post("/mcp", headers=ahead)

    assert answer.json()["detail"] == said
    assert f'error_description="{said}"' in answer.headers["www-authenticate"]


def lines(credential: str) -> list[str]:
    """Give the lines of `--verbose` that have no name of their own."""
    printed = CliRunner().invoke(validate, ["--verbose", "--token", credential]).stdout
    return [line.strip() for line in printed.splitlines() if line.startswith("    ")]


def test_the_line_under_the_clock_says_what_the_dates_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_auth_ref.cli.verify.time.time", lambda: NOW)

    assert lines(token()) == []
    assert lines(token(iat=NOW + 12)) == [
        "issued 12 seconds in the future: the issuer's clock is ahead by at least that"
    ]
    assert lines(token(nbf=NOW + 120)) == ["good only in 120 seconds"]
    assert lines(token(iat=NOW - 700, exp=NOW - 100)) == [
        "ended 100 seconds ago; if it is fresh, this clock is ahead by 700 seconds"
    ]
    assert lines(token(iat=NOW, exp=NOW - 100)) == [
        "ended 100 seconds ago",
        "ends before it begins: the issuer has confused its dates",
    ]
