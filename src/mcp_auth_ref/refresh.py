"""Pairs of an access token and a refresh token: issued, refreshed, and ended when a refresh token is used twice.

What may be redeemed is decided in `core/grants.py`; here the store commits it before anybody is answered.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from mcp_auth_ref.core import grants
from mcp_auth_ref.core.errors import InvalidGrant, RefreshTokenReused, StoreUnavailable
from mcp_auth_ref.core.grants import Family, Redemption, RefreshPolicy, Revocation
from mcp_auth_ref.core.tokens import TokenIssuer
from mcp_auth_ref.events import Event, Kind, Listener, nobody
from mcp_auth_ref.settings import Settings
from mcp_auth_ref.stores import Store

ATTEMPTS = 10
DAY = 86_400


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """What an authorization server answers with (RFC 6749, section 5.1). `expires_in` is in seconds."""

    access_token: str
    expires_in: int
    scopes: tuple[str, ...]
    refresh_token: str | None = None


class RefreshTokens:
    """Issues pairs of tokens and refreshes them. Its methods block as long as the store does.

    `issuer` gives the issuer whose keys are good at this moment. `longest` is how many seconds an access token may
    live; a revocation is kept for so long. `revoke` writes a revocation where not only the store has to know of it.
    """

    def __init__(
        self,
        *,
        issuer: Callable[[], TokenIssuer],
        store: Store,
        policy: RefreshPolicy | None = None,
        longest: float = 86_460,
        revoke: Callable[[Revocation], None] | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._issuer = issuer
        self._store = store
        self._policy = policy or RefreshPolicy()
        self._longest = longest
        self._revoke = revoke
        self._random = random

    def start(
        self,
        *,
        subject: str,
        client_id: str,
        scopes: Collection[str],
        now: float,
        username: str | None = None,
        role: str | None = None,
        tell: Listener = nobody,
    ) -> Issued:
        """Issue the first pair of a family. Raises StoreUnavailable, and what `TokenIssuer.issue` raises."""
        issuer = self._issuer()
        first = grants.refresh_token(handle=self._random(grants.HANDLE_BYTES), turn=self._random(grants.TURN_BYTES))
        family = Family(
            id=grants.family_of(first),
            issuer=issuer.issuer,
            client_id=client_id,
            subject=subject,
            audience=issuer.audience,
            scopes=tuple(scopes),
            started_at=now,
            expires_at=now + self._policy.absolute,
            rotated_at=now,
            current=grants.digest(first),
            username=username,
            role=role,
        )
        issued, event = self._access(family, family.scopes, "issue", now=now)
        self._store.start(family, now=now)
        tell(event)
        return replace(issued, refresh_token=first)

    def refresh(
        self,
        token: str,
        *,
        client_id: str,
        now: float,
        scopes: Collection[str] = (),
        resource: str | None = None,
        tell: Listener = nobody,
    ) -> Issued:
        """Redeem a refresh token: for a pair, or within the grace for an access token alone.

        Raises InvalidGrant, InvalidScope, InvalidTarget, RefreshTokenReused and StoreUnavailable.
        """
        ours: Issued | None = None
        for _ in range(ATTEMPTS):
            family = self._known(token, now=now)
            if ours is not None and ours.refresh_token and family.current == grants.digest(ours.refresh_token):
                return ours  # it was written, and the answer to that got lost
            decision = grants.redeem(family, token, client_id=client_id, now=now, policy=self._policy)
            if decision is Redemption.REUSE:
                self._end(family, now=now, tell=tell)
                raise RefreshTokenReused
            grants.check_target(family.audience, resource)
            granted = grants.granted_scopes(family.scopes, scopes)
            issued, event = self._access(family, granted, "refresh", now=now)
            if decision is Redemption.REPEAT:
                tell(event)
                return issued
            fresh = grants.next_token(token, turn=self._random(grants.TURN_BYTES))
            ours = replace(issued, refresh_token=fresh)
            if self._store.replace(grants.rotated(family, fresh, now=now), now=now):
                tell(event)
                return ours
        raise StoreUnavailable("too many callers use one refresh token at once")

    def family(self, token: str, *, now: float) -> Family | None:
        """Look at the family of a refresh token, or None where there is none. Raises StoreUnavailable."""
        try:
            return self._known(token, now=now)
        except InvalidGrant:
            return None

    def is_active(self, family: Family, token: str, *, now: float) -> bool:
        """Tell whether a refresh token would be redeemed for a pair. Nothing happens to it."""
        try:
            decision = grants.redeem(family, token, client_id=family.client_id, now=now, policy=self._policy)
        except InvalidGrant:
            return False
        return decision is Redemption.ROTATE

    def expiry_of(self, family: Family) -> float:
        """Return when the newest refresh token of a family expires, if it is not used."""
        return min(family.expires_at, family.rotated_at + self._policy.idle)

    def end(self, family: Family, *, now: float) -> None:
        """End a family, and with it the access tokens that came from it. Raises StoreUnavailable."""
        revocation = Revocation("family", family.issuer, family.id, now, now + self._longest)
        if self._revoke is None:
            self._store.revoke(revocation, now=now)
        else:
            self._revoke(revocation)

    def _end(self, family: Family, *, now: float, tell: Listener) -> None:
        self.end(family, now=now)
        tell(_event("reuse", family, now=now, code=RefreshTokenReused.code))

    def _known(self, token: str, *, now: float) -> Family:
        family = self._store.family(grants.family_of(token), now=now)
        if family is None or family.issuer != self._issuer().issuer:
            raise InvalidGrant("the refresh token is not known here, has expired, or was revoked")
        return family

    def _access(self, family: Family, scopes: Collection[str], kind: Kind, *, now: float) -> tuple[Issued, Event]:
        """Sign an access token before anything is written: what cannot be signed spends nothing."""
        issuer, token_id = self._issuer(), secrets.token_urlsafe(16)
        access_token = replace(issuer, audience=family.audience).issue(
            subject=family.subject,
            client_id=family.client_id,
            scopes=scopes,
            now=int(now),
            token_id=token_id,
            username=family.username,
            role=family.role,
            family=family.id,
        )
        event = _event(kind, family, now=now, token_id=token_id)
        return Issued(access_token, issuer.lifetime, tuple(scopes)), event


def refresh_tokens_from(
    settings: Settings,
    *,
    issuer: Callable[[], TokenIssuer],
    store: Store,
    revoke: Callable[[Revocation], None] | None = None,
) -> RefreshTokens:
    """Return what issues and refreshes pairs under these settings."""
    policy = RefreshPolicy(
        idle=settings.refresh_token_expiry_days * DAY,
        absolute=settings.refresh_family_expiry_days * DAY,
        grace=settings.refresh_grace_secs,
    )
    return RefreshTokens(issuer=issuer, store=store, policy=policy, longest=longest(settings), revoke=revoke)


def longest(settings: Settings) -> float:
    """Return for how many seconds an access token may be good: until then its revocation has to be known."""
    return settings.max_token_age + settings.leeway + 60


def _event(kind: Kind, family: Family, *, now: float, code: str | None = None, token_id: str | None = None) -> Event:
    return Event(
        kind=kind,
        at=now,
        code=code,
        subject=family.subject,
        client_id=family.client_id,
        token_id=token_id,
        family=family.id,
    )
