"""The strict reader of a compact JWS (RFC 7515, section 7.1).

`read` takes a token apart and refuses everything that has more than one reading: padding, stray characters and unused
bits in base64url, members that appear twice, text that is not UTF-8, numbers that are not numbers. It verifies nothing:
what comes out says so in its name, and `payload` is for whoever has checked the signature, or tells that nobody has.
"""

import json
import string
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from mcp_auth_ref.core.errors import MalformedToken

MAX_TOKEN_BYTES = 8192
MAX_BRACKETS = 256

_REFUSED_HEADERS: Mapping[str, str] = {
    "crit": "its header has critical extensions, of which this reader knows none",
    "b64": "its payload is not base64url-encoded (b64)",
    "zip": "its payload is compressed (zip)",
    "enc": "it is encrypted (enc)",
    "jwk": "its header brings a key of its own (jwk)",
    "jku": "its header says where to fetch a key (jku)",
    "x5c": "its header brings a certificate of its own (x5c)",
    "x5u": "its header says where to fetch a certificate (x5u)",
}

# base64url to base64 for the C decoder; every byte outside the alphabet becomes one that strict mode refuses.
_ALPHABET = string.ascii_letters + string.digits
_TO_BASE64 = bytes(
    {"-": ord("+"), "_": ord("/")}.get(character, byte if character in _ALPHABET else 0)
    for byte, character in enumerate(map(chr, range(256)))
)
# What pads a segment whose length leaves this remainder, and the characters it may end in without unused bits set.
_ENDINGS: tuple[tuple[bytes, Container[int]], ...] = (
    (b"", range(256)),
    (b"", ()),
    (b"==", b"AQgw"),
    (b"=", b"AEIMQUYcgkosw048"),
)


class UnverifiedHeader(NamedTuple):
    """What the header claims, before anything has been proven."""

    algorithm: str
    kid: str | None
    type: str | None


class UnverifiedToken(NamedTuple):
    """A well-formed token that nobody has checked."""

    header: UnverifiedHeader
    signing_input: bytes
    signature: bytes
    encoded_payload: bytes


def read(token: str) -> UnverifiedToken:
    """Take a compact JWS of at most 8192 bytes apart.

    Raises MalformedToken with the first thing that is odd.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedToken(f"it is longer than {MAX_TOKEN_BYTES} bytes")
    if not token.isascii():
        raise MalformedToken("it has characters other than base64url and dots")
    compact = token.encode("ascii")
    if compact.count(b".") != 2:
        raise MalformedToken(f"it should have three parts and has {compact.count(b'.') + 1}")
    signing_input, _, signature = compact.rpartition(b".")
    header, _, encoded_payload = signing_input.partition(b".")
    return UnverifiedToken(_header(header), signing_input, decode(signature, part="signature"), encoded_payload)


def payload(token: UnverifiedToken) -> dict[str, Any]:
    """Decode the payload: a JSON object whose members are unique.

    Verified or not is for the caller to know. Raises MalformedToken.
    """
    return _json_object(decode(token.encoded_payload, part="payload"), part="payload")


def decode(segment: bytes, *, part: str) -> bytes:
    """Decode base64url without padding, in its one canonical form (RFC 4648, sections 3.5 and 5)."""
    padding, last = _ENDINGS[len(segment) % 4]
    if not segment or segment[-1] not in last:
        raise MalformedToken(f"its {part} is cut off, empty or not canonical base64url")
    try:
        return a2b_base64(segment.translate(_TO_BASE64) + padding, strict_mode=True)
    except Base64Error:
        raise MalformedToken(f"its {part} has characters outside base64url") from None


@lru_cache(maxsize=64)
def _header(segment: bytes) -> UnverifiedHeader:
    """Read a header; the same few come with every token of an issuer."""
    members = _json_object(decode(segment, part="header"), part="header")
    for name, problem in _REFUSED_HEADERS.items():
        if name in members:
            raise MalformedToken(problem)
    for name in ("alg", "kid", "typ"):
        if name in members and (not isinstance(members[name], str) or not members[name]):
            raise MalformedToken(f"the {name} of its header is not a string with something in it")
    if "alg" not in members:
        raise MalformedToken("its header has no alg")
    return UnverifiedHeader(members["alg"], members.get("kid"), members.get("typ"))


def _json_object(data: bytes, *, part: str) -> dict[str, Any]:
    # How deep a parser can go depends on the Python and the stack it runs on; this bound does not. What is too short to
    # break it, as most tokens are, is not counted.
    if len(data) > MAX_BRACKETS * 2 and data.count(b"[") + data.count(b"{") > MAX_BRACKETS:
        raise MalformedToken(f"its {part} is nested too deeply")
    try:
        text = data.decode("utf-8").strip(" \t\n\r")
        value, end = _JSON.raw_decode(text)
        if "\\" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair can be escaped, not encoded
    except ValueError as error:
        known = error.args[0] if isinstance(error, _OddJSONError) else "is not UTF-8 JSON"
        raise MalformedToken(f"its {part} {known}") from None
    if type(value) is not dict or end != len(text):
        raise MalformedToken(f"its {part} is not one JSON object")
    return value


class _OddJSONError(ValueError):
    """JSON that Python would read and others would read otherwise."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _OddJSONError("has a member twice")
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise _OddJSONError("has a number beyond all bounds")
    return number


def _no_constant(name: str) -> NoReturn:
    raise _OddJSONError(f"has {name}, which is no JSON number")


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
