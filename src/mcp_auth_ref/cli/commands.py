"""Every command and its words. What a command does is imported when it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from mcp_auth_ref.cli.frame import Group, deferred
from mcp_auth_ref.core.scopes import ROLES

_Decorated = TypeVar("_Decorated", bound=Callable[..., None])


class _Text(click.ParamType[str]):
    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse bytes of the command line that are not UTF-8: no token can say them."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail("it is not UTF-8", param, ctx)
        return value


_TEXT = _Text()
_FILE = click.Path(path_type=Path)


@click.group(cls=Group, epilog="{command} serve")
@click.version_option(package_name="mcp-auth-ref", message="%(package)s %(version)s")
def main() -> None:
    """Issue, verify and explain the access tokens of MCP servers, and run a guarded one.

    Exit codes: 0 done or valid; 1 refused, or interrupted; 2 wrong usage or configuration.
    """


@main.group(epilog="{command} issue --user-id ada")
def token() -> None:
    """Issue, verify and look into access tokens."""


@token.command("issue", epilog="TOKEN=$({command} --user-id ada --role admin)")
@click.option("--user-id", required=True, type=_TEXT, metavar="ID", help="Whom the token speaks for: its `sub`.")
@click.option("--username", type=_TEXT, metavar="NAME", help="A name to show to people.")
@click.option(
    "--role", type=click.Choice(list(ROLES)), default="user", show_default=True, help="Its scopes go into the token."
)
@click.option("--expiry", type=float, metavar="HOURS", help="How long it lives.  [default: MCP_JWT_EXPIRY_HOURS]")
@click.option(
    "--scope", "scopes", type=_TEXT, multiple=True, help="A scope instead of the role's; again for each further one."
)
@click.option(
    "--client-id",
    type=_TEXT,
    metavar="ID",
    default="mcp-auth-ref-cli",
    show_default=True,
    help="The program it is issued to.",
)
@click.option("--audience", type=_TEXT, metavar="URL", help="The server it is for.  [default: MCP_RESOURCE_URL]")
@click.option(
    "--claim", "claims", type=_TEXT, multiple=True, metavar="NAME=TEXT", help="A claim of your own; again for more."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object: `token`, `payload` and `expires_at`.")
def issue(**options: object) -> None:
    """Issue an access token.

    The token alone goes to standard output and everything else to standard error. The secret or key comes from the
    settings, never from the command line, where other users of the machine and the shell's history would see it.
    """
    deferred("issue:issue")(**options)


def _token_options(command: _Decorated) -> _Decorated:
    """Add the ways in which a token can be given."""
    for decorate in (
        click.argument("words", nargs=-1, metavar="[-]"),
        click.option("--token-file", type=_FILE, metavar="FILE", help="Read the token from a file."),
        click.option(
            "--token",
            metavar="TOKEN",
            envvar="MCP_TOKEN",
            show_envvar=True,
            help="The token itself. Better is one of the other ways: a command line is seen by others and remembered.",
        ),
    ):
        command = decorate(command)
    return command


@token.command("verify", epilog="{command} --token-file token.txt\n{command} - < tokens.txt")
@_token_options
@click.option("--verbose", is_flag=True, help="Show the claims, the times, the key and the clock as well.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; for many tokens, one on each line.")
@click.option("--no-verify", is_flag=True, help="Check nothing, only show what the token claims.")
def verify(*, no_verify: bool, verbose: bool, **options: object) -> None:
    """Verify an access token as the server would, and say why it is refused.

    With - standard input is read, a token on each line. The exit code is 0 if all are valid, 1 if one is refused, and 2
    if something is wrong with the command or the settings.
    """
    if no_verify:
        deferred("inspect:inspect")(**options)
    else:
        deferred("verify:verify")(verbose=verbose, **options)


@token.command("inspect", epilog="{command} --token-file token.txt")
@_token_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; for many tokens, one on each line.")
def inspect(**options: object) -> None:
    """Show what a token claims, without a key and without checking anything.

    Anybody can write such a token: believe nothing of it.
    """
    deferred("inspect:inspect")(**options)


@main.group(epilog="{command} new --file keys.json")
def keys() -> None:
    """Make and list the keys that sign and verify."""


@keys.command("new", epilog="{command} --algorithm ES256 --file keys.json")
@click.option(
    "--algorithm",
    type=click.Choice(["ES256", "RS256", "EdDSA"]),
    help="What it signs with.  [default: MCP_JWT_ALGORITHM, or else ES256]",
)
@click.option("--file", "path", type=_FILE, metavar="FILE", help="The key file.  [default: MCP_KEYS_FILE]")
def new_key(**options: object) -> None:
    """Make a key pair and add it to the key file, where as the newest it signs from now on.

    The older keys stay and verify what they have signed. Only the owner may read the file. The new `kid` is printed.
    """
    deferred("keys:new")(**options)


@keys.command("list", epilog="{command}")
def list_keys() -> None:
    """List the keys, oldest to newest, and what each is for. The keys themselves are not shown."""
    deferred("keys:list_all")()


@keys.command("jwks", epilog="{command} > jwks.json")
def jwks() -> None:
    """Print the public keys as a JWK Set, for whoever verifies these tokens elsewhere."""
    deferred("keys:jwks")()


@main.group(epilog="{command} new")
def secret() -> None:
    """Make shared secrets."""


@secret.command("new", epilog="export MCP_JWT_SECRET=$({command})\n{command} > secret.txt")
def new_secret() -> None:
    """Print a fresh secret of 32 random bytes, in letters and digits, - and _."""
    deferred("secret:new")()


@main.command(epilog="{command}\n{command} --port 9000")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port.  [default: that of MCP_RESOURCE_URL on loopback, or 8765]"
)
def serve(**options: object) -> None:
    """Run the demonstration MCP server behind the guard."""
    deferred("serve:serve")(**options)


@main.command(epilog="{command} token_expired")
@click.argument("code", required=False)
def explain(**options: object) -> None:
    """Explain an error: what it means, what usually causes it, and its cure. Without a code, list all."""
    deferred("explain:explain")(**options)


@main.command(epilog="{command}")
def settings() -> None:
    """Show every setting, its value and where that comes from, secrets hidden. Exits with 2 where nothing can start."""
    deferred("settings:show")()


@main.command(epilog='eval "$({command} bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(**options: object) -> None:
    """Print the script that lets a shell complete these commands and their options."""
    deferred("completion:script")(**options)


generate = issue
validate = verify
PROGRAMS = {"mcp-auth-ref": main, "generate-mcp-token": generate, "validate-mcp-token": validate}
