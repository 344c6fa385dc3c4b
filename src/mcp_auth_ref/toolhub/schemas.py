"""Arguments against a tool's input schema, where neither the schema nor the arguments can be trusted to be small.

A schema comes from a server, and its arguments from a caller. Either may be made so that a check takes for ever: by a
pattern that backtracks, by branches that double at each level, by a reference into itself. So patterns run on an engine
without backtracking, a check has so much processor time and no more, and nothing is ever fetched.

What is left to the server: `format`, `unevaluatedItems`, `unevaluatedProperties`, and patterns with look-around.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

from jsonschema import (
    Draft3Validator,
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    ValidationError,
)
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from pydantic_core import ValidationError as NoMatch
from referencing import Registry
from referencing.exceptions import Unresolvable

MAX_SCHEMA_BYTES = 128 * 1024
MAX_CPU_SECONDS = 0.25
MAX_PROBLEMS = 5

_Json: TypeAlias = Any
_Node: TypeAlias = Any  # a validator at one place of the schema; the library's protocol leaves out `descend`
_Keyword: TypeAlias = Callable[[_Node, _Json, _Json, _Json], Iterable[ValidationError] | None]

_extend: Callable[..., type[Validator]] = extend
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_deadline: ContextVar[float] = ContextVar("_deadline")


class Unusable(ValueError):
    """What is wrong with a schema, in words of our own."""


class _TooCostly(Exception):
    """The check has used up its processor time."""


class ArgumentCheck:
    """A tool's input schema, ready to be held against arguments. Raises Unusable.

    It is read by the draft that its `$schema` names, and by 2020-12 where it names none (MCP 2026-07-28, JSON Schema).
    """

    def __init__(self, schema: Mapping[str, object]) -> None:
        draft = _draft(schema)
        with _in_words():
            draft.check_schema(dict(schema))
            # With `$schema` in it, each reference to the root would go on with the library's own, unbounded keywords.
            self._validator = _bounded(draft)(
                {key: value for key, value in schema.items() if key != "$schema"}, registry=Registry()
            )

    def problems(self, arguments: Mapping[str, object]) -> tuple[str, ...]:
        """Say what is wrong, in the schema's words and without a value of the arguments. Raises Unusable."""
        _deadline.set(time.thread_time() + MAX_CPU_SECONDS)
        given: dict[str, _Json] = dict(arguments)
        with _in_words():
            return tuple(map(_said, islice(self._validator.iter_errors(given), MAX_PROBLEMS)))


class _in_words:  # noqa: N801 - a context manager, as the standard library spells them
    """Turn what the library raises over a schema into `Unusable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        if isinstance(error, Exception):
            # Whatever it stumbles over, the schema is a stranger's: no failure of ours.
            problem = next((said for kind, said in _PROBLEMS.items() if isinstance(error, kind)), _NO_SCHEMA)
            raise Unusable(problem) from None


_NO_SCHEMA = "it is no JSON Schema of its draft"
_ENDLESS = "it refers to itself without end, or is nested too deeply"
_PROBLEMS: Mapping[type[Exception], str] = {
    Unresolvable: "it refers to something that is not in it",
    RecursionError: _ENDLESS,
    _TooCostly: "the check against it takes too long",
}
_DRAFTS: Mapping[str, type[Validator]] = {
    f"{draft.META_SCHEMA.get('$id', draft.META_SCHEMA.get('id'))}".rstrip("#"): draft
    for draft in (
        Draft3Validator,
        Draft4Validator,
        Draft6Validator,
        Draft7Validator,
        Draft201909Validator,
        Draft202012Validator,
    )
}


def _draft(schema: Mapping[str, object]) -> type[Validator]:
    try:
        size = len(json.dumps(schema))
    except RecursionError:
        raise Unusable(_ENDLESS) from None
    if size > MAX_SCHEMA_BYTES:
        raise Unusable(f"it has more than {MAX_SCHEMA_BYTES} bytes")
    if any(isinstance(part.get("$schema"), str) for part in _below(schema)):
        raise Unusable("a part of it names a draft of its own")
    named = schema.get("$schema", "https://json-schema.org/draft/2020-12/schema")
    draft = _DRAFTS.get(f"{named}".rstrip("#"))
    if draft is None:
        raise Unusable("its $schema names no draft of JSON Schema that is known here")
    return draft


def _below(schema: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Give every object within the schema but the schema itself."""
    waiting: list[object] = list(schema.values())
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


