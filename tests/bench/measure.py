"""CPU time per call, compared fairly: contenders take turns, and each keeps its best round. And memory."""

import gc
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Run = Callable[[int], None]
"""Does the work so many times."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure. `ratio` compares it with `baseline`; above 1 is better than the baseline."""

    group: str
    contender: str
    value: float
    unit: str
    baseline: str
    ratio: float
    target: float | None = None


def cpu_time(contenders: Mapping[str, Run], *, calls: int, rounds: int = 7) -> dict[str, float]:
    """Return CPU seconds per call of each contender: the best of `rounds` rounds of `calls` calls."""
    best = dict.fromkeys(contenders, float("inf"))
    for run in contenders.values():
        run(max(calls // 10, 1))
    for _ in range(rounds):
        for name, run in contenders.items():
            started = time.process_time()
            run(calls)
            best[name] = min(best[name], (time.process_time() - started) / calls)
    return best


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
