"""A refresh token, or another credential, in the place of an access token (RFC 6749, section 1.5)."""

import pytest

from mcp_auth_ref.core.errors import InvalidToken, WrongType
from tests.tokens import CLAIMS, HEADER, forge, refusal


@pytest.mark.parametrize(
    "credential",
    [
        "gX1fBat3bV-tGzv3JOkF0XG5Qx2TlKWIA0123456789",
        "gX1fBat3bV.tGzv3JOkF0X.G5Qx2TlKWIA",
        "refresh.token.opaque",
        "0e6f3a52-8f0c-4a3b-9d3e-0f2b8f3c6a11",
        "YWRhOmFfcGFzc3dvcmRfb2ZfaGVycw==",
        "mcp_pat_0123456789abcdefghijklmnopqrstuvwxyz",
        "MTIz.NDU2.Nzg5",
        "undefined",
        "null",
        "[object Object]",
        "$TOKEN",
        "<token>",
        "{{token}}",
        "eyJ...",
        "***",
    ],
)
def test_an_opaque_credential_is_no_access_token(credential: str) -> None:
    """RFC 6749, section 1.5: refresh tokens go to the authorization server only."""
    assert issubclass(refusal(credential)[0], InvalidToken)


@pytest.mark.parametrize("typ", ["JWT", "refresh+jwt", "rt+jwt"])
def test_a_refresh_token_that_is_a_jwt_of_the_right_issuer_is_no_access_token(typ: str) -> None:
    """RFC 8725, section 3.12: kinds of tokens exclude one another."""
    claims = CLAIMS | {"token_use": "refresh", "exp": CLAIMS["exp"] + 30 * 86_400}

    assert refusal(forge(HEADER | {"typ": typ}, claims)) == (WrongType, {})
