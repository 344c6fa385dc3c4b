"""Settings: each variable with its check, its default and what it is for, read into one frozen value.

`Settings.load` asks the environment, then the file `.env`, then the TOML file that `MCP_CONFIG` names, and takes each
value from the first that has it. What is wrong is refused by name, with a right value, before anything starts.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    Secret,
    SecretBytes,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from mcp_auth_ref import privatefiles
from mcp_auth_ref.core.errors import ConfigurationError, InvalidKey
from mcp_auth_ref.core.limits import MAX_AMOUNT, MAX_SECONDS, Rate
from mcp_auth_ref.core.scopes import is_scope_list

PREFIX = "MCP_"
OLDER_NAME = "JWT_SECRET_KEY"
OTHER_VARIABLES = ("MCP_TOKEN",)  # the variable in which `validate-mcp-token` looks for a token
AUDIT_TO_STREAM = Path("-")
SERVERS_FILE = Path(".mcp", "config.json")
DEMONSTRATION_SECRET = b"demonstration-secret-never-use-it-in-production"

_IN_NO_URL = frozenset(' "<>\\^`{|}')  # RFC 3986, section 2; a router reads braces as a pattern
_TOKEN = re.compile(r"[A-Za-z0-9-]+")
_HOST = re.compile(r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

Algorithm: TypeAlias = Literal["HS256", "ES256", "RS256", "EdDSA"]


class _Wrong(ValueError):
    """What is wrong with a value and what would be right, in our own words."""

    def __init__(self, problem: str, remedy: str, *, setting: str | None = None) -> None:
        self.problem = problem
        self.remedy = remedy
        self.setting = setting
        super().__init__(f"{problem}. {remedy}")


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to the machine it is used on."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_url(url: str) -> str:
    """Return the URL as it is, byte for byte: https, or http on loopback, without query, fragment and user name.

    Raises ValueError.
    """
    right = "Write it like https://mcp.example.com/mcp"
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise _Wrong("it is not a URL", right) from None
    if not has_host or not url.startswith(("https://", "http://")):
        raise _Wrong("it is not an https or http URL with a host", right)
    if not url.isascii() or not url.isprintable() or not _IN_NO_URL.isdisjoint(url):
        raise _Wrong("it has characters that no URL has", right)
    if "?" in url or "#" in url or "@" in parts.netloc:
        raise _Wrong("it has a query, a fragment or a user name", right)
    if parts.scheme == "http" and not is_loopback(url):
        raise _Wrong("it is http outside loopback, where tokens would travel in the clear", right)
    return url


def _resource_url(url: str) -> str:
    """Refuse what clients write in another way, where the two are compared byte for byte."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
    if host != parts.netloc:
        problem = "its host has capital letters, or the port that goes without saying"
        raise _Wrong(problem, f"Write {url.replace(parts.netloc, host, 1)}")
    return url


def _host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise _Wrong("it has something in it that is not a host with its port", "Write it like mcp.example.com:8443")
    return host


def _origin(origin: str) -> str:
    scheme, _, host = origin.partition("://")
    if scheme not in ("https", "http") or not _HOST.fullmatch(host):
        problem = "it has something in it that is not an origin, as browsers send it"
        raise _Wrong(problem, "Write it like https://app.example.com")
    return origin


class StoreUrl(Secret[str]):
    """The address of a store; what is before its `@` may be a password and is not shown."""

    def _display(self) -> str:
        return re.sub(r"//.*@", "//hidden@", self.get_secret_value())


def _store_url(given: StoreUrl) -> StoreUrl:
    right = "Write memory:, sqlite:///.mcp/store.db or redis://127.0.0.1:6379/0"
    url = given.get_secret_value()
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        if not re.fullmatch(r"///[^?#]*[^/?#]", rest):
            raise _Wrong("it is not sqlite:/// and the path of a file", right)
    elif scheme in ("redis", "rediss"):
        _check_redis_url(url, right)
    elif scheme == "unix":
        if not re.fullmatch(r"///[^?#]+(\?db=[0-9]+)?", rest):
            raise _Wrong("it is not unix:/// and the path of a socket", right)
    elif url != "memory:":
        raise _Wrong("it is the address of no store known here", right)
    return given


