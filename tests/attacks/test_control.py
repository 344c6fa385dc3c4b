"""No attack, but the token that each of them starts from: were it refused, their refusals would prove nothing."""

import pytest

from mcp_auth_ref.core.tokens import Claims
from tests.tokens import CLAIMS, NOW, SIGNERS, VERIFIERS, forge


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_an_honest_token_is_accepted(algorithm: str) -> None:
    """RFC 9068, section 4."""
    token = forge({"alg": algorithm, "typ": "at+jwt"}, CLAIMS, SIGNERS[algorithm])

    assert VERIFIERS[algorithm].verify(token, now=NOW) == Claims(CLAIMS)
