"""Arguments against schemas: what honest ones say, and what hostile ones cannot do."""

import json

import pytest

from mcp_auth_ref.toolhub.schemas import MAX_PROBLEMS, MAX_SCHEMA_BYTES, ArgumentCheck, Unusable

SLOW = "^(a+)+$"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DOUBLING = {f"d{level}": {"anyOf": 2 * [{"$ref": f"#/$defs/d{level + 1}"}]} for level in range(60)} | {
    "d60": {"type": "string"}
}


def problems(schema: dict[str, object], **arguments: object) -> tuple[str, ...]:
    return ArgumentCheck(schema).problems(arguments)


def of(keyword: str, value: object, **others: object) -> dict[str, object]:
    """Make a schema for the argument `a`."""
    return {"type": "object", "properties": {"a": {keyword: value, **others}}}


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (of("type", "number"), "1", '$.a breaks type "number"'),
        (of("maximum", 10), 11, "$.a breaks maximum 10"),
        (of("enum", ["x", "née"]), "y", '$.a breaks enum ["x", "née"]'),
        (of("pattern", "^[a-z]+$"), "A", '$.a breaks pattern "^[a-z]+$"'),
        (of("maxLength", 3), "abcd", "$.a breaks maxLength 3"),
        (of("uniqueItems", True), [1, 2, 1.0], "$.a breaks uniqueItems true"),
        (of("uniqueItems", True), [{"x": 1, "y": [2]}, {"y": [2.0], "x": 1}], "$.a breaks uniqueItems true"),
        (of("items", {"type": "string"}), ["x", 1], '$.a[1] breaks type "string"'),
        (of("required", ["b"]), {}, "$.a: 'b' is a required property"),
        (of("additionalProperties", False), {"b": 1}, "$.a knows no b"),
        (of("additionalProperties", False), {"b c": 1}, "$.a knows not all its members"),
        (of("additionalProperties", {"type": "string"}), {"b": 1}, '$.a.b breaks type "string"'),
        (of("patternProperties", {"^x": {"type": "string"}}), {"x1": 1, "y": 1}, '$.a.x1 breaks type "string"'),
        (
            of("patternProperties", {"^x": True}, additionalProperties=False, properties={"z": True}),
            {"x1": 1, "z": 1, "y": 1},
            "$.a knows no y",
        ),
        (of("propertyNames", {"maxLength": 1}), {"xx": 1}, "$.a breaks maxLength 1"),
        (
            of("anyOf", [{"type": "string"}, {"type": "null"}]),
            1,
            '$.a breaks anyOf [{"type": "string"}, {"type": "null"}]',
        ),
        (of("const", "x" * 300), 1, f'$.a breaks const "{"x" * 199}…'),
        (of("additionalProperties", {"type": "string"}), {"b c": 1}, '$.a[…] breaks type "string"'),
    ],
)
def test_a_problem_is_said_in_the_words_of_the_schema(schema: dict[str, object], value: object, said: str) -> None:
    """Our choice: where it is, the keyword and its value; of the arguments nothing but plain names."""
    assert problems(schema, a=value) == (said,)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (of("uniqueItems", True), [1, True, "1", [1], {"1": 1}, 1.5]),
        (of("uniqueItems", False), [1, 1]),
        (of("pattern", "b"), "abc"),
        (of("format", "email"), "nobody"),
        (of("pattern", "^(?=x)"), "y"),
        (of("patternProperties", {"^(?=x)": True}, additionalProperties=False), {"y": 1}),
        (of("unevaluatedProperties", False), {"y": 1}),
        (of("unevaluatedItems", False), [1]),
        ({}, 1),
    ],
)
def test_what_is_right_or_left_to_the_server_passes(schema: dict[str, object], value: object) -> None:
    """JSON Schema 2020-12, and our choice: what cannot be checked within bounds, the server checks."""
    assert problems(schema, a=value) == ()


