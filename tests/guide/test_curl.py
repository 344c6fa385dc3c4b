"""What the page on curl says, against what it shows."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from mcp_auth_ref import parse_challenges
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/clients/curl.md").read_text()
SHOWN = ROOT / "snippets/curl"
SCRIPTS = {path.stem: path.read_text() for path in SHOWN.glob("*.sh")}
METADATA = "$GATEWAY/.well-known/oauth-protected-resource"
USER_SCOPES = ("mcp:servers:read", "mcp:tools:read", "mcp:tools:execute")


def shown(name: str) -> str:
    return (SHOWN / f"{name}.out").read_text()


def document(name: str) -> dict[str, Any]:
    """Read the JSON of an output, with or without the head of its answer."""
    read: dict[str, Any] = json.loads(shown(name).rpartition("\n\n")[2])
    return read


def head(name: str) -> tuple[str, Mapping[str, str]]:
    """Read the status line and the header of an answer."""
    first, *fields = shown(name).partition("\n\n")[0].splitlines()
    return first, dict(field.split(": ", 1) for field in fields)


def test_the_page_has_as_many_calls_as_it_says() -> None:
    calls = [name for name, script in SCRIPTS.items() if re.search(r"\bcurl\b|^mcp '", script)]
    said = re.search(r"^description: .* (\d+) calls", PAGE, re.MULTILINE)

    assert said is not None
    assert len(calls) - len({"seen"}) == int(said[1])


def test_every_address_of_the_server_is_called() -> None:
    """The page says so. Metrics are for machines, and have a page of their own."""
    table = (ROOT / "snippets/http/routes.out").read_text()
    known = set(re.findall(r"^\| `(?:GET|POST) (\S+)`", table, re.MULTILINE)) - {"/metrics"}
    called = {
        re.sub(r"(?<=servers/)demo|(?<=tools/)\w+", "{name}", path)
        for script in SCRIPTS.values()
        for path in re.findall(r"\$GATEWAY(/[\w./-]*)", script)
    }

    assert called == known


def test_no_script_has_a_token_on_its_command_line() -> None:
    """A forged token is nobody's secret, and one script shows what the others avoid."""
    careless = [name for name, script in SCRIPTS.items() if re.search(r"curl[^|]*\$(MCP_TOKEN|NARROW|ADMIN)", script)]

    assert careless == ["seen"]
    assert set(re.findall(r"-H (@\w+\.txt)", "".join(SCRIPTS.values()))) == {"@ada.txt", "@narrow.txt", "@admin.txt"}


def test_who_can_read_the_token_is_what_the_run_has_seen() -> None:
    assert [line.split()[0] for line in shown("seen").splitlines()] == ["seen", *["hidden"] * 4]


def test_nothing_follows_a_redirect() -> None:
    assert not [name for name, script in SCRIPTS.items() if re.search(r" (-\w*L|--location)\b", script)]


def test_a_refresh_token_is_exchanged_and_taken_back() -> None:
    answer = document("refresh")

    assert (answer["token_type"], answer["scope"]) == ("Bearer", " ".join(USER_SCOPES))
    assert {"access_token", "refresh_token", "expires_in"} < set(answer)
    assert head("revoke")[0] == "HTTP/1.1 200 OK"


def test_introspection_is_refused_to_a_client_without_a_secret() -> None:
    """RFC 7662, section 2.1."""
    assert (head("introspect")[0], document("introspect")["error"]) == ("HTTP/1.1 401 Unauthorized", "invalid_client")


def test_there_are_no_public_keys_while_a_secret_signs() -> None:
    assert (head("jwks")[0], document("jwks")) == ("HTTP/1.1 200 OK", {"keys": []})


def test_a_tool_that_fails_is_no_failure_of_the_call() -> None:
    answer = document("fails")

    assert (answer["tool"], answer["is_error"]) == ("fail", True)
    assert "status" not in answer


@pytest.mark.parametrize(
    ("name", "status", "code", "scopes"),
    [
        ("none", "401 Unauthorized", None, USER_SCOPES),
        ("bad", "401 Unauthorized", "invalid_token", USER_SCOPES),
        ("scope", "403 Forbidden", "insufficient_scope", ("mcp:tools:execute", "mcp:tools:read")),
    ],
)
def test_a_challenge_says_what_to_get(name: str, status: str, code: str | None, scopes: tuple[str, ...]) -> None:
    """RFC 6750, section 3.1: without a token there is no error, and no reason while no signature holds."""
    line, fields = head(name)
    [challenge] = parse_challenges(fields["www-authenticate"])

    assert line == f"HTTP/1.1 {status}"
    assert (challenge.parameters.get("error"), challenge.scopes) == (code, scopes)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("role", 403, "insufficient_scope"),
        ("unknown", 404, "unknown_tool"),
        ("arguments", 422, "invalid_arguments"),
        ("slow", 504, "tool_timeout"),
    ],
)
def test_a_refusal_has_the_status_that_the_page_says(name: str, status: int, code: str) -> None:
    answer = document(name)

    assert (answer["status"], answer["code"]) == (status, code)
    assert answer["type"] == f"https://mcp-auth-ref.github.io/reference/errors/#{code}"


def test_the_wrong_role_is_a_missing_scope() -> None:
    assert document("role")["required_scopes"] == ["mcp:servers:manage"]


def test_the_gateway_and_the_protocol_give_the_same_answer() -> None:
    assert document("execute")["structured_content"] == document("mcp_call")["result"]["structuredContent"]
    assert shown("tools") == shown("mcp_list")
