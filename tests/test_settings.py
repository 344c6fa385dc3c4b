"""Settings: where each comes from, what is refused, and that a refusal helps and tells no secret."""

import string
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mcp_auth_ref.core.errors import ConfigurationError
from mcp_auth_ref.core.limits import Rate
from mcp_auth_ref.settings import IssuerSettings, Settings, issuers_table, settings_table, variable
from tests.fuzz import fuzz

SECRET = "demonstration-secret-never-use-it-in-production"
ONE_FOLDER = hypothesis_settings(fuzz, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANOTHER = "another-demonstration-secret-for-tests-only"


def load(
    folder: Path, environ: dict[str, str] | None = None, *, dotenv: str | None = None, toml: str | None = None
) -> Settings:
    environ = dict(environ or {})
    if dotenv is not None:
        (folder / ".env").write_text(dotenv)
    if toml is not None:
        (folder / "mcp-auth-ref.toml").write_text(toml)
        environ["MCP_CONFIG"] = "mcp-auth-ref.toml"
    return Settings.load(environ=environ, cwd=folder)


def refusal(folder: Path, environ: dict[str, str] | None = None, **files: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, environ, **files)
    return str(caught.value).replace(f"{folder}/", "")


def secret_of(settings: Settings) -> bytes | None:
    return None if settings.jwt_secret is None else settings.jwt_secret.get_secret_value()


def test_these_are_the_variables_and_their_defaults(tmp_path: Path) -> None:
    """The contract with everybody who deploys: each variable does something today."""
    assert list(load(tmp_path).effective()) == [
        ("MCP_JWT_SECRET", "", "default"),
        ("MCP_JWT_SECRET_FILE", "", "default"),
        ("MCP_JWT_ALGORITHM", "HS256", "default"),
        ("MCP_KEYS_FILE", "", "default"),
        ("MCP_API_KEYS_FILE", "", "default"),
        ("MCP_API_KEY_HEADER", "", "default"),
        ("MCP_JWT_EXPIRY_HOURS", "1", "default"),
        ("MCP_MAX_TOKEN_AGE", "86400", "default"),
        ("MCP_LEEWAY", "30", "default"),
        ("MCP_ISSUER", "http://127.0.0.1:8765", "default"),
        ("MCP_RESOURCE_URL", "http://127.0.0.1:8765/mcp", "default"),
        ("MCP_STORE_URL", "sqlite:///.mcp/store.db", "default"),
        ("MCP_REFRESH_TOKEN_EXPIRY_DAYS", "7", "default"),
        ("MCP_REFRESH_FAMILY_EXPIRY_DAYS", "30", "default"),
        ("MCP_REFRESH_GRACE_SECS", "10", "default"),
        ("MCP_STORE_STALE_SECS", "10", "default"),
        ("MCP_AUTH_ENABLED", "true", "default"),
        ("MCP_ALLOWED_HOSTS", "127.0.0.1:8765", "default"),
        ("MCP_ALLOWED_ORIGINS", "", "default"),
        ("MCP_TRUSTED_PROXIES", "", "default"),
        ("MCP_TLS_CERT_FILE", "", "default"),
        ("MCP_TLS_KEY_FILE", "", "default"),
        ("MCP_RATE_LIMIT_ENABLED", "true", "default"),
        ("MCP_RATE_LIMIT_REQUESTS", "600", "default"),
        ("MCP_RATE_LIMIT_WINDOW_SECS", "60", "default"),
        ("MCP_RATE_LIMIT_FAILURES", "20", "default"),
        ("MCP_RATE_LIMIT_WITHOUT_STORE", "count", "default"),
        ("[tool_limits]", "", "default"),
        ("MCP_FILES_ROOT", "", "default"),
        ("MCP_SERVERS_FILE", "", "default"),
        ("MCP_TOOL_TIMEOUT_SECS", "30", "default"),
        ("MCP_MAX_RESULT_BYTES", "4194304", "default"),
        ("MCP_AUDIT_ENABLED", "true", "default"),
        ("MCP_AUDIT_LOG_PATH", ".mcp/audit.log", "default"),
        ("MCP_AUDIT_MAX_BYTES", "10485760", "default"),
        ("MCP_AUDIT_KEEP_FILES", "10", "default"),
        ("MCP_AUDIT_KEY_FILE", "", "default"),
        ("MCP_CONFIG", "", "default"),
        ("[[issuers]]", "", "default"),
        ("[[clients]]", "", "default"),
    ]


def test_the_environment_goes_before_dotenv_before_toml_before_the_default(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        {"MCP_LEEWAY": "1"},
        dotenv="MCP_LEEWAY=2\nMCP_MAX_TOKEN_AGE=7200\n",
        toml='leeway = 3\nmax_token_age = 3600\nissuer = "https://login.example.com"\n',
    )

    assert (settings.leeway, settings.where("leeway")) == (1, "environment")
    assert (settings.max_token_age, settings.where("max_token_age")) == (7200, ".env")
    assert (settings.issuer, settings.where("issuer")) == (
        "https://login.example.com",
        str(tmp_path / "mcp-auth-ref.toml"),
    )
    assert (settings.jwt_expiry_hours, settings.where("jwt_expiry_hours")) == (1, "default")


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    """Compose writes `${MCP_LEEWAY:-}` as an empty variable; every default is the safe choice."""
    settings = load(tmp_path, {"MCP_LEEWAY": "", "MCP_JWT_SECRET": ""}, dotenv="MCP_LEEWAY=5\nMCP_ISSUER=\n")

    assert (settings.leeway, settings.issuer, settings.jwt_secret) == (5, "http://127.0.0.1:8765", None)


def test_only_load_looks_into_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCP_LEEWAY", "7")

    assert Settings().leeway == 30
    assert Settings.load().leeway == 7
    assert Settings.load(environ={}).leeway == 30


def test_settings_that_are_made_by_hand_show_no_value_either() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(issuer=ANOTHER)

    assert ANOTHER not in str(caught.value)


def test_settings_do_not_change() -> None:
    settings = Settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.leeway = 60


def test_the_file_named_by_the_toml_file_is_looked_for_beside_it(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "settings.toml").write_text('keys_file = "keys.json"\nfiles_root = "/srv/files"\n')

    settings = load(tmp_path, {"MCP_CONFIG": "etc/settings.toml"})

    assert settings.keys_file == tmp_path / "etc" / "keys.json"
    assert settings.files_root == Path("/srv/files")


def test_toml_holds_further_issuers(tmp_path: Path) -> None:
    toml = """
        [[issuers]]
        issuer = "https://login.example.com/"
        algorithms = ["ES256", "RS256"]
        jwks_file = "login.json"

        [[issuers]]
        issuer = "https://ci.example.com"
        audience = "https://mcp.example.com/mcp"
        algorithms = ["HS256"]
        secret_file = "/run/secrets/ci"
    """

    settings = load(tmp_path, toml=toml)

    assert settings.issuers == (
        IssuerSettings(
            issuer="https://login.example.com/", algorithms=("ES256", "RS256"), jwks_file=tmp_path / "login.json"
        ),
        IssuerSettings(
            issuer="https://ci.example.com",
            audience="https://mcp.example.com/mcp",
            algorithms=("HS256",),
            secret_file=Path("/run/secrets/ci"),
        ),
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://mcp.example.com",
        "https://mcp.example.com/",
        "https://mcp.example.com/mcp",
        "https://mcp.example.com:8443/a%20b/../mcp/",
        "http://127.0.0.1:9/mcp",
        "http://127.8.9.10/mcp",
        "http://localhost/mcp",
        "http://[::1]:8765/mcp",
    ],
)
def test_a_url_stays_as_it_is_byte_for_byte(tmp_path: Path, url: str) -> None:
    """RFC 9068, section 4, and RFC 8707: plain comparison; URL classes add a slash and clients go astray."""
    settings = load(tmp_path, {"MCP_RESOURCE_URL": url, "MCP_ISSUER": url})

    assert (settings.resource_url, settings.issuer) == (url, url)


