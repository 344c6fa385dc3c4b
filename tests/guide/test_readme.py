"""The two commands of the README are the ones that CI runs."""

import re

from tests.guide.conftest import ROOT


def test_ci_runs_both_commands_of_the_readme_as_they_stand() -> None:
    commands = re.findall(r"\| `(python -m pip install nox && [^`]+)` \|", (ROOT / "README.md").read_text())

    ran = (ROOT / ".ci/run").read_text().splitlines()

    assert commands == [
        "python -m pip install nox && python -m nox -s guide",
        "python -m pip install nox && python -m nox -s tests",
    ]
    assert [any(line.startswith(command) for line in ran) for command in commands] == [True, True]


def test_the_quickstart_beside_the_readme_installs_what_the_readme_names() -> None:
    assert '".[server]"' in (ROOT / "README.md").read_text()
    assert '"./mcp-auth-ref[server]"' in (ROOT / "snippets/quickstart/install.sh").read_text()
