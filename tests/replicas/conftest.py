"""Two ways to run the same server: one process on its file, and three behind Caddy on one Redis."""

import contextlib
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from mcp_auth_ref.core.keys import KeySet, SigningKey
from mcp_auth_ref.core.tokens import TokenIssuer
from mcp_auth_ref.refresh import Issued, RefreshTokens
from mcp_auth_ref.stores import open_store
from tests.faults.servers import PATIENCE, SECRET, serving, until
from tests.stores.servers import Valkey
from tests.transport.proxies import free_ports, listens, program

CADDYFILE = (Path(__file__).parents[2] / "snippets/scale/caddy.conf").read_text()
NAME = "mcp.example.com"
QUOTA = 40  # calls of one subject, for as long as the tests last
SETTINGS = {
    "MCP_RATE_LIMIT_ENABLED": "true",
    "MCP_RATE_LIMIT_REQUESTS": str(QUOTA),
    "MCP_RATE_LIMIT_WINDOW_SECS": "3600",
    "MCP_RATE_LIMIT_FAILURES": "100000",
}


@dataclass(frozen=True)
class Deployment:
    """A server as its callers see it: one address, one name. How many answer there is its own business."""

    origin: str
    http: httpx2.Client
    folder: Path
    store_url: str

    def issuer(self) -> TokenIssuer:
        """Give the issuer of its tokens."""
        return TokenIssuer(self.origin, f"{self.origin}/mcp", KeySet([SigningKey.from_secret(SECRET.encode())]))

    def token(self, subject: str, scope: str = "mcp:tools") -> str:
        """Issue an access token."""
        name, now = os.urandom(9).hex(), int(time.time())
        return self.issuer().issue(
            subject=subject, client_id="mcp-auth-ref-cli", scopes=[scope], now=now, token_id=name
        )

    def pair(self, subject: str) -> Issued:
        """Issue a first access token, and a refresh token with it."""
        with contextlib.closing(open_store(self.store_url)) as store:
            tokens = RefreshTokens(issuer=self.issuer, store=store)
            return tokens.start(subject=subject, client_id="mcp-auth-ref-cli", scopes=["mcp:tools"], now=time.time())

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        form: Mapping[str, str] | None = None,
        document: object = None,
    ) -> httpx2.Response:
        """Send one request."""
        headers = {"host": self.origin.partition("//")[2]} | ({"authorization": f"Bearer {token}"} if token else {})
        return self.http.request(
            method, path, headers=headers, data=form, json=document, extensions={"sni_hostname": NAME}
        )

    def is_ready(self) -> bool:
        """Tell whether it answers and says so. A proxy may still be making its certificate."""
        with contextlib.suppress(httpx2.TransportError):
            return self.ask("GET", "/ready").status_code == 200
        return False

    def tools(self, token: str | None) -> int:
        """List the tools; give the status."""
        return self.ask("GET", "/api/v1/mcp/tools", token).status_code

    def execute(self, tool: str, token: str, **arguments: str) -> httpx2.Response:
        """Call a tool."""
        return self.ask("POST", f"/api/v1/mcp/tools/{tool}/execute", token, document={"arguments": arguments})

    def refresh(self, token: str | None) -> httpx2.Response:
        """Redeem a refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": token or "", "client_id": "mcp-auth-ref-cli"}
        return self.ask("POST", "/token", form=form)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command with the settings of the server."""
        environment = {
            "PATH": os.environ["PATH"],
            "MCP_JWT_SECRET": SECRET,
            "MCP_ISSUER": self.origin,
            "MCP_RESOURCE_URL": f"{self.origin}/mcp",
            "MCP_STORE_URL": self.store_url,
        }
        line = [str(Path(sys.executable).with_name("mcp-auth-ref")), *words]
        return subprocess.run(line, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=["one process", "three replicas"])
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Run the server in one of the two ways, for all tests of a module."""
    folder = tmp_path_factory.mktemp("d")
    with (_one_process if request.param == "one process" else _three_replicas)(folder) as running:
        yield running


@contextlib.contextmanager
def _one_process(folder: Path) -> Iterator[Deployment]:
    url = f"sqlite:///{folder}/store.db"
    with (
        serving(folder, url, clocked=False, public=None, **SETTINGS) as server,
        httpx2.Client(base_url=server.origin, timeout=PATIENCE) as http,
    ):
        yield Deployment(server.origin, http, folder, url)


@contextlib.contextmanager
def _three_replicas(folder: Path) -> Iterator[Deployment]:
    [port] = free_ports(1)
    origin = f"https://{NAME}:{port}"
    valkey = Valkey(folder)
    settings = {**SETTINGS, "MCP_TRUSTED_PROXIES": "127.0.0.1"}
    try:
        with contextlib.ExitStack() as stack:
            replicas = [serving(folder, valkey.url, clocked=False, public=origin, **settings) for _ in range(3)]
            servers = [stack.enter_context(replica) for replica in replicas]
            context = stack.enter_context(_caddy(folder, port, [server.port for server in servers]))
            http = stack.enter_context(
                httpx2.Client(base_url=f"https://127.0.0.1:{port}", verify=context, timeout=PATIENCE)
            )
            running = Deployment(origin, http, folder, valkey.url)
            until(running.is_ready)
            yield running
    finally:
        valkey.kill()


@contextlib.contextmanager
def _caddy(folder: Path, port: int, upstreams: Sequence[int]) -> Iterator[ssl.SSLContext]:
    """Run Caddy with the file of the page, and give what trusts its certificate."""
    text = CADDYFILE
    for shown, free in zip((8443, 8765, 8771, 8772), (port, *upstreams), strict=True):
        text = text.replace(str(shown), str(free))
    (folder / "Caddyfile").write_text(text)
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [program("caddy"), "run", "--config", "Caddyfile"]
    root = folder / "caddy/pki/authorities/local/root.crt"
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: root.exists() and listens(port))
        yield ssl.create_default_context(cafile=str(root))
    finally:
        process.terminate()
        process.wait(PATIENCE)
