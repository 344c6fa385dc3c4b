"""What the fuzzers send, and how much of it: a hundred examples each, or `FUZZ_EXAMPLES` in the environment."""

import json
import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from mcp_auth_ref.core.tokens import LATEST_DATE
from tests.tokens import CLAIMS, ISSUER, KEYS, NOW, RESOURCE, SIGNERS, forge

fuzz = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")), deadline=None)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)

names = st.sampled_from(["ada", "é", "", "\ud800", "\x00", None, 7, True, ["ada"], {"ada": 1}])
scopes = st.sampled_from(["", "a", "a b", "mcp:tools:read", " a", "a  b", 'a"', "é", ["a"], None, 7])
dates: st.SearchStrategy[Any] = (
    st.integers(NOW - 100, NOW + 100)
    | st.integers(NOW - 100, NOW + 100).map(float)
    | st.sampled_from([0, -0.0, -1, NOW + 3600, LATEST_DATE, LATEST_DATE + 1, 2**63, 10**400, 1e300])
    | st.sampled_from([float("nan"), float("inf"), str(NOW), "", None, True, [NOW], {}])
)
near_miss_claims = {
    "iss": st.sampled_from([ISSUER, f"{ISSUER}/", ISSUER.upper(), "", None, [ISSUER]]),
    "aud": st.sampled_from(
        [RESOURCE, [RESOURCE], [RESOURCE, "https://x"], ["https://x"], [RESOURCE, 7], [], "", f"{RESOURCE}/", {}, None]
    ),
    "sub": names,
    "client_id": names,
    "jti": names,
    "scope": scopes,
    "username": names,
    "role": names,
    "iat": dates,
    "exp": dates,
    "nbf": dates,
    "own": json_values,
    "": json_values,
}
near_miss_headers = {
    "alg": st.sampled_from([*SIGNERS, "none", "hs256", "HS512", "", None]),
    "typ": st.sampled_from(["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "", None, 7]),
    "kid": st.sampled_from([*(key.kid for key in KEYS.values()), "another", "", None, 7]),
    "crit": st.sampled_from([[], ["exp"], None]),
    "b64": st.booleans(),
    "zip": st.just("DEF"),
    "jwk": st.just(KEYS["ES256"].public_jwk()),
    "cty": st.sampled_from(["JWT", None]),
    "own": json_values,
}


@st.composite
def changed(draw: st.DrawFn, members: dict[str, Any], changes: dict[str, st.SearchStrategy[Any]]) -> bytes:
    """Change up to three members of an honest object, or leave one out, and now and then spoil the JSON, too."""
    altered = members | {
        name: draw(changes[name]) for name in draw(st.lists(st.sampled_from(sorted(changes)), max_size=3))
    }
    if draw(st.integers(0, 19)) == 13:
        altered.pop(draw(st.sampled_from(sorted(altered))))
    text = json.dumps(altered, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 19)) == 13:
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.binary(max_size=3)) + text[place + draw(st.integers(0, 3)) :]
    return text


@st.composite
def near_miss_tokens(draw: st.DrawFn, algorithm: str) -> str:
    """Sign an almost honest token with the right key; leave it as it is, or spoil the text of it, too."""
    header = draw(
        changed({"alg": algorithm, "typ": "at+jwt"}, near_miss_headers) | st.just({"alg": algorithm, "typ": "at+jwt"})
    )
    token = forge(header, draw(changed(CLAIMS, near_miss_claims)), SIGNERS[algorithm])
    if draw(st.integers(0, 19)) == 13:
        place = draw(st.integers(0, len(token)))
        token = token[:place] + draw(st.text(max_size=2)) + token[place + draw(st.integers(0, 2)) :]
    return token
