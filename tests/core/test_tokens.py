import base64
import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core.errors import (
    AuthError,
    BadSignature,
    InvalidClaim,
    InvalidKey,
    MalformedToken,
    MissingClaim,
    RefusedClaims,
    TokenExpired,
    TokenNotYetValid,
    TokenTooOld,
    UnknownIssuer,
    UnknownKey,
    UnsupportedAlgorithm,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.core.tokens import LATEST_DATE, RESERVED_CLAIMS, Claims, TokenIssuer, TokenVerifier, TrustedIssuers
from tests.fuzz import fuzz, json_values
from tests.tokens import (
    CLAIMS,
    HEADER,
    ISSUER,
    KEYS,
    NOW,
    RESOURCE,
    SECRET,
    SIGNERS,
    VERIFIER,
    VERIFIERS,
    forge,
    refusal,
    without,
)

ISSUERS = {name: TokenIssuer(ISSUER, RESOURCE, KeySet([key])) for name, key in KEYS.items()}
EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", KEYS)


def issue(issuer: TokenIssuer = ISSUERS["HS256"], **arguments: Any) -> str:
    """Issue Ada's token, but for what a test wants otherwise."""
    usual: dict[str, Any] = {
        "subject": "ada",
        "client_id": "cli",
        "scopes": ["mcp:tools:read", "mcp:tools:execute"],
        "now": NOW,
        "token_id": "0123456789abcdef",
    }
    return issuer.issue(**usual | arguments)


def decoded(token: str) -> list[Any]:
    """Decode the header and the payload of a token with nothing but the standard library."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


@EVERY_ALGORITHM
def test_a_token_says_this_and_no_more(algorithm: str) -> None:
    """RFC 9068, sections 2.1 and 2.2."""
    assert decoded(issue(ISSUERS[algorithm])) == [
        {"typ": "at+jwt", "alg": algorithm, "kid": KEYS[algorithm].kid},
        {
            "iss": ISSUER,
            "sub": "ada",
            "aud": RESOURCE,
            "client_id": "cli",
            "scope": "mcp:tools:read mcp:tools:execute",
            "iat": NOW,
            "exp": NOW + 3600,
            "jti": "0123456789abcdef",
        },
    ]


def test_a_name_a_role_and_claims_of_ones_own_come_on_top() -> None:
    """RFC 9068, section 2.2.2, and our choice of `username` and `role`."""
    token = issue(username="Ada", role="admin", scopes=(), claims={"tenant": {"id": 7}}, now=NOW)

    assert decoded(token)[1] == {
        "iss": ISSUER,
        "sub": "ada",
        "aud": RESOURCE,
        "client_id": "cli",
        "scope": "",
        "iat": NOW,
        "exp": NOW + 3600,
        "jti": "0123456789abcdef",
        "username": "Ada",
        "role": "admin",
        "tenant": {"id": 7},
    }


def test_a_token_lives_as_long_as_its_issuer_says() -> None:
    """RFC 7519, section 4.1.4."""
    assert decoded(issue(replace(ISSUERS["HS256"], lifetime=60)))[1]["exp"] == NOW + 60


@EVERY_ALGORITHM
def test_what_is_issued_is_accepted(algorithm: str) -> None:
    """RFC 9068, sections 2 and 4."""
    token = issue(ISSUERS[algorithm])

    assert VERIFIERS[algorithm].verify(token, now=NOW) == Claims(decoded(token)[1])


@EVERY_ALGORITHM
def test_what_is_issued_is_signed_with_the_key_it_names(algorithm: str) -> None:
    """RFC 7515, section 4.1.4: each verifier holds another key, and says how it knows."""
    refused = {
        name: refusal(issue(ISSUERS[algorithm]), verifier)[0]
        for name, verifier in VERIFIERS.items()
        if name != algorithm
    }

    assert set(refused.values()) == {UnsupportedAlgorithm}


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
own_claims = st.dictionaries(names.filter(lambda name: name not in RESERVED_CLAIMS), json_values, max_size=4)
scope_words = st.lists(st.text(st.sampled_from("abc:~!"), min_size=1, max_size=8), max_size=4)


@fuzz
@given(
    algorithm=st.sampled_from(list(KEYS)),
    subject=names,
    client_id=names,
    token_id=names,
    scopes=scope_words,
    username=st.none() | st.text(max_size=20),
    claims=own_claims,
    now=st.integers(0, LATEST_DATE - 3600),
)
def test_whatever_is_issued_is_accepted_and_says_what_was_asked_for(
    algorithm: str, scopes: list[str], now: int, **others: Any
) -> None:
    """Our choice: the issuer never signs what the verifier refuses."""
    token = issue(ISSUERS[algorithm], scopes=scopes, now=now, **others)
    claims = VERIFIERS[algorithm].verify(token, now=now)

    assert (claims.subject, claims.client_id, claims.token_id, claims.username) == (
        others["subject"],
        others["client_id"],
        others["token_id"],
        others["username"],
    )
    assert claims.scopes == frozenset(scopes)
    assert (claims.issued_at, claims.expires_at) == (now, now + 3600)
    assert {name: claims.payload[name] for name in others["claims"]} == others["claims"]


def test_one_scope_given_as_a_string_is_not_split_into_its_letters() -> None:
    """Our choice: in Python a string is an iterable of strings, and such a token would allow nothing."""
    with pytest.raises(InvalidClaim, match="the token's scope is not given as a list"):
        issue(scopes="mcp:tools:read")


@pytest.mark.parametrize("name", RESERVED_CLAIMS)
def test_claims_of_ones_own_cannot_replace_what_the_issuer_sets(name: str) -> None:
    """RFC 9068, section 2.2: these have a meaning that the issuer answers for."""
    with pytest.raises(InvalidClaim) as caught:
        issue(claims={name: "mine"})

    assert vars(caught.value) == {
        "claim": name,
        "expected": "yours to set: it has an argument or a setting of its own",
    }


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ({"subject": ""}, (MissingClaim, {"claim": "sub"})),
        ({"subject": None}, (MissingClaim, {"claim": "sub"})),
        ({"subject": 7}, (InvalidClaim, {"claim": "sub", "expected": "a string"})),
        ({"client_id": ""}, (MissingClaim, {"claim": "client_id"})),
        ({"token_id": ""}, (MissingClaim, {"claim": "jti"})),
        ({"now": -1}, (InvalidClaim, {"claim": "iat", "expected": "a number of seconds since 1970"})),
        ({"now": LATEST_DATE}, (InvalidClaim, {"claim": "exp", "expected": "a number of seconds since 1970"})),
        ({"username": 7}, (InvalidClaim, {"claim": "username", "expected": "a string"})),
        ({"role": 7}, (InvalidClaim, {"claim": "role", "expected": "a string"})),
        (
            {"scopes": ["a", ""]},
            (InvalidClaim, {"claim": "scope", "expected": "a list of scope words with one space between two"}),
        ),
        (
            {"scopes": ['"a"']},
            (InvalidClaim, {"claim": "scope", "expected": "a list of scope words with one space between two"}),
        ),
        (
            {"claims": {"n": float("nan")}},
            (MalformedToken, {"problem": "its payload has NaN, which is no JSON number"}),
        ),
        ({"claims": {"text": "\ud800"}}, (MalformedToken, {"problem": "its payload is not UTF-8 JSON"})),
        ({"claims": {"text": "x" * 8192}}, (MalformedToken, {"problem": "it is longer than 8192 bytes"})),
    ],
    ids=str,
)
def test_what_no_verifier_would_accept_is_not_issued(
    arguments: dict[str, Any], refused: tuple[type, dict[str, str]]
) -> None:
    """RFC 9068, section 2.2, RFC 7519, section 2, and RFC 6749, section 3.3, on the side of the issuer."""
    with pytest.raises(AuthError) as caught:
        issue(**arguments)

    assert (type(caught.value), vars(caught.value)) == refused


@pytest.mark.parametrize(("issuer", "audience", "claim"), [("", RESOURCE, "iss"), (ISSUER, "", "aud")])
def test_an_issuer_without_a_name_or_an_audience_issues_nothing(issuer: str, audience: str, claim: str) -> None:
    """RFC 9068, section 2.2: an empty string is no claim."""
    with pytest.raises(MissingClaim) as caught:
        issue(TokenIssuer(issuer, audience, KeySet([KEYS["HS256"]])))

    assert caught.value.claim == claim


def test_an_issuer_without_a_private_key_issues_nothing() -> None:
    """Our choice."""
    with pytest.raises(InvalidKey) as caught:
        issue(TokenIssuer(ISSUER, RESOURCE, KeySet([])))

    assert caught.value.problem == "none of the keys can sign"


def test_claims_read_as_the_token_says() -> None:
    """RFC 9068, section 2.2."""
    claims = VERIFIER.verify(
        forge(HEADER, CLAIMS | {"scope": "a b", "username": "Ada", "role": "user", "iat": NOW + 0.5}), now=NOW
    )

    assert {name: getattr(claims, name) for name in dir(Claims) if not name.startswith("_") and name != "payload"} == {
        "issuer": ISSUER,
        "subject": "ada",
        "audience": (RESOURCE,),
        "client_id": "cli",
        "scopes": frozenset({"a", "b"}),
        "issued_at": NOW + 0.5,
        "expires_at": float(NOW + 3600),
        "token_id": "0123456789abcdef",
        "username": "Ada",
        "role": "user",
        "family": None,
    }


def test_claims_that_are_not_there_are_nothing() -> None:
    """RFC 9068, section 2.2.3: `scope` is there if it was asked for; the names are our choice."""
    claims = VERIFIER.verify(forge(HEADER, without("scope")), now=NOW)

    assert (claims.scopes, claims.username, claims.role) == (frozenset(), None, None)


def test_several_audiences_are_all_named() -> None:
    """RFC 7519, section 4.1.3."""
    claims = VERIFIER.verify(forge(HEADER, CLAIMS | {"aud": ["https://another.example", RESOURCE]}), now=NOW)

    assert claims.audience == ("https://another.example", RESOURCE)


def test_verified_claims_cannot_be_changed() -> None:
    """Our choice: what was verified stays what was verified."""
    claims: Any = VERIFIER.verify(forge(HEADER, CLAIMS), now=NOW)

    with pytest.raises(TypeError):
        claims.payload["role"] = "superadmin"
    with pytest.raises(FrozenInstanceError):
        claims.payload = {}


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_the_type_of_an_access_token_is_accepted_in_any_case(typ: str) -> None:
    """RFC 9068, section 4; RFC 7515, section 4.1.9."""
    assert VERIFIER.verify(forge(HEADER | {"typ": typ}, CLAIMS), now=NOW).subject == "ada"


@pytest.mark.parametrize(
    ("token", "refused"),
    [
        (forge(HEADER, {}, sign=lambda _: b"forged"), (BadSignature, {})),
        (forge({"alg": "HS256", "typ": "JWT"}, "no JSON", sign=lambda _: b"forged"), (BadSignature, {})),
        (forge({"alg": "HS256", "typ": "JWT"}, "no JSON"), (WrongType, {})),
        (forge(HEADER, "no JSON"), (MalformedToken, {"problem": "its payload is not UTF-8 JSON"})),
        (forge(HEADER, {"exp": "soon"}), (MissingClaim, {"claim": "iss"})),
        (forge(HEADER, CLAIMS | {"iss": "https://x", "aud": "https://x"}), (WrongIssuer, {"expected": ISSUER})),
        (forge(HEADER, CLAIMS | {"aud": "https://x", "exp": 0}), (WrongAudience, {"expected": RESOURCE})),
        (
            forge(HEADER, CLAIMS | {"exp": 0, "scope": ["a"]}),
            (InvalidClaim, {"claim": "scope", "expected": "a string"}),
        ),
        (forge(HEADER, CLAIMS | {"exp": 0}), (TokenExpired, {"expired_at": 0, "now": NOW})),
    ],
    ids=["nothing signed", "nor typed", "type", "payload", "required", "issuer", "audience", "form", "time"],
)
def test_a_token_is_trusted_step_by_step(token: str, refused: tuple[type, dict[str, Any]]) -> None:
    """RFC 8725, section 3.3: the signature comes first, and what it does not cover is not looked at."""
    assert refusal(token) == refused


def test_the_calendar_ends_with_the_year_9999() -> None:
    """Our choice: later dates are milliseconds by mistake, and no library can print them."""
    assert datetime.fromtimestamp(LATEST_DATE, UTC) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


LENIENT = replace(VERIFIER, leeway=30, max_age=600)


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({"exp": NOW - 29}, None),
        ({"exp": NOW - 30}, (TokenExpired, {"expired_at": NOW - 30, "now": NOW})),
        ({"exp": NOW - 29.5}, None),
        ({"iat": NOW + 30}, None),
        ({"iat": NOW + 31}, (TokenNotYetValid, {"claim": "iat", "valid_from": NOW + 31, "now": NOW})),
        ({"nbf": NOW + 30}, None),
        ({"nbf": NOW + 31}, (TokenNotYetValid, {"claim": "nbf", "valid_from": NOW + 31, "now": NOW})),
        ({"nbf": 0}, None),
        ({"iat": NOW - 630}, None),
        ({"iat": NOW - 631}, (TokenTooOld, {"age": 631, "max_age": 600})),
    ],
    ids=str,
)
def test_the_leeway_forgives_just_so_many_seconds(
    claims: Mapping[str, float], refused: tuple[type, dict[str, float]] | None
) -> None:
    """RFC 7519, sections 4.1.4 to 4.1.6; on or after `exp` a token must not be accepted."""
    token = forge(HEADER, {**CLAIMS, **claims})

    if refused is None:
        assert LENIENT.verify(token, now=NOW).payload == {**CLAIMS, **claims}
    else:
        assert refusal(token, LENIENT) == refused


def test_without_a_leeway_a_token_ends_at_the_second() -> None:
    """RFC 7519, section 4.1.4."""
    exact = replace(VERIFIER, leeway=0)
    token = forge(HEADER, CLAIMS)

    assert exact.verify(token, now=NOW + 3599.999).subject == "ada"
    assert refusal(token, exact, now=NOW + 3600) == (TokenExpired, {"expired_at": NOW + 3600, "now": NOW + 3600})


def test_verified_claims_are_refused_once_their_time_has_passed() -> None:
    """Our choice: whoever keeps verified claims asks this again each time."""
    claims = VERIFIER.verify(forge(HEADER, CLAIMS), now=NOW)

    VERIFIER.check_time(claims, now=NOW + 3629)
    with pytest.raises(TokenExpired):
        VERIFIER.check_time(claims, now=NOW + 3630)


seconds = st.integers(0, 100)


@fuzz
@given(iat=seconds, exp=seconds, nbf=st.none() | seconds, max_age=st.none() | seconds, leeway=seconds, now=seconds)
def test_within_its_window_a_token_is_in_time_and_outside_it_is_not(
    *, iat: int, exp: int, nbf: int | None, max_age: int | None, leeway: int, now: int
) -> None:
    """Our choice: whoever keeps verified claims compares two numbers instead of asking `check_time` each time."""
    verifier = replace(VERIFIER, leeway=leeway, max_age=max_age)
    claims = Claims({"iss": ISSUER, "iat": iat, "exp": exp} | ({} if nbf is None else {"nbf": nbf}))
    begin, end = TrustedIssuers((verifier,)).window(claims)

    if begin <= now < end:
        verifier.check_time(claims, now=now)
    elif now != end:
        with pytest.raises(RefusedClaims):
            verifier.check_time(claims, now=now)


def test_the_window_of_a_token_closes_with_its_end_or_its_greatest_age() -> None:
    """RFC 7519, sections 4.1.4 to 4.1.6, and our choice of `max_age`."""
    claims = Claims(CLAIMS | {"nbf": NOW + 10})

    assert replace(VERIFIER, leeway=5).window(claims) == (NOW + 5, NOW + 3605)
    assert replace(VERIFIER, leeway=5, max_age=60).window(claims) == (NOW + 5, NOW + 65)


def test_a_retired_key_still_verifies_old_tokens_and_a_removed_one_does_not() -> None:
    """Our choice of rotation: sign with the last, keep what has signed until its tokens have expired."""
    old, new = SigningKey.from_secret(SECRET, kid="old"), SigningKey.from_secret(SECRET[::-1], kid="new")
    before = issue(TokenIssuer(ISSUER, RESOURCE, KeySet([old])))
    after = issue(TokenIssuer(ISSUER, RESOURCE, KeySet([old, new])))
    both, only_new = (TokenVerifier(ISSUER, RESOURCE, KeySet(keys)) for keys in ([old, new], [new]))

    assert [both.verify(token, now=NOW).subject for token in (before, after)] == ["ada", "ada"]
    assert only_new.verify(after, now=NOW).subject == "ada"
    assert refusal(before, only_new) == (UnknownKey, {})


def test_a_token_without_kid_is_tried_with_every_key_of_its_algorithm() -> None:
    """RFC 7515, section 4.1.4: `kid` is optional."""
    keys = KeySet([KEYS["HS256"], KEYS["ES256"], SigningKey.from_secret(SECRET[::-1])])
    token = forge({"alg": "HS256", "typ": "at+jwt"}, CLAIMS)

    assert TokenVerifier(ISSUER, RESOURCE, keys).verify(token, now=NOW).subject == "ada"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_the_published_keys_are_enough_to_verify(algorithm: str) -> None:
    """RFC 7517, section 5."""
    published = KeySet.from_jwks(KeySet([KEYS[algorithm]]).jwks())
    token = issue(ISSUERS[algorithm])

    assert TokenVerifier(ISSUER, RESOURCE, published).verify(token, now=NOW).subject == "ada"


OURS = TokenVerifier(ISSUER, RESOURCE, KeySet([KEYS["ES256"]]), leeway=0)
PARTNER = TokenVerifier("https://login.partner.example", RESOURCE, KeySet([KEYS["EdDSA"]]), leeway=60)
BOTH = TrustedIssuers((OURS, PARTNER))


def test_each_trusted_issuer_is_verified_with_its_own_keys_and_leeway() -> None:
    """RFC 8725, section 3.8: keys belong to an issuer."""
    ours = forge({"alg": "ES256", "typ": "at+jwt"}, CLAIMS, SIGNERS["ES256"])
    partners = forge({"alg": "EdDSA", "typ": "at+jwt"}, CLAIMS | {"iss": PARTNER.issuer}, SIGNERS["EdDSA"])
    late = NOW + 3630

    assert [BOTH.verify(token, now=NOW).issuer for token in (ours, partners)] == [ISSUER, PARTNER.issuer]
    assert BOTH.verify(partners, now=late).issuer == PARTNER.issuer
    with pytest.raises(TokenExpired):
        BOTH.verify(ours, now=late)


def test_verified_claims_are_timed_by_the_verifier_of_their_issuer() -> None:
    """Our choice: the leeway is part of the trust in an issuer."""
    ours, partners = (Claims(CLAIMS | {"iss": verifier.issuer}) for verifier in (OURS, PARTNER))

    BOTH.check_time(partners, now=NOW + 3630)
    with pytest.raises(TokenExpired):
        BOTH.check_time(ours, now=NOW + 3630)


@pytest.mark.parametrize("issuer", ["https://login.partner.example/", "", None, [ISSUER], {"iss": ISSUER}])
def test_an_issuer_that_nobody_trusts_is_unknown(issuer: object) -> None:
    """RFC 8725, section 3.8; RFC 9068, section 4: compared as plain strings."""
    token = forge({"alg": "ES256", "typ": "at+jwt"}, CLAIMS | {"iss": issuer}, SIGNERS["ES256"])

    with pytest.raises(UnknownIssuer):
        BOTH.verify(token, now=NOW)


def test_nobody_is_trusted_when_nobody_is_listed() -> None:
    """Our choice: fail closed."""
    with pytest.raises(UnknownIssuer):
        TrustedIssuers(()).verify(issue(), now=NOW)
