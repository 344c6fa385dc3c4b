"""Commands that decide something write it down, and `audit verify` names what was changed since."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_auth_ref.audit.files import files_of, head_of
from tests.cli.line import SETTINGS, Printed, Run

SEALED = {**SETTINGS, "MCP_AUDIT_KEY_FILE": "audit-key"}
ISSUE = "generate-mcp-token --user-id {}"
VERIFY = "mcp-auth-ref audit verify"
LOG = Path(".mcp/audit.log")


@pytest.fixture
def log(folder: Path, run: Run, clock: Callable[[float], None]) -> Path:
    """Give a sealed log of four lines: one that opens it, and one for each token."""
    (folder / "audit-key").write_text(run("mcp-auth-ref secret new").out)
    for name in ("ada", "bob", "cleo"):
        run(ISSUE.format(name), SEALED)
    return folder / LOG


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_token_that_is_issued_is_a_line(folder: Path, run: Run, clock: Callable[[float], None]) -> None:
    printed = run(f"{ISSUE.format('ada')} --client-id cli --json")
    document = json.loads(printed.out)

    assert printed.err == ""
    assert lines(folder / LOG) == [
        {
            "time": "2026-11-18T11:06:40.000Z",
            "event": "issue",
            "subject": "ada",
            "actor": pwd.getpwuid(os.geteuid()).pw_name,
            "client_id": "cli",
            "token_id": document["payload"]["jti"],
        }
    ]


def test_keys_that_come_and_go_are_lines(folder: Path, run: Run) -> None:
    keys = {**SETTINGS, "MCP_KEYS_FILE": "keys.json", "MCP_JWT_ALGORITHM": "ES256"}
    first = run("mcp-auth-ref keys new", keys).out.strip()
    second = run("mcp-auth-ref keys rotate", keys).out.strip()
    run(f"mcp-auth-ref keys retire {second} --now", keys)

    told = [(line["event"], line["key"]) for line in lines(folder / LOG)]

    assert told == [("rotate", first), ("rotate", second), ("revoke", second)]


def test_the_token_itself_is_in_no_line(folder: Path, run: Run) -> None:
    token = run(ISSUE.format("ada")).out.strip()

    text = (folder / LOG).read_text()
    assert not any(part in text for part in token.split("."))


def test_without_an_audit_log_nothing_is_made(folder: Path, run: Run) -> None:
    run(ISSUE.format("ada"), {**SETTINGS, "MCP_AUDIT_ENABLED": "false"})

    assert list(folder.iterdir()) == []


def test_a_line_for_a_stream_leaves_standard_output_to_the_token(run: Run) -> None:
    printed = run(ISSUE.format("ada"), {**SETTINGS, "MCP_AUDIT_LOG_PATH": "-"})

    assert printed.out.count(".") == 2
    assert json.loads(printed.err)["event"] == "issue"


def test_a_log_that_cannot_be_written_stops_no_command(
    folder: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / ".mcp").touch()

    assert run(ISSUE.format("ada")).code == 0
    assert caplog.messages[0].startswith("the audit log .mcp/audit.log cannot be written: ")


def test_a_log_as_it_was_written_is_whole(log: Path, run: Run) -> None:
    assert run(VERIFY, SEALED) == Printed(0, "whole: lines 1 to 4, in 1 file\n", "")


def change(log: Path) -> None:
    log.write_text(log.read_text().replace("bob", "eve"))


def remove(log: Path) -> None:
    text = log.read_text().splitlines(keepends=True)
    log.write_text("".join([*text[:2], *text[3:]]))


def cut(log: Path) -> None:
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))


def lose(log: Path) -> None:
    log.unlink()


def lose_head(log: Path) -> None:
    head_of(log).unlink()


def change_head(log: Path) -> None:
    head_of(log).write_text(head_of(log).read_text().replace('"seq": 4', '"seq": 2'))


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (change, "audit.log, line 3: it has been changed"),
        (remove, "audit.log, line 3: line 3 of the log is missing before it"),
        (cut, "audit.log: line 4 of the log is missing at the end"),
        (lose, "audit.log: there is no line in it"),
        (lose_head, "audit.log.head: it is gone, and with it the count of the lines"),
        (change_head, "audit.log.head: it has been changed"),
    ],
)
def test_what_was_changed_is_named(log: Path, run: Run, tamper: Callable[[Path], None], problem: str) -> None:
    tamper(log)

    assert run(VERIFY, SEALED) == Printed(1, f"broken: {problem}\n", "")


def test_who_has_counted_the_lines_sees_a_log_put_back_with_its_head(log: Path, run: Run) -> None:
    before = log.read_bytes(), head_of(log).read_bytes()
    run(ISSUE.format("dan"), SEALED)
    log.write_bytes(before[0])
    head_of(log).write_bytes(before[1])

    assert run(VERIFY, SEALED).code == 0
    assert run(f"{VERIFY} --at-least 5", SEALED) == Printed(
        1,
        "broken: audit.log: line 5 of the log is missing at the end\n",
        "",
    )


def test_files_that_are_named_are_followed_in_that_order(log: Path, run: Run) -> None:
    small = {**SEALED, "MCP_AUDIT_MAX_BYTES": "4096"}
    for number in range(14):
        run(ISSUE.format(f"user-{number}"), small)
    older, newest = files_of(log)
    copies = [file.rename(log.parents[1] / f"copy-{number}") for number, file in enumerate((older, newest))]

    assert run(f"{VERIFY} --file {copies[0]} --file {copies[1]}", SEALED) == Printed(
        0,
        "whole: lines 1 to 19, in 2 files\n",
        "There is no head beside the last file: lines cut from its end would not show.\n",
    )
    assert run(f"{VERIFY} --file {copies[1]} --file {copies[0]}", SEALED).code == 1


def test_without_the_key_nothing_is_verified(run: Run) -> None:
    printed = run(VERIFY)

    assert (printed.code, printed.err.splitlines()[0]) == (
        2,
        "Error: MCP_AUDIT_KEY_FILE: it is missing. Name the file with the key that has sealed the log",
    )


def test_a_file_that_is_not_there_is_a_mistake(log: Path, run: Run) -> None:
    printed = run(f"{VERIFY} --file nowhere", SEALED)

    assert (printed.code, printed.out) == (2, "")
    assert "nowhere cannot be read: No such file or directory" in printed.err


def test_a_log_on_standard_output_has_no_file_to_look_for(log: Path, run: Run) -> None:
    printed = run(VERIFY, {**SETTINGS, "MCP_AUDIT_LOG_PATH": "-"})

    assert printed.code == 2
