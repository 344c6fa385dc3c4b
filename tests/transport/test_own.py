"""A server that speaks TLS itself, as a process of its own."""

import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from mcp_auth_ref import ConfigurationError, Settings
from mcp_auth_ref.process import serve
from tests.server.world import SECRET
from tests.transport.proxies import NAME, PATIENCE, certificate, free_ports

PROGRAM = str(Path(sys.executable).with_name("mcp-auth-ref"))


def test_it_answers_over_tls_and_in_no_other_way(tmp_path: Path) -> None:
    """OAuth 2.1, section 1.5; on every address of the machine, without a proxy."""
    certificate(tmp_path)
    [port] = free_ports(1)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MCP_")},
        "MCP_JWT_SECRET": SECRET.decode(),
        "MCP_RESOURCE_URL": f"https://{NAME}:{port}/mcp",
        "MCP_TLS_CERT_FILE": "server.pem",
        "MCP_TLS_KEY_FILE": "server.key",
    }
    command = [PROGRAM, "serve", "--host", "0.0.0.0", "--port", str(port)]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=said, stderr=said)
    try:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with httpx2.Client(verify=context, trust_env=False, timeout=PATIENCE) as client:
            answer = _when_ready(client, process, port)
            with pytest.raises(httpx2.TransportError):
                client.get(f"http://127.0.0.1:{port}/ready", headers={"Host": f"{NAME}:{port}"})
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)

    assert answer.status_code == 401
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert f"listens on  https://0.0.0.0:{port}/mcp" in (tmp_path / "said").read_text()


def _when_ready(client: httpx2.Client, process: "subprocess.Popen[bytes]", port: int) -> httpx2.Response:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return client.post(
                f"https://127.0.0.1:{port}/mcp",
                headers={"Host": f"{NAME}:{port}"},
                extensions={"sni_hostname": NAME},
            )
        except httpx2.ConnectError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_key_of_another_certificate_stops_the_start(tmp_path: Path) -> None:
    """Our choice: before anything listens."""
    certificate(tmp_path)
    environ = {
        "MCP_JWT_SECRET": SECRET.decode(),
        "MCP_STORE_URL": "memory:",
        "MCP_TLS_CERT_FILE": "server.pem",
        "MCP_TLS_KEY_FILE": "ca.key",
    }

    with pytest.raises(ConfigurationError) as refused:
        serve(Settings.load(environ=environ, cwd=tmp_path), port=free_ports(1)[0])

    assert str(refused.value).startswith(f"MCP_TLS_CERT_FILE: {tmp_path}/server.pem and {tmp_path}/ca.key do not go")
    assert str(refused.value).endswith("Give a certificate and its key as PEM")
