"""How a client finds its way: metadata documents, their addresses, and challenges, built and parsed.

The server builds with these functions what the client parses with them; a checker of other people's servers parses too.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from mcp_auth_ref.core.errors import AuthError, GrantRefused, InsufficientScope, InvalidRequest, InvalidToken

PROTECTED_RESOURCE = "oauth-protected-resource"
AUTHORIZATION_SERVER = "oauth-authorization-server"


def well_known(identifier: str, name: str) -> str:
    """Return the address of a metadata document: the identifier with `/.well-known/NAME` before its path.

    So asks RFC 8615 as RFC 9728, section 3.1, and RFC 8414, section 3.1, use it; the first keeps the slash that ends a
    path, the second drops it.

    ```python
    from mcp_auth_ref import well_known

    print(well_known("https://mcp.example.com/mcp", "oauth-protected-resource"))
    #> https://mcp.example.com/.well-known/oauth-protected-resource/mcp
    ```
    """
    parts = urlsplit(identifier)
    path = parts.path if name == PROTECTED_RESOURCE and parts.path != "/" else parts.path.removesuffix("/")
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{path}", parts.query, ""))


def resource_metadata(
    *, resource: str, authorization_servers: Iterable[str], scopes_supported: Iterable[str]
) -> dict[str, str | list[str]]:
    """Describe a protected resource (RFC 9728, section 2). Tokens are taken from the header only."""
    return {
        "resource": resource,
        "authorization_servers": list(authorization_servers),
        "scopes_supported": list(scopes_supported),
        "bearer_methods_supported": ["header"],
    }


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a `WWW-Authenticate` header: a scheme and its parameters, names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        """Write the challenge as the header field has it (RFC 9110, section 11.6.1)."""
        pairs = (f"{name}={_quoted(value)}" for name, value in self.parameters.items())
        return f"{self.scheme} {', '.join(pairs)}".rstrip()

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes the challenge asks for."""
        return tuple(self.parameters.get("scope", "").split())


def challenge_for(error: AuthError, *, metadata_url: str, scopes: Collection[str]) -> Challenge:
    """Return the Bearer challenge that answers a refusal (RFC 6750, section 3; RFC 9728, section 5.1).

    Without credentials there is no `error`. With a missing scope, `scope` names everything the operation needs; else
    `scopes`, what a client asks for to begin with.
    """
    parameters = {}
    if isinstance(error, InvalidToken):
        parameters["error"] = "invalid_token"
    elif isinstance(error, InsufficientScope | InvalidRequest):
        parameters["error"] = error.code
    if parameters:
        parameters["error_description"] = describe(error)
    if wanted := " ".join(error.required if isinstance(error, InsufficientScope) else scopes):
        parameters["scope"] = wanted
    parameters["resource_metadata"] = metadata_url
    return Challenge("Bearer", parameters)


def describe(error: AuthError) -> str:
    """Say what a caller over the network may know of a refusal, in the characters that RFC 6750 allows."""
    is_told = error.public_code == error.code or isinstance(error, GrantRefused)
    said = str(error) if is_told else "the token is not accepted"
    return re.sub(r"[^ !#-\[\]-~]", "?", said)


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Read a `WWW-Authenticate` field, which may hold several challenges (RFC 9110, section 11.6.1).

    Raises InvalidRequest where it breaks the grammar or repeats a parameter.
    """
    challenges: list[tuple[str, dict[str, str]]] = []
    takes_parameters = False
    position = 0
    while position < len(header):
        if blank := _BLANK.match(header, position):
            position = blank.end()
        elif takes_parameters and (parameter := _PARAMETER.match(header, position)):
            _add(challenges[-1][1], parameter)
            position = parameter.end()
        elif scheme := _SCHEME.match(header, position):
            challenges.append((scheme["scheme"], {}))
            takes_parameters = scheme["token68"] is None
            position = scheme.end()
        else:
            raise InvalidRequest(f"the WWW-Authenticate field breaks its grammar at character {position}")
    return tuple(Challenge(scheme, MappingProxyType(parameters)) for scheme, parameters in challenges)


_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the grammar's word for a word
_END = r"(?=[ \t]*(?:,|$))"
_BLANK = re.compile(r"[ \t,]+")
_PARAMETER = re.compile(rf'(?P<name>{_TOKEN})[ \t]*=[ \t]*(?:(?P<word>{_TOKEN})|"(?P<quoted>(?:[^"\\]|\\.)*)"){_END}')
_TOKEN68 = r"[A-Za-z0-9._~+/-]+=*"
_SCHEME = re.compile(rf"(?P<scheme>{_TOKEN})(?:[ ]+(?P<token68>{_TOKEN68}){_END}|{_END}|(?=[ ]+{_TOKEN}[ \t]*=))")


def _add(parameters: dict[str, str], parameter: re.Match[str]) -> None:
    name = parameter["name"].lower()
    if name in parameters:
        raise InvalidRequest(f"the WWW-Authenticate field has the parameter {name} twice")
    parameters[name] = parameter["word"] or re.sub(r"\\(.)", r"\1", parameter["quoted"] or "")


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
