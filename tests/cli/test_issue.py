"""`token issue` and `generate-mcp-token`, which is the same."""

import json
from typing import Any

import pytest

from mcp_auth_ref import trust
from mcp_auth_ref.cli.commands import generate, token
from mcp_auth_ref.core import jws
from mcp_auth_ref.settings import Settings
from tests.cli.line import SECRET, SETTINGS, Printed, Run
from tests.tokens import ISSUER, NOW, RESOURCE
from tests.tokens import SECRET as PUBLISHED_SECRET

pytestmark = pytest.mark.usefixtures("clock")

USER_SCOPES = "mcp:servers:read mcp:tools:read mcp:tools:execute"


def payload_of(printed: Printed) -> dict[str, Any]:
    assert (printed.code, printed.err) == (0, "")
    text, newline, rest = printed.out.partition("\n")
    assert (newline, rest) == ("\n", "")
    return jws.payload(jws.read(text))


def test_the_two_names_are_one_command() -> None:
    assert generate is token.commands["issue"]


def test_the_token_alone_goes_to_standard_output(run: Run) -> None:
    """So that `TOKEN=$(generate-mcp-token …)` needs nothing more."""
    payload = payload_of(run("generate-mcp-token --user-id ada"))

    assert len(payload.pop("jti")) == 22
    assert payload == {
        "iss": ISSUER,
        "sub": "ada",
        "aud": RESOURCE,
        "client_id": "mcp-auth-ref-cli",
        "scope": USER_SCOPES,
        "iat": NOW,
        "exp": NOW + 3600,
        "role": "user",
    }


def test_the_server_of_the_same_settings_accepts_it(run: Run) -> None:
    printed = run("generate-mcp-token --user-id ada --username Ada --role admin")

    claims = trust.verifier_from(Settings.load(environ=SETTINGS)).verify(printed.out.strip(), now=NOW)
    assert (claims.subject, claims.username, claims.role) == ("ada", "Ada", "admin")