def test_a_schema_is_read_by_the_draft_it_names() -> None:
    """MCP 2026-07-28, JSON Schema: 2020-12 where none is named. In draft 7, `$ref` hides what stands beside it."""
    schema = {"properties": {"a": {"$ref": "#/x", "type": "string"}}, "x": {"type": "integer"}}

    assert problems({**schema, "$schema": DRAFT_7}, a="s") == ('$.a breaks type "integer"',)
    assert problems(schema, a=1) == ('$.a breaks type "string"',)
    assert problems(
        {**of("exclusiveMaximum", True, maximum=3), "$schema": "http://json-schema.org/draft-04/schema#"}, a=3
    )


def test_no_more_is_said_than_helps() -> None:
    """Our choice: the first few."""
    schema: dict[str, object] = {"additionalProperties": {"type": "string"}}

    assert len(ArgumentCheck(schema).problems({f"a{number}": number for number in range(100)})) == MAX_PROBLEMS


def test_no_value_of_the_arguments_is_repeated() -> None:
    """Our choice: a secret in the wrong place stays with its sender."""
    schema = {**of("type", "integer"), "additionalProperties": False, "not": {"required": ["a"]}}

    said = problems(schema, a="hush-hush", **{"hush hush": "hush"})

    assert len(said) == 3
    assert "hush" not in "".join(said)


@pytest.mark.parametrize("keyword", ["pattern", "patternProperties", "additionalProperties"])
def test_a_pattern_that_backtracks_takes_no_longer_than_any_other(keyword: str) -> None:
    """Our choice: with `re`, each of these would take longer than the universe has."""
    text = "a" * 5000 + "!"
    schemas: dict[str, dict[str, object]] = {
        "pattern": of("pattern", SLOW),
        "patternProperties": {"patternProperties": {SLOW: {"type": "string"}}},
        "additionalProperties": {"patternProperties": {SLOW: True}, "additionalProperties": False},
    }

    assert len(ArgumentCheck(schemas[keyword]).problems({"a": text} if keyword == "pattern" else {text: 1})) == (
        0 if keyword == "patternProperties" else 1
    )


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"$defs": DOUBLING, "$ref": "#/$defs/d0"}, "the check against it takes too long"),
        (
            {"$schema": DRAFT_7, "$defs": DOUBLING, "allOf": [{"$ref": "#/$defs/d0"}]},
            "the check against it takes too long",
        ),
        ({"$ref": "#"}, "it refers to itself without end, or is nested too deeply"),
        ({"$ref": "https://schemas.example/x.json"}, "it refers to something that is not in it"),
        ({"$ref": "file:///etc/passwd"}, "it refers to something that is not in it"),
        ({"$ref": "#/nowhere"}, "it refers to something that is not in it"),
        ({"type": "strange"}, "it is no JSON Schema of its draft"),
        ({"properties": []}, "it is no JSON Schema of its draft"),
        ({"$schema": "https://schemas.example/mine"}, "its $schema names no draft of JSON Schema that is known here"),
        ({"$schema": 7}, "its $schema names no draft of JSON Schema that is known here"),
        ({"properties": {"a": {"$schema": DRAFT_7}}}, "a part of it names a draft of its own"),
        ({"$id": "http://[", "$ref": "x"}, "it is no JSON Schema of its draft"),
        ({"description": "x" * MAX_SCHEMA_BYTES}, f"it has more than {MAX_SCHEMA_BYTES} bytes"),
        (json.loads('{"not":' * 900 + "{}" + "}" * 900), "it refers to itself without end, or is nested too deeply"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_schema_cannot_be_used(schema: dict[str, object], problem: str) -> None:
    """Our choice: no schema keeps us busy, and none is fetched."""
    with pytest.raises(Unusable) as refused:
        problems(schema, a=1)

    assert str(refused.value) == problem


def test_large_arguments_are_checked_in_bounded_time() -> None:
    """Our choice: a list of many objects is compared by what they hold, not each with each."""
    many = [{"x": number} for number in range(20_000)]

    assert problems(of("uniqueItems", True), a=many) == ()
    assert problems(of("uniqueItems", True), a=[*many, many[0]]) == ("$.a breaks uniqueItems true",)
