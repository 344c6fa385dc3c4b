"""A token that was issued for another server (RFC 8725, section 2.7)."""

import pytest

from mcp_auth_ref.core.errors import InvalidClaim, MissingClaim, WrongAudience
from mcp_auth_ref.core.keys import KeySet
from mcp_auth_ref.core.tokens import TokenVerifier
from tests.tokens import CLAIMS, HEADER, ISSUER, KEYS, NOW, RESOURCE, VERIFIER, forge, refusal

ODD = {"claim": "aud", "expected": "a string or a list of strings"}


@pytest.mark.parametrize(
    "another",
    [
        "https://another.example/mcp",
        f"{RESOURCE}/",
        f"{RESOURCE}//",
        f"{RESOURCE}/admin",
        f"{RESOURCE}2",
        f"{RESOURCE}?",
        f"{RESOURCE}#",
        RESOURCE.removesuffix("/mcp"),
        RESOURCE[:-1],
        RESOURCE[1:],
        f" {RESOURCE}",
        f"{RESOURCE} ",
        f"{RESOURCE}\n",
        f"{RESOURCE}\x00",
        f"{RESOURCE} https://another.example",
        f"{RESOURCE},https://another.example",
        RESOURCE.upper(),
        "HTTP://127.0.0.1:8765/mcp",
        "https://127.0.0.1:8765/mcp",
        "http://127.0.0.1/mcp",
        "http://127.1:8765/mcp",
        "http://localhost:8765/mcp",
        "http://127.0.0.1:8765/%6dcp",
        "http://127.0.0.1:8765/./mcp",
        "http://user@127.0.0.1:8765/mcp",
        "http://127.0.0.1:8765/mcp.attacker.example",
        "*",
        ".*",
    ],
)
def test_another_spelling_is_another_audience(another: str) -> None:
    """RFC 7519, section 4.1.3: compared as plain, case-sensitive strings. No prefix, suffix or pattern fits."""
    expected = (WrongAudience, {"expected": RESOURCE})

    assert refusal(forge(HEADER, CLAIMS | {"aud": another})) == expected
    assert refusal(forge(HEADER, CLAIMS | {"aud": [another]})) == expected
    assert refusal(forge(HEADER, CLAIMS | {"aud": [another, another]})) == expected


@pytest.mark.parametrize(
    "odd",
    [7, True, 1.5, {RESOURCE: True}, {}, [7], [None], [RESOURCE, 7], [RESOURCE, None], [RESOURCE, ""], [[RESOURCE]]],
    ids=repr,
)
def test_an_audience_is_a_string_or_a_list_of_strings(odd: object) -> None:
    """RFC 7519, section 4.1.3. A list is refused for any odd member, also beside the right one."""
    assert refusal(forge(HEADER, CLAIMS | {"aud": odd})) == (InvalidClaim, ODD)


@pytest.mark.parametrize(
    "listed",
    [[RESOURCE], [RESOURCE, "https://another.example"], ["https://another.example", RESOURCE], [RESOURCE, RESOURCE]],
)
def test_a_list_that_names_this_server_is_accepted(listed: list[str]) -> None:
    """RFC 7519, section 4.1.3, and RFC 8725, section 3.9: our policy for several audiences is to be among them."""
    assert VERIFIER.verify(forge(HEADER, CLAIMS | {"aud": listed}), now=NOW).audience == tuple(listed)


@pytest.mark.parametrize("audience", ["", [""], [], None])
def test_a_server_without_a_name_accepts_nothing(audience: object) -> None:
    """Our choice: where the setting was forgotten, an empty audience does not fit it."""
    nameless = TokenVerifier(ISSUER, "", KeySet([KEYS["HS256"]]))

    assert refusal(forge(HEADER, CLAIMS | {"aud": audience}), nameless)[0] in (MissingClaim, InvalidClaim)
    assert refusal(forge(HEADER, CLAIMS), nameless) == (WrongAudience, {"expected": ""})
