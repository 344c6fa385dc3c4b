"""Refresh tokens: what may be redeemed, decided without a store; and a family under every order of events."""

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from mcp_auth_ref.core.errors import InvalidGrant, InvalidScope, InvalidTarget
from mcp_auth_ref.core.grants import (
    Family,
    Redemption,
    RefreshPolicy,
    check_target,
    digest,
    family_of,
    granted_scopes,
    is_refresh_token,
    next_token,
    redeem,
    refresh_token,
    rotated,
)
from tests.fuzz import fuzz

NOW = 1_795_000_000.0
POLICY = RefreshPolicy(idle=1000, absolute=5000, grace=10)
FIRST = refresh_token(handle=bytes(16), turn=bytes(32))
SECOND = next_token(FIRST, turn=b"\x01" * 32)
THIRD = next_token(FIRST, turn=b"\x02" * 32)


def family(token: str = FIRST) -> Family:
    return Family(
        id=family_of(token),
        issuer="http://127.0.0.1:8765",
        client_id="cli",
        subject="ada",
        audience="http://127.0.0.1:8765/mcp",
        scopes=("mcp:tools",),
        started_at=NOW,
        expires_at=NOW + POLICY.absolute,
        rotated_at=NOW,
        current=digest(token),
    )


def decision(held: Family, token: str, *, now: float = NOW, policy: RefreshPolicy = POLICY) -> Redemption:
    return redeem(held, token, client_id="cli", now=now, policy=policy)


def test_a_refresh_token_is_written_in_one_form() -> None:
    """Our choice: a prefix that scanners for lost secrets find, and no dot, so that it is never taken for a JWT."""
    assert f"mcp_rt_{'A' * 65}" == FIRST
    assert is_refresh_token(FIRST)


@pytest.mark.parametrize(
    "text",
    ["", "mcp_rt_", FIRST[:-1], f"{FIRST}A", FIRST.upper(), f" {FIRST}", f"{FIRST}\n", f"{FIRST[:-1]}é", "a.b.c"],
)
def test_another_form_is_no_refresh_token(text: str) -> None:
    """RFC 6749, section 5.2: `invalid_grant`."""
    assert not is_refresh_token(text)
    for read in (family_of, lambda token: next_token(token, turn=bytes(32))):
        with pytest.raises(InvalidGrant, match="not one of our refresh tokens"):
            read(text)


def test_all_tokens_of_a_family_name_it_and_the_name_tells_none_of_them() -> None:
    """Our choice: the name stands in every access token (`sid`), so nothing can be redeemed or guessed from it."""
    assert family_of(FIRST) == family_of(SECOND) == family_of(THIRD)
    assert family_of(FIRST) not in FIRST
    assert family_of(refresh_token(handle=b"\x01" * 16, turn=bytes(32))) != family_of(FIRST)


def test_the_newest_token_is_rotated_and_any_other_ends_the_family() -> None:
    """RFC 9700, section 4.14.2."""
    second = rotated(family(), SECOND, now=NOW + 100)
    third = rotated(second, THIRD, now=NOW + 200)

    assert decision(family(), FIRST) is Redemption.ROTATE
    assert [decision(third, token, now=NOW + 300) for token in (FIRST, SECOND, THIRD)] == [
        Redemption.REUSE,
        Redemption.REUSE,
        Redemption.ROTATE,
    ]
    assert decision(third, next_token(FIRST, turn=b"\x07" * 32), now=NOW + 300) is Redemption.REUSE


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, Redemption.REPEAT), (9.9, Redemption.REPEAT), (10, Redemption.REUSE), (-9.9, Redemption.REPEAT)],
)
def test_the_token_before_the_newest_has_a_grace(seconds: float, expected: Redemption) -> None:
    """Our choice: two callers may race, and two replicas need not agree on the time to the second."""
    second = rotated(family(), SECOND, now=NOW + 100)

    assert decision(second, FIRST, now=NOW + 100 + seconds) is expected


def test_a_clock_that_is_set_back_gives_no_longer_grace() -> None:
    """Our choice: an hour back, and a token spent long ago is spent all the same."""
    second = rotated(family(), SECOND, now=NOW + 3600)

    assert decision(second, FIRST, now=NOW) is Redemption.REUSE


