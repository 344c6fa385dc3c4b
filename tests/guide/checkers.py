"""Ask what others have written for the purpose: shellcheck about the shell blocks of a page, tsc about TypeScript."""

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.guide.runners import NODE, SCRIPTS, Step

TSC = ("node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--skipLibCheck", "--types", "node")
ESM = ("--module", "nodenext", "--moduleDetection", "force", "--target", "es2024")
# What Node runs as it is: types that can be erased, and imports that name the file.
AS_NODE_RUNS_IT = ("--erasableSyntaxOnly", "--verbatimModuleSyntax", "--allowImportingTsExtensions")


def shellcheck(steps: Iterable[Step]) -> list[str]:
    """Check the shell blocks of one page as the one script they are to the shell of their reader."""
    script, places = ["set -eu -o pipefail"], ["the first line"]
    for step in steps:
        if step.is_shell:
            lines = step.text.rstrip("\n").split("\n")
            script += lines
            places += [f"{step.place}: snippets/{step.snippet}:{number}" for number in range(1, len(lines) + 1)]
    about_files_made_at_run_time = "--exclude=SC1091"
    command = [f"{SCRIPTS}/shellcheck", "--shell=bash", "--format=json", about_files_made_at_run_time, "-"]
    checked = subprocess.run(command, input="\n".join(script) + "\n", capture_output=True, text=True, check=False)
    return [
        f"{places[found['line'] - 1]}: SC{found['code']} {found['message']}" for found in json.loads(checked.stdout)
    ]


def typescript(files: Iterable[Path], root: Path) -> list[str]:
    """Compile all files at once, strictly, with the Node tools of `root`; give what tsc complains of."""
    command = [f"{NODE}/node", *TSC, *ESM, *AS_NODE_RUNS_IT, *map(str, files)]
    compiled = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    complaints = re.findall(r"^.+\.ts\(.+", compiled.stdout, re.MULTILINE)
    assert bool(complaints) == bool(compiled.returncode), compiled.stdout + compiled.stderr
    return complaints
