"""`keys rotate`, `keys retire`, `secret rotate`, `secret retire`, and what `keys list` says meanwhile."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_auth_ref import KeySet, SigningKey, keyfiles
from mcp_auth_ref.cli.commands import rotate_keys
from mcp_auth_ref.core.rotation import PUBLISHED_BEFORE
from tests.cli.line import SECRET, Printed, Run
from tests.tokens import ISSUER, KEYS, NOW

DAY = 86_400
PAIRS = {"MCP_JWT_ALGORITHM": "ES256", "MCP_KEYS_FILE": "keys.json"}
SHARED = {"MCP_JWT_SECRET_FILE": "secrets"}
OLD = KEYS["ES256"]


@pytest.fixture(autouse=True)
def files(folder: Path, clock: Callable[[float], None]) -> None:
    """Put a key pair and a secret into files of their own, and stop the clock."""
    keyfiles.write(folder / "keys.json", KeySet([OLD]))
    keyfiles.write_secrets(folder / "secrets", KeySet([SigningKey.from_secret(SECRET.encode())]))


def uses(run: Run, environ: dict[str, str]) -> list[str]:
    """Say what each key does."""
    printed = run("mcp-auth-ref keys list", environ)
    return [line[50 : line.index(ISSUER)].strip() for line in printed.out.splitlines()]


def test_a_key_waits_for_as_long_as_its_set_is_cached_unless_told_otherwise() -> None:
    assert [option.default for option in rotate_keys.params if option.name == "after"] == [PUBLISHED_BEFORE]


@pytest.mark.parametrize(("group", "environ"), [("keys", PAIRS), ("secret", SHARED)])
def test_a_rotation_from_its_beginning_to_its_end(
    run: Run, clock: Callable[[float], None], group: str, environ: dict[str, str]
) -> None:
    """Publish, wait, sign, keep, drop."""
    rotated = run(f"mcp-auth-ref {group} rotate", environ)
    assert rotated.err == "it verifies from now on, and signs from 2026-11-18T11:12:40Z\n"
    assert uses(run, environ) == ["signs", "signs from 2026-11-18T11:12:40Z"]
    assert run(f"mcp-auth-ref {group} retire", environ).out == ""

    clock(NOW + 360)
    assert uses(run, environ) == ["verifies until 2026-11-19T11:13:10Z", "signs"]

    clock(NOW + 360 + DAY + 29)
    early = run(f"mcp-auth-ref {group} retire", environ)
    clock(NOW + 360 + DAY + 30)
    due = run(f"mcp-auth-ref {group} retire", environ)
    kid = rotated.out.strip()
    assert early == Printed(
        0, "", f"none could go: `mcp-auth-ref keys list` says until when each is needed; kid {kid} signs\n"
    )
    assert (due.code, due.err) == (0, f"1 gone; kid {kid} signs\n")
    assert uses(run, environ) == ["signs"]


@pytest.mark.parametrize(("group", "environ"), [("keys", PAIRS), ("secret", SHARED)])
def test_a_key_that_is_named_and_needed_is_not_dropped(run: Run, group: str, environ: dict[str, str]) -> None:
    kid = run("mcp-auth-ref keys list", environ).out.split()[0]
    run(f"mcp-auth-ref {group} rotate --after 0", environ)

    printed = run(f"mcp-auth-ref {group} retire {kid}", environ)

    assert printed == Printed(
        1,
        "",
        f"Error: the key {kid} cannot go yet: tokens that it signed may live for another 24.0 hours\n"
        "See https://mcp-auth-ref.github.io/reference/errors/#key_in_use\n",
    )
    assert len(uses(run, environ)) == 2


@pytest.mark.parametrize(("group", "environ"), [("keys", PAIRS), ("secret", SHARED)])
def test_a_key_that_has_leaked_is_replaced_at_once(run: Run, group: str, environ: dict[str, str]) -> None:
    kid = run("mcp-auth-ref keys list", environ).out.split()[0]

    printed = run(f"mcp-auth-ref {group} retire {kid} --now", environ)

    left = run("mcp-auth-ref keys list", environ).out.split()
    assert (printed.code, printed.out) == (0, f"{kid}\n")
    assert printed.err == f"1 gone; kid {left[0]} signs\n"
    assert left[0] != kid
    assert left[2] == "signs"


@pytest.mark.parametrize("kid", ["-UpJMWvDnsBC", "--leaked", "-f"])
def test_a_kid_that_begins_with_a_dash_is_no_option(run: Run, folder: Path, kid: str) -> None:
    """RFC 7638: a thumbprint in base64url may begin with any of its 64 characters."""
    leaked = SigningKey.from_pem(OLD.to_pem(), kid=kid)
    keyfiles.write(folder / "keys.json", KeySet([leaked]))

    refused = run(f"mcp-auth-ref keys retire {kid}", PAIRS)
    dropped = run(f"mcp-auth-ref keys retire {kid} --now", PAIRS)

    assert (refused.code, "no other key signs" in refused.err or kid in refused.err) == (1, True)
    assert (dropped.code, dropped.out) == (0, f"{kid}\n")


def test_a_new_key_is_of_the_kind_of_the_newest(run: Run, folder: Path) -> None:
    keyfiles.write(folder / "keys.json", KeySet([KEYS["ES256"], KEYS["EdDSA"]]))

    assert run("mcp-auth-ref keys rotate", {**PAIRS, "MCP_JWT_ALGORITHM": "EdDSA"}).code == 0
    assert keyfiles.read(folder / "keys.json").signing_key.algorithm == "EdDSA"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keys retire --now", "Error: --now is for one key: name its kid, as `mcp-auth-ref keys list` shows it.\n"),
        ("keys retire other", "Error: the key cannot be used: none of the keys has this kid\n"),
        ("keys rotate --after -1", "Error: Invalid value for '--after': -1 is not in the range x>=0.\n"),
        (
            "keys rotate --file missing/keys.json",
            "Error: Invalid value for '--file': missing/keys.json cannot be read and written: No such file",
        ),
        (
            "secret rotate --file missing",
            "Error: MCP_JWT_SECRET_FILE: the file it names cannot be read: No such file or directory.",
        ),
        ("keys rotate --file secrets", "Error: the key cannot be used: it is neither PEM nor JSON\n"),
    ],
)
def test_a_mistake_changes_nothing(run: Run, folder: Path, line: str, said: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    printed = run(f"mcp-auth-ref {line}", PAIRS)

    assert (printed.code, printed.out) == (2, "")
    assert said in printed.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("line", ["keys rotate", "keys retire", "secret rotate", "secret retire"])
def test_what_has_no_file_is_not_rotated(run: Run, line: str) -> None:
    assert "There is no file for it: give --file or set MCP_" in run(f"mcp-auth-ref {line}", {}).err


def test_no_secret_is_printed(run: Run, folder: Path) -> None:
    printed = [run(f"mcp-auth-ref {line}", SHARED) for line in ("secret rotate", "keys list", "secret retire")]

    secrets = [line.split()[0] for line in (folder / "secrets").read_text().splitlines()]
    assert len(secrets) == 2
    assert not [secret for secret in secrets for each in printed if secret in each.out + each.err]
