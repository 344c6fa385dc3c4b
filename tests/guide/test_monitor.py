"""What the page on monitoring says: that each name in its files exists, and that every alert is tested or explained."""

import json
import re

import pytest
import yaml

from mcp_auth_ref.metrics import Metrics
from mcp_auth_ref.settings import Settings
from tests.guide.conftest import ROOT

FOLDER = ROOT / "snippets/monitor"
PAGE = (ROOT / "docs/how-to/monitor.md").read_text()
METRICS = dict(
    re.findall(r"^\| `(\w+)` \| ([^|]*) \|", (FOLDER / "table.out").read_text(), re.MULTILINE),
)
SUFFIXES = ("_bucket", "_sum", "_count")
QUERIES = [
    target["expr"]
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    for target in panel["targets"]
]
RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"][0]["rules"]
EXPRESSIONS = [*QUERIES, *(rule["expr"] for rule in RULES)]
OF_PROMETHEUS = {"up"}


def metric_of(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def names_in(text: str) -> set[str]:
    return {metric_of(name) for name in re.findall(r"\b(?:mcp|process)_\w+", text)}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_in_a_query_or_a_rule_exists(expression: str) -> None:
    """A renamed metric would leave a panel empty and an alert silent for ever."""
    assert names_in(expression) <= METRICS.keys()
    assert names_in(expression) or OF_PROMETHEUS & set(re.findall(r"\w+", expression))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_label_in_a_query_or_a_rule_is_one_of_the_metric(expression: str) -> None:
    known = {label for name in names_in(expression) for label in re.findall(r"`(\w+)`", METRICS[name])}
    by = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
    matched = set(re.findall(r"[{,]\s*(\w+)\s*[=!]", expression))

    assert by | matched <= known | {"le", "instance", "job"}


def test_the_page_on_auditing_names_metrics_that_exist() -> None:
    assert names_in(re.sub(r"\W`|`\W", " ", (ROOT / "docs/how-to/audit.md").read_text())) - {"mcp_auth_ref"} <= (
        METRICS.keys()
    )


def test_every_event_and_code_in_a_query_or_a_rule_exists() -> None:
    page = Metrics().page()[0].decode()
    series = set(re.findall(r'mcp_auth_events_total\{code="(\w*)",event="(\w+)"\}', page))
    for expression in EXPRESSIONS:
        events = re.findall(r'event="(\w+)"', expression)
        codes = [code for found in re.findall(r'code=~?"([\w|]+)"', expression) for code in found.split("|")]
        assert {(code, event) for event in events for code in codes or [""]} <= series | {("", "refuse")}


def test_the_alerts_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`(Mcp\w+)`", PAGE))

    assert named <= {rule["alert"] for rule in RULES}


def test_every_alert_says_what_has_happened() -> None:
    assert all(rule["annotations"]["summary"] for rule in RULES)


def test_each_panel_was_asked_for_in_the_walk() -> None:
    printed = (FOLDER / "watch.out").read_text()

    assert printed.count("\n") == len(QUERIES)


def test_the_token_of_prometheus_lives_as_long_as_it_may() -> None:
    assert Settings().max_token_age == 24 * 3600
    assert "--expiry 24" in (FOLDER / "token.sh").read_text()
