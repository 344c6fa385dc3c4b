"""The proxies of the guide, with the files that it shows, on free ports and with a certificate made for the test."""

import datetime
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

SNIPPETS = Path(__file__).parents[2] / "snippets/transport"
NAME = "mcp.example.com"
PATIENCE = 30  # seconds


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy: its ports, and the folder with its certificate authority and its logs."""

    https: int
    http: int
    folder: Path

    def client(self) -> httpx2.Client:
        """Give a client that trusts the authority of the test, and asks for the name of the guide."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        return httpx2.Client(
            base_url=f"https://127.0.0.1:{self.https}", verify=context, trust_env=False, timeout=PATIENCE
        )

    @property
    def host(self) -> str:
        """The public name, with its port."""
        return f"{NAME}:{self.https}"

    @property
    def written(self) -> str:
        """Everything that the proxy has written down."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


def certificate(folder: Path, *, name: str = NAME) -> None:
    """Make an authority, and let it vouch for a server: `ca.pem`, `server.pem` and `server.key`."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    for file, subject, key, is_authority in (("ca", authority, keys[0], True), ("server", server, keys[1], False)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        )
        usage = x509.KeyUsage(True, False, False, False, False, is_authority, is_authority, False, False)
        signed = builder.add_extension(usage, critical=True).sign(keys[0], hashes.SHA256())
        (folder / f"{file}.pem").write_bytes(signed.public_bytes(Encoding.PEM))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{file}.key").write_bytes(secret)


def free_ports(count: int) -> list[int]:
    """Find ports that are free at the moment."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@contextmanager
def running(kind: str, folder: Path, *, https: int, http: int, upstream: int) -> Iterator[Proxy]:
    """Run a proxy in front of the port `upstream`, as its page configures it."""
    certificate(folder)
    text = (SNIPPETS / f"{kind}.conf").read_text()
    for named, free in (("8443", https), ("8480", http), ("8765", upstream)):
        text = text.replace(named, str(free))
    (folder / f"{kind}.conf").write_text(text)
    commands = {
        "nginx": ["-p", f"{folder}/", "-e", "error.log", "-c", "nginx.conf", "-g", "daemon off;"],
        "caddy": ["run", "--config", "caddy.conf", "--adapter", "caddyfile"],
    }
    with (folder / "stderr.log").open("wb") as said:
        process = subprocess.Popen(
            [program(kind), *commands[kind]], cwd=folder, env={**os.environ, "HOME": str(folder)}, stderr=said
        )
    try:
        _wait_for(process, https, folder)
        yield Proxy(https, http, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def program(name: str) -> str:
    """Find a program; without it the test is skipped, and under CI it fails."""
    places = [sysconfig.get_path("scripts"), "/usr/sbin", "/usr/local/sbin", os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not on this machine")
    return found


def _wait_for(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not listens(port):
        said = (folder / "stderr.log").read_text()
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Tell whether somebody listens at a port of this machine."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