def _check_redis_url(url: str, right: str) -> None:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
        parts = urlsplit("")
    if not has_host:
        raise _Wrong("it has no host, or a port that is none", right)
    if parts.query or parts.fragment or not re.fullmatch(r"(/[0-9]*)?", parts.path):
        raise _Wrong("something other than the number of a database follows the host", right)


def _proxy(proxy: str) -> str:
    right = "Write it like 127.0.0.1 or 10.1.0.0/24"
    try:
        network = ip_network(proxy)
    except ValueError:
        raise _Wrong("it has something in it that is neither an address nor a network", right) from None
    if network.prefixlen == 0:
        raise _Wrong("it names everybody, so that everybody could say where a request comes from", right)
    return proxy


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name) or name.lower() in ("authorization", "cookie", "host"):
        raise _Wrong("it is not the name of a header that is free for this", "Write it like X-API-Key")
    return name


def _comma_separated(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _no_variable(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str):
        remedy = f"Write [[{info.field_name}]] into the file that MCP_CONFIG names"
        raise _Wrong("it does not fit into a variable", remedy)
    return value


def _tool_limits(value: object) -> object:
    """Read the table of limits, and refuse each that is not written as a rate."""
    if not isinstance(value, dict):
        raise _Wrong("it is not a table", "Write [tool_limits] into the file that MCP_CONFIG names")
    return {name: _rate(name, rate) for name, rate in value.items()}


def _rate(tool: str, rate: object) -> Rate:
    if isinstance(rate, Rate):
        return rate
    try:
        return Rate.parse(rate if isinstance(rate, str) else "")
    except ValueError as error:
        raise _Wrong(f"that of {tool} cannot be read: {error}", f'Write it like: {tool} = "5/minute"') from None


def _scope_word(scope: str) -> str:
    if not scope or " " in scope or not is_scope_list(scope):
        raise _Wrong("it has something in it that is not a scope", "Write each scope as a word, like mcp:tools:read")
    return scope


HeaderName: TypeAlias = Annotated[str, AfterValidator(_header_name)]
Url: TypeAlias = Annotated[str, AfterValidator(checked_url)]
ResourceUrl: TypeAlias = Annotated[Url, AfterValidator(_resource_url)]
Hosts: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(_comma_separated)
]
Origins: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_comma_separated)
]


Proxies: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_proxy)], ...], NoDecode, BeforeValidator(_comma_separated)
]
ToolLimits: TypeAlias = Annotated[Mapping[str, Rate], NoDecode, BeforeValidator(_tool_limits)]


