"""What the tests of the commands share: how a line is typed, and tokens to type it with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.tokens import CLAIMS, HEADER, forge, hs256

SECRET = "a-secret-for-tests-0123456789-abcdefghi"
SETTINGS = {"MCP_JWT_SECRET": SECRET}


@dataclass(frozen=True)
class Printed:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


class Run(Protocol):
    """What types a line."""

    def __call__(
        self, line: str, environ: Mapping[str, str | None] = SETTINGS, *, stdin: bytes = b"", color: bool = False
    ) -> Printed:
        """Type a line into a shell that has these settings, or other ones."""


def token(secret: str = SECRET, **claims: Any) -> str:
    """Forge a token that is good at `NOW`, save for what is asked for."""
    return forge(HEADER, {**CLAIMS, **claims}, lambda message: hs256(message, secret.encode()))
