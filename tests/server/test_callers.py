import logging

import httpx2
import pytest

from mcp_auth_ref.server.callers import RequireKnownCaller
from tests.server.world import Recorder, ask


def called(*headers: tuple[str, str], path: str = "/mcp") -> httpx2.Response:
    app = RequireKnownCaller(Recorder(), hosts=["mcp.example.com"], origins=["https://app.example.com"])
    return ask(app, path, headers=headers)


@pytest.mark.parametrize("host", ["mcp.example.com", "MCP.Example.com"])
def test_the_server_is_called_by_its_name(host: str) -> None:
    """RFC 9110, section 7.2: hosts are compared without case."""
    assert called(("Host", host)).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "mcp.example.com.evil.example", "evil.example:443", "mcp.example.com:8443", "", "127.0.0.1:8765"],
)
def test_by_any_other_name_the_answer_says_what_is_wrong(host: str) -> None:
    """MCP 2026-07-28, DNS rebinding; RFC 9110, section 15.5.20."""
    response = called(("Host", host))

    assert response.status_code == 421
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#misdirected_host",
        "title": "Misdirected host",
        "status": 421,
        "detail": "this server answers for mcp.example.com only",
        "code": "misdirected_host",
    }


def test_two_hosts_are_none() -> None:
    """RFC 9112, section 3.2: more than one `Host` is no request of ours."""
    assert called(("Host", "mcp.example.com"), ("Host", "mcp.example.com")).status_code == 421


def test_a_page_of_an_allowed_site_may_call() -> None:
    """MCP 2026-07-28, transports, security warning."""
    assert called(("Host", "mcp.example.com"), ("Origin", "https://app.example.com")).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://mcp.example.com",
    ],
)
def test_a_page_of_any_other_site_is_told_so(origin: str) -> None:
    """MCP 2026-07-28, transports, security warning: 403 for an invalid `Origin`."""
    response = called(("Host", "mcp.example.com"), ("Origin", origin))

    assert response.status_code == 403
    assert response.json() == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#forbidden_origin",
        "title": "Forbidden origin",
        "status": 403,
        "detail": "the Origin of the calling page is not allowed here",
        "code": "forbidden_origin",
    }


def test_an_allowed_origin_beside_another_is_not_enough() -> None:
    """Our choice: whichever of the two another program reads, it must be allowed."""
    origins = (("Origin", "https://app.example.com"), ("Origin", "https://evil.example"))

    assert called(("Host", "mcp.example.com"), *origins).status_code == 403


def test_every_page_may_read_the_metadata() -> None:
    """RFC 9728, section 3: it is public."""
    headers = (("Host", "mcp.example.com"), ("Origin", "https://evil.example"))

    assert called(*headers, path="/.well-known/oauth-protected-resource").status_code == 200
    assert called(*headers, path="/.well-known").status_code == 403


def test_the_metadata_too_is_asked_for_under_the_right_name() -> None:
    """Our choice: no answer of this server goes out under another name."""
    assert called(("Host", "evil.example"), path="/.well-known/oauth-protected-resource").status_code == 421


def test_the_log_has_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: who runs the server need not guess."""
    with caplog.at_level(logging.INFO, "mcp_auth_ref"):
        called(("Host", "evil.example"))
        called(("Host", "mcp.example.com"), ("Origin", "https://evil.example"))

    assert caplog.messages == [
        "refused a request, misdirected_host: this server answers for mcp.example.com only",
        "refused a request, forbidden_origin: the Origin of the calling page is not allowed here",
    ]
