"""Put odd members into the header of a good token, one at a time, and ask the verifier."""

import hmac
import json
from base64 import urlsafe_b64encode

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenIssuer, TokenVerifier

ISSUER, AUDIENCE, NOW = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp", 1_795_000_000
SECRET = b"demonstration-secret-never-use-it-in-production"
KEY = SigningKey.from_secret(SECRET)
VERIFIER = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([KEY]))
PAYLOAD = (
    TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([KEY]))
    .issue(subject="ada", client_id="example-cli", scopes=["mcp:tools"], now=NOW, token_id="q8Zc2nWt4yHs7Lx0")
    .split(".")[1]
)

GOOD = {"typ": "at+jwt", "alg": "HS256", "kid": KEY.kid}
MEMBERS: list[tuple[str, str, object]] = [
    ("typ", "`application/at+jwt`", "application/at+jwt"),
    ("typ", "`AT+JWT`", "AT+JWT"),
    ("typ", "`JWT`, as older libraries write it", "JWT"),
    ("typ", "left out", None),
    ("alg", "`none`, in any case", "NonE"),
    ("alg", "one that no key here is for", "RS256"),
    ("alg", "left out", None),
    ("kid", "the name of no key here", "another"),
    ("kid", "left out: each key of the algorithm is tried", None),
    ("kid", "a number", 1),
    ("crit", "whatever it is", ["exp"]),
    ("b64", "whatever it is", False),
    ("zip", "whatever it is", "DEF"),
    ("enc", "whatever it is", "A256GCM"),
    ("jwk", "whatever it is", {"kty": "oct"}),
    ("jku", "whatever it is", "https://other.example/keys"),
    ("x5c", "whatever it is", ["MIIB"]),
    ("x5u", "whatever it is", "https://other.example/certificate"),
    ("cty", "a member that says nothing about the key", "json"),
]


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def verdict(header: dict[str, object]) -> str:
    kept = {name: value for name, value in header.items() if value is not None}
    signed = f"{encode(json.dumps(kept).encode())}.{PAYLOAD}"
    signature = hmac.digest(SECRET, signed.encode(), "sha256")
    try:
        VERIFIER.verify(f"{signed}.{encode(signature)}", now=NOW)
    except InvalidToken as refused:
        return f"`{refused.code}`"
    return "accepted"


print("| Member and value | Verdict |\n|---|---|")
for member, words, value in MEMBERS:
    print(f"| `{member}`: {words} | {verdict({**GOOD, member: value})} |")
