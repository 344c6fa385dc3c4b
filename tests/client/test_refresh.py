"""A token that refreshes itself, against the real token endpoint and against ones that fail in the worst moment."""

import base64
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anyio
import anyio.lowlevel
import httpx2
import pytest
from pydantic import SecretBytes
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_auth_ref import ConfigurationError, MCPAuthClient, RefreshingToken, Settings, TokenPair, create_app
from mcp_auth_ref.core.errors import (
    AuthError,
    CallRefused,
    InvalidGrant,
    RedirectRefused,
    RefreshUncertain,
    UnexpectedAnswer,
    Unreachable,
)
from mcp_auth_ref.settings import StoreUrl
from tests.client.test_gateway import hanging_up
from tests.served import PATIENCE, served
from tests.server.oauth import CLIENTS, ROBOT_SECRET
from tests.server.world import NOW, SECRET, Clock

ASK = Callable[[RefreshingToken, str | None], str]
OLD = TokenPair("old-access-token", "old-refresh-token", NOW + 3600)


def ask_sync(source: RefreshingToken, refused: str | None = None) -> str:
    return source.token(refused)


def ask_async(source: RefreshingToken, refused: str | None = None) -> str:
    return anyio.run(source.token_async, refused)


both = pytest.mark.parametrize("ask", [ask_sync, ask_async])


class Endpoint:
    """A token endpoint that keeps what it is asked, and answers with one document after the other."""

    def __init__(self, *answers: tuple[int, object], headers: dict[str, str] | None = None) -> None:
        self.forms: list[dict[str, str]] = []
        self.credentials: list[str | None] = []
        self._answers = iter(answers)
        self._headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        body = (await receive())["body"]
        self.forms.append({name: value for name, [value] in parse_qs(body.decode()).items()})
        self.credentials.append(dict(scope["headers"]).get(b"authorization", b"").decode() or None)
        status, document = next(self._answers)
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = [(b"content-type", b"application/json"), *self._headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def issued(number: int, **more: object) -> tuple[int, object]:
    """Answer with the pair of this number."""
    pair = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3600}
    return 200, {**pair, "token_type": "Bearer", **more}


def source(url: str, save: Callable[[TokenPair], Any] = lambda _: None, **more: Any) -> RefreshingToken:
    known: dict[str, Any] = {"pair": OLD, "client_id": "page", "clock": Clock(NOW + 3590), **more}
    return RefreshingToken(f"{url}/token", save=save, **known)


@both
def test_a_token_that_is_not_about_to_expire_is_used_as_it_is(ask: ASK) -> None:
    endpoint = Endpoint()
    with served(lambda _: endpoint) as url:
        assert ask(source(url, clock=Clock(NOW + 3539)), None) == "old-access-token"
    assert endpoint.forms == []


@both
def test_it_is_refreshed_ahead_of_its_end_and_the_next_time_with_the_new_refresh_token(ask: ASK) -> None:
    """RFC 6749, section 6."""
    endpoint, clock = Endpoint(issued(1), issued(2)), Clock(NOW + 3540)
    with served(lambda _: endpoint) as url:
        refreshing = source(url, clock=clock)
        tokens = [ask(refreshing, None), ask(refreshing, None)]
        clock.now += 3600
        tokens.append(ask(refreshing, None))

    assert tokens == ["access-1", "access-1", "access-2"]
    assert endpoint.forms == [
        {"grant_type": "refresh_token", "refresh_token": token, "client_id": "page"}
        for token in ("old-refresh-token", "refresh-1")
    ]


@both
def test_it_is_refreshed_when_the_server_has_refused_it_whatever_our_clock_says(ask: ASK) -> None:
    endpoint = Endpoint(issued(1))
    with served(lambda _: endpoint) as url:
        refreshing = source(url, clock=Clock(NOW))
        assert [ask(refreshing, "old-access-token"), ask(refreshing, "old-access-token")] == ["access-1"] * 2
    assert len(endpoint.forms) == 1


@both
def test_a_token_that_lives_shortly_is_refreshed_halfway_and_not_each_time(ask: ASK) -> None:
    endpoint, clock = Endpoint(issued(1, expires_in=40), issued(2)), Clock(NOW + 3600)
    with served(lambda _: endpoint) as url:
        refreshing = source(url, clock=clock)
        tokens = [ask(refreshing, None), ask(refreshing, None)]
        clock.now += 20
        tokens.append(ask(refreshing, None))

    assert tokens == ["access-1", "access-1", "access-2"]


