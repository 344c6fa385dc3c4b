"""Where a client has its token from: a text, a function, a variable, a file; and what is no token at all."""

import inspect
import os
import re
import stat
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import anyio

from mcp_auth_ref.core.errors import ConfigurationError


@runtime_checkable
class TokenSource(Protocol):
    """What a client asks for its token, before each attempt of a call; one of your own has these two methods.

    `refused` is the token that the server has just refused because it has expired, else None. The client sends what it
    gets, and after a refusal goes on only if that is another token. Both may raise AuthError, which ends the call.
    """

    def token(self, refused: str | None) -> str:
        """Return the token to send; asked by clients that are not asynchronous."""

    async def token_async(self, refused: str | None) -> str:
        """Return the token to send; asked by asynchronous clients."""


Token: TypeAlias = str | Callable[[], str | Awaitable[str]] | TokenSource


def source_of(token: Token) -> TokenSource:
    """Return the source that a client's argument `token` stands for. Raises ConfigurationError."""
    if isinstance(token, str):
        return FixedToken(usable(token, "token"))
    if isinstance(token, TokenSource):
        return token
    return CalledToken(token)


def usable(token: str, name: str) -> str:
    """Return a token as it is, if it can be one (RFC 6750, section 2.1).

    Raises ConfigurationError that says of `name` what is wrong with it, and nothing of what it holds.
    """
    for pattern, problem, remedy in _TRAPS:
        if pattern.search(token):
            raise ConfigurationError(name, problem, remedy)
    return token


_TRAPS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), problem, remedy)
    for pattern, problem, remedy in (
        (r"^\s*$", "it is empty", "Give it a token: TOKEN=$(generate-mcp-token …)"),
        (r"\$\{?\w|%\w+%", "it holds a variable that nothing has expanded", "Let the shell or your program expand it"),
        (r"^\s*bearer\s", "it begins with Bearer, which the client writes itself", "Give the token alone"),
        (r"^\s*authorization\s*:", "it is the whole header field", "Give the token alone"),
        (r"[\r\n]\s*$", "a line break follows it", "Take it off: in Python .strip(), in a shell $(cat file)"),
        (r"[\r\n]", "a line break stands in it", "Copy it as one line"),
        (r"\s", "there is a space in it, or beside it", "Copy the token alone, from its first character to its last"),
        (r"[\"'`\u2018\u2019\u201c\u201d]", "it stands in quotation marks", "Leave them out"),
        (r"[^\w.~+/=-]", "it holds a character that no token has", "Copy it anew, or issue another"),
    )
)


@dataclass(frozen=True, slots=True)
class FixedToken:
    """One token for ever."""

    _token: str = field(repr=False)

    def token(self, refused: str | None) -> str:  # noqa: ARG002 - there is no other token to give
        """Return it."""
        return self._token

    async def token_async(self, refused: str | None) -> str:
        """Return it."""
        return self.token(refused)


class CalledToken:
    """What a function returns, kept until the server calls it expired. Of many calls at once, one asks the function."""

    def __init__(self, function: Callable[[], str | Awaitable[str]]) -> None:
        self._function = function
        self._held: str | None = None
        self._lock = threading.Lock()
        self._lock_async = anyio.Lock()

    def token(self, refused: str | None) -> str:
        """Return the token that is held, or a new one. Raises ConfigurationError."""
        with self._lock:
            if self._held is None or self._held == refused:
                self._held = _given(self._function())
            return self._held

    async def token_async(self, refused: str | None) -> str:
        """Return the token that is held, or a new one. Raises ConfigurationError."""
        async with self._lock_async:
            if self._held is None or self._held == refused:
                given = self._function()
                self._held = _given(await given if inspect.isawaitable(given) else given)
            return self._held


def _given(value: object) -> str:
    """Return what a function has given, if it can be a token. Raises ConfigurationError."""
    if inspect.iscoroutine(value):
        value.close()
        wrong, remedy = "its function is asynchronous, and this client is not", "Give it to MCPAuthClient"
        raise ConfigurationError("token", wrong, remedy)
    if not isinstance(value, str):
        raise ConfigurationError("token", f"its function gives {type(value).__name__}", "Let it return the token: str")
    return usable(value, "token")


@dataclass(frozen=True, slots=True)
class TokenVariable:
    """The token in an environment variable, read anew at each request.

    Raises ConfigurationError where there is none, from the beginning.
    """

    name: str = "MCP_TOKEN"

    def __post_init__(self) -> None:
        self.token(None)

    def token(self, refused: str | None) -> str:  # noqa: ARG002 - what stands there is all there is
        """Return what stands there. Raises ConfigurationError."""
        value = os.environ.get(self.name)
        if value is None:
            raise ConfigurationError(self.name, "it is not set", "Set it to a token and export it")
        return usable(value, self.name)

    async def token_async(self, refused: str | None) -> str:
        """Return what stands there. Raises ConfigurationError."""
        return self.token(refused)


@dataclass(frozen=True, slots=True)
class TokenFile:
    """The token in a file that only its owner may read (mode 0600), read anew at each request.

    One line break at the end is no part of it. Raises ConfigurationError where there is no such file, or others may
    read it, from the beginning.
    """

    path: Path

    def __init__(self, path: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "path", Path(path))
        self.token(None)

    def token(self, refused: str | None) -> str:  # noqa: ARG002 - what stands there is all there is
        """Return what stands there. Raises ConfigurationError."""
        try:
            text = self._read()
        except OSError as error:
            wrong = f"it cannot be read: {str(error.strerror).lower()}"
            raise ConfigurationError(str(self.path), wrong, "Write the token into it") from None
        except UnicodeDecodeError:
            raise ConfigurationError(str(self.path), "it is not text", "Write the token into it") from None
        return usable(text.removesuffix("\n").removesuffix("\r"), str(self.path))

    async def token_async(self, refused: str | None) -> str:
        """Return what stands there. Raises ConfigurationError."""
        return self.token(refused)

    def _read(self) -> str:
        # A pipe without a writer keeps nobody waiting; where the system has no such flag, it is 0.
        descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigurationError(str(self.path), "it is not a plain file", "Write the token into one")
            if os.name == "posix" and mode & 0o077:
                wrong = "others than its owner may read or change it"
                raise ConfigurationError(str(self.path), wrong, f"Run chmod 600 {self.path}")
            return file.read(_MAX_BYTES).decode("ascii")


_MAX_BYTES = 64 * 1024
