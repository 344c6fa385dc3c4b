"""An encrypted token, or one in another serialization, where a signed compact one belongs (RFC 7516, RFC 7515)."""

import json

from mcp_auth_ref.core.errors import MalformedToken
from tests.tokens import CLAIMS, HEADER, base64url, forge, refusal, segment

DIRECT = {"alg": "dir", "enc": "A256GCM", "cty": "JWT"}


def test_an_encrypted_token_is_refused() -> None:
    """RFC 7516, section 7.1: five parts, here with an honest token inside (RFC 8725, section 3.6)."""
    inner = forge(HEADER, CLAIMS)
    token = f"{segment(DIRECT)}..{base64url(b'i' * 12)}.{base64url(inner.encode())}.{base64url(b't' * 16)}"

    assert refusal(token) == (MalformedToken, {"problem": "it should have three parts and has 5"})


def test_an_encrypted_header_on_a_signed_token_is_refused() -> None:
    """RFC 7516, section 9: `enc` tells the two kinds apart."""
    assert refusal(forge(HEADER | {"enc": "A256GCM"}, CLAIMS)) == (
        MalformedToken,
        {"problem": "it is encrypted (enc)"},
    )


def test_a_token_within_a_token_is_refused() -> None:
    """RFC 7519, section 5.2: nested tokens have `cty`, and a payload that is no JSON object."""
    token = forge(HEADER | {"cty": "JWT"}, forge(HEADER, CLAIMS))

    assert refusal(token) == (MalformedToken, {"problem": "its payload is not UTF-8 JSON"})


def test_the_json_serializations_are_refused() -> None:
    """RFC 7515, section 7.2; JSON has dots of its own (CVE-2022-39227)."""
    protected, payload, signature = forge(HEADER, CLAIMS).split(".")
    flattened = {"protected": protected, "payload": payload, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": protected, "signature": signature}]}
    polyglot = {f"  {protected}.": f".{payload}.{signature}", **flattened}

    assert [refusal(json.dumps(form)) for form in (flattened, general, polyglot)] == [
        (MalformedToken, {"problem": "it should have three parts and has 1"}),
        (MalformedToken, {"problem": "it should have three parts and has 1"}),
        (MalformedToken, {"problem": "it should have three parts and has 4"}),
    ]
