"""The rows of the MCP 2026-07-28 authorization requirements on a resource server, each by its id, against our own.

Two rows are another server's: RS-PRM-8 is the authorization server's to keep, RS-PROXY-1 an OAuth proxy's. Section
names are those of the specification's authorization pages.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import jwt
import pytest
from mcp.server.mcpserver import Context, MCPServer
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from mcp_auth_ref import ConfigurationError, RequireToken, Settings, parse_challenges
from mcp_auth_ref.core.scopes import is_scope_list
from mcp_auth_ref.server.mcp import RequireToolScopes, StatelessEndpoint
from tests.server.world import (
    METADATA_URL,
    MODERN,
    NOW,
    OLDER,
    ORIGIN,
    RESOURCE,
    SECRET,
    VERIFIER,
    VERSIONS,
    Clock,
    call,
    client_of,
    post,
    server,
    token,
)

TOOLS = ("list_files", "read_file", "write_file", "calculate", "echo", "sleep", "fail")
WRITE_SCOPES = "files:write mcp:tools:execute mcp:tools:read"


@pytest.fixture
def clock() -> Clock:
    """Make a clock to move by hand."""
    return Clock()


@pytest.fixture
def client(tmp_path: Path, clock: Clock) -> Iterator[TestClient]:
    """Run the whole server, with a folder for its files."""
    with server(tmp_path, clock=clock) as client:
        yield client


def challenge(response: httpx2.Response) -> dict[str, str]:
    """Give the parameters of the one Bearer challenge of an answer."""
    [parsed] = parse_challenges(response.headers["www-authenticate"])
    assert parsed.scheme == "Bearer"
    return dict(parsed.parameters)


def status(client: TestClient, credential: str, version: str = MODERN) -> int:
    """Give the status that a token gets for an operation every caller may do."""
    return post(client, "tools/list", credential=credential, version=version).status_code


def test_rs_prm_1_the_resource_metadata_exists(client: TestClient) -> None:
    """Overview: RFC 9728 is implemented; the document is where the challenge says."""
    response = client.get(challenge(client.post("/mcp"))["resource_metadata"])

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"


def test_rs_prm_2_it_names_an_authorization_server(client: TestClient) -> None:
    """Authorization server location: at least one absolute URL, without query and fragment."""
    [issuer] = client.get(METADATA_URL).json()["authorization_servers"]

    assert issuer == ORIGIN
    assert (urlsplit(issuer).query, urlsplit(issuer).fragment) == ("", "")


def test_rs_prm_3_all_ways_lead_to_the_same_document(client: TestClient) -> None:
    """Protected resource metadata discovery: the challenge, the path form and the root form."""
    named = challenge(client.post("/mcp"))["resource_metadata"]
    path_form = f"{ORIGIN}/.well-known/oauth-protected-resource/mcp"
    root_form = f"{ORIGIN}/.well-known/oauth-protected-resource"

    documents = [client.get(url).json() for url in (named, path_form, root_form)]

    assert documents[0] == documents[1] == documents[2]


def test_rs_prm_4_it_names_the_endpoint_itself(client: TestClient) -> None:
    """RFC 9728, section 3.3: `resource` is the URL that clients call, character for character."""
    assert client.get(METADATA_URL).json()["resource"] == RESOURCE == f"{client.base_url}/mcp"


@pytest.mark.parametrize("url", ["https://MCP.example.com/mcp", "https://mcp.example.com/mcp#a", "mcp.example.com/mcp"])
def test_rs_prm_5_the_identifier_is_canonical(url: str) -> None:
    """Canonical server URI: small letters, a scheme, no fragment. Another one starts no server."""
    with pytest.raises(ConfigurationError):
        Settings.load(environ={"MCP_RESOURCE_URL": url})


def test_rs_prm_6_offline_access_is_not_asked_for(client: TestClient) -> None:
    """Refresh tokens: whether a client gets one is no business of the resource."""
    asked = challenge(client.post("/mcp"))["scope"].split()
    refused = challenge(call(client, "write_file", credential=token("")))["scope"].split()

    assert "offline_access" not in {*asked, *refused, *client.get(METADATA_URL).json()["scopes_supported"]}


def test_rs_prm_7_scopes_are_the_same_everywhere(client: TestClient) -> None:
    """Scope selection: the challenge of each method, each time, and the metadata."""
    answers = [client.request(method, "/mcp") for method in ("POST", "GET", "DELETE", "POST")]
    answers += [post(client, method, version=version) for version in VERSIONS for method in ("ping", "tools/call")]

    assert {challenge(answer)["scope"] for answer in answers} == {"mcp:tools:read mcp:tools:execute"}
    assert client.get(METADATA_URL).json()["scopes_supported"] == ["mcp:tools:read", "mcp:tools:execute"]


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_401_1_without_credentials_there_is_nothing(client: TestClient, version: str) -> None:
    """Error handling: every message and every method."""
    for method in ("initialize", "server/discover", "tools/list", "tools/call", "ping", "no/such/method"):
        assert post(client, method, version=version).status_code == 401
    for method in ("GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"):
        assert client.request(method, "/mcp", headers={"MCP-Protocol-Version": version}).status_code == 401


def test_rs_401_2_the_401_has_a_bearer_challenge(client: TestClient) -> None:
    """Token handling; RFC 6750, section 3."""
    assert client.post("/mcp").headers["www-authenticate"].startswith("Bearer ")


def test_rs_401_3_the_challenge_has_a_scope(client: TestClient) -> None:
    """Scope selection; RFC 6749, section 3.3: its syntax, and no word twice."""
    scope = challenge(client.post("/mcp"))["scope"]

    assert is_scope_list(scope)
    assert len(scope.split()) == len(set(scope.split())) == 2


def test_rs_401_4_the_challenge_leads_to_the_metadata(client: TestClient) -> None:
    """Authorization server location: an absolute URL of the same origin, that can be fetched."""
    url = challenge(client.post("/mcp"))["resource_metadata"]

    assert url.startswith(f"{ORIGIN}/")
    assert client.get(url).json()["resource"] == RESOURCE


def unsigned() -> str:
    """Make a token that nobody signed."""
    claims = jwt.decode(token(), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt"})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "credential", ["garbage", "a.b.c", token(secret=b"a-fresh-secret-that-nobody-knows-here"), unsigned()]
)
def test_rs_401_5_a_token_that_is_none_is_refused(client: TestClient, credential: str, version: str) -> None:
    """Token handling: malformed, forged and unsigned."""
    response = post(client, "tools/list", credential=credential, version=version)

    assert response.status_code == 401
    assert challenge(response)["error"] == "invalid_token"


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_401_6_an_expired_token_is_refused(client: TestClient, clock: Clock, version: str) -> None:
    """Token handling: from `exp` and the leeway on, also where it has been accepted before."""
    credential = token()
    assert status(client, credential, version) == 200

    clock.now = NOW + 3600 + 30

    assert status(client, credential, version) == 401


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer garbage"}])
def test_rs_401_7_every_request_is_asked_anew(client: TestClient, authorization: dict[str, str], version: str) -> None:
    """Token requirements; jwt-checklist 37: an earlier success or a session's id opens nothing, and none is given."""
    opened = post(client, "initialize", INITIALIZE, credential=token(), version=OLDER)
    assert opened.status_code == 200
    assert "mcp-session-id" not in opened.headers

    headers = {**authorization, "Mcp-Session-Id": "8e3f0a52", "Last-Event-ID": "1", "Accept": "text/event-stream"}
    answers = [client.request(method, "/mcp", headers=headers) for method in ("GET", "DELETE")]
    answers.append(post(client, "tools/list", version=version, headers={**headers, "Accept": "*/*"}))

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert all("result" not in answer.json() for answer in answers)


