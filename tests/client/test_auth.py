"""`McpAuth` with any client of httpx2: where the token goes, and what becomes of a refusal."""

import logging
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from mcp_auth_ref import ConfigurationError, InsufficientScope, McpAuth, TokenRefused
from mcp_auth_ref.core.errors import MissingToken

URL = "https://mcp.example.com/mcp"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.sQ-_6"
Handler = Callable[[httpx2.Request], httpx2.Response]


def get_sync(auth: McpAuth, handler: Handler, url: str = URL, **more: Any) -> httpx2.Response:
    with httpx2.Client(transport=httpx2.MockTransport(handler), auth=auth, **more) as http:
        return http.post(url, json={"jsonrpc": "2.0"})


def get_async(auth: McpAuth, handler: Handler, url: str = URL, **more: Any) -> httpx2.Response:
    async def get() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler), auth=auth, **more) as http:
            return await http.post(url, json={"jsonrpc": "2.0"})

    return anyio.run(get)


both = pytest.mark.parametrize("get", [get_sync, get_async])


class Server:
    """A server that keeps the credentials of each request, and answers with one response after the other."""

    def __init__(self, *responses: httpx2.Response) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self._responses = iter(responses)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer."""
        self.asked.append((request.url.host, request.headers.get("authorization")))
        return next(self._responses)


def ok() -> httpx2.Response:
    return httpx2.Response(200, text="reached")


def refused(status: int, challenge: str | None, problem: dict[str, Any] | None = None) -> httpx2.Response:
    headers = [] if challenge is None else [("www-authenticate", challenge)]
    if problem is None:
        return httpx2.Response(status, headers=headers)
    return httpx2.Response(status, headers=[*headers, ("content-type", "application/problem+json")], json=problem)


EXPIRED = (
    'Bearer error="invalid_token", error_description="it expired"',
    {"code": "token_expired", "detail": "it did"},
)


@both
def test_the_token_goes_to_its_server(get: Callable[..., httpx2.Response]) -> None:
    server = Server(ok())

    assert get(McpAuth(URL, TOKEN), server).text == "reached"
    assert server.asked == [("mcp.example.com", f"Bearer {TOKEN}")]


@both
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/mcp",
        "http://mcp.example.com/mcp",
        "https://mcp.example.com:8443/mcp",
        "https://sub.mcp.example.com/mcp",
        "https://mcp.example.com.evil.example/mcp",
    ],
)
def test_the_token_goes_to_no_other_origin(get: Callable[..., httpx2.Response], url: str) -> None:
    """RFC 6454, section 5: scheme, host and port together; and what others answer is theirs."""
    server = Server(refused(401, "Bearer"))

    assert get(McpAuth(URL, TOKEN), server, url).status_code == 401
    assert [credentials for _, credentials in server.asked] == [None]


@both
def test_other_paths_and_the_default_port_are_the_same_origin(get: Callable[..., httpx2.Response]) -> None:
    server = Server(ok())

    get(McpAuth(URL, TOKEN), server, "https://MCP.example.com:443/other")

    assert server.asked == [("mcp.example.com", f"Bearer {TOKEN}")]


@both
def test_a_redirect_to_another_origin_goes_without_the_token(get: Callable[..., httpx2.Response]) -> None:
    """What a client that follows redirects does is its owner's choice; the token stays behind (our choice)."""
    server = Server(httpx2.Response(307, headers={"location": "https://evil.example/"}), ok())

    get(McpAuth(URL, TOKEN), server, follow_redirects=True)

    assert server.asked == [("mcp.example.com", f"Bearer {TOKEN}"), ("evil.example", None)]


