"""Every way in which this package refuses.

    AuthError
    ├── InvalidToken                 invalid_token           the token is not accepted, and no more is said
    │   ├── MalformedToken           malformed_token         not a compact JWS in its one canonical form
    │   ├── UnsupportedAlgorithm     unsupported_algorithm   `alg` is not the algorithm of any key we hold
    │   ├── UnknownKey               unknown_key             `kid` names no key we hold
    │   ├── MalformedApiKey          malformed_api_key       an API key with a character too many, too few or wrong
    │   ├── UnknownApiKey            unknown_api_key         no API key that this server knows
    │   ├── UnknownIssuer            unknown_issuer          `iss` is none of several trusted issuers
    │   ├── BadSignature             bad_signature           no key we hold made this signature
    │   ├── RefusedClaims            refused_claims          the signature holds; what it signs is refused
    │   │   ├── WrongType            wrong_type              `typ` is not `at+jwt`
    │   │   ├── MissingClaim         missing_claim           a required claim is absent or empty
    │   │   ├── InvalidClaim         invalid_claim           a claim has the wrong JSON type or form
    │   │   ├── WrongIssuer          wrong_issuer            `iss` is not the issuer these keys belong to
    │   │   ├── WrongAudience        wrong_audience          `aud` does not name this server
    │   │   ├── TokenExpired         token_expired           `exp` has passed
    │   │   ├── TokenNotYetValid     token_not_yet_valid     `nbf` or `iat` lies in the future
    │   │   ├── TokenTooOld          token_too_old           `iat` is longer ago than this server allows
    │   │   └── TokenRevoked         token_revoked           taken back before it expired
    │   └── TokenRefused             token_refused           what a client raises where a server refuses its token
    ├── MissingToken                 missing_token           the request carries no token
    ├── InvalidRequest               invalid_request         the credentials are not in the one form allowed
    ├── RateLimited                  rate_limited            too much of it in too short a time; later it passes
    ├── InsufficientScope            insufficient_scope      the token is good and does not reach this far
    ├── InvalidClient                invalid_client          the client is not known, or has not proven who it is
    ├── GrantRefused                 grant_refused           the authorization server issues no token
    │   ├── InvalidGrant             invalid_grant           the refresh token is not good, or no longer
    │   ├── RefreshTokenReused       refresh_token_reused    it was spent before, and its family has ended
    │   ├── UnauthorizedClient       unauthorized_client     the client may not use this grant
    │   ├── UnsupportedGrantType     unsupported_grant_type  there is no such grant here
    │   ├── InvalidScope             invalid_scope           more is asked for than was granted
    │   └── InvalidTarget            invalid_target          a token for another server is asked for
    ├── StoreUnavailable             store_unavailable       the store does not answer, and nobody is let in unchecked
    ├── MisdirectedHost              misdirected_host        `Host` is not a name of this server
    ├── ForbiddenOrigin              forbidden_origin        a browser page of another site is calling
    ├── TokenNotChecked              token_not_checked       the token cannot be checked at the moment
    ├── UnknownAddress               unknown_address         there is nothing at this address
    ├── MethodNotAllowed             method_not_allowed      the address does not take this method
    ├── BodyTooLarge                 body_too_large          the body is larger than the server reads
    ├── UnsupportedMediaType         unsupported_media_type  the body does not call itself JSON
    ├── InvalidParameters            invalid_parameters      the request does not have the form its address takes
    ├── InternalError                internal_error          the server has failed
    ├── UnknownServer                unknown_server          the configuration names no such MCP server
    ├── UnknownTool                  unknown_tool            no server has the tool, or several have it
    ├── InvalidArguments             invalid_arguments       the arguments break the input schema of the tool
    ├── ServerUnavailable            server_unavailable      the MCP server behind the gateway does not do its part
    ├── ToolTimeout                  tool_timeout            the tool has not answered in time
    ├── ResultTooLarge               result_too_large        the tool's result is larger than the gateway passes on
    ├── ServerDisconnected           server_disconnected     an administrator has disconnected the MCP server
    ├── InvalidKey                   invalid_key             a secret or key is weak, unreadable or of a wrong kind
    ├── KeyInUse                     key_in_use              a key cannot go yet: tokens that it signed may still live
    ├── ConfigurationError           configuration_error     a setting is missing or wrong; nothing starts
    └── CallFailed                   call_failed             a client's call got no answer that it can use
        ├── Unreachable              unreachable             no connection came about, and nothing was sent
        ├── ConnectionLost           connection_lost         the connection broke before the answer was there
        ├── DeadlinePassed           deadline_passed         the time for the whole call is over
        ├── RedirectRefused          redirect_refused        a redirect, which no token follows
        ├── UnexpectedAnswer         unexpected_answer       an answer that is not the server's to give
        ├── CallRefused              call_refused            a problem document that needs no class of its own
        └── RefreshUncertain         refresh_uncertain       a refresh without an answer: its token may be spent

An error carries data; its sentence is made from that data and never holds a token, a secret or a part of one. `code` is
stable. Above `RefusedClaims` nothing in the token has been proven, so a server answers `invalid_token` and keeps the
true code for its log; from `RefusedClaims` on the signature holds and the holder may be told the reason.
"""

