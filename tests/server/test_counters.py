import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core.limits import Rate, fits, room
from mcp_auth_ref.server.counters import PATIENCE, MemoryCounter, RedisCounter, SharedCounts, Standing
from tests.server.world import NOW
from tests.stores.servers import Valkey

FIVE = Rate(5, 60)
START = float(NOW // 60 * 60)


def taken(counter: MemoryCounter, key: str, *moments: float) -> list[bool]:
    return [counter.take_now(key, now=moment).wait == 0 for moment in moments]


def test_the_sixth_of_five_waits_for_the_share_of_the_first_window_to_fade() -> None:
    """Our choice: what is refused is not counted."""
    counter = MemoryCounter(FIVE)
    standings = [counter.take_now("ada", now=START) for _ in range(7)]

    assert standings[:5] == [Standing(0.0, left, 60.0) for left in (4, 3, 2, 1, 0)]
    assert standings[5] == Standing(72.0, 0, 60.0, is_first=True)
    assert standings[6] == Standing(72.0, 0, 60.0)
    assert counter.take_now("ada", now=START + 72) == Standing(0.0, 0, 48.0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90)), max_size=60))
def test_the_counter_decides_as_the_arithmetic_over_plain_counts(events: list[tuple[str, int]]) -> None:
    """The model is two numbers for each key and window."""
    counter, rate, now = MemoryCounter(Rate(3, 10)), Rate(3, 10), 1000.0
    model: dict[tuple[str, float], int] = {}
    for key, tenths in events:
        now += tenths / 10
        window, into = divmod(now, rate.seconds)
        expected = fits(1, room(rate, model.get((key, window - 1), 0), model.get((key, window), 0), into))
        if expected:
            model[key, window] = model.get((key, window), 0) + 1

        assert taken(counter, key, now) == [expected]


def test_each_key_is_counted_alone() -> None:
    """Our choice: what one does is not held against another."""
    counter = MemoryCounter(FIVE)

    assert taken(counter, "mallory", *[START] * 9).count(True) == 5
    assert taken(counter, "ada", *[START] * 5) == [True] * 5


def test_a_batch_passes_whole_or_not_at_all() -> None:
    """Our choice."""
    counter = MemoryCounter(FIVE)

    standings = [counter.take_now("ada", now=START, cost=cost) for cost in (4, 2, 1)]

    assert [standing.wait == 0 for standing in standings] == [True, False, True]


def test_a_flood_of_new_keys_takes_no_more_memory() -> None:
    """CWE-770: whoever can choose keys cannot make the server grow."""
    counter = MemoryCounter(FIVE, size=100)
    for number in range(10_000):
        counter.take_now(f"guest {number}", now=START)
        for _ in range(6 if number % 10 == 0 else 0):
            counter.take_now(f"guest {number}", now=START)

    assert len(counter) <= 200


def test_a_flood_of_new_keys_does_not_give_the_guilty_a_new_start() -> None:
    """Our choice: an evicted counter is a counter reset, and eviction is what such a flood is for."""
    counter = MemoryCounter(FIVE, size=100)
    taken(counter, "mallory", *[START] * 6)
    for number in range(10_000):
        counter.take_now(f"guest {number}", now=START + 1)

    assert taken(counter, "mallory", START + 2) == [False]
    assert counter.spent("mallory", now=START + 2) == pytest.approx(70)
    assert counter.take_now("mallory", now=START + 61).wait > 0


def test_what_came_first_in_the_oldest_window_is_driven_out_first() -> None:
    """Our choice."""
    counter = MemoryCounter(FIVE, size=2)
    taken(counter, "ada", *[START] * 3)
    taken(counter, "bob", *[START] * 3)
    taken(counter, "ada", START + 60)
    taken(counter, "eve", START + 61)

    assert counter.take_now("ada", now=START + 62).remaining == 0
    assert counter.take_now("bob", now=START + 62).remaining == 4


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_clock_that_jumps_locks_nobody_out(jump: float) -> None:
    """Our choice: a wrong clock is no reason to refuse."""
    counter = MemoryCounter(FIVE)
    taken(counter, "ada", *[START] * 6)

    assert taken(counter, "ada", *[START + jump] * 6) == [True] * 5 + [False]
    assert counter.spent("ada", now=START + 2 * jump) == 0


