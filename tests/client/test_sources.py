"""Where a token comes from, and what is refused in place of one."""

import inspect
import os
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_auth_ref import ConfigurationError, TokenFile, TokenVariable
from mcp_auth_ref.client.sources import CalledToken, FixedToken, Token, source_of, usable

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.sQ-_6"
TRAPS = {
    "": "it is empty",
    " \n": "it is empty",
    "${MCP_TOKEN}": "it holds a variable that nothing has expanded",
    "Bearer ${MCP_TOKEN}": "it holds a variable that nothing has expanded",
    "$MCP_TOKEN": "it holds a variable that nothing has expanded",
    "%MCP_TOKEN%": "it holds a variable that nothing has expanded",
    f"Bearer {TOKEN}": "it begins with Bearer, which the client writes itself",
    f"bearer {TOKEN}": "it begins with Bearer, which the client writes itself",
    f"Authorization: Bearer {TOKEN}": "it is the whole header field",
    f"{TOKEN}\n": "a line break follows it",
    f"{TOKEN}\r\n": "a line break follows it",
    f"{TOKEN[:20]}\n{TOKEN[20:]}": "a line break stands in it",
    f" {TOKEN}": "there is a space in it, or beside it",
    f"{TOKEN} x": "there is a space in it, or beside it",
    f'"{TOKEN}"': "it stands in quotation marks",
    f"\u2018{TOKEN}\u2019": "it stands in quotation marks",
    f"{TOKEN}…": "it holds a character that no token has",
    f"<{TOKEN}>": "it holds a character that no token has",
    f"{TOKEN}\u0131": "it holds a character that no token has",
    f"{TOKEN}\x00": "it holds a character that no token has",
}


@pytest.mark.parametrize(("text", "problem"), TRAPS.items())
def test_what_is_no_token_is_refused_by_what_is_wrong_and_without_a_part_of_it(text: str, problem: str) -> None:
    """RFC 6750, section 2.1, and what people paste in place of it."""
    with pytest.raises(ConfigurationError) as refused:
        source_of(text)

    assert (refused.value.setting, refused.value.problem) == ("token", problem)
    assert TOKEN[:8] not in str(refused.value)


@given(st.text(st.sampled_from("abcXYZ019-._~+/=eyJ")).filter(bool))
def test_every_token_of_the_allowed_characters_is_taken_as_it_is(text: str) -> None:
    """RFC 6750, section 2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`."""
    assert usable(text, "token") == text


@given(st.text())
def test_no_text_is_taken_that_would_break_out_of_its_header(text: str) -> None:
    """RFC 9110, section 5.5: what an HTTP header may not hold never gets there."""
    try:
        taken = usable(text, "token")
    except ConfigurationError:
        return

    assert taken.isascii()
    assert taken.isprintable()
    assert " " not in taken


def test_a_fixed_token_does_not_show_itself() -> None:
    assert TOKEN not in repr(FixedToken(TOKEN))


def test_a_function_is_asked_at_first_and_again_only_for_a_token_that_was_refused() -> None:
    answers = iter(["one", "two", "three"])
    source = source_of(lambda: next(answers))

    assert [source.token(refused) for refused in (None, None, "one", "one", None)] == [
        "one",
        "one",
        "two",
        "two",
        "two",
    ]


async def _later(value: object) -> object:
    return value


@pytest.mark.parametrize("function", [lambda: "one", lambda: _later("one")], ids=["plain", "asynchronous"])
def test_the_asynchronous_client_takes_a_function_of_either_kind(function: Callable[[], str]) -> None:
    assert anyio.run(source_of(function).token_async, None) == "one"


def test_of_many_at_once_one_asks_the_function() -> None:
    asked: list[str] = []

    async def issue() -> str:
        asked.append("again")
        await anyio.lowlevel.checkpoint()
        return f"token{len(asked)}"

    async def ask_all() -> None:
        source = source_of(issue)
        for refused in (None, "token1"):
            async with anyio.create_task_group() as tasks:
                for _ in range(50):
                    tasks.start_soon(source.token_async, refused)

    anyio.run(ask_all)

    assert asked == ["again", "again"]


