"""A sealed log shows each change to whoever has the key, and hides it from nobody else's arithmetic."""

import hashlib
import json

import pytest

from mcp_auth_ref.audit import BrokenChain, Chain, Link
from mcp_auth_ref.audit.chain import ORIGIN, missing_at_the_end
from mcp_auth_ref.core.errors import ConfigurationError

KEY = b"the key of a test, 32 bytes long."
CHAIN = Chain(KEY)
MOMENT = "2026-11-18T11:06:40.000Z"
BODIES = [f'{{"event": "accept", "subject": "{name}"}}' for name in ("ada", "bob", "cleo", "dan")]


def sealed(after: Link = ORIGIN, chain: Chain = CHAIN) -> list[bytes]:
    """Seal a file: the line that opens it, and one for each body."""
    line, after = chain.opening(MOMENT, after)
    lines = [line]
    for body in BODIES:
        line, after = chain.sealed(body, after)
        lines.append(line)
    return lines


LOG = sealed()


def end_of(lines: list[bytes]) -> Link:
    found = CHAIN.verify([("audit.log", lines)])
    assert found is not None
    return found[1]


def broken(*files: list[bytes]) -> str:
    names = [f"audit.log.{number}" for number in range(len(files) - 1, 0, -1)] + ["audit.log"]
    with pytest.raises(BrokenChain) as caught:
        CHAIN.verify(zip(names, files, strict=True))
    return str(caught.value)


def test_a_line_is_json_with_its_number_first_and_its_seal_last() -> None:
    line = json.loads(LOG[1])

    assert list(line) == ["seq", "event", "subject", "seal"]
    assert (line["seq"], line["subject"], len(line["seal"])) == (2, "ada", 64)


def test_a_log_as_it_was_written_is_whole() -> None:
    assert CHAIN.verify([("audit.log", LOG)]) == (ORIGIN, Link(5, json.loads(LOG[-1])["seal"]))


def test_the_chain_goes_on_from_file_to_file() -> None:
    second = sealed(end_of(LOG))

    assert CHAIN.verify([("audit.log.1", LOG), ("audit.log", second)]) == (
        ORIGIN,
        Link(10, json.loads(second[-1])["seal"]),
    )


def test_what_retention_has_dropped_is_no_break() -> None:
    second = sealed(end_of(LOG))

    found = CHAIN.verify([("audit.log", second)])

    assert found is not None
    assert (found[0], found[1].seq) == (end_of(LOG), 10)


def test_a_changed_line_is_named() -> None:
    changed = [line.replace(b'"bob"', b'"eve"') for line in LOG]

    assert broken(changed) == "audit.log, line 3: it has been changed"


def test_a_removed_line_is_named() -> None:
    assert broken(LOG[:2] + LOG[3:]) == "audit.log, line 3: line 3 of the log is missing before it"
    assert broken(LOG[:2] + LOG[4:]) == "audit.log, line 3: lines 3 to 4 of the log are missing before it"


def test_a_removed_line_shows_though_the_others_are_numbered_again() -> None:
    later = [line.replace(b'{"seq": 4', b'{"seq": 3').replace(b'{"seq": 5', b'{"seq": 4') for line in LOG[3:]]

    assert broken(LOG[:2] + later) == "audit.log, line 3: it has been changed"


def test_lines_in_another_order_are_named() -> None:
    assert broken([LOG[0], LOG[2], LOG[1], *LOG[3:]]) == "audit.log, line 2: line 2 of the log is missing before it"


def test_a_line_twice_is_named() -> None:
    assert broken([*LOG, LOG[-1]]) == "audit.log, line 6: it is line 5 of the log, and line 6 belongs here"


@pytest.mark.parametrize("added", [b"", b'{"event": "accept", "subject": "eve"}', LOG[-1][:-20], b"\xff\xfe"])
def test_a_line_without_a_seal_is_named(added: bytes) -> None:
    assert broken([*LOG, added]) == "audit.log, line 6: it is no sealed line"


