import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp.server.mcpserver.exceptions import ToolError

from mcp_auth_ref.demo import MAX_FILES, MAX_TEXT, Files, calculate, create_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a file in it, beside one with a secret."""
    (tmp_path / "secret").write_text("hands off", encoding="utf-8")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "hello.txt").write_text("Hello, Ada.", encoding="utf-8")
    return folder


def called(root: Path | None, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Call a tool through the SDK's client; give whether it failed, and what it said."""

    async def call() -> tuple[bool, str]:
        async with Client(create_server(root)) as client:
            result = await client.call_tool(tool, arguments)
            return result.is_error is True, " ".join(getattr(block, "text", "") for block in result.content)

    return anyio.run(call)


def test_it_has_seven_tools() -> None:
    """What the package ships: files of a sandboxed folder, a calculator, an echo, a slow tool, a failing tool."""

    async def names() -> list[str]:
        async with Client(create_server(None)) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert anyio.run(names) == ["list_files", "read_file", "write_file", "calculate", "echo", "sleep", "fail"]


def test_a_file_that_was_written_is_listed_and_read(folder: Path) -> None:
    """Our choice: the tools do what they say."""
    assert called(folder, "write_file", name="note.txt", content="née Byron") == (False, "wrote 10 bytes")
    assert Files(folder).list_files() == ["hello.txt", "note.txt"]
    assert called(folder, "read_file", name="note.txt") == (False, "née Byron")
    assert (folder / "note.txt").stat().st_mode & 0o077 == 0


def test_writing_again_leaves_nothing_of_what_was_there(folder: Path) -> None:
    """Our choice: a file is replaced whole."""
    Files(folder).write_file("hello.txt", "Hi.")

    assert (folder / "hello.txt").read_text(encoding="utf-8") == "Hi."


NAMES = [
    "../secret",
    "..",
    ".",
    "",
    "/etc/passwd",
    "a/../../secret",
    "..\\secret",
    "C:secret",
    "hello.txt\x00.png",
    "hello.txt\n",
    ".env",
    "a" * 101,
    "inner/hello.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    """OWASP, path traversal: a name is one name, and nothing hidden has one."""
    (folder / ".env").write_text("hands off", encoding="utf-8")
    (folder / "inner").mkdir()
    before = sorted(folder.parent.rglob("*"))

    for tool, arguments in (("read_file", {}), ("write_file", {"content": "gotcha"})):
        assert called(folder, tool, name=name, **arguments) == (
            True,
            f"Error executing tool {tool}: a file name is one name, without folders, and does not start with a dot",
        )
    assert sorted(folder.parent.rglob("*")) == before


@given(name=st.text())
def test_a_name_is_taken_as_it_is_or_not_at_all(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Fuzzed: nothing but a ToolError comes out, and what was written is in the folder under that very name."""
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        Files(folder).write_file(name, "x")
    except ToolError:
        assert list(folder.iterdir()) == []
    else:
        assert [path.name for path in folder.iterdir()] == [name]


def test_no_link_leads_out_of_the_folder(folder: Path) -> None:
    """CWE-59: a link is not followed, neither to a file nor to a folder, for reading or writing."""
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "new").symlink_to(folder.parent / "created")
    files = Files(folder)

    assert files.list_files() == ["hello.txt"]
    with pytest.raises(ToolError):
        files.read_file("link")
    with pytest.raises(ToolError):
        files.write_file("link", "gotcha")
    with pytest.raises(ToolError):
        files.write_file("new", "gotcha")
    assert (folder.parent / "secret").read_text(encoding="utf-8") == "hands off"
    assert not (folder.parent / "created").exists()


def test_what_is_no_plain_file_is_not_opened(folder: Path) -> None:
    """Our choice: a pipe would keep the server waiting, a folder is not text."""
    os.mkfifo(folder / "pipe")
    (folder / "inner").mkdir()
    files = Files(folder)

    assert files.list_files() == ["hello.txt"]
    for name in ("pipe", "inner"):
        with pytest.raises(ToolError):
            files.read_file(name)
        with pytest.raises(ToolError):
            files.write_file(name, "x")


def test_files_have_a_greatest_size(folder: Path) -> None:
    """Our choice: 64 KiB of UTF-8, to read and to write."""
    files = Files(folder)
    (folder / "large").write_bytes(b"x" * (MAX_TEXT + 1))

    files.write_file("full", "x" * MAX_TEXT)
    assert len(files.read_file("full")) == MAX_TEXT
    with pytest.raises(ToolError, match="more than 65536 bytes"):
        files.read_file("large")
    with pytest.raises(ToolError, match="more than 65536 bytes"):
        files.write_file("full", "é" * MAX_TEXT)
    assert called(folder, "write_file", name="full", content="x" * (MAX_TEXT + 1))[0]


