"""`token verify` and `validate-mcp-token`, which is the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_auth_ref.cli.commands import token as tokens
from mcp_auth_ref.cli.commands import validate
from mcp_auth_ref.core.keys import SigningKey
from tests.cli.line import SECRET, SETTINGS, Printed, Run, token
from tests.tokens import CLAIMS, HEADER, ISSUER, NOW, RESOURCE, forge, hs256

pytestmark = pytest.mark.usefixtures("clock")

HELP = "https://mcp-auth-ref.github.io/reference/errors/#"
GOOD = token()
EXPIRED = token(exp=NOW - 31)
FOREIGN = token("another-secret-0123456789-0123456789")
NO_TOKEN = "no-token"
KID = SigningKey.from_secret(SECRET.encode()).kid


def with_token(text: str) -> dict[str, str]:
    return {**SETTINGS, "MCP_TOKEN": text}


def test_the_two_names_are_one_command() -> None:
    assert validate is tokens.commands["verify"]


def test_a_valid_token_exits_with_0(run: Run) -> None:
    assert run("validate-mcp-token", with_token(GOOD)) == Printed(0, "valid: ada, 3600 seconds left\n", "")


@pytest.mark.parametrize(
    ("text", "line", "cure"),
    [
        (
            EXPIRED,
            "refused (token_expired): the token expired 31 seconds ago",
            "Get a new token. If it was fresh, compare the clocks of both machines and run NTP on both.",
        ),
        (
            FOREIGN,
            "refused (bad_signature): the signature does not match",
            "Compare the `kid` that `mcp-auth-ref keys list` prints on both sides: it is derived from the key.",
        ),
        (
            token(aud="https://other.example/mcp"),
            f"refused (wrong_audience): the token's aud does not name {RESOURCE}",
            "Ask for a token whose `resource` is this server's `MCP_RESOURCE_URL`, character for character.",
        ),
    ],
)
def test_a_refused_token_exits_with_1_and_says_why(run: Run, text: str, line: str, cure: str) -> None:
    """Here the reason is told: whoever runs this holds the server's settings."""
    code = line.partition("(")[2].partition(")")[0]

    assert run("validate-mcp-token", with_token(text)) == Printed(1, f"{line}\n", f"{cure}\nSee {HELP}{code}\n")


@pytest.mark.parametrize("line", ["validate-mcp-token --token {}", "mcp-auth-ref token verify --token {}"])
def test_a_token_comes_as_an_option(run: Run, line: str) -> None:
    assert run(line.format(GOOD)).code == 0
    assert run(line.format(GOOD), with_token(EXPIRED)).code == 0
    assert run(line.format(EXPIRED), with_token(GOOD)).code == 1


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_token_comes_from_a_file(run: Run, folder: Path, end: str) -> None:
    (folder / "token.txt").write_bytes(f"{GOOD}{end}".encode())

    assert run("validate-mcp-token --token-file token.txt", with_token(EXPIRED)).code == 0


def test_a_space_in_a_file_is_not_forgiven(run: Run, folder: Path) -> None:
    """What a server would refuse is refused here."""
    (folder / "token.txt").write_bytes(f"{GOOD} \n".encode())

    assert run("validate-mcp-token --token-file token.txt").code == 1


def test_verbose_shows_the_key_the_clock_and_the_claims(run: Run) -> None:
    text = forge({**HEADER, "kid": KID}, {**CLAIMS, "note": ["é", 1]}, lambda m: hs256(m, SECRET.encode()))

    assert run("validate-mcp-token --verbose", with_token(text)) == Printed(
        0,
        f"""valid: ada, 3600 seconds left
  alg        HS256
  kid        {KID}
  typ        at+jwt
  clock      2026-11-18T11:06:40Z
  iss        {ISSUER}
  sub        ada
  aud        {RESOURCE}
  client_id  cli
  scope      mcp:tools:read
  iat        1795000000 (2026-11-18T11:06:40Z)
  exp        1795003600 (2026-11-18T12:06:40Z)
  jti        0123456789abcdef
  note       ["é", 1]
""",
        "",
    )


def test_verbose_shows_what_a_rightly_signed_token_says_and_of_others_nothing(run: Run) -> None:
    """Until the signature holds, a claim is anybody's invention."""
    assert f"  iss        {ISSUER}\n" in run("validate-mcp-token --verbose", with_token(EXPIRED)).out
    assert run("validate-mcp-token --verbose", with_token(FOREIGN)).out == (
        "refused (bad_signature): the signature does not match\n"
    )


ERROR = {"code": "token_expired", "message": "the token expired 31 seconds ago", "help": f"{HELP}token_expired"}


