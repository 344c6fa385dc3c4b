"""The token endpoint: who gets a token, in which form, and what becomes of a refresh token."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from mcp_auth_ref import KeySet, keyfiles
from mcp_auth_ref.core import jws
from mcp_auth_ref.core.scopes import ROLES
from mcp_auth_ref.stores import Store, open_store
from tests.server.oauth import (
    ROBOT,
    ROBOT_SECRET,
    basic,
    oauth_server,
    pair,
    post_form,
    refresh,
    secret_of,
)
from tests.server.world import ISSUER, NOW, RESOURCE, Clock, post, token

OWN = {"grant_type": "client_credentials"}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(url: str, clock: Clock) -> Iterator[TestClient]:
    with oauth_server(store_url=url, clock=clock) as opened:
        yield opened


def claims(access_token: str) -> dict[str, Any]:
    return dict(jws.payload(jws.read(access_token)))


def test_a_client_with_a_secret_gets_a_token_of_its_own_that_works(client: TestClient) -> None:
    """RFC 6749, section 4.4, and RFC 9068, section 2.2: `sub` is the client itself."""
    answer = post_form(client, "/token", OWN, basic())
    document = answer.json()
    issued = document.pop("access_token")
    payload = claims(issued)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert document == {"token_type": "Bearer", "expires_in": 3600, "scope": "mcp:tools:read mcp:tools:execute"}
    assert payload.pop("jti")
    assert payload == {
        "iss": ISSUER,
        "sub": ROBOT,
        "aud": RESOURCE,
        "client_id": ROBOT,
        "scope": "mcp:tools:read mcp:tools:execute",
        "iat": NOW,
        "exp": NOW + 3600,
    }
    assert post(client, "tools/list", credential=issued).status_code == 200


def test_a_client_may_send_its_secret_in_the_form(client: TestClient) -> None:
    """RFC 6749, section 2.3.1: `client_secret_post`."""
    answer = post_form(client, "/token", {**OWN, "client_id": ROBOT, "client_secret": ROBOT_SECRET})

    assert answer.status_code == 200


def test_a_client_gets_fewer_scopes_where_it_asks_for_fewer(client: TestClient) -> None:
    """RFC 6749, section 3.3."""
    assert post_form(client, "/token", {**OWN, "scope": "mcp:tools:read"}, basic()).json()["scope"] == "mcp:tools:read"


def test_a_client_that_is_to_have_refresh_tokens_gets_one_with_its_own_token(client: TestClient) -> None:
    """Our choice, where the settings say so; RFC 6749, section 4.4.3 advises against."""
    first = post_form(client, "/token", OWN, basic("pair robot")).json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = post_form(client, "/token", form, basic("pair robot")).json()

    assert list(second) == ["access_token", "token_type", "expires_in", "scope", "refresh_token"]
    assert claims(second["access_token"])["sid"] == claims(first["access_token"])["sid"]
    assert second["refresh_token"] != first["refresh_token"]


UNKNOWN = "invalid_client: the client is not known here, or its credentials are wrong"
REFUSALS: list[tuple[str, dict[str, str], dict[str, str], str]] = [
    ("no client", OWN, {}, UNKNOWN),
    (
        "a wrong secret",
        OWN,
        basic(secret="x" * 40),
        UNKNOWN,
    ),
    (
        "a name that nobody has",
        OWN,
        basic("nobody"),
        UNKNOWN,
    ),
    (
        "no secret where there is one",
        {**OWN, "client_id": ROBOT},
        {},
        UNKNOWN,
    ),
    (
        "a secret where there is none",
        {**OWN, "client_id": "page", "client_secret": "x"},
        {},
        UNKNOWN,
    ),
    (
        "another scheme",
        OWN,
        {"Authorization": f"Bearer {ROBOT_SECRET}"},
        UNKNOWN,
    ),
    (
        "a header that is no base64",
        OWN,
        {"Authorization": "Basic :::"},
        UNKNOWN,
    ),
    (
        "a header without a colon",
        OWN,
        {"Authorization": "Basic YWRh"},
        UNKNOWN,
    ),
    (
        "a secret in both places",
        {**OWN, "client_id": ROBOT, "client_secret": ROBOT_SECRET},
        basic(),
        "invalid_request: the client says in more than one way who it is",
    ),
    (
        "two names",
        {**OWN, "client_id": "page"},
        basic(),
        "invalid_request: client_id is not the client of the Authorization header",
    ),
    ("no grant", {"x": "1"}, basic(), "invalid_request: the parameter grant_type is missing"),
    ("an empty grant", {"grant_type": ""}, basic(), "invalid_request: the parameter grant_type is missing"),
    (
        "another grant",
        {"grant_type": "password"},
        basic(),
        "unsupported_grant_type: the grants here are client_credentials and refresh_token",
    ),
    (
        "a public client for itself",
        {**OWN, "client_id": "page"},
        {},
        "unauthorized_client: this client has no secret, so it gets no token of its own",
    ),
    (
        "more scopes than the settings give",
        {**OWN, "scope": "mcp:tools:read mcp:servers:manage"},
        basic(),
        "invalid_scope: not granted: mcp:servers:manage",
    ),
    ("a scope that is none", {**OWN, "scope": 'a"b'}, basic(), "invalid_scope: not granted: a?b"),
    (
        "another server",
        {**OWN, "resource": "https://other.example/mcp"},
        basic(),
        f"invalid_target: tokens are issued for {RESOURCE} only",
    ),
    (
        "no refresh token",
        {"grant_type": "refresh_token", "client_id": "page"},
        {},
        "invalid_request: the parameter refresh_token is missing",
    ),
    (
        "an access token as refresh token",
        {"grant_type": "refresh_token", "client_id": "page", "refresh_token": token()},
        {},
        "invalid_grant: it is not one of our refresh tokens",
    ),
    (
        "a refresh token that was never issued",
        {"grant_type": "refresh_token", "client_id": "page", "refresh_token": f"mcp_rt_{'a' * 65}"},
        {},
        "invalid_grant: the refresh token is not known here, has expired, or was revoked",
    ),
]


@pytest.mark.parametrize(("form", "headers", "said"), [pytest.param(*values, id=name) for name, *values in REFUSALS])
def test_a_refusal_has_the_form_of_oauth(
    client: TestClient, form: dict[str, str], headers: dict[str, str], said: str
) -> None:
    """RFC 6749, section 5.2, and RFC 8707, section 2."""
    answer = post_form(client, "/token", form, headers)
    error, _, description = said.partition(": ")

    assert answer.json() == {"error": error, "error_description": description}
    assert answer.status_code == (401 if said == UNKNOWN else 400)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("www-authenticate") == ('Basic realm="mcp-auth-ref"' if said == UNKNOWN else None)


@pytest.mark.parametrize(
    ("content", "media_type", "description"),
    [
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded", "a parameter comes more than once"),
        (b"x=&x=&grant_type=a", "application/x-www-form-urlencoded", "a parameter comes more than once"),
        (
            b"grant_type=client_credentials",
            "text/plain",
            "the Content-Type of the body is not application/x-www-form-urlencoded",
        ),
        (
            b'{"grant_type": "client_credentials"}',
            "application/json",
            "the Content-Type of the body is not application/x-www-form-urlencoded",
        ),
        (b"a=" + b"x" * 16_384, "application/x-www-form-urlencoded", "the body has more than 16384 bytes"),
        (
            b"a=%ff",
            "application/x-www-form-urlencoded",
            "the body is not a form in UTF-8, or has too many fields",
        ),
        (
            b"a=\xff",
            "application/x-www-form-urlencoded",
            "the body is not a form in UTF-8, or has too many fields",
        ),
        (
            b"&".join(b"a%d=1" % number for number in range(40)),
            "application/x-www-form-urlencoded",
            "the body is not a form in UTF-8, or has too many fields",
        ),
        (b"", "application/x-www-form-urlencoded; charset=UTF-8", "the parameter grant_type is missing"),
    ],
)
@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect"])
def test_a_body_is_one_form(client: TestClient, path: str, content: bytes, media_type: str, description: str) -> None:
    """RFC 6749, section 3.2: each parameter once, and in the form."""
    answer = client.post(path, content=content, headers={"Content-Type": media_type, **basic()})
    missing = description if path == "/token" else description.replace("grant_type", "token")

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "invalid_request", "error_description": missing},
    )


@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect"])
def test_parameters_in_the_address_are_refused(client: TestClient, path: str) -> None:
    """RFC 6749, section 2.3.1: credentials must not be in the address."""
    answer = client.post(f"{path}?grant_type=client_credentials", data={"token": "x"}, headers=basic())

    assert answer.json()["error_description"] == "the parameters belong into the body, where no log writes them down"


@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect"])
def test_another_method_is_refused(client: TestClient, path: str) -> None:
    """RFC 6749, section 3.2: POST."""
    assert client.get(path).status_code == 405


def test_a_refresh_token_gets_the_next_pair_and_is_spent(client: TestClient, store: Store, clock: Clock) -> None:
    """RFC 9700, section 4.14.2."""
    first = pair(store)
    clock.now = NOW + 3000
    second = refresh(client, secret_of(first))
    third = refresh(client, second.json()["refresh_token"])
    payload = claims(second.json()["access_token"])

    assert (second.status_code, third.status_code) == (200, 200)
    assert len({first.refresh_token, second.json()["refresh_token"], third.json()["refresh_token"]}) == 3
    assert (payload["sub"], payload["iat"], payload["scope"]) == ("ada", NOW + 3000, "mcp:tools:read mcp:tools:execute")
    assert post(client, "tools/list", credential=second.json()["access_token"]).status_code == 200


def test_a_stolen_refresh_token_used_after_its_owner_ends_the_family_and_its_access_tokens(
    client: TestClient, store: Store, clock: Clock
) -> None:
    """RFC 9700, section 4.14.2: whoever comes second, both are out."""
    first = pair(store)
    second = refresh(client, secret_of(first)).json()
    clock.now = NOW + 60
    stolen = refresh(client, secret_of(first))
    owner = refresh(client, second["refresh_token"])

    assert (stolen.status_code, stolen.json()) == (
        400,
        {
            "error": "invalid_grant",
            "error_description": "the refresh token was used before, so its family has ended",
        },
    )
    assert (owner.status_code, owner.json()["error"]) == (400, "invalid_grant")
    for access_token in (first.access_token, second["access_token"]):
        assert post(client, "tools/list", credential=access_token).json()["code"] == "token_revoked"


def test_a_token_spent_long_ago_is_still_known_as_spent(client: TestClient, store: Store, clock: Clock) -> None:
    """Our choice: not only the one before the newest."""
    first = pair(store)
    newest = secret_of(first)
    for _ in range(3):
        clock.now += 100
        newest = refresh(client, newest).json()["refresh_token"]

    assert "used before" in refresh(client, secret_of(first)).json()["error_description"]
    assert refresh(client, newest).status_code == 400


def test_a_second_caller_within_the_grace_gets_an_access_token_and_no_refresh_token(
    client: TestClient, store: Store, clock: Clock
) -> None:
    """Our choice: two callers of one client may race; nobody gets two successors."""
    first = pair(store)
    winner = refresh(client, secret_of(first)).json()
    clock.now = NOW + 9.9
    loser = refresh(client, secret_of(first))
    onward = refresh(client, winner["refresh_token"])

    assert list(loser.json()) == ["access_token", "token_type", "expires_in", "scope"]
    assert post(client, "tools/list", credential=loser.json()["access_token"]).status_code == 200
    assert onward.status_code == 200


def test_without_a_grace_the_second_caller_is_a_thief(url: str, store: Store) -> None:
    """Our choice: 0 turns it off."""
    first = pair(store)
    with oauth_server(store_url=url, refresh_grace_secs=0) as client:
        assert [refresh(client, secret_of(first)).status_code for _ in range(2)] == [200, 400]


def test_a_refresh_never_widens_and_a_refusal_spends_nothing(client: TestClient, store: Store) -> None:
    """RFC 6749, section 6, and RFC 8707, section 2.2."""
    first = secret_of(pair(store, scopes=["mcp:tools"]))
    wider = refresh(client, first, scope="mcp:tools:read mcp:servers:read")
    elsewhere = refresh(client, first, resource="https://other.example/mcp")
    narrower = refresh(client, first, scope="mcp:tools:read", resource=RESOURCE)
    again = refresh(client, narrower.json()["refresh_token"])

    assert [answer.json().get("error") for answer in (wider, elsewhere)] == ["invalid_scope", "invalid_target"]
    assert [answer.json()["scope"] for answer in (narrower, again)] == ["mcp:tools:read", "mcp:tools"]


def test_a_refresh_token_of_another_client_is_refused_and_stays_good(client: TestClient, store: Store) -> None:
    """RFC 6749, section 5.2."""
    first = secret_of(pair(store))
    other = refresh(client, first, client_id="mcp-auth-ref-cli")

    assert other.json()["error_description"] == "the refresh token was issued to another client"
    assert refresh(client, first).status_code == 200


def test_a_refresh_token_that_is_not_used_ends(client: TestClient, store: Store, clock: Clock) -> None:
    """Our choice: MCP_REFRESH_TOKEN_EXPIRY_DAYS, counted from its issue."""
    used, unused = secret_of(pair(store)), secret_of(pair(store))
    clock.now = NOW + 7 * 86_400 - 1
    used = refresh(client, used).json()["refresh_token"]
    clock.now = NOW + 7 * 86_400

    assert refresh(client, unused).json()["error_description"] == "the refresh token has expired unused"
    assert refresh(client, used).status_code == 200


def test_a_family_ends_however_often_it_is_refreshed(client: TestClient, store: Store, clock: Clock) -> None:
    """Our choice: MCP_REFRESH_FAMILY_EXPIRY_DAYS, counted from the sign-in."""
    newest = secret_of(pair(store))
    for days in (6, 12, 18, 24, 29.9):
        clock.now = NOW + days * 86_400
        newest = refresh(client, newest).json()["refresh_token"]
    clock.now = NOW + 30 * 86_400

    assert refresh(client, newest).json()["error"] == "invalid_grant"


def test_nothing_that_is_secret_is_in_the_log_or_in_the_store(
    client: TestClient, store: Store, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 6749, section 10.3; only digests are kept."""
    caplog.set_level(logging.DEBUG)
    first = pair(store)
    second = refresh(client, secret_of(first)).json()
    clock.now += 60
    refresh(client, secret_of(first))
    post_form(client, "/token", OWN, basic())
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("latin-1")
    secrets = [secret_of(first), second["refresh_token"], first.access_token, second["access_token"], ROBOT_SECRET]

    assert [secret for secret in secrets if secret in written or secret in caplog.text] == []
    assert [secret for secret in secrets[:2] if secret[7:29] in written] == []


