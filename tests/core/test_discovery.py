from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core.discovery import (
    AUTHORIZATION_SERVER,
    PROTECTED_RESOURCE,
    Challenge,
    challenge_for,
    describe,
    parse_challenges,
    resource_metadata,
    well_known,
)
from mcp_auth_ref.core.errors import (
    AuthError,
    BadSignature,
    ForbiddenOrigin,
    InsufficientScope,
    InvalidKey,
    InvalidRequest,
    InvalidToken,
    MalformedToken,
    MissingToken,
    TokenExpired,
)
from tests.fuzz import fuzz
from tests.tokens import RESOURCE

METADATA_URL = "http://127.0.0.1:8765/.well-known/oauth-protected-resource/mcp"


@pytest.mark.parametrize(
    ("resource", "address"),
    [
        ("https://mcp.example", "https://mcp.example/.well-known/oauth-protected-resource"),
        ("https://mcp.example/", "https://mcp.example/.well-known/oauth-protected-resource"),
        ("https://mcp.example/mcp", "https://mcp.example/.well-known/oauth-protected-resource/mcp"),
        ("https://mcp.example/mcp/", "https://mcp.example/.well-known/oauth-protected-resource/mcp/"),
        ("https://mcp.example:8443/a/b", "https://mcp.example:8443/.well-known/oauth-protected-resource/a/b"),
        ("https://mcp.example/mcp?k=1", "https://mcp.example/.well-known/oauth-protected-resource/mcp?k=1"),
        ("https://mcp.example/?k=1", "https://mcp.example/.well-known/oauth-protected-resource?k=1"),
        ("https://mcp.example/mcp#part", "https://mcp.example/.well-known/oauth-protected-resource/mcp"),
        (RESOURCE, METADATA_URL),
    ],
)
def test_resource_metadata_stands_between_the_host_and_the_path(resource: str, address: str) -> None:
    """RFC 9728, section 3.1: only a slash right after the host is dropped; section 1.2: no fragment."""
    assert well_known(resource, PROTECTED_RESOURCE) == address


@pytest.mark.parametrize(
    ("issuer", "address"),
    [
        ("https://as.example", "https://as.example/.well-known/oauth-authorization-server"),
        ("https://as.example/", "https://as.example/.well-known/oauth-authorization-server"),
        ("https://as.example/tenant", "https://as.example/.well-known/oauth-authorization-server/tenant"),
        ("https://as.example/tenant/", "https://as.example/.well-known/oauth-authorization-server/tenant"),
    ],
)
def test_authorization_server_metadata_drops_any_slash_at_the_end(issuer: str, address: str) -> None:
    """RFC 8414, section 3.1."""
    assert well_known(issuer, AUTHORIZATION_SERVER) == address


def test_a_protected_resource_describes_itself() -> None:
    """RFC 9728, section 2; MCP 2026-07-28, token handling: the header is the only place for a token."""
    assert resource_metadata(
        resource=RESOURCE, authorization_servers=("https://as.example",), scopes_supported=("mcp:tools:read",)
    ) == {
        "resource": RESOURCE,
        "authorization_servers": ["https://as.example"],
        "scopes_supported": ["mcp:tools:read"],
        "bearer_methods_supported": ["header"],
    }


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MissingToken(), {"scope": "mcp:tools:read"}),
        (
            BadSignature(),
            {"error": "invalid_token", "error_description": "the token is not accepted", "scope": "mcp:tools:read"},
        ),
        (
            TokenExpired(100, 130),
            {
                "error": "invalid_token",
                "error_description": "the token expired 30 seconds ago",
                "scope": "mcp:tools:read",
            },
        ),
        (
            InvalidRequest("two Authorization headers"),
            {"error": "invalid_request", "error_description": "two Authorization headers", "scope": "mcp:tools:read"},
        ),
        (
            InsufficientScope(["mcp:tools:execute", "files:write"]),
            {
                "error": "insufficient_scope",
                "error_description": "the operation needs the scope files:write mcp:tools:execute",
                "scope": "files:write mcp:tools:execute",
            },
        ),
    ],
    ids=lambda value: value.code if isinstance(value, AuthError) else "",
)
def test_a_challenge_says_what_was_wrong_and_how_to_go_on(error: AuthError, said: dict[str, str]) -> None:
    """RFC 6750, sections 3 and 3.1 (no `error` without credentials); RFC 9728, section 5.1; MCP 2026-07-28."""
    challenge = challenge_for(error, metadata_url=METADATA_URL, scopes=["mcp:tools:read"])

    assert challenge == Challenge("Bearer", {**said, "resource_metadata": METADATA_URL})


def test_a_challenge_is_written_as_the_field_has_it() -> None:
    """RFC 9110, section 11.6.1; RFC 6750, section 3: parameters are quoted strings."""
    challenge = Challenge("Bearer", {"scope": "a b", "error_description": 'say "hi" \\'})

    assert str(challenge) == r'Bearer scope="a b", error_description="say \"hi\" \\"'


