"""Whatever the server was given, nothing secret of it is in anything that it writes: a real process, and every way in.

What it writes is its log, its audit log, its metrics, its store, and each answer that is a refusal. What was secret are
tokens, good and bad, secrets of clients, refresh tokens, keys, and the arguments of tools.
"""

import base64
import http.client
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jwt
import pytest

from tests.serving import Served, serving

Body: TypeAlias = dict[str, Any] | list[Any] | str | bytes | None

SETTINGS = """
[[clients]]
id = "robot"
secret_file = "robot-secret"
scopes = ["mcp:tools"]
refresh = true
"""
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
ROUTES = ["/mcp", "/metrics", "/api/v1/mcp/tools", "/api/v1/mcp/tools/echo", "/token", "/introspect", "/nowhere"]


@dataclass
class Driven:
    """A server, what it was given that is secret, and what it answered where it refused."""

    served: Served
    secrets: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def secret(self, name: str, value: str | None = None) -> str:
        """Remember something secret, made up unless it is given."""
        self.secrets[name] = value or secrets.token_urlsafe(32)
        return self.secrets[name]

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Body = None) -> str:
        """Send a request of any form, and keep the answer if it is a refusal, with its headers."""
        connection = http.client.HTTPConnection(self.served.origin.removeprefix("http://"), timeout=30)
        content = json.dumps(body) if isinstance(body, dict | list) else body
        kind = {"Content-Type": "application/json"} if isinstance(body, dict | list) else {}
        accept = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
        try:
            connection.request(method, path, content, {**kind, **accept, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        self.statuses.add(answer.status)
        if answer.status >= 400 or '"isError":true' in text or '"is_error":true' in text:
            self.refusals.append(f"{answer.status} {dict(answer.getheaders())} {text}")
        return text


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, secret: str) -> dict[str, str]:
    return {
        "Authorization": f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    folder = tmp_path_factory.mktemp("server")
    robot, audit_key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    for name, text in (("robot-secret", robot), ("audit-key", audit_key), ("settings.toml", SETTINGS)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    settings = {
        "MCP_CONFIG": "settings.toml",
        "MCP_AUDIT_KEY_FILE": "audit-key",
        "MCP_STORE_URL": f"sqlite:///{folder}/store.db",
        "MCP_RATE_LIMIT_FAILURES": "500",
        "MCP_REFRESH_GRACE_SECS": "0",
    }
    with serving(folder, **settings) as served:
        world = Driven(served)
        world.secret("secret of the server", served.environment["MCP_JWT_SECRET"])
        world.secret("key of the audit log", audit_key)
        world.secret("secret of a client", robot)
        _drive_tokens(world)
        _drive_arguments(world)
        _drive_oauth(world)
        _drive_a_flood(world)
        yield world


def _drive_tokens(world: Driven) -> None:
    """Send tokens of every kind to every address, in the right place and in every wrong one."""
    good = world.secret("a good token", world.served.token("--role", "superadmin"))
    claims = jwt.decode(good, options={"verify_signature": False})
    key = world.served.environment["MCP_JWT_SECRET"]
    headers = jwt.get_unverified_header(good)
    expired = {**claims, "iat": claims["iat"] - 7200, "exp": claims["exp"] - 7200, "jti": "an-old-one"}
    tokens = {
        "a good token": good,
        "an expired token": jwt.encode(expired, key, headers=headers),
        "a token for somebody else": jwt.encode({**claims, "aud": "https://other.example"}, key, headers=headers),
        "a token of somebody else": jwt.encode(claims, secrets.token_urlsafe(32), headers=headers),
        "a token without scopes": jwt.encode({**claims, "scope": "nothing"}, key, headers=headers),
        "a changed token": good[:-6] + secrets.token_urlsafe(4)[:6],
        "a cut token": good[:-30],
        "an opaque key": secrets.token_urlsafe(40),
    }
    for name, token in tokens.items():
        world.secret(name, token)
        for path in ROUTES:
            world.ask("GET", path, bearer(token))
        world.ask("POST", "/mcp", bearer(token), {**CALL, "params": {"name": "nothing", "arguments": {}}})
    for path in (f"/mcp?access_token={good}", f"/api/v1/mcp/tools/{good}", f"/{good}", f"/mcp/{good}?t={good}"):
        world.ask("GET", path)
        world.ask("GET", path, bearer(good))
    for odd in (
        {"Authorization": good},
        {"Authorization": f"Bearer {good} {good}"},
        {"Authorization": f"Token {good}"},
        {"X-Api-Key": good, "Cookie": f"token={good}"},
        {"X-Request-Id": good, "traceparent": good, "User-Agent": good, "Referer": f"http://x/{good}"},
        {**bearer(good), "Mcp-Name": good, "Mcp-Method": good},
        {**bearer(good), "Content-Type": good},
        {"Host": f"{good[:200]}.example", **bearer(good)},
        {"Origin": f"https://{good[:100]}.example", **bearer(good)},
    ):
        world.ask("POST", "/mcp", odd, {**CALL, "params": {"name": good}})
        world.ask("POST", "/api/v1/mcp/tools/echo/execute", odd, {"arguments": {"text": 7}})
    world.ask("POST", "/mcp", bearer(good), {**CALL, "params": {"name": good, "arguments": {"token": good}}})
    world.ask("POST", "/mcp", bearer(good), {"jsonrpc": "2.0", "id": good, "method": good, "params": {good: good}})


def _drive_arguments(world: Driven) -> None:
    """Call tools with arguments that are right, wrong, and of tools that are not there, in both ways."""
    good = bearer(world.secrets["a good token"])
    scoped = bearer(world.served.token("--scope", "mcp:tools", "--scope", "files:write"))
    for tool, arguments in (
        ("echo", {"text": world.secret("an argument")}),
        ("echo", {"text": 7, "more": world.secret("an argument too many")}),
        ("echo", {world.secret("the name of an argument"): 1}),
        ("read_file", {"name": world.secret("the name of a file")}),
        ("write_file", {"name": "note.txt", "content": world.secret("the content of a file")}),
        ("calculate", {"expression": world.secret("an expression")}),
        ("fail", {"message": world.secret("what a tool fails with")}),
        ("nothing", {"secret": world.secret("an argument of no tool")}),
    ):
        for headers in (good, scoped):
            world.ask("POST", "/mcp", headers, {**CALL, "params": {"name": tool, "arguments": arguments}})
            world.ask("POST", f"/api/v1/mcp/tools/{tool}/execute", headers, {"arguments": arguments})
    for broken in ("{", '{"arguments": {"a": "%s"}', '{"a": 1, "a": "%s"}', '["%s"'):
        body = broken.replace("%s", world.secret(f"a broken body {broken}"))
        for path in ("/mcp", "/api/v1/mcp/tools/echo/execute"):
            world.ask("POST", path, {**good, "Content-Type": "application/json"}, body)


def _drive_oauth(world: Driven) -> None:
    """Ask for tokens, refresh them, use a spent one again, revoke, each rightly and wrongly."""
    robot, wrong = world.secrets["secret of a client"], world.secret("a wrong secret of a client")
    issued = json.loads(world.ask("POST", "/token", basic("robot", robot), "grant_type=client_credentials"))
    refresh = world.secret("a refresh token", issued["refresh_token"])
    access = world.secret("an issued token", issued["access_token"])
    refreshed = json.loads(
        world.ask("POST", "/token", basic("robot", robot), f"grant_type=refresh_token&refresh_token={refresh}")
    )
    world.secret("a second refresh token", refreshed["refresh_token"])
    world.secret("a refreshed token", refreshed["access_token"])
    for secret in (robot, wrong):
        for form in (
            f"grant_type=refresh_token&refresh_token={refresh}",
            f"grant_type=refresh_token&refresh_token={world.secret('a made up refresh token')}",
            f"grant_type=password&username=ada&password={world.secret('a password')}",
            f"grant_type=authorization_code&code={world.secret('a code')}",
            f"grant_type=client_credentials&client_secret={wrong}",
            f"grant_type=client_credentials&scope={world.secret('a scope that is a secret by mistake')}",
            f"{world.secret('a form of nothing')}",
        ):
            world.ask("POST", "/token", basic("robot", secret), form)
            world.ask("POST", "/token", {"Content-Type": "application/x-www-form-urlencoded"}, form)
        for path in ("/introspect", "/revoke"):
            world.ask("POST", path, basic("robot", secret), f"token={access}")
            world.ask("POST", path, basic("robot", secret), f"token={refresh}&token_type_hint=refresh_token")
    world.ask("GET", "/api/v1/mcp/tools", bearer(access))


def _drive_a_flood(world: Driven) -> None:
    """Guess until even the guessing is refused."""
    guess = world.secret("a guess")
    for _ in range(500):
        world.ask("GET", "/api/v1/mcp/tools", bearer(guess))


def parts(secret: str) -> Iterator[str]:
    """Give what must not be found: the whole, each part of a token but its header, and each end of what is long."""
    pieces = secret.split(".")
    for piece in pieces[1:] if len(pieces) == 3 else pieces:
        yield piece
        if len(piece) > 32:
            yield piece[:24]
            yield piece[-24:]


def written(world: Driven) -> dict[str, str]:
    """Read all that the server has written, by where."""
    given = {"robot-secret", "audit-key", "settings.toml", "node_modules"}
    files = {
        path.relative_to(world.served.folder).as_posix(): path.read_bytes().decode("latin-1")
        for path in sorted(world.served.folder.rglob("*"))
        if path.is_file() and path.relative_to(world.served.folder).parts[0] not in given
    }
    metrics = world.ask("GET", "/metrics", bearer(world.served.token("--scope", "mcp:metrics:read")))
    return {**files, "metrics": metrics, "refusals": "\n".join(world.refusals)}


def test_nothing_secret_is_in_anything_that_is_written(driven: Driven) -> None:
    """MCP 2026-07-28, token theft; our choice for the arguments."""
    texts = written(driven)

    found = {
        (name, place)
        for place, text in texts.items()
        for name, secret in driven.secrets.items()
        for part in parts(secret)
        if part in text
    }

    assert found == set()


def test_what_was_driven_is_all_that_can_be_driven(driven: Driven) -> None:
    """A test that finds nothing must have looked somewhere."""
    texts = written(driven)
    audit = [json.loads(line) for line in texts[".mcp/audit.log"].splitlines()]
    counted = set(re.findall(r'mcp_auth_events_total\{code="(\w*)",event="(\w+)"\} [1-9]', texts["metrics"]))

    assert {200, 400, 401, 403, 404, 405, 421, 422, 429} <= driven.statuses
    assert {"accept", "refuse", "execute", "issue", "refresh", "reuse", "revoke", "limit", "open"} <= {
        line["event"] for line in audit
    }
    assert {line["code"] for line in audit if line["event"] == "refuse"} >= {
        "bad_signature",
        "forbidden_origin",
        "insufficient_scope",
        "invalid_client",
        "invalid_request",
        "malformed_token",
        "misdirected_host",
        "missing_token",
        "token_expired",
        "wrong_audience",
    }
    assert {("", "accept"), ("bad_signature", "refuse"), ("token_expired", "refuse")} <= counted
    assert len(texts["server.log"]) > 1000


def test_the_audit_log_is_whole_after_all_that(driven: Driven) -> None:
    """The server and the commands have written it by turns."""
    done = driven.served.run("mcp-auth-ref", "audit", "verify")

    assert (done.returncode, done.stdout.partition(":")[0], done.stderr) == (0, "whole", "")


def test_every_series_of_the_metrics_has_a_name_that_the_server_knows(driven: Driven) -> None:
    """Whatever callers send, the labels stay those of the server."""
    texts = written(driven)
    tools = set(re.findall(r'tool="([^"]*)"', texts["metrics"]))

    assert tools <= {"echo", "read_file", "write_file", "calculate", "fail", "list_files", "sleep", "other"}
