"""The reader of the data files: examples of the RFCs, vectors of our own, and published ones.

A vector is a token, a key, and whether the signature holds. Only the signature is in question: none of these is an
access token, so each is read strictly and checked against its key, as a verifier does before it looks at any claim.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_auth_ref.core import jws
from mcp_auth_ref.core.errors import BadSignature
from mcp_auth_ref.core.keys import KeySet, SigningKey, VerifyingKey

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Vector:
    """A token, the JWK to check it with, and the verdict that is right."""

    id: str
    comment: str
    valid: bool
    algorithm: str
    key: Mapping[str, Any]
    token: str

    def check(self) -> None:
        """Accept the token. Raises AuthError where its form, its key or its signature is not in order."""
        is_private = bool({"d", "k"} & self.key.keys())
        keys = KeySet([SigningKey.from_jwk(self.key) if is_private else VerifyingKey.from_jwk(self.key)])
        token = jws.read(self.token)
        jws.decode(token.encoded_payload, part="payload")
        candidates = keys.candidates(algorithm=token.header.algorithm, kid=token.header.kid)
        if not any(key.verify(token.signing_input, token.signature) for key in candidates):
            raise BadSignature


def vectors(path: Path) -> list[Vector]:
    """Read a list of vectors, ours or published."""
    return [
        Vector(row["id"], row["comment"], row["valid"], row["alg"], row["key"], row["token"])
        for row in json.loads(path.read_text("utf-8"))
    ]


def document(name: str) -> Any:
    """Read a data file of this suite as it is."""
    return json.loads((DATA / name).read_text("utf-8"))
