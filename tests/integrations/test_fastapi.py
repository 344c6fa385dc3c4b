"""What FastAPI lets in by itself, and what it lets in with our guard."""

from typing import Annotated, Any
from unittest.mock import Mock

import jwt
import pytest
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from mcp_auth_ref import Claims
from mcp_auth_ref.integrations.fastapi import AccessTokenBearer, Refused, problem_document
from mcp_auth_ref.server.resource import Verifier
from tests.integrations.calls import client_of
from tests.integrations.tokens import FLAWS, METADATA_URL, RESOURCE, SECRET, VERIFIER, flawed, good

Bearer = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
Reader = Annotated[Claims, Security(AccessTokenBearer(VERIFIER, resource=RESOURCE), scopes=["mcp:tools:read"])]
Editor = Annotated[
    Claims, Security(AccessTokenBearer(VERIFIER, resource=RESOURCE), scopes=["files:write", "files:read"])
]


def decoded(credentials: Bearer) -> dict[str, Any]:
    """Decode the token as many do: with PyJWT, the algorithm fixed and the audience compared."""
    try:
        return dict(jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"], audience=RESOURCE))
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


def guarded(**settings: Any) -> FastAPI:
    """Make an application with two guarded endpoints and an open one."""
    app = FastAPI(**settings)

    @app.get("/reports")
    def reports(claims: Reader) -> list[str]:
        return [claims.subject]

    @app.put("/reports")
    def write(claims: Editor) -> list[str]:
        return [claims.subject]

    @app.get("/health")
    def health() -> str:
        return "ok"

    return app


GUARDED = guarded(exception_handlers={Refused: problem_document})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_http_bearer_alone_lets_in_any_word() -> None:
    """FastAPI 0.165: `HTTPBearer` reads the header, puts a padlock on the documentation and checks nothing."""
    app = FastAPI()

    @app.get("/reports")
    def reports(_: Bearer) -> None: ...

    with client_of(app) as client:
        assert client.get("/reports", headers=bearer("anything")).status_code == 200


@pytest.mark.parametrize("flaw", ["without exp", "typ JWT", "without sub"])
def test_fastapi_with_a_plain_decode_lets_in_a_token(flaw: str) -> None:
    """PyJWT 2.15.1: what is not there is not checked, unless `require` names it."""
    app = FastAPI()

    @app.get("/reports")
    def reports(_: Annotated[dict[str, Any], Depends(decoded)]) -> None: ...

    with client_of(app) as client:
        assert client.get("/reports", headers=bearer(flawed(flaw))).status_code == 200


def test_the_endpoint_gets_the_claims_of_a_good_token() -> None:
    with client_of(GUARDED) as client:
        answer = client.get("/reports", headers=bearer(good()))

    assert (answer.status_code, answer.json()) == (200, ["alice"])


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_guard_refuses_a_token(flaw: str) -> None:
    with client_of(GUARDED) as client:
        assert client.get("/reports", headers=bearer(flawed(flaw))).status_code == 401


def test_without_a_token_the_challenge_names_the_scopes_of_the_endpoint_and_no_error() -> None:
    """RFC 6750, section 3.1; RFC 9728, section 5.1."""
    with client_of(GUARDED) as client:
        refused = client.get("/reports")

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == f'Bearer scope="mcp:tools:read", resource_metadata="{METADATA_URL}"'
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["cache-control"] == "no-store"
    assert refused.json() == {
        "type": "https://mcp-auth-ref.github.io/reference/errors/#missing_token",
        "title": "Missing token",
        "status": 401,
        "detail": "the request carries no access token",
        "code": "missing_token",
    }


def test_all_missing_scopes_are_asked_for_in_one_challenge() -> None:
    """RFC 6750, section 3.1; the specification's scope challenge."""
    with client_of(GUARDED) as client:
        refused = client.put("/reports", headers=bearer(good()))

    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="the operation needs the scope files:read files:write", '
        f'scope="files:read files:write", resource_metadata="{METADATA_URL}"'
    )
    assert refused.json()["required_scopes"] == ["files:read", "files:write"]


