import hashlib
import logging
from unittest.mock import Mock

import anyio
import httpx2
import pytest
from starlette.types import Message, Scope

from mcp_auth_ref import RequireToken
from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.server.resource import Verifier
from tests.server.world import METADATA_URL, NOW, VERIFIER, Clock, Recorder, ask, bearer, token

ASKS = f'scope="mcp:tools:read", resource_metadata="{METADATA_URL}"'


def guarded(app: Recorder, clock: Clock | None = None) -> RequireToken:
    return RequireToken(
        app, verifier=VERIFIER, metadata_url=METADATA_URL, scopes=["mcp:tools:read"], clock=clock or Clock()
    )


def refused(
    *headers: tuple[str, str], path: str = "/mcp", method: str = "POST", content: bytes = b""
) -> httpx2.Response:
    """Ask in vain: what is guarded must not have been reached."""
    app = Recorder()
    response = ask(guarded(app), path, method=method, headers=headers, content=content)
    assert app.scope is None
    return response


def test_a_good_token_gets_through_and_its_claims_go_along() -> None:
    """RFC 6750, section 2.1."""
    app = Recorder()

    response = ask(guarded(app), headers=bearer(token()))

    assert (response.status_code, response.content) == (200, b"reached")
    assert app.claims == VERIFIER.verify(token(), now=NOW)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD"])
def test_without_credentials_the_challenge_has_no_error(method: str) -> None:
    """RFC 6750, section 3.1; RFC 9728, section 5.1; jwt-checklist 25."""
    response = refused(method=method)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == f"Bearer {ASKS}"


def test_a_refusal_is_a_problem_document_that_nobody_stores() -> None:
    """RFC 9457; RFC 9111, section 5.2.2.5."""
    response = refused()

    assert response.json() == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#missing_token",
        "title": "Missing token",
        "status": 401,
        "detail": "the request carries no access token",
        "code": "missing_token",
    }
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_compared_without_case(scheme: str) -> None:
    """RFC 9110, section 11.1; jwt-checklist 24."""
    assert ask(guarded(Recorder()), headers=[("Authorization", f"{scheme} {token()}")]).status_code == 200


def test_another_scheme_is_no_token_of_ours() -> None:
    """RFC 6750, section 3.1: who tries another method gets no `error`."""
    response = refused(("Authorization", "Basic YWRhOnNlY3JldA=="))

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == f"Bearer {ASKS}"


@pytest.mark.parametrize(
    "credentials",
    [
        "Bearer",
        "Bearer ",
        "Bearer  {}",
        "Bearer {} ",
        "Bearer {} x",
        "Bearer {},Bearer {}",
        'Bearer "{}"',
        "Bearer {}\t",
    ],
)
def test_anything_but_one_token_behind_the_scheme_is_a_bad_request(credentials: str) -> None:
    """RFC 6750, section 3.1; jwt-checklist 24."""
    response = refused(("Authorization", credentials.replace("{}", token())))

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"
    assert response.headers["www-authenticate"] == (
        'Bearer error="invalid_request", error_description="what follows Bearer in the Authorization header is not '
        f'one space and one token", {ASKS}'
    )


@pytest.mark.parametrize("second", [token(), "another"])
def test_two_authorization_headers_are_a_bad_request(second: str) -> None:
    """RFC 6750, section 2: one method, once; jwt-checklist 23."""
    response = refused(*bearer(token(), second))

    assert response.status_code == 400
    assert response.json()["detail"] == "the request has more than one Authorization header"


def test_a_token_in_the_query_is_not_looked_at() -> None:
    """RFC 9700, section 4.3.2; MCP 2026-07-28, access token usage; jwt-checklist 23."""
    response = refused(path=f"/mcp?access_token={token()}")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == f"Bearer {ASKS}"


