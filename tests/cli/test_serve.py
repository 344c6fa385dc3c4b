"""`serve`: what the words and the settings make of address and port. The server itself is tested as `app`."""

from typing import Any

import pytest

from mcp_auth_ref.settings import Settings
from tests.cli.line import SETTINGS, Run


@pytest.mark.parametrize(
    ("words", "resource", "address"),
    [
        ("", None, ("127.0.0.1", 8765)),
        ("", "http://127.0.0.1:9000/mcp", ("127.0.0.1", 9000)),
        ("", "http://localhost/mcp", ("127.0.0.1", 8765)),
        ("", "https://mcp.example.com:8443/mcp", ("127.0.0.1", 8765)),
        ("--port 9001 --host ::1", "http://127.0.0.1:9000/mcp", ("::1", 9001)),
    ],
)
def test_the_server_listens_where_its_url_leads(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: str, resource: str | None, address: tuple[str, int]
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(
        "mcp_auth_ref.cli.serve.run", lambda settings, *, host, port: served.append((settings, (host, port)))
    )

    printed = run(f"mcp-auth-ref serve {words}", {**SETTINGS, "MCP_RESOURCE_URL": resource})

    [(settings, listens)] = served
    assert (printed.code, listens, type(settings)) == (0, address, Settings)


@pytest.mark.parametrize("words", ["--port 0", "--port 65536", "--port http"])
def test_a_port_that_is_none_is_refused(run: Run, words: str) -> None:
    assert run(f"mcp-auth-ref serve {words}").code == 2
