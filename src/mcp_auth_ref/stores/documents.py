"""Families and revocations as the JSON that SQLite and Redis keep."""

import json
from dataclasses import asdict

from mcp_auth_ref.core.grants import Family, Revocation


def document_of(value: Family | Revocation) -> str:
    """Write a family or a revocation as JSON."""
    return json.dumps(asdict(value))


def family_from(document: str) -> Family:
    """Read a family that `document_of` has written."""
    members = json.loads(document)
    return Family(**{**members, "scopes": tuple(members["scopes"])})


def revocation_from(document: str) -> Revocation:
    """Read a revocation that `document_of` has written."""
    return Revocation(**json.loads(document))
