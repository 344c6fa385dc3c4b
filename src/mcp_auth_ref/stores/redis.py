"""A store in Redis or Valkey, for many replicas.

Revocations are a stream: each replica reads on from where it was, over a connection that waits for the next, so it
learns at once and misses nothing while it was cut off. What must happen together is one script. All keys have one hash
tag, and with it one slot of a cluster. Redis keeps what it has written to its own disk: give it `appendonly yes`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mcp_auth_ref.core.errors import StoreUnavailable
from mcp_auth_ref.core.grants import Family, Revocation
from mcp_auth_ref.stores.documents import document_of, family_from, revocation_from

SOCKET_SECONDS = 1.0
CLOCKS_DIFFER_SECONDS = 86_400
"""For how long after its end a family is still listed under its subject: another replica's clock may be behind."""

_PREFIX = "{mcp-auth-ref}:"
_STREAM = f"{_PREFIX}revocations"
_BATCH = 5_000


class RedisStore:
    """A pool of connections, each of which waits a second for an answer and no longer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = _client(url, SOCKET_SECONDS)
        self._revoke = self._client.register_script(_REVOKE)
        self._start = self._client.register_script(_START)
        self._replace = self._client.register_script(_REPLACE)

    def revoke(self, revocation: Revocation, *, now: float) -> None:  # noqa: ARG002 - the contract's
        """Write a revocation and drop the families it concerns."""
        of_subject = _subject_key(revocation.issuer, revocation.name)
        with _as_unavailable():
            self._revoke(
                keys=[_STREAM, _family_key(revocation.name), of_subject],
                args=[document_of(revocation), f"{_PREFIX}family:"],
            )

    def feed(self) -> "RedisFeed":
        """Return a feed that begins with the oldest revocation."""
        return RedisFeed(self._url)

    def start(self, family: Family, *, now: float) -> None:
        """Write a family."""
        with _as_unavailable():
            self._start(
                keys=[_family_key(family.id), _subject_key(family.issuer, family.subject)],
                args=[
                    document_of(family),
                    _milliseconds(family.expires_at - now),
                    family.id,
                    family.expires_at,
                    now - CLOCKS_DIFFER_SECONDS,
                ],
            )

    def family(self, name: str, *, now: float) -> Family | None:
        """Return a family as it is."""
        with _as_unavailable():
            document: Any = self._client.get(_family_key(name))
        family = None if document is None else family_from(document)
        return family if family is not None and now < family.expires_at else None

    def replace(self, family: Family, *, now: float) -> bool:
        """Write the next turn of a family, where the turn before is still there."""
        arguments: list[str | int] = [document_of(family), _milliseconds(family.expires_at - now), family.turn - 1]
        with _as_unavailable():
            return bool(self._replace(keys=[_family_key(family.id)], args=arguments))

    def sweep(self, *, now: float) -> int:
        """Forget the oldest revocations that have expired, up to the first that has not. Families expire by themselves.

        A revocation behind a longer one stays as long as that one does: at most the age of a token.
        """
        swept = 0
        with _as_unavailable():
            while entries := self._oldest():
                live = next((name for name, each in entries if now < each.until), None)
                if live is not None:
                    return swept + int(self._client.xtrim(_STREAM, minid=live, approximate=False))
                swept += int(self._client.xdel(_STREAM, *(name for name, _ in entries)))
        return swept

    def _oldest(self) -> list[tuple[str, Revocation]]:
        answer: Any = self._client.xrange(_STREAM, count=1_000)
        return _entries(answer)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


class RedisFeed:
    """A position in the stream, and a connection that waits for what comes after it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._position = "0"
        self._client: redis.Redis | None = None
        self._patience = 0.0
        self._lock = Lock()
        self._is_closed = False

    def read(self, *, wait: float) -> Sequence[Revocation]:
        """Return what has been revoked since the last call."""
        with self._lock, _as_unavailable():
            if self._is_closed:
                return ()
            block = _milliseconds(wait) if wait > 0 else None
            answer: Any = self._connected(wait).xread({_STREAM: self._position}, count=_BATCH, block=block)
        entries = _entries(answer[0][1]) if answer else []
        if entries:
            self._position = entries[-1][0]
        return [revocation for _, revocation in entries]

    def close(self) -> None:
        """Close the connection, once a `read` that is waiting has waited to its end."""
        self._is_closed = True
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def _connected(self, wait: float) -> redis.Redis:
        if self._client is None or self._patience < wait:
            self._disconnect()
            self._patience = wait
            self._client = _client(self._url, wait + SOCKET_SECONDS)
        return self._client


def _client(url: str, patience: float) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        protocol=2,
        socket_timeout=patience,
        socket_connect_timeout=SOCKET_SECONDS,
        # A connection that has gone stale is opened again, once. Who does not answer in time is not asked twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def _entries(answer: Iterable[tuple[str, dict[str, str]]]) -> list[tuple[str, Revocation]]:
    return [(name, revocation_from(fields.get("revocation", ""))) for name, fields in answer]


def _family_key(name: str) -> str:
    return f"{_PREFIX}family:{name}"


def _subject_key(issuer: str, subject: str) -> str:
    return f"{_PREFIX}families:{issuer} {subject}"


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """Name the kind of error only: its text may hold what the URL holds."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreUnavailable(f"Redis: {type(error).__name__}") from None


def open_store(url: str) -> RedisStore:
    """Open the store at a URL. Nothing is asked yet."""
    return RedisStore(url)


_REVOKE = """
local revocation = cjson.decode(ARGV[1])
redis.call('XADD', KEYS[1], '*', 'revocation', ARGV[1])
local function drop(key)
  local document = redis.call('GET', key)
  if not document then return true end
  local family = cjson.decode(document)
  if family.issuer ~= revocation.issuer then return false end
  if revocation.kind == 'subject' and family.started_at > revocation.at then return false end
  redis.call('DEL', key)
  return true
end
if revocation.kind == 'family' then
  drop(KEYS[2])
elseif revocation.kind == 'subject' then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if drop(ARGV[2] .. id) then redis.call('ZREM', KEYS[3], id) end
  end
end
"""
_START = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
"""
_REPLACE = """
local document = redis.call('GET', KEYS[1])
if not document or cjson.decode(document).turn ~= tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
