"""The cost of one check of a rate limit: in this process and in Redis, ours and that of the `limits` library."""

import asyncio
import math
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage as AsyncMemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter as AsyncSlidingWindow
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter

from mcp_auth_ref.core.limits import Rate
from mcp_auth_ref.server.counters import MemoryCounter, RedisCounter, SharedCounts
from tests.bench.measure import Row, Run, cpu_time
from tests.stores.servers import Valkey

AMOUNT = 100_000_000
RATE, ITEM = Rate(AMOUNT, 60), RateLimitItemPerMinute(AMOUNT)
KEY = ("https://login.example.com", "ada")
NAMES = ("subject", "https://login.example.com ada")
NOW = 1_795_000_000.0
CALLS, TRIPS, ROUNDS = 100_000, 500, 5
LIBRARY = "limits, sliding window"
MICROSECOND = 1e-6

Ask = Callable[[], Awaitable[object]]


def rows() -> Iterator[Row]:
    """Measure CPU time in this process, then elapsed time with a Valkey on a socket of this machine."""
    times = cpu_time(_in_this_process(), calls=CALLS)
    for name, seconds in times.items():
        target = times[LIBRARY] / MICROSECOND if name == "ours" else None  # the ratio that one microsecond comes to
        yield Row("a check, CPU time", name, seconds * 1e6, "µs", LIBRARY, times[LIBRARY] / seconds, target)
    trips = asyncio.run(_round_trips())
    for name, seconds in trips.items():
        yield Row(
            "a check, elapsed", name, seconds * 1e6, "µs", "limits, in Redis", trips["limits, in Redis"] / seconds
        )


def _in_this_process() -> dict[str, Run]:
    counter, flooded = MemoryCounter(RATE), MemoryCounter(RATE)
    storage = MemoryStorage()
    sliding, fixed = SlidingWindowCounterRateLimiter(storage), FixedWindowRateLimiter(storage)
    names = [("https://login.example.com", f"guest {number}") for number in range(200_000)]
    flood = iter(names * 100)
    return {
        LIBRARY: _repeat(lambda: sliding.hit(ITEM, *NAMES)),
        "limits, fixed window": _repeat(lambda: fixed.hit(ITEM, *NAMES)),
        "ours": _repeat(lambda: counter.take_now(KEY, now=NOW)),
        "ours, each time another key": _repeat(lambda: flooded.take_now(next(flood), now=NOW)),
    }


def _repeat(call: Callable[[], object]) -> Run:
    def run(times: int) -> None:
        for _ in range(times):
            call()

    return run


async def _round_trips() -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        valkey = Valkey(Path(folder))
        try:
            async with SharedCounts(valkey.url, timer=lambda: math.inf) as shared:
                memory, redis = MemoryCounter(RATE), RedisCounter(RATE, shared, name="bench")
                alone = AsyncSlidingWindow(AsyncMemoryStorage())
                return await _elapsed(
                    {
                        "limits, in Redis": lambda: shared.limiter.hit(ITEM, *NAMES),
                        "limits, in memory": lambda: alone.hit(ITEM, *NAMES),
                        "ours, in Redis": lambda: redis.take(KEY, now=NOW),
                        "ours, in memory": lambda: memory.take(KEY, now=NOW),
                    }
                )
        finally:
            valkey.kill()


async def _elapsed(contenders: Mapping[str, Ask]) -> dict[str, float]:
    """Return elapsed seconds per call: the best of several rounds, in which contenders take turns."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(ROUNDS):
        for name, ask in contenders.items():
            started = time.perf_counter()
            for _ in range(TRIPS):
                await ask()
            best[name] = min(best[name], (time.perf_counter() - started) / TRIPS)
    return best
