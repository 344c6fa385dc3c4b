"""`token issue --with-refresh` and `token revoke`."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mcp_auth_ref.core.grants import Revocation, family_of
from mcp_auth_ref.stores import open_store
from tests.cli.line import SETTINGS, Run, token
from tests.tokens import ISSUER, NOW

STORE = "sqlite:///.mcp/store.db"
KEPT = 86_400 + 30 + 60  # MCP_MAX_TOKEN_AGE, MCP_LEEWAY, and a minute


@pytest.fixture(autouse=True)
def _at_now(clock: Callable[[float], None]) -> None:
    """Let the commands go by the tests' clock."""


def revoked() -> list[Revocation]:
    with closing(open_store(STORE)) as store, closing(store.feed()) as feed:
        return list(feed.read(wait=0))


def pair(run: Run) -> tuple[str, str]:
    access, refresh = run("mcp-auth-ref token issue --user-id ada --with-refresh").out.split()
    return access, refresh


def test_a_pair_is_printed_on_two_lines_and_its_family_is_in_the_store(run: Run) -> None:
    """Our choice: the access token first."""
    printed = run("generate-mcp-token --user-id ada --username Ada --role admin --with-refresh")
    access, refresh = printed.out.splitlines()

    assert (printed.code, printed.err, access.count(".")) == (0, "", 2)
    with closing(open_store(STORE)) as store:
        family = store.family(family_of(refresh), now=NOW)
    assert family is not None
    assert (family.subject, family.username, family.role, family.client_id) == (
        "ada",
        "Ada",
        "admin",
        "mcp-auth-ref-cli",
    )
    assert family.expires_at == NOW + 30 * 86_400


def test_a_pair_in_json_says_when_each_ends(run: Run) -> None:
    """Our choice."""
    document = json.loads(run("mcp-auth-ref token issue --user-id ada --with-refresh --json").out)

    assert list(document) == ["token", "payload", "expires_at", "refresh_token", "refresh_expires_at"]
    assert (document["expires_at"], document["refresh_expires_at"]) == ("2026-11-18T12:06:40Z", "2026-11-25T11:06:40Z")
    assert document["payload"]["sid"] == family_of(document["refresh_token"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--client-id stranger", "no client of this name could refresh it"),
        ("--claim team=red", "a refresh token keeps no claims of your own"),
    ],
)
def test_a_pair_that_could_not_be_refreshed_as_it_is_is_not_issued(
    run: Run, folder: Path, options: str, said: str
) -> None:
    """Our choice: better now than at the first refresh."""
    printed = run(f"mcp-auth-ref token issue --user-id ada --with-refresh {options}")

    assert (printed.code, printed.out) == (2, "")
    assert said in printed.err
    assert not (folder / ".mcp").exists()


def test_a_pair_of_another_client_of_the_settings_is_issued(run: Run, folder: Path) -> None:
    """Our choice: [[clients]] of the TOML file."""
    (folder / "s.toml").write_text('[[clients]]\nid = "page"\npublic = true\n')

    printed = run(
        "mcp-auth-ref token issue --user-id ada --client-id page --with-refresh", {**SETTINGS, "MCP_CONFIG": "s.toml"}
    )

    assert (printed.code, len(printed.out.splitlines())) == (0, 2)


@pytest.mark.parametrize("command", ["token issue --user-id ada --with-refresh", "token revoke --subject ada"])
def test_a_store_in_memory_is_no_use_to_a_command(run: Run, command: str) -> None:
    """Our choice: what would do nothing says so."""
    printed = run(f"mcp-auth-ref {command}", {**SETTINGS, "MCP_STORE_URL": "memory:"})

    assert (printed.code, printed.out) == (2, "")
    assert "MCP_STORE_URL: a store in memory is the server's own, and no command reaches it" in printed.err


