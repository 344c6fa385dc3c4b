"""With only what the checker holds, try to make a token that it accepts."""

import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from mcp_auth_ref import InvalidToken, Settings, verifier_from

(published,) = json.loads(Path("issuer-jwks.json").read_text())["keys"]
now = int(time.time())
payload = {
    "iss": "http://127.0.0.1:8765",
    "sub": "mallory",
    "aud": "http://127.0.0.1:8765/mcp",
    "client_id": "forger",
    "iat": now,
    "exp": now + 3600,
    "jti": "made-by-nobody",
}
header = {"typ": "at+jwt", "kid": published["kid"]}
forgeries = {
    "signed by a key of mallory's own": jwt.encode(payload, generate_private_key(SECP256R1()), "ES256", header),
    "signed with the public key as a secret": jwt.encode(payload, published["x"], "HS256", header),
    "not signed": jwt.encode(payload, "", "none", header),
}
verifier = verifier_from(Settings.load())
for name, token in forgeries.items():
    try:
        verifier.verify(token, now=now)
        print(f"{name}: accepted")
    except InvalidToken as refusal:
        print(f"{name}: {refusal.code}")