from collections.abc import Iterable
from typing import ClassVar

GUIDE_URL = "https://mcp-auth-ref.github.io/"


def help_url(code: str) -> str:
    """Return the address of the guide's section on an error code."""
    return f"{GUIDE_URL}reference/errors/#{code}"


class AuthError(Exception):
    """Refuse a request, a token or a configuration; catch this to catch every refusal of this package."""

    code: ClassVar[str] = "auth_error"
    causes: ClassVar[tuple[str, ...]] = ()
    cure: ClassVar[str] = ""
    public_data: ClassVar[tuple[str, ...]] = ()  # what a problem document has of the error's data, all or none

    @property
    def public_code(self) -> str:
        """The code a caller over the network may learn."""
        return self.code


class InvalidToken(AuthError):
    """The token is not accepted."""

    code = "invalid_token"
    causes: ClassVar[tuple[str, ...]] = (
        "The token was signed with another secret or key than the server's.",
        "The token was cut, wrapped or re-encoded on its way.",
        "What was sent is not an access token: an ID token, a refresh token, an API key.",
    )
    cure = (
        "Run `validate-mcp-token` on the machine that holds the server's settings: it names the exact reason, which "
        "the server writes to its own log and tells no stranger."
    )

    @property
    def public_code(self) -> str:
        """`invalid_token`: while no signature holds, a caller learns no more than that."""
        return InvalidToken.code


class MalformedToken(InvalidToken):
    """The token is not a compact JWS in its one canonical form (RFC 7515, section 7.1)."""

    code = "malformed_token"
    causes = (
        "A line break, a space or quotation marks were copied along with the token.",
        "The token was cut off: a terminal or a log shortened it.",
        "It is no JWT at all, or an encrypted one (five parts instead of three).",
    )
    cure = "Copy the token as one unbroken line of three parts joined by two dots; issue a new one if it was cut."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the token is malformed: {problem}")


class UnsupportedAlgorithm(InvalidToken):
    """The header's `alg` is not the algorithm of any key this verifier holds (RFC 8725, section 3.1)."""

    code = "unsupported_algorithm"
    causes = (
        "The issuer signs with another algorithm than the one this server is configured for.",
        "Somebody forged a token with `alg: none`, or signed with HS256 and the public key as the secret.",
    )
    cure = "Set `MCP_JWT_ALGORITHM` and the key to what the issuer really uses; never widen it to let one token pass."

    def __init__(self, expected: Iterable[str]) -> None:
        self.expected = tuple(sorted(set(expected)))
        super().__init__(f"the token is not signed with {' or '.join(self.expected) or 'any algorithm known here'}")


class UnknownKey(InvalidToken):
    """The header's `kid` names no key this verifier holds."""

    code = "unknown_key"
    causes = (
        "The issuer rotated its keys and this server has not learned the new one.",
        "The token was signed with a secret or key that has been replaced here.",
        "The token comes from another environment (staging, a colleague's machine).",
    )
    cure = "Compare the token's `kid` (`mcp-auth-ref token inspect`) with `mcp-auth-ref keys list`; issue a new token."

    def __init__(self) -> None:
        super().__init__("the token's kid names no key known here")


class MalformedApiKey(InvalidToken):
    """It begins as an API key does, and is not written as one."""

    code = "malformed_api_key"
    causes = (
        "A character was lost or changed when the key was copied or typed.",
        "A line break or quotation marks were copied along with it.",
    )
    cure = "Copy the key again from where it is kept, or make another with `mcp-auth-ref apikey new`."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the API key is malformed: {problem}")

    @property
    def public_code(self) -> str:
        """The exact code: anybody can compute the checksum, and it says nothing of the keys that are known here."""
        return self.code


class UnknownApiKey(InvalidToken):
    """No API key that this server knows, as far as its file says."""

    code = "unknown_api_key"
    causes = (
        "The key belongs to another server or another environment.",
        "The key was taken out of the file, or the server reads another file (`MCP_API_KEYS_FILE`).",
        "This server takes no API keys: `MCP_API_KEYS_FILE` is not set.",
    )
    cure = "Compare with `mcp-auth-ref apikey list`, run with the settings of the server, or make another key."

    def __init__(self) -> None:
        super().__init__("no API key like this is known here")