def test_every_token_has_an_id_of_its_own(run: Run) -> None:
    """RFC 9068, section 2.2."""
    assert len({payload_of(run("generate-mcp-token --user-id ada"))["jti"] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("options", "claims"),
    [
        ("--username 'Ada Lovelace'", {"username": "Ada Lovelace"}),
        (
            "--role superadmin",
            {"scope": f"{USER_SCOPES} mcp:servers:manage mcp:metrics:read mcp:tokens:manage", "role": "superadmin"},
        ),
        ("--role admin --scope mcp:tools:read --scope files:write", {"scope": "mcp:tools:read files:write"}),
        ("--expiry 0.5", {"exp": NOW + 1800}),
        ("--expiry 24", {"exp": NOW + 86400}),
        ("--client-id ci", {"client_id": "ci"}),
        ("--audience https://other.example/mcp", {"aud": "https://other.example/mcp"}),
        ("--claim team=infra --claim 'note=a=b c'", {"team": "infra", "note": "a=b c"}),
    ],
)
def test_an_option_sets_its_claim(run: Run, options: str, claims: dict[str, Any]) -> None:
    payload = payload_of(run(f"generate-mcp-token --user-id ada {options}"))

    assert {name: payload.get(name) for name in claims} == claims


def test_the_settings_say_how_long_a_token_lives(run: Run) -> None:
    environ = {**SETTINGS, "MCP_JWT_EXPIRY_HOURS": "0.25", "MCP_ISSUER": "https://login.example.com"}
    payload = payload_of(run("generate-mcp-token --user-id ada", environ=environ))

    assert (payload["iss"], payload["exp"]) == ("https://login.example.com", NOW + 900)


def test_json_has_the_token_and_what_it_says(run: Run) -> None:
    document = json.loads(run("generate-mcp-token --user-id ada --json").out)

    assert document == {
        "token": document["token"],
        "payload": jws.payload(jws.read(document["token"])),
        "expires_at": "2026-11-18T12:06:40Z",
    }


def test_the_secret_that_the_guide_publishes_is_warned_of(run: Run) -> None:
    printed = run("generate-mcp-token --user-id ada", {"MCP_JWT_SECRET": PUBLISHED_SECRET.decode()})

    assert (printed.code, printed.out.count("\n")) == (0, 1)
    assert printed.err == (
        "Warning: MCP_JWT_SECRET is the secret that the guide publishes: whoever reads it can sign tokens\n"
    )


LIFE = "a token lives from one second to MCP_MAX_TOKEN_AGE: 24 hours"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--user-id ada --expiry 24.001", f"Invalid value for '--expiry': {LIFE}"),
        ("--user-id ada --expiry 0", f"Invalid value for '--expiry': {LIFE}"),
        ("--user-id ada --expiry=-1", f"Invalid value for '--expiry': {LIFE}"),
        ("--user-id ada --expiry 0.0002", f"Invalid value for '--expiry': {LIFE}"),
        ("--user-id ada --expiry nan", f"Invalid value for '--expiry': {LIFE}"),
        ("--user-id ada --expiry inf", f"Invalid value for '--expiry': {LIFE}"),
        ("--user-id ada --expiry soon", "Invalid value for '--expiry': 'soon' is not a valid float."),
        ("", "Missing option '--user-id'."),
        (
            "--user-id ada --role root",
            "Invalid value for '--role': 'root' is not one of 'user', 'admin', 'superadmin'.",
        ),
        (
            "--user-id ada --audience http://other.example",
            (
                "Invalid value for '--audience': it is http outside loopback, where tokens would travel in the clear. "
                "Write it like https://mcp.example.com/mcp"
            ),
        ),
        ("--user-id ada --claim team", "Invalid value for '--claim': write each claim once, as NAME=TEXT"),
        ("--user-id ada --claim =infra", "Invalid value for '--claim': write each claim once, as NAME=TEXT"),
        ("--user-id ada --claim a=1 --claim a=2", "Invalid value for '--claim': write each claim once, as NAME=TEXT"),
        ("--user-id 'a\udcff'", "Invalid value for '--user-id': it is not UTF-8"),
        ("--user-id ada --claim 'a=\udcff'", "Invalid value for '--claim': it is not UTF-8"),
        (
            f"--user-id ada --secret {SECRET}",
            "No such option '--secret'. (Did you mean one of: '--scope', '--username'?)",
        ),
    ],
)
def test_a_wrong_option_is_refused(run: Run, options: str, message: str) -> None:
    printed = run(f"generate-mcp-token {options}")

    usage = "Usage: generate-mcp-token [OPTIONS]\nTry 'generate-mcp-token --help' for help.\n\n"
    assert printed == Printed(2, "", f"{usage}Error: {message}\n")


HELP = "See https://mcp-auth-ref.github.io/reference/errors/#"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--user-id ''", f"the token has no sub, or an empty one\n{HELP}missing_claim"),
        (
            "--user-id ada --claim sub=grace",
            f"the token's sub is not yours to set: it has an argument or a setting of its own\n{HELP}invalid_claim",
        ),
        (
            "--user-id ada --scope 'a  b'",
            f"the token's scope is not a list of scope words with one space between two\n{HELP}invalid_claim",
        ),
        (f"--user-id {'a' * 9000}", f"the token is malformed: it is longer than 8192 bytes\n{HELP}malformed_token"),
    ],
)
def test_a_token_that_nobody_would_accept_is_not_issued(run: Run, options: str, message: str) -> None:
    assert run(f"generate-mcp-token {options}") == Printed(2, "", f"Error: {message}\n")


def test_without_a_secret_nothing_is_signed(run: Run) -> None:
    """There is no default secret, and none is made up."""
    assert run("generate-mcp-token --user-id ada", {}) == Printed(
        2,
        "",
        "Error: MCP_JWT_SECRET: it is not set, and no token is signed or verified without. Put the output of "
        f"`mcp-auth-ref secret new` into it, or name a file with it in MCP_JWT_SECRET_FILE\n"
        f"{HELP}configuration_error\n",
    )


def test_a_weak_secret_is_refused_and_not_shown(run: Run) -> None:
    printed = run("generate-mcp-token --user-id ada", {"MCP_JWT_SECRET": "hunter2"})

    assert (printed.code, printed.out) == (2, "")
    assert printed.err.startswith("Error: MCP_JWT_SECRET: the secret has 7 bytes; HS256 needs at least 32. ")
    assert "hunter2" not in printed.err
