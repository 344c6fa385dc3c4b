"""Drivers of command lines: each step is a process of its own, and the token is on the command line of none."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.scenario.driver import NODE, PATIENCE, Answered, Driver, Refused, Step

MODULES = Path(__file__).parents[2] / "node_modules"
ECHO = {"name": "echo", "arguments": {"text": "hello"}}

Ask: TypeAlias = Callable[[str, str | None, Mapping[str, Any] | None], Step]


def steps_of(ask: Ask) -> Driver:
    """Make a driver of what asks once: it lists the tools where there is no call to make."""

    def drive(origin: str, token: str | None) -> Sequence[Step]:
        steps: list[Step] = []
        for call in (None, ECHO, ECHO):
            steps.append(ask(origin, token, call))
            if isinstance(steps[-1], Refused):
                break
        return steps

    return drive


def inspector(origin: str, token: str | None, call: Mapping[str, Any] | None) -> Step:
    """Ask with the Inspector's command line, which takes the token from its file."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    configuration = {"mcpServers": {"guide": {"type": "http", "url": f"{origin}/mcp", "headers": headers}}}
    line = ["--cli", "--config", "mcp.json", "--server", "guide", "--quiet", "--stored-auth-only", "--format", "json"]
    if call is None:
        line += ["--method", "tools/list"]
    else:
        line += ["--method", "tools/call", "--tool-name", call["name"]]
        line += ["--tool-args-json", json.dumps(call["arguments"])]
    with tempfile.TemporaryDirectory() as home:
        Path(home, "mcp.json").write_text(json.dumps(configuration))
        ran = _run([MODULES / ".bin/mcp-inspector", *line], home)
    if ran.returncode:
        error = json.loads(ran.stderr)["error"]
        return Refused(f"exit {ran.returncode}, {error['code']}: {error['message']}")
    return _answered(json.loads(ran.stdout)["result"])


def curl_mcp(origin: str, token: str | None, call: Mapping[str, Any] | None) -> Step:
    """Ask the MCP endpoint with curl."""
    method = "tools/list" if call is None else "tools/call"
    document = {"jsonrpc": "2.0", "id": 1, "method": method, "params": call or {}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    status, answer = _curl(f"{origin}/mcp", token, document, headers)
    return _answered(answer["result"]) if status == 200 else _refused(status, answer)


def curl_gateway(origin: str, token: str | None, call: Mapping[str, Any] | None) -> Step:
    """Ask the gateway with curl."""
    tools = f"{origin}/api/v1/mcp/tools"
    if call is None:
        status, answer = _curl(tools, token, None, {})
    else:
        status, answer = _curl(f"{tools}/{call['name']}/execute", token, {"arguments": call["arguments"]}, {})
    return _answered(answer) if status == 200 else _refused(status, answer)


def _curl(
    url: str, token: str | None, document: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    if shutil.which("curl") is None and os.environ.get("CI") != "true":
        pytest.skip("curl is not on this machine")
    body = [] if document is None else ["--json", json.dumps(document)]
    lines = [f"{name}: {value}" for name, value in headers.items()]
    given = "\n".join(lines if token is None else [*lines, f"Authorization: Bearer {token}"])
    with tempfile.TemporaryDirectory() as home:
        ran = _run(["curl", "-sS", "-w", "\n%{http_code}", *body, "-H", "@-", url], home, f"{given}\n")
    answer, _, status = ran.stdout.rpartition("\n")
    return int(status), json.loads(answer)


def _answered(result: Mapping[str, Any]) -> Answered:
    if "tools" in result:
        return Answered(f"{len(result['tools'])} tools")
    structured = result.get("structuredContent", result.get("structured_content"))
    return Answered(str(structured["result"]))


def _refused(status: int, problem: Mapping[str, Any]) -> Refused:
    return Refused(f"{status} {problem['code']}: {problem['detail']}")


def _run(command: Sequence[str | Path], home: str, told: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.pathsep.join([str(NODE), os.environ["PATH"]]), "HOME": home}
    return subprocess.run(
        command,
        cwd=home,
        env=environment,
        input=told,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
