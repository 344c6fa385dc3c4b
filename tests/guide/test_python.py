"""The page of Python names and the package hold each other: each public name is on it, each name on it is public."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from importlib import import_module
from operator import attrgetter

import pytest
from pydantic import ValidationError

import mcp_auth_ref
from mcp_auth_ref import Claims, KeySet, Settings, SigningKey, TokenIssuer, TokenVerifier, TrustedIssuers
from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/reference/python.md").read_text()
BEGINNING, MODULES = PAGE.split("## Inside other servers")
BRIDGES = ("asgi", "mcp_sdk", "fastmcp", "fastapi")


def shown(part: str) -> Iterator[str]:
    """Give what is inserted from docstrings: a path, or the members of the module at it."""
    for path, options in re.findall(r"^::: (\S+)\n((?:    .*\n)*)", part + "\n", re.MULTILINE):
        members = re.search(r"members: \[(.*)\]", options)
        is_module = members and path.rpartition(".")[2].islower()
        yield from (f"{path}.{name}" for name in members[1].split(", ")) if members and is_module else (path,)


def at(path: str) -> object:
    module, _, name = path.rpartition(".")
    return attrgetter(name)(import_module(module))


def test_every_public_name_is_on_the_page_and_no_other() -> None:
    names = {path.rpartition(".")[2]: at(path) for path in shown(BEGINNING)}

    assert sorted(names) == sorted(mcp_auth_ref.__all__)
    assert {name: getattr(mcp_auth_ref, name) for name in names} == names


def test_every_name_of_the_bridges_is_on_the_page() -> None:
    bridges = [import_module(f"mcp_auth_ref.integrations.{name}") for name in BRIDGES]
    defined = {
        f"{module.__name__}.{name}"
        for module in bridges
        for name, value in vars(module).items()
        if not name.startswith("_") and inspect.getmodule(value) is module and callable(value)
    }

    assert sorted(path.name for path in (ROOT / "src/mcp_auth_ref/integrations").glob("[!_]*.py")) == sorted(
        f"{name}.py" for name in BRIDGES
    )
    assert defined == {path for path in shown(MODULES) if ".integrations." in path}


def test_every_name_that_the_guide_takes_out_of_a_module_of_servers_is_on_the_page() -> None:
    programs = [ast.parse(path.read_text()) for path in (ROOT / "snippets").rglob("*.py")]
    imports = [node for program in programs for node in ast.walk(program) if isinstance(node, ast.ImportFrom)]
    taken = {f"{node.module}.{alias.name}" for node in imports for alias in node.names}
    of_servers = {name for name in taken if name.startswith(("mcp_auth_ref.integrations.", "mcp_auth_ref.server.mcp."))}

    assert of_servers
    assert of_servers <= set(shown(MODULES))
    assert all(map(at, shown(MODULES)))


KEYS = KeySet([SigningKey.from_secret(b"demonstration-secret-never-use-it-in-production")])
VERIFIER = TokenVerifier(issuer="http://127.0.0.1:8765", audience="http://127.0.0.1:8765/mcp", keys=KEYS)


@pytest.mark.parametrize(
    "value",
    [
        KEYS,
        KEYS.signing_key,
        VERIFIER,
        TrustedIssuers((VERIFIER,)),
        TokenIssuer(issuer="http://127.0.0.1:8765", audience="http://127.0.0.1:8765/mcp", keys=KEYS),
        Claims({}),
    ],
)
def test_values_are_frozen(value: KeySet) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().leeway = 60