def test_the_name_of_the_server_comes_from_its_url_unless_names_are_given(tmp_path: Path) -> None:
    environ = {"MCP_RESOURCE_URL": "https://mcp.example.com:8443/mcp"}

    assert load(tmp_path, environ).allowed_hosts == ("mcp.example.com:8443",)
    environ["MCP_ALLOWED_HOSTS"] = " mcp.example.com, mcp.internal:8443 ,[::1]:9,"
    assert load(tmp_path, environ).allowed_hosts == ("mcp.example.com", "mcp.internal:8443", "[::1]:9")


def test_origins_are_a_list(tmp_path: Path) -> None:
    environ = {"MCP_ALLOWED_ORIGINS": "https://app.example.com, http://localhost:3000"}

    assert load(tmp_path, environ).allowed_origins == ("https://app.example.com", "http://localhost:3000")
    toml = 'allowed_origins = ["https://app.example.com"]'
    assert load(tmp_path, toml=toml).allowed_origins == ("https://app.example.com",)


def test_authentication_can_be_off_on_loopback(tmp_path: Path) -> None:
    assert load(tmp_path, {"MCP_AUTH_ENABLED": "false"}).auth_enabled is False


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (f"{SECRET}\n", SECRET.encode()),
        (f"{SECRET}\r\n", SECRET.encode()),
        (SECRET, SECRET.encode()),
        (f"{SECRET}\n\n", f"{SECRET}\n".encode()),
        (f" {SECRET} \n", f" {SECRET} ".encode()),
    ],
)
def test_a_secret_file_loses_one_newline_and_nothing_else(tmp_path: Path, content: str, secret: bytes) -> None:
    """Editors and `echo` add a newline; everything else may be part of the secret."""
    (tmp_path / "secret").write_bytes(content.encode())

    settings = load(tmp_path, {"MCP_JWT_SECRET_FILE": "secret"})

    assert (secret_of(settings), settings.where("jwt_secret")) == (secret, f"file {tmp_path / 'secret'}")