class UnknownIssuer(InvalidToken):
    """The token's `iss` is none of the several issuers this verifier trusts."""

    code = "unknown_issuer"
    causes = (
        "The token comes from an authorization server that this server does not list.",
        "The two spellings differ: a trailing slash, `http` for `https`, another host.",
    )
    cure = "Add the issuer to `[[issuers]]` in the configuration file, spelled exactly as its tokens spell it."

    def __init__(self) -> None:
        super().__init__("the token's iss is none of the trusted issuers")


class BadSignature(InvalidToken):
    """No key this verifier holds made the signature."""

    code = "bad_signature"
    causes = (
        "Issuer and server read different secrets: another `.env`, another Docker secret, a trailing newline.",
        "The token was changed after it was signed.",
    )
    cure = "Compare the `kid` that `mcp-auth-ref keys list` prints on both sides: it is derived from the key."

    def __init__(self) -> None:
        super().__init__("the signature does not match")


class RefusedClaims(InvalidToken):
    """The signature holds, and what it signs is refused."""

    code = "refused_claims"
    causes: ClassVar[tuple[str, ...]] = ("A claim of the token does not satisfy this server's policy.",)
    cure = "The more exact code that comes with the refusal names the claim."

    @property
    def public_code(self) -> str:
        """The exact code: whoever holds a rightly signed token may know why it is refused."""
        return self.code


class WrongType(RefusedClaims):
    """The header's `typ` is not `at+jwt` (RFC 9068, section 4; RFC 8725, section 3.11)."""

    code = "wrong_type"
    causes = (
        "An ID token or a logout token was sent instead of an access token.",
        "The issuer writes the plain `typ: JWT` of older libraries.",
    )
    cure = "Send the access token. If the issuer is yours, let it write `typ: at+jwt` as RFC 9068 asks."

    def __init__(self) -> None:
        super().__init__("the token's typ is not at+jwt")


class MissingClaim(RefusedClaims):
    """A required claim is absent or empty (RFC 9068, section 2.2)."""

    code = "missing_claim"
    causes = (
        "The issuer leaves out a claim that RFC 9068 requires.",
        "The token was made by hand or by an older script.",
    )
    cure = "Let the issuer set `iss`, `sub`, `aud`, `client_id`, `iat`, `exp` and `jti`, each with a value."

    def __init__(self, claim: str) -> None:
        self.claim = claim
        super().__init__(f"the token has no {claim}, or an empty one")


class InvalidClaim(RefusedClaims):
    """A claim has the wrong JSON type or form (RFC 7519, section 2 and 4.1)."""

    code = "invalid_claim"
    causes = (
        "A date is a string, a boolean, negative or beyond all calendars.",
        "`scope` is a list, or `aud` holds something that is not a string.",
    )
    cure = "Let the issuer write dates as numbers of seconds since 1970, and names and scopes as strings."

    def __init__(self, claim: str, expected: str) -> None:
        self.claim = claim
        self.expected = expected
        super().__init__(f"the token's {claim} is not {expected}")


class WrongIssuer(RefusedClaims):
    """The token's `iss` is not, character for character, the issuer its key belongs to (RFC 9068, section 4)."""

    code = "wrong_issuer"
    causes = (
        "The two spellings differ: a trailing slash, `http` for `https`, another port.",
        "Two environments share one secret, and the token comes from the other.",
    )
    cure = (
        "Set `MCP_ISSUER` to exactly the string the tokens carry in `iss`, and give each environment a key of its own."
    )

    def __init__(self, expected: str) -> None:
        self.expected = expected
        super().__init__(f"the token's iss is not {expected}")


class WrongAudience(RefusedClaims):
    """The token's `aud` does not name this server (RFC 8707; RFC 9068, section 4)."""

    code = "wrong_audience"
    causes = (
        "The token was issued for another server.",
        "The client asked for the token without the `resource` parameter.",
        "The two spellings differ: a trailing slash, a missing `/mcp`, another host name.",
    )
    cure = "Ask for a token whose `resource` is this server's `MCP_RESOURCE_URL`, character for character."

    def __init__(self, expected: str) -> None:
        self.expected = expected
        super().__init__(f"the token's aud does not name {expected}")


class TokenExpired(RefusedClaims):
    """The token's `exp` has passed (RFC 7519, section 4.1.4)."""

    code = "token_expired"
    causes = (
        "The token has lived its time.",
        "The clock of the issuer or of this server is wrong.",
    )
    cure = "Get a new token. If it was fresh, compare the clocks of both machines and run NTP on both."

    def __init__(self, expired_at: float, now: float) -> None:
        self.expired_at = expired_at
        self.now = now
        super().__init__(f"the token expired {now - expired_at:.0f} seconds ago")


