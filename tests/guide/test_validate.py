"""What the page on validation says of our commands, our verifier and PyJWT."""

import json
import resource
import secrets
import subprocess
import time
from pathlib import Path
from unittest.mock import Mock

import jwt
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from mcp_auth_ref import KeySet, SigningKey, TokenIssuer, TokenVerifier
from mcp_auth_ref.cli import main, validate
from snippets.validate import forge, strict
from tests.guide.runners import SCRIPTS

SECRET = b"demonstration-secret-never-use-it-in-production"
ISSUER, AUDIENCE = "http://127.0.0.1:8765", "http://127.0.0.1:8765/mcp"
NOT_STOPPED = ("a year old, ends in an hour", "`sub` twice", "a good token, `=` added at its end")
GOOD = forge.forge(forge.claims())


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_JWT_SECRET", SECRET.decode())


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(validate, words, input=stdin)


def check(token: str, *, secret: bytes = SECRET) -> str:
    return str(strict.check(token, secret=secret, issuer=ISSUER, audience=AUDIENCE)["sub"])


def expired(secret: bytes = SECRET) -> str:
    issuer = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([SigningKey.from_secret(secret)]))
    return issuer.issue(subject="ada", client_id="cli", scopes=(), now=1_795_000_000, token_id="1")


def test_the_exit_code_tells_valid_from_refused_from_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [run("--token", GOOD).exit_code, run("--token", expired()).exit_code, run().exit_code]
    monkeypatch.delenv("MCP_JWT_SECRET")

    assert [*codes, run("--token", GOOD).exit_code] == [0, 1, 2, 2]


def test_the_token_may_come_from_a_variable_a_file_or_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token.txt").write_text(GOOD + "\n")
    results = [run("--token-file", "token.txt"), run("-", stdin=GOOD + "\n")]
    monkeypatch.setenv("MCP_TOKEN", GOOD)

    assert [result.exit_code for result in (*results, run())] == [0, 0, 0]


def test_the_payload_of_an_expired_token_is_shown_and_that_of_a_forged_one_is_not() -> None:
    known, forged = (
        json.loads(run("--json", "--token", expired(key)).stdout)
        for key in (SECRET, b"another secret than that of the server")
    )

    assert (known["verified"], known["valid"], known["payload"]["sub"]) == (True, False, "ada")
    assert (forged["verified"], forged["valid"], forged["payload"]) == (False, False, None)
    assert set(known["error"]) == {"code", "message", "help"}


def test_many_tokens_as_json_are_one_object_on_each_line() -> None:
    result = run("--json", "-", stdin=f"{GOOD}\n{expired()}\n")

    assert [json.loads(line)["valid"] for line in result.stdout.splitlines()] == [True, False]
    assert result.exit_code == 1


def test_a_hundred_tokens_in_one_process_cost_less_than_three_processes() -> None:
    def cost(tokens: int) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        command = [f"{SCRIPTS}/validate-mcp-token", "-"]
        subprocess.run(command, input=f"{GOOD}\n" * tokens, text=True, capture_output=True, check=True)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    assert cost(100) < 3 * cost(1)


def test_only_looking_needs_no_key_and_says_nothing_about_validity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCP_JWT_SECRET")

    seen = run("--no-verify", "--json", "--token", expired(secrets.token_bytes(32)))

    assert seen.exit_code == 0
    assert (json.loads(seen.stdout)["valid"], json.loads(seen.stdout)["verified"]) == (None, False)
    assert run("--no-verify", "--token", "no-token").exit_code == 1
    assert "\x1b[31m" in CliRunner().invoke(validate, ["--no-verify", "--token", GOOD], color=True).stdout


def test_inspect_is_the_same_command() -> None:
    inspected = CliRunner().invoke(main, ["token", "inspect", "--json", "--token", expired()])

    one, other = json.loads(inspected.stdout), json.loads(run("--no-verify", "--json", "--token", expired()).stdout)
    assert one | {"time_remaining": 0} == other | {"time_remaining": 0}


def test_strict_py_accepts_what_our_verifier_accepts() -> None:
    keys = KeySet([SigningKey.from_secret(SECRET)])
    token = TokenIssuer(issuer=ISSUER, audience=AUDIENCE, keys=keys).issue(
        subject="ada", client_id="cli", scopes=["mcp:tools"], now=int(time.time()), token_id="1", role="user"
    )

    assert TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=keys).verify(token, now=time.time()).subject == "ada"
    assert check(token) == "ada"


@pytest.mark.parametrize(
    ("left_out", "what", "token"), [pytest.param(*trial, id=trial[1]) for trial in forge.TRIALS if trial[1]]
)
def test_strict_py_stops_every_flaw_of_the_table_but_the_last_three(left_out: str, what: str, token: str) -> None:
    secret = forge.SHORT if left_out == "enforce_minimum_key_length" else SECRET

    if what in NOT_STOPPED or left_out in ("algorithms", "leeway"):
        assert check(token, secret=secret)
    else:
        with pytest.raises(jwt.PyJWTError):
            check(token, secret=secret)


def test_the_last_three_are_the_last_of_the_table() -> None:
    assert tuple(what for _, what, _ in forge.TRIALS[-3:]) == NOT_STOPPED


@pytest.mark.parametrize(
    "token",
    ["", "...", "é.é.é", "\udcff.a.b", f"{GOOD}x", GOOD.replace(".", " . "), "e30.e30.e30", "W10.W10.W10", "A" * 9000],
)
def test_nothing_but_pyjwt_error_comes_out_of_strict_py(token: str) -> None:
    with pytest.raises(jwt.PyJWTError):
        check(token)


def test_a_secret_that_is_too_short_is_no_invalid_token_error() -> None:
    with pytest.raises(jwt.InvalidKeyError) as refusal:
        check(forge.forge(forge.claims(), secret=forge.SHORT), secret=forge.SHORT)

    assert not isinstance(refusal.value, jwt.InvalidTokenError)


def test_pyjwt_keeps_the_last_of_two_members() -> None:
    twice = forge.forge('{"sub": "root", ' + forge.claims().removeprefix("{"))

    assert jwt.decode(twice, SECRET, algorithms=["HS256"], audience=AUDIENCE)["sub"] == "ada"


def test_without_audience_pyjwt_refuses_every_token_that_has_one() -> None:
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(GOOD, SECRET, algorithms=["HS256"])


def test_verify_signature_switched_off_takes_every_other_check_with_it() -> None:
    claims = jwt.decode(
        expired(b"another secret than that of the server"),
        options={"verify_signature": False},
        audience="another",
        issuer="another",
    )

    assert claims["sub"] == "ada"


def test_a_pem_text_is_parsed_again_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = Mock(wraps=load_pem_public_key)
    monkeypatch.setattr("jwt.algorithms.load_pem_public_key", parse)
    private = generate_private_key(SECP256R1())
    public = private.public_key()
    text = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = jwt.encode({"sub": "ada"}, private, algorithm="ES256")

    for _ in range(2):
        jwt.decode(token, text, algorithms=["ES256"])
        jwt.decode(token, public, algorithms=["ES256"])

    assert parse.call_count == 2


def test_a_list_of_audiences_passes_both_and_strict_aud_refuses_every_list() -> None:
    both = forge.forge(forge.claims(aud=[AUDIENCE, "https://other.example/mcp"]))
    alone = forge.forge(forge.claims(aud=[AUDIENCE]))

    assert check(both) == "ada"
    assert run("--token", both).exit_code == 0
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(alone, SECRET, algorithms=["HS256"], audience=AUDIENCE, options={"strict_aud": True})
