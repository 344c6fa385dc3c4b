"""Tokens as a command is given them, and what it says about each."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import click
from click.core import ParameterSource

from mcp_auth_ref.cli.frame import REFUSED, printable
from mcp_auth_ref.core import jws
from mcp_auth_ref.core.errors import InvalidToken, MalformedToken, help_url
from mcp_auth_ref.core.jws import UnverifiedHeader

_DATES = ("iat", "nbf", "exp")
_WAYS = "Give it with --token-file, in MCP_TOKEN, or on standard input with -"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a token. `valid` is None where nobody checked it; `verified` says that the signature holds."""

    now: float
    valid: bool | None = None
    verified: bool = False
    error: InvalidToken | None = None
    header: UnverifiedHeader | None = None
    payload: Mapping[str, Any] | None = None

    @property
    def time_remaining(self) -> int | None:
        """The seconds until `exp`, below zero once it has passed."""
        expires_at: Any = (self.payload or {}).get("exp")
        return int(expires_at - self.now) if moment(expires_at) else None

    def document(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        error = self.error and {"code": self.error.code, "message": str(self.error), "help": help_url(self.error.code)}
        return {
            "valid": self.valid,
            "verified": self.verified,
            "error": error,
            "payload": self.payload,
            "time_remaining": self.time_remaining,
        }

    def line(self) -> str:
        """Say it in one line."""
        if self.error is not None:
            return _styled("refused", f" ({self.error.code}): {self.error}", "red")
        if self.verified and self.payload is not None:
            return _styled("valid", f": {self.payload['sub']}, {self.time_remaining} seconds left", "green")
        return _styled("NOT VERIFIED", ": anybody can write a token that says this", "red")

    def facts(self) -> Iterator[tuple[str, str]]:
        """Give what else there is to show: the header, the clock, the claims."""
        if self.header is not None and self.payload is not None:
            algorithm, kid, type_ = self.header
            yield from (
                ("alg", algorithm),
                ("kid", kid or "-"),
                ("typ", type_ or "-"),
                ("clock", str(moment(self.now))),
                *(("", sentence) for sentence in _odd_dates(self.payload, self.now)),
            )
            yield from map(_claim, self.payload.items())


def _odd_dates(payload: Mapping[str, Any], now: float) -> Iterator[str]:
    """Say what a token's dates tell of the two clocks, where they and this clock do not go together."""
    issued, starts, ends = (payload.get(name) if moment(payload.get(name)) else None for name in _DATES)
    if issued is not None and issued > now:
        yield f"issued {issued - now:.0f} seconds in the future: the issuer's clock is ahead by at least that"
    elif starts is not None and starts > now:
        yield f"good only in {starts - now:.0f} seconds"
    if ends is not None and ends <= now:
        age = 0 if issued is None else now - issued
        fresh = f"; if it is fresh, this clock is ahead by {age:.0f} seconds" if age > 0 else ""
        yield f"ended {now - ends:.0f} seconds ago{fresh}"
    if issued is not None and ends is not None and ends <= issued:
        yield "ends before it begins: the issuer has confused its dates"


def seen(token: str, *, now: float) -> Verdict:
    """Look into a token without checking anything."""
    try:
        unverified = jws.read(token)
        return Verdict(now=now, header=unverified.header, payload=jws.payload(unverified))
    except MalformedToken as error:
        return Verdict(now=now, error=error)


Judge: TypeAlias = Callable[[str], Verdict]


def report(
    judge: Judge, *, token: str | None, token_file: Path | None, words: tuple[str, ...], as_json: bool, verbose: bool
) -> None:
    """Judge the token or tokens given and print what is found. Exits with 1 if one is refused."""
    context = click.get_current_context()
    typed = context.get_parameter_source("token") is ParameterSource.COMMANDLINE
    if words not in ((), ("-",)):
        context.fail(f"A token is not an argument. {_WAYS}.")
    if [typed, token_file is not None, bool(words)].count(True) > 1:
        context.fail("There are several tokens. Give one in one way, or many on standard input with -.")
    if words:
        refused = _report_many(judge, as_json=as_json, verbose=verbose)
    elif token_file is not None:
        refused = _report_one(judge(_text(_read(token_file))), as_json=as_json, verbose=verbose)
    elif token is not None:
        refused = _report_one(judge(token), as_json=as_json, verbose=verbose)
    else:
        context.fail(f"There is no token. {_WAYS}.")
    context.exit(REFUSED if refused else 0)


def _report_one(verdict: Verdict, *, as_json: bool, verbose: bool) -> bool:
    click.echo(json.dumps(verdict.document(), indent=2) if as_json else "\n".join(_lines(verdict, verbose=verbose)))
    if verdict.error is not None and not as_json:
        click.echo(f"{verdict.error.cure}\nSee {help_url(verdict.error.code)}", err=True)
    return verdict.error is not None


def _report_many(judge: Judge, *, as_json: bool, verbose: bool) -> bool:
    source = sys.stdin.buffer if sys.stdin else io.BytesIO()
    with_bar = os.isatty(2)
    number = refused = 0
    with click.progressbar(_tokens(source), length=_count(source), file=sys.stderr, hidden=not with_bar) as tokens:
        for token in tokens:
            number += 1
            verdict = judge(token)
            refused += verdict.error is not None
            if with_bar and os.isatty(1):
                sys.stderr.write("\r\x1b[K")
            lines = [json.dumps(verdict.document())] if as_json else _lines(verdict, verbose=verbose)
            click.echo("\n".join(lines if as_json else [f"{number}: {lines[0]}", *lines[1:]]))
    if not number:
        click.get_current_context().fail("There is no token on standard input.")
    click.echo(f"{number} {'token' if number == 1 else 'tokens'}, {refused} refused", err=True)
    return refused > 0


def _tokens(source: BinaryIO) -> Iterator[str]:
    return (_text(line) for line in source if line.strip())


def _count(source: BinaryIO) -> int | None:
    """Count the tokens of a file ahead, for the progress bar; a pipe has no end to look at."""
    if not source.seekable():
        return None
    start = source.tell()
    number = sum(1 for _ in _tokens(source))
    source.seek(start)
    return number


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.BadParameter(
            f"it cannot be read: {error.strerror}", click.get_current_context(), param_hint="'--token-file'"
        ) from None


def _text(data: bytes) -> str:
    """Let bytes that are no text be characters that no token has."""
    return data.decode("utf-8", "surrogateescape").rstrip("\r\n")


def _lines(verdict: Verdict, *, verbose: bool) -> list[str]:
    facts = [(printable(name), printable(text)) for name, text in verdict.facts()] if verbose else []
    width = max((len(name) for name, _ in facts), default=0)
    return [verdict.line(), *(f"  {name:<{width}}  {text}" for name, text in facts)]


def _styled(word: str, rest: str, colour: str) -> str:
    return f"{click.style(word, fg=colour, bold=True)}{printable(rest)}"


def _claim(item: tuple[str, Any]) -> tuple[str, str]:
    name, value = item
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    date = moment(value) if name in _DATES else None
    return name, f"{text} ({date})" if date else text


def moment(seconds: object) -> str | None:
    """Write seconds since 1970 as a date (RFC 3339), where they are one."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None
