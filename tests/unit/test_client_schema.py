"""The schema of a record: what is written fits, what cannot be acted upon does not."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from walert.resources import schema

CHECK = jsonschema.Draft7Validator(schema("record"))


def described(node: Any) -> list[tuple[str, str]]:
    found = []
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict) and "const" not in str(properties):
            found += [(key, entry.get("description", "")) for key, entry in properties.items()]
        found += [each for child in node.values() for each in described(child)]
    return found


def test_every_key_has_a_sentence() -> None:
    keys = described(schema("record"))
    assert len(keys) > 25
    assert [key for key, text in keys if not text.endswith(".")] == []


@pytest.mark.parametrize(
    "record",
    [
        {"loss": 1.0, "_step": 3, "_timestamp": 1.7e9, "x": "NaN", "anything": [None, {}]},
        {"_walert": {"event": "heartbeat"}},
        {"_walert": {"event": "alert", "title": "T", "text": "", "level": "warn", "wait_duration": 0}},
        {"_walert": {"event": "start", "id": "a", "more": "to come"}},
    ],
)
def test_what_readers_take_fits(record: dict[str, Any]) -> None:
    CHECK.validate(record)


@pytest.mark.parametrize(
    "record",
    [
        [],
        {"_walert": 1},
        {"_walert": {}},
        {"_walert": {"event": "reboot"}},
        {"_walert": {"event": "start"}},
        {"_walert": {"event": "alert", "title": "T"}},
        {"_walert": {"event": "alert", "title": " ", "text": "x"}},
        {"_walert": {"event": "alert", "title": "T", "text": "x", "level": "FATAL"}},
        {"_walert": {"event": "alert", "title": "T", "text": "x", "wait_duration": -1}},
        {"_step": "3"},
    ],
)
def test_what_cannot_be_acted_upon_does_not(record: Any) -> None:
    assert not CHECK.is_valid(record)
