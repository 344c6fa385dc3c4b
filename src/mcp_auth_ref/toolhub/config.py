"""The MCP servers behind the gateway, as the file `.mcp/config.json` describes them.

Only these are ever started or called: no request names a command or an address. What is wrong in the file is refused by
name, with a right value, before anything starts.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.scopes import is_scope_list
from mcp_auth_ref.settings import OLDER_NAME, OTHER_VARIABLES, Settings, Url, variable

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ENV_NAME = re.compile(r"[^=\x00]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_SDK_HEADERS = ("accept", "connection", "content-length", "content-type", "host", "transfer-encoding")
_OWN_VARIABLES = {*map(variable, Settings.model_fields), OLDER_NAME, *OTHER_VARIABLES}
_EXAMPLE = '{"mcpServers": {"files": {"command": "mcp-server-filesystem", "args": ["/srv/files"]}}}'


def _scope(word: str) -> str:
    if not word or " " in word or not is_scope_list(word):
        raise ValueError("it is not one scope word. Write it like files:write")
    return word


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("its name is not one that a header can have. Write it like X-Api-Key")
    if name.lower() in _SDK_HEADERS or name.lower().startswith("mcp-"):
        raise ValueError("this header belongs to the protocol. Leave it out")
    return name


def _env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise ValueError("its name is not one that a variable can have. Write it like API_KEY")
    return name


def _word(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it has a NUL in it, which no command line has. Leave it out")
    if "${" in text:
        raise ValueError("variables have their place in env and headers only. Hand it over in env")
    return text


Scopes: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_scope)], ...],
    Field(title="a list of scope words", examples=['["files:write"]']),
]
Word: TypeAlias = Annotated[str, AfterValidator(_word)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)


class ToolRule(_Model):
    """What one tool needs beside what every call needs."""

    scopes: Scopes = ()


class _Server(_Model):
    """What both kinds have: the scopes of all tools, and by name those of single ones."""

    scopes: Scopes = ()
    tools: Annotated[
        Mapping[str, ToolRule],
        Field(title="an object of rules by tool", examples=['{"write_file": {"scopes": ["files:write"]}}']),
    ] = {}

    def scopes_of(self, tool: str) -> tuple[str, ...]:
        """Return what the server's tools need, and what this one needs."""
        rule = self.tools.get(tool)
        return tuple(dict.fromkeys((*self.scopes, *(rule.scopes if rule else ()))))

    @property
    def ruled(self) -> Iterable[str]:
        """The tools that have a rule of their own."""
        return self.tools


class StdioServer(_Server):
    """A server that is a process of its own, spoken to over its standard input and output.

    Of our environment it gets what every program needs, such as `PATH`, and what `env` names; nothing else.
    """

    command: Annotated[Word, Field(min_length=1, title="a program", examples=['"mcp-server-filesystem"'])]
    args: Annotated[tuple[Word, ...], Field(title="a list of strings", examples=['["/srv/files"]'])] = ()
    env: Annotated[
        Mapping[Annotated[str, AfterValidator(_env_name)], SecretStr],
        Field(title="an object of strings", examples=['{"API_KEY": "${FILES_API_KEY}"}']),
    ] = {}


class HttpServer(_Server):
    """A server at an address, spoken to over streamable HTTP. Header values are secrets."""

    url: Annotated[Url, Field(title="an https URL, or http on loopback", examples=['"https://mcp.example.com/mcp"'])]
    headers: Annotated[
        Mapping[Annotated[str, AfterValidator(_header_name)], SecretStr],
        Field(title="an object of strings", examples=['{"Authorization": "Bearer ${REMOTE_TOKEN}"}']),
    ] = {}


@dataclass(frozen=True, slots=True)
class InProcessServer:
    """A server of the SDK in this very process."""

    server: "MCPServer"
    scopes: tuple[str, ...] = ()
    tool_scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def scopes_of(self, tool: str) -> tuple[str, ...]:
        """Return what the server's tools need, and what this one needs."""
        return (*self.scopes, *self.tool_scopes.get(tool, ()))

    @property
    def ruled(self) -> Iterable[str]:
        """The tools that have a rule of their own."""
        return self.tool_scopes


ServerConfig: TypeAlias = StdioServer | HttpServer | InProcessServer


def read_servers(path: Path, environ: Mapping[str, str]) -> dict[str, ServerConfig]:
    """Read the servers by name. `${NAME}` in `env` and `headers` is taken from `environ`. Raises ConfigurationError."""
    return {name: _server(path, name, entry, environ) for name, entry in _entries(path).items()}


