"""The file of the API keys: JSON with the digest of each, read whole and replaced in one step."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mcp_auth_ref import privatefiles
from mcp_auth_ref.core.apikeys import ApiKey
from mcp_auth_ref.core.errors import InvalidKey
from mcp_auth_ref.core.scopes import is_scope_list

_Moment: TypeAlias = Annotated[int, Field(ge=0)]
_Name: TypeAlias = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    id: _Name
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    subject: _Name
    scopes: list[_Name]
    created_at: _Moment
    expires_at: _Moment
    revoked_at: _Moment | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    api_keys: list[_Entry]


_DOCUMENT = TypeAdapter(_Document)


def read(path: Path) -> tuple[ApiKey, ...]:
    """Read the keys, oldest to newest. Raises InvalidKey, OSError."""
    try:
        entries = _DOCUMENT.validate_json(privatefiles.read(path)).api_keys
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise InvalidKey(f"it is no file of API keys: {place} is wrong") from None
    keys = tuple(ApiKey(**{**entry.model_dump(), "scopes": tuple(entry.scopes)}) for entry in entries)
    for name in ("id", "digest"):
        if len({getattr(key, name) for key in keys}) != len(keys):
            raise InvalidKey(f"two of its API keys have one {name}")
    if not all(is_scope_list(scope) and " " not in scope for key in keys for scope in key.scopes):
        raise InvalidKey("one of its scopes is no scope word")
    return keys


def write(path: Path, keys: Iterable[ApiKey]) -> None:
    """Replace the file in one step. Raises OSError."""
    entries = [
        _Entry(**{name: getattr(key, name) for name in _Entry.model_fields} | {"scopes": list(key.scopes)})
        for key in keys
    ]
    document = _Document(api_keys=entries).model_dump(exclude_none=True)
    privatefiles.replace(path, json.dumps(document, indent=2).encode() + b"\n")