@both
@pytest.mark.parametrize(
    ("response", "error", "data"),
    [
        (
            lambda: refused(403, 'Bearer error="insufficient_scope", scope="b a"'),
            InsufficientScope,
            {"required": ("a", "b")},
        ),
        (lambda: refused(401, 'Bearer scope="a"'), MissingToken, {}),
        (
            lambda: refused(401, "Bearer", {"code": "token_revoked", "detail": "it was taken back"}),
            TokenRefused,
            {"reason": "token_revoked", "detail": "it was taken back", "clock_difference": None},
        ),
        (
            lambda: refused(401, f'Bearer error="invalid_token", error_description="not {TOKEN}"'),
            TokenRefused,
            {"reason": "invalid_token", "detail": "not …", "clock_difference": None},
        ),
    ],
)
def test_a_refusal_is_raised_as_what_it_is(
    get: Callable[..., httpx2.Response], response: Callable[[], httpx2.Response], error: type, data: dict[str, Any]
) -> None:
    """RFC 6750, section 3; the challenge alone is enough."""
    with pytest.raises(error) as caught:
        get(McpAuth(URL, TOKEN), Server(response()))

    assert vars(caught.value) == data


@both
@pytest.mark.parametrize(
    "response",
    [
        lambda: refused(401, None),
        lambda: refused(401, 'Basic realm="intranet"'),
        lambda: refused(401, 'Bearer error="broken'),
        lambda: refused(403, None),
        lambda: refused(403, None, {"code": "forbidden_origin"}),
        lambda: refused(500, None),
    ],
)
def test_what_is_not_about_the_token_is_returned_as_it_is(
    get: Callable[..., httpx2.Response], response: Callable[[], httpx2.Response]
) -> None:
    given = response()

    assert get(McpAuth(URL, TOKEN), Server(given)).status_code == given.status_code


@both
def test_an_expired_token_is_replaced_once_and_the_body_sent_again(get: Callable[..., httpx2.Response]) -> None:
    tokens = iter(["old", "new"])
    server = Server(refused(401, *EXPIRED), ok())

    answer = get(McpAuth(URL, lambda: next(tokens)), server)

    assert [credentials for _, credentials in server.asked] == ["Bearer old", "Bearer new"]
    assert answer.request.content == b'{"jsonrpc":"2.0"}'


@both
def test_a_second_expired_token_is_raised(get: Callable[..., httpx2.Response]) -> None:
    tokens = iter(["old", "new", "newer"])
    server = Server(refused(401, *EXPIRED), refused(401, *EXPIRED))

    with pytest.raises(TokenRefused, match="token_expired"):
        get(McpAuth(URL, lambda: next(tokens)), server)
    assert len(server.asked) == 2


@both
def test_a_token_without_a_successor_is_sent_once(get: Callable[..., httpx2.Response]) -> None:
    server = Server(refused(401, *EXPIRED))

    with pytest.raises(TokenRefused, match="token_expired"):
        get(McpAuth(URL, TOKEN), server)
    assert len(server.asked) == 1


@both
def test_a_server_that_names_no_reason_gets_another_token_too(get: Callable[..., httpx2.Response]) -> None:
    """The SDK's and FastMCP's own guards say `invalid_token` of everything, and send no problem document."""
    tokens = iter(["old", "new"])

    assert get(McpAuth(URL, lambda: next(tokens)), Server(refused(401, EXPIRED[0]), ok())).text == "reached"


@pytest.mark.parametrize("url", ["http://mcp.example.com/mcp", "mcp.example.com/mcp"])
def test_an_address_that_no_token_should_go_to_is_refused_from_the_beginning(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        McpAuth(url, TOKEN)

    assert caught.value.setting == "url"


def test_a_text_that_is_no_token_is_refused_from_the_beginning() -> None:
    with pytest.raises(ConfigurationError, match=r"^token: it begins with Bearer"):
        McpAuth(URL, f"Bearer {TOKEN}")


def test_it_shows_its_origin_and_not_its_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    auth = McpAuth("https://mcp.example.com:8443/mcp", TOKEN)

    get_sync(auth, Server(ok()), "https://mcp.example.com:8443/mcp")

    assert repr(auth) == "McpAuth('https://mcp.example.com:8443')"
    assert "mcp.example.com" in caplog.text
    assert TOKEN not in caplog.text
