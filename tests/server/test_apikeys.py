"""API keys at the door of a running server."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretBytes
from starlette.testclient import TestClient

from mcp_auth_ref import ConfigurationError, Settings, apikeyfiles, create_app
from mcp_auth_ref.core.apikeys import ApiKey, api_key, digest
from tests.server.world import NOW, SECRET, Clock, bearer, post, server, token

KEY, OTHER = api_key(os.urandom(32)), api_key(os.urandom(32))
KNOWN = ApiKey(
    id="1f0c9a3e",
    digest=digest(KEY),
    subject="service:backup",
    scopes=("mcp:tools",),
    created_at=NOW,
    expires_at=NOW + 1000,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    apikeyfiles.write(tmp_path / "apikeys.json", [KNOWN])
    return tmp_path / "apikeys.json"


def outcome(answer: httpx2.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def listed(client: TestClient, credential: str) -> tuple[int, str | None]:
    return outcome(post(client, "tools/list", credential=credential))


def test_a_key_is_as_good_as_a_token_with_its_scopes(path: Path) -> None:
    """RFC 6750, section 2.1: in the same header."""
    wrong = f"{KEY[:-1]}{'A' if KEY[-1] != 'A' else 'B'}"
    with server(api_keys_file=path) as client:
        assert listed(client, KEY) == (200, None)
        assert listed(client, token()) == (200, None)
        assert listed(client, OTHER) == (401, "invalid_token")
        assert listed(client, wrong) == (401, "malformed_api_key")


def test_a_key_without_the_scope_is_challenged_as_a_token_is(path: Path) -> None:
    """RFC 6750, section 3.1."""
    apikeyfiles.write(path, [replace(KNOWN, scopes=("mcp:servers:read",))])
    with server(api_keys_file=path) as client:
        answer = post(client, "tools/list", credential=KEY)

    assert outcome(answer) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_key_has_an_end(path: Path) -> None:
    clock = Clock()
    with server(api_keys_file=path, clock=clock) as client:
        first = listed(client, KEY)
        clock.now = KNOWN.expires_at

        assert (first, listed(client, KEY)) == ((200, None), (401, "token_expired"))


def test_without_a_file_no_key_is_known() -> None:
    with server() as client:
        assert listed(client, KEY) == (401, "invalid_token")


@pytest.mark.parametrize("content", [None, "my notes"])
def test_a_file_that_is_no_such_file_stops_the_start(tmp_path: Path, content: str | None) -> None:
    """Fail closed: a key that was forgotten is no key that was revoked."""
    if content is not None:
        (tmp_path / "apikeys.json").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        create_app(Settings(jwt_secret=SecretBytes(SECRET), api_keys_file=tmp_path / "apikeys.json"))

    assert caught.value.setting == "MCP_API_KEYS_FILE"


def eventually(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail("it has not come to pass within 30 seconds")


def test_a_running_server_follows_the_file(path: Path) -> None:
    """Our choice: what is revoked is refused within about a second, and a broken file changes nothing."""
    newer = replace(KNOWN, id="newer", digest=digest(OTHER))
    with server(api_keys_file=path, rate_limit_enabled=False) as client:
        assert listed(client, KEY) == (200, None)
        apikeyfiles.write(path, [KNOWN.revoked(now=NOW), newer])
        eventually(lambda: listed(client, OTHER) == (200, None))
        assert listed(client, KEY) == (401, "token_revoked")
        path.write_text("{")
        eventually(lambda: client.get("/ready").json().get("keys") == "stale")
        assert [listed(client, key) for key in (KEY, OTHER)] == [(401, "token_revoked"), (200, None)]


def test_no_key_is_written_to_the_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """CWE-532: not of those let in, nor of those refused, nor its digest."""
    wrong = f"{KEY[:-1]}{'A' if KEY[-1] != 'A' else 'B'}"
    with caplog.at_level(logging.DEBUG), server(api_keys_file=path, api_key_header="X-API-Key") as client:
        for key in (KEY, OTHER, wrong):
            listed(client, key)
            client.post("/mcp", headers=[("X-API-Key", key), *bearer(key)])

    assert "refused a request, unknown_api_key" in caplog.text
    assert not [key for key in (KEY, OTHER, wrong) if key[5:20] in caplog.text or digest(KEY) in caplog.text]


HEADER = {"X-API-Key": KEY}


def test_a_second_header_is_read_where_a_setting_names_it(path: Path) -> None:
    """Our choice: some machines cannot send `Authorization`."""
    with server(api_keys_file=path) as client:
        assert outcome(post(client, "tools/list", headers=HEADER)) == (401, "missing_token")
    with server(api_keys_file=path, api_key_header="X-API-Key") as client:
        assert outcome(post(client, "tools/list", headers=HEADER)) == (200, None)
        assert listed(client, KEY) == (200, None)
        assert outcome(post(client, "tools/list", headers={"X-API-Key": OTHER})) == (401, "invalid_token")


@pytest.mark.parametrize(
    "headers",
    [
        [*HEADER.items(), *bearer(token())],
        [*HEADER.items(), *bearer(KEY)],
        [*HEADER.items(), *HEADER.items()],
        [*HEADER.items(), ("Authorization", "Basic YTpi")],
        [("X-API-Key", token())],
        [("X-API-Key", f"Bearer {KEY}")],
        [("X-API-Key", "mcpk_ two words")],
        [("X-API-Key", "")],
    ],
    ids=range(8),
)
def test_two_credentials_or_something_else_in_the_second_header_are_refused(
    path: Path, headers: list[tuple[str, str]]
) -> None:
    """RFC 6750, section 2: no more than one method in a request; section 3.1: 400."""
    with server(api_keys_file=path, api_key_header="X-API-Key") as client:
        answer = client.post("/mcp", headers=headers)

    assert outcome(answer) == (400, "invalid_request")
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]