@both
def test_a_new_pair_is_kept_before_it_is_used(ask: ASK) -> None:
    kept: list[TokenPair] = []
    with served(lambda _: Endpoint(issued(1))) as url:
        token = ask(source(url, kept.append), None)

    assert (token, kept) == ("access-1", [TokenPair("access-1", "refresh-1", NOW + 3590 + 3600)])


@both
def test_a_pair_that_cannot_be_kept_is_not_used_and_not_lost(ask: ASK) -> None:
    endpoint, kept = Endpoint(issued(1)), []

    def save(pair: TokenPair) -> None:
        kept.append(pair.access_token)
        if len(kept) == 1:
            raise OSError("the disk is full")

    with served(lambda _: endpoint) as url:
        refreshing = source(url, save)
        with pytest.raises(OSError, match="the disk is full"):
            ask(refreshing, None)
        assert ask(refreshing, None) == "access-1"
    assert (len(endpoint.forms), kept) == (1, ["access-1", "access-1"])


def test_an_asynchronous_save_is_waited_for_by_the_asynchronous_client_and_refused_by_the_other() -> None:
    kept: list[TokenPair] = []

    async def save(pair: TokenPair) -> None:
        await anyio.lowlevel.checkpoint()
        kept.append(pair)

    endpoint = Endpoint(issued(1))
    with served(lambda _: endpoint) as url:
        refreshing = source(url, save)
        with pytest.raises(ConfigurationError, match=r"^save: it is asynchronous, and this client is not"):
            ask_sync(refreshing)
        assert ask_async(refreshing) == "access-1"
    assert (len(kept), len(endpoint.forms)) == (1, 1)


def test_of_many_at_once_one_refreshes() -> None:
    endpoint = Endpoint(issued(1))
    tokens: list[str] = []

    async def ask(refreshing: RefreshingToken, refused: str | None) -> None:
        tokens.append(await refreshing.token_async(refused))

    async def ask_all(url: str) -> None:
        refreshing = source(url)
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(ask, refreshing, "old-access-token" if number % 2 else None)

    with served(lambda _: endpoint) as url:
        anyio.run(ask_all, url)
    assert (tokens, len(endpoint.forms)) == (["access-1"] * 100, 1)


