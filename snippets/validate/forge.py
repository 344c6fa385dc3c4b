"""Forge tokens with one flaw each and print who accepts them, as a Markdown table."""

import hmac
import json
import time
import warnings
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from jwt.warnings import InsecureKeyLengthWarning

from mcp_auth_ref import AuthError, KeySet, SigningKey, TokenVerifier

ISSUER, AUDIENCE = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp"
NOW, HOUR, YEAR = int(time.time()), 3600, 365 * 86_400
SECRET = b"demonstration-secret-never-use-it-in-production"
SHORT = b"short secret"
GOOD = {
    "iss": ISSUER,
    "sub": "ada",
    "aud": AUDIENCE,
    "client_id": "example-cli",
    "iat": NOW,
    "exp": NOW + HOUR,
    "jti": "q8Zc2nWt4yHs7Lx0",
}


def claims(**flaws: object) -> str:
    """Write the good claims with these flaws in them; one that is None is left out."""
    flawed = {**GOOD, **flaws}
    return json.dumps({k: v for k, v in flawed.items() if v is not None})


def forge(payload: str, *, typ: str = "at+jwt", secret: bytes = SECRET) -> str:
    header = json.dumps({"alg": "HS256", "typ": typ})
    signed = encode(header.encode()) + b"." + encode(payload.encode())
    return (signed + b"." + encode(hmac.digest(secret, signed, "sha256"))).decode()


def encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def pyjwt(token: str, secret: bytes, left_out: str = "") -> str:
    """Decode with all options but one; `audience` needs verify_aud to be left out."""
    told: dict[str, Any] = {
        "algorithms": ["HS256"],
        "audience": AUDIENCE,
        "issuer": ISSUER,
        "leeway": 30,
    }
    options = {
        "require": list(GOOD),
        "enforce_minimum_key_length": True,
        "verify_aud": left_out != "audience",
    }
    told.pop(left_out, None)
    options.pop(left_out, None)
    try:
        jwt.decode(token, secret, **told | {"options": options})
    except jwt.PyJWTError:
        return "refused"
    return "accepted"


def ours(token: str, secret: bytes) -> str:
    try:
        TokenVerifier(
            issuer=ISSUER,
            audience=AUDIENCE,
            keys=KeySet([SigningKey.from_secret(secret)]),
            max_age=86_400,
        ).verify(token, now=NOW)
    except AuthError as refusal:
        return f"`{refusal.code}`"
    return "accepted"


TRIALS = [
    ("algorithms", "a good token", forge(claims())),
    ("audience", "for another server", forge(claims(aud="https://other.example/mcp"))),
    ("issuer", "from another issuer", forge(claims(iss="https://other.example"))),
    ("require", "no `exp`: it never ends", forge(claims(exp=None))),
    ("require", "no `sub`", forge(claims(sub=None))),
    ("require", "no `client_id`", forge(claims(client_id=None))),
    ("require", "no `iat`", forge(claims(iat=None))),
    ("require", "no `jti`", forge(claims(jti=None))),
    ("enforce_minimum_key_length", "a 12-byte secret", forge(claims(), secret=SHORT)),
    ("leeway", "a good token, a clock 10 s ahead", forge(claims(iat=NOW + 10))),
    ("", "an ID token: `typ` is `JWT`", forge(claims(), typ="JWT")),
    ("", "`sub` is empty", forge(claims(sub=""))),
    ("", "`exp` is a string", forge(claims(exp=str(NOW + HOUR)))),
    ("", "`iat` is `true`", forge(claims(iat=True))),
    ("", "`scope` is a list", forge(claims(scope=["mcp:tools"]))),
    ("", "a year old, ends in an hour", forge(claims(iat=NOW - YEAR))),
    ("", "`sub` twice", forge('{"sub": "root", ' + claims().removeprefix("{"))),
    ("", "a good token, `=` added at its end", forge(claims()) + "="),
]

warnings.simplefilter("ignore", InsecureKeyLengthWarning)
print(f"| left out of PyJWT {jwt.__version__} | the token", end=" | ")
print("without it | with all | `TokenVerifier` |")
print("|---|---|---|---|---|")
for left_out, what, token in TRIALS:
    secret = SHORT if left_out == "enforce_minimum_key_length" else SECRET
    right = ours(token, secret)
    cells = [f"`{left_out}`" if left_out else "nothing", what]
    for said in (pyjwt(token, secret, left_out), pyjwt(token, secret)):
        agrees = (said == "accepted") == (right == "accepted")
        cells += [said if agrees else f"**{said}**"]
    print("|", " | ".join([*cells, right]), "|")
