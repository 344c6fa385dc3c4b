import anyio
import httpx2
import pytest
from starlette.types import Message, Scope

from mcp_auth_ref.server.disabled import AuthenticationDisabled
from tests.server.world import Recorder

LOCAL = [("127.0.0.1", 50000), ("127.9.9.9", 1), ("::1", 50000)]
FOREIGN = [("192.0.2.7", 50000), ("2001:db8::7", 50000), ("0.0.0.0", 8765), ("10.0.0.1", 50000), None]


def asked(
    *, client: tuple[str, int] | None, server: tuple[str, int] | None, header: str | None = None
) -> tuple[int, httpx2.Headers]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(header.encode(), b"192.0.2.7")] if header else []
    request = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    scope: Scope = {**request, "client": client, "server": server}
    anyio.run(AuthenticationDisabled(Recorder()), scope, receive, send)
    return sent[0]["status"], httpx2.Headers(sent[0]["headers"])


@pytest.mark.parametrize("address", LOCAL)
def test_on_this_machine_everybody_is_let_through_and_told(address: tuple[str, int]) -> None:
    """Our choice: a server without authentication never lets anybody forget it."""
    status, headers = asked(client=address, server=address)

    assert status == 200
    assert headers["mcp-auth"] == "disabled"


@pytest.mark.parametrize("address", FOREIGN)
@pytest.mark.parametrize("end", ["client", "server"])
def test_from_elsewhere_nobody_is(end: str, address: tuple[str, int] | None) -> None:
    """Our choice: without authentication the network ends at loopback, whatever else the settings say."""
    ends = {"client": LOCAL[0], "server": LOCAL[0], end: address}

    status, headers = asked(client=ends["client"], server=ends["server"])

    assert status == 403
    assert headers["mcp-auth"] == "disabled"


@pytest.mark.parametrize(
    "header",
    [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "cf-ray",
    ],
)
def test_what_a_proxy_on_this_machine_hands_on_comes_from_elsewhere(header: str) -> None:
    """RFC 9110, section 7.6.3; RFC 7239: a tunnel to this machine calls over loopback for whoever calls the tunnel."""
    status, headers = asked(client=LOCAL[0], server=LOCAL[0], header=header)

    assert status == 403
    assert headers["mcp-auth"] == "disabled"
