"""The revocation endpoint and the introspection endpoint."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mcp_auth_ref.core.grants import family_of
from mcp_auth_ref.stores import Store, open_store
from tests.server.oauth import ROBOT, basic, oauth_server, pair, post_form, refresh, secret_of
from tests.server.world import ISSUER, NOW, RESOURCE, Clock, post, token

MINE = {"client_id": "page"}
GOOD_TOKEN = token(client_id="page")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(tmp_path: Path, store: Store, clock: Clock) -> Iterator[TestClient]:
    with oauth_server(store_url=f"sqlite:///{tmp_path}/store.db", clock=clock) as opened:
        yield opened


def code(client: TestClient, credential: str) -> str | None:
    """Give the code with which the endpoint refuses a token, or None where it does not."""
    answer = post(client, "tools/list", credential=credential)
    return None if answer.status_code == 200 else str(answer.json()["code"])


def test_a_revoked_access_token_is_refused_from_the_next_request_on(client: TestClient) -> None:
    """RFC 7009, section 2.1."""
    before = code(client, GOOD_TOKEN)
    answer = post_form(client, "/revoke", {**MINE, "token": GOOD_TOKEN})

    assert (before, code(client, GOOD_TOKEN)) == (None, "token_revoked")
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")


def test_a_revoked_refresh_token_ends_its_family_and_the_access_tokens_from_it(
    client: TestClient, store: Store
) -> None:
    """RFC 7009, section 2.1: also by one that is spent."""
    first, other = pair(store), pair(store)
    second = refresh(client, secret_of(first)).json()
    answer = post_form(client, "/revoke", {**MINE, "token": secret_of(first), "token_type_hint": "access_token"})

    assert answer.status_code == 200
    assert [code(client, each) for each in (first.access_token, second["access_token"], other.access_token)] == [
        "token_revoked",
        "token_revoked",
        None,
    ]
    assert refresh(client, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(client, secret_of(other)).status_code == 200


@pytest.mark.parametrize(
    "unknown",
    [
        "nonsense",
        f"mcp_rt_{'a' * 65}",
        token(secret=b"another-secret-of-more-than-32-bytes"),
        token(exp=NOW - 100, iat=NOW - 200, client_id="page"),
        token(aud="https://other.example/mcp", client_id="page"),
    ],
)
def test_what_is_no_good_token_is_answered_as_if_it_were(client: TestClient, unknown: str) -> None:
    """RFC 7009, section 2.2: invalid tokens cause no error."""
    answer = post_form(client, "/revoke", {**MINE, "token": unknown})

    assert (answer.status_code, answer.content) == (200, b"")


def test_revoking_twice_is_revoking(client: TestClient) -> None:
    """RFC 7009, section 2.2."""
    answers = [post_form(client, "/revoke", {**MINE, "token": GOOD_TOKEN}).status_code for _ in range(2)]

    assert answers == [200, 200]


def test_nobody_takes_back_what_was_issued_to_another_client(client: TestClient, store: Store) -> None:
    """RFC 7009, section 2.1."""
    first = pair(store)
    answers = [post_form(client, "/revoke", {"token": each}, basic()) for each in (GOOD_TOKEN, secret_of(first))]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == {
        "error": "invalid_grant",
        "error_description": "the token was issued to another client",
    }
    assert (code(client, GOOD_TOKEN), refresh(client, secret_of(first)).status_code) == (None, 200)


@pytest.mark.parametrize("path", ["/revoke", "/introspect"])
@pytest.mark.parametrize(
    ("form", "headers"),
    [({}, {}), ({"client_id": "nobody"}, {}), ({"client_id": ROBOT}, {}), ({}, basic(secret="wrong" * 9))],
)
def test_a_client_that_does_not_prove_who_it_is_is_refused(
    client: TestClient, path: str, form: dict[str, str], headers: dict[str, str]
) -> None:
    """RFC 7009, section 2.1, and RFC 7662, section 2.1."""
    answer = post_form(client, path, {**form, "token": GOOD_TOKEN}, headers)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"] == 'Basic realm="mcp-auth-ref"'
    assert code(client, GOOD_TOKEN) is None


def test_an_access_token_is_introspected_with_its_claims(client: TestClient) -> None:
    """RFC 7662, section 2.2."""
    answer = post_form(client, "/introspect", {"token": token(username="Ada", role="user")}, basic())

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json() == {
        "active": True,
        "token_type": "Bearer",
        "scope": "mcp:tools:read mcp:tools:execute",
        "client_id": "tests",
        "username": "Ada",
        "exp": NOW + 3600,
        "iat": NOW,
        "sub": "ada",
        "aud": RESOURCE,
        "iss": ISSUER,
        "jti": "JhAVKVcAcGQLn8Q1C2lFTg",
    }


def test_a_refresh_token_is_introspected_by_its_client_and_not_spent_by_that(
    client: TestClient, store: Store, clock: Clock
) -> None:
    """RFC 7662, section 2.2."""
    mine, theirs = secret_of(pair(store, client_id=ROBOT)), secret_of(pair(store))
    seen = [post_form(client, "/introspect", {"token": each}, basic()).json() for each in (mine, theirs)]
    form = {"grant_type": "refresh_token", "refresh_token": mine}
    refreshed = post_form(client, "/token", form, basic())
    spent = post_form(client, "/introspect", {"token": mine}, basic()).json()

    assert seen == [
        {
            "active": True,
            "scope": "mcp:tools:read mcp:tools:execute",
            "client_id": ROBOT,
            "sub": "ada",
            "aud": RESOURCE,
            "iss": ISSUER,
            "iat": NOW,
            "exp": NOW + 7 * 86_400,
        },
        {"active": False},
    ]
    assert (refreshed.status_code, spent) == (200, {"active": False})
    clock.now += 100
    assert post_form(client, "/introspect", {"token": mine}, basic()).json() == {"active": False}
    again = {"grant_type": "refresh_token", "refresh_token": refreshed.json()["refresh_token"]}
    assert post_form(client, "/token", again, basic()).status_code == 200


def test_of_a_token_that_is_not_active_nothing_else_is_said(client: TestClient, store: Store) -> None:
    """RFC 7662, section 2.2."""
    post_form(client, "/revoke", {**MINE, "token": GOOD_TOKEN})
    tokens = ["nonsense", GOOD_TOKEN, token(exp=NOW - 100, iat=NOW - 200), f"mcp_rt_{'a' * 65}"]

    documents = [post_form(client, "/introspect", {"token": each}, basic()).json() for each in tokens]

    assert documents == [{"active": False}] * 4


def test_a_public_client_may_not_introspect(client: TestClient) -> None:
    """RFC 7662, section 2.1: who may ask has to prove it, against scanning."""
    assert post_form(client, "/introspect", {**MINE, "token": GOOD_TOKEN}).status_code == 401


def test_the_family_of_a_token_is_its_sid(client: TestClient, store: Store) -> None:
    """OpenID Connect Front-Channel Logout 1.0, section 3: `sid` names the session."""
    first = pair(store)
    document = post_form(client, "/introspect", {"token": first.access_token}, basic()).json()

    assert document["sid"] == family_of(secret_of(first))