def test_a_secret_may_be_any_bytes(tmp_path: Path) -> None:
    raw = bytes(range(128, 192))
    (tmp_path / "secret").write_bytes(raw)

    assert secret_of(load(tmp_path, {"MCP_JWT_SECRET_FILE": "secret"})) == raw
    assert secret_of(load(tmp_path, {"MCP_JWT_SECRET": raw.decode("utf-8", "surrogateescape")})) == raw


def test_the_secret_of_a_nearer_place_sets_the_farther_aside(tmp_path: Path) -> None:
    settings = load(
        tmp_path, {"MCP_JWT_SECRET": ANOTHER}, dotenv="MCP_JWT_SECRET_FILE=missing", toml='jwt_secret_file = "missing"'
    )

    assert (secret_of(settings), settings.where("jwt_secret")) == (ANOTHER.encode(), "environment")
    assert (settings.jwt_secret_file, settings.where("jwt_secret_file")) == (None, "default")


def test_the_older_name_of_the_secret_is_read_where_the_newer_is_not_there(tmp_path: Path) -> None:
    older = {"JWT_SECRET_KEY": ANOTHER}

    settings = load(tmp_path, older)
    assert (secret_of(settings), settings.where("jwt_secret")) == (ANOTHER.encode(), "JWT_SECRET_KEY (environment)")
    assert secret_of(load(tmp_path, older, dotenv=f"MCP_JWT_SECRET={SECRET}")) == SECRET.encode()


def test_nothing_shows_the_secret(tmp_path: Path) -> None:
    settings = load(tmp_path, {"MCP_JWT_SECRET": ANOTHER})
    shown = [repr(settings), str(settings), settings.model_dump_json(), *map(str, settings.effective())]

    assert not [text for text in shown if ANOTHER in text]
    assert ("MCP_JWT_SECRET", f"hidden, {len(ANOTHER)} bytes", "environment") in settings.effective()


def test_what_is_odd_and_stops_nothing_is_a_warning(tmp_path: Path) -> None:
    environ = {
        "MCP_JWT_SECRET": SECRET,
        "MCP_KEYS_FILE": "keys.json",
        "MCP_LEWAY": "3",
        "MCP_TOKEN": "a token is no setting",
        "MCPLEEWAY": "3",
    }

    assert load(tmp_path, environ, dotenv="MCP_RESSOURCE_URL=https://mcp.example.com\nOTHER=1\n").warnings == (
        "MCP_LEWAY (environment) is no setting and does nothing. The nearest is MCP_LEEWAY",
        "MCP_RESSOURCE_URL (.env) is no setting and does nothing. The nearest is MCP_RESOURCE_URL",
        "MCP_KEYS_FILE does nothing while MCP_JWT_ALGORITHM is HS256, which signs with the secret",
        "MCP_JWT_SECRET is the secret that the guide publishes: whoever reads it can sign tokens",
    )