@pytest.mark.parametrize(
    ("text", "code", "document"),
    [
        (GOOD, 0, {"valid": True, "verified": True, "error": None, "payload": CLAIMS, "time_remaining": 3600}),
        (
            EXPIRED,
            1,
            {
                "valid": False,
                "verified": True,
                "error": ERROR,
                "payload": {**CLAIMS, "exp": NOW - 31},
                "time_remaining": -31,
            },
        ),
        (
            FOREIGN,
            1,
            {
                "valid": False,
                "verified": False,
                "error": {
                    "code": "bad_signature",
                    "message": "the signature does not match",
                    "help": f"{HELP}bad_signature",
                },
                "payload": None,
                "time_remaining": None,
            },
        ),
    ],
)
def test_json_has_these_members(run: Run, text: str, code: int, document: dict[str, Any]) -> None:
    """The contract with scripts. `verified` says that the signature holds, so that the payload is the issuer's."""
    printed = run("validate-mcp-token --json", with_token(text))

    assert (printed.code, json.loads(printed.out), printed.err) == (code, document, "")


def test_a_rightly_signed_token_that_cannot_be_read_has_no_payload(run: Run) -> None:
    text = forge({"alg": "HS256", "typ": "JWT"}, b"{", lambda message: hs256(message, SECRET.encode()))

    document = json.loads(run("validate-mcp-token --json", with_token(text)).out)

    assert (document["error"]["code"], document["verified"], document["payload"]) == ("wrong_type", True, None)


@pytest.mark.parametrize("line", ["validate-mcp-token --no-verify", "mcp-auth-ref token inspect"])
def test_looking_is_not_verifying(run: Run, line: str) -> None:
    """The guide this one replaces had a validator that called a forged token valid."""
    printed = run(f"{line} --json", {"MCP_TOKEN": FOREIGN})

    document = {"valid": None, "verified": False, "error": None, "payload": CLAIMS, "time_remaining": 3600}
    assert (printed.code, json.loads(printed.out)) == (0, document)
    assert run(line, {"MCP_TOKEN": FOREIGN}).out.splitlines()[:2] == [
        "NOT VERIFIED: anybody can write a token that says this",
        "  alg        HS256",
    ]
    assert run(line, {"MCP_TOKEN": FOREIGN}, color=True).out.startswith("\x1b[31m\x1b[1mNOT VERIFIED\x1b[0m: ")


def test_what_cannot_be_read_is_refused_even_without_verifying(run: Run) -> None:
    printed = run("mcp-auth-ref token inspect", {"MCP_TOKEN": NO_TOKEN})

    assert printed.code == 1
    assert printed.out.startswith("refused (malformed_token): the token is malformed: ")


def test_a_hostile_token_does_not_command_the_terminal(run: Run) -> None:
    """Terminals obey what they are sent: colours, titles, text written backwards."""
    hostile = forge(HEADER, {"\x1b[2J": "\x1b]0;title\x07\u202e\x7f\x9b31m", "sub": "a\nvalid: ada"})

    printed = run("mcp-auth-ref token inspect", {"MCP_TOKEN": hostile}, color=True)

    assert printed.out.splitlines()[-2:] == [
        r"  \x1b[2J  \x1b]0;title\x07\u202e\x7f\x9b31m",
        r"  sub      a\nvalid: ada",
    ]


@pytest.mark.parametrize("date", [True, "1795000000", 1e300, -1e300, None, [1], {}])
def test_a_date_that_is_none_is_shown_as_it_is(run: Run, date: object) -> None:
    printed = run("mcp-auth-ref token inspect --json", {"MCP_TOKEN": forge(HEADER, {**CLAIMS, "exp": date})})

    document = json.loads(printed.out)
    assert (printed.code, document["payload"]["exp"], document["time_remaining"]) == (0, date, None)


def test_many_tokens_come_on_standard_input(run: Run) -> None:
    stdin = f"{GOOD}\n\n{EXPIRED}\r\n  \n{NO_TOKEN}\n{GOOD}".encode()

    assert run("validate-mcp-token -", stdin=stdin) == Printed(
        1,
        "1: valid: ada, 3600 seconds left\n"
        "2: refused (token_expired): the token expired 31 seconds ago\n"
        "3: refused (malformed_token): the token is malformed: it should have three parts and has 1\n"
        "4: valid: ada, 3600 seconds left\n",
        "4 tokens, 2 refused\n",
    )
    assert run("validate-mcp-token -", stdin=GOOD.encode()) == Printed(
        0, "1: valid: ada, 3600 seconds left\n", "1 token, 0 refused\n"
    )


def test_many_tokens_as_json_are_a_line_each(run: Run) -> None:
    printed = run("validate-mcp-token - --json", stdin=f"{GOOD}\n{EXPIRED}\n".encode())

    assert [json.loads(line)["valid"] for line in printed.out.splitlines()] == [True, False]


def test_many_tokens_can_be_looked_at_as_well(run: Run) -> None:
    printed = run("mcp-auth-ref token inspect -", {}, stdin=f"{GOOD}\n{FOREIGN}\n".encode())

    assert (printed.code, printed.err) == (0, "2 tokens, 0 refused\n")
    assert printed.out.count("NOT VERIFIED") == 2


def test_bytes_that_are_no_text_are_refused_like_any_other_token(run: Run, folder: Path) -> None:
    (folder / "token.bin").write_bytes(bytes(range(256)))

    assert run("validate-mcp-token --token-file token.bin").code == 1
    assert run("validate-mcp-token -", stdin=b"\xff\xfe\x00\n").code == 1
    assert run("validate-mcp-token", with_token("\udcff\udcfe")).code == 1


