"""The page of HTTP and the server hold each other: its addresses, headers, challenges and documents."""

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from mcp_auth_ref import ROLES, Settings, create_app, issuer_from, parse_challenges
from mcp_auth_ref.core import errors
from mcp_auth_ref.process import MAX_CONNECTIONS
from mcp_auth_ref.server.bodies import MAX_BODY_BYTES
from mcp_auth_ref.server.connections import SLOWEST, PunctualProtocol
from mcp_auth_ref.server.problems import STATUS
from tests.guide.conftest import ROOT

NOW = 1_795_000_000
PAGE = (ROOT / "docs/reference/http.md").read_text()
REFUSALS = (ROOT / "snippets/http/refusals.out").read_text()
SITE = "https://app.example"
ENVIRON = {
    "MCP_JWT_SECRET": "demonstration-secret-never-use-it-in-production",
    "MCP_ALLOWED_ORIGINS": SITE,
    "MCP_STORE_URL": "memory:",
}
SETTINGS = Settings.load(environ=ENVIRON)
TOKEN = issuer_from(SETTINGS).issue(
    subject="ada", client_id="tests", scopes=ROLES["user"], now=NOW, token_id="q8Zc2nWt4yHs7Lx0"
)
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(SETTINGS, clock=lambda: NOW), base_url="http://127.0.0.1:8765") as client:
        yield client


def table(head: str) -> list[list[str]]:
    """Read the table of the page that begins with these columns."""
    lines = iter(PAGE[PAGE.index(f"| {head} |") :].splitlines()[2:])
    return [line.strip("| ").split(" | ") for line in iter(lambda: next(lines), "")]


