import pytest

from mcp_auth_ref.core.errors import InvalidRequest
from mcp_auth_ref.server.bodies import MAX_DEPTH, StrictJson, strict_json
from tests.server.world import Recorder, ask

JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"-1e999",
        b"9" * 5000,
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 1}',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        '"é"'.encode("latin-1"),
        "{}".encode("utf-16"),
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b"[" * 100_000,
    ],
)
def test_what_has_more_than_one_reading_or_none_is_refused(body: bytes) -> None:
    """RFC 8259, sections 4, 6, 8.1 and 8.2."""
    with pytest.raises(InvalidRequest):
        strict_json(body)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": [1, -2.5, 1e3, true, null]}', {"a": [1, -2.5, 1000.0, True, None]}),
        ('"é"'.encode(), "é"),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"[]", []),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
)
def test_what_has_one_reading_is_read(body: bytes, document: object) -> None:
    """RFC 8259."""
    read = strict_json(body)

    assert read == document or document is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_body_without_a_meaning_is_not_looked_at(method: str) -> None:
    """RFC 9110, section 9.3: there it has no meaning."""
    assert ask(StrictJson(Recorder()), method=method, content=b"{").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON], 200),
        ([("Content-Type", "Application/JSON; charset=utf-8")], 200),
        ([JSON, JSON], 415),
        ([JSON, ("Content-Type", "text/plain")], 415),
        ([], 415),
        ([("Content-Type", "application/problem+json")], 415),
    ],
)
def test_a_body_calls_itself_json_once(headers: list[tuple[str, str]], status: int) -> None:
    """RFC 9110, section 8.3; two such fields have two readings."""
    assert ask(StrictJson(Recorder()), headers=headers, content=b"{}").status_code == status


def test_no_body_is_left_to_the_operation() -> None:
    """Our choice: some take none."""
    assert ask(StrictJson(Recorder()), content=b"").status_code == 200
