"""The demonstration MCP server: files of one folder, a calculator, an echo, a slow tool and a failing one.

Small, and safe to leave running: nothing it is asked can leave its folder, run code or take long.
"""

import ast
import operator
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeAlias

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

TITLE = "Demonstration server"
INSTRUCTIONS = "Tools to try authorization with: write_file needs a scope that the others do not."
FILES_WRITE = "files:write"
TOOL_SCOPES: Mapping[str, tuple[str, ...]] = {"write_file": (FILES_WRITE,)}

MAX_TEXT = 64 * 1024
MAX_FILES = 100
MAX_SECONDS = 10

FileName: TypeAlias = Annotated[str, Field(description="One name, without folders, that does not start with a dot.")]
Text: TypeAlias = Annotated[str, Field(max_length=MAX_TEXT)]


def create_server(files_root: Path | None) -> MCPServer:
    """Return the server. Without a folder, the tools for files say that there is none."""
    server = MCPServer(
        "mcp-auth-ref",
        title=TITLE,
        version=version("mcp-auth-ref"),
        instructions=INSTRUCTIONS,
    )
    files = Files(files_root)
    for tool in (files.list_files, files.read_file, files.write_file, calculate, echo, sleep, fail):
        server.add_tool(tool)
    return server


@dataclass(frozen=True, slots=True)
class Files:
    """The plain files of one folder: no folders within it, no links out of it, nothing hidden."""

    root: Path | None

    def list_files(self) -> list[str]:
        """List the names of the files."""
        with _told_to_the_caller(), os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        return sorted(filter(_is_plain, names))

    def read_file(self, name: FileName) -> str:
        """Read a text file of at most 64 KiB."""
        with _told_to_the_caller(), os.fdopen(self._open(name, os.O_RDONLY), "rb") as file:
            content = file.read(MAX_TEXT + 1)
        if len(content) > MAX_TEXT:
            raise ToolError(f"the file has more than {MAX_TEXT} bytes")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise ToolError("the file is not text in UTF-8") from None

    def write_file(self, name: FileName, content: Text) -> str:
        """Write a text file of at most 64 KiB, in place of the one that has the name."""
        data = content.encode("utf-8", "replace")
        if len(data) > MAX_TEXT:
            raise ToolError(f"the content has more than {MAX_TEXT} bytes")
        names = self.list_files()
        if name not in names and len(names) >= MAX_FILES:
            raise ToolError(f"the folder has {MAX_FILES} files, and takes no more")
        with _told_to_the_caller(), os.fdopen(self._open(name, os.O_WRONLY | os.O_CREAT), "wb") as file:
            file.truncate()
            file.write(data)
        return f"wrote {len(data)} bytes"

    @property
    def _folder(self) -> Path:
        if self.root is None:
            raise ToolError("this server has no folder for files: set MCP_FILES_ROOT")
        return self.root

    def _open(self, name: str, flags: int) -> int:
        """Open a plain file of the folder. What has another name or is anything else is not opened."""
        if not _is_plain(name):
            raise ToolError("a file name is one name, without folders, and does not start with a dot")
        # No link is followed, and a pipe does not keep us waiting; where the system has neither, the flags are 0.
        careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self._folder / name, flags | careful, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ToolError("this is not a plain file")
        return descriptor


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[^./\\:\x00-\x1f\x7f][^/\\:\x00-\x1f\x7f]{0,99}", name) is not None


@contextmanager
def _told_to_the_caller() -> Iterator[None]:
    """Tell the caller what the system said, and not where on this machine."""
    try:
        yield
    except OSError as error:
        raise ToolError(str(error.strerror).lower()) from None
    except ValueError:
        raise ToolError("there can be no file of that name") from None


Number: TypeAlias = int | float

LARGEST = 10**30
_CHARACTERS = re.compile(r"[0-9.eE+\-*/%() ]{1,200}")
_SIGNS: Mapping[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > 100:
        raise ToolError("the exponent is beyond 100")
    result: Number | complex = base**exponent
    if isinstance(result, complex):
        raise ToolError("the result is not a real number")
    return result


_OPERATIONS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}


def calculate(expression: Annotated[str, Field(examples=["2 * (3 + 4)"])]) -> Number:
    """Calculate with + - * / // % ** and brackets."""
    if not _CHARACTERS.fullmatch(expression):
        raise ToolError("an expression has at most 200 characters: digits, + - * / % . ( ) and spaces")
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, MemoryError, RecursionError):
        raise ToolError("this is not an expression") from None
    except ArithmeticError as error:
        raise ToolError(str(error)) from None


def _value(node: ast.expr) -> Number:
    """Calculate a node from its parts. Only numbers and the operations above are known, so there is nothing to run."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        value: Number = node.value
    elif isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
        value = _SIGNS[type(node.op)](_value(node.operand))
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        value = _OPERATIONS[type(node.op)](_value(node.left), _value(node.right))
    else:
        raise ToolError("this is not an expression of numbers")
    if abs(value) > LARGEST:
        raise ToolError(f"a number on the way is beyond {LARGEST:.0e}")
    return value


def echo(text: Text) -> str:
    """Give the text back."""
    return text


async def sleep(seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]) -> str:
    """Take so many seconds, at most ten."""
    await anyio.sleep(seconds)
    return f"slept for {seconds:g} seconds"


def fail() -> str:
    """Fail, always."""
    raise ToolError("this tool always fails")
