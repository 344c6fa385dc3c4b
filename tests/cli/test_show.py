"""`settings` and `explain`: what the program knows, shown."""

import re
from pathlib import Path

import pytest

from mcp_auth_ref.core.errors import AuthError, ConfigurationError, TokenExpired
from mcp_auth_ref.settings import Settings
from tests.cli.line import SECRET, Printed, Run

GUIDE = "https://mcp-auth-ref.github.io/reference/errors/#"


def test_settings_shows_each_value_and_where_it_comes_from(run: Run, folder: Path) -> None:
    (folder / ".env").write_text("MCP_JWT_SECRET_FILE=secret\nMCP_LEEWAY=10\n")
    (folder / "secret").write_text(f"{SECRET}\n")
    (folder / "secret").chmod(0o600)
    (folder / "mcp-auth-ref.toml").write_text('allowed_origins = ["https://a.example", "https://b.example"]\n')

    printed = run("mcp-auth-ref settings", {"MCP_CONFIG": "mcp-auth-ref.toml"})

    rows = [re.split(r" {2,}", line) for line in printed.out.splitlines()]
    assert (printed.code, printed.err, len(rows)) == (0, "", 1 + len(Settings.model_fields))
    assert [row for row in rows if row[2] != "default"] == [
        ["Variable", "Value", "From"],
        ["MCP_JWT_SECRET", f"hidden, {len(SECRET)} bytes", "file secret"],
        ["MCP_JWT_SECRET_FILE", "secret", ".env"],
        ["MCP_LEEWAY", "10", ".env"],
        ["MCP_ALLOWED_ORIGINS", "https://a.example, https://b.example", "mcp-auth-ref.toml"],
        ["MCP_CONFIG", "mcp-auth-ref.toml", "environment"],
    ]
    assert ["MCP_ISSUER", "http://127.0.0.1:8765", "default"] in rows
    assert ["[[issuers]]", "-", "default"] in rows


def test_settings_shows_what_there_is_even_where_nothing_could_start(run: Run) -> None:
    printed = run("mcp-auth-ref settings", {})

    assert (printed.code, printed.out.count("\n")) == (2, 1 + len(Settings.model_fields))
    assert printed.err.startswith("Error: MCP_JWT_SECRET: it is not set")
    assert printed.err.endswith(f"\nSee {GUIDE}configuration_error\n")
    assert run("mcp-auth-ref settings", {"MCP_AUTH_ENABLED": "false"}).code == 0


def test_a_wrong_setting_is_an_error_and_an_unknown_one_a_warning(run: Run) -> None:
    environ = {"MCP_LEWAY": "3", "MCP_JWT_SECRET": SECRET}

    printed = run("mcp-auth-ref settings", environ)
    assert (printed.code, printed.err) == (
        0,
        "Warning: MCP_LEWAY (environment) is no setting and does nothing. The nearest is MCP_LEEWAY\n",
    )
    assert run("mcp-auth-ref settings", {**environ, "MCP_LEEWAY": "x"}) == Printed(
        2,
        "",
        "Error: MCP_LEEWAY: it is not a whole number of seconds from 0 to 60. A right value is 30\n"
        f"See {GUIDE}configuration_error\n",
    )


def test_an_error_is_explained_from_its_own_words(run: Run) -> None:
    assert run("mcp-auth-ref explain token_expired", {}) == Printed(
        0,
        f"""token_expired: {TokenExpired.__doc__}

Usual causes:
  - {TokenExpired.causes[0]}
  - {TokenExpired.causes[1]}

Cure: {TokenExpired.cure}

See {GUIDE}token_expired
""",
        "",
    )


def subclasses(kind: type[AuthError]) -> list[type[AuthError]]:
    return [found for child in kind.__subclasses__() for found in (child, *subclasses(child))]


@pytest.mark.parametrize("error", subclasses(AuthError), ids=lambda error: str(error.code))
def test_every_error_can_be_explained(run: Run, error: type[AuthError]) -> None:
    printed = run(f"mcp-auth-ref explain {error.code}", {})

    assert printed.code == 0
    assert [text for text in (error.code, *error.causes, error.cure) if text not in printed.out] == []


def test_without_a_code_all_errors_are_listed(run: Run) -> None:
    lines = run("mcp-auth-ref explain", {}).out.splitlines()

    assert [line.split()[0] for line in lines] == [error.code for error in subclasses(AuthError)]
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("configuration_error ")] == [
        ConfigurationError.__doc__
    ]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("token_expird", "The nearest is token_expired."),
        ("zzz", "`mcp-auth-ref explain` lists them all."),
        ("auth_error", "`mcp-auth-ref explain` lists them all."),
        (SECRET, "`mcp-auth-ref explain` lists them all."),
    ],
)
def test_an_unknown_code_exits_with_2_and_names_the_nearest(run: Run, code: str, hint: str) -> None:
    printed = run(f"mcp-auth-ref explain {code}", {})

    assert (printed.code, printed.out) == (2, "")
    assert printed.err.endswith(f"\n\nError: There is no error with this code. {hint}\n")
    assert SECRET not in printed.err


def test_settings_shows_what_a_terminal_would_obey(run: Run, folder: Path) -> None:
    """CWE-150: a folder somebody else has made brings its `.env` along."""
    (folder / ".env").write_text('MCP_\x1b[2JLEEWAY=1\nMCP_FILES_ROOT="\x1b[2Jfiles"\n')

    printed = run("mcp-auth-ref settings", color=True)

    assert r"\x1b[2Jfiles  " in printed.out
    assert r"MCP_\x1b[2JLEEWAY (.env) is no setting" in printed.err
    assert "\x1b[2J" not in printed.out + printed.err
