"""What `import mcp_auth_ref` promises."""

import subprocess
import sys

import pytest

import mcp_auth_ref


def test_every_public_name_exists_and_says_what_it_is() -> None:
    """Our choice: a public name without a docstring is not finished. `ROLES` is data and is told by its module."""
    objects = {name: getattr(mcp_auth_ref, name) for name in mcp_auth_ref.__all__}

    assert [name for name, value in objects.items() if name != "ROLES" and not value.__doc__] == []


def test_dir_lists_the_public_names_and_nothing_else() -> None:
    assert dir(mcp_auth_ref) == sorted(mcp_auth_ref.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Tokens'"):
        mcp_auth_ref.__getattr__("Tokens")


def test_the_import_alone_loads_nothing_heavy() -> None:
    """Our choice: who only asks for help or explains an error does not wait for cryptography or a server."""
    heavy = ("cryptography", "fastapi", "jwt", "mcp", "pydantic", "starlette")
    program = f"import sys, mcp_auth_ref; print([name for name in {heavy} if name in sys.modules])"

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed == "[]\n"