def in_code(cells: Iterable[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def routes() -> dict[str, set[str]]:
    """Look the addresses up in the server itself; a route without methods takes those of its endpoint."""
    app: Any = create_app(SETTINGS)
    while not isinstance(app, Starlette):
        app = vars(app)["_app"]
    own = {route.path: set(route.methods or {"POST"}) for route in app.routes if isinstance(route, Route)}
    own.pop("/api/v1/mcp")
    described = TestClient(app, base_url="http://127.0.0.1:8765").get("/api/v1/openapi.json").json()["paths"]
    gateway = {path: {method.upper() for method in methods} for path, methods in described.items()}
    read = {path: methods | {"HEAD"} for path, methods in gateway.items() if methods == {"GET"}}
    return {**own, **gateway, **read, "/api/v1/openapi.json": {"GET", "HEAD"}}


def test_the_table_has_every_address_of_the_server_and_no_other() -> None:
    shown = set(re.findall(r"^\| `(\w+) (\S+)` \|", (ROOT / "snippets/http/routes.out").read_text(), re.MULTILINE))
    asked = {(method, path) for path, methods in routes().items() for method in methods - {"HEAD", "OPTIONS"}}

    assert shown == asked


@pytest.mark.parametrize(("path", "status"), [("/mcp/", 404), ("/", 404), ("/health/", 404)])
def test_an_address_is_exact_and_nothing_redirects(client: TestClient, path: str, status: int) -> None:
    assert client.get(path, headers=WITH_TOKEN, follow_redirects=False).status_code == status


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_without_a_token_every_method_of_the_endpoint_is_401(client: TestClient, method: str) -> None:
    assert client.request(method, "/mcp").status_code == 401


def test_with_a_token_a_wrong_method_is_405_and_says_which_is_right(client: TestClient) -> None:
    answers = {path: client.delete(path, headers=WITH_TOKEN) for path in routes()}

    assert {answer.status_code for answer in answers.values()} == {405}
    assert {path: set(answer.headers["allow"].split(", ")) for path, answer in answers.items()} == routes()


def test_a_page_of_any_site_may_read_what_is_published_and_nothing_else(client: TestClient) -> None:
    stranger = {"Origin": "https://site.example"}
    published = {path for path in routes() if client.get(path, headers=stranger).status_code == 200}

    assert published == {path for path in routes() if path.startswith("/.well-known/")}
    assert client.get("/.well-known/jwks.json", headers=stranger).headers["access-control-allow-origin"] == "*"


def test_a_preflight_needs_no_token_and_the_challenge_is_shown(client: TestClient) -> None:
    preflight = client.options("/mcp", headers={"Origin": SITE, "Access-Control-Request-Method": "POST"})
    refused = client.post("/mcp", headers={"Origin": SITE})

    assert preflight.status_code == 200
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == SITE
    assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", f"bEaReR {TOKEN}")], 200),
        ([("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")], 400),
        ([("Authorization", f"Bearer {TOKEN} x")], 400),
        ([("Authorization", f"Bearer  {TOKEN}")], 400),
        ([("Authorization", "Basic YWRhOnNlY3JldA==")], 401),
        ([*WITH_TOKEN.items(), ("Content-Type", "text/plain")], 400),
        ([("Authorization", f"Bearer {TOKEN}"), ("Accept", "text/html")], 406),
        ([*WITH_TOKEN.items(), ("Mcp-Method", "tools/list")], 400),
        ([*WITH_TOKEN.items(), ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list")], 400),
        ([*WITH_TOKEN.items(), ("Mcp-Name", "echo")], 400),
        ([*WITH_TOKEN.items(), ("MCP-Protocol-Version", "2026-07-28")], 400),
        ([*WITH_TOKEN.items(), ("MCP-Protocol-Version", "2025-11-25")], 200),
    ],
)
def test_a_header_is_taken_as_the_table_says(client: TestClient, headers: list[tuple[str, str]], status: int) -> None:
    given = {name for name, _ in headers}
    others = {"Accept": "application/json", "Content-Type": "application/json"}.items()

    answer = client.post(
        "/mcp",
        content=b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}',
        headers=[*headers, *((name, value) for name, value in others if name not in given)],
    )

    assert answer.status_code == status
    assert given & set(in_code(row[0] for row in table("Header | What the server makes of it")))


def test_a_token_in_the_query_or_the_body_is_not_looked_for(client: TestClient) -> None:
    beside = client.post(f"/mcp?access_token={TOKEN}", json=PING, headers=WITH_TOKEN)

    assert client.post(f"/mcp?access_token={TOKEN}", json=PING).json()["code"] == "missing_token"
    assert client.post("/mcp", data={"access_token": TOKEN}).json()["code"] == "missing_token"
    assert (beside.status_code, beside.json()["code"]) == (400, "invalid_request")


def test_a_body_beyond_the_limit_of_the_page_is_413(client: TestClient) -> None:
    [limit] = re.findall(r"A body has at most (\d+) bytes", PAGE)

    answer = client.post("/mcp", content=b" " * (int(limit) + 1), headers=WITH_TOKEN)

    assert (int(limit), answer.status_code) == (MAX_BODY_BYTES, 413)


def test_the_limits_of_a_connection_are_those_of_the_page() -> None:
    assert re.findall(r"not complete (\d+) seconds after", PAGE) == [f"{PunctualProtocol.seconds:g}"]
    assert re.findall(r"less than (\d+) bytes a second", PAGE) == [str(SLOWEST)]
    assert re.findall(r"503 where (\d+) connections", PAGE) == [str(MAX_CONNECTIONS)]


@pytest.mark.parametrize("asked", [{"Access-Control-Request-Method": "PUT"}, {"Access-Control-Request-Headers": "x-y"}])
def test_a_preflight_for_what_is_not_allowed_is_refused_in_a_line_of_text(
    client: TestClient, asked: dict[str, str]
) -> None:
    answer = client.options("/mcp", headers={"Origin": SITE, "Access-Control-Request-Method": "POST", **asked})

    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")


def test_the_table_of_headers_has_every_header_that_an_answer_carries(client: TestClient) -> None:
    page = {"Origin": SITE}
    answers = [
        client.post("/mcp", json=PING, headers={**WITH_TOKEN, **page}),
        client.post("/mcp", headers=page),
        client.delete("/mcp", headers=WITH_TOKEN),
        *(client.get(path, headers=page) for path in routes()),
    ]
    carried = {name for answer in answers for name in answer.headers} - {"content-length"}
    shown = {name.lower() for name in in_code(row[0] for row in table("Header | On which answers, and what it says"))}

    assert shown == carried | {"retry-after", "mcp-auth", "strict-transport-security"}


def test_each_answer_says_who_may_keep_it(client: TestClient) -> None:
    said = {path: client.get(path).headers["cache-control"] for path in routes()}
    allowed = client.post("/mcp", json=PING, headers=WITH_TOKEN)

    assert {path for path, value in said.items() if value == "public, max-age=300"} == {
        path for path in said if path.startswith("/.well-known/")
    }
    assert set(said.values()) == {"public, max-age=300", "no-store"}
    assert allowed.headers["cache-control"] == "no-store"
    assert allowed.headers["vary"] == "Origin"


def test_the_challenge_has_the_parameters_of_the_table_and_no_other() -> None:
    lines = re.findall(r"^www-authenticate: ((?:.*,\n +)*.*)", REFUSALS, re.MULTILINE)
    challenges = [parse_challenges(re.sub(r"\n +", " ", line))[0] for line in lines]
    names = {name for challenge in challenges for name in challenge.parameters}

    assert names == set(in_code(row[0] for row in table("Parameter | What it says")))
    assert [
        challenge for challenge in challenges if not {"scope", "resource_metadata"} <= set(challenge.parameters)
    ] == []
    assert ["error" in challenge.parameters for challenge in challenges] == [False, True, True, True, True]
    assert {error for challenge in challenges if (error := challenge.parameters.get("error"))} == {
        "invalid_token",
        "insufficient_scope",
        "invalid_request",
    }


def test_the_documents_have_the_members_of_the_table_and_no_other() -> None:
    members = set(re.findall(r'^  "(\w+)": ', REFUSALS, re.MULTILINE))
    data = {name for error in vars(errors).values() for name in getattr(error, "public_data", ())}

    assert members | data == set(in_code(row[0] for row in table("Member | What it is")))


def test_every_status_of_a_refusal_is_shown() -> None:
    shown = {int(status) for status in re.findall(r"^```text\n(\d+) ", REFUSALS, re.MULTILINE)}

    assert shown == {status.value for status in STATUS.values()} - {500}


def test_the_sections_that_the_tables_point_to_are_about_that_status() -> None:
    headings = re.findall(r"^### (.+)\n\n.+\n\n```text\n(\d+) ", REFUSALS, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", words).lower().replace(" ", "-"): status for words, status in headings}
    pointed = re.findall(r"\[(\d{3})\]\(#([\w-]+)\)", PAGE)

    assert pointed
    assert [(status, anchor) for status, anchor in pointed if anchors.get(anchor) != status] == []


def test_a_verifier_that_fails_lets_nobody_in(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setattr("mcp_auth_ref.server.cache.VerifiedTokenCache.verify", lambda *_, **__: 1 / 0)

    answer = client.post("/mcp", json=PING, headers=WITH_TOKEN)

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_without_authentication_every_answer_to_this_machine_says_so() -> None:
    app = create_app(Settings.load(environ={"MCP_AUTH_ENABLED": "false"}))

    with TestClient(app, base_url="http://127.0.0.1:8765", client=("127.0.0.1", 50000)) as client:
        answers = [
            client.get("/health"),
            client.get("/ready"),
            client.post("/mcp", json=PING, headers={"Accept": "application/json"}),
            *(client.get(path) for path in routes() if path.startswith("/.well-known/")),
        ]

    assert [answer.status_code for answer in answers] == [200] * 3 + [404] * 4
    assert {answer.headers["mcp-auth"] for answer in answers} == {"disabled"}
    assert {answer.json()["authentication"] for answer in answers[:2]} == {"disabled"}


def test_without_authentication_nobody_else_is_answered() -> None:
    app = create_app(Settings.load(environ={"MCP_AUTH_ENABLED": "false"}))

    with TestClient(app, base_url="http://127.0.0.1:8765", client=("192.0.2.1", 50000)) as client:
        assert client.get("/health").status_code == 403