@pytest.mark.parametrize("query", ["access_token={}", "a=b&access_token={}", "access%5Ftoken={}", "access_token="])
def test_a_token_in_the_query_beside_the_header_is_a_bad_request(query: str) -> None:
    """RFC 6750, section 2: not more than one method; jwt-checklist 23."""
    response = refused(*bearer(token()), path="/mcp?" + query.replace("{}", token()))

    assert response.status_code == 400
    assert response.json()["detail"] == "the request carries a second token, in its query string"


def test_other_parameters_in_the_query_do_no_harm() -> None:
    """Our choice: the query belongs to the application."""
    assert ask(guarded(Recorder()), "/mcp?page=2&my_access_token=x", headers=bearer(token())).status_code == 200


def test_a_token_in_the_body_is_not_looked_at() -> None:
    """MCP 2026-07-28, access token usage; OAuth 2.1, section 5.1."""
    form = ("Content-Type", "application/x-www-form-urlencoded")

    assert refused(form, content=f"access_token={token()}".encode()).status_code == 401


@pytest.mark.parametrize(
    "credential",
    ["garbage", "a.b.c", token(secret=b"another-secret-of-more-than-32-bytes"), token()[:-2]],
    ids=["garbage", "three parts", "forged", "cut off"],
)
def test_while_no_signature_holds_the_caller_learns_only_invalid_token(credential: str) -> None:
    """RFC 6750, section 3.1; jwt-checklist 26."""
    response = refused(*bearer(credential))

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_token"
    assert response.headers["www-authenticate"] == (
        f'Bearer error="invalid_token", error_description="the token is not accepted", {ASKS}'
    )


def test_once_the_signature_holds_the_caller_learns_the_reason() -> None:
    """Our choice: who holds a rightly signed token may know why it is refused."""
    response = refused(*bearer(token(exp=NOW - 100)))

    assert response.status_code == 401
    assert response.json()["code"] == "token_expired"
    assert response.headers["www-authenticate"] == (
        f'Bearer error="invalid_token", error_description="the token expired 100 seconds ago", {ASKS}'
    )


def test_the_time_is_that_of_the_clock() -> None:
    """RFC 7519, section 4.1.4."""
    clock = Clock()
    app = guarded(Recorder(), clock)

    assert ask(app, headers=bearer(token())).status_code == 200
    clock.now += 3630
    assert ask(app, headers=bearer(token())).status_code == 401


def test_a_missing_scope_is_named_with_all_others_that_are_needed() -> None:
    """RFC 6750, section 3.1; MCP 2026-07-28, server scope management; jwt-checklist 27."""
    app = RequireToken(
        Recorder(), verifier=VERIFIER, metadata_url=METADATA_URL, scopes=["b", "a", "mcp:tools:read"], clock=Clock()
    )

    response = ask(app, headers=bearer(token("b")))

    assert response.status_code == 403
    assert response.json()["required_scopes"] == ["a", "b", "mcp:tools:read"]
    assert response.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="the operation needs the scope a b mcp:tools:read", '
        f'scope="a b mcp:tools:read", resource_metadata="{METADATA_URL}"'
    )


def test_a_broader_scope_is_enough() -> None:
    """MCP 2026-07-28, step-up: hierarchies are the server's to know."""
    assert ask(guarded(Recorder()), headers=bearer(token("mcp:tools"))).status_code == 200


def test_the_challenge_may_ask_for_more_than_the_guard_needs() -> None:
    """MCP 2026-07-28, scope selection: what a client will need soon it asks for at once."""
    app = RequireToken(
        Recorder(), verifier=VERIFIER, metadata_url=METADATA_URL, challenge_scopes=["mcp:tools:read", "files:write"]
    )

    assert ask(app).headers["www-authenticate"] == (
        f'Bearer scope="mcp:tools:read files:write", resource_metadata="{METADATA_URL}"'
    )