URL = "Write it like https://mcp.example.com/mcp"
ALGORITHMS = 'it is not HS256, ES256, RS256 or EdDSA, in a list. A right value is ["ES256"]'
SOURCES = "it has not exactly one source of keys. Give jwks_file, public_key_file or secret_file"
SPELLING = "its host has capital letters, or the port that goes without saying"
HOST = "it has something in it that is not a host with its port. Write it like mcp.example.com:8443"
ORIGIN = "it has something in it that is not an origin, as browsers send it. Write it like https://app.example.com"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("JWT_ALGORITHM", "none", "it is not HS256, ES256, RS256 or EdDSA. A right value is ES256"),
        ("JWT_ALGORITHM", "hs256", "it is not HS256, ES256, RS256 or EdDSA. A right value is ES256"),
        ("JWT_EXPIRY_HOURS", "0", "it is not a number of hours, 0.001 or more. A right value is 0.5"),
        ("JWT_EXPIRY_HOURS", "nan", "it is not a number of hours, 0.001 or more. A right value is 0.5"),
        ("JWT_EXPIRY_HOURS", "inf", "it is not a number of hours, 0.001 or more. A right value is 0.5"),
        ("JWT_EXPIRY_HOURS", "1h", "it is not a number of hours, 0.001 or more. A right value is 0.5"),
        ("JWT_EXPIRY_HOURS", "25", "it is longer than MCP_MAX_TOKEN_AGE, 86400 seconds. Set it to 24 or less"),
        ("MAX_TOKEN_AGE", "-1", "it is not a whole number of seconds above 0. A right value is 86400"),
        ("LEEWAY", "61", "it is not a whole number of seconds from 0 to 60. A right value is 30"),
        ("LEEWAY", "-1", "it is not a whole number of seconds from 0 to 60. A right value is 30"),
        ("LEEWAY", "1.5", "it is not a whole number of seconds from 0 to 60. A right value is 30"),
        ("ISSUER", "login.example.com", f"it is not an https or http URL with a host. {URL}"),
        ("ISSUER", "ftp://login.example.com", f"it is not an https or http URL with a host. {URL}"),
        ("ISSUER", "HTTPS://login.example.com", f"it is not an https or http URL with a host. {URL}"),
        ("ISSUER", "https://", f"it is not an https or http URL with a host. {URL}"),
        ("ISSUER", "https://a.example:99999", f"it is not a URL. {URL}"),
        ("ISSUER", "https://[::1", f"it is not a URL. {URL}"),
        ("ISSUER", "https://a.example/a b", f"it has characters that no URL has. {URL}"),
        ("ISSUER", "https://bücher.example", f"it has characters that no URL has. {URL}"),
        ("RESOURCE_URL", "https://a.example/{path:path}", f"it has characters that no URL has. {URL}"),
        ("ISSUER", "https://a.example?", f"it has a query, a fragment or a user name. {URL}"),
        ("ISSUER", "https://a.example#", f"it has a query, a fragment or a user name. {URL}"),
        ("ISSUER", "https://me@a.example", f"it has a query, a fragment or a user name. {URL}"),
        ("ISSUER", "http://a.example", f"it is http outside loopback, where tokens would travel in the clear. {URL}"),
        ("ISSUER", "http://10.0.0.1", f"it is http outside loopback, where tokens would travel in the clear. {URL}"),
        (
            "RESOURCE_URL",
            "http://a.example/mcp",
            f"it is http outside loopback, where tokens would travel in the clear. {URL}",
        ),
        ("RESOURCE_URL", "https://MCP.example.com/Mcp", f"{SPELLING}. Write https://mcp.example.com/Mcp"),
        ("RESOURCE_URL", "https://mcp.example.com:443/mcp", f"{SPELLING}. Write https://mcp.example.com/mcp"),
        ("RESOURCE_URL", "http://127.0.0.1:80/mcp", f"{SPELLING}. Write http://127.0.0.1/mcp"),
        ("AUTH_ENABLED", "maybe", "it is not true or false. A right value is true"),
        ("ALLOWED_HOSTS", "https://mcp.example.com", HOST),
        ("ALLOWED_HOSTS", "mcp.example.com,Mcp.internal", HOST),
        ("ALLOWED_HOSTS", "mcp.example.com/mcp", HOST),
        ("ALLOWED_HOSTS", "mcp.example.com:*", HOST),
        ("ALLOWED_HOSTS", "me@mcp.example.com", HOST),
        ("ALLOWED_HOSTS", "::1", HOST),
        ("ALLOWED_ORIGINS", "app.example.com", ORIGIN),
        ("ALLOWED_ORIGINS", "https://app.example.com/", ORIGIN),
        ("ALLOWED_ORIGINS", "*", ORIGIN),
        ("ALLOWED_ORIGINS", "https://App.example.com", ORIGIN),
        ("ALLOWED_ORIGINS", "vscode-webview://x", ORIGIN),
        ("ALLOWED_ORIGINS", "null", ORIGIN),
        (
            "CONFIG",
            "missing.toml",
            "missing.toml cannot be read: No such file or directory. A right file has lines like: leeway = 30",
        ),
        ("CONFIG", ".", ". cannot be read: Is a directory. A right file has lines like: leeway = 30"),
    ],
)
def test_a_wrong_value_is_refused_with_a_right_one(tmp_path: Path, name: str, value: str, message: str) -> None:
    assert refusal(tmp_path, {f"MCP_{name}": value}).replace(str(tmp_path), ".") == f"MCP_{name}: {message}"