class TokenNotYetValid(RefusedClaims):
    """The token's `nbf` or `iat` lies in the future (RFC 7519, sections 4.1.5 and 4.1.6)."""

    code = "token_not_yet_valid"
    causes = (
        "The issuer's clock is ahead of this server's.",
        "The token was issued for later use (`nbf`).",
    )
    cure = "Run NTP on both machines; a difference of up to the leeway is forgiven. Else wait."

    def __init__(self, claim: str, valid_from: float, now: float) -> None:
        self.claim = claim
        self.valid_from = valid_from
        self.now = now
        # Nobody issues a token in the future; `nbf` may lie there on purpose.
        diagnosis = ": the issuer's clock is ahead of this one by at least that" if claim == "iat" else ""
        super().__init__(f"the token's {claim} lies {valid_from - now:.0f} seconds ahead{diagnosis}")


class TokenTooOld(RefusedClaims):
    """The token's `iat` is longer ago than this server allows, whatever its `exp` says."""

    code = "token_too_old"
    causes = ("The issuer grants longer lifetimes than this server accepts (`MCP_MAX_TOKEN_AGE`).",)
    cure = "Get a new token, and let the issuer's lifetime be no longer than `MCP_MAX_TOKEN_AGE`."

    def __init__(self, age: float, max_age: float) -> None:
        self.age = age
        self.max_age = max_age
        super().__init__(f"the token is {age:.0f} seconds old; {max_age:.0f} are allowed")


class TokenRevoked(RefusedClaims):
    """The token was taken back before it expired."""

    code = "token_revoked"
    causes = ("The token, its family or all of its subject's older tokens were revoked.",)
    cure = "Sign in again to get a new token; if you did not expect this, ask who revoked it."

    def __init__(self) -> None:
        super().__init__("the token has been revoked")


class TokenRefused(InvalidToken):
    """A server refuses the token that a client sent, for the reason that it gives (RFC 6750, section 3.1)."""

    code = "token_refused"
    causes = (
        "`reason` is the code that the server gave: `token_expired`, `wrong_audience`, or `invalid_token` and no more.",
        "The clock of the client that made the token is wrong; the message says by how much.",
    )
    cure = (
        "Look up the server's `reason` on the page of errors; for `invalid_token`, the server's log has the true one."
    )

    def __init__(self, reason: str, detail: str, clock_difference: float | None = None) -> None:
        """`clock_difference` is seconds: how far the server's clock is ahead of the client's, where that is known."""
        self.reason = reason
        self.detail = detail
        self.clock_difference = clock_difference
        super().__init__(f"the server refuses the token ({reason}): {detail}{_clocks(clock_difference)}")

    @property
    def public_code(self) -> str:
        """The code that the server gave."""
        return self.reason


def _clocks(difference: float | None) -> str:
    if difference is None:
        return ""
    return f"; your clock is {abs(difference):.0f} seconds {'behind' if difference > 0 else 'ahead of'} the server's"


class MissingToken(AuthError):
    """The request carries no token."""

    code = "missing_token"
    causes = (
        "The client has not signed in yet: this answer is how it learns where to.",
        "The header was lost: a redirect, a proxy, an unset variable, a space that split a command-line argument.",
        "The token was put into the query string or the body, where it is not looked for.",
    )
    cure = "Send `Authorization: Bearer` and the token, in that header and nowhere else."

    def __init__(self) -> None:
        super().__init__("the request carries no access token")


class InvalidRequest(AuthError):
    """The credentials are not in the one form allowed (RFC 6750, section 3.1)."""

    code = "invalid_request"
    causes = (
        "Two `Authorization` headers, or a token in two places at once.",
        "Something other than one token stands behind `Bearer`: nothing, a second word, a quotation mark.",
        "The body is not JSON in one reading, or not the JSON-RPC message that the MCP endpoint takes.",
    )
    cure = "Send exactly one header: `Authorization: Bearer`, one space, the token."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class RateLimited(AuthError):
    """Too much has been asked for in too short a time (RFC 6585, section 4); later it passes."""

    code = "rate_limited"
    causes = (
        "An agent calls in a loop, or several programs share one subject.",
        "The tool has a limit of its own in `[tool_limits]`.",
        "From this address came many tokens that nobody has issued: a script with an old one, or somebody who guesses.",
    )
    cure = (
        "Wait for as many seconds as `Retry-After` says. If the work needs more, raise `MCP_RATE_LIMIT_REQUESTS`, or "
        "the limit of the tool."
    )
    public_data = ("retry_after", "policy", "quota", "window")

    def __init__(self, retry_after: int, policy: str, quota: int, window: int) -> None:
        self.retry_after = retry_after
        self.policy = policy
        self.quota = quota
        self.window = window
        super().__init__(
            f"more than {quota} {_COUNTED.get(policy, policy)} in {window} seconds; try again in {retry_after} seconds"
        )


_COUNTED = {
    "subject": "requests of one subject",
    "tool": "calls of this tool",
    "address": "failures from one address",
    "client": "requests of one client",
}