class IssuerSettings(BaseModel):
    """One table of `[[issuers]]`: an issuer whose tokens are accepted, and with which keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: Url = Field(
        title="an https URL",
        description="The issuer, spelled exactly as its tokens spell it in `iss`.",
        examples=["https://login.example.com"],
    )
    audience: str | None = Field(
        default=None,
        min_length=1,
        title="a string",
        description="What its tokens must name in `aud`, where that is not `MCP_RESOURCE_URL`.",
        examples=["https://mcp.example.com/mcp"],
    )
    algorithms: tuple[Algorithm, ...] = Field(
        min_length=1,
        title="HS256, ES256, RS256 or EdDSA, in a list",
        description="The algorithms it may sign with. A key of another algorithm stops the start.",
        examples=['["ES256"]'],
    )
    jwks_file: Path | None = Field(
        default=None, title="a path", description="Its public keys as a JWK Set.", examples=["login-keys.json"]
    )
    public_key_file: Path | None = Field(
        default=None, title="a path", description="Its public key as PEM or JWK.", examples=["login-key.pem"]
    )
    secret_file: Path | None = Field(
        default=None,
        title="a path",
        description="The secret it shares with this server (HS256).",
        examples=["login-secret"],
    )

    @model_validator(mode="after")
    def _has_one_source_of_keys(self) -> "IssuerSettings":
        if [self.jwks_file, self.public_key_file, self.secret_file].count(None) != 2:
            raise _Wrong("it has not exactly one source of keys", "Give jwks_file, public_key_file or secret_file")
        return self


class ClientSettings(BaseModel):
    """One table of `[[clients]]`: a client of the authorization server, and how it proves who it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(
        min_length=1,
        pattern=r"^[ -~]+$",
        title="a string of printable ASCII",
        description="Its `client_id`.",
        examples=["build-robot"],
    )
    secret_file: Path | None = Field(
        default=None,
        title="a path",
        description="The file that holds its secret: `mcp-auth-ref secret new` makes one.",
        examples=["robot-secret"],
    )
    secret_sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        title="64 hexadecimal digits",
        description="The SHA-256 of its secret, where the secret itself is not on this machine.",
        examples=["the output of `printf %s SECRET | sha256sum`"],
    )
    public: bool = Field(
        default=False,
        title="true or false",
        description="It has no secret and is known by its name alone. It may refresh and revoke what was issued to it, "
        "and gets no token of its own.",
        examples=["true"],
    )
    scopes: tuple[Annotated[str, AfterValidator(_scope_word)], ...] = Field(
        default=(),
        title="scopes, in a list",
        description="What a token of its own may have (`client_credentials`).",
        examples=['["mcp:tools:read"]'],
    )
    refresh: bool = Field(
        default=False,
        title="true or false",
        description="Whether it gets a refresh token with a token of its own. RFC 6749, section 4.4.3 advises against: "
        "it has its secret to ask again with.",
        examples=["true"],
    )

    @model_validator(mode="after")
    def _proves_who_it_is_in_one_way(self) -> "ClientSettings":
        if [self.secret_file is not None, self.secret_sha256 is not None, self.public].count(True) != 1:
            raise _Wrong("it has not exactly one way to be known", "Give secret_file, secret_sha256 or public = true")
        if self.public and (self.scopes or self.refresh):
            raise _Wrong("it is public, and gets no token of its own", "Leave scopes and refresh out, or give a secret")
        return self