def test_authentication_cannot_be_off_where_others_can_call(tmp_path: Path) -> None:
    """No bypass beyond loopback."""
    environ = {"MCP_AUTH_ENABLED": "false", "MCP_RESOURCE_URL": "https://mcp.example.com/mcp"}

    assert refusal(tmp_path, environ) == (
        "MCP_AUTH_ENABLED: it is false while MCP_RESOURCE_URL is not on loopback. "
        "Set it to true, or MCP_RESOURCE_URL to http://127.0.0.1:8765/mcp"
    )


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (
            "leeway = ",
            (
                "MCP_CONFIG: {file} is not TOML: Invalid value (at end of document). "
                "A right file has lines like: leeway = 30"
            ),
        ),
        ("leeway = 61", "leeway in {file}: it is not a whole number of seconds from 0 to 60. A right value is 30"),
        (
            "issuer = 1",
            "issuer in {file}: it is not an https URL, or http on loopback. A right value is https://mcp.example.com",
        ),
        ("leway = 3", "leway in {file}: there is no such setting. The nearest is leeway"),
        (
            'JWT_SECRET_KEY = "a-secret-for-tests-0123456789-abcdefghi"',
            (
                "JWT_SECRET_KEY in {file}: it is a secret, and this file is one to copy and to commit. "
                "Name a file with it: jwt_secret_file"
            ),
        ),
        (
            'jwt_secret = "x"',
            (
                "jwt_secret in {file}: it is a secret, and this file is one to copy and to commit. "
                "Name a file with it: jwt_secret_file"
            ),
        ),
        ('config = "x"', "config in {file}: it is the name of this file. Leave it out"),
        ("issuers = [1]", "issuers[0] in {file}: it is not tables named [[issuers]]. A right value is [[issuers]]"),
        ("[[issuers]]", "issuers[0].issuer in {file}: it is missing. A right value is https://login.example.com"),
        (
            '[[issuers]]\nissuer = "https://a.example"\nsecret_file = "x"',
            'issuers[0].algorithms in {file}: it is missing. A right value is ["ES256"]',
        ),
        (
            '[[issuers]]\nissuer = "https://a.example"\nalgorithms = []\nsecret_file = "x"',
            "issuers[0].algorithms in {file}: " + ALGORITHMS,
        ),
        (
            '[[issuers]]\nissuer = "https://a.example"\nalgorithms = ["none"]\nsecret_file = "x"',
            "issuers[0].algorithms[0] in {file}: " + ALGORITHMS,
        ),
        (
            '[[issuers]]\nissuer = "https://a.example"\nalgorithms = ["ES256"]\njwks_fil = "x"',
            "issuers[0].jwks_fil in {file}: there is no such setting. The nearest is jwks_file",
        ),
        (
            '[[issuers]]\nissuer = "https://a.example"\nalgorithms = ["ES256"]',
            "issuers[0] in {file}: " + SOURCES,
        ),
        (
            '[[issuers]]\nissuer = "https://a.example"\nalgorithms = ["HS256"]\njwks_file = "x"\nsecret_file = "y"',
            "issuers[0] in {file}: " + SOURCES,
        ),
    ],
)
def test_a_wrong_line_of_toml_is_refused_by_its_key(tmp_path: Path, toml: str, message: str) -> None:
    assert refusal(tmp_path, toml=toml) == message.format(file="mcp-auth-ref.toml")


def test_issuers_do_not_fit_into_a_variable(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"MCP_ISSUERS": "https://login.example.com"}) == (
        "[[issuers]]: it does not fit into a variable. Write [[issuers]] into the file that MCP_CONFIG names"
    )


def test_a_wrong_line_of_dotenv_is_refused_by_its_place(tmp_path: Path) -> None:
    assert refusal(tmp_path, dotenv="MCP_LEEWAY=61") == (
        "MCP_LEEWAY in .env: it is not a whole number of seconds from 0 to 60. A right value is 30"
    )


def test_a_dotenv_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"MCP_ISSUER=\xff")

    assert refusal(tmp_path) == ".env: it cannot be read: it is not text. A right file has lines like: MCP_LEEWAY=30"


def test_a_secret_cannot_be_given_twice_in_one_place(tmp_path: Path) -> None:
    """Which of the two counts is nobody's guess: the peers' script and server read different ones."""
    both = {"MCP_JWT_SECRET": SECRET, "MCP_JWT_SECRET_FILE": "secret"}
    message = "it is given, and so is MCP_JWT_SECRET_FILE. Keep one of the two"

    assert refusal(tmp_path, both) == f"MCP_JWT_SECRET: {message}"
    dotenv = f"MCP_JWT_SECRET={SECRET}\nMCP_JWT_SECRET_FILE=secret"
    assert refusal(tmp_path, dotenv=dotenv) == f"MCP_JWT_SECRET in .env: {message}"