class _Twice(ValueError):
    """A member that stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return members


def _entries(path: Path) -> dict[str, Any]:
    setting, right = variable("servers_file"), f"A right file is {_EXAMPLE}"
    try:
        document = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=_unique)
    except OSError as error:
        raise ConfigurationError(setting, f"{path} cannot be read: {error.strerror}", right) from None
    except _Twice as error:
        raise ConfigurationError(setting, f"{path} has the member {error} twice in one object", "Keep one") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(setting, f"{path} is not JSON in UTF-8", right) from None
    servers = document.get("mcpServers") if isinstance(document, dict) else None
    if not isinstance(servers, dict):
        raise ConfigurationError(setting, f"{path} is no object with the member mcpServers, an object", right)
    for other in document.keys() - {"mcpServers"}:
        raise ConfigurationError(f"{other} in {path}", "there is no such key", "Leave it out; known is mcpServers")
    return servers


def _server(path: Path, name: str, entry: object, environ: Mapping[str, str]) -> StdioServer | HttpServer:
    place = f"mcpServers.{name}"
    if not _NAME.fullmatch(name):
        problem = "the name of a server has letters, digits, - and _, 64 at most: the dot parts it from its tools"
        raise ConfigurationError(f"{place} in {path}", problem, "Write it like files")
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{place} in {path}", "it is not an object", f"A right file is {_EXAMPLE}")
    if ("command" in entry) == ("url" in entry):
        problem = "it has both a command and a url" if "url" in entry else "it has neither a command nor a url"
        raise ConfigurationError(f"{place} in {path}", problem, "Give the one or the other")
    kind = HttpServer if "url" in entry else StdioServer
    try:
        server = kind.model_validate_json(json.dumps(entry))
    except ValidationError as error:
        raise _refusal(error.errors()[0], kind, path, place) from None
    return _expanded(server, path, place, environ)


def _expanded(
    server: StdioServer | HttpServer, path: Path, place: str, environ: Mapping[str, str]
) -> StdioServer | HttpServer:
    """Put the values of variables in place of their names."""
    key = "headers" if isinstance(server, HttpServer) else "env"
    given: Mapping[str, SecretStr] = getattr(server, key)
    values = {
        name: SecretStr(_filled(value.get_secret_value(), f"{place}.{key}.{name} in {path}", environ))
        for name, value in given.items()
    }
    for name, value in values.items():
        if key == "headers" and not _HEADER_VALUE.fullmatch(value.get_secret_value()):
            problem = "its value is empty, or has characters or spaces around it that no header may have"
            raise ConfigurationError(f"{place}.{key}.{name} in {path}", problem, "Look for a line break at its end")
        if "\x00" in value.get_secret_value():
            raise ConfigurationError(f"{place}.{key}.{name} in {path}", "its value has a NUL in it", "Leave it out")
    return server.model_copy(update={key: values})


def _filled(text: str, setting: str, environ: Mapping[str, str]) -> str:
    for name in _VARIABLE.findall(text):
        if name.upper() in _OWN_VARIABLES:
            problem = f"it hands on {name}, which is for this server only"
            raise ConfigurationError(setting, problem, "Give the other server a secret of its own")
        if not environ.get(name):
            raise ConfigurationError(setting, f"the variable {name} is not set", f"Set {name}, or write the value out")
    if "${" in _VARIABLE.sub("", text):
        raise ConfigurationError(setting, "it has ${ without a name and }", "Write a variable like ${FILES_API_KEY}")
    return _VARIABLE.sub(lambda match: environ[match[1]], text)


def _refusal(details: ErrorDetails, kind: type[_Model], path: Path, place: str) -> ConfigurationError:
    """Say what pydantic found in words of our own: its text would show the value, which may be a secret."""
    location = [part for part in details["loc"] if part != "[key]"]
    names = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    setting = f"{place}{names} in {path}"
    wrong = details.get("ctx", {}).get("error")
    if isinstance(wrong, ValueError):
        problem, _, remedy = str(wrong).partition(". ")
        return ConfigurationError(setting, problem, remedy)
    fields = ToolRule.model_fields if location[0] == "tools" and len(location) > 2 else kind.model_fields
    if details["type"] == "extra_forbidden":
        return ConfigurationError(setting, "there is no such key", _nearest(f"{location[-1]}", fields))
    key = f"{location[2 if fields is ToolRule.model_fields else 0]}"
    [example] = fields[key].examples or []
    return ConfigurationError(setting, f"{key} takes {fields[key].title}", f"A right value is {example}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"The nearest is {near[0]}" if near else f"Known are {', '.join(sorted(known))}"