def test_the_folder_takes_so_many_files_and_no_more(folder: Path) -> None:
    """Our choice: a demonstration does not fill a disk."""
    for number in range(MAX_FILES - 1):
        (folder / str(number)).touch()
    files = Files(folder)

    files.write_file("hello.txt", "replaced")
    with pytest.raises(ToolError, match="takes no more"):
        files.write_file("one-more", "x")


def test_what_cannot_be_read_is_named_without_its_place(folder: Path) -> None:
    """CWE-209: a caller need not know where on this machine."""
    (folder / "picture").write_bytes(b"\xff\xfe")

    assert called(folder, "read_file", name="missing") == (
        True,
        "Error executing tool read_file: no such file or directory",
    )
    assert called(folder, "read_file", name="picture")[1].endswith("the file is not text in UTF-8")


def test_a_name_that_no_system_takes_is_refused(folder: Path) -> None:
    """Our choice: half a surrogate pair, or more bytes than a name may have, is a tool error."""
    for name in ("\ud800", "é" * 100 + "漢" * 100):
        with pytest.raises(ToolError):
            Files(folder).read_file(name)


def test_without_a_folder_the_tools_for_files_say_so() -> None:
    """Our choice: no folder is chosen in silence."""
    for tool, arguments in (
        ("list_files", {}),
        ("read_file", {"name": "a"}),
        ("write_file", {"name": "a", "content": ""}),
    ):
        assert called(None, tool, **arguments) == (
            True,
            f"Error executing tool {tool}: this server has no folder for files: set MCP_FILES_ROOT",
        )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 * (3 + 4)", 14),
        ("-7 // 2", -4),
        ("7 % 4", 3),
        ("2 ** 10", 1024),
        ("1 / 4", 0.25),
        ("1e3 + .5", 1000.5),
        (" +1 ", 1),
        ("10 ** 30", 10**30),
    ],
)
def test_it_calculates(expression: str, value: float) -> None:
    """Our choice: Python's arithmetic."""
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "1 +",
        "e",
        "__import__('os')",
        "(1).real",
        "1 .e",
        "1, 2",
        "(1)(2)",
        "9 ** 9 ** 9",
        "(10 ** 30) ** 100 ** 1",
        "2 ** 101",
        "1e400",
        "1e308 * 10",
        "1e400 - 1e400",
        "1 / 0",
        "0 ** -1",
        "(-8) ** .5",
        "9" * 200,
        "1" * 201,
        "(" * 100 + "1" + ")" * 100,
        "-" * 199 + "1e",
        "1\n+ 1",
        "\ud800",
        "１",  # noqa: RUF001 - a digit of another script
        "0777",
    ],
)
def test_it_calculates_nothing_else(expression: str) -> None:
    """CWE-95: no names, no calls, no numbers that take long."""
    with pytest.raises(ToolError):
        calculate(expression)


@given(expression=st.text("0123456789.eE+-*/%() ", max_size=60))
def test_whatever_the_expression_the_answer_is_a_number_or_a_tool_error(expression: str) -> None:
    """Fuzzed: nothing else comes out."""
    try:
        value = calculate(expression)
    except ToolError:
        return
    assert abs(value) <= 10**30


def test_echo_gives_the_text_back() -> None:
    """Our choice: at most 64 KiB."""
    assert called(None, "echo", text="Hello, 世界") == (False, "Hello, 世界")
    assert called(None, "echo", text="x" * (MAX_TEXT + 1))[0]


def test_sleep_takes_its_time_within_bounds() -> None:
    """Our choice: at most ten seconds, for a caller may be many."""
    assert called(None, "sleep", seconds=0.01) == (False, "slept for 0.01 seconds")
    for seconds in (-1, 11, "nan", 1e400):
        assert called(None, "sleep", seconds=seconds)[0]


def test_fail_fails() -> None:
    """MCP 2026-07-28, tools: a failure is a result with `isError`."""
    assert called(None, "fail") == (True, "Error executing tool fail: this tool always fails")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("read_file", {"name": 7}), ("calculate", {}), ("echo", {"text": None}), ("no such tool", {})],
)
def test_a_bad_argument_is_a_tool_error_without_a_traceback(tool: str, arguments: dict[str, Any]) -> None:
    """MCP 2026-07-28, tools: the model may read it and do better."""
    failed, text = called(None, tool, **arguments)

    assert failed
    assert "Traceback" not in text
    assert 'File "' not in text
