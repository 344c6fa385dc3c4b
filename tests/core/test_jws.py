import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref.core import jws
from mcp_auth_ref.core.errors import MalformedToken
from mcp_auth_ref.core.jws import UnverifiedHeader, UnverifiedToken
from tests.fuzz import fuzz, json_values
from tests.tokens import CLAIMS, HEADER, base64url, forge, hs256, segment
from tests.vectors import document

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def problem(read: Callable[[], object]) -> str:
    with pytest.raises(MalformedToken) as caught:
        read()
    return caught.value.problem


def test_a_token_is_taken_apart() -> None:
    """RFC 7515, section 7.1."""
    token = forge({"alg": "HS256", "typ": "at+jwt", "kid": "2026"}, CLAIMS)
    signing_input = token.rpartition(".")[0].encode()

    assert jws.read(token) == UnverifiedToken(
        header=UnverifiedHeader(algorithm="HS256", kid="2026", type="at+jwt"),
        signing_input=signing_input,
        signature=hs256(signing_input),
        encoded_payload=segment(CLAIMS).encode(),
    )
    assert jws.payload(jws.read(token)) == CLAIMS


def test_the_first_example_of_rfc_7515_is_read() -> None:
    """RFC 7515, appendix A.1, whose JSON has line breaks within."""
    token = jws.read(document("rfc7515.json")[0]["token"])

    assert token.header == UnverifiedHeader(algorithm="HS256", kid=None, type="JWT")
    assert jws.payload(token) == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


def test_members_that_nobody_knows_are_passed_over() -> None:
    """RFC 7515, section 4: what is not understood is ignored, unless `crit` names it."""
    assert jws.read(forge({**HEADER, "color": "green", "x5t": "abc"}, CLAIMS)).header.algorithm == "HS256"


def test_white_space_around_the_json_is_json() -> None:
    """RFC 8259, section 2: the four white space characters may stand around any structural character."""
    token = jws.read(forge('\t{ "alg" : "HS256" }\r\n', ' \n{"sub":\t"ada"}\r\n '))

    assert (token.header.algorithm, jws.payload(token)) == ("HS256", {"sub": "ada"})


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "it should have three parts and has 1"),
        ("abc", "it should have three parts and has 1"),
        ("a.b", "it should have three parts and has 2"),
        ("a.b.c.d", "it should have three parts and has 4"),
        ("a.b.c.d.e", "it should have three parts and has 5"),
        ("..", "its header is cut off, empty or not canonical base64url"),
        ("é.b.c", "it has characters other than base64url and dots"),
        ("\ud800.b.c", "it has characters other than base64url and dots"),
        ("x" * 8193, "it is longer than 8192 bytes"),
        (f"{segment({})}.e30.e30", "its header has no alg"),
        (f"{segment({'typ': 'at+jwt'})}.e30.e30", "its header has no alg"),
        (f"{segment({'alg': ''})}.e30.e30", "the alg of its header is not a string with something in it"),
        (f"{segment({'alg': None})}.e30.e30", "the alg of its header is not a string with something in it"),
        (f"{segment({'alg': ['HS256']})}.e30.e30", "the alg of its header is not a string with something in it"),
        (
            f"{segment({'alg': 'HS256', 'kid': 7})}.e30.e30",
            "the kid of its header is not a string with something in it",
        ),
        (
            f"{segment({'alg': 'HS256', 'typ': ''})}.e30.e30",
            "the typ of its header is not a string with something in it",
        ),
        (f"{segment(HEADER)}.e30.", "its signature is cut off, empty or not canonical base64url"),
        (f"{segment(HEADER)}.e30.a", "its signature is cut off, empty or not canonical base64url"),
        (f"{segment(HEADER)}.e30.a+/b", "its signature has characters outside base64url"),
        (f"{segment('[]')}.e30.e30", "its header is not one JSON object"),
        (f"{segment('{} {}')}.e30.e30", "its header is not one JSON object"),
        (f"{segment('{')}.e30.e30", "its header is not UTF-8 JSON"),
    ],
)
def test_what_is_odd_about_a_token_is_named(token: str, said: str) -> None:
    """RFC 7515, section 5.2, steps 1 to 7; our choice of a bound."""
    assert problem(lambda: jws.read(token)) == said


