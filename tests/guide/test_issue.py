"""What the page on issuing tokens says."""

import base64
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from mcp_auth_ref import InvalidToken, KeySet, SigningKey, TokenIssuer, TokenVerifier
from mcp_auth_ref.cli import generate, main, validate
from mcp_auth_ref.core.scopes import ROLES, missing
from mcp_auth_ref.core.tokens import RESERVED_CLAIMS, Claims
from tests.guide.conftest import ROOT
from tests.guide.runners import SCRIPTS

SECRET = "demonstration-secret-never-use-it-in-production"
ISSUER, AUDIENCE = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp"
SNIPPETS = ROOT / "snippets/issue"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_SECRET", SECRET)


def run(*words: str) -> Result:
    return CliRunner().invoke(generate, ["--user-id", "ada", *words])


def payload(*words: str) -> dict[str, object]:
    document: dict[str, dict[str, object]] = json.loads(run("--json", *words).stdout)
    return document["payload"]


def claims_of(token: str, *, audience: str = AUDIENCE) -> Claims:
    keys = KeySet([SigningKey.from_secret(SECRET.encode())])
    now = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["iat"]
    return TokenVerifier(issuer=ISSUER, audience=audience, keys=keys).verify(token, now=now)


def make_pair(monkeypatch: pytest.MonkeyPatch, algorithm: str) -> Result:
    made = CliRunner().invoke(main, ["keys", "new", "--algorithm", algorithm, "--file", "keys.json"])
    monkeypatch.setenv("MCP_JWT_ALGORITHM", algorithm)
    monkeypatch.setenv("MCP_KEYS_FILE", "keys.json")
    monkeypatch.delenv("MCP_JWT_SECRET")
    return made


def test_the_token_alone_goes_to_standard_output_and_warnings_do_not() -> None:
    result = run()

    assert result.stderr.startswith("Warning: MCP_JWT_SECRET is the secret that the guide publishes")
    assert claims_of(result.stdout.removesuffix("\n")).subject == "ada"


def test_only_its_owner_can_read_the_file_of_the_service(tmp_path: Path) -> None:
    path = os.pathsep.join((SCRIPTS, os.environ["PATH"]))
    subprocess.run(
        ["bash", "-eu", SNIPPETS / "service.sh"],
        check=True,
        cwd=tmp_path,
        env={"PATH": path, "MCP_JWT_SECRET": SECRET},
        capture_output=True,
    )

    claims = claims_of((tmp_path / "backup.token").read_text().strip())
    assert stat.S_IMODE((tmp_path / "backup.token").stat().st_mode) == 0o600
    assert (claims.subject, claims.client_id, claims.scopes) == ("service:backup", "backup", frozenset({"mcp:tools"}))
    assert claims.expires_at - claims.issued_at == 86_400


def test_a_token_lives_up_to_the_greatest_age_and_that_is_a_day_unless_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    unchanged = [run("--expiry", "24").exit_code, run("--expiry", "24.01").exit_code]
    monkeypatch.setenv("MCP_MAX_TOKEN_AGE", "172800")

    assert [*unchanged, run("--expiry", "48").exit_code] == [0, 2, 0]


def test_the_token_for_ci_lives_for_a_quarter_of_an_hour() -> None:
    assert "--expiry 0.25" in (SNIPPETS / "ci.sh").read_text()

    claims = payload("--expiry", "0.25")
    assert claims["exp"] == int(str(claims["iat"])) + 900


@pytest.mark.parametrize("role", ROLES)
def test_a_role_becomes_its_scopes(role: str) -> None:
    shown = (SNIPPETS / "roles.out").read_text()

    assert payload("--role", role)["scope"] == " ".join(ROLES[role])
    assert f'"scope": "{" ".join(ROLES[role])}",\n    "role": "{role}"' in shown


def test_scopes_given_replace_those_of_the_role() -> None:
    assert payload("--role", "admin", "--scope", "mcp:tools", "--scope", "files:write")["scope"] == (
        "mcp:tools files:write"
    )


def test_a_shorter_scope_implies_the_longer_and_not_the_other_way_round() -> None:
    assert missing({"mcp:tools"}, ["mcp:tools:read", "mcp:tools:execute"]) == ()
    assert missing({"mcp:tools:read"}, ["mcp:tools"]) == ("mcp:tools",)


def test_a_claim_of_your_own_arrives_and_disturbs_nobody() -> None:
    claims = claims_of(run("--claim", "team=compilers", "--claim", "https://example.com/team=c=").stdout.strip())

    assert (claims.payload["team"], claims.payload["https://example.com/team"]) == ("compilers", "c=")


@pytest.mark.parametrize("name", RESERVED_CLAIMS)
def test_what_the_issuer_sets_cannot_be_set_as_a_claim(name: str) -> None:
    result = run("--claim", f"{name}=root")

    assert (result.exit_code, result.stdout) == (2, "")


def test_a_token_for_another_server_is_accepted_there_and_refused_here() -> None:
    token = run("--audience", "https://mcp.example.com/mcp").stdout.strip()

    assert claims_of(token, audience="https://mcp.example.com/mcp").subject == "ada"
    assert CliRunner().invoke(validate, ["--token", token]).exit_code == 1


def test_a_token_may_have_8192_bytes_and_no_more() -> None:
    issuer = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([SigningKey.from_secret(SECRET.encode())]))

    def size(padding: int) -> int:
        claims = {"padding": "x" * padding}
        return len(issuer.issue(subject="ada", client_id="cli", scopes=(), now=1, token_id="1", claims=claims))

    room = (8192 - size(0)) * 3 // 4
    assert 8189 <= size(room - 1) <= 8192
    with pytest.raises(InvalidToken):
        size(room + 3)


def test_the_key_file_is_for_its_owner_and_needs_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    make_pair(monkeypatch, "ES256")

    assert stat.S_IMODE(Path("keys.json").stat().st_mode) == 0o600
    assert CliRunner().invoke(validate, ["--token", run().stdout.strip()]).exit_code == 0


@pytest.mark.parametrize(("algorithm", "size"), [("ES256", 64), ("RS256", 384), ("EdDSA", 64)])
def test_each_algorithm_signs_what_its_published_half_checks(
    monkeypatch: pytest.MonkeyPatch, algorithm: str, size: int
) -> None:
    kid = make_pair(monkeypatch, algorithm).stdout.strip()

    token = run().stdout.strip()
    published = json.loads(CliRunner().invoke(main, ["keys", "jwks"]).stdout)

    now = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["iat"]
    verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=KeySet.from_jwks(published))
    assert verifier.verify(token, now=now).subject == "ada"
    assert len(base64.urlsafe_b64decode(token.split(".")[2] + "==")) == size
    assert [(key["kid"], key["alg"]) for key in published["keys"]] == [(kid, algorithm)]
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {member for key in published["keys"] for member in key}


@pytest.mark.parametrize("form", ["PEM", "JWK"])
def test_a_key_that_is_there_already_can_be_the_key_file(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    private = generate_private_key(SECP256R1())
    pem = SigningKey.from_private_key(private).to_pem().decode()
    Path("mine").write_text(pem if form == "PEM" else ECAlgorithm.to_jwk(private))
    monkeypatch.setenv("MCP_JWT_ALGORITHM", "ES256")
    monkeypatch.setenv("MCP_KEYS_FILE", "mine")

    assert CliRunner().invoke(validate, ["--token", run().stdout.strip()]).exit_code == 0