def test_a_secret_file_that_is_empty_or_missing_is_refused(tmp_path: Path) -> None:
    """The path stays out of it: it is the secret itself, if that went to the wrong variable."""
    (tmp_path / "empty").write_text("\n")

    assert refusal(tmp_path, {"MCP_JWT_SECRET_FILE": "empty"}) == (
        "MCP_JWT_SECRET_FILE: the file it names is empty. Fill it: `mcp-auth-ref secret new`"
    )
    assert refusal(tmp_path, {"MCP_JWT_SECRET_FILE": ANOTHER}) == (
        "MCP_JWT_SECRET_FILE: the file it names cannot be read: No such file or directory. "
        "Give the path of a file with the secret in it"
    )


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "config"])
def test_no_refusal_shows_a_value(tmp_path: Path, name: str) -> None:
    """A secret pasted into the wrong variable must not end up in a log; pydantic's own error would show it."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, {f"MCP_{name.upper()}": ANOTHER, "MCP_MAX_TOKEN_AGE": ANOTHER})

    shown = "".join(traceback.format_exception(caught.value))
    assert [word for word in (ANOTHER, "validation error") if word in shown] == []


@ONE_FOLDER
@given(
    environ=st.dictionaries(
        st.sampled_from([variable(name) for name in Settings.model_fields] + ["MCP_", "JWT_SECRET_KEY"]),
        st.text(string.printable) | st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    )
)
def test_whatever_the_environment_says_is_settings_or_a_refusal(tmp_path: Path, environ: dict[str, str]) -> None:
    """Nothing but ConfigurationError comes out."""
    with suppress(ConfigurationError):
        assert load(tmp_path, environ).leeway in range(61)


@ONE_FOLDER
@given(
    values=st.dictionaries(
        st.sampled_from([*Settings.model_fields, *IssuerSettings.model_fields, "x"]),
        st.recursive(
            st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(string.ascii_letters),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["issuer", "x"]), inner),
            max_leaves=4,
        ),
    )
)
def test_whatever_the_toml_file_says_is_settings_or_a_refusal(tmp_path: Path, values: dict[str, Any]) -> None:
    toml = "\n".join(f"{name} = {_as_toml(value)}" for name, value in values.items())
    with suppress(ConfigurationError):
        assert load(tmp_path, toml=toml).leeway in range(61)


def _as_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_as_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def test_the_tables_describe_every_setting() -> None:
    """The guide's reference prints them."""
    rows = settings_table().splitlines()

    assert rows[:2] == ["| Variable | Value | Default | What it does |", "| --- | --- | --- | --- |"]
    assert [row.split("`")[1] for row in rows[2:]] == [variable(name) for name in Settings.model_fields]
    assert (
        "| `MCP_LEEWAY` | a whole number of seconds from 0 to 60 | `30` | "
        "Forgive clocks that differ by so much, both ways. |"
    ) in rows
    keys = issuers_table().splitlines()
    assert keys[0] == "| Key | Value | Default | What it does |"
    assert [row.split("`")[1] for row in keys[2:]] == list(IssuerSettings.model_fields)
    assert not [row for row in (*rows, *keys) if "None" in row or "Undefined" in row]


def test_what_a_refusal_recommends_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "mcp-auth-ref.toml").write_text("leeway = 30")
    examples = {name: (field.examples or [""])[0] for name, field in Settings.model_fields.items()}
    secrets = {"jwt_secret", "jwt_secret_file", "issuers", "clients", "tool_limits", "tls_cert_file", "tls_key_file"}

    for name, example in examples.items():
        if name not in secrets:
            assert load(tmp_path, {variable(name): example}).where(name) == "environment"


@pytest.mark.parametrize("proxies", ["127.0.0.1", "10.1.0.0/24, 2001:db8::/32", "::1", "128.0.0.0/1"])
def test_proxies_are_addresses_and_networks(tmp_path: Path, proxies: str) -> None:
    """Our choice: what is right is not rewritten."""
    settings = load(tmp_path, {"MCP_TRUSTED_PROXIES": proxies})

    assert ", ".join(settings.trusted_proxies) == proxies


@pytest.mark.parametrize("proxies", ["nginx", "10.1.0.1/24", "10.1.0.0-10.1.0.9", "300.1.1.1", "127.0.0.1:8080", "*"])
def test_what_is_no_address_of_a_proxy_is_refused(tmp_path: Path, proxies: str) -> None:
    """Our choice: a name may lead elsewhere tomorrow, and a network with the bits of a host is a typing error."""
    assert refusal(tmp_path, {"MCP_TRUSTED_PROXIES": proxies}) == (
        "MCP_TRUSTED_PROXIES: it has something in it that is neither an address nor a network. "
        "Write it like 127.0.0.1 or 10.1.0.0/24"
    )


