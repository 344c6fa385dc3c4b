"""Run every benchmark in one go: `python -m tests.bench [GROUP…] [--json FILE]`. Ratios above 1 beat their baseline."""

import argparse
import json
import platform
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from tests.bench.measure import Row

GROUPS = ("tokens", "requests", "startup", "memory", "hub", "stores", "rotation", "limits", "events")
PACKAGES = ("mcp-auth-ref", "PyJWT", "cryptography", "joserfc", "authlib", "fastmcp", "mcp", "starlette", "uvicorn")


def main() -> None:
    """Measure, print a table as it grows, and write the same figures as JSON."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--json", type=Path, default=Path(".cache/bench.json"), metavar="FILE")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    warnings.simplefilter("ignore")  # what the peers warn of, their own deprecations above all, is not measured here
    rows = list(_measured(arguments.groups or GROUPS))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({**_setting(), "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
    missed = [row for row in rows if row.target is not None and row.ratio < row.target]
    print(f"\n{len(rows)} figures, {len(missed)} below target; written to {arguments.json}")


def _measured(groups: Sequence[str]) -> Iterator[Row]:
    for name in groups:
        print(f"\n{name}: measuring …", file=sys.stderr)
        group = ""
        for row in import_module(f"tests.bench.{name}").rows():
            if row.group != group:
                group = row.group
                print(f"\n{group:34} {'':>10} {'':9} {'ratio':>8}  to {row.baseline}")
            target = (
                "" if row.target is None else f"target {row.target:.2f}{'' if row.ratio >= row.target else '  MISSED'}"
            )
            print(f"  {row.contender:32} {row.value:10.2f} {row.unit:9} {row.ratio:8.2f}  {target}", flush=True)
            yield row


def _setting() -> dict[str, object]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}",
        "versions": {name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    main()
