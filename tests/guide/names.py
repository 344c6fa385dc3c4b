"""Look up what prose names: a flag, variable, route, code or symbol in a sentence must exist.

`unknown(page, …)` gives the words in a page's inline code that are neither in the `Inventory` nor in a snippet that the
page shows, and so runs.
"""

import asyncio
import importlib
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import click
import httpx2
import mcp.shared.auth

from mcp_auth_ref.app import create_app
from mcp_auth_ref.cli.commands import PROGRAMS
from mcp_auth_ref.core.scopes import ROLES
from mcp_auth_ref.settings import DEMONSTRATION_SECRET, Settings, variable
from tests.guide.fences import Page, scan

CODE = re.compile(r"(?<!`)(`+)(?P<code>[^`].*?)\1(?!`)")
COMMENT = re.compile(r"<!--.*?-->")
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
ROUTE = re.compile(r"(?:(?P<method>GET|POST|PUT|DELETE|OPTIONS) )?(?P<path>/[\w.{}/-]*)")
SCOPE = re.compile(r"\bmcp:[a-z]+(?::[a-z]+)?\b")
SNAKE = re.compile(r"(?<![\w./-])[a-z]+(?:_[a-z0-9]+)+(?![\w./-])")
CAMEL = re.compile(r"(?<![\w.])(?=\w*[a-z])(?=\w*[A-Z]\w*[A-Z])[A-Z][A-Za-z0-9]+\b")
DOTTED = re.compile(r"(?<![\w./-])[a-z]\w*(?:\.[A-Za-z]\w*)+(?![\w/-])")
PINNED = re.compile(r"\b([a-z][\w-]*)(?:\[[\w,]+\])?==([\w.]+)")
SESSION = re.compile(r"\bnox -s (\w+)")
LIBRARIES = ("mcp_auth_ref", "mcp", "fastmcp", "fastapi", "starlette", "jwt", "httpx2", "pydantic", "click", "builtins")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What exists. Commands have their full names and their flags; words are those of the source, ours and OAuth's."""

    commands: Mapping[str, frozenset[str]] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    has_route: Callable[[str, str], bool] = lambda _method, _path: False
    scopes: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    pinned: Mapping[str, str] = field(default_factory=dict)
    sessions: frozenset[str] = frozenset()

    def command_in(self, code: str) -> str | None:
        """Name the command that a piece of code begins with, as far as its words go, whether or not it exists."""
        name, *words = code.split()
        for word in words:
            if not any(other.startswith(f"{name} ") for other in self.commands) or not word.isalpha():
                break
            name += f" {word}"
        return name if name.split()[0] in self.commands else None


def unknown(page: Page, root: Path, known: Inventory) -> list[str]:
    """Say which words of a page's inline code exist nowhere, and where they stand."""
    shown = " ".join(block.text for block in page.blocks)
    return [
        f"{place}: `{code}` names {word}, which does not exist"
        for place, code in _inline_code(page, root)
        for word, exists in _claims(code, known)
        if not exists and not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", shown)
    ]


def _claims(code: str, known: Inventory) -> Iterator[tuple[str, bool]]:
    """Yield each word of a piece of code that claims to be a name of something, and whether it is."""
    command = known.command_in(code)
    flags = known.flags if command is None else known.commands.get(command, frozenset())
    if command is not None:
        yield command, command in known.commands
    for word in FLAG.findall(code):
        yield word, word in flags
    for word in VARIABLE.findall(code):
        yield word, word in (known.variables if word.startswith("MCP_") else known.words)
    if route := ROUTE.fullmatch(code):
        yield code, known.has_route(route["method"] or "", route["path"])
    for word in SCOPE.findall(code):
        yield word, word in known.scopes
    for word in SNAKE.findall(code):
        yield word, word in known.words
    for word in CAMEL.findall(code):
        yield word, word in known.words or any(hasattr(importlib.import_module(name), word) for name in LIBRARIES)
    for word in DOTTED.findall(code):
        yield word, word.partition(".")[0] not in LIBRARIES or _resolves(word)
    for name, version in PINNED.findall(code):
        yield f"{name}=={version}", known.pinned.get(name) == version
    for word in SESSION.findall(code):
        yield word, word in known.sessions


