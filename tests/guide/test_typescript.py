"""What the page on TypeScript says."""

from tests.guide.conftest import ROOT

PAGE = (ROOT / "docs/clients/typescript.md").read_text()
SHOWN = ROOT / "snippets/typescript"


def shown(name: str) -> str:
    return (SHOWN / f"{name}.out").read_text()


def test_the_official_sdks_call_and_are_refused() -> None:
    for name in ("sdk1", "sdk2"):
        called, *refused = shown(name).splitlines()

        assert called == 'MCP_TOKEN 7 tools, {"result":42}'
        assert [line.split()[0] for line in refused] == ["NO_TOKEN", "NARROW"]
