"""Another kind of JWT, rightly signed by the right issuer, in the place of an access token (RFC 8725, section 2.8)."""

import pytest

from mcp_auth_ref.core.errors import MalformedToken, WrongType
from tests.tokens import CLAIMS, HEADER, forge, refusal, without


@pytest.mark.parametrize(
    "typ",
    [
        "JWT",
        "jwt",
        "id_token",
        "logout+jwt",
        "refresh+jwt",
        "secevent+jwt",
        "token-introspection+jwt",
        "dpop+jwt",
        "oauth-authz-req+jwt",
        "at",
        "at+jwt ",
        " at+jwt",
        "at+jwt; charset=utf-8",
        "at+jwts",
        "xat+jwt",
        "application/jwt",
        "application/application/at+jwt",
        "text/at+jwt",
        "at +jwt",
        "at\u202b+jwt",
    ],
)
def test_another_type_is_refused(typ: str) -> None:
    """RFC 9068, section 4; RFC 8725, section 3.11."""
    assert refusal(forge({"alg": "HS256", "typ": typ}, CLAIMS)) == (WrongType, {})


def test_a_token_without_type_is_refused() -> None:
    """RFC 9068, section 2.1: `typ` is there, or it may be an ID token."""
    assert refusal(forge({"alg": "HS256"}, CLAIMS)) == (WrongType, {})


@pytest.mark.parametrize("typ", [None, "", 7, True, ["at+jwt"], {"at+jwt": 1}])
def test_a_type_is_a_string(typ: object) -> None:
    """RFC 7515, section 4.1.9."""
    problem = "the typ of its header is not a string with something in it"

    assert refusal(forge({"alg": "HS256", "typ": typ}, CLAIMS)) == (MalformedToken, {"problem": problem})


def test_the_type_stands_in_the_header_and_nowhere_else() -> None:
    """RFC 8725, section 3.11: the payload of an ID token may say what it likes."""
    assert refusal(forge({"alg": "HS256", "cty": "at+jwt"}, CLAIMS | {"typ": "at+jwt"})) == (WrongType, {})


def test_an_id_token_is_no_access_token() -> None:
    """OpenID Connect Core, section 2: `nonce` and the client as audience; RFC 9068, section 4."""
    claims = without("client_id") | {"aud": "cli", "nonce": "n-0S6_WzA2Mj"}

    assert refusal(forge({"alg": "HS256", "typ": "JWT"}, claims)) == (WrongType, {})


def test_a_logout_token_is_no_access_token() -> None:
    """OpenID Connect Back-Channel Logout, section 2.4."""
    claims = CLAIMS | {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}

    assert refusal(forge(HEADER | {"typ": "logout+jwt"}, claims)) == (WrongType, {})
