"""Counters: how often something has passed, in this process alone or in Redis for all replicas.

In the process they are bounded in number. Whoever floods them with new keys drives out other new keys, first those of
the oldest window; a key that has used up its amount stands apart, and is driven out only by as many others like it.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import NamedTuple, Protocol, TypeVar

from mcp_auth_ref.core.limits import Rate, fits, room, wait

logger = logging.getLogger(__name__)

SIZE = 16_384
"""How many keys a counter of this process remembers, and how many that have used up their amount."""

PATIENCE = 0.1
"""Seconds that Redis may take for one count."""

PAUSE = 1.0
"""Seconds for which Redis is not asked again once it has failed."""


_T = TypeVar("_T")


class Standing(NamedTuple):
    """What a count came to.

    `wait` is 0 where it has passed, else the seconds until it may be tried again. `remaining` is how much more may pass
    in the next `seconds`; None where that would have to be asked for. `is_first` marks the first refusal of a window.
    """

    wait: float
    remaining: int | None
    seconds: float
    is_first: bool = False


class Counter(Protocol):
    """Counts under keys what may pass at one rate: `MemoryCounter`, `RedisCounter`."""

    @property
    def rate(self) -> Rate:
        """What may pass under each key."""

    def spent(self, key: Hashable, *, now: float) -> float:
        """Return the seconds until anything may pass under a key, as far as this process knows: 0 for now."""

    async def take(self, key: Hashable, *, now: float, cost: int = 1) -> Standing:
        """Count `cost` under a key, if there is room for it; what is refused is not counted."""


class _Count:
    """What has passed under a key in a window and in the one before, and the last window in which something has not."""

    __slots__ = ("current", "previous", "refused", "window")

    def __init__(self, window: float) -> None:
        self.window = window
        self.previous = 0
        self.current = 0
        self.refused = -1.0

    def move_to(self, window: float) -> None:
        """Begin another window; a clock that jumps leaves nothing of the one before."""
        self.previous = self.current if window == self.window + 1 else 0
        self.current = 0
        self.window = window


class MemoryCounter:
    """Counts in this process, under at most `size` keys and as many more that have used up their amount."""

    def __init__(self, rate: Rate, *, size: int = SIZE) -> None:
        self.rate = rate
        self._size = size
        self._counts = OrderedDict[Hashable, _Count]()
        self._spent = OrderedDict[Hashable, _Count]()

    def __len__(self) -> int:
        return len(self._counts) + len(self._spent)

    def spent(self, key: Hashable, *, now: float) -> float:
        """Return the seconds until anything may pass under a key: 0 for now."""
        count = self._spent.get(key)
        if count is None:
            return 0.0
        window, passed = divmod(now, self.rate.seconds)
        if window != count.window:
            self._turn(key, count, window)
        return wait(self.rate, count.previous, count.current, passed)

    async def take(self, key: Hashable, *, now: float, cost: int = 1) -> Standing:
        """Count `cost` under a key, if there is room for it; what is refused is not counted."""
        return self.take_now(key, now=now, cost=cost)

    def take_now(self, key: Hashable, *, now: float, cost: int = 1) -> Standing:
        """Count as `take` does, without a coroutine around it."""
        rate = self.rate
        window, passed = divmod(now, rate.seconds)
        count = self._counts.get(key) or self._spent.get(key) or self._admit(key, window)
        if count.window != window:
            self._turn(key, count, window)
        free = room(rate, count.previous, count.current, passed)
        if fits(cost, free):
            count.current += cost
            return Standing(0.0, int(free - cost + 1e-9), rate.seconds - passed)
        return self._refuse(key, count, passed, cost)

    def _refuse(self, key: Hashable, count: _Count, passed: float, cost: int) -> Standing:
        is_first, count.refused = count.refused != count.window, count.window
        if self._counts.pop(key, None):
            _add(self._spent, key, count, self._size)
        left = max(0, int(room(self.rate, count.previous, count.current, passed)))
        longest = wait(self.rate, count.previous, count.current, passed, cost)
        return Standing(longest, left, self.rate.seconds - passed, is_first)

    def _admit(self, key: Hashable, window: float) -> _Count:
        count = _Count(window)
        _add(self._counts, key, count, self._size)
        return count

    def _turn(self, key: Hashable, count: _Count, window: float) -> None:
        """Let a key begin a window, behind all that have been in it for longer; what it had used up fades."""
        was_spent = self._spent.pop(key, None) is not None
        self._counts.pop(key, None)
        count.move_to(window)
        _add(self._spent if was_spent and count.previous else self._counts, key, count, self._size)


def _add(known: OrderedDict[Hashable, _T], key: Hashable, value: _T, size: int) -> None:
    known[key] = value
    if len(known) > size:
        known.popitem(last=False)


class SharedCounts:
    """Redis, as the `limits` library counts in it, and whether it answers.

    Once it has failed or taken longer than PATIENCE, it is left alone for PAUSE. `is_lost` and the log say so.
    """

    def __init__(self, url: str, *, timer: Callable[[], float] = time.monotonic) -> None:
        from limits.aio.storage import RedisStorage  # noqa: PLC0415 - only who shares counts needs it
        from limits.aio.strategies import SlidingWindowCounterRateLimiter  # noqa: PLC0415 - the same
        from redis.exceptions import RedisError  # noqa: PLC0415 - the same

        self.storage = RedisStorage(
            "async+" + url.replace("unix://", "redis+unix://", 1), implementation="redispy", key_prefix="mcp-auth-ref"
        )
        self.limiter = SlidingWindowCounterRateLimiter(self.storage)
        self._failures = (RedisError, OSError, TimeoutError)
        self._timer = timer
        self._asked_again_at = -math.inf
        self.is_lost = False

    async def __aenter__(self) -> "SharedCounts":
        return self

    async def __aexit__(self, *_: object) -> None:
        connections = getattr(self.storage.bridge, "storage")  # noqa: B009 - the library keeps its type to itself
        await connections.aclose()

    @property
    def is_worth_asking(self) -> bool:
        """Tell whether Redis has not failed just now."""
        return self._timer() >= self._asked_again_at

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note whether Redis has answered; what it fails with goes no further than here."""
        try:
            yield
        except self._failures as error:
            self._asked_again_at = self._timer() + PAUSE
            if not self.is_lost:
                logger.warning("rate limits are counted in this process alone: Redis, %s", type(error).__name__)
            self.is_lost = True
        else:
            if self.is_lost:
                logger.warning("rate limits are counted in Redis again")
            self.is_lost = False


