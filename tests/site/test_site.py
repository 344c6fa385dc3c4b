"""The built site keeps its word: built without a network, loading nothing from elsewhere, no link leading nowhere."""

import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOME = "https://mcp-auth-ref.github.io/"

OFFLINE = """
import os, runpy, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("the network was asked for:", *arguments, file=sys.stderr, flush=True)
        os._exit(70)
sys.addaudithook(refuse)
"""
BUILD = "runpy.run_module('mkdocs', run_name='__main__')"

RELATIONS_NOT_LOADED = {"canonical", "prev", "next", "alternate"}
LOADS = {"src", "srcset", "poster", "data", "background"}
LOADS_IN_CSS = re.compile(r"""(?:url\(|@import)\s*["']?(?!data:|#)([^"')\s]+)""")


class Page(HTMLParser):
    """Read what a page says of itself, what it links to and what it makes a browser load."""

    def __init__(self, file: Path, url: str) -> None:
        super().__init__()
        self.url = url
        self.html = file.read_text()
        self.description = ""
        self.anchors = {""}
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort one element's addresses into links and loads."""
        values = {name: value or "" for name, value in attrs}
        self.anchors.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.add(self.address(values["href"]))
        elif "href" in values and values.get("rel") not in RELATIONS_NOT_LOADED:
            self.loads.add(self.address(values["href"]))
        if values.get("name") == "description":
            self.description = values["content"]
        self.loads.update(self.address(values[name]) for name in LOADS & set(values))
        self.loads.update(map(self.address, LOADS_IN_CSS.findall(values.get("style", ""))))

    def handle_data(self, data: str) -> None:
        """Find what an inline style sheet loads."""
        if self.lasttag == "style":
            self.loads.update(map(self.address, LOADS_IN_CSS.findall(data)))

    def address(self, reference: str) -> str:
        """Give the whole address that `reference` means on this page."""
        return urljoin(self.url, reference)


def python_without_network(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-c", OFFLINE + code, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = python_without_network(BUILD, "build", "--strict", "--site-dir", str(folder))
    assert build.returncode == 0, build.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Page]:
    addresses = {file: HOME + file.relative_to(site).as_posix() for file in site.rglob("*.html")}
    addresses = {file: address.removesuffix("index.html") for file, address in addresses.items()}
    return {address: Page(file, address) for file, address in addresses.items()}


@pytest.fixture(scope="session")
def written(pages: dict[str, Page]) -> dict[str, Page]:
    """Leave out the theme's page for what is not found."""
    return {address: page for address, page in pages.items() if address != f"{HOME}404.html"}


def test_a_build_that_asks_the_network_would_be_noticed() -> None:
    """Our choice: the other tests trust this guard."""
    asked = python_without_network("import socket; socket.create_connection(('127.0.0.1', 9))")

    assert (asked.returncode, asked.stderr.split(":")[0]) == (70, "the network was asked for")


def test_every_page_is_in_the_navigation_and_every_entry_has_a_page() -> None:
    def files(node: object) -> list[str]:
        if isinstance(node, str):
            return [node]
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return [file for child in children for file in files(child)]

    docs = ROOT / "docs"
    pages = sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))

    assert sorted(files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])) == pages


def test_a_page_has_the_title_that_the_navigation_gives_it() -> None:
    """Our choice; Home alone has the name of the site."""
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    labels = {
        path: label
        for section in nav[1:]
        for entries in section.values()
        for entry in entries
        for label, path in entry.items()
    }
    titles = {path: re.search(r"^# (.+)$", (ROOT / "docs" / path).read_text(), re.MULTILINE) for path in labels}

    assert {path: title and title[1] for path, title in titles.items()} == labels


def test_no_page_loads_anything_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    """Our choice: who reads the guide is nobody's business."""
    loads = {(page.url, address) for page in pages.values() for address in page.loads}
    for sheet in site.rglob("*.css"):
        loads |= {(sheet.name, urljoin(HOME, address)) for address in LOADS_IN_CSS.findall(sheet.read_text())}

    assert loads
    assert {(where, address) for where, address in loads if not address.startswith((HOME, "data:"))} == set()


def test_nothing_wakes_the_requests_that_sleep_in_the_theme(pages: dict[str, Page]) -> None:
    """The theme's script asks a forge about a link to a repository, and a public mirror for mermaid."""
    wakes = re.compile(r'data-md-component="source"|class="[^"]*\bmermaid\b')

    assert [page.url for page in pages.values() if wakes.search(page.html)] == []


def test_our_own_scripts_name_no_other_host(site: Path) -> None:
    scripts = sorted((site / "assets").glob("*.js"))

    assert scripts
    assert [script.name for script in scripts if re.search(r"https?:(?!//www\.w3\.org/)", script.read_text())] == []


def test_every_page_has_a_description_of_its_own(written: dict[str, Page]) -> None:
    """A search engine cuts a description after some 160 characters, and passes over one that pages share."""
    lengths = {page.url: len(page.description) for page in written.values()}
    uses = Counter(page.description for page in written.values())

    assert {url: length for url, length in lengths.items() if not 50 <= length <= 160} == {}
    assert [description for description, count in uses.items() if count > 1] == []


def test_every_link_and_anchor_within_the_site_resolves(site: Path, pages: dict[str, Page]) -> None:
    def resolves(address: str) -> bool:
        place, anchor = urldefrag(address)
        if place in pages:
            return unquote(anchor) in pages[place].anchors
        return (site / unquote(place.removeprefix(HOME))).is_file()

    within = {(page.url, link) for page in pages.values() for link in page.links | page.loads}

    assert {(where, link) for where, link in within if link.startswith(HOME) and not resolves(link)} == set()


def test_llms_txt_lists_every_page_but_home_with_its_description(site: Path, written: dict[str, Page]) -> None:
    listed = dict(re.findall(r"^- \[.+\]\((\S+)\): (.+)$", (site / "llms.txt").read_text(), re.MULTILINE))

    assert listed == {url: page.description for url, page in written.items() if url != HOME}


def test_the_generated_reference_stays_out_of_the_search_index(site: Path) -> None:
    """Every page loads the index; generated reference would be most of its weight."""
    found = [entry["location"] for entry in json.loads((site / "search/search_index.json").read_text())["docs"]]

    assert found
    assert [location for location in found if location.startswith("reference/python/")] == []


def test_a_page_with_all_it_loads_weighs_less_than_120_kilobytes(site: Path, written: dict[str, Page]) -> None:
    """Our choice, counted as gzip sends it; the theme takes 60 of them."""
    files = {file: len(gzip.compress(file.read_bytes())) for file in site.rglob("*") if file.is_file()}

    def weight(page: Page) -> int:
        html = site / page.url.removeprefix(HOME) / "index.html"
        return sum(files[file] for file in {html, *(site / load.removeprefix(HOME) for load in page.loads)})

    assert {page.url: weight(page) for page in written.values() if not 10_000 < weight(page) < 120_000} == {}