def test_the_metadata_name_what_is_there(client: TestClient) -> None:
    """RFC 8414, section 2."""
    assert client.get("/.well-known/oauth-authorization-server").json() == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "grant_types_supported": ["client_credentials", "refresh_token"],
        "response_types_supported": [],
        "scopes_supported": list(ROLES["superadmin"]),
        "revocation_endpoint": f"{ISSUER}/revoke",
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint": f"{ISSUER}/introspect",
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
    }


def test_an_issuer_with_a_path_has_its_endpoints_below_it(url: str) -> None:
    """RFC 8414, section 3.1: the path follows the well-known one."""
    with oauth_server(store_url=url, issuer=f"{ISSUER}/auth") as client:
        document = client.get("/.well-known/oauth-authorization-server/auth").json()

        assert document["token_endpoint"] == f"{ISSUER}/auth/token"
        assert post_form(client, "/auth/token", OWN, basic()).status_code == 200


def test_where_somebody_else_is_the_issuer_there_are_no_endpoints(url: str) -> None:
    """Our choice: this server issues nothing in another's name."""
    with oauth_server(store_url=url, issuer="https://login.example.com") as client:
        paths = ("/token", "/revoke", "/introspect", "/.well-known/oauth-authorization-server")

        assert [client.post(path).status_code for path in paths] == [404] * 4