def shared_counts(store_url: str) -> SharedCounts | None:
    """Return where replicas count together, or None where the store is of one machine."""
    return SharedCounts(store_url) if store_url.startswith(("redis://", "rediss://", "unix://")) else None


class RedisCounter:
    """Counts in Redis, under the same keys for all replicas, and beside it in this process.

    Where Redis does not answer, what this process has counted decides: each replica lets pass what all would together.
    With `alone` false, nothing passes then.
    """

    def __init__(self, rate: Rate, shared: SharedCounts, *, name: str, alone: bool = True, size: int = SIZE) -> None:
        from limits import RateLimitItemPerSecond  # noqa: PLC0415 - only who shares counts needs it

        self.rate = rate
        self._shared = shared
        self._alone = alone
        self._name = name
        self._item = RateLimitItemPerSecond(rate.amount, rate.seconds, namespace="limit")
        self._local = MemoryCounter(rate, size=size)
        self._size = size
        self._spent_until = OrderedDict[Hashable, float]()

    def spent(self, key: Hashable, *, now: float) -> float:
        """Return the seconds until anything may pass under a key, as far as this process knows: 0 for now."""
        there = self._spent_until.get(key, now) - now
        if key in self._spent_until and there <= 0:
            del self._spent_until[key]
        return max(there, self._local.spent(key, now=now))

    async def take(self, key: Hashable, *, now: float, cost: int = 1) -> Standing:
        """Count `cost` under a key, if there is room for it; what is refused is not counted."""
        here = self._local.take_now(key, now=now, cost=cost)
        there: Standing | None = None
        if self._shared.is_worth_asking:
            with self._shared.watched():
                async with asyncio.timeout(PATIENCE):
                    there = await self._take(key, now, cost)
        if there is None and not self._alone:
            return Standing(PAUSE, 0, PAUSE)
        return there or here

    async def _take(self, key: Hashable, now: float, cost: int) -> Standing:
        counted = self._item.key_for(self._name, _digest(key))
        storage, amount, seconds = self._shared.storage, self.rate.amount, self.rate.seconds
        if await self._shared.limiter.hit(self._item, self._name, _digest(key), cost=cost):
            return Standing(0.0, None, seconds)
        previous, previous_left, current, current_left = await storage.get_sliding_window(counted, seconds)
        # A count lives for two windows in Redis: as the current one, and then as the previous.
        passed = min(max(seconds - previous_left if previous else 2 * seconds - current_left, 0.0), seconds)
        longest = wait(self.rate, previous, current, passed, cost)
        is_first = key not in self._spent_until
        if cost == 1:
            _add(self._spent_until, key, now + longest, self._size)
        left = max(0, int(amount - current - previous * previous_left / seconds))
        return Standing(longest, left, seconds - passed, is_first)


def _digest(key: Hashable) -> str:
    """Name a key in Redis by a few bytes, whatever its length, and without the names that are in it."""
    return blake2b(repr(key).encode(), digest_size=16).hexdigest()