@lru_cache
def _bounded(draft: type[Validator]) -> type[Validator]:
    """Make the draft's validator with a price on each step, and without what cannot be bounded."""
    keywords = {**draft.VALIDATORS, **{name: ours for name, ours in _OURS.items() if name in draft.VALIDATORS}}
    return _extend(draft, {name: _priced(keyword) for name, keyword in keywords.items()})


def _priced(keyword: _Keyword) -> _Keyword:
    def check(validator: _Node, value: _Json, instance: _Json, schema: _Json) -> Iterable[ValidationError] | None:
        # Processor time, not the clock: a busy machine is not the schema's fault.
        if time.thread_time() > _deadline.get():
            raise _TooCostly
        return keyword(validator, value, instance, schema)

    return check


@lru_cache(maxsize=1024)
def _engine(pattern: str) -> SchemaValidator | None:
    """Compile a pattern for Rust's engine, which takes time in proportion to the text; None for what it cannot do."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except PatternError:
        return None


def _matches(engine: SchemaValidator, text: str) -> bool:
    try:
        engine.validate_python(text)
    except NoMatch:
        return False
    return True


def _pattern(validator: _Node, pattern: str, instance: _Json, _: _Json) -> Iterator[ValidationError]:
    engine = _engine(pattern) if validator.is_type(instance, "string") else None
    if engine is not None and not _matches(engine, instance):
        yield ValidationError("")


def _pattern_properties(validator: _Node, patterns: _Json, instance: _Json, _: _Json) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in patterns.items():
            engine = _engine(pattern)
            for name in instance:
                if engine is not None and _matches(engine, name):
                    yield from validator.descend(instance[name], subschema, path=name)


def _additional_properties(
    validator: _Node, subschema: _Json, instance: _Json, schema: _Json
) -> Iterator[ValidationError]:
    engines = [_engine(pattern) for pattern in schema.get("patternProperties", ())]
    if not validator.is_type(instance, "object") or None in engines:
        return
    known = schema.get("properties", ())
    for name, value in instance.items():
        if name not in known and not any(_matches(engine, name) for engine in engines if engine is not None):
            if subschema is False:
                yield ValidationError(f"knows no {name}" if _PLAIN.fullmatch(name) else "knows not all its members")
            else:
                yield from validator.descend(value, subschema, path=name)


def _unique_items(validator: _Node, unique: _Json, instance: _Json, _: _Json) -> Iterator[ValidationError]:
    if unique and validator.is_type(instance, "array") and len(set(map(_canonical, instance))) < len(instance):
        yield ValidationError("")


def _canonical(value: _Json) -> str:
    """Write a value so that equal ones are written alike: 1 and 1.0 are equal in JSON Schema, 1 and true are not."""
    return json.dumps(_rounded(value), sort_keys=True)


def _rounded(value: _Json) -> _Json:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _rounded(member) for key, member in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _left_to_the_server(*_: _Json) -> tuple[()]:
    return ()


_OURS: Mapping[str, _Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
    "unevaluatedItems": _left_to_the_server,
    "unevaluatedProperties": _left_to_the_server,
    "format": _left_to_the_server,
}


def _said(error: ValidationError) -> str:
    """Say where it is and which keyword it breaks. What the library says would quote the value."""
    where = _path(error.absolute_path)
    if error.validator == "required":
        return f"{where}: {_cut(error.message)}"
    if error.validator == "additionalProperties" and error.message:
        return f"{where} {error.message}"
    if error.validator is None:
        return f"{where} is not allowed"
    return f"{where} breaks {error.validator} {_cut(json.dumps(error.validator_value, ensure_ascii=False))}"


def _path(parts: Sequence[str | int]) -> str:
    """Write a JSON path. A name that only the caller may have made up is not repeated."""
    shown = [
        f"[{part}]" if isinstance(part, int) else f".{part}" if _PLAIN.fullmatch(part) else "[…]" for part in parts
    ]
    return _cut(f"${''.join(shown)}")


def _cut(text: str) -> str:
    printable = "".join(char if char.isprintable() else "�" for char in text)
    return printable if len(printable) <= 200 else f"{printable[:200]}…"