def test_an_access_token_is_revoked_until_it_would_have_expired(run: Run) -> None:
    """RFC 7009, section 2.1."""
    printed = run(f"mcp-auth-ref token revoke --token {token()}")

    assert (printed.code, printed.out, printed.err) == (0, "revoked the token with the jti 0123456789abcdef\n", "")
    assert revoked() == [Revocation("token", ISSUER, "0123456789abcdef", NOW, NOW + 3600 + 120)]


def test_a_refresh_token_takes_its_family_with_it(run: Run) -> None:
    """RFC 7009, section 2.1."""
    _, refresh = pair(run)

    first, second = (run("mcp-auth-ref token revoke -", stdin=refresh.encode()) for _ in range(2))

    assert (first.code, first.out) == (0, f"revoked the tokens with the sid {family_of(refresh)}\n")
    assert (second.code, second.out.partition(":")[0]) == (1, "refused (invalid_grant)")
    assert revoked() == [Revocation("family", ISSUER, family_of(refresh), NOW, NOW + KEPT)]


@pytest.mark.parametrize(
    ("options", "revocation"),
    [
        ("--id abc", Revocation("token", ISSUER, "abc", NOW, NOW + KEPT)),
        ("--family abc", Revocation("family", ISSUER, "abc", NOW, NOW + KEPT)),
        ("--subject ada", Revocation("subject", ISSUER, "ada", NOW, NOW + KEPT)),
        (
            "--subject ada --issuer https://far.example",
            Revocation("subject", "https://far.example", "ada", NOW, NOW + KEPT),
        ),
    ],
)
def test_what_is_named_is_revoked_without_the_token(run: Run, options: str, revocation: Revocation) -> None:
    """Our choice: a laptop that is lost has the token with it. A token in the environment does not get in the way."""
    printed = run(f"mcp-auth-ref token revoke {options}", {**SETTINGS, "MCP_TOKEN": token(jti="other")})

    assert (printed.code, revoked()) == (0, [revocation])


def test_a_subject_loses_its_refresh_tokens_too(run: Run) -> None:
    """Our choice: all that was issued until now."""
    _, refresh = pair(run)
    run("mcp-auth-ref token revoke --subject ada")

    with closing(open_store(STORE)) as store:
        assert store.family(family_of(refresh), now=NOW) is None


def test_a_token_that_somebody_else_has_signed_revokes_nothing(run: Run) -> None:
    """Our choice: a forged token names whom it likes."""
    printed = run("mcp-auth-ref token revoke -", stdin=token("another-secret-of-more-than-32-bytes").encode())

    assert (printed.code, printed.out) == (1, "refused (bad_signature): the signature does not match\n")
    assert revoked() == []


def test_an_expired_token_needs_no_revocation(run: Run) -> None:
    """Our choice: what was asked for is so already."""
    printed = run(f"mcp-auth-ref token revoke --token {token(exp=NOW - 100, iat=NOW - 200)}")

    assert (printed.code, printed.out) == (0, "nothing to revoke: the token expired 100 seconds ago\n")
    assert revoked() == []


def test_of_many_tokens_each_is_tried(run: Run) -> None:
    """Our choice: one bad line does not keep the others alive."""
    lines = f"{token(jti='a' * 16)}\nnonsense\n\n{token(jti='b' * 16)}\n"
    printed = run("mcp-auth-ref token revoke -", stdin=lines.encode())

    assert printed.code == 1
    assert [each.name for each in revoked()] == ["a" * 16, "b" * 16]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "There is nothing to revoke"),
        ("--id a --subject b", "Name one thing"),
        ("--id a -", "Name one thing"),
        ("eyJ0", "A token is not an argument"),
        ("--token-file nowhere", "it cannot be read: No such file or directory"),
    ],
)
def test_what_is_unclear_revokes_nothing(run: Run, words: str, said: str) -> None:
    """Our choice: exit code 2, as for every command."""
    printed = run(f"mcp-auth-ref token revoke {words}")

    assert (printed.code, printed.out) == (2, "")
    assert said in printed.err