def test_of_many_threads_one_asks_the_function() -> None:
    asked: list[str] = []

    def issue() -> str:
        asked.append("again")
        return "one"

    source = source_of(issue)
    threads = [threading.Thread(target=source.token, args=(None,)) for _ in range(20)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert asked == ["again"]


def test_a_function_whose_call_was_cancelled_is_asked_by_the_next() -> None:
    asked: list[str] = []

    async def issue() -> str:
        asked.append("again")
        if len(asked) == 1:
            await anyio.sleep_forever()
        return "one"

    async def cancel_first() -> str:
        source = source_of(issue)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(source.token_async, None)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        return await source.token_async(None)

    assert anyio.run(cancel_first) == "one"


@pytest.mark.parametrize(
    ("given_value", "problem"),
    [
        (None, "its function gives NoneType"),
        (b"one", "its function gives bytes"),
        ("one\n", "a line break follows it"),
        (_later("one"), "its function is asynchronous, and this client is not"),
    ],
    ids=["nothing", "bytes", "with a line break", "asynchronous"],
)
def test_what_a_function_gives_is_looked_at_as_closely(given_value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        source_of(lambda: given_value).token(None)

    assert refused.value.problem == problem
    assert not inspect.iscoroutine(given_value) or inspect.getcoroutinestate(given_value) == inspect.CORO_CLOSED


def test_a_variable_is_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_TOKEN", "one")
    source = TokenVariable()
    monkeypatch.setenv("MCP_TOKEN", "two")

    assert (source.token(None), anyio.run(source.token_async, None)) == ("two", "two")
    assert repr(source) == "TokenVariable(name='MCP_TOKEN')"


def test_a_variable_that_is_not_set_is_refused_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCP_TOKEN", raising=False)

    with pytest.raises(ConfigurationError, match=r"^MCP_TOKEN: it is not set"):
        TokenVariable("MCP_TOKEN")


def test_a_variable_that_holds_another_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_TOKEN", "${OTHER}")

    with pytest.raises(ConfigurationError, match=r"^MCP_TOKEN: it holds a variable that nothing has expanded"):
        TokenVariable("MCP_TOKEN")


def file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_is_read_anew_each_time_and_may_end_its_line(end: str, tmp_path: Path) -> None:
    path = file(tmp_path / "token", f"one{end}")
    source = TokenFile(path)
    first = source.token(None)
    file(path, f"two{end}")

    assert (first, source.token(None), anyio.run(source.token_async, None)) == ("one", "two", "two")
    assert TokenFile(str(path)) == source


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_file_that_others_may_read_or_change_is_refused(mode: int, tmp_path: Path) -> None:
    """Our choice, as `ssh` has it for its keys."""
    path = file(tmp_path / "token", "one", mode)

    with pytest.raises(ConfigurationError, match=r"others than its owner may read or change it. Run chmod 600 "):
        TokenFile(path)


def test_a_file_that_others_may_read_later_on_is_refused_then(tmp_path: Path) -> None:
    source = TokenFile(file(tmp_path / "token", "one"))
    source.path.chmod(0o644)

    with pytest.raises(ConfigurationError, match=r"others than its owner"):
        source.token("one")


def _missing(path: Path) -> Path:
    return path / "none"


def _folder(path: Path) -> Path:
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path / "pipe", 0o600)
    return path / "pipe"


def _two_lines(path: Path) -> Path:
    return file(path / "token", "one\ntwo\n")


def _letters_of_another_script(path: Path) -> Path:
    return file(path / "token", "ön\u0435")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_missing, "it cannot be read: no such file or directory"),
        (_folder, "it cannot be read: is a directory"),
        (_pipe, "it is not a plain file"),
        (_two_lines, "a line break stands in it"),
        (_letters_of_another_script, "it is not text"),
    ],
)
def test_what_is_no_file_with_one_token_is_refused(make: Callable[[Path], Path], problem: str, tmp_path: Path) -> None:
    path = make(tmp_path)

    with pytest.raises(ConfigurationError) as refused:
        TokenFile(path)

    assert (refused.value.setting, refused.value.problem) == (str(path), problem)


class Vault:
    """A source that somebody else wrote."""

    def token(self, refused: str | None) -> str:
        """Give the token."""
        return refused or "one"

    async def token_async(self, refused: str | None) -> str:
        """Give the token."""
        return refused or "two"


@pytest.mark.parametrize("source", [Vault(), FixedToken("one"), CalledToken(lambda: "one")])
def test_a_source_is_taken_as_it_is(source: Token) -> None:
    assert source_of(source) is source