INITIALIZE = {"protocolVersion": OLDER, "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}


def test_rs_401_8_a_token_in_the_query_is_not_accepted(client: TestClient) -> None:
    """Token requirements."""
    assert client.post(f"/mcp?access_token={token()}").status_code == 401


def test_rs_401_9_a_token_in_the_body_is_not_accepted_and_two_are_a_bad_request(client: TestClient) -> None:
    """OAuth 2.1, section 5.1: not in a form, and not in two places."""
    good = {"Authorization": f"Bearer {token()}"}

    assert client.post("/mcp", data={"access_token": token()}).status_code == 401
    assert client.post(f"/mcp?access_token={token()}", headers=good).status_code == 400
    assert client.post("/mcp", data={"access_token": token()}, headers=good).status_code == 400


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_401_10_a_refusal_gives_nothing_away(client: TestClient, version: str) -> None:
    """Access token privilege restriction: no tool, no name, no version."""
    answers = [
        post(client, method, {"name": "write_file"}, credential=credential, version=version)
        for method in ("server/discover", "tools/list", "ping", "tools/call")
        for credential in (None, "garbage", token("unrelated"))
    ]

    assert {answer.status_code for answer in answers} == {401, 403}
    for answer in answers:
        assert not any(tool in answer.text for tool in TOOLS)
        assert "Demonstration" not in answer.text
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "audience",
    ["http://127.0.0.1:9999/mcp", ORIGIN, f"{RESOURCE}.evil.example", f"{RESOURCE}/admin", "http://127.0.0.1"],
)
def test_rs_aud_1_a_token_for_another_server_is_refused(client: TestClient, audience: str) -> None:
    """Token handling; access token privilege restriction: same issuer, same key, another audience."""
    response = post(client, "tools/list", credential=token(aud=audience))

    assert response.status_code == 401
    assert response.json()["code"] == "wrong_audience"