def test_nothing_is_spent_before_something_was_refused() -> None:
    """Our choice: it costs one look-up where nobody is."""
    counter = MemoryCounter(FIVE)
    taken(counter, "ada", *[START] * 5)

    assert counter.spent("ada", now=START) == 0
    taken(counter, "ada", START)
    assert counter.spent("ada", now=START) == 72


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis more time than a loaded machine takes."""
    monkeypatch.setattr("mcp_auth_ref.server.counters.PATIENCE", 30)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("v"))
    yield server
    server.kill()


@asynccontextmanager
async def replicas(
    url: str, rate: Rate, name: str, count: int = 1, **options: Any
) -> AsyncIterator[list[RedisCounter]]:
    async with AsyncExitStack() as stack:
        shared = [await stack.enter_async_context(SharedCounts(url, **options)) for _ in range(count)]
        yield [RedisCounter(rate, each, name=name) for each in shared]


def test_replicas_count_together(valkey: Valkey) -> None:
    """Our choice: what one has let pass, the other knows."""

    async def ask() -> list[Standing]:
        async with replicas(valkey.url, FIVE, "together", 2) as (one, two):
            return [await counter.take("ada", now=START) for counter in (one, two, one, two, one, two, one)]

    standings = anyio.run(ask)

    assert standings[:5] == [Standing(0.0, None, 60)] * 5
    assert [standing.remaining for standing in standings[5:]] == [0, 0]
    assert all(60 < standing.wait <= 72 for standing in standings[5:])
    assert [standing.is_first for standing in standings[5:]] == [True, True]


def test_what_redis_has_refused_this_process_knows_without_asking(valkey: Valkey) -> None:
    """Our choice: what comes after a refusal costs no round trip."""

    async def ask() -> list[float]:
        async with replicas(valkey.url, Rate(1, 60), "known") as [counter]:
            for _ in range(2):
                await counter.take("ada", now=START)
            return [counter.spent(key, now=now) for key, now in (("ada", START), ("ada", START + 121), ("bob", START))]

    spent, later, other = anyio.run(ask)

    assert 100 < spent <= 120
    assert (later, other) == (0, 0)


def test_nothing_in_redis_says_who_it_was(valkey: Valkey) -> None:
    """Data minimisation: a key is a digest of one length, whatever a subject is called."""

    async def ask() -> None:
        async with replicas(valkey.url, FIVE, "names") as [counter]:
            await counter.take(("https://login.example", "ada" * 1000), now=START)

    anyio.run(ask)

    with redis.Redis.from_url(valkey.url) as client:
        keys: Any = client.keys("*names*")
    [key] = keys
    assert key.startswith(b"mcp-auth-ref:{limit/names/")
    assert b"ada" not in key
    assert len(key) < 100


async def six(url: str) -> list[bool]:
    """Count six of five, and tell which have passed."""
    with anyio.fail_after(30):
        async with replicas(url, FIVE, "lost", timer=lambda: 0.0) as [counter]:
            return [(await counter.take("ada", now=START)).wait == 0 for _ in range(6)]


def test_without_redis_this_process_counts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: a limit is no reason to stop serving, and it goes on limiting."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        assert anyio.run(six, f"redis://127.0.0.1:{unused.getsockname()[1]}") == [True] * 5 + [False]
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "rate limits are counted in this process alone: Redis, ConnectionError"
    ]


def test_a_redis_that_says_nothing_holds_up_one_request_for_a_moment_and_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Our choice: PATIENCE, and after it PAUSE."""
    monkeypatch.setattr("mcp_auth_ref.server.counters.PATIENCE", PATIENCE)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        assert anyio.run(six, f"redis://127.0.0.1:{silent.getsockname()[1]}") == [True] * 5 + [False]
    assert caplog.messages == ["rate limits are counted in this process alone: Redis, TimeoutError"]


def test_once_redis_is_back_all_count_together_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: it recovers by itself, after PAUSE."""
    valkey, moment = Valkey(tmp_path), 0.0

    async def ask() -> list[int | None]:
        nonlocal moment
        async with replicas(valkey.url, FIVE, "back", timer=lambda: moment) as [counter]:
            left = [(await counter.take("ada", now=START)).remaining]
            valkey.kill()
            left.append((await counter.take("ada", now=START)).remaining)
            valkey.start()
            left.append((await counter.take("ada", now=START)).remaining)
            moment += 1
            left.append((await counter.take("ada", now=START)).remaining)
            return left

    assert anyio.run(ask) == [None, 3, 2, None]
    assert caplog.messages[-1] == "rate limits are counted in Redis again"
    valkey.kill()
