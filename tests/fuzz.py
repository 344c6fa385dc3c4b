"""How far the fuzzers look: for a moment, or with `MCP_AUTH_REF_EXAMPLES=100000` in the environment for as long."""

import os

from hypothesis import settings
from hypothesis import strategies as st

fuzz = settings(max_examples=int(os.environ.get("MCP_AUTH_REF_EXAMPLES", "200")), deadline=None)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
