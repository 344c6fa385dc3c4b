"""The chain of a sealed log: each line carries a seal over itself and the seal before it.

The seal is an HMAC (RFC 2104) and not a bare hash, for a bare hash protects against nobody: whoever changes a line
computes the hashes behind it again. Without the key, a changed, removed, added or moved line shows.

A line that is cut from the end breaks no chain, so a head beside the log counts the lines, under a seal of its own.
"""

import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mcp_auth_ref.core.errors import ConfigurationError

MIN_KEY_BYTES = 32

_SEALED = re.compile(rb'\{"seq": ([1-9][0-9]{0,17}), .*, "seal": "([0-9a-f]{64})"\}')
_PREVIOUS = re.compile(rb'"event": "open", "previous": "([0-9a-f]{64})"\}\Z')
_HEAD = re.compile(rb'\{"seq": (0|[1-9][0-9]{0,17}), "last": "([0-9a-f]{64})", "seal": "([0-9a-f]{64})"\}\s*')
_SEAL_BYTES = len(b', "seal": ""}') + 64


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain has come to: the number of its last line, and that line's seal in hexadecimal digits."""

    seq: int
    seal: str


ORIGIN = Link(0, "0" * 64)


class BrokenChain(Exception):
    """A sealed log is not what was written: the name of the file, the line from 1 on or none, and what is wrong."""

    def __init__(self, file: str, line: int | None, problem: str) -> None:
        self.file = file
        self.line = line
        self.problem = problem
        super().__init__(f"{file}{'' if line is None else f', line {line}'}: {problem}")


class Chain:
    """Seals lines with a key of at least 32 bytes, and tells whether sealed lines are whole. Raises ConfigurationError.

    Whoever has the key can seal anything: keep it from those who may write the log, and from those who read it.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            remedy = "Fill it with the output of `mcp-auth-ref secret new`"
            raise ConfigurationError("MCP_AUDIT_KEY_FILE", f"its key has fewer than {MIN_KEY_BYTES} bytes", remedy)
        self._line_key = hmac.digest(key, b"audit line", "sha256")
        self._head_key = hmac.digest(key, b"audit head", "sha256")

    def sealed(self, body: str, after: Link) -> tuple[bytes, Link]:
        """Return a JSON object of at least one member as the line that comes next, and where the chain is then."""
        seq = after.seq + 1
        numbered = f'{{"seq": {seq}, {body[1:]}'.encode("ascii")
        link = Link(seq, self._seal(numbered, after))
        return numbered[:-1] + f', "seal": "{link.seal}"}}'.encode("ascii"), link

    def opening(self, time: str, after: Link) -> tuple[bytes, Link]:
        """Return the first line of a file: it says which line of an earlier file it follows."""
        return self.sealed(json.dumps({"time": time, "event": "open", "previous": after.seal}), after)

    def next(self, line: bytes, after: Link) -> Link | str:
        """Return where the chain is with this line, or what is wrong with it."""
        found = _SEALED.fullmatch(line)
        if not found:
            return "it is no sealed line"
        link = Link(int(found[1]), found[2].decode("ascii"))
        if link.seq > after.seq + 1:
            return f"{_lines(after.seq + 1, link.seq - 1)} missing before it"
        if link.seq <= after.seq:
            return f"it is line {link.seq} of the log, and line {after.seq + 1} belongs here"
        expected = self._seal(line[:-_SEAL_BYTES] + b"}", after)
        return link if hmac.compare_digest(expected, link.seal) else "it has been changed"

    def is_last(self, line: bytes, head: Link) -> bool:
        """Tell whether this is the line that the head calls the last one."""
        return line.endswith(f', "seal": "{head.seal}"}}'.encode("ascii"))

    def head(self, link: Link) -> bytes:
        """Return what is kept beside the log, always of the same length."""
        text = f'{{"seq": {link.seq}, "last": "{link.seal}", "seal": "{self._head_seal(link)}"}}'
        return f"{text:<191}\n".encode("ascii")

    def read_head(self, data: bytes) -> Link | None:
        """Return where the log had come to, or None where this key has not said so."""
        found = _HEAD.fullmatch(data)
        if not found:
            return None
        link = Link(int(found[1]), found[2].decode("ascii"))
        return link if hmac.compare_digest(self._head_seal(link), found[3].decode("ascii")) else None

    def verify(self, files: Iterable[tuple[str, Iterable[bytes]]]) -> tuple[Link, Link] | None:
        """Follow the chain through files, oldest first, each given by its name and its lines without their ends.

        Return where it begins and where it ends, or None without lines. What was written before the log was sealed is
        passed over. Raises BrokenChain at the first line that is not what was written.
        """
        begin: Link | None = None
        end = ORIGIN
        unsealed: str | None = None
        for name, lines in files:
            for number, line in enumerate(lines, start=1):
                if begin is None and not is_sealed(line):
                    unsealed = name
                    continue
                if begin is None:
                    begin = end = _before(line)
                    if unsealed is not None and (begin != ORIGIN or unsealed == name):
                        raise BrokenChain(name, number, "it follows lines without a seal")
                link = self.next(line, end)
                if isinstance(link, str):
                    raise BrokenChain(name, number, link)
                if number == 1 and _opens_after(line) != end.seal:
                    raise BrokenChain(name, number, "it does not open a file")
                end = link
        if begin is None and unsealed is not None:
            raise BrokenChain(unsealed, 1, "it is no sealed line")
        return None if begin is None else (begin, end)

    def _seal(self, numbered: bytes, after: Link) -> str:
        return hmac.digest(self._line_key, bytes.fromhex(after.seal) + numbered, "sha256").hex()

    def _head_seal(self, link: Link) -> str:
        return hmac.digest(self._head_key, f"{link.seq} {link.seal}".encode("ascii"), "sha256").hex()


def is_sealed(line: bytes) -> bool:
    """Tell whether a line has the form of a sealed one. Whether its seal holds is another question."""
    return _SEALED.fullmatch(line) is not None


def _before(line: bytes) -> Link:
    """Return where the chain was before the first line of the oldest file that is left; its seal is yet to hold."""
    found = _SEALED.fullmatch(line)
    previous = _opens_after(line)
    return ORIGIN if found is None or previous is None else Link(int(found[1]) - 1, previous)


def _opens_after(line: bytes) -> str | None:
    found = _PREVIOUS.search(line[:-_SEAL_BYTES] + b"}")
    return found[1].decode("ascii") if found else None


def _lines(first: int, last: int) -> str:
    return f"line {first} of the log is" if first == last else f"lines {first} to {last} of the log are"


def missing_at_the_end(end: Link, head: Link) -> str | None:
    """Tell what the head counts and the log has not, or None."""
    return f"{_lines(end.seq + 1, head.seq)} missing at the end" if head.seq > end.seq else None
