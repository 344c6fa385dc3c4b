"""Leave each claim out of a good token, then give it a wrong form: the refusals say what has to be there, and how."""

import inspect
import json

from jwt import PyJWS

from mcp_auth_ref import Claims, KeySet, RefusedClaims, SigningKey, TokenVerifier
from mcp_auth_ref.core.errors import InvalidClaim, MissingClaim

ISSUER, AUDIENCE, NOW = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp", 1_795_000_000
SECRET = b"demonstration-secret-never-use-it-in-production"
KEYS = KeySet([SigningKey.from_secret(SECRET)])
VERIFIER = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=KEYS)

CLAIMS = (
    ("iss", ISSUER, "issuer", "7519#section-4.1.1"),
    ("sub", "ada", "subject", "7519#section-4.1.2"),
    ("aud", AUDIENCE, "audience", "7519#section-4.1.3"),
    ("client_id", "example-cli", "client_id", "8693#section-4.3"),
    ("iat", NOW, "issued_at", "7519#section-4.1.6"),
    ("exp", NOW + 3600, "expires_at", "7519#section-4.1.4"),
    ("jti", "q8Zc2nWt4yHs7Lx0", "token_id", "7519#section-4.1.7"),
    ("nbf", NOW, 'payload["nbf"]', "7519#section-4.1.5"),
    ("scope", "mcp:tools", "scopes", "8693#section-4.2"),
    ("username", "Ada Lovelace", "username", None),
    ("role", "user", "role", None),
    ("sid", "m3Xv0aPq9sLd2fGh", "family", None),
)
GOOD = {claim: value for claim, value, _, _ in CLAIMS}


def refusal(payload: object) -> RefusedClaims | None:
    token = PyJWS().encode(json.dumps(payload).encode(), SECRET, headers={"typ": "at+jwt"})
    try:
        VERIFIER.verify(token, now=NOW)
    except RefusedClaims as refused:
        return refused
    return None


assert refusal(GOOD) is None
print("| Claim | What it says | Form | In `Claims` | RFC |\n|---|---|---|---|---|")
for claim, _, attribute, section in CLAIMS:
    left_out = refusal({name: value for name, value in GOOD.items() if name != claim})
    wrong = refusal(GOOD | {claim: {}})
    assert isinstance(wrong, InvalidClaim)
    says = inspect.getdoc(getattr(Claims, attribute.partition("[")[0])) or "From when on it may be used."
    cells = (
        f"`{claim}`",
        says.replace(f" (`{claim}`)", ""),
        f"{wrong.expected}, {'required' if isinstance(left_out, MissingClaim) else 'optional'}",
        f"`{attribute}`",
        f"[{section.replace('#section-', ', ')}](https://www.rfc-editor.org/rfc/rfc{section})" if section else "none",
    )
    print(f"| {' | '.join(cells)} |")
