"""Whatever stands under the keys of a configuration or a rule file, it is answered with values or with problems."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walert.config import inspect_config
from walert.resources import schema
from walert.rules.load import load_rules

BOUNDED = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

WORDS = st.sampled_from(
    [
        "",
        "x",
        "a > 1",
        "${A}",
        "${",
        "$$",
        "5m",
        "3 of 5",
        "WARN",
        "slack://a",
        "console",
        "pack:x",
        "~",
        "(",
        "{a}",
        "-1",
    ]
)
SCALARS = WORDS | st.text(max_size=5) | st.none() | st.booleans() | st.integers(-3, 10**30) | st.floats()


def mostly(wanted: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda n: SCALARS if n == 9 else wanted)


def shaped(node: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly what the schema wants, and now and then anything."""
    if "allOf" in node:
        return shaped(root["definitions"][node["allOf"][0]["$ref"].split("/")[-1]], root)
    if "anyOf" in node:
        return st.one_of([shaped(branch, root) for branch in node["anyOf"]])
    if node.get("type") == "object":
        required, keys = node.get("required", ()), node.get("properties", {})
        there = {key: shaped(keys[key], root) for key in required}
        named = st.fixed_dictionaries(
            there, optional={k: shaped(v, root) for k, v in keys.items() if k not in required}
        )
        other = node.get("additionalProperties")
        more = (
            st.dictionaries(st.sampled_from(["a", "b", "a/b"]), shaped(other, root), max_size=2)
            if other
            else st.just({})
        )
        return mostly(st.builds(lambda x, y: {**x, **y}, named, more))
    if node.get("type") == "array":
        return mostly(st.lists(shaped(node["items"], root), max_size=3))
    if "enum" in node or "const" in node:
        return mostly(st.sampled_from(node.get("enum", [node.get("const")])))
    return {"boolean": mostly(st.booleans()), "number": mostly(st.integers(1, 9))}.get(
        node.get("type", ""), mostly(WORDS)
    )


@BOUNDED
@given(shaped(schema("config"), schema("config")))
def test_any_configuration_is_answered(data: Any) -> None:
    inside = {**data, "state": "s.db", "watch": data.get("watch") or ["x"]} if isinstance(data, dict) else data
    text = json.dumps(inside, ensure_ascii=True).replace("NaN", ".nan").replace("Infinity", ".inf")
    config, problems = inspect_config(text, "walert.yaml", {"HOME": "/home/u", "A": "json://a"})
    assert "slack://" not in repr(config.receivers)
    assert not any("slack://a" in str(problem) for problem in problems)


@BOUNDED
@given(shaped(schema("rules"), schema("rules")))
def test_any_rule_file_is_answered(data: Any) -> None:
    text = json.dumps(data, ensure_ascii=True).replace("NaN", ".nan").replace("Infinity", ".inf")
    loaded = load_rules(text, "r.yaml", known_receivers=["ml-team"])
    assert loaded.usable or any(p.severity == "error" for p in loaded.problems)
