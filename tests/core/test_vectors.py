"""Every signature whose verdict somebody else, or we, have written down."""

import os
from collections import Counter
from pathlib import Path

import pytest

from mcp_auth_ref.core.errors import AuthError, InvalidKey, MalformedToken
from tests.vectors import DATA, Vector, vectors

OUR_ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")


def accepted(vector: Vector) -> bool:
    try:
        vector.check()
    except AuthError:
        return False
    return True


@pytest.mark.parametrize("name", ["rfc7515", "rfc8037", "families"])
def test_what_should_be_accepted_is_and_nothing_else(name: str) -> None:
    """RFC 7515, appendices A and E; RFC 8037, appendices A.4 and A.5; families of forgeries of our own."""
    verdicts = {vector.id: accepted(vector) for vector in vectors(DATA / f"{name}.json")}

    assert verdicts == {
        vector.id: vector.valid and vector.algorithm in OUR_ALGORITHMS for vector in vectors(DATA / f"{name}.json")
    }


def test_our_own_vectors_cover_each_algorithm_and_each_family() -> None:
    """Our choice: a family that is lost should be missed."""
    families = Counter(vector.id.rpartition("-")[0] for vector in vectors(DATA / "families.json"))

    assert families == {
        "hs256": 22,
        "rs256": 22,
        "es256": 22,
        "eddsa": 22,
        "confusion": 12,
        "stranger": 6,
        "rs256-encoding": 11,
        "es256-encoding": 20,
        "eddsa-encoding": 4,
        "base64url": 10,
        "key": 25,
    }


@pytest.fixture(scope="module")
def published() -> list[Vector]:
    path = os.environ.get("JWS_VECTORS")
    if not path:
        pytest.skip("JWS_VECTORS does not name a file with published JWS vectors")
    return vectors(Path(path))


def test_no_forgery_among_the_published_vectors_is_accepted(published: list[Vector]) -> None:
    """Wycheproof's JWS vectors."""
    assert [vector for vector in published if not vector.valid and accepted(vector)] == []


def test_what_is_refused_of_the_valid_published_vectors_is_refused_by_policy(published: list[Vector]) -> None:
    """Wycheproof's JWS vectors; our choice of algorithms and secrets, and RFC 7519, section 7.2: a payload is JSON."""
    refused = [vector for vector in published if vector.valid and not accepted(vector)]

    assert Counter(reason(vector) for vector in refused) == {
        "another algorithm": 28,
        "empty payload": 1,
        "guessable secret": 5,
    }


def reason(vector: Vector) -> str:
    """Name the policy that refuses a valid vector, or say that there is none."""
    with pytest.raises(AuthError) as caught:
        vector.check()
    if vector.algorithm not in OUR_ALGORITHMS and isinstance(caught.value, InvalidKey):
        return "another algorithm"
    if vector.algorithm == "HS256" and isinstance(caught.value, InvalidKey) and "different bytes" in str(caught.value):
        return "guessable secret"
    if vector.token.split(".")[1] == "" and isinstance(caught.value, MalformedToken):
        return "empty payload"
    return f"none: {vector.id} {caught.value}"
