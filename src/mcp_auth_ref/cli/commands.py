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
_DASHES = {"ignore_unknown_options": True}  # one kid in 64 begins with a dash, and is a kid all the same
_FILE = click.Path(path_type=Path)


@click.group(cls=Group, epilog="{command} serve")
@click.version_option(package_name="mcp-auth-ref", message="%(package)s %(version)s")
def main() -> None:
    """Issue, verify and explain the access tokens of MCP servers, and run a guarded one.

    Exit codes: 0 done or valid; 1 refused, or interrupted; 2 wrong usage or configuration.
    """


@main.group(epilog="{command} issue --user-id ada")
def token() -> None:
    """Issue, verify and inspect tokens."""


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
@click.option(
    "--with-refresh",
    is_flag=True,
    help="Print a refresh token as well, on the next line. --client-id has to be one of [[clients]], or the default.",
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
        click.argument("words", nargs=-1, metavar="[-]", help="Read standard input, a token on each line."),
        click.option("--token-file", type=_FILE, metavar="FILE", help="Read the token from a file."),
        click.option(
            "--token",
            metavar="TOKEN",
            envvar="MCP_TOKEN",
            show_envvar=True,
            help="The token. The other ways are better: a command line is remembered by the shell and seen by others.",
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
    """Verify an access token.

    The answer is the one that a server with the same settings gives, and here with its reason; what has been revoked is
    asked of MCP_STORE_URL. The exit code is 0 if the token is valid, 1 if it is refused, and 2 if something is wrong
    with the command or the settings. Many tokens share one code: 1 if one of them is refused.
    """
    if no_verify:
        deferred("inspect:inspect")(**options)
    else:
        deferred("verify:verify")(verbose=verbose, **options)


@token.command("inspect", epilog="{command} --token-file token.txt")
@_token_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; for many tokens, one on each line.")
def inspect(**options: object) -> None:
    """Show what a token claims.

    Nothing is checked and no key is needed. Anybody can write such a token: believe nothing of it.
    """
    deferred("inspect:inspect")(**options)


@token.command("revoke", epilog="{command} --token-file token.txt\n{command} --subject ada")
@_token_options
@click.option("--id", "token_id", type=_TEXT, metavar="ID", help="The token with this name (`jti`).")
@click.option(
    "--family", type=_TEXT, metavar="ID", help="All tokens of one sign-in (`sid`), the refresh token included."
)
@click.option("--subject", type=_TEXT, metavar="ID", help="All tokens of somebody (`sub`) that were issued until now.")
@click.option(
    "--issuer", type=_TEXT, metavar="URL", help="Whose tokens --id, --family or --subject name.  [default: MCP_ISSUER]"
)
def revoke(**options: object) -> None:
    """Take tokens back before they expire.

    A refresh token takes its family with it, and all access tokens that came from it. Running servers learn of it at
    once through the store. The exit code is 1 if what was given is no token to take back.
    """
    deferred("revoke:revoke")(**options)


@main.group(epilog="{command} new --file keys.json")
def keys() -> None:
    """Make, rotate and list key pairs."""


@keys.command("new", epilog="{command} --algorithm ES256 --file keys.json")
@click.option(
    "--algorithm",
    type=click.Choice(["ES256", "RS256", "EdDSA"]),
    help="What it signs with.  [default: MCP_JWT_ALGORITHM, or else ES256]",
)
@click.option("--file", "path", type=_FILE, metavar="FILE", help="The key file.  [default: MCP_KEYS_FILE]")
def new_key(**options: object) -> None:
    """Add a key pair to the key file.

    It signs from now on; the older keys stay and verify what they have signed. Its `kid` is printed. Only the owner of
    the file can read it. Where somebody else verifies the tokens, `rotate` is the better command: nobody knows this key
    before it signs.
    """
    deferred("keys:new")(**options)


_AFTER = click.option(
    "--after",
    type=click.IntRange(0),
    default=360,  # core.rotation.PUBLISHED_BEFORE, which takes long to import
    show_default=True,
    metavar="SECONDS",
    help="When it begins to sign: not before the last cache has let go of the set without it.",
)
_NOW = click.option("--now", "at_once", is_flag=True, help="Drop it at once, and the tokens it has signed with it.")


@keys.command("rotate", epilog="{command}")
@_AFTER
@click.option("--file", "path", type=_FILE, metavar="FILE", help="The key file.  [default: MCP_KEYS_FILE]")
def rotate_keys(**options: object) -> None:
    """Publish a new key pair that begins to sign later.

    It is of the same kind as the newest. A server that follows the file publishes it within about a second; the key
    before it signs until then, and verifies for as long as its tokens live. Its `kid` is printed.
    """
    deferred("rotation:rotate_keys")(**options)


@keys.command("retire", epilog="{command}\n{command} KID --now", context_settings=_DASHES)
@click.argument("kid", required=False, help="The key.  [default: every one whose tokens have all ended]")
@_NOW
@click.option("--file", "path", type=_FILE, metavar="FILE", help="The key file.  [default: MCP_KEYS_FILE]")
def retire_keys(**options: object) -> None:
    """Drop keys that are no longer needed, or one that has leaked.

    A key whose tokens may still live is not dropped, and the exit code is 1. With --now it is, a server that follows
    the file refuses its tokens within about a second, and another key signs at once: the newest, or a fresh one. The
    `kid` of each key that has gone is printed.
    """
    deferred("rotation:retire_keys")(**options)


@keys.command("list", epilog="{command}")
def list_keys() -> None:
    """List the keys, oldest to newest.

    Of each key its `kid`, its algorithm, what it is for and whose tokens it verifies; never the key itself. Behind
    `signs from` stands when it begins to sign, behind `verifies until` when the last token that it signed has ended.
    """
    deferred("keys:list_all")()


@keys.command("jwks", epilog="{command} > jwks.json")
def jwks() -> None:
    """Print the public keys as a JWK Set.

    It is for whoever verifies these tokens elsewhere. A shared secret (HS256) has no public key: the set is empty.
    """
    deferred("keys:jwks")()


@main.group(epilog="{command} new")
def secret() -> None:
    """Make and rotate shared secrets."""


@secret.command("new", epilog="export MCP_JWT_SECRET=$({command})\n{command} > secret.txt")
def new_secret() -> None:
    """Print a fresh secret.

    It has 32 random bytes, written in letters, digits, - and _: nothing that a shell or `.env` would read otherwise.
    """
    deferred("secret:new")()


_SECRET_FILE = click.option(
    "--file", "path", type=_FILE, metavar="FILE", help="The file of the secrets.  [default: MCP_JWT_SECRET_FILE]"
)


@secret.command("rotate", epilog="{command}")
@_AFTER
@_SECRET_FILE
def rotate_secrets(**options: object) -> None:
    """Put a fresh secret into the file that begins to sign later.

    Every server needs the file with both before that. The secret before it signs until then, and verifies for as long
    as its tokens live. The new one's `kid` is printed, and the secret itself is not.
    """
    deferred("rotation:rotate_secrets")(**options)


@secret.command("retire", epilog="{command}\n{command} KID --now", context_settings=_DASHES)
@click.argument("kid", required=False, help="The secret.  [default: every one whose tokens have all ended]")
@_NOW
@_SECRET_FILE
def retire_secrets(**options: object) -> None:
    """Drop secrets that are no longer needed, or one that has leaked.

    A secret whose tokens may still live is not dropped, and the exit code is 1. With --now it is, a server that follows
    the file refuses its tokens within about a second, and another one signs at once: the newest, or a fresh one. The
    `kid` of each secret that has gone is printed; `mcp-auth-ref keys list` shows them all.
    """
    deferred("rotation:retire_secrets")(**options)


@main.group(epilog="{command} verify")
def audit() -> None:
    """Check the audit log."""


@audit.command("verify", epilog="{command}\n{command} --file audit.log.1 --file audit.log")
@click.option(
    "--file",
    "files",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="A file of the log; again for each later one.  [default: MCP_AUDIT_LOG_PATH and its older files]",
)
@click.option(
    "--at-least",
    type=click.IntRange(min=1),
    metavar="LINES",
    help="How many lines the log had when somebody else counted them.",
)
def verify_audit(**options: object) -> None:
    """Verify a sealed audit log.

    The first line that has been changed, moved or added is named, and so are lines that are missing: then the exit code
    is 1. The key is that of MCP_AUDIT_KEY_FILE.
    """
    deferred("audit:verify")(**options)


@main.group(epilog="{command} new --user-id service:backup --scope mcp:tools")
def apikey() -> None:
    """Make, list and revoke API keys."""


_API_KEYS_FILE = click.option(
    "--file", "path", type=_FILE, metavar="FILE", help="The file of the API keys.  [default: MCP_API_KEYS_FILE]"
)


@apikey.command("new", epilog="KEY=$({command} --user-id service:backup --scope mcp:tools)")
@click.option("--user-id", required=True, type=_TEXT, metavar="ID", help="Whom the key speaks for: its `sub`.")
@click.option(
    "--scope", "scopes", type=_TEXT, required=True, multiple=True, help="What it allows; again for each further one."
)
@click.option(
    "--days", type=click.IntRange(1, 366), default=90, show_default=True, help="For how many days it is accepted."
)
@click.option("--manage-tokens", is_flag=True, help="Let a --scope reach as far as mcp:tokens:manage.")
@_API_KEYS_FILE
def new_api_key(**options: object) -> None:
    """Print a fresh API key.

    It is shown this once: the file has its digest, from which nobody gets it back. A server that follows the file
    accepts it within about a second.
    """
    deferred("apikey:new")(**options)


@apikey.command("list", epilog="{command}")
@_API_KEYS_FILE
def list_api_keys(**options: object) -> None:
    """List the API keys.

    Of each its id, how it stands, whom it speaks for and what it allows; never the key, which is not there.
    """
    deferred("apikey:list_all")(**options)


@apikey.command("revoke", epilog="{command} 1f0c9a3e")
@click.argument("name", metavar="ID", help="Its id, as `apikey list` shows it.")
@_API_KEYS_FILE
def revoke_api_key(**options: object) -> None:
    """Take an API key back.

    A server that follows the file refuses it within about a second. It stays in the list, so that its holder is told
    that it was revoked.
    """
    deferred("apikey:revoke")(**options)


@main.command(epilog="{command}\nMCP_RESOURCE_URL=http://127.0.0.1:9000/mcp {command}")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port.  [default: that of MCP_RESOURCE_URL on loopback, or 8765]"
)
def serve(**options: object) -> None:
    """Run a guarded MCP server.

    The demonstration server stands behind the guard of this package, with nothing else to install or to start. To move
    it, change MCP_RESOURCE_URL: the port follows, and so do the tokens and the names it answers to. --host and --port
    are for a server whose public address, such as that of a proxy, is another one.
    """
    deferred("serve:serve")(**options)


@main.command(epilog="{command} token_expired")
@click.argument("code", required=False, help="Such as token_expired.")
def explain(**options: object) -> None:
    """Explain an error.

    What the code means, what usually causes it, and the cure. Without a code, all are listed.
    """
    deferred("explain:explain")(**options)


@main.command(epilog="{command}")
def settings() -> None:
    """Show the settings in effect.

    Every variable, its value and where that comes from; secrets stay hidden. The exit code is 2 where no server could
    start with them.
    """
    deferred("settings:show")()


@main.command(epilog='eval "$({command} bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), help="The shell.")
def completion(**options: object) -> None:
    """Print a shell's completion script.

    It completes the words of `mcp-auth-ref`, `generate-mcp-token` and `validate-mcp-token`.
    """
    deferred("completion:script")(**options)


generate = issue
validate = verify
PROGRAMS = {"mcp-auth-ref": main, "generate-mcp-token": generate, "validate-mcp-token": validate}