@pytest.mark.parametrize("proxies", ["0.0.0.0/0", "127.0.0.1, ::/0"])
def test_not_everybody_is_a_proxy(tmp_path: Path, proxies: str) -> None:
    """CWE-348: to trust everybody is what the setting is against."""
    assert "it names everybody" in refusal(tmp_path, {"MCP_TRUSTED_PROXIES": proxies})


@pytest.mark.parametrize("given", ["MCP_TLS_CERT_FILE", "MCP_TLS_KEY_FILE"])
def test_a_certificate_and_its_key_are_given_together(tmp_path: Path, given: str) -> None:
    assert refusal(tmp_path, {given: "server.pem"}) == (
        f"{given}: it is given without the other of MCP_TLS_CERT_FILE and MCP_TLS_KEY_FILE. "
        "Give both, or leave TLS to a proxy"
    )


@pytest.mark.parametrize("source", ["jwks_file", "public_key_file", "secret_file"])
def test_what_a_refused_issuer_is_recommended_is_accepted(tmp_path: Path, source: str) -> None:
    examples = {name: (field.examples or [""])[0] for name, field in IssuerSettings.model_fields.items()}
    names = ["issuer", "audience", source]
    toml = "".join(f'{name} = "{examples[name]}"\n' for name in names)

    settings = load(tmp_path, toml=f"[[issuers]]\n{toml}algorithms = {examples['algorithms']}")

    assert settings.issuers[0].model_dump(exclude_none=True) == {
        "issuer": examples["issuer"],
        "audience": examples["audience"],
        "algorithms": ("ES256",),
        source: tmp_path / examples[source],
    }


def test_the_file_of_servers_is_looked_for_where_it_usually_is(tmp_path: Path) -> None:
    """Our choice: `.mcp/config.json` where it exists, unless another is named."""
    assert load(tmp_path).servers_file is None
    (tmp_path / ".mcp").mkdir()
    (tmp_path / ".mcp/config.json").write_text("{}")

    assert load(tmp_path).servers_file == tmp_path / ".mcp/config.json"
    assert load(tmp_path, {"MCP_SERVERS_FILE": "other.json"}).servers_file == tmp_path / "other.json"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgres://localhost", "it is the address of no store known here"),
        ("memory", "it is the address of no store known here"),
        ("sqlite://store.db", "it is not sqlite:/// and the path of a file"),
        ("sqlite:///", "it is not sqlite:/// and the path of a file"),
        ("sqlite:///store.db?mode=ro", "it is not sqlite:/// and the path of a file"),
        ("redis://", "it has no host, or a port that is none"),
        ("redis://:sesame@", "it has no host, or a port that is none"),
        ("redis://[host", "it has no host, or a port that is none"),
        ("redis://host:99999", "it has no host, or a port that is none"),
        ("redis://host/first", "something other than the number of a database follows the host"),
        ("rediss://host/0?x=1", "something other than the number of a database follows the host"),
        ("unix://run/redis.sock", "it is not unix:/// and the path of a socket"),
    ],
)
def test_the_address_of_no_store_is_refused_with_a_right_one(tmp_path: Path, url: str, problem: str) -> None:
    """Our choice: a typing error does not choose another store."""
    remedy = "Write memory:, sqlite:///.mcp/store.db or redis://127.0.0.1:6379/0"

    assert refusal(tmp_path, {"MCP_STORE_URL": url}) == f"MCP_STORE_URL: {problem}. {remedy}"


@pytest.mark.parametrize("url", ["memory:", "redis://host:6380/1", "rediss://host", "unix:///run/redis.sock?db=1"])
def test_the_address_of_a_store_is_taken_as_it_is(tmp_path: Path, url: str) -> None:
    """Our choice: what is right is not rewritten."""
    assert load(tmp_path, {"MCP_STORE_URL": url}).store_url.get_secret_value() == url


def test_a_password_of_the_store_is_shown_nowhere(tmp_path: Path) -> None:
    """Our choice: `settings` may be pasted into a report."""
    settings = load(tmp_path, {"MCP_STORE_URL": "redis://ada:open@sesame@host/0"})
    effective = {name: value for name, value, _ in settings.effective()}

    assert effective["MCP_STORE_URL"] == "redis://hidden@host/0"
    assert "sesame" not in f"{settings!r}{settings}{settings.model_dump()}"


def test_a_password_of_the_store_has_no_place_in_a_file_to_commit(tmp_path: Path) -> None:
    """Our choice: as for the secret."""
    said = refusal(tmp_path, toml='store_url = "redis://:sesame@host/0"')

    assert said == (
        "store_url in mcp-auth-ref.toml: it holds a password, and this file is one to copy and to commit. "
        "Give it in the environment: MCP_STORE_URL"
    )


