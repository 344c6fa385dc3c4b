"""Each bridge loads its own framework, and nothing else does."""

import subprocess
import sys

import pytest

FRAMEWORKS = {"fastapi", "fastmcp", "mcp"}
LOADED_BY = {
    "mcp_auth_ref": set(),
    "mcp_auth_ref.integrations": set(),
    "mcp_auth_ref.integrations.asgi": set(),
    "mcp_auth_ref.integrations.mcp_sdk": {"mcp"},
    "mcp_auth_ref.integrations.fastmcp": {"fastmcp", "mcp"},
    "mcp_auth_ref.integrations.fastapi": {"fastapi"},
}


@pytest.mark.parametrize("module", LOADED_BY)
def test_a_bridge_loads_its_own_framework_only(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert FRAMEWORKS & set(loaded) == LOADED_BY[module]
