"""What one process does, three replicas behind a proxy do. Each test has a subject, and so a quota, of its own."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from mcp_auth_ref import parse_challenges
from tests.faults.servers import until
from tests.replicas.conftest import QUOTA, Deployment


def test_a_token_is_good_wherever_it_arrives(deployment: Deployment) -> None:
    token = deployment.token("anna")

    assert [deployment.tools(token) for _ in range(12)] == [200] * 12


def test_without_a_token_the_challenge_names_the_public_address(deployment: Deployment) -> None:
    answers = [deployment.ask("POST", "/mcp") for _ in range(6)]
    challenges = [challenge for answer in answers for challenge in parse_challenges(answer.headers["www-authenticate"])]

    assert {answer.status_code for answer in answers} == {401}
    assert {challenge.parameters["resource_metadata"] for challenge in challenges} == {
        f"{deployment.origin}/.well-known/oauth-protected-resource/mcp"
    }


def test_a_tool_runs_and_one_without_its_scope_does_not(deployment: Deployment) -> None:
    token = deployment.token("bela")

    ran = deployment.execute("echo", token, text="hello").json()
    refused = deployment.execute("write_file", token, name="a.txt", content="b")

    assert (ran["is_error"], ran["structured_content"]) == (False, {"result": "hello"})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


def test_a_token_that_its_client_takes_back_is_refused_wherever_it_arrives(deployment: Deployment) -> None:
    token, other = deployment.token("carl"), deployment.token("carl")
    before = [deployment.tools(token) for _ in range(6)]

    taken = deployment.ask("POST", "/revoke", form={"token": token, "client_id": "mcp-auth-ref-cli"})
    until(lambda: {deployment.tools(token) for _ in range(6)} == {401})

    assert (before, taken.status_code) == ([200] * 6, 200)
    assert {deployment.tools(token) for _ in range(9)} == {401}
    assert deployment.tools(other) == 200


def test_what_a_command_revokes_is_refused_wherever_it_arrives(deployment: Deployment) -> None:
    token, others = deployment.token("dora"), deployment.token("dorian")

    revoked = deployment.command("token", "revoke", "--subject", "dora")
    until(lambda: {deployment.tools(token) for _ in range(6)} == {401})

    assert revoked.returncode == 0, revoked.stderr
    assert {deployment.tools(token) for _ in range(9)} == {401}
    assert {deployment.tools(others) for _ in range(6)} == {200}


def test_a_refresh_token_is_spent_once_however_many_send_it(deployment: Deployment) -> None:
    first = deployment.pair("emma")

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: deployment.refresh(first.refresh_token), range(24)))

    assert {answer.status_code for answer in answers} == {200}
    assert sum("refresh_token" in answer.json() for answer in answers) == 1


def test_a_spent_refresh_token_after_its_successor_was_used_ends_the_sign_in(deployment: Deployment) -> None:
    """RFC 9700, section 4.14.2."""
    first = deployment.pair("finn")
    second = deployment.refresh(first.refresh_token).json()
    third = deployment.refresh(second["refresh_token"]).json()

    stolen = deployment.refresh(first.refresh_token)
    ended = deployment.refresh(third["refresh_token"])

    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")
    until(lambda: {deployment.tools(third["access_token"]) for _ in range(6)} == {401})


def test_a_subject_has_one_quota_wherever_its_calls_arrive(deployment: Deployment) -> None:
    token = deployment.token("gina")

    statuses = Counter(deployment.tools(token) for _ in range(QUOTA + 20))

    assert statuses == {200: QUOTA, 429: 20}


def test_many_at_once_are_all_answered(deployment: Deployment) -> None:
    tokens = [deployment.token(f"hugo-{number}") for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: deployment.tools(tokens[number % 8]), range(160)))

    assert Counter(statuses) == {200: 160}


def test_what_is_stored_holds_no_token(deployment: Deployment) -> None:
    """Our choice: whoever reads the store has nothing to send."""
    pair = deployment.pair("iris")
    refreshed = deployment.refresh(pair.refresh_token).json()
    secrets = [pair.access_token, str(pair.refresh_token), refreshed["access_token"], refreshed["refresh_token"]]
    kept = [path.read_bytes() for path in deployment.folder.rglob("*") if path.is_file()]

    assert len(kept) > 1
    assert [secret[:8] for secret in secrets for content in kept if secret.encode() in content] == []