class InsufficientScope(AuthError):
    """The token is good and does not reach this far (RFC 6750, section 3.1)."""

    code = "insufficient_scope"
    causes = (
        "The token was issued with fewer scopes than the operation needs.",
        "The role of the user does not include the scope.",
    )
    cure = "Get a token with all the scopes the challenge lists: they are everything this operation needs."

    def __init__(self, required: Iterable[str]) -> None:
        self.required = tuple(sorted(set(required)))
        super().__init__(f"the operation needs the scope {' '.join(self.required)}")


class InvalidClient(AuthError):
    """The client is not known here, or has not proven who it is (RFC 6749, section 5.2)."""

    code = "invalid_client"
    causes = (
        "The `client_id` is none of `[[clients]]`, or is spelled otherwise.",
        "The secret is another one, or was sent both in the header and in the body.",
        "A client that has a secret sent only its `client_id`.",
    )
    cure = "Compare `client_id` and secret with the `[[clients]]` table; send the secret in `Authorization: Basic`."

    def __init__(self) -> None:
        super().__init__("the client is not known here, or its credentials are wrong")


class GrantRefused(AuthError):
    """The authorization server issues no token (RFC 6749, section 5.2)."""

    code = "grant_refused"
    causes: ClassVar[tuple[str, ...]] = ("The request does not entitle this client to the token it asks for.",)
    cure = "The more exact code that comes with the refusal says why."


class InvalidGrant(GrantRefused):
    """The refresh token is not good, or no longer (RFC 6749, section 5.2)."""

    code = "invalid_grant"
    causes: ClassVar[tuple[str, ...]] = (
        "The refresh token has expired, was revoked, or its family has ended.",
        "It was issued to another client, or by another server.",
        "It was copied incompletely, or is an access token.",
    )
    cure = "Sign in again. If you did not expect this, ask who else could have used or revoked the token."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class RefreshTokenReused(GrantRefused):
    """The refresh token was spent before, so somebody has a copy: its family has ended (RFC 9700, section 4.14.2)."""

    code = "refresh_token_reused"
    causes: ClassVar[tuple[str, ...]] = (
        "Somebody stole a refresh token, and either the thief or the owner came second.",
        "A client kept the old refresh token instead of the new one, or was restored from a backup.",
        "Two processes share one refresh token and refresh it apart from each other.",
    )
    cure = "Sign in again, and find out who had the token: the audit log has the address of both."

    def __init__(self) -> None:
        super().__init__("the refresh token was used before, so its family has ended")

    @property
    def public_code(self) -> str:
        """`invalid_grant`, the code that RFC 6749 has for it."""
        return InvalidGrant.code


class UnauthorizedClient(GrantRefused):
    """The client may not use this grant (RFC 6749, section 5.2)."""

    code = "unauthorized_client"
    causes = ("A public client, which has no secret, asked for a token of its own with `client_credentials`.",)
    cure = "Give the client a secret in its `[[clients]]` table, or let a person sign in."

    def __init__(self) -> None:
        super().__init__("this client has no secret, so it gets no token of its own")


class UnsupportedGrantType(GrantRefused):
    """There is no such grant here (RFC 6749, section 5.2)."""

    code = "unsupported_grant_type"
    causes = ("The client asked for a grant that the metadata does not list, such as `password`.",)
    cure = "Use one of `grant_types_supported` in the metadata of the authorization server."

    def __init__(self, supported: Iterable[str]) -> None:
        self.supported = tuple(supported)
        super().__init__(f"the grants here are {' and '.join(self.supported)}")


class InvalidScope(GrantRefused):
    """More is asked for than was granted (RFC 6749, sections 5.2 and 6)."""

    code = "invalid_scope"
    causes = (
        "A refresh asks for a scope that the sign-in did not have.",
        "The client's `[[clients]]` table does not list the scope.",
    )
    cure = "Ask for less, or leave `scope` out; for more, sign in again."

    def __init__(self, beyond: Iterable[str]) -> None:
        self.beyond = tuple(beyond)
        super().__init__(f"not granted: {' '.join(self.beyond)}")


class InvalidTarget(GrantRefused):
    """A token for another server is asked for (RFC 8707, section 2)."""

    code = "invalid_target"
    causes = (
        "`resource` is not the address of the server that was granted, character for character.",
        "One authorization is used for two servers.",
    )
    cure = "Send the `resource` of the metadata, or leave it out; for another server, sign in there."

    def __init__(self, expected: str) -> None:
        self.expected = expected
        super().__init__(f"tokens are issued for {expected} only")


class StoreUnavailable(AuthError):
    """The store does not answer, and without it nobody is let in unchecked."""

    code = "store_unavailable"
    causes = (
        "Redis is not running, cannot be reached, or does not answer in time.",
        "The disk of the SQLite file is full, or the file is locked by another program.",
    )
    cure = (
        "Look at `/ready`, then at the store that `MCP_STORE_URL` names. The server recovers by itself once the store "
        "answers; a client tries again after the seconds in `Retry-After`."
    )
    retry_after = 5

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the store is not available: {reason}")


