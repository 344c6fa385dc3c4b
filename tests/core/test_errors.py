import re
from itertools import pairwise

import pytest

from mcp_auth_ref.core import errors
from mcp_auth_ref.core.errors import (
    AuthError,
    BadSignature,
    BodyTooLarge,
    CallFailed,
    CallRefused,
    ConfigurationError,
    ConnectionLost,
    DeadlinePassed,
    ForbiddenOrigin,
    GrantRefused,
    InsufficientScope,
    InternalError,
    InvalidArguments,
    InvalidClaim,
    InvalidClient,
    InvalidGrant,
    InvalidKey,
    InvalidParameters,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    MalformedToken,
    MethodNotAllowed,
    MisdirectedHost,
    MissingClaim,
    MissingToken,
    RedirectRefused,
    RefreshTokenReused,
    RefreshUncertain,
    RefusedClaims,
    ResultTooLarge,
    ServerDisconnected,
    ServerUnavailable,
    StoreUnavailable,
    TokenExpired,
    TokenNotChecked,
    TokenNotYetValid,
    TokenRefused,
    TokenRevoked,
    TokenTooOld,
    ToolTimeout,
    UnauthorizedClient,
    UnexpectedAnswer,
    UnknownAddress,
    UnknownIssuer,
    UnknownKey,
    UnknownServer,
    UnknownTool,
    Unreachable,
    UnsupportedAlgorithm,
    UnsupportedGrantType,
    UnsupportedMediaType,
    WrongAudience,
    WrongIssuer,
    WrongType,
    help_url,
)