def test_a_broader_scope_is_enough() -> None:
    """Our choice: a shorter scope implies the longer."""
    with client_of(GUARDED) as client:
        assert client.put("/reports", headers=bearer(good(scope="files"))).status_code == 200


def test_two_authorization_headers_are_a_bad_request() -> None:
    """RFC 6750, section 3.1: `invalid_request`."""
    with client_of(GUARDED) as client:
        refused = client.get("/reports", headers=[("Authorization", f"Bearer {good()}")] * 2)

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")


def test_the_log_knows_the_reason_that_the_client_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """Our choice: until the signature holds, a caller learns `invalid_token` and no more."""
    forged = jwt.encode({"sub": "alice"}, SECRET[::-1])

    with caplog.at_level("INFO", "mcp_auth_ref"), client_of(GUARDED) as client:
        refused = client.get("/reports", headers=bearer(forged))

    assert refused.json()["code"] == "invalid_token"
    assert caplog.messages == ["refused a request, bad_signature: the signature does not match"]


def test_a_verifier_that_fails_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    """jwt-checklist 28 and 32: never 200, never a raw 500, and no token in the log."""
    verifier = Mock(Verifier)
    verifier.verify.side_effect = RuntimeError(f"no key store; the token was {good()}")
    app = FastAPI(exception_handlers={Refused: problem_document})

    @app.get("/reports", dependencies=[Security(AccessTokenBearer(verifier, resource=RESOURCE))])
    def reports() -> str:
        raise AssertionError("nobody gets here")

    with client_of(app) as client:
        response = client.get("/reports", headers=bearer(good()))

    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.headers["content-type"] == "application/problem+json"
    assert "the verifier failed with RuntimeError" in caplog.text
    assert good() not in caplog.text


def test_of_two_guards_at_one_endpoint_the_first_speaks_alone() -> None:
    """FastAPI asks them one after the other; so name all scopes in one place."""
    app = FastAPI()
    guard = AccessTokenBearer(VERIFIER, resource=RESOURCE)

    @app.get("/reports", dependencies=[Security(guard, scopes=["files:write"])])
    def reports(_: Annotated[Claims, Security(guard, scopes=["files:read"])]) -> None: ...

    with client_of(app) as client:
        challenge = client.get("/reports", headers=bearer(good())).headers["www-authenticate"]

    assert 'scope="files:write"' in challenge


def test_an_endpoint_that_asks_for_no_claims_stays_open() -> None:
    with client_of(GUARDED) as client:
        assert client.get("/health").json() == "ok"


def test_status_and_challenge_hold_where_no_handler_is_installed() -> None:
    """Our choice: a forgotten line costs the client the form of the document, nothing else."""
    with client_of(GUARDED) as client, client_of(guarded()) as plain:
        refused, plainly_refused = client.get("/reports"), plain.get("/reports")

    assert plainly_refused.status_code == refused.status_code
    assert plainly_refused.headers["www-authenticate"] == refused.headers["www-authenticate"]
    assert plainly_refused.json() == {"detail": refused.json()}


def test_the_handler_answers_no_failure_but_a_refusal() -> None:
    """Our choice: registered for too much, it hides nothing that is not its own."""
    app = FastAPI(exception_handlers={ZeroDivisionError: problem_document})

    @app.get("/reports")
    def reports() -> float:
        return 1 / 0

    with client_of(app) as client, pytest.raises(ZeroDivisionError):
        client.get("/reports")


def test_openapi_knows_the_scheme_and_the_scopes_of_each_operation() -> None:
    """OpenAPI 3.1, Security Requirement Object: the names of what is required, for schemes other than OAuth too."""
    with client_of(GUARDED) as client:
        document = client.get("/openapi.json").json()

    assert document["components"]["securitySchemes"] == {
        "AccessTokenBearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    operations = {method: operation.get("security") for method, operation in document["paths"]["/reports"].items()}
    assert operations == {
        "get": [{"AccessTokenBearer": ["mcp:tools:read"]}],
        "put": [{"AccessTokenBearer": ["files:write", "files:read"]}],
    }
    assert "security" not in document["paths"]["/health"]["get"]
