"""Refuse what was revoked, in a server of your own."""

import secrets
import time

from mcp_auth_ref import Revocation, Revocations, Settings, VerifiedTokenCache, issuer_from, open_store, verifier_from
from mcp_auth_ref.core.errors import TokenRevoked

settings = Settings.load()
store = open_store(settings.store_url.get_secret_value())
revocations = Revocations(store, stale=settings.store_stale_secs, elapsed=time.monotonic, clock=time.time)
verifier = VerifiedTokenCache(verifier_from(settings), revoked=revocations.is_revoked)

now = time.time()
token_id = secrets.token_urlsafe(16)
token = issuer_from(settings).issue(subject="eve", client_id="own", scopes=[], now=int(now), token_id=token_id)

with revocations.followed():
    revocations.load()
    print(verifier.verify(token, now=now).subject, "is let in")
    revocations.revoke(Revocation("token", settings.issuer, token_id, at=now, until=now + 3600))
    try:
        verifier.verify(token, now=now)
    except TokenRevoked as refused:
        print(refused)
store.close()
