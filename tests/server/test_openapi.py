"""The OpenAPI document and the gateway hold each other: schemathesis asks whatever the document allows, and more."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from pydantic import SecretBytes
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mcp_auth_ref import Settings, create_app
from mcp_auth_ref.core.scopes import ROLES
from tests.served import served
from tests.server.world import SECRET, Clock, bearer, server, token

CHECKS: list[Callable[..., Any]] = [
    schemathesis.checks.not_a_server_error,
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 40
WITHOUT_TOKENS_OF_ITS_OWN = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
EVERYTHING = dict(bearer(token(" ".join([*ROLES["superadmin"], "files:write"]))))
NOTHING = dict(bearer(token("")))
OPERATIONS = [
    "GET /api/v1/mcp/health",
    "GET /api/v1/mcp/servers",
    "POST /api/v1/mcp/servers/{name}/connect",
    "POST /api/v1/mcp/servers/{name}/disconnect",
    "GET /api/v1/mcp/tools",
    "GET /api/v1/mcp/tools/{name}",
    "POST /api/v1/mcp/tools/{name}/execute",
]
CASES = [
    *((operation, GenerationMode.POSITIVE) for operation in OPERATIONS),
    *((operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if "name" in operation or "tools" in operation),
]


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    def app(origin: str) -> Any:
        complete = Settings(
            jwt_secret=SecretBytes(SECRET),
            allowed_hosts=(origin.removeprefix("http://"),),
            rate_limit_enabled=False,
        )
        return create_app(complete, clock=Clock())

    with served(app, lifespan="on") as origin:
        yield origin


def described(origin: str) -> Mapping[str, Any]:
    document: dict[str, Any] = httpx2.get(f"{origin}/api/v1/openapi.json").json()
    return document


def asked(origin: str, operation: str, headers: Mapping[str, str], mode: GenerationMode) -> set[int]:
    """Ask whatever schemathesis thinks of for an operation, and hold each answer against the document."""
    method, _, path = operation.partition(" ")
    schema = schemathesis.openapi.from_dict(dict(described(origin)), config=WITHOUT_TOKENS_OF_ITS_OWN)
    strategy = schema[path][method].as_strategy(generation_mode=mode)
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case: schemathesis.Case[Any]) -> None:
        response = case.call(base_url=origin, headers=dict(headers))
        case.validate_response(response, checks=CHECKS)
        statuses.add(response.status_code)

    ask()
    return statuses


def test_the_document_has_the_operations_of_the_tests_and_no_other(origin: str) -> None:
    """Our choice: a new one is asked as well."""
    paths = described(origin)["paths"]

    assert sorted(OPERATIONS) == sorted(
        f"{method.upper()} {path}" for path, methods in paths.items() for method in methods
    )


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_whatever_is_asked_with_a_token_the_answer_is_one_of_the_document(
    origin: str, operation: str, mode: GenerationMode
) -> None:
    """OpenAPI 3.1: no failure of the server, no status, header, type or member that the document does not know."""
    statuses = asked(origin, operation, EVERYTHING, mode)

    assert statuses.isdisjoint({401, 403})


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (dict(bearer("x.y.z")), 401), (NOTHING, 403)])
@pytest.mark.parametrize(("operation", "mode"), [case for case in CASES if "health" not in case[0]])
def test_whatever_is_asked_without_a_good_token_nothing_is_let_in(
    origin: str, operation: str, mode: GenerationMode, headers: dict[str, str], status: int
) -> None:
    """RFC 6750: no request of any form reaches what stands behind; one of no operation is told so at most."""
    statuses = asked(origin, operation, headers, mode)

    assert status in statuses
    assert statuses <= ({401} if status == 401 else {403, 404, 405})


def test_every_refusal_in_the_document_has_an_example_of_its_own_status() -> None:
    """RFC 9457, section 3.1.2: the status in the document is that of the answer."""
    with server() as client:
        document = client.get("/api/v1/openapi.json").json()

    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        for status, answer in operation["responses"].items():
            examples = answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
            assert {example["value"]["status"] for example in examples.values()} == (
                set() if status == "200" else {int(status)}
            )
