"""Rate limits around what is served: of each subject, of its calls of some tools, and of failures from one address.

A good token passes whatever comes from the same address beside it, so that nobody is locked out by what others guess.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Literal, TypeAlias

from mcp_auth_ref.core.errors import InvalidRequest, InvalidToken, MissingToken, RateLimited
from mcp_auth_ref.core.limits import Rate
from mcp_auth_ref.events import Listener, nobody
from mcp_auth_ref.server.counters import Counter, Standing
from mcp_auth_ref.server.observed import event_of
from mcp_auth_ref.server.problems import refusal
from mcp_auth_ref.server.resource import Verifier, bearer_token

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]
Policy: TypeAlias = Literal["subject", "tool", "address", "client"]

LIMIT_FIELDS = ("Retry-After", "RateLimit", "RateLimit-Policy")
"""The header fields that tell a caller of its limits."""


class CallLimits:
    """What each subject may ask for in a window: so many messages, and of some tools so many calls.

    `tools` has a counter for a tool by its name, or by `server.tool`. One subject is one `sub` of one issuer. `tell`
    hears of the first refusal in a window of each subject and tool, and not of those that follow.
    """

    def __init__(
        self,
        subjects: Counter,
        tools: Mapping[str, Counter],
        *,
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._subjects = subjects
        self._tools = tools
        self._plain = {name.partition(".")[2] or name: counter for name, counter in tools.items()} | dict(tools)
        self._clock = clock
        self._tell = tell

    async def take(self, scope: "Scope", tools: Sequence[str | None] = (None,)) -> Fields:
        """Count what a request with verified claims asks for: of each message, the tool that it calls, if any.

        Return the header fields that tell the caller what is left. Raises RateLimited, and InvalidRequest for a batch
        that would never pass.
        """
        taken = [await self._take("subject", self._subjects, scope, len(tools), None)]
        if self._tools:
            for tool in dict.fromkeys(tools):
                counter = self._counter_of(tool)
                if counter is not None:
                    taken.append(await self._take("tool", counter, scope, tools.count(tool), tool))
        return _fields(taken)

    def _counter_of(self, tool: str | None) -> Counter | None:
        """Find the limit of a tool, also where one side names its server and the other does not."""
        if tool is None:
            return None
        return self._plain.get(tool, self._tools.get(tool.partition(".")[2]))

    async def _take(
        self, policy: Policy, counter: Counter, scope: "Scope", cost: int, tool: str | None
    ) -> tuple[Policy, Rate, Standing]:
        rate, now = counter.rate, self._clock()
        if cost > rate.amount:
            raise InvalidRequest(f"the batch has {cost} messages where {rate} may pass")
        claims = scope["state"]["claims"]
        standing = await counter.take((claims.issuer, claims.subject), now=now, cost=cost)
        if standing.wait:
            error = _limited(policy, rate, standing.wait)
            if standing.is_first:
                logger.info("refused a request, %s: %s", error.code, error)
                self._tell(event_of(scope, "limit", at=now, code=error.code, tool=tool))
            raise error
        return policy, rate, standing


@dataclass(frozen=True, slots=True)
class Limits:
    """What a whole server is limited by: what subjects and clients ask for, and what fails from an address."""

    calls: CallLimits
    failures: Counter
    clients: "ClientLimits"


class ClientLimits:
    """How often a client may ask the authorization server in a window, and how often fail to say who it is.

    Failures count for the client that is named and the address that names it, together: whoever guesses a client's
    secret is refused, also with the right one, and the client itself, anywhere else, is not. Clients that do not exist
    are one. What a public client asks for counts for each address by itself, since anybody can say its name.
    """

    def __init__(
        self,
        requests: Counter,
        failures: Counter,
        *,
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._requests = requests
        self._failures = failures
        self._clock = clock
        self._tell = tell

    def check(self, scope: "Scope", client_id: str | None) -> None:
        """Refuse a client before it is looked at, where it has failed too often from there. Raises RateLimited."""
        spent = self._failures.spent(_from_where(scope, client_id), now=self._clock())
        if spent:
            raise _limited("address", self._failures.rate, spent)

    async def failed(self, scope: "Scope", client_id: str | None) -> None:
        """Count that somebody was not who they said. Raises RateLimited."""
        await self._take("address", self._failures, _from_where(scope, client_id), scope)

    async def asks(self, scope: "Scope", client_id: str, *, is_public: bool) -> None:
        """Count what a client asks for. Raises RateLimited."""
        key = _from_where(scope, client_id) if is_public else client_id
        await self._take("client", self._requests, key, scope)

    async def _take(self, policy: Policy, counter: Counter, key: Hashable, scope: "Scope") -> None:
        now = self._clock()
        standing = await counter.take(key, now=now)
        if standing.wait:
            error = _limited(policy, counter.rate, standing.wait)
            if standing.is_first:
                logger.info("refused a request, %s: %s", error.code, error)
                self._tell(event_of(scope, "limit", at=now, code=error.code))
            raise error


def _from_where(scope: "Scope", client_id: str | None) -> tuple[str, str | None]:
    return network_of(scope["client"][0] if scope.get("client") else ""), client_id


class LimitFailures:
    """Let an address have only so many requests to `app` end in 401 in a window, and answer 429 from then on.

    With `is_good`, only what carries an `Authorization` header counts: a request without one asks how to sign in. Once
    an address has used up what it may, what it sends passes if `is_good` says so, and otherwise goes no further than
    here: no log and no listener hears of each guess. Without `is_good`, nothing passes from such an address.

    Addresses of IPv6 count by their network of 64 bits, which is what one customer gets.
    """

    def __init__(
        self,
        app: "ASGIApp",
        counter: Counter,
        *,
        is_good: Callable[["Scope"], bool] | None = None,
        clock: Callable[[], float] = time.time,
        tell: Listener = nobody,
    ) -> None:
        self._app = app
        self._counter = counter
        self._is_good = is_good
        self._clock = clock
        self._tell = tell

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Count how an HTTP request ends, or refuse it; everything else passes."""
        if scope["type"] != "http" or not self._counts(scope):
            await self._app(scope, receive, send)
            return
        network = network_of(scope["client"][0] if scope.get("client") else "")
        spent = self._counter.spent(network, now=self._clock())
        if spent and not (self._is_good and self._is_good(scope)):
            await refusal(_limited("address", self._counter.rate, spent))(scope, receive, send)
        else:
            await self._app(scope, receive, self._counting(network, scope, send))

    def _counts(self, scope: "Scope") -> bool:
        return self._is_good is None or any(name == b"authorization" for name, _ in scope["headers"])

    def _counting(self, network: str, scope: "Scope", send: "Send") -> "Send":
        instead: ASGIApp | None = None

        async def send_or_refuse(message: "Message") -> None:
            nonlocal instead
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.UNAUTHORIZED:
                instead = await self._failed(network, scope)
                if instead is not None:
                    await instead(scope, _nothing, send)
            if instead is None:
                await send(message)

        return send_or_refuse

    async def _failed(self, network: str, scope: "Scope") -> "ASGIApp | None":
        now = self._clock()
        standing = await self._counter.take(network, now=now)
        if not standing.wait:
            return None
        error = _limited("address", self._counter.rate, standing.wait)
        if standing.is_first:
            logger.info("refuses what fails from %s, %s: %s", network, error.code, error)
            self._tell(event_of(scope, "limit", at=now, code=error.code))
        return refusal(error)


