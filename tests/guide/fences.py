"""Read what each page shows: its fences and its includes, and whether they may stand there.

`pages(root)` reads the guide. A `Page` has its blocks from top to bottom, and `problems`: what is wrong, and where.
`orphans(root)` names the snippets that no page shows.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = {".py": ("python",), ".sh": ("sh",), ".ts": ("ts",)}
FILES = {
    ".json": ("json",),
    ".yaml": ("yaml",),
    ".toml": ("toml",),
    ".env": ("ini",),
    ".conf": ("nginx",),
    ".js": ("js",),
}
LANGUAGES = {**PROGRAMS, **FILES, ".out": ("text", "json", "http")}
OUTSIDE_A_FENCE = (".out", ".svg")

FENCE = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)")
INFO = re.compile(r'(?P<language>[a-z]+)(?P<options>(?: (?:title="[^"]+"|hl_lines="[\d -]+"))*)')
INCLUDE = re.compile(r'\s*--8<-- "(?P<path>[^":]+)(?::(?P<section>[a-z][\w-]*))?"')
COPY_OF = re.compile(r"\s*<!-- snippet: (?P<path>[^\s:]+)(?::(?P<section>[a-z][\w-]*))? -->")
MARKER = re.compile(r"\s*(?:#|//) --8<-- \[(?P<edge>start|end):(?P<name>[a-z][\w-]*)\]")
RAW = re.compile(r"\s*(?:-+8<-+|<(?:pre|svg|table)\b)")


class GuideError(Exception):
    """Something on a page, or in a snippet, that the guide does not allow."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fence, or one include outside a fence; `text` is what the reader's browser has in its `<code>` element."""

    page: str
    line: int
    text: str
    snippet: str | None
    title: str | None = None
    fenced: bool = True

    @property
    def place(self) -> str:
        """Name page and line, as compilers do."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file of the guide."""

    path: str
    blocks: tuple[Block, ...]
    problems: tuple[str, ...]

    @property
    def stem(self) -> str:
        """Give the word that page, snippet folder and test file share."""
        return Path(self.path).stem.lower()

    def place_of(self, snippet: str) -> str:
        """Name the line where a snippet stands first."""
        return next((block.place for block in self.blocks if block.snippet == snippet), self.path)


@dataclass(frozen=True, slots=True)
class Written:
    """A fence, or a line outside one (then `info` is None), before anything is looked up."""

    line: int
    info: str | None
    body: tuple[str, ...]
    above: str


def pages(root: Path) -> list[Page]:
    """Read every page: `docs/**/*.md` and `README.md`."""
    return [read(path, root) for path in (*sorted(root.glob("docs/**/*.md")), root / "README.md") if path.exists()]


def read(path: Path, root: Path) -> Page:
    """Read one page; a block that may not stand there is a problem instead of a block."""
    page = path.relative_to(root).as_posix()
    blocks: list[Block] = []
    problems: list[str] = []
    for written in scan(path.read_text()):
        try:
            if written.info is not None or RAW.match(written.body[0]):
                blocks += _look_up(written, page, root)
        except GuideError as error:
            problems.append(f"{page}:{written.line}: {error}")
    return Page(page, tuple(blocks), tuple(problems))


