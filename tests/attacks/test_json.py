"""JSON that one reader takes one way and another reader another way: the signature covers both readings."""

import json

import pytest

from mcp_auth_ref.core.errors import MalformedToken
from tests.tokens import CLAIMS, HEADER, NOW, forge, refusal

CLAIMS_JSON = json.dumps(CLAIMS)
HEADER_JSON = json.dumps(HEADER)


def malformed(problem: str) -> tuple[type, dict[str, str]]:
    return MalformedToken, {"problem": problem}


@pytest.mark.parametrize("member", CLAIMS)
def test_no_claim_appears_twice(member: str) -> None:
    """RFC 7519, section 4; RFC 8259, section 4: of two members one reader takes the first, another the last."""
    twice = CLAIMS_JSON[:-1] + f", {json.dumps(member)}: {json.dumps(CLAIMS[member])}}}"

    assert refusal(forge(HEADER, twice)) == malformed("its payload has a member twice")


@pytest.mark.parametrize(
    ("first", "second"),
    [('"role": "user"', '"role": "superadmin"'), ('"role": "user"', r'"\u0072ole": "superadmin"'), ('"": 1', '"": 2')],
)
def test_no_claim_appears_twice_under_two_spellings(first: str, second: str) -> None:
    """RFC 8259, section 8.3: names are compared once their escapes are undone."""
    payload = f"{{{first}, {CLAIMS_JSON[1:-1]}, {second}}}"

    assert refusal(forge(HEADER, payload)) == malformed("its payload has a member twice")


@pytest.mark.parametrize(
    "header",
    [
        '{"alg": "none", "alg": "HS256", "typ": "at+jwt"}',
        '{"alg": "HS256", "typ": "at+jwt", "alg": "HS256"}',
        '{"alg": "HS256", "typ": "JWT", "typ": "at+jwt"}',
        r'{"alg": "HS256", "typ": "at+jwt", "\u0061lg": "none"}',
    ],
)
def test_no_member_of_the_header_appears_twice(header: str) -> None:
    """RFC 7515, section 4."""
    assert refusal(forge(header, CLAIMS)) == malformed("its header has a member twice")


def test_members_appear_once_at_every_depth() -> None:
    """RFC 7515, section 4, and our choice: whoever reads a claim of one's own deserves one reading, too."""
    token = forge(HEADER, CLAIMS_JSON[:-1] + ', "tenant": {"id": 1, "id": 2}}')

    assert refusal(token) == malformed("its payload has a member twice")


@pytest.mark.parametrize("odd", ["[]", "[{}]", "null", "true", "1795000000", '"text"', '""', f"[{CLAIMS_JSON}]"])
def test_what_is_no_object_is_no_token(odd: str) -> None:
    """RFC 7515, section 4, and RFC 7519, section 7.2."""
    assert refusal(forge(HEADER, odd)) == malformed("its payload is not one JSON object")
    assert refusal(forge(odd, CLAIMS)) == malformed("its header is not one JSON object")


@pytest.mark.parametrize("tail", ["{}", " {}", "x", "\x00", ",", "}", "\ufeff", "\x0b", "\xa0", "\u2028", "// note"])
def test_nothing_follows_the_object(tail: str) -> None:
    """RFC 8259, section 2: one value, and only four kinds of white space."""
    assert refusal(forge(HEADER, CLAIMS_JSON + tail)) == malformed("its payload is not one JSON object")
    assert refusal(forge(HEADER_JSON + tail, CLAIMS)) == malformed("its header is not one JSON object")