@pytest.mark.parametrize("audience", [None, "", []])
def test_rs_aud_2_a_token_for_no_server_is_refused(client: TestClient, audience: object) -> None:
    """Access token privilege restriction."""
    response = post(client, "tools/list", credential=token(aud=audience))

    assert response.status_code == 401
    assert response.json()["code"] == "missing_claim"


def test_rs_aud_3_a_token_of_another_issuer_is_refused(client: TestClient) -> None:
    """Token handling: another `iss`, and an ID token of the right one."""
    claims = jwt.decode(token(), options={"verify_signature": False})
    id_token = jwt.encode({**claims, "nonce": "n-0S6_WzA2Mj"}, SECRET, headers={"typ": "JWT"})

    assert status(client, token(iss="http://127.0.0.1:9999")) == 401
    assert status(client, id_token) == 401


def test_rs_aud_4_one_of_several_audiences_is_enough(client: TestClient) -> None:
    """RFC 8707, section 2; RFC 7519, section 4.1.3."""
    assert status(client, token(aud=["http://127.0.0.1:9999/mcp", RESOURCE])) == 200
    assert status(client, token(aud=["http://127.0.0.1:9999/mcp", f"{RESOURCE}/"])) == 401


@pytest.mark.parametrize("audience", ["HTTP://127.0.0.1:8765/mcp", f"{RESOURCE}/", "http://127.0.0.1:8765/MCP"])
def test_rs_aud_5_the_identifier_is_compared_byte_for_byte(client: TestClient, audience: str) -> None:
    """Canonical server URI, our policy: no case is folded and no slash forgiven. Clients copy it from the metadata."""
    assert status(client, token(aud=audience)) == 401


@pytest.mark.parametrize("authorization", ["Bearer a b", "Bearer", "Bearer ", "Bearer  a", "Bearer a,Bearer b"])
def test_rs_400_1_a_malformed_request_is_a_bad_request(client: TestClient, authorization: str) -> None:
    """Error handling: so are two headers."""
    twice = [("Authorization", f"Bearer {token()}"), ("Authorization", f"Bearer {token()}")]

    assert client.post("/mcp", headers={"Authorization": authorization}).status_code == 400
    assert client.post("/mcp", headers=twice).status_code == 400


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_403_1_a_good_token_without_the_scope_is_forbidden(client: TestClient, version: str) -> None:
    """Error handling: at the endpoint, and at a tool that needs more."""
    assert post(client, "tools/list", credential=token("unrelated"), version=version).status_code == 403
    assert call(client, "write_file", credential=token(), version=version).status_code == 403


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_403_2_it_says_insufficient_scope(client: TestClient, version: str) -> None:
    """Runtime insufficient scope errors."""
    assert challenge(call(client, "write_file", credential=token(), version=version))["error"] == "insufficient_scope"


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_403_3_with_the_scopes_it_names_the_call_succeeds(client: TestClient, version: str) -> None:
    """Runtime insufficient scope errors: what was granted before, and what the challenge asks for."""
    arguments = {"name": "note", "content": "hi"}
    granted = "mcp:tools:read"
    asked = challenge(call(client, "write_file", arguments, credential=token(granted), version=version))["scope"]

    again = call(client, "write_file", arguments, credential=token(f"{granted} {asked}"), version=version)

    assert asked == WRITE_SCOPES
    assert again.json()["result"]["structuredContent"] == {"result": "wrote 2 bytes"}


def test_rs_403_4_it_leads_to_the_metadata(client: TestClient) -> None:
    """Runtime insufficient scope errors: the same address as in the 401."""
    refused = challenge(call(client, "write_file", credential=token()))

    assert refused["resource_metadata"] == challenge(client.post("/mcp"))["resource_metadata"] == METADATA_URL


def test_rs_403_5_it_names_all_scopes_at_once(client: TestClient) -> None:
    """Server scope management: an operation that needs three, and a token with none."""
    assert challenge(call(client, "write_file", credential=token("")))["scope"] == WRITE_SCOPES


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_403_6_it_names_the_same_scopes_each_time(client: TestClient, version: str) -> None:
    """Server scope management: whatever the token has already."""
    tokens = [token(scope) for scope in ("", "mcp:tools:read", "mcp:tools", "files:write")]

    answers = [call(client, "write_file", credential=each, version=version) for each in tokens * 2]

    assert {challenge(answer)["scope"] for answer in answers} == {WRITE_SCOPES}


