"""`token inspect` and `validate-mcp-token --no-verify`: look, and believe nothing. No key is loaded for it."""

import time
from pathlib import Path

from mcp_auth_ref.cli.tokens import report, seen


def inspect(*, token: str | None, token_file: Path | None, words: tuple[str, ...], as_json: bool) -> None:
    """Show what the token or tokens given claim."""
    report(
        lambda text: seen(text, now=time.time()),
        token=token,
        token_file=token_file,
        words=words,
        as_json=as_json,
        verbose=True,
    )
