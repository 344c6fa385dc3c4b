"""The page of errors and the tree of errors hold each other: each code has a section, each section a code."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from click.testing import CliRunner

from mcp_auth_ref import AuthError, RequireToken
from mcp_auth_ref.cli import main, validate
from mcp_auth_ref.core import errors
from mcp_auth_ref.server.problems import STATUS, refusal
from tests.guide.conftest import ROOT
from tests.server.world import METADATA_URL, NOW, VERIFIER, Recorder, ask, bearer, token

PRINTED = (ROOT / "snippets/errors/sections.out").read_text()
SECTIONS = {part.partition("`")[0]: part for part in re.split(r"^##+ `", PRINTED, flags=re.MULTILINE)[1:]}
EXAMPLES = [
    errors.InvalidToken(),
    errors.MalformedToken("it has 3 dots instead of two"),
    errors.UnsupportedAlgorithm(["HS256"]),
    errors.UnknownKey(),
    errors.MalformedApiKey("it is too short"),
    errors.UnknownApiKey(),
    errors.UnknownIssuer(),
    errors.BadSignature(),
    errors.RefusedClaims(),
    errors.WrongType(),
    errors.MissingClaim("sub"),
    errors.InvalidClaim("iat", "a number"),
    errors.WrongIssuer("http://127.0.0.1:8765"),
    errors.WrongAudience("http://127.0.0.1:8765/mcp"),
    errors.TokenExpired(100, 160),
    errors.TokenNotYetValid("iat", 160, 100),
    errors.TokenTooOld(100, 50),
    errors.TokenRevoked(),
    errors.TokenRefused("token_expired", "it expired"),
    errors.MissingToken(),
    errors.InvalidRequest("two headers"),
    errors.RateLimited(12, policy="subject", quota=600, window=60),
    errors.InsufficientScope(["mcp:tools:read"]),
    errors.InvalidClient(),
    errors.GrantRefused(),
    errors.InvalidGrant("the refresh token has expired unused"),
    errors.RefreshTokenReused(),
    errors.UnauthorizedClient(),
    errors.UnsupportedGrantType(["refresh_token"]),
    errors.InvalidScope(["mcp:servers:manage"]),
    errors.InvalidTarget("http://127.0.0.1:8765/mcp"),
    errors.StoreUnavailable("Redis: TimeoutError"),
    errors.MisdirectedHost(["127.0.0.1:8765"]),
    errors.ForbiddenOrigin(),
    errors.TokenNotChecked(),
    errors.UnknownAddress(),
    errors.MethodNotAllowed(),
    errors.BodyTooLarge(4194304),
    errors.UnsupportedMediaType(),
    errors.InvalidParameters(["body, timeout: it is not a number of seconds above 0, 30 at most"]),
    errors.InternalError(),
    errors.UnknownServer(["demo"]),
    errors.UnknownTool(),
    errors.InvalidArguments(["$.seconds: maximum 10"]),
    errors.ServerUnavailable("demo", "its process has ended"),
    errors.ToolTimeout("demo.sleep", 30),
    errors.ResultTooLarge("demo.read_file", 1024),
    errors.ServerDisconnected("demo"),
    errors.InvalidKey("it is too short"),
    errors.KeyInUse("old", "there is no newer one"),
    errors.ConfigurationError("MCP_LEEWAY", "it is not a number", "Set it to 30"),
    errors.CallFailed(),
    errors.Unreachable("http://127.0.0.1:8765", "nothing listens there"),
    errors.ConnectionLost("http://127.0.0.1:8765", "the server closed it"),
    errors.DeadlinePassed(60),
    errors.RedirectRefused(307, "http://127.0.0.1:8765/elsewhere"),
    errors.UnexpectedAnswer(200, "it is no JSON"),
    errors.CallRefused(404, None, "there is nothing at this address"),
    errors.RefreshUncertain("the connection broke"),
]
RAISED_BY_CLIENTS = [error for error in EXAMPLES if isinstance(error, errors.CallFailed | errors.TokenRefused)]
ANSWERED = [
    error for error in EXAMPLES if error not in RAISED_BY_CLIENTS and not STATUS.keys().isdisjoint(type(error).__mro__)
]
WITHOUT_STATUS = [error for error in EXAMPLES if error not in (*RAISED_BY_CLIENTS, *ANSWERED)]


def below(error: type[AuthError]) -> Iterator[type[AuthError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from below(kind)


def each(examples: Sequence[AuthError]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("error", [pytest.param(error, id=error.code) for error in examples])


def test_each_code_has_a_section_and_each_section_a_code() -> None:
    """In the order of the tree, which is the order in which a reader looks for one."""
    codes = [error.code for error in below(AuthError)]

    assert list(SECTIONS) == codes
    assert [error.code for error in EXAMPLES] == codes
    assert re.findall(r"^\| \[`(\w+)`\]\(#\1\) ", PRINTED, re.MULTILINE) == codes


def test_the_table_has_a_whole_row_for_each_code() -> None:
    table, _, _ = PRINTED.partition("\n\n")

    assert re.findall(r"^\| \[`(\w+)`\].* \|$", table, re.MULTILINE) == list(SECTIONS)


def test_the_address_in_an_answer_leads_to_the_section() -> None:
    """The site builds an anchor from each heading: here it must be the code itself."""
    command = [sys.executable, "-m", "markdown", "-x", "attr_list", "-x", "toc"]
    built = subprocess.run(command, input=PRINTED, capture_output=True, text=True, check=True)

    assert re.findall(r'<h3 id="([^"]+)">', built.stdout) == [error.code for error in EXAMPLES]
    assert errors.help_url("x") == "https://mcp-auth-ref.github.io/reference/errors/#x"


@each(EXAMPLES)
def test_a_section_says_what_explain_says(error: AuthError) -> None:
    explained = CliRunner().invoke(main, ["explain", error.code]).stdout
    section = SECTIONS[error.code].replace("**", "")

    words = [line.strip() for line in explained.splitlines()[:-1] if line.strip()]
    assert [line for line in words if line.removeprefix(f"{error.code}: ") not in section] == []
    assert len([line for line in words if line.startswith("- ")]) == section.count("\n- ") > 0


@each(ANSWERED)
def test_a_section_has_the_status_and_the_code_that_the_server_answers_with(error: AuthError) -> None:
    answer = refusal(error)

    assert f"\nHTTP {answer.status.value}, the caller learns `{answer.document['code']}` ·" in SECTIONS[error.code]
    assert re.search(rf"^\| \[`{error.code}`\].* HTTP {answer.status.value} \|$", PRINTED, re.MULTILINE)


@each(WITHOUT_STATUS)
def test_what_keeps_a_server_from_starting_or_a_command_from_its_deed_has_no_status(error: AuthError) -> None:
    assert isinstance(error, errors.KeyInUse | errors.ConfigurationError)
    assert "\nNot over HTTP ·" in SECTIONS[error.code]


@each(RAISED_BY_CLIENTS)
def test_what_a_client_raises_by_itself_has_no_status(error: AuthError) -> None:
    assert "\nRaised by a client ·" in SECTIONS[error.code]
    assert re.search(rf"^\| \[`{error.code}`\].*\. \|$", PRINTED, re.MULTILINE)


@each(EXAMPLES)
def test_a_section_names_the_exception_and_the_data_it_carries(error: AuthError) -> None:
    shown = re.search(r"in Python `(\w+)\((.*)\)`", SECTIONS[error.code])

    assert shown is not None
    assert shown[1] == type(error).__name__
    assert [name for name in shown[2].split(", ") if name] == list(vars(error))


def test_the_log_has_the_exact_code_and_the_caller_has_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    app = RequireToken(Recorder(), verifier=VERIFIER, metadata_url=METADATA_URL, clock=lambda: NOW)

    answer = ask(app, headers=bearer(token(secret=b"another-secret-that-nobody-here-has-heard-of")))

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert "bad_signature" not in answer.text
    assert "refused a request, bad_signature: the signature does not match" in caplog.text


def test_a_command_says_the_exact_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_JWT_SECRET", "demonstration-secret-never-use-it-in-production")
    expired = token(iat=0, exp=1)

    in_words = CliRunner().invoke(validate, ["--token", expired])
    as_json = CliRunner().invoke(validate, ["--token", expired, "--json"])

    assert in_words.stdout.startswith("refused (token_expired): ")
    assert json.loads(as_json.stdout)["error"]["code"] == "token_expired"


def test_a_secret_that_is_too_short_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_JWT_SECRET", "short")

    assert CliRunner().invoke(main, ["serve"]).exit_code == 2