def test_the_file_of_the_store_starts_from_the_folder_of_whoever_names_it(tmp_path: Path) -> None:
    """As every path does."""
    relative, absolute = ({"MCP_STORE_URL": f"sqlite:///{path}"} for path in ("a/b.db", "/a/b.db"))

    assert load(tmp_path, relative).store_url.get_secret_value() == f"sqlite:///{tmp_path}/a/b.db"
    assert load(tmp_path, absolute).store_url.get_secret_value() == "sqlite:////a/b.db"


def test_the_limits_of_tools_are_a_table_of_rates(tmp_path: Path) -> None:
    """Our choice: they are written as `limits` writes rates, and quoted where a name has a dot."""
    settings = load(tmp_path, toml='[tool_limits]\nwrite_file = "5/minute"\n"files.read" = "100/hour"\n')

    assert settings.tool_limits == {"write_file": Rate(5, 60), "files.read": Rate(100, 3600)}
    assert [row for row in settings.effective() if row[0] == "[tool_limits]"] == [
        (
            "[tool_limits]",
            "write_file: 5 in 60 seconds, files.read: 100 in 3600 seconds",
            str(tmp_path / "mcp-auth-ref.toml"),
        )
    ]
    assert Settings(tool_limits={"echo": Rate(1, 1)}).tool_limits == {"echo": Rate(1, 1)}


@pytest.mark.parametrize("rate", ['"often"', "5", '["5/minute"]', '"5 per minute"', "true"])
def test_a_limit_of_a_tool_that_is_no_rate_is_refused_by_name(tmp_path: Path, rate: str) -> None:
    assert refusal(tmp_path, toml=f"[tool_limits]\nwrite_file = {rate}\n") == (
        "tool_limits in mcp-auth-ref.toml: that of write_file cannot be read: "
        "a rate is written like 5/minute, 100/hour or 3/10 seconds. "
        'Write it like: write_file = "5/minute"'
    )


def test_limits_of_tools_do_not_fit_into_a_variable(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"MCP_TOOL_LIMITS": "write_file=5/minute"}) == (
        "[tool_limits]: it is not a table. Write [tool_limits] into the file that MCP_CONFIG names"
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("public = true", "clients[0].id in mcp-auth-ref.toml: it is missing. A right value is build-robot"),
        (
            'id = "a"',
            (
                "clients[0] in mcp-auth-ref.toml: it has not exactly one way to be known. "
                "Give secret_file, secret_sha256 or public = true"
            ),
        ),
        (
            'id = "a"\npublic = true\nsecret_file = "b"',
            (
                "clients[0] in mcp-auth-ref.toml: it has not exactly one way to be known. "
                "Give secret_file, secret_sha256 or public = true"
            ),
        ),
        (
            'id = "a"\npublic = true\nscopes = ["mcp:tools"]',
            (
                "clients[0] in mcp-auth-ref.toml: it is public, and gets no token of its own. "
                "Leave scopes and refresh out, or give a secret"
            ),
        ),
        (
            'id = "a"\nsecret_sha256 = "b"',
            (
                "clients[0].secret_sha256 in mcp-auth-ref.toml: it is not 64 hexadecimal digits. "
                "A right value is the output of `printf %s SECRET | sha256sum`"
            ),
        ),
        (
            'id = "a"\nsecret_file = "b"\nscopes = ["c d"]',
            (
                "clients[0].scopes[0] in mcp-auth-ref.toml: it has something in it that is not a scope. "
                "Write each scope as a word, like mcp:tools:read"
            ),
        ),
        (
            'id = "a"\npublic = true\n[[clients]]\nid = "a"\npublic = true',
            "clients in mcp-auth-ref.toml: two of them have one id. Give each client an id of its own",
        ),
        (
            'id = "a"\nsecret = "b"',
            "clients[0].secret in mcp-auth-ref.toml: there is no such setting. The nearest is secret_file",
        ),
    ],
)
def test_a_client_that_cannot_be_right_is_refused(tmp_path: Path, table: str, said: str) -> None:
    """Our choice: the key is named, with a right value."""
    assert refusal(tmp_path, toml=f"[[clients]]\n{table}") == said


def test_clients_do_not_fit_into_a_variable(tmp_path: Path) -> None:
    """Our choice: as issuers."""
    assert refusal(tmp_path, {"MCP_CLIENTS": "a"}) == (
        "[[clients]]: it does not fit into a variable. Write [[clients]] into the file that MCP_CONFIG names"
    )


def test_the_secret_of_a_client_is_looked_for_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """As every path is."""
    [client] = load(tmp_path, toml='[[clients]]\nid = "a"\nsecret_file = "s"').clients

    assert client.secret_file == tmp_path / "s"