def test_each_decision_is_told_once_with_its_true_reason_and_where_it_came_from(
    url: str, store: Store, clock: Clock, tmp_path: Path
) -> None:
    """Our choice: whoever looks into a theft finds the family, the client and the address."""
    log = tmp_path / "audit.log"
    first = pair(store)
    with oauth_server(store_url=url, clock=clock, audit_enabled=True, audit_log_path=log) as client:
        post_form(client, "/token", OWN, basic())
        second = refresh(client, secret_of(first)).json()
        refresh(client, secret_of(first))
        clock.now += 60
        refresh(client, secret_of(first))
        refresh(client, second["refresh_token"])
        post_form(client, "/revoke", {"client_id": "page", "token": secret_of(pair(store))})
        post_form(client, "/revoke", {"client_id": "page", "token": token(client_id="page")})
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = [(each["event"], each.get("code"), each.get("client_id"), "family" in each) for each in lines]

    assert told == [
        ("issue", None, ROBOT, False),
        ("refresh", None, "page", True),
        ("refresh", None, "page", True),
        ("reuse", "refresh_token_reused", "page", True),
        ("refuse", "invalid_grant", None, False),
        ("revoke", None, "page", True),
        ("revoke", None, "page", False),
    ]
    assert {each["address"] for each in lines} == {"127.0.0.1"}
    assert len({each["request_id"] for each in lines}) == len(lines)


