"""Rate limits as arithmetic: how much may still pass in a window that slides, and how long the next has to wait.

Two counts are enough: what has passed in the fixed window of now, and in the one before it. Of the latter counts the
share that the last `seconds` still cover. So in any stretch of at most `seconds` what passes is at most the amount, and
of the amount again the share that the stretch is of the window. Two bursts around a boundary are no way round it.
"""

import re
from dataclasses import dataclass

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
MAX_SECONDS = 86400
MAX_AMOUNT = 999_999_999

_WRITTEN = re.compile(rf"([1-9][0-9]{{0,8}})/(?:([1-9][0-9]{{0,4}}) ?)?({'|'.join(UNITS)})s?")
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds; both are whole numbers above 0."""

    amount: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read what people write: `5/minute`, `100/hour`, `3/10 seconds`. Raises ValueError."""
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise ValueError("a rate is written like 5/minute, 100/hour or 3/10 seconds")
        amount, times, unit = match.groups()
        seconds = int(times or 1) * UNITS[unit]
        if seconds > MAX_SECONDS:
            raise ValueError("the window of a rate is at most a day")
        return cls(int(amount), seconds)

    def __str__(self) -> str:
        return f"{self.amount} in {self.seconds} seconds"


def room(rate: Rate, previous: float, current: float, passed: float) -> float:
    """Return how much may still pass, `passed` seconds into the current window; below 0 after a change of the rate."""
    return rate.amount - current - previous * (1 - passed / rate.seconds)


def fits(cost: int, free: float) -> bool:
    """Tell whether `cost` has room, in spite of what floating point leaves of a whole number."""
    return cost <= free + _ROUNDING


def wait(rate: Rate, previous: float, current: float, passed: float, cost: int = 1) -> float:
    """Return after how many seconds `cost` more have room, if nothing else comes: 0 where they have it already.

    What costs more than the whole amount never has room; it is told to wait for two whole windows.
    """
    if fits(cost, room(rate, previous, current, passed)):
        return 0.0
    if cost > rate.amount:
        return 2.0 * rate.seconds
    if current + cost <= rate.amount:
        return _until(rate, previous, rate.amount - cost - current) - passed
    return rate.seconds - passed + _until(rate, current, rate.amount - cost)


def _until(rate: Rate, fading: float, allowed: float) -> float:
    """Return how far into a window the share of the one before it, `fading`, has shrunk to what is allowed."""
    return max(0.0, rate.seconds * (1 - allowed / fading)) if fading else 0.0
