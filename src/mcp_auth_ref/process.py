"""The process that listens: its socket, its limits on connections, what it says at the start, and its log."""

import logging
import re
import signal
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from mcp_auth_ref.app import create_app, servers_of
from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.server.connections import PunctualProtocol
from mcp_auth_ref.server.gateway import PREFIX
from mcp_auth_ref.settings import Settings, is_loopback

MAX_HEADER_BYTES = 16 * 1024
MAX_CONNECTIONS = 1000
MAX_FILES = 4096
GRACE_SECONDS = 5


def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Listen until SIGINT or SIGTERM, then finish what has begun. Raises ConfigurationError.

    Without `MCP_FILES_ROOT`, the tools for files get a folder that lasts as long as the server.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not settings.auth_enabled and not is_loopback(f"//{address}"):
        raise ConfigurationError(
            "MCP_AUTH_ENABLED", f"it is false, and {host} is not loopback", "Set it to true, or listen on 127.0.0.1"
        )
    if not (is_loopback(f"//{address}") or settings.trusted_proxies or settings.tls_cert_file):
        raise ConfigurationError(
            "--host",
            f"{host} is not loopback, and tokens would travel there in the clear",
            "Name the proxy that speaks TLS in MCP_TRUSTED_PROXIES, give MCP_TLS_CERT_FILE and MCP_TLS_KEY_FILE, or "
            "listen on 127.0.0.1",
        )
    _log_to_stderr()
    _open_more_files()
    with _listening(host, port, address) as listener, _with_files(settings) as complete:
        server = uvicorn.Server(_config(complete))
        # Uvicorn raises the signal again once it has stopped; that would turn an orderly end into a failure.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, server.handle_exit)
        sys.stderr.write(_greeting(settings, address))
        server.run(sockets=[listener])


def _config(settings: Settings) -> uvicorn.Config:
    config = uvicorn.Config(
        create_app(settings),
        http=PunctualProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    config.load()
    config.ssl = _tls(settings)
    return config


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Return what speaks TLS 1.2 and 1.3 with the server's own certificate, if it has one."""
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file, password="")
    except OSError as error:
        problem = f"{settings.tls_cert_file} and {settings.tls_key_file} do not go together: {error.strerror or error}"
        raise ConfigurationError("MCP_TLS_CERT_FILE", problem, "Give a certificate and its key as PEM") from None
    return context


def _open_more_files() -> None:
    """Let this process open up to MAX_FILES: each connection is one, and what is customary are 1,024."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - it is not there everywhere

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < MAX_FILES:
        wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _listening(host: str, port: int, address: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once; without, each waits 40 ms for an acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            wrong = f"nothing can listen on {address}: {error.strerror}"
            raise ConfigurationError("--port", wrong, "Choose another, and the same in MCP_RESOURCE_URL") from None
        yield listener


@contextmanager
def _with_files(settings: Settings) -> Iterator[Settings]:
    if settings.files_root is not None:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="mcp-auth-ref-") as folder:
        Path(folder, "welcome.txt").write_text("This folder lasts as long as the server.\n", encoding="utf-8")
        yield settings.model_copy(update={"files_root": Path(folder)})


def _greeting(settings: Settings, address: str) -> str:
    names = ", ".join(settings.allowed_hosts)
    scheme = "https" if settings.tls_cert_file else "http"
    lines = {
        "listens on": f"{scheme}://{address}{urlsplit(settings.resource_url).path}",
        "gateway": f"{scheme}://{address}{PREFIX}",
        "servers": ", ".join(servers_of(settings)) or "none",
        "resource": settings.resource_url,
        "called as": names if address in settings.allowed_hosts else f"{names}, and not as {address}",
        **({"proxies": ", ".join(settings.trusted_proxies)} if settings.trusted_proxies else {}),
        "issuer": settings.issuer,
        "algorithm": settings.jwt_algorithm,
        "files": str(settings.files_root or "a folder that lasts as long as the server; MCP_FILES_ROOT names another"),
        "token": "generate-mcp-token --user-id you",
    }
    if not settings.auth_enabled:
        lines |= {"token": "none: authentication is off, and every answer says so (MCP-Auth: disabled)"}
    return "".join(f"{name:12}{value}\n" for name, value in lines.items())


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    for noisy in ("mcp", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").addFilter(_worth_logging)
    logging.getLogger("asyncio").addFilter(Seldom("socket.accept() "))


class PlainFormatter(logging.Formatter):
    """Write what callers have a say in so that it looks like no line of its own, and no terminal obeys it."""

    def format(self, record: logging.LogRecord) -> str:
        """Escape what no line of a log should hold, and indent further lines."""
        return super().format(record).translate(_ESCAPES).replace("\n", "\n    ")


class Seldom:
    """Lets one line a minute pass of those that begin with a text.

    asyncio says thousands of times a second that it can accept no more connections.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._passed_at = float("-inf")

    def __call__(self, record: logging.LogRecord) -> bool:
        """Tell whether a record passes."""
        if not record.getMessage().startswith(self._text):
            return True
        passes = not 0 <= record.created - self._passed_at < 60
        self._passed_at = record.created if passes else self._passed_at
        return passes


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}
_PERHAPS_SECRET = re.compile(r"[^/]{40,}")  # longer than a UUID, shorter than a token


def _worth_logging(record: logging.LogRecord) -> bool:
    """Leave out probes, the query of every path, and what is long in a path: people put tokens there."""
    match record.args:
        case (client, method, str(path), *rest):
            record.args = (client, method, _PERHAPS_SECRET.sub("…", path.partition("?")[0]), *rest)
            return path not in ("/health", "/ready")
    return True
