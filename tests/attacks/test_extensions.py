"""A header that changes what is signed or how it is read: `crit`, `b64`, `zip` (CVE-2025-59420, CVE-2024-33664)."""

import zlib
from typing import Any

import pytest

from mcp_auth_ref.core.errors import MalformedToken
from tests.tokens import CLAIMS, HEADER, base64url, forge, hs256, refusal, segment

UNKNOWN_EXTENSION = {"problem": "its header has critical extensions, of which this reader knows none"}


@pytest.mark.parametrize(
    "extension",
    [
        {"crit": ["http://example.com/UNDEFINED"], "http://example.com/UNDEFINED": True},
        {"crit": ["exp"], "exp": 0},
        {"crit": ["alg"]},
        {"crit": ["b64"], "b64": True},
        {"crit": ["b64"], "b64": False},
        {"crit": ["kid"], "kid": "x"},
        {"crit": []},
        {"crit": None},
        {"crit": "exp"},
        {"crit": [7]},
    ],
    ids=str,
)
def test_a_critical_extension_is_refused_known_or_not(extension: dict[str, Any]) -> None:
    """RFC 7515, section 4.1.11: what is not understood must be refused, and this reader understands none."""
    assert refusal(forge(HEADER | extension, CLAIMS)) == (MalformedToken, UNKNOWN_EXTENSION)


@pytest.mark.parametrize("b64", [True, False, None, "false"])
def test_an_unencoded_payload_is_refused(b64: object) -> None:
    """RFC 7797, section 7: a JWT must not have it."""
    signing_input = f"{segment(HEADER | {'b64': b64})}.plain-payload"
    token = f"{signing_input}.{base64url(hs256(signing_input.encode()))}"

    assert refusal(token) == (MalformedToken, {"problem": "its payload is not base64url-encoded (b64)"})


@pytest.mark.parametrize("name", ["DEF", "GZ", None])
def test_a_compressed_payload_is_refused_before_it_is_inflated(name: str | None) -> None:
    """RFC 7516, section 4.1.3: `zip` is for encrypted tokens; RFC 8725, section 3.6. A few bytes can hold gigabytes."""
    bomb = zlib.compress(b'{"a":"' + b"a" * 1_000_000 + b'"}', 9)

    refused = refusal(forge(HEADER | {"zip": name}, bomb))

    assert refused == (MalformedToken, {"problem": "its payload is compressed (zip)"})