def test_of_many_threads_one_refreshes() -> None:
    endpoint, tokens = Endpoint(issued(1)), []
    with served(lambda _: endpoint) as url:
        refreshing = source(url)
        threads = [threading.Thread(target=lambda: tokens.append(refreshing.token(None))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    assert (tokens, len(endpoint.forms)) == (["access-1"] * 20, 1)


def test_who_goes_away_meanwhile_does_not_cut_the_refresh_off() -> None:
    """Cut off, the pair would be lost with the answer."""
    asked, go_on, kept = threading.Event(), threading.Event(), list[TokenPair]()
    endpoint = Endpoint(issued(1))

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await anyio.to_thread.run_sync(go_on.wait, PATIENCE)
        await endpoint(scope, receive, send)

    async def go_away(url: str) -> str:
        refreshing = source(url, kept.append)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refreshing.token_async, None)
            await anyio.to_thread.run_sync(asked.wait, PATIENCE)
            tasks.cancel_scope.cancel()
            go_on.set()
        return await refreshing.token_async(None)

    with served(lambda _: slow) as url:
        assert anyio.run(go_away, url) == "access-1"
    assert (len(kept), len(endpoint.forms)) == (1, 1)


@both
def test_a_refresh_whose_answer_is_lost_is_told_at_once_and_not_repeated(
    ask: ASK, caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 9700, section 4.14.2: a refresh token that comes twice ends the family."""
    clock = Clock(NOW + 3590)
    with hanging_up(b"") as (url, lines):
        refreshing = source(url, clock=clock)
        still_good = [ask(refreshing, None) for _ in range(3)]
        clock.now = NOW + 3600
        with pytest.raises(RefreshUncertain) as lost:
            ask(refreshing, None)

    assert still_good == ["old-access-token"] * 3
    assert len(lines) == 1
    assert [record.levelname for record in caplog.records if record.name.startswith("mcp_auth_ref")] == ["WARNING"]
    assert "refresh_uncertain: the refresh token may be spent, and no new one came: the connection to" in caplog.text
    assert str(lost.value).startswith("the refresh token may be spent")
    assert "old-refresh-token" not in caplog.text + repr(lost.value) + repr(refreshing)


@both
def test_after_a_lost_answer_one_more_attempt_has_to_be_allowed(ask: ASK) -> None:
    endpoint = Endpoint((502, b""), issued(1))
    with served(lambda _: endpoint) as url:
        refreshing = source(url, clock=Clock(NOW + 3600))
        for _ in range(2):
            with pytest.raises(RefreshUncertain, match="the token endpoint answered HTTP 502"):
                ask(refreshing, None)
        refreshing.try_again()
        assert ask(refreshing, None) == "access-1"
    assert len(endpoint.forms) == 2


@both
def test_where_nothing_was_done_the_token_serves_until_its_end_and_each_request_asks_again(ask: ASK) -> None:
    clock = Clock(NOW + 3590)
    endpoint = Endpoint((503, b""), (503, b""), (503, b""), issued(1), headers={"retry-after": "5"})
    with served(lambda _: endpoint) as url:
        refreshing = source(url, clock=clock)
        assert ask(refreshing, None) == "old-access-token"
        clock.now = NOW + 3600
        with pytest.raises(UnexpectedAnswer):
            ask(refreshing, None)
        with pytest.raises(UnexpectedAnswer):
            ask(refreshing, "old-access-token")
        assert ask(refreshing, None) == "access-1"


@both
def test_nobody_at_the_endpoint_is_not_the_end(ask: ASK) -> None:
    refreshing = source("http://127.0.0.1:9", clock=(clock := Clock(NOW + 3590)))

    assert ask(refreshing, None) == "old-access-token"
    clock.now = NOW + 3600
    with pytest.raises(Unreachable):
        ask(refreshing, None)


@both
@pytest.mark.parametrize(
    ("answer", "error", "data"),
    [
        (
            (400, {"error": "invalid_grant", "error_description": "it is spent"}),
            InvalidGrant,
            {"problem": "it is spent"},
        ),
        (
            (401, {"error": "invalid_client"}),
            CallRefused,
            {"status": 401, "reason": "invalid_client", "detail": "it says no more"},
        ),
        (
            (400, {"error": 7, "error_description": "not old-refresh-token"}),
            CallRefused,
            {"status": 400, "reason": None, "detail": "not …"},
        ),
        ((400, b"<html>"), UnexpectedAnswer, {"status": 400, "problem": "it is not JSON"}),
        (
            (404, {"detail": "Not Found"}),
            UnexpectedAnswer,
            {"status": 404, "problem": "it is application/json and no problem document"},
        ),
        ((500, b""), RefreshUncertain, {"problem": "the token endpoint answered HTTP 500"}),
        ((200, b""), RefreshUncertain, {"problem": "the token endpoint answered with no pair of tokens"}),
        ((200, []), RefreshUncertain, {"problem": "the token endpoint answered with no pair of tokens"}),
        (
            issued(1, access_token=7),
            RefreshUncertain,
            {"problem": "the token endpoint answered with no pair of tokens"},
        ),
        (
            issued(1, access_token="a b"),
            RefreshUncertain,
            {"problem": "the token endpoint answered with no pair of tokens"},
        ),
        (
            issued(1, refresh_token=None),
            RefreshUncertain,
            {"problem": "the token endpoint answered with no pair of tokens"},
        ),
        (
            issued(1, expires_in="1h"),
            RefreshUncertain,
            {"problem": "the token endpoint answered with no pair of tokens"},
        ),
    ],
)
def test_whatever_else_is_answered_has_its_error(
    ask: ASK, answer: tuple[int, object], error: type[AuthError], data: dict[str, object]
) -> None:
    with served(lambda _: Endpoint(answer)) as url, pytest.raises(error) as failed:
        ask(source(url, clock=Clock(NOW + 3600)), None)

    assert (type(failed.value), vars(failed.value)) == (error, data)


@both
def test_no_redirect_gets_the_refresh_token(ask: ASK) -> None:
    elsewhere = Endpoint(issued(1))
    with served(lambda _: elsewhere) as other:
        endpoint = Endpoint((307, b""), headers={"location": f"{other}/token"})
        with served(lambda _: endpoint) as url, pytest.raises(RedirectRefused):
            ask(source(url, clock=Clock(NOW + 3600)), None)

    assert elsewhere.forms == []


@both
def test_an_answer_without_a_new_refresh_token_keeps_the_old_one(ask: ASK) -> None:
    """RFC 6749, section 6: the server may issue a new one, or not."""
    kept: list[TokenPair] = []
    answer = (200, {"access_token": "access-1", "token_type": "Bearer"})
    with served(lambda _: Endpoint(answer)) as url:
        ask(source(url, kept.append), None)

    assert kept == [TokenPair("access-1", "old-refresh-token", float("inf"))]


def test_a_client_with_a_secret_proves_who_it_is_and_is_not_in_the_form() -> None:
    """RFC 6749, section 2.3.1: name and secret are encoded as in a form first."""
    endpoint = Endpoint(issued(1))
    with served(lambda _: endpoint) as url:
        ask_sync(source(url, client_id="a b", client_secret="c:d"))

    assert endpoint.forms == [{"grant_type": "refresh_token", "refresh_token": "old-refresh-token"}]
    assert endpoint.credentials == [f"Basic {base64.b64encode(b'a+b:c%3Ad').decode()}"]


@pytest.mark.parametrize("url", ["http://auth.example.com/token", "auth.example.com"])
def test_an_address_that_no_refresh_token_should_go_to_is_refused_from_the_beginning(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^token_endpoint: "):
        RefreshingToken(url, OLD, client_id="page", save=lambda _: None)


def test_neither_shows_a_token() -> None:
    refreshing = RefreshingToken("https://auth.example.com/token", OLD, client_id="page", save=lambda _: None)

    assert repr(refreshing) == "RefreshingToken('https://auth.example.com/token')"
    assert repr(OLD) == f"TokenPair(expires_at={NOW + 3600})"


CLIENT_ID = "pair robot"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[str, Clock]]:
    """Give the whole server, with a client that has refresh tokens, and its clock."""
    clock = Clock()

    def app(origin: str) -> ASGIApp:
        settings = Settings(
            jwt_secret=SecretBytes(SECRET),
            issuer=origin,
            resource_url=f"{origin}/mcp",
            clients=CLIENTS,
            audit_enabled=False,
            store_url=StoreUrl(f"sqlite:///{tmp_path}/store.db"),
        )
        return create_app(settings, clock=clock)

    with served(app, lifespan="on") as url:
        yield url, clock


def first_pair(url: str) -> TokenPair:
    """Sign in."""
    form = {"grant_type": "client_credentials"}
    answer = httpx2.post(f"{url}/token", data=form, auth=("pair+robot", ROBOT_SECRET)).json()
    return TokenPair(answer["access_token"], answer["refresh_token"], NOW + answer["expires_in"])


def real_source(url: str, clock: Clock, pair: TokenPair, save: Callable[[TokenPair], Any]) -> RefreshingToken:
    return RefreshingToken(
        f"{url}/token", pair, client_id=CLIENT_ID, client_secret=ROBOT_SECRET, save=save, clock=clock
    )


def run(work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    return anyio.run(work, *arguments)


def test_against_the_real_endpoint_a_client_goes_on_for_days_and_each_pair_is_another(
    world: tuple[str, Clock],
) -> None:
    url, clock = world
    kept: list[TokenPair] = []

    async def go_on() -> list[str]:
        texts = []
        async with MCPAuthClient(url, real_source(url, clock, first_pair(url), kept.append)) as client:
            for hour in range(5):
                clock.now = NOW + hour * 3590
                texts.append((await client.execute("echo", {"text": f"hour {hour}"})).text)
        return texts

    assert run(go_on) == [f"hour {hour}" for hour in range(5)]
    assert len({pair.refresh_token for pair in kept}) == len({pair.access_token for pair in kept}) == 4


def test_a_clock_of_ours_that_is_wrong_costs_one_more_request(world: tuple[str, Clock]) -> None:
    """The server's 401 has the last word on what has expired."""
    url, clock = world
    kept: list[TokenPair] = []
    pair, behind = first_pair(url), Clock(NOW)
    clock.now = NOW + 7200

    async def call() -> str:
        async with MCPAuthClient(url, real_source(url, behind, pair, kept.append)) as client:
            return (await client.execute("echo", {"text": "hello"})).text

    assert (run(call), len(kept)) == ("hello", 1)


def test_a_spent_refresh_token_ends_it_and_no_more_is_asked(
    world: tuple[str, Clock], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url, clock = world
    pair = first_pair(url)
    clock.now = NOW + 3600
    real_source(url, clock, pair, lambda _: None).token(None)
    clock.now += 600
    thief = real_source(url, clock, pair, lambda _: None)
    messages = []
    for _ in range(2):
        with pytest.raises(InvalidGrant) as refused:
            thief.token(None)
        messages.append(str(refused.value))

    assert messages == ["the refresh token was used before, so its family has ended"] * 2
    assert caplog.text.count('POST /token HTTP/1.1" 400') == 1
