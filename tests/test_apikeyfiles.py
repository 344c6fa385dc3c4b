"""The file of the API keys."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_auth_ref import apikeyfiles
from mcp_auth_ref.core.errors import InvalidKey
from tests.core.test_apikeys import KEY, KNOWN

ENTRY: dict[str, Any] = {
    "id": "1f0c9a3e",
    "digest": KNOWN.digest,
    "subject": "service:backup",
    "scopes": ["mcp:tools:read"],
    "created_at": 1,
    "expires_at": 2,
}


def test_what_is_written_is_read_again_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "apikeys.json"
    other = replace(KNOWN, id="other", digest="0" * 64, revoked_at=5)

    apikeyfiles.write(path, [KNOWN, other])

    assert apikeyfiles.read(path) == (KNOWN, other)
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert KEY not in path.read_text()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "it is no file of API keys: the file is wrong"),
        ([], "it is no file of API keys: the file is wrong"),
        ({}, "it is no file of API keys: api_keys is wrong"),
        ({"api_keys": [{**ENTRY, "digest": "short"}]}, "it is no file of API keys: api_keys.0.digest is wrong"),
        ({"api_keys": [{**ENTRY, "key": KEY}]}, "it is no file of API keys: api_keys.0.key is wrong"),
        ({"api_keys": [{**ENTRY, "expires_at": None}]}, "it is no file of API keys: api_keys.0.expires_at is wrong"),
        ({"api_keys": [ENTRY, ENTRY]}, "two of its API keys have one id"),
        ({"api_keys": [ENTRY, {**ENTRY, "id": "other"}]}, "two of its API keys have one digest"),
        ({"api_keys": [{**ENTRY, "scopes": ["mcp:tools mcp:tokens"]}]}, "one of its scopes is no scope word"),
    ],
    ids=range(9),
)
def test_what_is_no_such_file_is_refused_and_not_repeated(tmp_path: Path, document: object, problem: str) -> None:
    path = tmp_path / "apikeys.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))

    with pytest.raises(InvalidKey) as caught:
        apikeyfiles.read(path)

    assert caught.value.problem == problem
