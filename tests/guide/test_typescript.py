"""What the page on TypeScript says, against what it shows and against servers that mean no good."""

import gzip
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mcp_auth_ref.core import errors
from tests.guide.checkers import typescript
from tests.guide.conftest import ROOT
from tests.serving import Served, serving

PAGE = (ROOT / "docs/clients/typescript.md").read_text()
SHOWN = ROOT / "snippets/typescript"
PROGRAM = ROOT / "tests/guide/errors_of.ts"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"


def shown(name: str) -> str:
    return (SHOWN / f"{name}.out").read_text()


JSON, PROBLEM = "application/json", "application/problem+json"
LIMITED = b'{"status": 429, "code": "rate_limited", "detail": "too many requests"}'
FRESH = b'{"status": 409, "code": "of_tomorrow", "detail": "a code of tomorrow"}'
ANSWERS: Mapping[str, tuple[int, str, bytes, Mapping[str, str]]] = {
    "redirect": (307, JSON, b"{}", {"Location": "/stolen"}),
    "page": (200, "text/html", b"<p>Log in</p>", {}),
    "broken": (200, JSON, b'{"name": ', {}),
    "array": (200, JSON, b"[]", {}),
    "proxy": (502, "text/html", b"<h1>Bad gateway</h1>", {}),
    "large": (200, JSON, b" " * (8 * 1024 * 1024 + 1), {}),
    "limited": (429, PROBLEM, LIMITED, {"Retry-After": "7"}),
    "fresh": (409, PROBLEM, FRESH, {}),
    "dated": (429, PROBLEM, LIMITED, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}),
    "inherited": (400, PROBLEM, FRESH.replace(b"of_tomorrow", b"constructor"), {}),
    "echo": (400, PROBLEM, FRESH.replace(b"a code", f"\\u001b[2J{TOKEN}".encode()), {}),
    "bomb": (200, JSON, gzip.compress(b" " * (8 * 1024 * 1024 + 1)), {"Content-Encoding": "gzip"}),
}