def scan(text: str) -> Iterator[Written]:
    """Yield every fence, and every line outside of one."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        opening, first = FENCE.fullmatch(lines[number]), number
        if opening:
            number += 1
            while number < len(lines) and lines[number].strip(" \t>") != opening["fence"]:
                number += 1
            body = textwrap.dedent("\n".join(lines[first + 1 : number])).split("\n")
            yield Written(first + 1, opening["info"].strip(), tuple(body), lines[first - 1] if first else "")
        else:
            yield Written(number + 1, None, (lines[number],), "")
        number += 1


def orphans(root: Path) -> list[str]:
    """Name the snippets that no page shows. A program is shown by its output, too."""
    shown = {block.snippet for page in pages(root) for block in page.blocks if block.snippet}
    shown |= {program_of(snippet, root) for snippet in shown}
    return sorted({path.relative_to(root / "snippets").as_posix() for path in _files(root / "snippets")} - shown)


def strays(root: Path) -> list[str]:
    """Say which snippet folders lack their page or their test, and which pages share a stem."""
    stems = [page.stem for page in pages(root)]
    twice = [f"{stem}: two pages have this stem" for stem in sorted(set(stems)) if stems.count(stem) > 1]
    folders = sorted({path.relative_to(root / "snippets").parts[0] for path in _files(root / "snippets")})
    without_page = [f"snippets/{name}/ has no page docs/**/{name}.md" for name in folders if name not in stems]
    tests = [f"tests/guide/test_{name}.py" for name in folders]
    return [*twice, *without_page, *(f"{test} is missing" for test in tests if not (root / test).is_file())]


def program_of(snippet: str, root: Path) -> str:
    """Name the program that printed a `.out`; anything else is its own."""
    path = Path(snippet)
    if path.suffix != ".out":
        return snippet
    beside = [path.with_suffix(suffix) for suffix in PROGRAMS]
    found = [program.as_posix() for program in beside if (root / "snippets" / program).is_file()]
    if len(found) != 1:
        raise GuideError(f"snippets/{snippet} needs one program of its stem, has {found or 'none'}")
    return found[0]


def excerpt(root: Path, snippet: str, section: str | None = None) -> tuple[str, list[int]]:
    """Cut a section, or all, out of a snippet; beside it, the numbers of the lines that `highlight…` sections hold."""
    path = root / "snippets" / snippet
    if program_of(snippet, root) != snippet and not path.exists():
        return "", []  # a run will write it; until then, its test is red
    if not path.is_file():
        raise GuideError(f"includes snippets/{snippet}, which does not exist")
    kept = [(line, inside) for line, inside in _sections(path, snippet) if section is None or section in inside]
    if not any(line.strip() for line, _ in kept):
        raise GuideError(f"includes nothing: snippets/{snippet}{f':{section}' if section else ''} has no text")
    while not kept[0][0].strip():
        del kept[0]
    text = "\n".join(line for line, _ in kept)
    marked = [n for n, (_, inside) in enumerate(kept, 1) if any(name.startswith("highlight") for name in inside)]
    return as_shown(textwrap.dedent(text) if section else text), marked


def as_shown(text: str) -> str:
    """Give the text of a block as a browser reads it back: Markdown expands tabs, Pygments trims blank ends."""
    return re.sub(r"(?m)^ +$", "", text.expandtabs(4)).strip("\n") + "\n"


def _sections(path: Path, snippet: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each line that is no marker, with the sections it stands in."""
    inside: frozenset[str] = frozenset()
    started: set[str] = set()
    for number, line in enumerate(path.read_text().split("\n"), 1):
        place = f"snippets/{snippet}:{number}"
        marker = MARKER.fullmatch(line)
        if marker is None and "8<-" in line:
            raise GuideError(f"{place}: a marker is written `# --8<-- [start:name]` or `# --8<-- [end:name]`")
        if marker is None:
            yield line, inside
        elif marker["edge"] == "start" and marker["name"] not in started:
            inside |= {marker["name"]}
            started.add(marker["name"])
        elif marker["edge"] == "end" and marker["name"] in inside:
            inside -= {marker["name"]}
        else:
            raise GuideError(f"{place}: section {marker['name']!r} has a second start, or an end without a start")
    if inside:
        raise GuideError(f"snippets/{snippet}: no `--8<-- [end:…]` for {sorted(inside)}")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _look_up(written: Written, page: str, root: Path) -> list[Block]:
    """Turn what is written into what is shown, or say why it may not stand there."""
    if written.info is None:
        return _included_outside_a_fence(written, page, root)
    info = INFO.fullmatch(written.info)
    if written.info.startswith("mermaid"):
        raise GuideError("a mermaid fence loads a script from elsewhere; draw the diagram as an SVG and include it")
    if info is None:
        raise GuideError(f'a fence begins with a language, then only title="…" or hl_lines="…"; not {written.info!r}')
    options = dict(re.findall(r'(\w+)="([^"]+)"', info["options"]))
    include = _include(written, page)
    if include is None:
        return [_typed_python(written, info["language"], page)]
    text, highlighted = excerpt(root, include["path"], include["section"])
    _check_language(info["language"], include["path"])
    _check_highlight(options.get("hl_lines", ""), highlighted, text, include["path"])
    if page == "README.md" and text != as_shown("\n".join(written.body)):
        raise GuideError(f"differs from snippets/{include['path']}; copy the text of that file here again")
    return [Block(page, written.line, text, include["path"], options.get("title"))]


def _include(written: Written, page: str) -> re.Match[str] | None:
    if page == "README.md":
        return COPY_OF.fullmatch(written.above)
    return INCLUDE.fullmatch(written.body[0]) if len(written.body) == 1 else None


def _included_outside_a_fence(written: Written, page: str, root: Path) -> list[Block]:
    include = INCLUDE.fullmatch(written.body[0])
    if include is None or include["section"] or not include["path"].endswith(OUTSIDE_A_FENCE):
        raise GuideError(
            'outside a fence only a whole .out or .svg stands, on a line `--8<-- "folder/name.out"`; '
            f"not {written.body[0].strip()[:60]!r}"
        )
    snippet = include["path"]
    text, _ = excerpt(root, snippet)
    printed = [inner for inner in scan(text) if inner.info is not None and snippet.endswith(".out")]
    whole = Block(page, written.line, text, snippet, fenced=False)
    return [whole, *(Block(page, written.line, as_shown("\n".join(inner.body)), snippet) for inner in printed)]


def _typed_python(written: Written, language: str, page: str) -> Block:
    if language != "python" or page == "README.md":
        stem = Path(page).stem.lower()
        example = f"<!-- snippet: {stem}/name.sh -->" if page == "README.md" else f'--8<-- "{stem}/name.sh"'
        raise GuideError(f"a block typed by hand; put it under snippets/{stem}/, and here one line: {example}")
    return Block(page, written.line, as_shown("\n".join(written.body)), None)


def _check_language(language: str, snippet: str) -> None:
    right = LANGUAGES.get(Path(snippet).suffix)
    if right is None:
        raise GuideError(f"snippets/{snippet}: no runner for this extension; there are {' '.join(LANGUAGES)}")
    if language not in right:
        raise GuideError(f"a fence for snippets/{snippet} says {' or '.join(right)}, not {language}")


def _check_highlight(hl_lines: str, marked: list[int], text: str, snippet: str) -> None:
    """Hold `hl_lines`, where there are any, to the `highlight…` sections, so that a highlight moves with its code."""
    chosen: set[int] = set()
    for span in hl_lines.split():
        first, _, last = span.partition("-")
        chosen |= set(range(int(first), int(last or first) + 1))
    if chosen and chosen != set(marked):
        right = f'hl_lines="{" ".join(map(str, marked))}"' if marked else "no hl_lines"
        raise GuideError(
            f"hl_lines={hl_lines!r} of {text.count(chr(10))} lines, but the sections named highlight… of "
            f"snippets/{snippet} ask for {right}"
        )