def test_without_a_grace_there_is_none() -> None:
    """Our choice: 0 turns it off."""
    second = rotated(family(), SECOND, now=NOW)

    assert decision(second, FIRST, policy=replace(POLICY, grace=0)) is Redemption.REUSE


def test_the_token_before_the_one_before_has_no_grace() -> None:
    """Our choice: one race has one winner, and two races are none."""
    third = rotated(rotated(family(), SECOND, now=NOW), THIRD, now=NOW)

    assert decision(third, FIRST) is Redemption.REUSE


@pytest.mark.parametrize(
    ("held", "client_id", "now", "said"),
    [
        (family(), "other", NOW, "the refresh token was issued to another client"),
        (family(), "cli", NOW + 1000, "the refresh token has expired unused"),
        (replace(family(), rotated_at=NOW + 4900), "cli", NOW + 5000, "the refresh token and its family have expired"),
    ],
)
def test_what_is_not_the_clients_or_has_expired_is_refused(held: Family, client_id: str, now: float, said: str) -> None:
    """RFC 6749, section 5.2."""
    with pytest.raises(InvalidGrant, match=said):
        redeem(held, FIRST, client_id=client_id, now=now, policy=POLICY)


def test_scopes_are_those_granted_or_fewer() -> None:
    """RFC 6749, section 6."""
    assert granted_scopes(("mcp:tools", "files:write"), ()) == ("mcp:tools", "files:write")
    assert granted_scopes(("mcp:tools",), ("mcp:tools:read",)) == ("mcp:tools:read",)
    with pytest.raises(InvalidScope) as refused:
        granted_scopes(("mcp:tools:read",), ("mcp:tools", "mcp:tools:read", "files:write"))
    assert refused.value.beyond == ("mcp:tools", "files:write")


def test_the_target_is_the_one_granted() -> None:
    """RFC 8707, section 2.2, character for character."""
    check_target("https://a/mcp", None)
    check_target("https://a/mcp", "https://a/mcp")
    for other in ("https://a/mcp/", "https://b/mcp", ""):
        with pytest.raises(InvalidTarget):
            check_target("https://a/mcp", other)


class Families(RuleBasedStateMachine):
    """Tokens of one family, presented in any order at any time, by its client or by a thief."""

    tokens: Bundle[str] = Bundle("tokens")

    @initialize(target=tokens)
    def sign_in(self) -> str:
        """Begin with one token."""
        self.family: Family | None = family()
        self.now = NOW
        self.issued = [FIRST]
        self.spent_at: dict[str, float] = {}
        self.has_ended = False
        return FIRST

    @rule(seconds=st.sampled_from([0.0, 1.0, 9.0, 11.0, 500.0, 1500.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(target=tokens, token=tokens)
    def present(self, token: str) -> "MultipleResults[str] | str":
        """Redeem a token, and do to the family what the decision says."""
        if self.family is None:
            return multiple()
        try:
            decided = decision(self.family, token, now=self.now)
        except InvalidGrant:
            assert self.now >= self.family.rotated_at + POLICY.idle or self.now >= self.family.expires_at
            return multiple()
        if decided is Redemption.ROTATE:
            assert token == self.issued[-1]
            assert token not in self.spent_at
            return self._rotate(token)
        assert token in self.spent_at
        if decided is Redemption.REUSE:
            self.family, self.has_ended = None, True
        else:
            assert token == self.issued[-2]
            assert self.now - self.spent_at[token] < POLICY.grace
        return multiple()

    @rule(token=consumes(tokens))
    def lose(self, token: str) -> None:
        """Let a client forget a token: others may still have it."""
        assert family_of(token) == family_of(FIRST)

    @invariant()
    def one_token_is_good_and_none_after_a_reuse(self) -> None:
        """Of all tokens ever issued, at most one gets a successor."""
        if self.family is None:
            assert self.has_ended
            return
        redeemable = [
            token
            for token in self.issued
            if decision(replace(self.family, rotated_at=self.now, expires_at=self.now + 1), token, now=self.now)
            is Redemption.ROTATE
        ]
        assert redeemable == self.issued[-1:]

    def _rotate(self, token: str) -> str:
        assert self.family is not None
        fresh = next_token(token, turn=len(self.issued).to_bytes(32, "big"))
        self.family = rotated(self.family, fresh, now=self.now)
        self.spent_at[token] = self.now
        self.issued.append(fresh)
        return fresh


TestFamilies = Families.TestCase
TestFamilies.settings = fuzz