class Settings(BaseSettings):
    """Everything that can be set. A field `leeway` is the variable `MCP_LEEWAY` and the TOML key `leeway`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        dotenv_filtering="only_existing",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    jwt_secret: SecretBytes | None = Field(
        default=None,
        title="32 bytes or more",
        description="The secret that signs and verifies tokens with HS256. There is no default: "
        "`mcp-auth-ref secret new` makes one. `JWT_SECRET_KEY` is its older name.",
        examples=["the output of `mcp-auth-ref secret new`"],
    )
    jwt_secret_file: Path | None = Field(
        default=None,
        title="a path",
        description="The file that holds the secret, instead of the secret itself: one on each line, oldest to newest. "
        "The newest signs, all verify. A running server follows the file.",
        examples=["/run/secrets/mcp_jwt_secret"],
    )
    jwt_algorithm: Algorithm = Field(
        default="HS256",
        title="HS256, ES256, RS256 or EdDSA",
        description="What signs tokens: a shared secret (HS256), or the key pairs of `MCP_KEYS_FILE` (the others).",
        examples=["ES256"],
    )
    keys_file: Path | None = Field(
        default=None,
        title="a path",
        description="The key pairs, oldest to newest, as `mcp-auth-ref keys new` writes them; the newest signs, once "
        "its time has come. A running server follows the file.",
        examples=["keys.json"],
    )
    api_keys_file: Path | None = Field(
        default=None,
        title="a path",
        description="The API keys that are accepted beside tokens, as `mcp-auth-ref apikey new` writes them: digests "
        "and no key. Without it, none are. A running server follows the file.",
        examples=["apikeys.json"],
    )
    api_key_header: HeaderName | None = Field(
        default=None,
        title="the name of a header",
        description="A second header in which an API key may come, for machines that cannot send `Authorization`. "
        "Without it, none.",
        examples=["X-API-Key"],
    )
    jwt_expiry_hours: float = Field(
        default=1,
        ge=0.001,
        allow_inf_nan=False,
        title="a number of hours, 0.001 or more",
        description="How long a token lives.",
        examples=["0.5"],
    )
    max_token_age: int = Field(
        default=86400,
        gt=0,
        title="a whole number of seconds above 0",
        description="Refuse tokens that were issued longer ago, whatever they say themselves, and issue none that "
        "live longer.",
        examples=["86400"],
    )
    leeway: int = Field(
        default=30,
        ge=0,
        le=60,
        title="a whole number of seconds from 0 to 60",
        description="Forgive clocks that differ by so much, both ways.",
        examples=["30"],
    )
    issuer: Url = Field(
        default="http://127.0.0.1:8765",
        title="an https URL, or http on loopback",
        description="Who issues the tokens: their `iss`, compared byte for byte.",
        examples=["https://mcp.example.com"],
    )
    resource_url: ResourceUrl = Field(
        default="http://127.0.0.1:8765/mcp",
        title="an https URL, or http on loopback",
        description="The public address of the MCP endpoint: the `aud` of its tokens, compared byte for byte.",
        examples=["https://mcp.example.com/mcp"],
    )
    store_url: Annotated[StoreUrl, AfterValidator(_store_url)] = Field(
        default=StoreUrl("sqlite:///.mcp/store.db"),
        title="memory:, sqlite:///PATH or redis://HOST",
        description="Where revocations and refresh tokens are kept: in the process and no longer than it, in a file "
        "for the processes of one machine, or in Redis for many replicas (`rediss:` with TLS, `unix:///SOCKET`).",
        examples=["sqlite:///.mcp/store.db"],
    )
    refresh_token_expiry_days: float = Field(
        default=7,
        gt=0,
        allow_inf_nan=False,
        title="a number of days above 0",
        description="How long a refresh token lives that is not used.",
        examples=["7"],
    )
    refresh_family_expiry_days: float = Field(
        default=30,
        gt=0,
        allow_inf_nan=False,
        title="a number of days above 0",
        description="How long tokens can be refreshed after one sign-in, however often that happens.",
        examples=["30"],
    )
    refresh_grace_secs: int = Field(
        default=10,
        ge=0,
        le=60,
        title="a whole number of seconds from 0 to 60",
        description="For how long after a refresh the token before still gets an access token, and no refresh token: "
        "two callers of one client may have raced. Later than that it counts as stolen.",
        examples=["10"],
    )
    store_stale_secs: int = Field(
        default=10,
        ge=1,
        title="a whole number of seconds above 0",
        description="How long the store may be silent. After that every token is refused with 503 until it answers "
        "again, for nobody can tell which are revoked.",
        examples=["10"],
    )
    auth_enabled: bool = Field(
        default=True,
        title="true or false",
        description="`false` lets everybody in. That is refused unless `MCP_RESOURCE_URL` is on loopback.",
        examples=["true"],
    )
    allowed_hosts: Hosts = Field(
        default_factory=lambda given: (urlsplit(given["resource_url"]).netloc,),
        title="hosts with their ports, separated by commas",
        description="The names by which the server may be called (`Host`); by default that of `MCP_RESOURCE_URL`.",
        examples=["mcp.example.com,mcp.internal:8443"],
    )
    allowed_origins: Origins = Field(
        default=(),
        title="origins, separated by commas",
        description="The web sites whose pages may call the server from a browser (`Origin`).",
        examples=["https://app.example.com"],
    )
    trusted_proxies: Proxies = Field(
        default=(),
        title="addresses or networks, separated by commas",
        description="The proxies whose `Forwarded` and `X-Forwarded-…` headers are believed. Nobody else's are.",
        examples=["127.0.0.1,10.1.0.0/24"],
    )
    tls_cert_file: Path | None = Field(
        default=None,
        title="a path",
        description="The certificate, and those that vouch for it, of a server that speaks TLS itself (PEM).",
        examples=["server.pem"],
    )
    tls_key_file: Path | None = Field(
        default=None, title="a path", description="The key of that certificate (PEM).", examples=["server.key"]
    )
    rate_limit_enabled: bool = Field(
        default=True,
        title="true or false",
        description="`false` counts nothing and refuses nobody for asking too often.",
        examples=["true"],
    )
    rate_limit_requests: int = Field(
        default=600,
        gt=0,
        le=MAX_AMOUNT,
        title=f"a whole number from 1 to {MAX_AMOUNT}",
        description="How many requests each subject may send in a window.",
        examples=["600"],
    )
    rate_limit_window_secs: int = Field(
        default=60,
        gt=0,
        le=MAX_SECONDS,
        title=f"a whole number of seconds from 1 to {MAX_SECONDS}",
        description="How long the window is, for requests and for failures.",
        examples=["60"],
    )
    rate_limit_failures: int = Field(
        default=20,
        gt=0,
        le=MAX_AMOUNT,
        title=f"a whole number from 1 to {MAX_AMOUNT}",
        description="How many refused tokens each client address may send in a window. Good ones pass all the same.",
        examples=["20"],
    )
    rate_limit_without_store: Literal["count", "refuse"] = Field(
        default="count",
        title="count or refuse",
        description="What replicas do while Redis, in which they count together, does not answer: `count` alone, or "
        "`refuse` with 429 whatever has to be counted.",
        examples=["count"],
    )
    tool_limits: ToolLimits = Field(
        default_factory=dict,
        title='a table: a tool and "5/minute"',
        description="How often each subject may call a tool, where that is less often than other requests.",
        examples=['write_file = "5/minute"'],
    )
    files_root: Path | None = Field(
        default=None,
        title="a path",
        description="The folder in which the demonstration server's tools read and write files.",
        examples=["./files"],
    )
    servers_file: Path | None = Field(
        default=None,
        title="a path",
        description="The MCP servers behind the gateway, in JSON. By default `.mcp/config.json` where that exists; "
        "without the file, the demonstration server.",
        examples=[".mcp/config.json"],
    )
    tool_timeout_secs: float = Field(
        default=30,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        title="a number of seconds above 0, 3600 at most",
        description="How long a tool behind the gateway may take. A caller may ask for less, not for more.",
        examples=["30"],
    )
    max_result_bytes: int = Field(
        default=4 * 1024 * 1024,
        ge=1024,
        le=64 * 1024 * 1024,
        title="a whole number of bytes from 1024 to 67108864",
        description="The largest result of a tool that the gateway passes on.",
        examples=["4194304"],
    )
    audit_enabled: bool = Field(
        default=True,
        title="true or false",
        description="Whether each decision becomes a line of the audit log: who was let in, who was refused and why, "
        "who did what.",
        examples=["true"],
    )
    audit_log_path: Path = Field(
        default=Path(".mcp", "audit.log"),
        title="a path, or -",
        description="Where the audit log is written. `-` is standard output, and standard error for commands.",
        examples=["/var/lib/mcp/audit.log"],
    )
    audit_max_bytes: int = Field(
        default=10 * 1024 * 1024,
        ge=4096,
        title="a whole number of bytes, 4096 or more",
        description="How long the audit log gets before a next file begins.",
        examples=["10485760"],
    )
    audit_keep_files: int = Field(
        default=10,
        ge=0,
        le=1000,
        title="a whole number from 0 to 1000",
        description="How many full files of the audit log are kept beside the one being written; the oldest goes.",
        examples=["10"],
    )
    audit_key_file: Path | None = Field(
        default=None,
        title="a path",
        description="The file with the key, 32 bytes or more, that seals each line of the audit log, so that "
        "`mcp-auth-ref audit verify` finds what has been changed.",
        examples=["/run/secrets/mcp_audit_key"],
    )
    config: Path | None = Field(
        default=None,
        title="a path",
        description="A TOML file with further settings; `[[issuers]]` and `[[clients]]` stand there.",
        examples=["mcp-auth-ref.toml"],
    )
    issuers: Annotated[tuple[IssuerSettings, ...], NoDecode, BeforeValidator(_no_variable)] = Field(
        default=(), title="tables named [[issuers]]", description="Further issuers to trust.", examples=["[[issuers]]"]
    )
    clients: Annotated[tuple[ClientSettings, ...], NoDecode, BeforeValidator(_no_variable)] = Field(
        default=(),
        title="tables named [[clients]]",
        description="The clients that may ask this server itself for tokens. `mcp-auth-ref-cli`, the commands "
        "themselves, is always one, and public.",
        examples=["[[clients]]"],
    )

    _places: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        *_: object,
        **__: object,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let `Settings(...)` hold what it is given; only `load` looks around."""
        return (init_settings,)

    @classmethod
    def load(cls, *, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> "Settings":
        """Read the settings as seen from the folder `cwd`. Raises ConfigurationError."""
        sources = _sources(os.environ if environ is None else environ, cwd or Path())
        values, places = _merged(sources)
        servers_file = (cwd or Path()) / SERVERS_FILE
        if "servers_file" not in values and servers_file.is_file():
            values["servers_file"] = servers_file
        try:
            settings = cls(**values)
        except ValidationError as error:
            raise _refusal(error.errors()[0], places) from None
        if settings.jwt_secret_file is not None:
            secret = read_secret(settings.jwt_secret_file, setting=_spelled(("jwt_secret_file",), places))
            settings = settings.model_copy(update={"jwt_secret": SecretBytes(secret)})
            places["jwt_secret"] = f"file {settings.jwt_secret_file}"
        settings._places = places
        settings._warnings = (*(text for source in sources for text in source.warnings), *_doubts(settings))
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not stop the start and should be known, such as unknown variables."""
        return self._warnings

    def where(self, name: str) -> str:
        """Tell where the value of a field comes from."""
        return self._places.get(name, "default")

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        if self.jwt_expiry_hours * 3600 > self.max_token_age:
            raise _Wrong(
                f"it is longer than MCP_MAX_TOKEN_AGE, {self.max_token_age} seconds",
                f"Set it to {self.max_token_age / 3600:g} or less",
                setting="jwt_expiry_hours",
            )
        if self.audit_key_file is not None and self.audit_log_path == AUDIT_TO_STREAM:
            raise _Wrong(
                "it is given, and the audit log goes to standard output, which has no end to count from",
                "Set MCP_AUDIT_LOG_PATH to a file, or leave out the key",
                setting="audit_key_file",
            )
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise _Wrong(
                "it is given without the other of MCP_TLS_CERT_FILE and MCP_TLS_KEY_FILE",
                "Give both, or leave TLS to a proxy",
                setting="tls_cert_file" if self.tls_cert_file else "tls_key_file",
            )
        if not self.auth_enabled and not is_loopback(self.resource_url):
            raise _Wrong(
                "it is false while MCP_RESOURCE_URL is not on loopback",
                "Set it to true, or MCP_RESOURCE_URL to http://127.0.0.1:8765/mcp",
                setting="auth_enabled",
            )
        names = [client.id for client in self.clients]
        if len(set(names)) < len(names):
            raise _Wrong("two of them have one id", "Give each client an id of its own", setting="clients")
        return self

    def effective(self) -> Iterator[tuple[str, str, str]]:
        """Give every variable with its value, secrets hidden, and where it comes from."""
        for name in type(self).model_fields:
            yield variable(name), _shown(getattr(self, name)), self.where(name)


def variable(field: str) -> str:
    """Name the variable of a field, or the TOML tables that no variable can hold."""
    return _TABLES.get(field, PREFIX + field.upper())


def settings_table() -> str:
    """Describe every variable in a Markdown table: its name, its values, its default, and what it does."""
    return _table("Variable", Settings, variable)


def issuers_table() -> str:
    """Describe every key of an `[[issuers]]` table likewise."""
    return _table("Key", IssuerSettings, str)


def clients_table() -> str:
    """Describe every key of a `[[clients]]` table likewise."""
    return _table("Key", ClientSettings, str)


def _table(head: str, model: type[BaseModel], spell: Callable[[str], str]) -> str:
    rows = [(head, "Value", "Default", "What it does"), ("---",) * 4]
    for name, field in model.model_fields.items():
        given = None if field.is_required() or field.default_factory else _shown(field.default)
        rows.append((f"`{spell(name)}`", f"{field.title}", f"`{given}`" if given else "", f"{field.description}"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def read_secret(path: Path, *, setting: str) -> bytes:
    """Read a secret from its file, without the newline that editors put at the end. Raises ConfigurationError.

    The error does not show the path: it may be the secret itself, given to the wrong variable.
    """
    try:
        secret = re.sub(rb"\r?\n\Z", b"", privatefiles.read(path), count=1)
    except InvalidKey as error:
        raise ConfigurationError(setting, error.problem, "A secret is for its owner's eyes only: chmod 600") from None
    except (OSError, ValueError) as error:
        problem = f"the file it names {_reason(error)}"
        raise ConfigurationError(setting, problem, "Give the path of a file with the secret in it") from None
    if not secret:
        raise ConfigurationError(setting, "the file it names is empty", "Fill it: `mcp-auth-ref secret new`")
    return secret


def _reason(error: Exception) -> str:
    if isinstance(error, TOMLDecodeError):
        return f"is not TOML: {error}"
    return f"cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not text'}"


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretBytes):
        return f"hidden, {len(value.get_secret_value())} bytes"
    if isinstance(value, tuple):
        return ", ".join(map(_name, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {item}" for name, item in value.items())
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _name(item: object) -> str:
    if isinstance(item, IssuerSettings):
        return item.issuer
    return item.id if isinstance(item, ClientSettings) else str(item)


class _Source(NamedTuple):
    """What one place gives: raw values by field, and warnings about what is no field."""

    place: str
    values: dict[str, Any]
    warnings: tuple[str, ...] = ()


def _sources(variables: Mapping[str, str], folder: Path) -> list[_Source]:
    """Look into all places, the nearest first."""
    sources = [_environment(variables, folder), _dotenv(folder)]
    config = next((source.values["config"] for source in sources if "config" in source.values), None)
    return sources if config is None else [*sources, _toml(Path(config))]


def _environment(variables: Mapping[str, str], folder: Path) -> _Source:
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in variables.items() if value}
    return _variables("environment", source, folder)


def _dotenv(folder: Path) -> _Source:
    path = folder / ".env"
    try:
        return _variables(".env", DotEnvSettingsSource(Settings, env_file=path), folder)
    except (OSError, ValueError) as error:
        raise ConfigurationError(".env", f"it {_reason(error)}", "A right file has lines like: MCP_LEEWAY=30") from None


def _variables(place: str, source: EnvSettingsSource, folder: Path) -> _Source:
    values = _anchored(source(), folder)
    if secret := source.env_vars.get(OLDER_NAME.lower()):
        values[OLDER_NAME] = secret
    known = {*map(variable, Settings.model_fields), *OTHER_VARIABLES}
    unknown = {name.upper() for name in source.env_vars if name.upper().startswith(PREFIX)} - known
    warnings = (f"{name} ({place}) is no setting and does nothing. {_nearest(name, known)}" for name in sorted(unknown))
    return _Source(place, values, tuple(warnings))


def _toml(path: Path) -> _Source:
    try:
        path.open("rb").close()
        values = TomlConfigSettingsSource(Settings, toml_file=path)()
    except (OSError, ValueError) as error:
        problem = f"{path} {_reason(error)}"
        raise ConfigurationError(variable("config"), problem, "A right file has lines like: leeway = 30") from None
    for name, (problem, remedy) in _NOT_IN_TOML.items():
        if name in values:
            raise ConfigurationError(f"{name} in {path}", problem, remedy)
    if "@" in str(values.get("store_url", "")):
        problem = "it holds a password, and this file is one to copy and to commit"
        raise ConfigurationError(f"store_url in {path}", problem, "Give it in the environment: MCP_STORE_URL")
    return _Source(str(path), _anchored(values, path.parent))


def _anchored(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Let relative paths start from the folder of whoever names them."""
    anchored = dict(values)
    for name in _PATHS & values.keys():
        if isinstance(values[name], str) and (name, values[name]) != ("audit_log_path", str(AUDIT_TO_STREAM)):
            anchored[name] = str(folder / values[name])
    if isinstance(values.get("store_url"), str):
        anchored["store_url"] = re.sub(
            r"\Asqlite:///(.+)", lambda found: f"sqlite:///{folder / found[1]}", values["store_url"]
        )
    for name in _ENTRIES:
        if isinstance(values.get(name), list):
            anchored[name] = [_anchored(item, folder) if isinstance(item, dict) else item for item in values[name]]
    return anchored


def _merged(sources: Iterable[_Source]) -> tuple[dict[str, Any], dict[str, str]]:
    """Take each value from the nearest place that has it; return the values and the places, by field."""
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for source in sources:
        if source.values.keys() >= _SECRET:
            setting = _spelled(("jwt_secret",), {"jwt_secret": source.place})
            raise ConfigurationError(setting, "it is given, and so is MCP_JWT_SECRET_FILE", "Keep one of the two")
        settled = values.keys() | (_SECRET if _SECRET & values.keys() else set())
        fresh = {name: value for name, value in source.values.items() if name not in settled}
        values |= fresh
        places |= dict.fromkeys(fresh, source.place)
    older, place = values.pop(OLDER_NAME, None), places.pop(OLDER_NAME, "")
    if older is not None and not _SECRET & values.keys():
        values["jwt_secret"], places["jwt_secret"] = older, f"{OLDER_NAME} ({place})"
    if isinstance(values.get("jwt_secret"), str):
        values["jwt_secret"] = values["jwt_secret"].encode("utf-8", "surrogateescape")  # it need not be UTF-8
    return values, places


def _refusal(details: ErrorDetails, places: Mapping[str, str]) -> ConfigurationError:
    """Say what pydantic found in words of our own: its text would show the value, which may be the secret."""
    wrong = details.get("ctx", {}).get("error")
    path = (wrong.setting,) if isinstance(wrong, _Wrong) and wrong.setting else details["loc"]
    setting = _spelled(path, places)
    if isinstance(wrong, _Wrong):
        return ConfigurationError(setting, wrong.problem, wrong.remedy)
    names = [part for part in path if isinstance(part, str)]
    fields = Settings.model_fields if len(names) == 1 else _ENTRIES[names[0]].model_fields
    if details["type"] == "extra_forbidden":
        return ConfigurationError(setting, "there is no such setting", _nearest(names[-1], fields))
    field = fields[names[-1]]
    problem = "it is missing" if details["type"] == "missing" else f"it is not {field.title}"
    [example] = field.examples or []
    return ConfigurationError(setting, problem, f"A right value is {example}")


def _spelled(path: tuple[str | int, ...], places: Mapping[str, str]) -> str:
    """Spell a setting as the place it comes from does: a variable, or a key of the TOML file."""
    field = str(path[0])
    place = places.get(field, "environment")
    if place == "environment":
        return variable(field)
    if place == ".env":
        return f"{variable(field)} in .env"
    key = field + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path[1:])
    return f"{key} in {place}"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"The nearest is {near[0]}" if near else f"Known are {', '.join(sorted(known))}"


