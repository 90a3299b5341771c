"""What is accepted without jsonschema is what draft-07 accepts: over the shipped schemas, and over schemas made of every keyword."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walert import resources
from walert.documents.fit import fits

NAMES = [
    "version",
    "rules",
    "title",
    "when",
    "for",
    "level",
    "labels",
    "watch",
    "path",
    "receivers",
    "url",
    "tests",
    "x",
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([0.0, 1.0, 1.5, float("nan"), float("inf")]),
    st.sampled_from(["", "a", "ab", "INFO", "warn", "5m", "3 of 5", "200 steps", "loss > 1", "ml-team", "a b", "\n"]),
)  # fmt: skip
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)
GOOD = {
    "rules": {
        "version": 1,
        "rules": [{"title": "a", "when": "loss > 1", "for": 3, "level": "WARN", "labels": {"x": "y"}}],
    },
    "config": {
        "watch": ["runs/"],
        "receivers": {"me": {"url": "console://"}},
        "heartbeat": {"url": "a", "every": "1m"},
    },
    "rule-tests": {
        "version": 1,
        "rules": ["a.yaml"],
        "tests": [{"name": "a", "expect": [], "series": {"loss": "1x3"}}],
    },
    "record": {"loss": 1.0, "_walert": {"event": "alert", "title": "a", "text": "b"}},
}


def truth(data, schema):
    return jsonschema.Draft7Validator(schema).is_valid(data)


@st.composite
def edited(draw, good):
    """A good document with one value of it, or one key, replaced."""
    data, place = draw(st.just(good)), []
    while isinstance(data, dict | list) and data and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(list(data) if isinstance(data, dict) else list(range(len(data)))))
        place, data = [*place, key], data[key]
    return replaced(good, place, draw(DATA), draw(st.sampled_from([None, *NAMES])))


def replaced(data, place, value, key):
    if not place:
        return {**data, key: value} if isinstance(data, dict) and key else value
    copy = data.copy()
    copy[place[0]] = replaced(data[place[0]], place[1:], value, key)
    return copy


@pytest.mark.parametrize("name", resources.schema_names())
def test_the_shipped_schemas_accept_what_draft_07_accepts(name):
    schema = resources.schema(name)

    @settings(max_examples=120, deadline=None)
    @given(st.one_of(DATA, edited(GOOD[name])))
    def check(data):
        assert fits(data, schema) is truth(data, schema)

    check()


@pytest.mark.parametrize("name", resources.schema_names())
def test_a_good_document_needs_no_jsonschema(name):
    assert truth(GOOD[name], resources.schema(name))
    assert fits(GOOD[name], resources.schema(name))


WORDS = {
    "type": st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "null", ["string", "null"]]),
    "const": SCALARS,
    "enum": st.lists(SCALARS, min_size=1, max_size=3),
    "pattern": st.sampled_from(["^a", "b$", "^[^\\s]*$"]),
    "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    **{f"{end}{of}": st.integers(0, 3) for end in ("min", "max") for of in ("Length", "Items", "Properties", "imum")},
    "exclusiveMinimum": st.integers(-1, 2),
    "exclusiveMaximum": st.integers(-1, 2),
}
SCHEMAS = st.recursive(
    st.booleans() | st.fixed_dictionaries({}, optional=WORDS),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "anyOf": st.lists(inner, min_size=1, max_size=2), "allOf": st.lists(inner, min_size=1, max_size=2),
            "if": inner, "then": inner, "else": inner, "items": inner, "propertyNames": inner, "additionalProperties": inner,
            "properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=3), **WORDS,
        },
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(DATA, SCHEMAS)
def test_schemas_of_every_keyword_accept_what_draft_07_accepts(data, schema):
    assert fits(data, schema) is truth(data, schema)


@pytest.mark.parametrize(
    "schema", [{"uniqueItems": True}, {"const": [1]}, {"$ref": "#/definitions/none"}, {"$ref": "https://example.com/a"}]
)
def test_what_is_not_known_here_is_left_to_jsonschema(schema):
    assert not fits([1], schema)
