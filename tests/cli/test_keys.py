"""`keys new`, `keys list`, `keys jwks`, `secret new`."""

import json
import re
from pathlib import Path

import pytest

from mcp_auth_ref import keyfiles
from mcp_auth_ref.core.keys import KeySet, SigningKey
from tests.cli.line import SECRET, SETTINGS, Printed, Run
from tests.tokens import ISSUER, KEYS

PAIRS = {"MCP_JWT_ALGORITHM": "ES256", "MCP_KEYS_FILE": "keys.json"}
USAGE = "Usage: mcp-auth-ref keys new [OPTIONS]\nTry 'mcp-auth-ref keys new --help' for help.\n\n"


def test_a_secret_is_alone_on_standard_output_and_strong(run: Run) -> None:
    """RFC 7518, section 3.2: 256 bits. In letters, digits, - and _ no shell and no `.env` reads it otherwise."""
    secrets = [run("mcp-auth-ref secret new", {}) for _ in range(50)]

    assert {(printed.code, printed.err) for printed in secrets} == {(0, "")}
    assert all(re.fullmatch(r"[\w-]{43}\n", printed.out, re.ASCII) for printed in secrets)
    assert len(set(secrets)) == 50


def test_a_secret_can_be_used_at_once(run: Run) -> None:
    secret = run("mcp-auth-ref secret new", {}).out.strip()

    assert run("mcp-auth-ref settings", {"MCP_JWT_SECRET": secret}).code == 0


def test_a_new_key_goes_to_the_end_of_the_file_and_signs(run: Run, folder: Path) -> None:
    first = run("mcp-auth-ref keys new", PAIRS)
    second = run("mcp-auth-ref keys new --algorithm EdDSA", PAIRS)

    keys = keyfiles.read(folder / "keys.json")
    assert [(key.algorithm, f"{key.kid}\n") for key in keys.keys] == [("ES256", first.out), ("EdDSA", second.out)]
    assert keys.signing_key is keys.keys[1]
    assert first.err == "keys.json holds it, with 0 older; it signs with ES256 from now on\n"
    assert second.err == "keys.json holds it, with 1 older; it signs with EdDSA from now on\n"


def test_a_new_key_needs_no_settings_but_a_file(run: Run, folder: Path) -> None:
    assert run("mcp-auth-ref keys new --file here.json", {}).code == 0

    assert keyfiles.read(folder / "here.json").signing_key.algorithm == "ES256"


def test_a_new_key_is_of_the_kind_that_the_settings_ask_for(run: Run, folder: Path) -> None:
    assert run("mcp-auth-ref keys new", {**PAIRS, "MCP_JWT_ALGORITHM": "EdDSA"}).code == 0

    assert keyfiles.read(folder / "keys.json").signing_key.algorithm == "EdDSA"


def test_a_new_key_needs_a_place(run: Run, folder: Path) -> None:
    assert run("mcp-auth-ref keys new", {}) == Printed(
        2, "", f"{USAGE}Error: There is no file for it: give --file or set MCP_KEYS_FILE.\n"
    )
    assert run("mcp-auth-ref keys new --file missing/keys.json", {}) == Printed(
        2,
        "",
        f"{USAGE}Error: Invalid value for '--file': missing/keys.json cannot be read and written: "
        "No such file or directory\n",
    )
    assert list(folder.iterdir()) == []


def test_a_file_that_holds_something_else_is_not_overwritten(run: Run, folder: Path) -> None:
    (folder / "keys.json").write_text("my notes")

    printed = run("mcp-auth-ref keys new --file keys.json", {})

    assert (printed.code, printed.out) == (2, "")
    assert printed.err.startswith("Error: the key cannot be used: it is neither PEM nor JSON\n")
    assert (folder / "keys.json").read_text() == "my notes"


def test_the_list_tells_two_secrets_apart_and_shows_neither(run: Run) -> None:
    """Two machines compare their `kid`s when a signature does not match."""
    key = SigningKey.from_secret(SECRET.encode())

    assert run("mcp-auth-ref keys list") == Printed(0, f"{key.kid:<43}  HS256  signs  {ISSUER}\n", "")
    assert key.kid not in run("mcp-auth-ref keys list", {"MCP_JWT_SECRET": SECRET[::-1]}).out


def test_the_list_says_what_each_key_is_for(run: Run, folder: Path) -> None:
    keyfiles.write(folder / "keys.json", KeySet([KEYS["RS256"], KEYS["ES256"]]))
    (folder / "theirs.json").write_text(json.dumps(KeySet([KEYS["EdDSA"]]).jwks()))
    (folder / "shared").write_text(SECRET)
    (folder / "mcp-auth-ref.toml").write_text("""
        [[issuers]]
        issuer = "https://login.example.com"
        algorithms = ["EdDSA"]
        jwks_file = "theirs.json"

        [[issuers]]
        issuer = "https://ci.example.com"
        algorithms = ["HS256"]
        secret_file = "shared"
    """)

    printed = run("mcp-auth-ref keys list", {**PAIRS, "MCP_CONFIG": "mcp-auth-ref.toml"})

    assert [line.split(maxsplit=2) for line in printed.out.splitlines()] == [
        [KEYS["RS256"].kid, "RS256", f"verifies  {ISSUER}"],
        [KEYS["ES256"].kid, "ES256", f"signs     {ISSUER}"],
        [KEYS["EdDSA"].kid, "EdDSA", "verifies  https://login.example.com"],
        [SigningKey.from_secret(SECRET.encode()).kid, "HS256", "verifies  https://ci.example.com"],
    ]


def test_the_public_set_has_public_keys_only(run: Run, folder: Path) -> None:
    keys = KeySet([KEYS["RS256"], KEYS["ES256"]])
    keyfiles.write(folder / "keys.json", keys)

    printed = run("mcp-auth-ref keys jwks", PAIRS)

    assert (printed.code, json.loads(printed.out), printed.err) == (0, keys.jwks(), "")
    assert run("mcp-auth-ref keys jwks", SETTINGS).out == '{\n  "keys": []\n}\n'


HOSTILE = "\x1b]0;title\x07\nkid  ES256  signs"
PARTNER = """
[[issuers]]
issuer = "https://login.example.com"
algorithms = ["{}"]
jwks_file = "partner.json"
"""


@pytest.mark.parametrize(("algorithm", "code"), [("ES256", 0), ("RS256", 2)])
def test_the_kid_of_a_partner_is_shown_and_not_obeyed(run: Run, folder: Path, algorithm: str, code: int) -> None:
    """CWE-150: who publishes a key set chooses its kids."""
    jwk = {**(keyfiles.generate("ES256").public_jwk() or {}), "kid": HOSTILE}
    (folder / "partner.json").write_text(json.dumps({"keys": [jwk]}))
    (folder / "config.toml").write_text(PARTNER.format(algorithm))

    printed = run("mcp-auth-ref keys list", {**SETTINGS, "MCP_CONFIG": "config.toml"}, color=True)

    assert printed.code == code
    assert r"\x1b]0;title\x07\nkid  ES256  signs" in printed.out + printed.err
    assert "\x1b" not in printed.out + printed.err
