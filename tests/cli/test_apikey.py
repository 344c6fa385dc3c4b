"""`apikey new`, `apikey list`, `apikey revoke`, and how `validate-mcp-token` takes a key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_auth_ref import apikeyfiles
from mcp_auth_ref.core.apikeys import digest
from tests.cli.line import SETTINGS, Printed, Run
from tests.tokens import NOW

pytestmark = pytest.mark.usefixtures("clock")

KEYS = {**SETTINGS, "MCP_API_KEYS_FILE": "apikeys.json"}
NEW = "mcp-auth-ref apikey new --user-id service:backup --scope mcp:tools"
DAY = 86_400


def made(run: Run, *words: str) -> str:
    return run(" ".join((NEW, *words)), KEYS).out.strip()


def test_a_key_is_printed_once_and_its_digest_kept(run: Run, folder: Path) -> None:
    printed = run(f"{NEW} --scope files:read --days 7", KEYS)

    [known] = apikeyfiles.read(folder / "apikeys.json")
    assert printed == Printed(
        0,
        printed.out,
        f"its id is {known.id}, it ends 2026-11-25T11:06:40Z; it is shown this once\n",
    )
    assert known.digest == digest(printed.out.strip())
    assert (known.subject, known.scopes, known.created_at, known.expires_at, known.revoked_at) == (
        "service:backup",
        ("mcp:tools", "files:read"),
        NOW,
        NOW + 7 * DAY,
        None,
    )


def test_a_key_is_good_for_90_days_unless_told_otherwise(run: Run, folder: Path) -> None:
    made(run)

    assert [key.expires_at - key.created_at for key in apikeyfiles.read(folder / "apikeys.json")] == [90 * DAY]


def test_the_list_shows_how_each_key_stands_and_no_key(run: Run, folder: Path, clock: Callable[[float], None]) -> None:
    keys = [made(run, "--days", days) for days in ("1", "2", "3")]
    ids = [key.id for key in apikeyfiles.read(folder / "apikeys.json")]
    run(f"mcp-auth-ref apikey revoke {ids[1]}", KEYS)
    clock(NOW + DAY)

    printed = run("mcp-auth-ref apikey list", KEYS)

    assert printed.out.splitlines() == [
        f"{ids[0]}  ended 2026-11-19T11:06:40Z       service:backup  mcp:tools",
        f"{ids[1]}  revoked 2026-11-18T11:06:40Z     service:backup  mcp:tools",
        f"{ids[2]}  good until 2026-11-21T11:06:40Z  service:backup  mcp:tools",
    ]
    assert not [key for key in keys if key[5:] in printed.out]


def test_what_is_revoked_stays_and_is_refused(run: Run, folder: Path) -> None:
    key = made(run)
    [known] = apikeyfiles.read(folder / "apikeys.json")

    printed = run(f"mcp-auth-ref apikey revoke {known.id}", KEYS)

    assert printed == Printed(
        0, "", f"revoked {known.id}; a server that follows the file refuses it within a second or so\n"
    )
    assert apikeyfiles.read(folder / "apikeys.json") == (known.revoked(now=NOW),)
    assert run("validate-mcp-token", {**KEYS, "MCP_TOKEN": key}).out == (
        "refused (token_revoked): the token has been revoked\n"
    )


def test_a_good_key_is_valid_and_shows_what_it_allows(run: Run) -> None:
    key = made(run)

    assert run("validate-mcp-token", {**KEYS, "MCP_TOKEN": key}) == Printed(
        0, "valid: service:backup, 7776000 seconds left\n", ""
    )
    assert '"scope": "mcp:tools"' in run("validate-mcp-token --json", {**KEYS, "MCP_TOKEN": key}).out


@pytest.mark.parametrize("scope", ["mcp:tokens:manage", "mcp:tokens", "mcp"])
def test_a_key_manages_tokens_only_where_somebody_says_so(run: Run, scope: str) -> None:
    """Our choice: least privilege; a broader scope implies it, too."""
    line = f"mcp-auth-ref apikey new --user-id service:admin --scope {scope}"

    assert [run(each, KEYS).code for each in (line, f"{line} --manage-tokens")] == [2, 0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("apikey new --user-id x", "Missing option '--scope'"),
        ("apikey new --user-id x --scope 'a b'", "write one scope word each time"),
        ("apikey new --user-id x --scope ''", "write one scope word each time"),
        ("apikey new --user-id x --scope a --days 367", "367 is not in the range"),
        ("apikey revoke other", "no API key has this id"),
    ],
)
def test_a_mistake_changes_nothing(run: Run, folder: Path, line: str, said: str) -> None:
    made(run)
    before = (folder / "apikeys.json").read_bytes()

    printed = run(f"mcp-auth-ref {line}", KEYS)

    assert (printed.code, printed.out) == (2, "")
    assert said in printed.err
    assert (folder / "apikeys.json").read_bytes() == before


@pytest.mark.parametrize("line", ["list", "revoke x"])
def test_a_file_that_is_not_there_is_named(run: Run, line: str) -> None:
    assert "apikeys.json is not there" in run(f"mcp-auth-ref apikey {line}", KEYS).err
    assert "There is no file for it" in run(f"mcp-auth-ref apikey {line}", SETTINGS).err