class Hostile(BaseHTTPRequestHandler):
    """Answer each tool in the wrong way that it is named for, and note who asked for what."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        """Answer, drip, or hang up."""
        type(self).asked.append((self.path, self.headers["Authorization"]))
        tool = self.path.rpartition("/")[2]
        with suppress(OSError):
            if tool in ANSWERS:
                self._answer(*ANSWERS[tool])
            elif tool == "drip":
                self._drip()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.wfile.write(b" ")
            time.sleep(0.05)


@contextmanager
def hostile() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Hostile.asked.clear()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("typescript")) as server:
        yield server


def errors_of(
    served: Served, origin: str, *tools: str, token: str = TOKEN, limit: int = 30_000, **more: str
) -> list[dict[str, Any]]:
    """Run the client against a server that answers each tool wrongly; give the errors, and whether they leak."""
    environment = {"MCP_ORIGIN": origin, "MCP_TOKEN": token, "LIMIT": str(limit), **more}
    done = served.run("node", str(PROGRAM), *tools, **environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_program_of_these_tests_compiles() -> None:
    assert typescript([PROGRAM], ROOT) == []


def test_the_client_has_the_methods_of_the_one_in_python() -> None:
    source = (SHOWN / "mcp-client.ts").read_text()

    for method in ("listServers", "connect", "disconnect", "listTools", "getTool", "execute", "health"):
        assert f"  async {method}(" in source


def test_no_redirect_is_followed(served: Served) -> None:
    with hostile() as origin:
        [error] = errors_of(served, origin, "redirect")

    assert (error["name"], error["status"]) == ("UnexpectedAnswer", 307)
    assert Hostile.asked == [("/api/v1/mcp/tools/redirect", f"Bearer {TOKEN}")]


def test_what_is_no_answer_of_the_gateway_is_an_error_and_not_a_result(served: Served) -> None:
    with hostile() as origin:
        refusals = errors_of(served, origin, "page", "broken", "array", "proxy", "large", "bomb")

    assert [(error["name"], error["code"]) for error in refusals] == [("UnexpectedAnswer", "unexpected_answer")] * 6
    assert [error["status"] for error in refusals] == [200, 200, 200, 502, 0, 0]


def test_a_limit_of_requests_says_when_to_come_again(served: Served) -> None:
    with hostile() as origin:
        [error] = errors_of(served, origin, "limited")

    assert (error["name"], error["code"], error["retryAfter"]) == ("RateLimited", "rate_limited", 7)


def test_the_limit_of_the_server_itself_says_so_too(tmp_path: Path) -> None:
    with serving(tmp_path, MCP_RATE_LIMIT_REQUESTS="1") as limited:
        refusals = errors_of(limited, limited.origin, "first", "second", token=limited.token())

    assert [error["name"] for error in refusals] == ["UnknownTool", "RateLimited"]
    assert refusals[1]["retryAfter"] > 0
    assert refusals[1]["problem"]["retry_after"] == refusals[1]["retryAfter"]


def test_a_limit_until_a_moment_that_has_passed_waits_for_a_second(served: Served) -> None:
    with hostile() as origin:
        [error] = errors_of(served, origin, "dated")

    assert (error["name"], error["retryAfter"]) == ("RateLimited", 1)


def test_a_code_that_every_object_has_is_no_class_of_ours(served: Served) -> None:
    with hostile() as origin:
        [error] = errors_of(served, origin, "inherited")

    assert (error["name"], error["code"]) == ("Refused", "constructor")


def test_what_a_server_writes_into_a_refusal_is_cleaned(served: Served) -> None:
    """Whoever answers may send the token back, and what moves the cursor of a terminal."""
    with hostile() as origin:
        [error] = errors_of(served, origin, "echo")

    assert error["message"] == error["problem"]["detail"] == "?[2J… of tomorrow"
    assert error["holdsToken"] is False


def test_a_code_without_a_class_arrives_as_a_refusal(served: Served) -> None:
    with hostile() as origin:
        [error] = errors_of(served, origin, "fresh")

    assert (error["name"], error["code"], error["status"]) == ("Refused", "of_tomorrow", 409)


def test_the_time_limit_is_for_the_whole_call_however_slowly_the_answer_drips(served: Served) -> None:
    with hostile() as origin:
        [error] = errors_of(served, origin, "drip", limit=500)

    assert (error["name"], error["milliseconds"]) == ("DeadlinePassed", 500)


def test_no_call_is_tried_twice(served: Served) -> None:
    with hostile() as origin:
        [error] = errors_of(served, origin, "hangup")

    assert (error["name"], error["reason"]) == ("Unreachable", "ECONNRESET")
    assert len(Hostile.asked) == 1


def test_no_proxy_is_asked_on_this_machine(served: Served) -> None:
    with hostile() as origin, hostile() as proxy:
        [error] = errors_of(served, origin, "fresh", http_proxy=proxy, HTTP_PROXY=proxy)

    assert error["code"] == "of_tomorrow"
    assert [path for path, _ in Hostile.asked] == ["/api/v1/mcp/tools/fresh"]


def test_no_error_holds_the_token(served: Served) -> None:
    """An error of axios holds the configuration of its request, headers and all."""
    ways = ("redirect", "page", "broken", "array", "proxy", "limited", "fresh", "large", "echo", "hangup")
    with hostile() as origin:
        refusals = errors_of(served, origin, *ways)

    assert [error["holdsToken"] for error in refusals] == [False] * len(ways)
    assert shown("leak") == "axios: the token is in it\nMCPClient: no token is in it\n"


def test_each_attempt_has_its_class() -> None:
    assert shown("refused").splitlines() == [
        "no token: MissingToken, missing_token",
        "a forged token: TokenRefused, invalid_token",
        "a token that may only list: InsufficientScope, insufficient_scope",
        "  needs mcp:tools:execute mcp:tools:read",
        "a tool with a scope of its own: InsufficientScope, insufficient_scope",
        "  needs files:write mcp:tools:execute mcp:tools:read",
        "no administrator: InsufficientScope, insufficient_scope",
        "  needs mcp:servers:manage",
        "no such server: UnknownServer, unknown_server",
        "no such tool: UnknownTool, unknown_tool",
        "wrong arguments: InvalidArguments, invalid_arguments",
        "  $.seconds breaks maximum 10",
        "no gateway: Unreachable, unreachable",
    ]


def test_each_class_has_the_data_of_the_error_it_stands_for() -> None:
    """`problem` is the whole document there, so that one member of it is left to that."""
    source = (SHOWN / "mcp-errors.ts").read_text()
    classes = dict(re.findall(r'^  \["(\w+)", (\w+)\],$', source, re.MULTILINE))
    bodies = dict(re.findall(r"^export class (\w+) extends Refused \{(.*?)\}$", source, re.MULTILINE | re.DOTALL))
    read = {code: set(re.findall(r'this\.problem\["(\w+)"\]', bodies[name])) for code, name in classes.items()}
    required = {"insufficient_scope": {"required_scopes"}}

    assert read == {
        code: required.get(code, set(getattr(errors, name).public_data) - {"problem"}) for code, name in classes.items()
    }


def test_a_tool_that_fails_is_no_error_of_the_call() -> None:
    assert shown("call").splitlines()[-1] == "fails    true Error executing tool fail: this tool always fails"


def test_each_way_to_stop_has_its_error() -> None:
    assert [line.partition(": ")[2] for line in shown("abort").splitlines()] == [
        "AbortError",
        "TimeoutError",
        "ToolTimeout",
        "DeadlinePassed",
    ]


def test_an_accident_is_refused_and_not_quoted() -> None:
    said = shown("accidents")

    assert len(said.splitlines()) == (SHOWN / "accidents.ts").read_text().count('  ["http')
    assert not any(secret in said for secret in ("abc.def", "MCP_TOKEN"))


def test_the_official_sdks_call_and_are_refused() -> None:
    for name in ("sdk1", "sdk2"):
        called, *refused = shown(name).splitlines()

        assert called == 'MCP_TOKEN 7 tools, {"result":42}'
        assert [line.split()[0] for line in refused] == ["NO_TOKEN", "NARROW"]
    assert '"code": "missing_token"' in shown("sdk1")
    assert "InsufficientScopeError: mcp:tools:execute mcp:tools:read" in shown("sdk2")


def test_neither_official_error_holds_the_token(served: Served, tmp_path: Path) -> None:
    for name in ("sdk1", "sdk2"):
        source = (SHOWN / f"{name}.ts").read_text().replace("http://127.0.0.1:8765", served.origin)
        leaking = source.replace("  } catch (error) {\n", "  } catch (error) {\n    inspect(error);\n")
        program = served.folder / f"{name}.ts"
        program.write_text(
            "import { inspect as look } from 'node:util';\n"
            "const inspect = (error: unknown) => console.log('LOOK', look(error, { depth: Infinity }));\n" + leaking
        )
        narrow = served.token("--scope", "mcp:tools:read")

        done = served.run("node", program.name, MCP_TOKEN=served.token(), NARROW=narrow)

        assert done.stdout.count("LOOK") == 2
        assert narrow not in done.stdout


def test_the_first_sdk_speaks_the_older_protocol_and_the_second_the_newest() -> None:
    first, second = ((SHOWN / f"{name}.ts").read_text() for name in ("sdk1", "sdk2"))

    assert "versionNegotiation" not in first
    assert 'versionNegotiation: { mode: "auto" }' in second
