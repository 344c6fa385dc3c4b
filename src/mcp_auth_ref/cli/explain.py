"""`explain`."""

from collections.abc import Iterator
from difflib import get_close_matches

import click

from mcp_auth_ref.core.errors import AuthError, help_url


def explain(*, code: str | None) -> None:
    """Explain one error, or list them all."""
    errors = {error.code: error for error in _below(AuthError)}
    if code is None:
        width = max(map(len, errors))
        click.echo("\n".join(f"{name:<{width}}  {_title(error)}" for name, error in errors.items()))
    elif code in errors:
        click.echo(_explained(errors[code]))
    else:
        near = get_close_matches(code, errors, n=1)
        hint = f"The nearest is {near[0]}." if near else "`mcp-auth-ref explain` lists them all."
        click.get_current_context().fail(f"There is no error with this code. {hint}")


def _below(error: type[AuthError]) -> Iterator[type[AuthError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _below(kind)


def _title(error: type[AuthError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]


def _explained(error: type[AuthError]) -> str:
    causes = "\n".join(f"  - {cause}" for cause in error.causes)
    return (
        f"{error.code}: {_title(error)}\n\nUsual causes:\n{causes}\n\nCure: {error.cure}\n\nSee {help_url(error.code)}"
    )