class MisdirectedHost(AuthError):
    """The `Host` header is not a name of this server (RFC 9110, section 15.5.20)."""

    code = "misdirected_host"
    causes = (
        "A proxy passes on its own host name, or the name is not in the server's list.",
        "A web page resolves its own name to this machine (DNS rebinding).",
    )
    cure = (
        "Call the server by the host of its `MCP_RESOURCE_URL`, let the proxy send that name on, or list the other "
        "one in `MCP_ALLOWED_HOSTS`."
    )

    def __init__(self, expected: Iterable[str]) -> None:
        self.expected = tuple(expected)
        super().__init__(f"this server answers for {' and '.join(self.expected)} only")


class ForbiddenOrigin(AuthError):
    """A browser page of a site that is not allowed is calling (the specification's defence against DNS rebinding)."""

    code = "forbidden_origin"
    causes = ("A page of another web site calls this server from its visitor's browser.",)
    cure = "If the page is yours, add its origin to `MCP_ALLOWED_ORIGINS`."

    def __init__(self) -> None:
        super().__init__("the Origin of the calling page is not allowed here")


class TokenNotChecked(AuthError):
    """The token cannot be checked at the moment, so nobody is let in."""

    code = "token_not_checked"
    causes = ("What the server needs to check tokens, such as the issuer's keys, is out of its reach or has failed.",)
    cure = "Try again after the seconds that `Retry-After` names; the server's log says what has failed."

    def __init__(self) -> None:
        super().__init__("the token cannot be checked at the moment, so nobody is let in; try again")


class UnknownAddress(AuthError):
    """There is nothing at this address."""

    code = "unknown_address"
    causes = (
        "The path is misspelled, or has a slash at its end that does not belong there.",
        "A name in the path holds a slash, or a character that a URL has to escape.",
    )
    cure = "Compare the address with the page on HTTP, or with `GET /api/v1/openapi.json`."

    def __init__(self) -> None:
        super().__init__("there is nothing at this address")


class MethodNotAllowed(AuthError):
    """What is at this address does not take this method (RFC 9110, section 15.5.6)."""

    code = "method_not_allowed"
    causes = (
        "A client opens a stream with `GET` or ends a session with `DELETE`: here each message stands for itself.",
        "A tool is executed with `GET`, or looked at with `POST`.",
    )
    cure = "Use a method that the header `Allow` of the answer names."

    def __init__(self) -> None:
        super().__init__("what is at this address does not take this method")


class BodyTooLarge(AuthError):
    """The body is larger than the server reads (RFC 9110, section 15.5.14)."""

    code = "body_too_large"
    causes = ("A whole file is sent as an argument of a tool.",)
    cure = "Send less at once; the message says how much is read."

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the body has more than {limit} bytes")


class UnsupportedMediaType(AuthError):
    """The body does not call itself JSON (RFC 9110, section 15.5.16)."""

    code = "unsupported_media_type"
    causes = ("`curl -d` without `-H 'Content-Type: application/json'` says that it sends a form.",)
    cure = "Send JSON, and the header `Content-Type: application/json` with it."

    def __init__(self) -> None:
        super().__init__("the Content-Type of the body is not application/json")


class InvalidParameters(AuthError):
    """The path, the query or the body does not have the form that the address takes."""

    code = "invalid_parameters"
    causes = (
        "The arguments of a tool stand in the body itself and not in its member `arguments`.",
        "`timeout` is not a number, or is longer than `MCP_TOOL_TIMEOUT_SECS`.",
    )
    cure = "The message names each place and what belongs there; `GET /api/v1/openapi.json` describes all of it."
    public_data = ("problems",)

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class InternalError(AuthError):
    """The server has failed."""

    code = "internal_error"
    causes = ("A defect of the server, or of the machine that it runs on.",)
    cure = "The server's log says where; report it with the lines from there."

    def __init__(self) -> None:
        super().__init__("the server has failed; its log says where")


class UnknownServer(AuthError):
    """The configuration names no MCP server like this."""

    code = "unknown_server"
    causes = (
        "The name is misspelled; capital letters count.",
        "The server is not in the file that `MCP_SERVERS_FILE` names, or was added after the start.",
    )
    cure = "Take a name from `GET /api/v1/mcp/servers`; add the server to the file and start again."
    public_data = ("known",)

    def __init__(self, known: Iterable[str]) -> None:
        self.known = tuple(known)
        super().__init__(f"there is no server of that name; known are {', '.join(self.known) or 'none'}")


