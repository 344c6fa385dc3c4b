"""Compare what a program prints with the `.out` beside it, which a page shows.

What differs from run to run is masked by one table, `snippets/proof/masks.toml`, which the guide shows. Python examples
are not masked: they pass `now=` and random bytes themselves, so that they print the same each time.
"""

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.guide.fences import GuideError

MASKS = Path("proof/masks.toml")
EXIT = re.compile(r"\[exit (\d+)\]")


@dataclass(frozen=True, slots=True)
class Mask:
    """One thing that varies: what it is, how it looks, and what is shown instead."""

    what: str
    pattern: re.Pattern[str]
    shown: str


def read_masks(path: Path) -> list[Mask]:
    """Read the table; raise GuideError where a mask would change what another one, or it itself, has written."""
    entries = tomllib.loads(path.read_text())["mask"]
    masks = [Mask(entry["what"], re.compile(entry["pattern"]), entry["shown"]) for entry in entries]
    for mask in masks:
        if masked(mask.shown, masks) != mask.shown:
            raise GuideError(f"what is shown for {mask.what}, {mask.shown!r}, is masked again")
    return masks


def masked(text: str, masks: list[Mask]) -> str:
    """Apply each mask once, in order."""
    for mask in masks:
        text = mask.pattern.sub(mask.shown, text)
    return text


def as_printed(text: str, code: int) -> str:
    """Give an output as a terminal shows it, without blanks at line ends; a failure ends in its exit code."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join([*"\n".join(lines).strip("\n").split("\n"), *([f"[exit {code}]"] if code else [])]) + "\n"


def expected_exit(path: Path) -> int:
    """Read the exit code that a page promises: 0, or what the last line of the `.out` says, `[exit 1]`."""
    last = path.read_text().rstrip().rsplit("\n", 1)[-1] if path.exists() else ""
    promised = EXIT.fullmatch(last)
    return int(promised[1]) if promised else 0


def stale(path: Path, printed: str, *, update: bool) -> str | None:
    """Say how a `.out` differs from what was printed, or with `update` write it."""
    shown = path.read_text() if path.exists() else ""
    if shown == printed:
        return None
    if update:
        path.write_text(printed)
        return None
    names = (f"{path.name} on the page", f"{path.name} as printed")
    difference = difflib.unified_diff(shown.splitlines(), printed.splitlines(), *names, lineterm="", n=2)
    return "\n".join(["is stale; `nox -s verify -- --update` writes it again", *difference])