def accepted_by(verifier: Verifier, clock: Callable[[], float]) -> Callable[["Scope"], bool]:
    """Return what tells of a request whether its token is good; where nobody can tell, the guard answers for that."""

    def is_good(scope: "Scope") -> bool:
        try:
            verifier.verify(bearer_token(scope), now=clock())
        except (InvalidToken, InvalidRequest, MissingToken):
            return False
        except Exception:  # noqa: BLE001 - the guard finds the same, logs it, and lets nobody in
            return True
        return True

    return is_good


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return what an address counts as: itself, or its network of 64 bits in IPv6. All that is no address is one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed) >> 64 << 64, 64)))


def with_fields(send: "Send", fields: Fields) -> "Send":
    """Put header fields on the answer."""

    def send_with_them(message: "Message") -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *fields]}
        return send(message)

    return send_with_them


def _limited(policy: Policy, rate: Rate, seconds: float) -> RateLimited:
    return RateLimited(max(1, math.ceil(seconds)), policy=policy, quota=rate.amount, window=rate.seconds)


def _fields(taken: Sequence[tuple[Policy, Rate, Standing]]) -> Fields:
    """Tell what may pass and what is left of it (draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4)."""
    policies = ", ".join(f'"{policy}";q={rate.amount};w={rate.seconds}' for policy, rate, _ in taken)
    left = ", ".join(
        f'"{policy}";r={standing.remaining};t={math.ceil(standing.seconds)}'
        for policy, _, standing in taken
        if standing.remaining is not None
    )
    announced = [(b"ratelimit-policy", policies.encode())]
    return [*announced, (b"ratelimit", left.encode())] if left else announced


async def _nothing() -> "Message":
    return {"type": "http.disconnect"}