@pytest.mark.parametrize(
    "failure",
    [RuntimeError(f"no key store; the token was {token()}"), ConfigurationError("MCP_KEYS_FILE", "it is empty", "")],
    ids=["planned by nobody", "ours, and no refusal of the token"],
)
def test_a_verifier_that_fails_lets_nobody_in(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """jwt-checklist 28 and 32: never 200, never a raw 500, and no token in the log."""
    verifier = Mock(Verifier)
    verifier.verify.side_effect = failure
    app = Recorder()

    response = ask(RequireToken(app, verifier=verifier, metadata_url=METADATA_URL), headers=bearer(token()))

    assert app.scope is None
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json() == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#token_not_checked",
        "title": "Token not checked",
        "status": 503,
        "detail": "the token cannot be checked at the moment, so nobody is let in; try again",
        "code": "token_not_checked",
    }
    assert f"the verifier failed with {type(failure).__name__}" in caplog.text
    assert token() not in caplog.text
    assert token() not in response.text


def test_the_log_has_the_reason_and_never_the_token(caplog: pytest.LogCaptureFixture) -> None:
    """jwt-checklist 26 and 32; RFC 6750, section 5.3."""
    forged = token(secret=b"another-secret-of-more-than-32-bytes")
    with caplog.at_level(logging.INFO, "mcp_auth_ref"):
        refused(*bearer(forged))
        refused(*bearer(forged))

    digest = hashlib.sha256(forged.encode()).hexdigest()[:12]
    assert caplog.messages == 2 * [f"refused a request, bad_signature: the signature does not match; token {digest}"]
    assert forged not in caplog.text


def test_an_answer_behind_the_guard_is_kept_by_no_cache() -> None:
    """RFC 6750, section 5.3; jwt-checklist 34."""
    response = ask(guarded(Recorder()), headers=bearer(token()))

    assert response.headers["cache-control"] == "no-store"
    assert "vary" not in response.headers


def test_what_the_application_says_on_caching_stands_and_its_answers_are_kept_apart_by_token() -> None:
    """Our choice: the application knows its answers; RFC 9110, section 12.5.5."""
    app = Recorder(headers=((b"Cache-Control", b"private, max-age=60"), (b"vary", b"Accept")))

    response = ask(guarded(app), headers=bearer(token()))

    assert response.headers.get_list("cache-control") == ["private, max-age=60"]
    assert response.headers.get_list("vary") == ["Accept", "Authorization"]


def test_state_of_other_requests_is_left_alone() -> None:
    """Some servers share one state among requests; whose claims are in it must not be a matter of luck."""
    shared = {"pool": object()}
    first, second = (_http(token(sub=subject), state=shared) for subject in ("ada", "grace"))
    app = guarded(Recorder())

    for scope in (first, second):
        _run(app, scope)

    assert [scope["state"]["claims"].subject for scope in (first, second)] == ["ada", "grace"]
    assert [scope["state"]["pool"] is shared["pool"] for scope in (first, second)] == [True, True]
    assert "claims" not in shared


def test_a_websocket_is_refused() -> None:
    """Our choice: no MCP transport uses one, so none is let past."""
    app = Recorder()

    sent = _run(guarded(app), {"type": "websocket", "headers": bearer(token()), "query_string": b""})

    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "WebSockets are not served here"}]
    assert app.scope is None


def test_a_lifespan_passes() -> None:
    """ASGI: what is guarded may have something to start."""
    app = Recorder()

    _run(guarded(app), {"type": "lifespan"})

    assert app.scope == {"type": "lifespan"}


def test_a_scope_of_an_unknown_type_goes_nowhere() -> None:
    """Our choice: what the guard does not know it does not let through."""
    app = Recorder()

    with pytest.raises(ValueError, match="webtransport"):
        _run(guarded(app), {"type": "webtransport"})

    assert app.scope is None


def _http(credential: str, **more: object) -> Scope:
    return {
        "type": "http",
        "headers": [(b"authorization", f"Bearer {credential}".encode())],
        "query_string": b"",
        **more,
    }


def _run(app: RequireToken, scope: Scope) -> list[Message]:
    """Run the application once, outside of any server, and give what it sent."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    anyio.run(app, scope, receive, send)
    return sent
