import pytest

from mcp_auth_ref.core import errors
from mcp_auth_ref.core.errors import (
    AuthError,
    ConfigurationError,
    ForbiddenOrigin,
    MisdirectedHost,
)
from mcp_auth_ref.server.problems import STATUS, challenge, refusal


def test_a_refusal_is_a_problem_document_that_names_the_page_on_it() -> None:
    """RFC 9457, section 3."""
    answer = refusal(errors.TokenExpired(100, 160))

    assert answer.status == 401
    assert answer.document == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#token_expired",
        "title": "Token expired",
        "status": 401,
        "detail": "the token expired 60 seconds ago",
        "code": "token_expired",
    }


def test_before_the_signature_holds_the_document_says_no_more_than_invalid_token() -> None:
    """RFC 6750, section 3.1, and our choice: a forger learns nothing."""
    answers = [
        refusal(error)
        for error in (errors.BadSignature(), errors.UnknownKey(), errors.MalformedToken("it has 3 dots instead of two"))
    ]

    assert [answer.document for answer in answers] == 3 * [
        {
            "type": "https://mcp-auth-ref.github.io/reference/errors/#invalid_token",
            "title": "Invalid token",
            "status": 401,
            "detail": "the token is not accepted",
            "code": "invalid_token",
        }
    ]


def test_a_missing_scope_is_answered_with_all_scopes_in_document_and_challenge() -> None:
    """RFC 6750, section 3.1; MCP 2026-07-28, runtime insufficient scope."""
    answer = challenge(
        errors.InsufficientScope(["mcp:tools:read", "files:write"]),
        metadata_url="http://h/m",
        scopes=["mcp:tools:read"],
    )

    assert answer.status == 403
    assert answer.document["required_scopes"] == ("files:write", "mcp:tools:read")
    assert answer.headers == {
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "www-authenticate": (
            'Bearer error="insufficient_scope", error_description="the operation needs the scope '
            'files:write mcp:tools:read", scope="files:write mcp:tools:read", resource_metadata="http://h/m"'
        ),
    }


def _kinds(root: type[AuthError]) -> set[type[AuthError]]:
    return {root}.union(*(_kinds(kind) for kind in root.__subclasses__()))


@pytest.mark.parametrize("kind", sorted(_kinds(AuthError) - {AuthError}, key=str))
def test_each_refusal_of_a_request_has_one_status(kind: type[AuthError]) -> None:
    """Our choice: the table is in one place, and whole."""
    statuses = {STATUS[base] for base in kind.__mro__ if base in STATUS}

    of_no_request = issubclass(kind, errors.KeyInUse | ConfigurationError | errors.CallFailed)
    assert len(statuses) == (0 if of_no_request else 1)


def test_who_calls_the_wrong_host_or_from_the_wrong_page_is_told_so() -> None:
    """Our choice: the document says what it is about."""
    assert [refusal(error).document["code"] for error in (MisdirectedHost(["a:1"]), ForbiddenOrigin())] == [
        "misdirected_host",
        "forbidden_origin",
    ]