@pytest.mark.parametrize("scope", ["mcp", "mcp:tools", "mcp:tools:read"])
def test_rs_403_7_a_broader_scope_implies_the_narrower(client: TestClient, scope: str) -> None:
    """Step-up authorization flow; and no word that merely begins alike does."""
    assert status(client, token(scope)) == 200
    assert status(client, token("mcp:tool")) == 403
    assert status(client, token("mcp:tools:rea")) == 403
    assert call(client, "write_file", {"name": "a", "content": ""}, credential=token("mcp files")).status_code == 200


def relay(context: Context) -> list[str]:
    """Give everything of the request that a tool could send to somebody else."""
    return [f"{name}: {value}" for name, value in (context.headers or {}).items()]


@pytest.mark.parametrize("version", VERSIONS)
def test_rs_fwd_1_the_token_cannot_be_passed_on(version: str) -> None:
    """Access token privilege restriction; jwt-checklist 33: a tool does not have it."""
    mcp = MCPServer("relay")
    mcp.add_tool(relay)
    mcp.streamable_http_app(stateless_http=True)
    guarded = RequireToken(
        RequireToolScopes(StatelessEndpoint(mcp.session_manager), tools={}, metadata_url=METADATA_URL),
        verifier=VERIFIER,
        metadata_url=METADATA_URL,
        clock=Clock(),
    )
    app = Starlette(routes=[Route("/mcp", guarded)], lifespan=lambda _: mcp.session_manager.run())

    with client_of(app) as client:
        response = call(client, "relay", credential=token(), version=version)

    assert "mcp-protocol-version" in response.text
    assert token() not in response.text


@pytest.mark.parametrize("url", ["http://mcp.example.com/mcp", "http://192.0.2.7/mcp"])
def test_rs_tls_1_outside_of_loopback_it_is_https(url: str) -> None:
    """Communication security: with another address nothing starts."""
    with pytest.raises(ConfigurationError):
        Settings.load(environ={"MCP_RESOURCE_URL": url})


def test_rs_store_1_no_token_is_in_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Token theft; jwt-checklist 32: whatever becomes of it, at whatever level."""
    caplog.set_level("DEBUG")
    tokens = [
        token(),
        token(""),
        token(exp=NOW - 100),
        token(secret=b"a-fresh-secret-that-nobody-knows-here"),
        "garbage",
    ]

    for credential in tokens:
        for version in VERSIONS:
            call(client, "write_file", {"name": "a", "content": "b"}, credential=credential, version=version)
            call(client, "fail", credential=credential, version=version)

    assert "refused a request" in caplog.text
    assert not any(part in caplog.text for credential in tokens for part in (credential, credential.split(".")[-1]))


def test_d_1_without_credentials_there_is_no_error(client: TestClient) -> None:
    """RFC 6750, section 3.1."""
    assert set(challenge(client.post("/mcp"))) == {"scope", "resource_metadata"}


@pytest.mark.parametrize("credential", [None, "garbage", token(exp=NOW - 100), token(aud="a"), token("")])
def test_d_2_the_attributes_keep_to_their_grammar(client: TestClient, credential: str | None) -> None:
    """RFC 6750, section 3: none twice, and the characters of each. The parser refuses a repeated one."""
    parameters = challenge(post(client, "tools/list", credential=credential))

    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", parameters.get("error_description", ""))
    assert is_scope_list(parameters["scope"])


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "beARer"])
def test_d_3_the_scheme_is_compared_without_case(client: TestClient, scheme: str) -> None:
    """RFC 9110, section 11.1."""
    headers = {"Authorization": f"{scheme} {token()}"}

    assert post(client, "tools/list", headers=headers).status_code == 200


def test_d_4_preflights_need_no_token_and_pages_see_the_challenge(tmp_path: Path) -> None:
    """Fetch standard: at the endpoint for allowed pages, at the metadata for all."""
    page = "https://app.example.com"
    headers = {
        "Origin": page,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,mcp-method",
    }
    with server(tmp_path, allowed_origins=(page,)) as client:
        endpoint = client.options("/mcp", headers=headers)
        metadata = client.options(METADATA_URL, headers={**headers, "Access-Control-Request-Method": "GET"})
        refused = client.post("/mcp", headers={"Origin": page})

    assert (endpoint.status_code, metadata.status_code) == (200, 200)
    assert endpoint.headers["access-control-allow-origin"] == page
    assert metadata.headers["access-control-allow-origin"] == "*"
    assert "WWW-Authenticate" in refused.headers["access-control-expose-headers"]
