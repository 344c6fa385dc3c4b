"""What the page on transport says. What proxies do is in tests/transport, whom it believes in tests/server."""

import re

import pytest
from starlette.testclient import TestClient

from mcp_auth_ref.server.proxies import TrustedProxies
from tests.guide.conftest import ROOT
from tests.server.world import Recorder

PAGE = (ROOT / "docs/how-to/transport.md").read_text()
ROWS = [
    ({"X-Forwarded-For": "198.51.100.1, 203.0.113.9, 10.0.0.2"}, ("203.0.113.9", "http")),
    ({"Forwarded": "for=198.51.100.1, for=203.0.113.9, for=10.0.0.2"}, ("203.0.113.9", "http")),
    ({"X-Forwarded-Proto": "https"}, ("10.0.0.1", "https")),
    ({"Forwarded": "for=203.0.113.9;proto=http, for=10.0.0.2;proto=https"}, ("203.0.113.9", "http")),
    ({"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.8"}, 400),
    ({"X-Forwarded-For": "203.0.113.9, nobody"}, 400),
    ({"X-Forwarded-For": "203.0.113.9, unknown"}, ("10.0.0.1", "http")),
    ({"Forwarded": "for=_hidden"}, ("10.0.0.1", "http")),
    ({"X-Forwarded-Host": "a", "X-Forwarded-Port": "1", "X-Real-IP": "203.0.113.9"}, ("10.0.0.1", "http")),
]


def made_of(headers: dict[str, str], *, peer: str) -> object:
    recorder = Recorder()
    app = TrustedProxies(recorder, proxies=["10.0.0.0/24"])
    answer = TestClient(app, client=(peer, 1)).get("/", headers=headers)
    return (recorder.scope["client"][0], recorder.scope["scheme"]) if recorder.scope else answer.status_code


@pytest.mark.parametrize(("headers", "believed"), ROWS)
def test_of_a_named_proxy_is_believed_what_the_table_says(headers: dict[str, str], believed: object) -> None:
    assert made_of(headers, peer="10.0.0.1") == believed


@pytest.mark.parametrize(("headers", "_"), ROWS)
def test_of_anybody_else_nothing_is_believed(headers: dict[str, str], _: object) -> None:
    assert made_of(headers, peer="203.0.113.1") == ("203.0.113.1", "http")


def test_the_table_names_no_header_that_is_not_tried() -> None:
    table = PAGE[PAGE.index("| What a request brings |") :].partition("\n\n")[0]
    named = set(re.findall(r"`([A-Z][\w-]+)`", table))

    assert named == {name for headers, _ in ROWS for name in headers}


def test_the_attack_ends_as_the_page_says() -> None:
    printed = (ROOT / "snippets/transport/attack.out").read_text().splitlines()
    rows = [line.strip("| ").split(" | ")[1:] for line in printed]

    assert rows[2:] == [["100", "20"], ["https://evil.example/mcp", "https://mcp.example.com/mcp"]]


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_the_headers_that_the_address_hangs_on_are_highlighted(name: str) -> None:
    text = (ROOT / f"snippets/transport/{name}.conf").read_text()
    highlighted = text.partition("[start:highlight]")[2].partition("[end:highlight]")[0]

    assert "X-Forwarded-For" in highlighted
    assert "Forwarded" in highlighted.replace("X-Forwarded", "")
    assert ("buffering off" if name == "nginx" else "flush_interval -1") in text
