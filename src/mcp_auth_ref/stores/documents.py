"""Families and revocations as the JSON that SQLite and Redis keep."""

import json
from dataclasses import asdict, fields

from mcp_auth_ref.core.errors import StoreUnavailable
from mcp_auth_ref.core.grants import Family, Revocation

_MEMBERS = {field.name for field in fields(Family)}


def document_of(value: Family | Revocation) -> str:
    """Write a family or a revocation as JSON."""
    return json.dumps(asdict(value))


def family_from(document: str) -> Family:
    """Read a family, also one of a newer version that has more members. Raises StoreUnavailable."""
    try:
        members = {name: value for name, value in json.loads(document).items() if name in _MEMBERS}
        return Family(**{**members, "scopes": tuple(members["scopes"])})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise StoreUnavailable("it holds something else where a family should be") from None


def revocation_from(document: str) -> Revocation:
    """Read a revocation. Raises StoreUnavailable: while one cannot be read, nobody can tell what is revoked."""
    try:
        return Revocation(**json.loads(document))
    except (ValueError, TypeError):
        raise StoreUnavailable("it holds something else where a revocation should be") from None