def test_a_missing_file_in_the_middle_is_named() -> None:
    second = sealed(end_of(LOG))
    third = sealed(end_of(second))

    assert broken(LOG, third) == "audit.log, line 1: lines 6 to 10 of the log are missing before it"


def test_a_first_file_without_its_beginning_is_named() -> None:
    assert broken(LOG[1:]) == "audit.log, line 1: line 1 of the log is missing before it"


def test_a_chain_that_begins_anew_is_named() -> None:
    assert broken(LOG, sealed()) == "audit.log, line 1: it is line 1 of the log, and line 6 belongs here"


def test_lines_cut_from_the_end_are_told_by_the_head() -> None:
    cut = end_of(LOG[:-2])

    assert missing_at_the_end(cut, end_of(LOG)) == "lines 4 to 5 of the log are missing at the end"
    assert missing_at_the_end(end_of(LOG), cut) is None


def test_an_older_head_cannot_be_made_from_the_log() -> None:
    """The head has a key of its own: the seal of a line that is left is no seal of a head."""
    third = json.loads(LOG[2])
    forged = b'{"seq": 3, "last": "%s", "seal": "%s"}' % ((third["seal"].encode("ascii"),) * 2)

    assert CHAIN.read_head(forged) is None
    assert CHAIN.read_head(CHAIN.head(end_of(LOG))) == end_of(LOG)


def test_heads_have_one_length_so_that_one_write_replaces_another() -> None:
    assert {len(CHAIN.head(Link(10**power, "0" * 64))) for power in range(18)} == {192}


def test_who_has_another_key_can_seal_nothing() -> None:
    assert (
        broken(sealed(chain=Chain(b"the key of somebody else, 32 bytes."))) == "audit.log, line 1: it has been changed"
    )


def test_hashes_without_a_key_protect_nothing() -> None:
    """Why the seal is keyed: whoever changes a line of a chain of hashes computes the ones behind it again."""

    def chained(bodies: list[str]) -> list[tuple[str, str]]:
        last, lines = "", []
        for body in bodies:
            last = hashlib.sha256((last + body).encode()).hexdigest()
            lines.append((body, last))
        return lines

    forged = chained([body.replace("bob", "eve") for body in BODIES])

    assert chained([body for body, _ in forged]) == forged


def test_what_was_written_before_the_log_was_sealed_is_passed_over() -> None:
    earlier = [b'{"event": "accept", "subject": "zoe"}']

    assert CHAIN.verify([("audit.log.1", earlier), ("audit.log", LOG)]) == CHAIN.verify([("audit.log", LOG)])


def test_seals_that_were_taken_off_are_no_time_before_the_sealing() -> None:
    bare = [json.dumps({"event": "accept", "subject": "eve"}).encode()]

    assert broken(bare, sealed(end_of(LOG))) == "audit.log, line 1: it follows lines without a seal"
    assert broken([*bare, *LOG[1:]]) == "audit.log, line 2: it follows lines without a seal"
    assert broken(bare, bare) == "audit.log, line 1: it is no sealed line"


def test_a_name_that_looks_like_a_seal_is_a_name() -> None:
    body = json.dumps({"event": "open", "subject": '", "seal": "' + "0" * 64 + '"}', "previous": "0" * 64})
    line, _ = CHAIN.sealed(body, end_of(LOG))

    assert end_of([*LOG, line]).seq == 6


def test_nothing_is_neither_whole_nor_broken() -> None:
    assert CHAIN.verify([]) is None
    assert CHAIN.verify([("audit.log", [])]) is None


def test_a_short_key_seals_nothing() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Chain(b"short")

    assert str(caught.value) == (
        "MCP_AUDIT_KEY_FILE: its key has fewer than 32 bytes. Fill it with the output of `mcp-auth-ref secret new`"
    )
