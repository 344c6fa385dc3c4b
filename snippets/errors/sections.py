"""Print every error of the tree: a table of the codes, then a section for each."""

import inspect
from collections.abc import Iterator
from itertools import groupby

from mcp_auth_ref import AuthError, CallFailed, InvalidToken, RefusedClaims, TokenRefused
from mcp_auth_ref.server.problems import STATUS


def below(error: type[AuthError]) -> Iterator[type[AuthError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from below(kind)


def is_raised_by_a_client(error: type[AuthError]) -> bool:
    return issubclass(error, CallFailed | TokenRefused)


def status(error: type[AuthError]) -> str:
    if is_raised_by_a_client(error):
        return ""
    known = (STATUS[kind] for kind in error.__mro__ if kind in STATUS)
    return next((f"HTTP {number.value}" for number in known), "")


def group(error: type[AuthError]) -> str:
    if issubclass(error, CallFailed):
        return "A client's call fails"
    if issubclass(error, TokenRefused):
        return "A client hears that its token is refused"
    if issubclass(error, RefusedClaims):
        return "The signature holds, the claims are refused"
    if issubclass(error, InvalidToken):
        return "No signature holds"
    return "The request is refused" if status(error) else "Nothing starts, or nothing is done"


def network(error: type[AuthError]) -> str:
    if is_raised_by_a_client(error):
        return "Raised by a client"
    learned = error.__new__(error).public_code
    return f"{status(error)}, the caller learns `{learned}`" if status(error) else "Not over HTTP"


def exception(error: type[AuthError]) -> str:
    data = (name for name in inspect.get_annotations(error.__init__) if name != "return")
    return f"{error.__name__}({', '.join(data)})"


def section(error: type[AuthError]) -> str:
    causes = "\n".join(f"- {cause}" for cause in error.causes)
    return f"""
### `{error.code}` {{ #{error.code} }}

{inspect.getdoc(error)}

Usual causes:

{causes}

**Cure:** {error.cure}

{network(error)} · in Python `{exception(error)}`"""


errors = list(below(AuthError))
print("| Code | What it means, and its HTTP status |\n|---|---|")
for error in errors:
    summary, *_ = str(inspect.getdoc(error)).split("\n\n")
    meaning = f"{summary} {status(error)}".rstrip()
    print(f"| [`{error.code}`](#{error.code}) | {meaning} |")
for heading, members in groupby(errors, group):
    print(f"\n## {heading}")
    print(*map(section, members), sep="\n")
