"""Key files: every form that is read, and how they are written."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_auth_ref import keyfiles
from mcp_auth_ref.core.errors import InvalidKey
from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey
from mcp_auth_ref.keyfiles import PairAlgorithm
from tests.fuzz import fuzz, json_values
from tests.tokens import KEYS, NOW, SECRET
from tests.vectors import document

PAIRS = {name: key for name, key in KEYS.items() if name != "HS256"}
PRIVATE_JWKS: dict[str, Any] = {"keys": [document("rfc7515.json")[1]["key"], document("rfc7515.json")[2]["key"]]}


def public(keys: KeySet) -> list[dict[str, str]]:
    return keys.jwks()["keys"]


def refusal(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InvalidKey) as caught:
        keyfiles.read(path)
    return caught.value.problem


@pytest.mark.parametrize(("algorithm", "size"), [("ES256", {"x": 43}), ("EdDSA", {"x": 43}), ("RS256", {"n": 512})])
def test_a_new_key_is_of_the_kind_asked_for(algorithm: PairAlgorithm, size: dict[str, int]) -> None:
    """NIST SP 800-57, part 1: 2048 bits of RSA are enough until 2030; 3072, 512 characters of base64, beyond."""
    key = keyfiles.generate(algorithm)

    [jwk] = public(KeySet([key]))
    assert (jwk["alg"], {name: len(jwk[name]) for name in size}) == (algorithm, size)
    assert KeySet([key]).signing_key is key


def test_no_two_new_keys_are_alike() -> None:
    assert len({keyfiles.generate("EdDSA").kid for _ in range(100)}) == 100


def test_what_is_written_is_read_again_in_its_order_with_its_kid(tmp_path: Path) -> None:
    keys = KeySet([*KEYS.values(), SigningKey.from_secret(SECRET * 2, kid="named")])

    keyfiles.write(tmp_path / "keys.json", keys)

    again = keyfiles.read(tmp_path / "keys.json")
    assert again == keys
    assert [key.kid for key in again.keys] == [key.kid for key in keys.keys]
    assert again.signing_key.kid == "named"


def test_a_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{}")
    path.chmod(0o644)

    keyfiles.write(path, KeySet(PAIRS.values()))

    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.mkdir()

    with pytest.raises(OSError, match="Is a directory"):
        keyfiles.write(path, KeySet(PAIRS.values()))

    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_public_keys_are_not_written_as_if_they_could_sign(tmp_path: Path) -> None:
    keys = KeySet([VerifyingKey.from_jwk(KEYS["ES256"].public_jwk() or {})])

    with pytest.raises(InvalidKey, match=f"only the public half of {keys.keys[0].kid} is there"):
        keyfiles.write(tmp_path / "keys.json", keys)

    assert list(tmp_path.iterdir()) == []


def test_a_pem_file_may_hold_several_private_and_public_keys(tmp_path: Path) -> None:
    """OpenSSL writes one block after the other, with remarks between them."""
    pem = b"# the older\n" + PAIRS["RS256"].to_pem() + b"# the newer\n" + PAIRS["EdDSA"].to_pem()
    (tmp_path / "keys.pem").write_bytes(pem)

    keys = keyfiles.read(tmp_path / "keys.pem")

    assert [(type(key), key.kid) for key in keys.keys] == [
        (SigningKey, PAIRS["RS256"].kid),
        (SigningKey, PAIRS["EdDSA"].kid),
    ]


def test_one_jwk_is_a_set_of_one(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(json.dumps(PRIVATE_JWKS["keys"][1]))

    assert keyfiles.read(tmp_path / "key.json").keys == (KEYS["ES256"],)


def test_the_public_set_of_a_file_is_read_by_others(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(KeySet(PAIRS.values()).jwks()))

    theirs = keyfiles.read_public(tmp_path / "jwks.json")

    assert theirs.jwks() == KeySet(PAIRS.values()).jwks()
    assert [type(key) for key in theirs.keys] == [VerifyingKey] * 3
    assert keyfiles.read(tmp_path / "jwks.json") == theirs


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (PRIVATE_JWKS, "the key set publishes a private or shared key"),
        (PRIVATE_JWKS["keys"][0], "the key set publishes a private or shared key"),
        (PAIRS["ES256"].to_pem().decode(), "it is a private key where a public one belongs"),
    ],
    ids=["JWK Set", "JWK", "PEM"],
)
def test_a_private_key_is_refused_where_somebody_elses_keys_belong(
    tmp_path: Path, content: object, problem: str
) -> None:
    """RFC 7517, section 9.2: somebody has given away the key that must stay at home."""
    (tmp_path / "keys").write_text(content if isinstance(content, str) else json.dumps(content))

    with pytest.raises(InvalidKey) as caught:
        keyfiles.read_public(tmp_path / "keys")

    assert caught.value.problem == problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it is neither PEM nor JSON"),
        ("ssh-ed25519 AAAA", "it is neither PEM nor JSON"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it is neither PEM nor JSON"),
        ("[" * 100_000, "it is neither PEM nor JSON"),
        ([], "it is neither a JWK nor a JWK Set with a key in it"),
        ({"keys": []}, "it is neither a JWK nor a JWK Set with a key in it"),
        ({"keys": ["key"]}, "it is neither a JWK nor a JWK Set with a key in it"),
        ({}, "the JWK is not meant to verify with HS256, RS256, ES256 or EdDSA"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "it is not a PEM-encoded private key without passphrase",
        ),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "it is not a PEM-encoded public key"),
        ({"keys": PRIVATE_JWKS["keys"] * 2}, "two keys of a set have one kid"),
    ],
    ids=range(11),
)
def test_what_holds_no_key_is_refused(tmp_path: Path, content: object, problem: str) -> None:
    assert refusal(tmp_path / "keys", content) == problem


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xff\xfe{\x00")

    with pytest.raises(InvalidKey, match="it is neither PEM nor JSON"):
        keyfiles.read(tmp_path / "keys")


@settings(fuzz, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(["keys", "kty", "k", "d", "crv", "x", "y", "n", "e"]), json_values).map(
        lambda value: json.dumps(value).encode()
    )
    | st.binary()
    | st.binary().map(lambda data: b"-----BEGIN PRIVATE KEY-----\n" + data + b"\n-----END PRIVATE KEY-----"),
)
def test_whatever_a_file_holds_is_keys_or_a_refusal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").write_bytes(content)

    for read in (keyfiles.read, keyfiles.read_public):
        try:
            assert read(tmp_path / "keys").keys
        except InvalidKey:
            continue


def test_when_a_key_begins_to_sign_is_written_and_read_again(tmp_path: Path) -> None:
    keys = KeySet([PAIRS["ES256"], replace(PAIRS["EdDSA"], signs_from=NOW)])

    keyfiles.write(tmp_path / "keys.json", keys)

    written = json.loads((tmp_path / "keys.json").read_text())["keys"]
    again = keyfiles.read(tmp_path / "keys.json")
    assert [jwk.get("nbf") for jwk in written] == [None, NOW]
    assert [again.signing_key_at(now).algorithm for now in (NOW - 1, NOW)] == ["ES256", "EdDSA"]
    assert [jwk.keys() & {"nbf"} for jwk in public(again)] == [set(), set()]


def test_secrets_stand_one_on_each_line_from_oldest_to_newest(tmp_path: Path) -> None:
    old, new = SigningKey.from_secret(SECRET), SigningKey.from_secret(SECRET[::-1])

    keys = keyfiles.secrets_in(SECRET + b"\r\n\n" + SECRET[::-1] + b" nbf=%d" % NOW)
    keyfiles.write_secrets(tmp_path / "secrets", keys)

    assert keys == KeySet([old, new])
    assert [keys.signing_key_at(now) for now in (NOW - 1, NOW)] == [old, new]
    assert (tmp_path / "secrets").read_bytes() == SECRET + b"\n" + SECRET[::-1] + b" nbf=%d\n" % NOW
    assert oct((tmp_path / "secrets").stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("secret", [SECRET + b" nbf=soon", SECRET + b" nbf=", SECRET + b"nbf=1", SECRET + b" "])
def test_what_only_looks_like_a_moment_is_part_of_the_secret(secret: bytes) -> None:
    assert keyfiles.secrets_in(secret).signing_key.private == secret


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (SECRET + b"\nshort", "line 2: the secret has 5 bytes; HS256 needs at least 32"),
        (b"short nbf=1795000000", "the secret has 5 bytes; HS256 needs at least 32"),
        (SECRET + b"\n" + SECRET, "two keys of a set have one kid"),
        (PAIRS["ES256"].to_pem(), "it is empty or an encoded key, not a shared secret"),
        (b"", "it is empty or an encoded key, not a shared secret"),
    ],
    ids=range(5),
)
def test_what_is_no_list_of_secrets_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        keyfiles.secrets_in(data)

    assert caught.value.problem == problem


def test_a_key_pair_is_not_written_among_secrets(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey, match="is no shared secret"):
        keyfiles.write_secrets(tmp_path / "secrets", KeySet([PAIRS["ES256"]]))

    assert list(tmp_path.iterdir()) == []


def test_keys_that_everybody_can_write_are_refused(tmp_path: Path) -> None:
    """CWE-732: also public ones, which decide whose tokens are accepted."""
    (tmp_path / "keys").write_text(json.dumps(KeySet(PAIRS.values()).jwks()))
    (tmp_path / "keys").chmod(0o666)

    for read in (keyfiles.read, keyfiles.read_public):
        with pytest.raises(InvalidKey, match="everybody on this machine can write"):
            read(tmp_path / "keys")
