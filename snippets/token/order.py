"""Break a token in every way at once, then mend one flaw after the other."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenVerifier

ISSUER, AUDIENCE = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp"
NOW, DAY = 1_795_000_000, 86_400
SECRET = b"demonstration-secret-never-use-it-in-production"

key = SigningKey.from_secret(SECRET)
verifier = TokenVerifier(
    issuer=ISSUER,
    audience=AUDIENCE,
    keys=KeySet([key]),
    max_age=DAY,
)

header: dict[str, Any] = {
    "alg": "none",
    "typ": "JWT",
    "kid": "another",
    "jku": "https://example.org/my-own-keys",
}
claims: dict[str, Any] = {
    "iss": "https://other.example",
    "sub": "",
    "aud": "https://other.example/mcp",
    "client_id": "example-cli",
    "scope": ["mcp:tools"],
    "iat": "tomorrow",
    "exp": NOW - DAY,
    "jti": "q8Zc2nWt4yHs7Lx0",
}
forging: dict[str, Any] = {
    "start": '{"sub": "root", ',
    "secret": b"a-guess-at-the-secret-of-somebody-else",
}

CHECKS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Three parts in canonical form, no key in the header", header, {"jku": None}),
    ("`alg` is the algorithm of a key held here", header, {"alg": "HS256"}),
    ("`kid` names one of those keys", header, {"kid": key.kid}),
    ("The signature matches", forging, {"secret": SECRET}),
    ("`typ` says that it is an access token", header, {"typ": "at+jwt"}),
    ("The payload has no member twice", forging, {"start": "{"}),
    ("`iss`, `sub`, `client_id`, `jti` are not empty", claims, {"sub": "ada"}),
    ("`iss` is the issuer", claims, {"iss": ISSUER}),
    ("`aud` names this server", claims, {"aud": AUDIENCE}),
    ("`iat`, `exp` (and `nbf`) are numbers", claims, {"iat": NOW + DAY}),
    ("`scope` is words in one string", claims, {"scope": "mcp:tools"}),
    ("`exp` has not passed", claims, {"exp": NOW + 3600}),
    ("`iat` (and `nbf`) are not in the future", claims, {"iat": NOW - 2 * DAY}),
    ("`iat` is no longer ago than allowed", claims, {"iat": NOW}),
]


def encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def forge() -> str:
    members = {name: value for name, value in header.items() if value}
    payload = forging["start"] + json.dumps(claims).removeprefix("{")
    signed = encode(json.dumps(members).encode()) + b"." + encode(payload.encode())
    signature = hmac.digest(forging["secret"], signed, "sha256")
    return (signed + b"." + encode(signature)).decode()


print("| what must hold | refused as | the caller learns |\n|---|---|---|")
for step, (check, part, mended) in enumerate(CHECKS, start=1):
    try:
        verifier.verify(forge(), now=NOW)
    except InvalidToken as refusal:
        code, public = refusal.code, refusal.public_code
        learns = "the reason" if public == code else f"`{public}`"
        print(f"| {step}. {check} | `{code}` | {learns} |")
    part.update(mended)
print(f"| **`{verifier.verify(forge(), now=NOW).subject}` may come in** | | |")