def _resolves(dotted: str) -> bool:
    """Tell whether `package.module.Name.attribute` leads somewhere."""
    parts = dotted.split(".")
    found: object = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            try:
                importlib.import_module(".".join(parts[:number]))
            except ImportError:
                return False
        found = getattr(found, part)
    return True


def _inline_code(page: Page, root: Path) -> Iterator[tuple[str, str]]:
    """Yield what stands between backticks in sentences, here and in printed Markdown, and the code in diagrams."""
    yield from _between_backticks((root / page.path).read_text(), page.path)
    for block in page.blocks:
        if not block.fenced and str(block.snippet).endswith(".out"):
            yield from _between_backticks(block.text, f"{block.place}: snippets/{block.snippet}")
        if str(block.snippet).endswith(".svg"):
            drawn = (
                element for element in ElementTree.fromstring(block.text).iter() if element.get("class") == "d-code"
            )
            yield from ((block.place, "".join(element.itertext())) for element in drawn)


def _between_backticks(text: str, name: str) -> Iterator[tuple[str, str]]:
    for written in scan(text):
        if written.info is not None and name.endswith(".out"):
            yield from ((f"{name}:{written.line}", line) for line in written.body if line.strip())
        elif written.info is None:
            for match in CODE.finditer(COMMENT.sub("", written.body[0])):
                yield f"{name}:{written.line}", match["code"].strip()


def take_stock(root: Path) -> Inventory:
    """Ask the package, its lock file and its sessions what there is."""
    granted = {tuple(scope.split(":")) for scope in ROLES["superadmin"]}
    commands = {name: flags for program, command in PROGRAMS.items() for name, flags in _commands(program, command)}
    sources = (root / name for name in ("tests/conftest.py", "tests/guide/live.py"))
    options = [flag for source in sources for flag in re.findall(r'"(--\w+)"', source.read_text())]
    source = [path.read_text() for path in sorted((root / "src").rglob("*.py"))] + [inspect.getsource(mcp.shared.auth)]
    locked = re.findall(r"^(\S+)==(\S+)", (root / "requirements.lock").read_text(), re.MULTILINE)
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return Inventory(
        commands=commands,
        flags=frozenset().union(options, *commands.values()),
        variables=frozenset({*map(variable, Settings.model_fields), *_variables(PROGRAMS.values())}),
        has_route=_answers,
        scopes=frozenset(":".join(scope[:length]) for scope in granted for length in (2, 3)),
        words=frozenset({*re.findall(r"\w+", " ".join(source)), *_counters(root)}),
        pinned={**dict(locked), project["name"]: project["version"]},
        sessions=frozenset(re.findall(r"^def (\w+)\(session", (root / "noxfile.py").read_text(), re.MULTILINE)),
    )


def _counters(root: Path) -> Iterator[str]:
    """Yield the names of counters as Prometheus shows them: it is given them without their ending."""
    names = re.findall(r'"(mcp_\w+)"', (root / "src/mcp_auth_ref/metrics.py").read_text())
    yield from (f"{name}_total" for name in names)


def _answers(method: str, path: str) -> bool:
    """Tell whether the server has something at an address, as its own answer or its OpenAPI document says.

    Without a method, any will do.
    """
    variables = {"MCP_JWT_SECRET": DEMONSTRATION_SECRET.decode(), "MCP_STORE_URL": "memory:"}
    app = create_app(Settings.load(environ=variables, cwd=Path(__file__).parent))

    async def ask() -> bool:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8765") as client:
            if path.startswith("/api/v1/mcp/"):
                operations = (await client.get("/api/v1/openapi.json")).json()["paths"]
                return any(
                    (not method or method.lower() in methods) and re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path)
                    for known, methods in operations.items()
                )
            status = (await client.request(method or "GET", path)).status_code
            return status != 404 and (status != 405 or not method)

    return asyncio.run(ask())


def _commands(name: str, command: click.Command) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield a command and, below it, its own, each with its flags."""
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    yield name, frozenset({*flags, "--help"})
    for child, inner in getattr(command, "commands", {}).items():
        yield from _commands(f"{name} {child}", inner)


def _variables(commands: Iterable[click.Command]) -> Iterator[str]:
    """Yield the variables that commands read by themselves."""
    for command in commands:
        yield from (str(parameter.envvar) for parameter in command.params if parameter.envvar)
        yield from _variables(getattr(command, "commands", {}).values())
