"""What the page of claims says is what the verifier does, for every claim and for more values than the page shows."""

import json
import re
from itertools import product
from typing import Any

import jwt
import pytest
from jwt import PyJWS

from mcp_auth_ref import Claims, InvalidToken, TokenIssuer
from mcp_auth_ref.core.errors import InvalidClaim, MalformedToken, MissingClaim, UnsupportedAlgorithm
from mcp_auth_ref.core.jws import MAX_BRACKETS, MAX_TOKEN_BYTES
from mcp_auth_ref.core.scopes import ROLES, implies
from mcp_auth_ref.core.tokens import LATEST_DATE, REQUIRED_CLAIMS, RESERVED_CLAIMS
from mcp_auth_ref.settings import Settings
from snippets.claims import forms, header, values
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/reference/claims.md").read_text()


def rows(name: str) -> list[list[str]]:
    """Read a printed table, without its head."""
    lines = (ROOT / f"snippets/claims/{name}.out").read_text().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def error_of(payload: dict[str, Any]) -> InvalidToken | None:
    token = PyJWS().encode(json.dumps(payload).encode(), forms.SECRET, headers={"typ": "at+jwt"})
    try:
        forms.VERIFIER.verify(token, now=forms.NOW)
    except InvalidToken as error:
        return error
    return None


def issuer() -> TokenIssuer:
    return TokenIssuer(issuer=forms.ISSUER, audience=forms.AUDIENCE, keys=forms.KEYS)


def test_the_table_has_every_claim_that_the_verifier_knows_and_no_other() -> None:
    assert {row[0].strip("`") for row in rows("forms")} == set(RESERVED_CLAIMS)


def test_the_table_says_which_claims_are_required() -> None:
    required = {row[0].strip("`") for row in rows("forms") if row[2].endswith(", required")}

    assert required == set(REQUIRED_CLAIMS)


def test_the_table_names_every_property_of_verified_claims() -> None:
    named = {row[3].strip("`").partition("[")[0] for row in rows("forms")}

    assert named == {name for name in dir(Claims) if not name.startswith("_")}


@pytest.mark.parametrize("claim", REQUIRED_CLAIMS)
@pytest.mark.parametrize("empty", [None, "", []])
def test_a_required_claim_that_is_empty_is_missing(claim: str, empty: object) -> None:
    assert isinstance(error_of(forms.GOOD | {claim: empty}), MissingClaim)


@pytest.mark.parametrize("claim", RESERVED_CLAIMS)
@pytest.mark.parametrize("odd", [{}, {"a": "b"}, [1], False])
def test_a_claim_of_another_form_is_invalid(claim: str, odd: object) -> None:
    assert isinstance(error_of(forms.GOOD | {claim: odd}), InvalidClaim)


@pytest.mark.parametrize("member", ["crit", "b64", "zip", "enc", "jwk", "jku", "x5c", "x5u"])
@pytest.mark.parametrize("value", ["", "x", 0, False, [], {}])
def test_a_member_that_brings_a_key_or_changes_the_reading_is_refused_whatever_its_value(
    member: str, value: object
) -> None:
    verdict = header.verdict({**header.GOOD, member: value})

    assert [f"`{member}`: whatever it is", verdict] in rows("header")


@pytest.mark.parametrize("alg", ["".join(letters) for letters in product(*zip("none", "NONE", strict=True))])
def test_none_is_no_algorithm_in_any_case(alg: str) -> None:
    """RFC 8725, section 3.2."""
    assert header.verdict({**header.GOOD, "alg": alg}) == f"`{UnsupportedAlgorithm.code}`"


def test_the_rows_were_run_with_the_defaults_of_the_server() -> None:
    settings = Settings()

    assert (values.VERIFIER.leeway, values.VERIFIER.max_age) == (settings.leeway, settings.max_token_age)


def test_the_limits_are_those_of_the_code() -> None:
    limits = dict(re.findall(r"^\| (the whole|brackets|a date)[^|]* \| (?:0 to )?(\d+)", PAGE, re.MULTILINE))

    assert limits == {"the whole": str(MAX_TOKEN_BYTES), "brackets": str(MAX_BRACKETS), "a date": str(LATEST_DATE)}


@pytest.mark.parametrize(
    ("claim", "within", "beyond", "error"),
    [
        ("note", "[" * (MAX_BRACKETS - 1), "[" * MAX_BRACKETS, MalformedToken),
        ("note", "n" * 4000, "n" * MAX_TOKEN_BYTES, MalformedToken),
        ("exp", LATEST_DATE, LATEST_DATE + 1, InvalidClaim),
    ],
)
def test_what_is_beyond_a_limit_is_refused(
    claim: str, within: object, beyond: object, error: type[InvalidToken]
) -> None:
    assert error_of(forms.GOOD | {claim: within}) is None
    assert isinstance(error_of(forms.GOOD | {claim: beyond}), error)


def test_a_shorter_scope_implies_every_longer_one_and_nothing_else() -> None:
    assert implies("mcp:tools", "mcp:tools:read")
    assert implies("mcp:tools", "mcp:tools:execute")
    assert not any(implies("mcp:tools", scope) for scope in ("mcp:toolset", "mcp", "mcp:tokens:manage"))


def test_the_table_of_roles_is_the_one_that_tokens_are_issued_by() -> None:
    granted = {row[0].strip("`"): [bool(cell) for cell in row[1:]] for row in rows("roles")}

    assert granted == {scope: [scope in held for held in ROLES.values()] for scope in ROLES["superadmin"]}


def test_a_role_in_a_token_grants_nothing() -> None:
    issued = issuer().issue(subject="ada", client_id="cli", scopes=[], now=forms.NOW, token_id="1", role="superadmin")

    assert forms.VERIFIER.verify(issued, now=forms.NOW).scopes == frozenset()


def test_claims_of_your_own_are_signed_and_passed_on() -> None:
    issued = issuer().issue(
        subject="ada", client_id="cli", scopes=[], now=forms.NOW, token_id="1", claims={"team": {"name": "red"}}
    )

    assert forms.VERIFIER.verify(issued, now=forms.NOW).payload["team"] == {"name": "red"}


def test_an_issuer_writes_three_members_into_the_header() -> None:
    issued = issuer().issue(subject="ada", client_id="cli", scopes=[], now=forms.NOW, token_id="1")

    assert jwt.get_unverified_header(issued) == {"typ": "at+jwt", "alg": "HS256", "kid": header.KEY.kid}