class UnknownTool(AuthError):
    """No MCP server has a tool of this name, or several have one and the name does not say which."""

    code = "unknown_tool"
    causes = (
        "The name is misspelled, or its server offers the tool no more.",
        "Two servers have a tool of this name, so that it has to be called as `server.tool`.",
        "The server that has it is still starting.",
    )
    cure = "Take a name from `GET /api/v1/mcp/tools`, and put the server and a dot before it where two share it."
    public_data = ("candidates",)

    def __init__(self, candidates: Iterable[str] = ()) -> None:
        self.candidates = tuple(candidates)
        shared = f"several servers have a tool of that name: call it as {' or '.join(self.candidates)}"
        super().__init__(shared if self.candidates else "there is no tool of that name")


class InvalidArguments(AuthError):
    """The arguments break the input schema of the tool (MCP 2026-07-28, tools)."""

    code = "invalid_arguments"
    causes = (
        "A required argument is absent, or one has a name or type that the tool does not know.",
        "A value lies outside what the schema allows.",
    )
    cure = "Compare the arguments with `input_schema` of `GET /api/v1/mcp/tools/{name}`; the message names the keyword."
    public_data = ("problems",)

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"the arguments break the schema of the tool: {'; '.join(self.problems)}")


class ServerUnavailable(AuthError):
    """The MCP server behind the gateway does not run, cannot be reached, or answers what MCP does not allow."""

    code = "server_unavailable"
    causes = (
        "The server's process has ended, or nothing listens at its address; it is started again by itself.",
        "The server is starting and has not answered yet.",
        "The server answers something that is not MCP, or offers a tool whose schema cannot be used.",
    )
    cure = "Try again in a moment; look into the gateway's log for what the server itself has said."
    public_data = ("server", "problem")

    def __init__(self, server: str, problem: str) -> None:
        self.server = server
        self.problem = problem
        super().__init__(f"the server {server} is not available: {problem}")


class ToolTimeout(AuthError):
    """The tool has not answered in time, and its call has been cancelled."""

    code = "tool_timeout"
    causes = (
        "The work takes longer than the request's `timeout`, or than `MCP_TOOL_TIMEOUT_SECS`.",
        "The server hangs.",
    )
    cure = "Ask for less at once, or allow more time; beyond `MCP_TOOL_TIMEOUT_SECS` only the operator can."
    public_data = ("tool", "seconds")

    def __init__(self, tool: str, seconds: float) -> None:
        self.tool = tool
        self.seconds = seconds
        super().__init__(f"the tool {tool} has not answered within {seconds:g} seconds")


class ResultTooLarge(AuthError):
    """The tool's result is larger than the gateway passes on."""

    code = "result_too_large"
    causes = ("The tool gives a file, a picture or a list that is larger than `MCP_MAX_RESULT_BYTES`.",)
    cure = "Ask the tool for less, in parts if it can; or let the operator raise `MCP_MAX_RESULT_BYTES`."
    public_data = ("tool", "limit")

    def __init__(self, tool: str, limit: int) -> None:
        self.tool = tool
        self.limit = limit
        super().__init__(f"the result of the tool {tool} has more than {limit} bytes")


class ServerDisconnected(AuthError):
    """An administrator has disconnected the MCP server."""

    code = "server_disconnected"
    causes = ("Somebody with `mcp:servers:manage` has disconnected the server, for maintenance for example.",)
    cure = "Wait, or connect it again: `POST /api/v1/mcp/servers/{name}/connect` with `mcp:servers:manage`."
    public_data = ("server",)

    def __init__(self, server: str) -> None:
        self.server = server
        super().__init__(f"the server {server} is disconnected")


class InvalidKey(AuthError):
    """A secret or key is too weak, unreadable or of the wrong kind (RFC 8725, sections 3.2 and 3.5)."""

    code = "invalid_key"
    causes = (
        "A secret of fewer than 32 bytes, an RSA key of fewer than 2048 bits, a curve other than P-256.",
        "A secret that can be guessed: a short piece over and over, the words of an example.",
        "A public key was given as a shared secret, or a private key where a public one belongs.",
        "The file is not PEM or JWK, or is protected by a passphrase.",
        "A server is asked for a token, and its file of keys has come to hold none that signs, or none that signs yet.",
    )
    cure = "Make a secret with `mcp-auth-ref secret new` or a key pair with `mcp-auth-ref keys new`."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the key cannot be used: {problem}")


class KeyInUse(AuthError):
    """A key cannot be dropped yet: it signs, or tokens that it signed may still live.

    `until` is when the last of them ends, in seconds since 1970; None where nothing tells.
    """

    code = "key_in_use"
    causes = (
        "No newer key signs yet, so that nothing could sign without this one.",
        "A newer key signs, and has not done so for the longest time that a token lives (`MCP_MAX_TOKEN_AGE`).",
        "The file does not say since when the newer key signs: it has no `nbf`.",
    )
    cure = (
        "Wait until the moment that `mcp-auth-ref keys list` names. If the key has leaked, do not wait: "
        "`mcp-auth-ref keys retire KID --now` drops it at once, and its tokens with it."
    )

    def __init__(self, kid: str, problem: str, until: float | None = None) -> None:
        self.kid = kid
        self.problem = problem
        self.until = until
        super().__init__(f"the key {kid} cannot go yet: {problem}")


