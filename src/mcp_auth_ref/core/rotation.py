"""Rotation: publish a key, wait, sign with it, keep the one before for as long as its tokens live, drop it.

What is decided here are sets of keys; who writes them to a file, and who follows the file, is told elsewhere.
"""

from dataclasses import replace

from mcp_auth_ref.core.errors import InvalidKey, KeyInUse
from mcp_auth_ref.core.keys import KeySet, SigningKey

JWKS_MAX_AGE = 300
PUBLISHED_BEFORE = JWKS_MAX_AGE + 60
"""For how many seconds a key is published before it signs: until the last cache has let go of the set without it."""


def ceased_signing(keys: KeySet, kid: str) -> float | None:
    """Return since when a newer key signs in place of this one, in seconds since 1970; None where nothing tells.

    For a key that has no newer one beside it, that is never: infinity.
    """
    newer = keys.keys[_position(keys, kid) + 1 :]
    moments = [key.signs_from for key in newer if isinstance(key, SigningKey)]
    since = min(moments, default=float("inf"))
    return since or None


def retired(keys: KeySet, kid: str, *, now: float, longest_life: float) -> KeySet:
    """Return the set without a key whose tokens have all ended. Raises KeyInUse, InvalidKey.

    `longest_life`, in seconds, is how long after its issue a token may be accepted at most.
    """
    since = ceased_signing(keys, kid)
    if since is None:
        raise KeyInUse(kid, "nothing says since when the newer one signs (nbf)")
    if since > now:
        later = "the one that takes its place does not sign yet" if since < float("inf") else "there is no newer one"
        raise KeyInUse(kid, later, None if since == float("inf") else since + longest_life)
    if (left := since + longest_life - now) > 0:
        raise KeyInUse(kid, f"tokens that it signed may live for another {_span(left)}", since + longest_life)
    return without(keys, kid)


def dropped(keys: KeySet, kid: str, *, now: float, successor: SigningKey) -> KeySet:
    """Return the set without a key that has leaked, whatever becomes of its tokens: another signs from `now` on.

    Where no other is there that can sign, `successor` is put into the set.
    """
    rest = without(keys, kid).keys
    able = [key for key in rest if isinstance(key, SigningKey)]
    if any(key.signs_from <= now for key in able):
        return KeySet(rest)
    heir = replace(able[-1] if able else successor, signs_from=now)
    return KeySet([*(key for key in rest if key.kid != heir.kid), heir])


def without(keys: KeySet, kid: str) -> KeySet:
    """Return the set without one key. Raises InvalidKey where it is not in it."""
    gone = keys.keys[_position(keys, kid)]
    return KeySet(key for key in keys.keys if key is not gone)


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds:.0f} seconds"


def _position(keys: KeySet, kid: str) -> int:
    for position, key in enumerate(keys.keys):
        if key.kid == kid:
            return position
    raise InvalidKey("none of the keys has this kid")