def _doubts(settings: Settings) -> Iterator[str]:
    for name in ("jwt_secret_file", "keys_file", "api_keys_file"):
        path = getattr(settings, name)
        if path is not None and (doubt := privatefiles.doubt_about(path)):
            yield f"the file of {variable(name)} {doubt}"
    if settings.api_key_header is not None and settings.api_keys_file is None:
        yield "MCP_API_KEY_HEADER does nothing without MCP_API_KEYS_FILE"
    if settings.keys_file is not None and settings.jwt_algorithm == "HS256":
        yield "MCP_KEYS_FILE does nothing while MCP_JWT_ALGORITHM is HS256, which signs with the secret"
    if settings.jwt_secret is not None and settings.jwt_secret.get_secret_value() == DEMONSTRATION_SECRET:
        yield "MCP_JWT_SECRET is the secret that the guide publishes: whoever reads it can sign tokens"


_TABLES = {"issuers": "[[issuers]]", "clients": "[[clients]]", "tool_limits": "[tool_limits]"}
_SECRET = {"jwt_secret", "jwt_secret_file"}
_A_SECRET = ("it is a secret, and this file is one to copy and to commit", "Name a file with it: jwt_secret_file")
_NOT_IN_TOML = {
    "jwt_secret": _A_SECRET,
    OLDER_NAME: _A_SECRET,
    "config": ("it is the name of this file", "Leave it out"),
}
_ENTRIES: Mapping[str, type[BaseModel]] = {"issuers": IssuerSettings, "clients": ClientSettings}
_PATHS = {
    name
    for fields in (Settings.model_fields, *(model.model_fields for model in _ENTRIES.values()))
    for name, field in fields.items()
    if field.annotation in (Path, Path | None)
}
