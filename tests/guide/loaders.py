"""Which program a file of configuration is written for, by the name its reader saves it under.

A loader is a command of that program, run in the reader's shell, or a call into it.
"""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree

from fastmcp.mcp_config import CanonicalMCPConfig

from tests.guide.fences import GuideError
from tests.guide.outputs import read_masks


def mcp_client(path: Path) -> None:
    """Load a client's list of servers with FastMCP, which keeps what it does not know: refuse that here."""
    config = CanonicalMCPConfig.from_file(path)
    parts = [config, *config.mcpServers.values()]
    unknown = sorted(key for part in parts for key in part.model_extra or ())
    if unknown or not config.mcpServers:
        raise GuideError(f"FastMCP's client knows no {', '.join(unknown) or 'server in it'}")
    for server in config.mcpServers.values():
        server.to_transport()


def picture(path: Path) -> None:
    """Parse an SVG, which stands in the page itself and so may load and run nothing."""
    for element in ElementTree.parse(path).iter():
        loads = [value for name, value in element.items() if name.endswith("href") and not value.startswith("#")]
        if element.tag.endswith(("script", "style", "image", "foreignObject")) or loads:
            raise GuideError(f"an SVG in a page may not hold <{element.tag.rpartition('}')[2]}> {' '.join(loads)}")


LOADERS: dict[str, str | Callable[[Path], object]] = {
    ".env": "mcp-auth-ref settings",
    "mcp-auth-ref.toml": 'MCP_CONFIG="$PWD/{name}" mcp-auth-ref settings',
    "masks.toml": read_masks,
    "*mcp.json": mcp_client,
    "*.svg": picture,
}


def loader_for(name: str) -> str | Callable[[Path], object] | None:
    """Find the loader of a file: a command or a call, or None where there is none."""
    found = next((loader for pattern, loader in LOADERS.items() if fnmatch(name, pattern)), None)
    return found.format(name=name) if isinstance(found, str) else found
