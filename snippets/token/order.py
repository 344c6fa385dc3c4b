"""Break a token in every way at once, then mend one flaw after the other: each refusal is the next check."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenVerifier

ISSUER, AUDIENCE, NOW = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp", 1_795_000_000
DAY, SECRET = 86_400, b"demonstration-secret-never-use-it-in-production"
KEY = SigningKey.from_secret(SECRET)
verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([KEY]), max_age=DAY)

header: dict[str, Any] = {"alg": "none", "typ": "JWT", "kid": "another", "jku": "https://example.org/my-own-keys"}
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
made: dict[str, Any] = {"payload begins": '{"sub": "root", ', "secret": b"a-guess-at-the-secret-of-somebody-else"}

MENDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Three parts in canonical form; the header is one JSON object and brings no key", header, {"jku": None}),
    ("`alg` is the algorithm of a key held here", header, {"alg": "HS256"}),
    ("`kid` names one of those keys", header, {"kid": KEY.kid}),
    ("The signature matches", made, {"secret": SECRET}),
    ("`typ` says that it is an access token", header, {"typ": "at+jwt"}),
    ("The payload is one JSON object, with no member twice", made, {"payload begins": "{"}),
    ("`iss`, `sub`, `client_id` and `jti` are strings with something in them", claims, {"sub": "ada"}),
    ("`iss` is the issuer", claims, {"iss": ISSUER}),
    ("`aud` names this server", claims, {"aud": AUDIENCE}),
    ("`iat`, `exp` and, where it is there, `nbf` are numbers", claims, {"iat": NOW + DAY}),
    ("`scope` is a list of words in one string", claims, {"scope": "mcp:tools"}),
    ("`exp` has not passed", claims, {"exp": NOW + 3600}),
    ("`iat` and `nbf` do not lie ahead", claims, {"iat": NOW - 2 * DAY}),
    ("`iat` is not longer ago than the server allows", claims, {"iat": NOW}),
]


def encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def forge() -> str:
    members = {name: value for name, value in header.items() if value is not None}
    payload = made["payload begins"] + json.dumps(claims).removeprefix("{")
    signing_input = encode(json.dumps(members).encode()) + b"." + encode(payload.encode())
    return (signing_input + b"." + encode(hmac.digest(made["secret"], signing_input, "sha256"))).decode()


print("| | what is checked | refused as | the caller learns |\n|---|---|---|---|")
for number, (check, part, mended) in enumerate(MENDS, start=1):
    try:
        verifier.verify(forge(), now=NOW)
    except InvalidToken as refusal:
        print(f"| {number} | {check} | `{refusal.code}` | `{refusal.public_code}` |")
    part.update(mended)
print(f"| | Nothing is left to refuse: `{verifier.verify(forge(), now=NOW).subject}` may come in | | |")