class ConfigurationError(AuthError):
    """A setting is missing or wrong; nothing starts."""

    code = "configuration_error"
    causes = (
        "A required variable is not set, or its file cannot be read.",
        "A value has the wrong form, or two settings exclude each other.",
    )
    cure = "The message names the setting, what is wrong with it and a right value; `mcp-auth-ref settings` shows all."

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        self.setting = setting
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{setting}: {problem}. {remedy}")


class CallFailed(AuthError):
    """A client's call got no answer that it can use; catch this for every failure that is not about rights."""

    code = "call_failed"
    causes: ClassVar[tuple[str, ...]] = ("The network, a proxy or the server failed.",)
    cure = "The more exact code that comes with the failure says which of them, and whether the call may have run."


class Unreachable(CallFailed):
    """No connection to the server came about; nothing was sent."""

    code = "unreachable"
    causes = (
        "Nothing listens at the address, or a firewall keeps it from answering.",
        "The name does not resolve, or the certificate is not valid for it.",
    )
    cure = "Ask for `/ready` at the same address with `curl`; it says what is in the way."

    def __init__(self, address: str, problem: str) -> None:
        self.address = address
        self.problem = problem
        super().__init__(f"{address} cannot be reached: {problem}")


class ConnectionLost(CallFailed):
    """The connection broke after the request was sent: what it asked for may have been done."""

    code = "connection_lost"
    causes = (
        "The server was stopped, or a proxy in between gave up.",
        "What answers does not speak HTTP.",
    )
    cure = "Find out whether the call ran before you repeat it; a client repeats by itself only what changes nothing."

    def __init__(self, address: str, problem: str) -> None:
        self.address = address
        self.problem = problem
        super().__init__(f"the connection to {address} broke: {problem}")


class DeadlinePassed(CallFailed):
    """The time for the whole call is over, waits and repetitions included; what it asked for may have been done."""

    code = "deadline_passed"
    causes = (
        "The tool or the server takes longer than the client waits.",
        "Each attempt was put off (429, 503) until the time was up.",
    )
    cure = "Give the client a longer `deadline`, or the tool less to do."

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"the call was not over within {seconds:g} seconds")


class RedirectRefused(CallFailed):
    """The server answers with a redirect, and a client that carries a token follows none."""

    code = "redirect_refused"
    causes = (
        "The base URL is not the server's own address: `http` for `https`, another host, a slash too many.",
        "Somebody wants to have the token sent elsewhere.",
    )
    cure = "If the server is where the redirect leads, and it is yours, write that address into the configuration."

    def __init__(self, status: int, location: str) -> None:
        """`location` is where the redirect leads, without query and fragment."""
        self.status = status
        self.location = location
        super().__init__(f"the server answers {status} and would lead to {location}; a token follows no redirect")


class UnexpectedAnswer(CallFailed):
    """The answer is neither what the call asks for nor a problem document (RFC 9457)."""

    code = "unexpected_answer"
    causes = (
        "A proxy, a firewall or a login page answers in place of the server.",
        "The base URL leads to another server, or to another version of this one.",
    )
    cure = "Compare the base URL with the address that the server prints when it starts, and ask it with `curl -i`."

    def __init__(self, status: int, problem: str) -> None:
        self.status = status
        self.problem = problem
        super().__init__(f"the answer, HTTP {status}, cannot be read: {problem}")


class CallRefused(CallFailed):
    """The server refuses the call with a problem document that needs no class of its own (RFC 9457)."""

    code = "call_refused"
    causes = (
        "There is nothing at the address, or it takes another method.",
        "The server failed, or is too busy.",
    )
    cure = "The message has the server's own words; its log has more under the same time."

    def __init__(self, status: int, reason: str | None, detail: str) -> None:
        """`reason` is the `code` of the problem document, where it has one."""
        self.status = status
        self.reason = reason
        self.detail = detail
        super().__init__(f"the server refuses the call (HTTP {status}{f', {reason}' if reason else ''}): {detail}")


class RefreshUncertain(CallFailed):
    """A refresh got no answer that can be used: the refresh token may be spent, and the new one never came."""

    code = "refresh_uncertain"
    causes = (
        "The connection to the token endpoint broke, or it took too long.",
        "A proxy answered in its place, or it failed in the middle.",
    )
    cure = (
        "Sign in again. `try_again` sends the same refresh token once more: right after the first time many servers "
        "take it, and later one that was spent ends its family."
    )

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the refresh token may be spent, and no new one came: {problem}")
