"""Put odd values into a good token, one at a time, and ask the verifier."""

import json

from jwt import PyJWS

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenVerifier

ISSUER, AUDIENCE, NOW = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp", 1_795_000_000
OTHER, DAY = "https://other.example/mcp", 86_400
SECRET = b"demonstration-secret-never-use-it-in-production"
KEYS = KeySet([SigningKey.from_secret(SECRET)])
VERIFIER = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=KEYS, leeway=30, max_age=DAY)

GOOD = {
    "iss": ISSUER,
    "sub": "ada",
    "aud": AUDIENCE,
    "client_id": "example-cli",
    "iat": NOW,
    "exp": NOW + 3600,
    "jti": "q8Zc2nWt4yHs7Lx0",
}
VALUES: list[tuple[str, str, object]] = [
    ("iss", "another issuer", "https://other.example"),
    ("iss", "the issuer, with a slash at its end", f"{ISSUER}/"),
    ("aud", "another server", OTHER),
    ("aud", "this server, with a slash at its end", f"{AUDIENCE}/"),
    ("aud", "what this server's address begins with", ISSUER),
    ("aud", "a list that has this server in it", [OTHER, AUDIENCE]),
    ("aud", "a list that has not", [OTHER]),
    ("aud", "an empty list", []),
    ("exp", "29 seconds ago", NOW - 29),
    ("exp", "30 seconds ago", NOW - 30),
    ("exp", "after the year 9999", 253_402_300_800),
    ("exp", "infinity", float("inf")),
    ("iat", "in 30 seconds", NOW + 30),
    ("iat", "in 31 seconds", NOW + 31),
    ("iat", "a day and 30 seconds ago", NOW - DAY - 30),
    ("iat", "a day and 31 seconds ago", NOW - DAY - 31),
    ("iat", "half a second ago", NOW - 0.5),
    ("iat", "a number in a string", str(NOW)),
    ("iat", "`true`", True),
    ("iat", "before 1970", -1),
    ("nbf", "in 30 seconds", NOW + 30),
    ("nbf", "in 31 seconds", NOW + 31),
    ("sub", "an empty string", ""),
    ("sub", "`null`", None),
    ("scope", "an empty string", ""),
    ("scope", "a list", ["mcp:tools"]),
    ("scope", "two spaces between two words", "mcp:tools  mcp:servers"),
    ("role", "a word that is no role here", "emperor"),
    ("email", "a claim of your own", "ada@example.com"),
]


def verdict(payload: str) -> str:
    token = PyJWS().encode(payload.encode(), SECRET, headers={"typ": "at+jwt"})
    try:
        VERIFIER.verify(token, now=NOW)
    except InvalidToken as refused:
        return f"`{refused.code}`"
    return "accepted"


print("| Claim and value | Verdict |\n|---|---|")
for claim, words, value in VALUES:
    print(f"| `{claim}`: {words} | {verdict(json.dumps(GOOD | {claim: value}))} |")
twice = json.dumps(GOOD).replace("{", '{"sub": "root", ')
print(f"| `sub`: twice | {verdict(twice)} |")