def test_a_server_without_scopes_asks_for_none() -> None:
    """RFC 6750, section 3: an empty `scope` is no scope list."""
    challenge = challenge_for(MissingToken(), metadata_url=METADATA_URL, scopes=[])

    assert str(challenge) == f'Bearer resource_metadata="{METADATA_URL}"'


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InvalidToken("the secret reason"), "the secret reason"),
        (MalformedToken("the secret reason"), "the token is not accepted"),
        (TokenExpired(100, 130), "the token expired 30 seconds ago"),
        (
            InvalidKey('say "é" \\ and\r\nleave'),
            "the key cannot be used: say ??? ? and??leave",
        ),
        (ForbiddenOrigin(), "the Origin of the calling page is not allowed here"),
    ],
    ids=lambda value: value.code if isinstance(value, AuthError) else None,
)
def test_what_a_stranger_is_told_has_no_reason_before_the_signature_and_no_odd_character(
    error: AuthError, said: str
) -> None:
    """RFC 6750, section 3, on the characters of `error_description`; section 3.1 on the reason."""
    assert describe(error) == said


def test_a_challenge_without_parameters_is_its_scheme() -> None:
    """RFC 9110, section 11.6.1."""
    assert (str(Challenge("Bearer")), Challenge("Bearer").scopes) == ("Bearer", ())


def test_the_scopes_of_a_challenge_are_a_list() -> None:
    """RFC 6750, section 3."""
    assert Challenge("Bearer", {"scope": "a b"}).scopes == ("a", "b")


@pytest.mark.parametrize(
    ("field", "challenges"),
    [
        ("", ()),
        ("Bearer", (Challenge("Bearer"),)),
        ("bearer, Basic", (Challenge("bearer"), Challenge("Basic"))),
        ('Bearer realm="a, b"', (Challenge("Bearer", {"realm": "a, b"}),)),
        (r'Bearer realm="say \"hi\" \\"', (Challenge("Bearer", {"realm": 'say "hi" \\'}),)),
        ('Bearer realm=""', (Challenge("Bearer", {"realm": ""}),)),
        ("Bearer Error = invalid_token", (Challenge("Bearer", {"error": "invalid_token"}),)),
        ("Bearer  a=b ,\tc=d", (Challenge("Bearer", {"a": "b", "c": "d"}),)),
        (", Bearer a=b,, c=d,", (Challenge("Bearer", {"a": "b", "c": "d"}),)),
        ("Negotiate YWJj==", (Challenge("Negotiate"),)),
        (
            'Basic realm="x", Negotiate YWJj, Bearer scope="a b", resource_metadata="https://a/"',
            (
                Challenge("Basic", {"realm": "x"}),
                Challenge("Negotiate"),
                Challenge("Bearer", {"scope": "a b", "resource_metadata": "https://a/"}),
            ),
        ),
    ],
)
def test_a_field_with_any_number_of_challenges_is_read(field: str, challenges: tuple[Challenge, ...]) -> None:
    """RFC 9110, sections 5.6.1, 11.2 and 11.6.1."""
    assert parse_challenges(field) == challenges


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ('Bearer a="b', "the WWW-Authenticate field breaks its grammar at character 7"),
        ("Bearer a=b c=d", "the WWW-Authenticate field breaks its grammar at character 7"),
        ('Bearer a="b" c="d"', "the WWW-Authenticate field breaks its grammar at character 7"),
        ("Bearer a b", "the WWW-Authenticate field breaks its grammar at character 0"),
        ("Bearer\ta=b", "the WWW-Authenticate field breaks its grammar at character 0"),
        ("a=b", "the WWW-Authenticate field breaks its grammar at character 0"),
        ("Negotiate YWJj==, a=b", "the WWW-Authenticate field breaks its grammar at character 18"),
        ("Bearer a=b\r\nX-Injected: 1", "the WWW-Authenticate field breaks its grammar at character 7"),
        ("Bearer é", "the WWW-Authenticate field breaks its grammar at character 0"),
        ("Bearer a=b, A=c", "the WWW-Authenticate field has the parameter a twice"),
    ],
)
def test_a_field_that_breaks_the_grammar_is_refused(field: str, said: str) -> None:
    """RFC 9110, section 11.2; RFC 6750, section 3: no attribute appears twice."""
    with pytest.raises(InvalidRequest) as caught:
        parse_challenges(field)

    assert caught.value.problem == said


token = st.text(st.sampled_from("abcXYZ019!#$%&'*+.^_`|~-"), min_size=1, max_size=8)
parameters = st.dictionaries(
    token.map(str.lower), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12), max_size=4
)


@fuzz
@given(st.lists(st.builds(Challenge, token, parameters), max_size=3))
def test_what_is_built_is_what_is_parsed(challenges: list[Challenge]) -> None:
    """RFC 9110, section 11.6.1: server and client share one grammar."""
    field = ", ".join(map(str, challenges))

    assert parse_challenges(field) == tuple(challenges)


@fuzz
@given(st.text(max_size=40) | st.text(st.sampled_from('Bearer=", \\\t'), max_size=40))
def test_whatever_a_field_holds_it_is_parsed_or_refused(field: str) -> None:
    """Our choice: other people's servers send anything."""
    with suppress(InvalidRequest):
        parse_challenges(field)