EVERY_ERROR = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AuthError)),
    key=lambda kind: kind.__name__,
)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    """Our choice: whoever reads the docstring sees the very tree that `except` works on."""
    drawn = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if entry := re.fullmatch(r" {4}(?P<branches>[ │├└─]*)(?P<name>[A-Z]\w+)(?: +(?P<code>[a-z_]+) {2,}.+)?", line):
            path[len(entry["branches"]) // 4 :] = [entry["name"]]
            drawn[entry["name"]] = (path[-2] if len(path) > 1 else "Exception", entry["code"] or "auth_error")

    assert drawn == {kind.__name__: (kind.__base__.__name__, kind.code) for kind in EVERY_ERROR if kind.__base__}


def test_no_two_errors_have_one_code() -> None:
    """Our choice: a code is an address in the guide and a key in a log."""
    codes = sorted(kind.code for kind in EVERY_ERROR)

    assert all(one != next_one for one, next_one in pairwise(codes))


@pytest.mark.parametrize("kind", [kind for kind in EVERY_ERROR if kind is not AuthError], ids=lambda kind: kind.code)
def test_every_error_knows_its_causes_and_its_cure(kind: type[AuthError]) -> None:
    """Our choice: `mcp-auth-ref explain CODE` and the guide's page on a code are made of these."""
    sentences = (*kind.causes, kind.cure)

    assert len(sentences) >= 2
    assert [said for said in sentences if not re.fullmatch(r"[A-Z`].*\.", said, re.DOTALL)] == []


@pytest.mark.parametrize(
    ("error", "code", "public_code", "said"),
    [
        (InvalidToken("no"), "invalid_token", "invalid_token", "no"),
        (MalformedToken("it is x"), "malformed_token", "invalid_token", "the token is malformed: it is x"),
        (
            UnsupportedAlgorithm(["RS256", "ES256", "RS256"]),
            "unsupported_algorithm",
            "invalid_token",
            "the token is not signed with ES256 or RS256",
        ),
        (
            UnsupportedAlgorithm([]),
            "unsupported_algorithm",
            "invalid_token",
            "the token is not signed with any algorithm known here",
        ),
        (UnknownKey(), "unknown_key", "invalid_token", "the token's kid names no key known here"),
        (UnknownIssuer(), "unknown_issuer", "invalid_token", "the token's iss is none of the trusted issuers"),
        (BadSignature(), "bad_signature", "invalid_token", "the signature does not match"),
        (RefusedClaims("no"), "refused_claims", "refused_claims", "no"),
        (WrongType(), "wrong_type", "wrong_type", "the token's typ is not at+jwt"),
        (MissingClaim("sub"), "missing_claim", "missing_claim", "the token has no sub, or an empty one"),
        (InvalidClaim("sub", "a string"), "invalid_claim", "invalid_claim", "the token's sub is not a string"),
        (WrongIssuer("https://a"), "wrong_issuer", "wrong_issuer", "the token's iss is not https://a"),
        (WrongAudience("https://a"), "wrong_audience", "wrong_audience", "the token's aud does not name https://a"),
        (TokenExpired(100, 130.4), "token_expired", "token_expired", "the token expired 30 seconds ago"),
        (
            TokenNotYetValid("nbf", 160, 100),
            "token_not_yet_valid",
            "token_not_yet_valid",
            "the token's nbf lies 60 seconds ahead",
        ),
        (TokenTooOld(90, 60), "token_too_old", "token_too_old", "the token is 90 seconds old; 60 are allowed"),
        (TokenRevoked(), "token_revoked", "token_revoked", "the token has been revoked"),
        (MissingToken(), "missing_token", "missing_token", "the request carries no access token"),
        (InvalidRequest("two headers"), "invalid_request", "invalid_request", "two headers"),
        (
            InsufficientScope(["b", "a", "b"]),
            "insufficient_scope",
            "insufficient_scope",
            "the operation needs the scope a b",
        ),
        (GrantRefused("no"), "grant_refused", "grant_refused", "no"),
        (
            InvalidClient(),
            "invalid_client",
            "invalid_client",
            "the client is not known here, or its credentials are wrong",
        ),
        (InvalidGrant("it has expired"), "invalid_grant", "invalid_grant", "it has expired"),
        (
            RefreshTokenReused(),
            "refresh_token_reused",
            "invalid_grant",
            "the refresh token was used before, so its family has ended",
        ),
        (
            UnauthorizedClient(),
            "unauthorized_client",
            "unauthorized_client",
            "this client has no secret, so it gets no token of its own",
        ),
        (
            UnsupportedGrantType(["a", "b"]),
            "unsupported_grant_type",
            "unsupported_grant_type",
            "the grants here are a and b",
        ),
        (InvalidScope(["a", "b"]), "invalid_scope", "invalid_scope", "not granted: a b"),
        (InvalidTarget("https://a"), "invalid_target", "invalid_target", "tokens are issued for https://a only"),
        (
            StoreUnavailable("it is full"),
            "store_unavailable",
            "store_unavailable",
            "the store is not available: it is full",
        ),
        (
            MisdirectedHost(["a", "b"]),
            "misdirected_host",
            "misdirected_host",
            "this server answers for a and b only",
        ),
        (
            ForbiddenOrigin(),
            "forbidden_origin",
            "forbidden_origin",
            "the Origin of the calling page is not allowed here",
        ),
        (
            TokenNotChecked(),
            "token_not_checked",
            "token_not_checked",
            "the token cannot be checked at the moment, so nobody is let in; try again",
        ),
        (UnknownAddress(), "unknown_address", "unknown_address", "there is nothing at this address"),
        (
            MethodNotAllowed(),
            "method_not_allowed",
            "method_not_allowed",
            "what is at this address does not take this method",
        ),
        (BodyTooLarge(1024), "body_too_large", "body_too_large", "the body has more than 1024 bytes"),
        (
            UnsupportedMediaType(),
            "unsupported_media_type",
            "unsupported_media_type",
            "the Content-Type of the body is not application/json",
        ),
        (InvalidParameters(["a: x", "b: y"]), "invalid_parameters", "invalid_parameters", "a: x; b: y"),
        (InternalError(), "internal_error", "internal_error", "the server has failed; its log says where"),
        (
            UnknownServer(["demo", "files"]),
            "unknown_server",
            "unknown_server",
            "there is no server of that name; known are demo, files",
        ),
        (UnknownServer([]), "unknown_server", "unknown_server", "there is no server of that name; known are none"),
        (UnknownTool(), "unknown_tool", "unknown_tool", "there is no tool of that name"),
        (
            UnknownTool(["a.read", "b.read"]),
            "unknown_tool",
            "unknown_tool",
            "several servers have a tool of that name: call it as a.read or b.read",
        ),
        (
            InvalidArguments(["$.a: x", "$.b: y"]),
            "invalid_arguments",
            "invalid_arguments",
            "the arguments break the schema of the tool: $.a: x; $.b: y",
        ),
        (
            ServerUnavailable("files", "its process has ended"),
            "server_unavailable",
            "server_unavailable",
            "the server files is not available: its process has ended",
        ),
        (
            ToolTimeout("demo.sleep", 2.5),
            "tool_timeout",
            "tool_timeout",
            "the tool demo.sleep has not answered within 2.5 seconds",
        ),
        (
            ResultTooLarge("files.read", 1024),
            "result_too_large",
            "result_too_large",
            "the result of the tool files.read has more than 1024 bytes",
        ),
        (
            ServerDisconnected("files"),
            "server_disconnected",
            "server_disconnected",
            "the server files is disconnected",
        ),
        (InvalidKey("it is weak"), "invalid_key", "invalid_key", "the key cannot be used: it is weak"),
        (
            ConfigurationError("MCP_LEEWAY", "it is negative", "Set 0 to 60 seconds."),
            "configuration_error",
            "configuration_error",
            "MCP_LEEWAY: it is negative. Set 0 to 60 seconds.",
        ),
        (
            TokenRefused("token_expired", "the token expired 9 seconds ago"),
            "token_refused",
            "token_expired",
            "the server refuses the token (token_expired): the token expired 9 seconds ago",
        ),
        (
            TokenRefused("token_expired", "it expired", 120.4),
            "token_refused",
            "token_expired",
            "the server refuses the token (token_expired): it expired; your clock is 120 seconds behind the server's",
        ),
        (
            TokenRefused("token_expired", "it expired", -7.0),
            "token_refused",
            "token_expired",
            "the server refuses the token (token_expired): it expired; your clock is 7 seconds ahead of the server's",
        ),
        (CallFailed("no"), "call_failed", "call_failed", "no"),
        (
            Unreachable("https://a", "refused"),
            "unreachable",
            "unreachable",
            "https://a cannot be reached: refused",
        ),
        (
            ConnectionLost("https://a", "reset"),
            "connection_lost",
            "connection_lost",
            "the connection to https://a broke: reset",
        ),
        (DeadlinePassed(0.5), "deadline_passed", "deadline_passed", "the call was not over within 0.5 seconds"),
        (
            RedirectRefused(302, "https://b/"),
            "redirect_refused",
            "redirect_refused",
            "the server answers 302 and would lead to https://b/; a token follows no redirect",
        ),
        (
            UnexpectedAnswer(200, "it is HTML"),
            "unexpected_answer",
            "unexpected_answer",
            "the answer, HTTP 200, cannot be read: it is HTML",
        ),
        (
            CallRefused(404, None, "not here"),
            "call_refused",
            "call_refused",
            "the server refuses the call (HTTP 404): not here",
        ),
        (
            CallRefused(418, "teapot", "short and stout"),
            "call_refused",
            "call_refused",
            "the server refuses the call (HTTP 418, teapot): short and stout",
        ),
        (
            RefreshUncertain("it broke"),
            "refresh_uncertain",
            "refresh_uncertain",
            "the refresh token may be spent, and no new one came: it broke",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, AuthError) else None,
)
def test_an_error_says_its_code_and_a_stranger_learns_a_reason_only_once_the_signature_holds(
    error: AuthError, code: str, public_code: str, said: str
) -> None:
    """RFC 6750, section 3.1, and our choice: above `RefusedClaims` every refusal of a token looks the same outside."""
    assert (error.code, error.public_code, str(error)) == (code, public_code, said)


def test_an_error_carries_what_it_knows_as_data() -> None:
    """Our choice: nobody has to parse a sentence."""
    assert [
        vars(error)
        for error in (
            MalformedToken("it is x"),
            UnsupportedAlgorithm(["RS256", "ES256"]),
            MissingClaim("sub"),
            InvalidClaim("sub", "a string"),
            WrongIssuer("https://a"),
            WrongAudience("https://a"),
            TokenExpired(100, 130),
            TokenNotYetValid("nbf", 160, 100),
            TokenTooOld(90, 60),
            InvalidRequest("two headers"),
            InsufficientScope(["b", "a"]),
            InvalidGrant("it has expired"),
            UnsupportedGrantType(["a"]),
            InvalidScope(["a"]),
            InvalidTarget("https://a"),
            StoreUnavailable("it is full"),
            MisdirectedHost(["a"]),
            BodyTooLarge(5),
            InvalidParameters(["a: x"]),
            UnknownServer(["a"]),
            UnknownTool(["a.x", "b.x"]),
            InvalidArguments(["$: x"]),
            ServerUnavailable("a", "x"),
            ToolTimeout("a.x", 3),
            ResultTooLarge("a.x", 4),
            ServerDisconnected("a"),
            InvalidKey("it is weak"),
            ConfigurationError("MCP_LEEWAY", "it is negative", "Set 0 to 60 seconds."),
            TokenRefused("token_expired", "it expired", 3.0),
            Unreachable("https://a", "refused"),
            ConnectionLost("https://a", "reset"),
            DeadlinePassed(30),
            RedirectRefused(302, "https://b/"),
            UnexpectedAnswer(200, "it is HTML"),
            CallRefused(418, "teapot", "short and stout"),
            RefreshUncertain("it broke"),
        )
    ] == [
        {"problem": "it is x"},
        {"expected": ("ES256", "RS256")},
        {"claim": "sub"},
        {"claim": "sub", "expected": "a string"},
        {"expected": "https://a"},
        {"expected": "https://a"},
        {"expired_at": 100, "now": 130},
        {"claim": "nbf", "valid_from": 160, "now": 100},
        {"age": 90, "max_age": 60},
        {"problem": "two headers"},
        {"required": ("a", "b")},
        {"problem": "it has expired"},
        {"supported": ("a",)},
        {"beyond": ("a",)},
        {"expected": "https://a"},
        {"reason": "it is full"},
        {"expected": ("a",)},
        {"limit": 5},
        {"problems": ("a: x",)},
        {"known": ("a",)},
        {"candidates": ("a.x", "b.x")},
        {"problems": ("$: x",)},
        {"server": "a", "problem": "x"},
        {"tool": "a.x", "seconds": 3},
        {"tool": "a.x", "limit": 4},
        {"server": "a"},
        {"problem": "it is weak"},
        {"setting": "MCP_LEEWAY", "problem": "it is negative", "remedy": "Set 0 to 60 seconds."},
        {"reason": "token_expired", "detail": "it expired", "clock_difference": 3.0},
        {"address": "https://a", "problem": "refused"},
        {"address": "https://a", "problem": "reset"},
        {"seconds": 30},
        {"status": 302, "location": "https://b/"},
        {"status": 200, "problem": "it is HTML"},
        {"status": 418, "reason": "teapot", "detail": "short and stout"},
        {"problem": "it broke"},
    ]


def test_every_code_has_its_place_in_the_guide() -> None:
    """RFC 9457, section 3.1.1: the type of a problem is an address where one can read about it."""
    assert help_url("wrong_audience") == "https://mcp-auth-ref.github.io/reference/errors/#wrong_audience"