def test_a_token_of_8192_bytes_is_read() -> None:
    """Our choice: as much as the header fields of common servers take."""
    room = 8192 - len(forge(HEADER, b""))
    token = forge(HEADER, b"x" * (room * 3 // 4))

    assert len(token) == 8192
    assert jws.read(token).encoded_payload == segment(b"x" * (room * 3 // 4)).encode()


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("crit", "its header has critical extensions, of which this reader knows none"),
        ("b64", "its payload is not base64url-encoded (b64)"),
        ("zip", "its payload is compressed (zip)"),
        ("enc", "it is encrypted (enc)"),
        ("jwk", "its header brings a key of its own (jwk)"),
        ("jku", "its header says where to fetch a key (jku)"),
        ("x5c", "its header brings a certificate of its own (x5c)"),
        ("x5u", "its header says where to fetch a certificate (x5u)"),
    ],
)
def test_a_header_that_would_change_how_the_token_is_read_is_refused(member: str, said: str) -> None:
    """RFC 8725, sections 3.6 and 3.10; RFC 7515, section 4.1.11; RFC 7797, section 7. The value does not matter."""
    assert problem(lambda: jws.read(forge({**HEADER, member: None}, CLAIMS))) == said


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "its payload is cut off, empty or not canonical base64url"),
        ("[]", "its payload is not one JSON object"),
        ("null", "its payload is not one JSON object"),
        ('"text"', "its payload is not one JSON object"),
        ("{}{}", "its payload is not one JSON object"),
        ("{},", "its payload is not one JSON object"),
        ("{", "its payload is not UTF-8 JSON"),
        ("{'sub': 'ada'}", "its payload is not UTF-8 JSON"),
        ('{"sub": "ada",}', "its payload is not UTF-8 JSON"),
        ('{"sub": "line\nbreak"}', "its payload is not UTF-8 JSON"),
        ("\xa0{}", "its payload is not UTF-8 JSON"),
        ("\ufeff{}", "its payload is not UTF-8 JSON"),
        ("{}".encode("utf-16"), "its payload is not UTF-8 JSON"),
        (b'{"sub": "\xff"}', "its payload is not UTF-8 JSON"),
        (b'{"sub": "\xed\xa0\x80"}', "its payload is not UTF-8 JSON"),
        (r'{"sub": "\ud800"}', "its payload is not UTF-8 JSON"),
        (r'{"\udfff": 1}', "its payload is not UTF-8 JSON"),
        ('{"n": ' + "9" * 5000 + "}", "its payload is not UTF-8 JSON"),
        ('{"a": 1, "a": 1}', "its payload has a member twice"),
        (r'{"a": 1, "\u0061": 1}', "its payload has a member twice"),
        ('{"o": {"a": 1, "a": 1}}', "its payload has a member twice"),
        ('{"n": NaN}', "its payload has NaN, which is no JSON number"),
        ('{"n": Infinity}', "its payload has Infinity, which is no JSON number"),
        ('{"n": -Infinity}', "its payload has -Infinity, which is no JSON number"),
        ('{"n": 1e400}', "its payload has a number beyond all bounds"),
        ('{"n": -1e400}', "its payload has a number beyond all bounds"),
        ('{"a": ' + "[" * 256 + "]" * 256 + "}", "its payload is nested too deeply"),
        ('{"a": ' * 257 + "1" + "}" * 257, "its payload is nested too deeply"),
        ("[" * 6000, "its payload is nested too deeply"),
    ],
)
def test_what_is_odd_about_a_payload_is_named(payload: object, said: str) -> None:
    """RFC 8259, sections 2 to 8; RFC 7519, section 4 (members are unique); RFC 8725, section 3.7 (UTF-8)."""
    token = jws.read(f"{segment(HEADER)}.{segment(payload)}.e30")

    assert problem(lambda: jws.payload(token)) == said


def test_json_may_be_nested_as_long_as_it_has_no_more_than_256_brackets() -> None:
    """Our choice: a bound that does not depend on the interpreter and its stack."""
    token = jws.read(forge(HEADER, '{"a": ' + "[" * 255 + "]" * 255 + "}"))

    assert list(jws.payload(token)) == ["a"]


def test_characters_beyond_ascii_are_read_escaped_or_not() -> None:
    """RFC 8259, section 7: a pair of escaped surrogates is one character."""
    assert jws.payload(jws.read(forge(HEADER, r'{"a": "\ud83d\ude00", "b": "😀"}'))) == {"a": "😀", "b": "😀"}


@pytest.mark.parametrize(
    ("encoded", "said"),
    [
        (b"", "its x is cut off, empty or not canonical base64url"),
        (b"A", "its x is cut off, empty or not canonical base64url"),
        (b"AAAAA", "its x is cut off, empty or not canonical base64url"),
        (b"AB", "its x is cut off, empty or not canonical base64url"),
        (b"AAB", "its x is cut off, empty or not canonical base64url"),
        (b"AA=", "its x is cut off, empty or not canonical base64url"),
        (b"AA==", "its x has characters outside base64url"),
        (b"AAA=", "its x has characters outside base64url"),
        (b"AA\nA", "its x has characters outside base64url"),
        (b" AAA", "its x has characters outside base64url"),
        (b"AAA\x00", "its x has characters outside base64url"),
        (b"AA+A", "its x has characters outside base64url"),
        (b"AA/A", "its x has characters outside base64url"),
        (b"AA\xc3A", "its x has characters outside base64url"),
    ],
)
def test_base64url_has_one_form(encoded: bytes, said: str) -> None:
    """RFC 4648, sections 3.2, 3.3, 3.5 and 5, and RFC 7515, section 2."""
    assert problem(lambda: jws.decode(encoded, part="x")) == said


@fuzz
@given(st.binary(min_size=1))
def test_what_is_encoded_is_decoded(data: bytes) -> None:
    """RFC 7515, appendix C."""
    assert jws.decode(base64url(data).encode(), part="x") == data


@fuzz
@given(st.text(st.sampled_from(ALPHABET + "=+/ \n."), max_size=9) | st.text(st.sampled_from(ALPHABET), max_size=9))
def test_what_is_decoded_was_encoded_in_just_this_way(text: str) -> None:
    """RFC 4648, section 3.5: no two texts for the same bytes, so nobody can make a second token of one."""
    try:
        data = jws.decode(text.encode(), part="x")
    except MalformedToken:
        return

    assert base64url(data) == text


@fuzz
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), st.booleans())
def test_json_is_read_as_it_was_written(members: dict[str, object], ascii_only: bool) -> None:
    """RFC 8259, and RFC 8725, section 2.6: there is one reading of a token."""
    token = forge(HEADER, json.dumps(members, ensure_ascii=ascii_only))

    assert jws.payload(jws.read(token)) == members
