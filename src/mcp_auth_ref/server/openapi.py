"""The OpenAPI document of the gateway: what each operation needs, and every status it answers with."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from mcp_auth_ref.core.errors import (
    AuthError,
    BodyTooLarge,
    ForbiddenOrigin,
    InsufficientScope,
    InvalidParameters,
    InvalidRequest,
    InvalidToken,
    MisdirectedHost,
    MissingToken,
    RateLimited,
    StoreUnavailable,
    TokenExpired,
    TokenNotChecked,
    UnsupportedMediaType,
)
from mcp_auth_ref.server.answers import ProblemDocument
from mcp_auth_ref.server.bodies import MAX_BODY_BYTES
from mcp_auth_ref.server.problems import MEDIA_TYPE, Problem, refusal

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.routing import APIRoute

SCHEME = "accessToken"

EVERYWHERE: Sequence[AuthError] = (
    InvalidRequest("the request has not come over TLS, as far as this server can tell"),
    ForbiddenOrigin(),
    MisdirectedHost(["mcp.example.com"]),
)
WITH_TOKEN: Sequence[AuthError] = (
    InvalidRequest("what follows Bearer in the Authorization header is not one space and one token"),
    MissingToken(),
    InvalidToken("the token is not accepted"),
    TokenExpired(0, 60),
    TokenNotChecked(),
    StoreUnavailable("it does not answer"),
    RateLimited(30, policy="subject", quota=600, window=60),
)
WITH_BODY: Sequence[AuthError] = (
    InvalidRequest("the body is not JSON (RFC 8259) in UTF-8, or has a member twice"),
    BodyTooLarge(MAX_BODY_BYTES),
    UnsupportedMediaType(),
)
WITH_NAME: Sequence[AuthError] = (InvalidParameters(["path, name: it is not a string of at most 200 characters"]),)

_CHALLENGE = {"description": "What is lacking, and who issues it (RFC 6750, RFC 9728).", "schema": {"type": "string"}}


def operation(*errors: AuthError, scopes: Sequence[str] = ()) -> dict[str, Any]:
    """Describe what an operation needs and how it refuses, for a route of FastAPI. Without scopes it is public."""
    guarded = (*WITH_TOKEN, InsufficientScope(scopes)) if scopes else ()
    security = [{SCHEME: list(scopes)}] if scopes else []
    return {"responses": refusals((*EVERYWHERE, *guarded, *errors)), "openapi_extra": {"security": security}}


def scopes_of(route: "APIRoute") -> Sequence[str]:
    """Return the scopes that the description of a route asks for."""
    return [scope for scheme in (route.openapi_extra or {})["security"] for scope in scheme[SCHEME]]


def refusals(errors: Iterable[AuthError]) -> dict[int | str, dict[str, Any]]:
    """Describe refusals by status, each with an example."""
    problems = sorted((refusal(error) for error in errors), key=lambda problem: problem.status)
    return {status.value: _response(list(same)) for status, same in groupby(problems, lambda problem: problem.status)}


def _response(problems: Sequence[Problem]) -> dict[str, Any]:
    examples: dict[str, Any] = {}
    for problem in problems:
        name = str(problem.document["code"])
        examples[name if name not in examples else f"{name}_{len(examples)}"] = {"value": problem.document}
    status = problems[0].status
    codes = dict.fromkeys(f"`{problem.document['code']}`" for problem in problems)
    return {
        "description": f"{status.phrase}: {', '.join(codes)}",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}, "examples": examples}},
        **({"headers": {"WWW-Authenticate": _CHALLENGE}} if status in (401, 403) else {}),
    }


def document(app: "FastAPI", *, server: str, timeout: float, metadata_url: str | None) -> Mapping[str, Any]:
    """Return the document. `server` is the address in front of its paths; without `metadata_url` all is public."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        servers=[{"url": server}],
    )
    components = made["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    [seconds, _] = components["schemas"]["Call"]["properties"]["timeout"]["anyOf"]
    seconds["maximum"] = timeout
    components["schemas"]["ProblemDocument"] = ProblemDocument.model_json_schema()
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    if metadata_url is None:
        for each in operations:
            each["security"] = []
    else:
        components["securitySchemes"] = {
            SCHEME: {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": f"An access token of an issuer that {metadata_url} names, in the Authorization header.",
            }
        }
    return made