@pytest.mark.parametrize(
    "lax",
    [
        "{'sub': 'ada'}",
        '{"sub": "ada",}',
        "{sub: 1}",
        '{"a": 01}',
        '{"a": +1}',
        '{"a": .5}',
        '{"a": 1.}',
        '{"a": 0x10}',
        '{"a": 1_000}',
        '{"a": "tab\tstop"}',
        r'{"a": "\x41"}',
        '{"a": True}',
        '{"a": undefined}',
        '/* note */ {"a": 1}',
        ")]}',\n{}",
    ],
)
def test_almost_json_is_no_json(lax: str) -> None:
    """RFC 8259: a reader that forgives reads what nobody wrote."""
    assert refusal(forge(HEADER, lax)) == malformed("its payload is not UTF-8 JSON")
    assert refusal(forge(lax, CLAIMS)) == malformed("its header is not UTF-8 JSON")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_no_json(number: str) -> None:
    """RFC 8259, section 6: every comparison with NaN is false, also `exp < now`."""
    payload = CLAIMS_JSON.replace(str(NOW + 3600), number)

    assert refusal(forge(HEADER, payload)) == malformed(f"its payload has {number}, which is no JSON number")
    assert refusal(forge(f'{{"alg": "HS256", "x": {number}}}', CLAIMS)) == malformed(
        f"its header has {number}, which is no JSON number"
    )


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1E+309", "9" * 400 + ".0"])
def test_a_number_beyond_all_bounds_is_refused(number: str) -> None:
    """RFC 8259, section 6: as `exp`, infinity never expires."""
    payload = CLAIMS_JSON.replace(str(NOW + 3600), number)

    assert refusal(forge(HEADER, payload)) == malformed("its payload has a number beyond all bounds")


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    """CVE-2020-10735: reading it takes time that grows with the square of its length."""
    payload = CLAIMS_JSON.replace(str(NOW + 3600), "9" * 5000)

    assert refusal(forge(HEADER, payload)) == malformed("its payload is not UTF-8 JSON")


@pytest.mark.parametrize("depth", [257, 600, 2900])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_json_nested_deeply_is_refused_and_nothing_breaks(opening: str, closing: str, depth: int) -> None:
    """Our choice of depth: no payload decides how deep the stack goes. Some of it is cut off, too."""
    nested = f"{opening * depth}1{closing * depth}"[:5500]

    payload = forge(HEADER, f'{CLAIMS_JSON[:-1]}, "a": {nested}}}')
    header = forge(f'{HEADER_JSON[:-1]}, "a": {nested}}}', CLAIMS)
    alone = forge(HEADER, nested)

    assert [refusal(token) for token in (payload, header, alone)] == [
        malformed("its payload is nested too deeply"),
        malformed("its header is nested too deeply"),
        malformed("its payload is nested too deeply"),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig"])
def test_another_encoding_than_utf8_is_refused(encoding: str) -> None:
    """RFC 8725, sections 2.6 and 3.7; RFC 8259, section 8.1: no byte order mark."""
    content = json.dumps(CLAIMS | {"sub": "Ada Löwelace"}, ensure_ascii=False).encode(encoding)
    header = json.dumps(HEADER | {"note": "ö"}, ensure_ascii=False).encode(encoding)

    assert refusal(forge(HEADER, content)) == malformed("its payload is not UTF-8 JSON")
    assert refusal(forge(header, CLAIMS)) == malformed("its header is not UTF-8 JSON")


@pytest.mark.parametrize(
    "odd",
    [b"\xff", b"\xc0\xaf", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"],
    ids=["no such byte", "overlong", "cut off", "surrogate", "beyond Unicode", "two of three"],
)
def test_bytes_that_are_no_utf8_are_refused(odd: bytes) -> None:
    """RFC 3629, sections 3 and 10."""
    payload = CLAIMS_JSON.encode().replace(b'"ada"', b'"ada' + odd + b'"')

    assert refusal(forge(HEADER, payload)) == malformed("its payload is not UTF-8 JSON")


@pytest.mark.parametrize("half", [r"\ud800", r"\udfff", r"\udc00\ud800", r"\ud800x"])
def test_half_a_surrogate_pair_is_refused_in_names_and_in_values(half: str) -> None:
    """RFC 8259, section 8.2: such a string can be written in JSON and in no file, log or header."""
    assert [
        refusal(forge(HEADER, CLAIMS_JSON.replace('"ada"', f'"{half}"'))),
        refusal(forge(HEADER, f'{{"{half}": 1, {CLAIMS_JSON[1:]}')),
        refusal(forge(HEADER, f'{{"own": [{{"{half}": 1}}], {CLAIMS_JSON[1:]}')),
    ] == [malformed("its payload is not UTF-8 JSON")] * 3