WAYS = "Give it with --token-file, in MCP_TOKEN, or on standard input with -."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", f"There is no token. {WAYS}"),
        ("-", "There is no token on standard input."),
        (GOOD, f"A token is not an argument. {WAYS}"),
        (f"- {GOOD}", f"A token is not an argument. {WAYS}"),
        (f"- --token {GOOD}", "There are several tokens. Give one in one way, or many on standard input with -."),
        (
            f"--token {GOOD} --token-file token.txt",
            "There are several tokens. Give one in one way, or many on standard input with -.",
        ),
        ("--token-file missing", "Invalid value for '--token-file': it cannot be read: No such file or directory"),
        (
            f"--token-file {GOOD[:200]}",
            "Invalid value for '--token-file': it cannot be read: No such file or directory",
        ),
        (f"--token-file {GOOD}", "Invalid value for '--token-file': it cannot be read: File name too long"),
        (f"--tokn={GOOD}", "No such option '--tokn'. (Did you mean one of: '--json', '--token', '--token-file'?)"),
        (f"--token{GOOD}", "No such option '…'."),
    ],
)
def test_a_wrong_use_exits_with_2_and_shows_no_token(run: Run, words: str, message: str) -> None:
    """An empty pipe is no success, and what was typed by mistake may be a token."""
    printed = run(f"validate-mcp-token {words}")

    usage = "Usage: validate-mcp-token [OPTIONS] [-]\nTry 'validate-mcp-token --help' for help.\n\n"
    assert printed == Printed(2, "", f"{usage}Error: {message}\n")


def test_without_keys_nothing_is_valid(run: Run) -> None:
    printed = run("validate-mcp-token", {"MCP_TOKEN": GOOD})

    assert (printed.code, printed.out) == (2, "")
    assert printed.err.startswith("Error: MCP_JWT_SECRET: it is not set")


def test_the_settings_decide_what_is_valid(run: Run, clock: Callable[[float], None]) -> None:
    environ = {**with_token(GOOD), "MCP_LEEWAY": "0", "MCP_MAX_TOKEN_AGE": "3600"}

    clock(NOW + 3599.9)
    assert run("validate-mcp-token", environ).out == "valid: ada, 0 seconds left\n"
    clock(NOW + 3600)
    assert run("validate-mcp-token", environ).out == "refused (token_expired): the token expired 0 seconds ago\n"
    clock(NOW + 3605)
    assert run("validate-mcp-token", with_token(GOOD)).out == "valid: ada, -5 seconds left\n"


def test_no_output_shows_a_refused_token_or_the_secret(run: Run) -> None:
    for options in ("", "--verbose", "--json", "--no-verify"):
        for text in (GOOD, EXPIRED, FOREIGN, NO_TOKEN * 9):
            printed = run(f"validate-mcp-token {options}", with_token(text))
            assert text not in printed.out + printed.err
            assert SECRET not in printed.out + printed.err


def test_a_revoked_token_is_refused(run: Run) -> None:
    """RFC 7009, section 2.1: the revocation takes place at once."""
    run("mcp-auth-ref token revoke", with_token(GOOD))
    printed = run("validate-mcp-token --json", with_token(GOOD))

    document = json.loads(printed.out)
    assert printed.code == 1
    assert (document["valid"], document["verified"], document["error"]["code"]) == (False, True, "token_revoked")
    assert run("validate-mcp-token", with_token(token(jti="another"))).code == 0


def test_an_api_key_is_refused_with_its_subject(run: Run, clock: Callable[[float], None]) -> None:
    environ = {**SETTINGS, "MCP_API_KEYS_FILE": "api-keys.json"}
    key = run("mcp-auth-ref apikey new --user-id robot --scope mcp:tools", environ).out.strip()

    before = run("validate-mcp-token", {**environ, "MCP_TOKEN": key}).code
    clock(NOW + 1)
    run("mcp-auth-ref token revoke --subject robot", environ)

    assert (before, run("validate-mcp-token", {**environ, "MCP_TOKEN": key}).code) == (0, 1)


@pytest.mark.parametrize("store", ["memory:", "sqlite:///.mcp/store.db"])
def test_no_store_is_made_to_ask_it(run: Run, folder: Path, store: str) -> None:
    """Our choice: to look at a token writes nothing."""
    assert run("validate-mcp-token", {**with_token(GOOD), "MCP_STORE_URL": store}).code == 0
    assert list(folder.iterdir()) == []


def test_while_the_store_is_silent_nobody_can_tell(run: Run) -> None:
    """Our choice: a server lets nobody in then."""
    environ = {"MCP_STORE_URL": "redis://127.0.0.1:1/0"}

    valid = run("validate-mcp-token", {**with_token(GOOD), **environ})
    forged = run("validate-mcp-token", {**with_token(FOREIGN), **environ})

    assert (valid.code, valid.out, forged.code) == (2, "", 1)
    assert "store_unavailable" in valid.err
