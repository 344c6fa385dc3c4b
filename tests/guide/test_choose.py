"""What the page on shared secrets and key pairs says beyond what its walk shows."""

import json
import re

from mcp_auth_ref.cli.commands import new_key
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/security/choose.md").read_text()
SHOWN = ROOT / "snippets/choose"
MEASURED = json.loads((ROOT / "tests/data/measured.json").read_text())


def cost(algorithm: str, contender: str) -> float:
    """Look a figure up in the record of the benchmark, in microseconds."""
    (row,) = (row for row in MEASURED["rows"] if (row["group"], row["contender"]) == (f"verify {algorithm}", contender))
    assert row["unit"] == "µs"
    return float(row["value"])


def test_the_costs_are_those_that_were_recorded() -> None:
    printed = re.findall(r"^\| (\w+) \| ([\d.]+) µs \| ([\d.]+) µs \| ([\d.]+) µs \|$", PAGE, re.MULTILINE)

    assert [row[0] for row in printed] == ["HS256", "RS256", "ES256", "EdDSA"]
    for algorithm, *figures in printed:
        assert [f"{cost(algorithm, name):.1f}" for name in ("PyJWT", "ours", "ours, cached")] == figures


def test_the_record_says_where_and_when() -> None:
    assert (MEASURED["date"][:10], MEASURED["python"]) == ("2026-11-28", "3.11.7")
    assert "28 November 2026 (Python 3.11.7 on two cores of an AMD EPYC" in PAGE
    assert MEASURED["machine"].endswith("AMD EPYC")


def test_seen_before_it_makes_no_difference_what_signed() -> None:
    """No more than a microsecond, where the signatures differ by a hundred."""
    cached = [cost(algorithm, "ours, cached") for algorithm in ("HS256", "RS256", "ES256", "EdDSA")]

    assert max(cached) - min(cached) < 1
    assert cost("EdDSA", "ours") - cost("HS256", "ours") > 100


def test_rs256_checks_fastest_of_the_key_pairs() -> None:
    assert cost("RS256", "ours") < cost("ES256", "ours") < cost("EdDSA", "ours")


def test_es256_is_the_default_of_a_new_key() -> None:
    (option,) = (parameter for parameter in new_key.params if parameter.name == "algorithm")

    assert "or else ES256" in str(getattr(option, "help", ""))


def test_the_minted_token_is_valid_and_nothing_forged_without_the_private_key_is() -> None:
    forged = (SHOWN / "run.out").read_text().splitlines()

    assert (SHOWN / "shared.out").read_text().startswith("valid: mallory")
    assert len(forged) == 3
    assert not [line for line in forged if line.endswith("accepted")]
