"""Who is calling, where a proxy stands in between, and whether the call has come over TLS.

What a request says of its own way here is believed of the proxies that the settings name, and of nobody else. Of hosts
it is believed of nobody: every address that the server publishes comes from its settings.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mcp_auth_ref.core.errors import InvalidRequest
from mcp_auth_ref.events import Listener, nobody
from mcp_auth_ref.server.observed import event_of
from mcp_auth_ref.server.problems import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

Address: TypeAlias = IPv4Address | IPv6Address

HSTS_SECONDS = 365 * 86400

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(rf'[ \t]*(?P<name>{_WORD})=(?:(?P<token>{_WORD})|"(?P<quoted>(?:[^"\\]|\\.)*)")[ \t]*(?P<end>[;,]?)')
_IPV6 = r"[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*"
_NODE = re.compile(rf"(?:\[({_IPV6})\]|([0-9.]+))(?::(?:[0-9]{{1,5}}|_[\w.-]+))?|({_IPV6})")
_HSTS = (b"strict-transport-security", f"max-age={HSTS_SECONDS}".encode())
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class _Hop(NamedTuple):
    """What one proxy says of whoever called it, unread: from where, and over http or https, as far as it tells."""

    node: str | None
    scheme: str | None = None


class TrustedProxies:
    """Let `app` see the caller behind the named proxies: its address at `scope["client"]`, and `scope["scheme"]`.

    `proxies` are addresses and networks. A request from one of them is followed back, through `Forwarded` (RFC 7239) or
    `X-Forwarded-For`, from the right, past each hop that is a named proxy itself: the first that is none is the caller.
    Whatever stands further left, a stranger may have written. From anybody else, these headers mean nothing.

    A proxy that hands on both headers, perhaps one that it knows nothing of, must hand on two that agree. Headers that
    disagree or cannot be read are refused with 400, for then nobody knows whose request this is.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        proxies: Iterable[str],
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        networks = [ip_network(proxy) for proxy in proxies]
        self._is_trusted = lru_cache(maxsize=1024)(lambda address: any(address in network for network in networks))
        self._clock = clock
        self._tell = tell

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Look who sent an HTTP request; everything else passes."""
        peer = _address(scope["client"][0]) if scope["type"] == "http" and scope.get("client") else None
        if peer is not None and self._is_trusted(peer):
            try:
                seen = self._caller(peer, scope)
            except InvalidRequest as error:
                await _refuse(error, scope, self._clock, self._tell)(scope, receive, send)
                return
            scope = {**scope, **seen}
        await self._app(scope, receive, send)

    def _caller(self, peer: Address, scope: "Scope") -> dict[str, object]:
        ways = (_forwarded(_values(scope, b"forwarded")), _forwarded_for(scope))
        ends = [self._follow(peer, hops) for hops in ways]
        # A header that hides the caller is not one that says nothing: the other one may be the caller's own.
        told = (any(hop.node is not None for hop in hops) for hops in ways)
        callers = {address for (address, _), is_told in zip(ends, told, strict=True) if is_told} or {peer}
        if len(callers) > 1:
            raise InvalidRequest("Forwarded and X-Forwarded-For name different callers")
        schemes = {scheme for _, scheme in ends} | {_forwarded_proto(scope)}
        scheme = next((scheme for scheme in ("http", "https") if scheme in schemes), scope["scheme"])
        return {"client": (str(callers.pop()), 0), "scheme": scheme}

    def _follow(self, peer: Address, hops: Sequence[_Hop]) -> tuple[Address, str | None]:
        """Walk back from the peer to the first that is no named proxy; http on one stretch of the way is http."""
        address, scheme = peer, None
        for hop in reversed(hops):
            scheme = "http" if "http" in (scheme, hop.scheme) else hop.scheme or scheme
            said = _node(hop.node)
            if said is None:
                break
            address = said
            if not self._is_trusted(address):
                break
        return address, scheme


class OverTls:
    """Let through to `app` only what has come over TLS or from this machine, and let browsers remember it (RFC 6797).

    Stands inside `TrustedProxies`. What only reads and carries no credentials passes as well: it is a probe, and gives
    nothing away. `credentials` names the headers that carry some.
    """

    def __init__(
        self,
        app: "ASGIApp",
        *,
        credentials: Iterable[str] = ("Authorization",),
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        self._credentials = frozenset(name.lower().encode("ascii") for name in credentials)
        self._clock = clock
        self._tell = tell

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Look how an HTTP request has come; everything else passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = self._app
        if scope["scheme"] != "https" and self._gives_away(scope) and not _is_local(scope):
            error = InvalidRequest(
                "the request has not come over TLS, as far as this server can tell: send it to the https address; "
                "a proxy in between has to be named in MCP_TRUSTED_PROXIES and to send X-Forwarded-Proto"
            )
            app = _refuse(error, scope, self._clock, self._tell)
        await app(scope, receive, _with_hsts(send))

    def _gives_away(self, scope: "Scope") -> bool:
        return scope["method"] not in _SAFE_METHODS or any(name in self._credentials for name, _ in scope["headers"])


def _refuse(error: InvalidRequest, scope: "Scope", clock: Callable[[], float], tell: Listener) -> "ASGIApp":
    logger.info("refused a request, %s: %s", error.code, error)
    if tell is not nobody:
        tell(event_of(scope, "refuse", at=clock(), code=error.code))
    return refusal(error)


def _is_local(scope: "Scope") -> bool:
    address = _address(scope["client"][0]) if scope.get("client") else None
    return address is not None and address.is_loopback


def _with_hsts(send: "Send") -> "Send":
    def send_with_it(message: "Message") -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), _HSTS]}
        return send(message)

    return send_with_it


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _values(scope: "Scope", name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]


def _forwarded_for(scope: "Scope") -> list[_Hop]:
    items = ",".join(_values(scope, b"x-forwarded-for")).split(",")
    return [_Hop(item.strip()) for item in items if item.strip()]


def _forwarded_proto(scope: "Scope") -> str | None:
    values = _values(scope, b"x-forwarded-proto")
    return _scheme(values[-1].rpartition(",")[2].strip()) if values else None


def _forwarded(values: Iterable[str]) -> list[_Hop]:
    """Read the elements of `Forwarded`, the nearest proxy's last (RFC 7239, section 4). Raises InvalidRequest."""
    hops, pairs, text, position = [], dict[str, str](), ",".join(values), 0
    while position < len(text):
        pair = _PAIR.match(text, position)
        if pair is None or pair["name"].lower() in pairs or pair["end"] == "" != text[pair.end() :]:
            raise InvalidRequest("the Forwarded header cannot be read")
        pairs[pair["name"].lower()] = pair["token"] or re.sub(r"\\(.)", r"\1", pair["quoted"] or "")
        position = pair.end()
        if pair["end"] != ";":
            hops.append(_Hop(pairs.get("for"), _scheme(pairs["proto"]) if "proto" in pairs else None))
            pairs = {}
    if pairs:
        raise InvalidRequest("the Forwarded header cannot be read")
    return hops


def _node(text: str | None) -> Address | None:
    """Read who called a proxy: an address, perhaps with a port, or None where it hides that (RFC 7239, section 6)."""
    if text is None or text == "unknown" or text.startswith("_"):
        return None
    match = _NODE.fullmatch(text)
    address = _address(next(filter(None, match.groups()))) if match else None
    if address is None:
        raise InvalidRequest("a proxy names a caller by something that is no address")
    return address


def _scheme(text: str) -> str:
    if text.lower() not in ("http", "https"):
        raise InvalidRequest("a proxy names something other than http or https as the way a request has come")
    return text.lower()