def test_where_no_key_signs_any_more_no_token_is_issued_and_none_is_spent(tmp_path: Path) -> None:
    """RFC 9110, section 15.6.4: whoever takes the signing key out of the file hears of it, and breaks nothing."""
    path = tmp_path / "keys.json"
    able = keyfiles.generate("ES256")
    keyfiles.write(path, KeySet([able]))

    with oauth_server(jwt_algorithm="ES256", keys_file=path) as client:
        spent = post_form(client, "/token", OWN, basic("pair robot")).json()["refresh_token"]
        path.write_text(json.dumps(KeySet([able]).jwks()))
        eventually(lambda: post_form(client, "/token", OWN, basic()).status_code != 200)
        refused = [post_form(client, "/token", OWN, basic()), refresh_robot(client, spent)]
        keyfiles.write(path, KeySet([able]))
        eventually(lambda: post_form(client, "/token", OWN, basic()).status_code == 200)
        again = refresh_robot(client, spent)

    assert [(answer.status_code, answer.json()) for answer in refused] == 2 * [
        (503, {"error": "invalid_key", "error_description": "the key cannot be used: none of the keys can sign"})
    ]
    assert again.status_code == 200


def refresh_robot(client: TestClient, token: str) -> httpx2.Response:
    return post_form(client, "/token", {"grant_type": "refresh_token", "refresh_token": token}, basic("pair robot"))


def eventually(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail("it has not come to pass within 30 seconds")
