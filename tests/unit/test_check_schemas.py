"""The shipped schemas and packs, and the commands that print them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import jsonschema
import pytest

from walert.cli import packs
from walert.cli import schema as schema_command
from walert.cli.exits import ExitCode
from walert.resources import pack_names, pack_path, schema, schema_names, schema_path

WRITTEN = ["config", "rules"]


def mappings(node: Any) -> list[dict[str, Any]]:
    found = [node] if isinstance(node, dict) else []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [*found, *(each for child in children for each in mappings(child))]


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_draft_07(name: str) -> None:
    assert schema(name)["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", WRITTEN)
def test_every_key_has_a_sentence(name: str) -> None:
    described = [
        (key, entry.get("description", ""))
        for mapping in mappings(schema(name))
        if isinstance(mapping.get("properties"), dict)
        for key, entry in mapping["properties"].items()
    ]
    assert len(described) > 20
    assert [key for key, text in described if not text.endswith((".", "`."))] == []


@pytest.mark.parametrize("name", WRITTEN)
def test_no_mapping_takes_keys_that_nobody_knows(name: str) -> None:
    assert all(
        m["additionalProperties"] is False for m in mappings(schema(name)) if isinstance(m.get("properties"), dict)
    )


def test_an_unknown_schema_or_pack_names_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"there are: .*rules"):
        schema_path("rulez")
    with pytest.raises(KeyError, match=r"there are: .*training"):
        pack_path("trainig")


def printed(name: str | None, *, url: bool = False) -> tuple[int, str]:
    out = io.StringIO()
    return schema_command.run(name, url=url, out=out), out.getvalue()


def test_the_schema_command_lists_prints_and_locates() -> None:
    assert printed(None) == (0, "".join(f"{name}\n" for name in schema_names()))
    assert json.loads(printed("rules")[1]) == schema("rules")
    code, url = printed("rules", url=True)
    assert code == 0
    assert json.loads(Path(url2pathname(urlparse(url.strip()).path)).read_text()) == schema("rules")
    with pytest.raises(ExitCode, match="there is no schema 'rulez'") as stop:
        printed("rulez")
    assert stop.value.code == 2


def test_the_schemas_as_json_are_one_object_a_line() -> None:
    out = io.StringIO()
    assert schema_command.run(None, url=False, as_json=True, out=out) == 0
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["name"] for row in rows] == list(schema_names())
    assert all(row["url"] == Path(row["path"]).resolve().as_uri() for row in rows)


def test_the_packs_command_lists_and_prints() -> None:
    out = io.StringIO()
    assert packs.run(None, as_json=False, out=out) == 0
    assert [line.split()[0] for line in out.getvalue().splitlines()] == [f"pack:{name}" for name in pack_names()]
    out = io.StringIO()
    assert packs.run("training", as_json=False, out=out) == 0
    assert out.getvalue() == pack_path("training").read_text()
    with pytest.raises(ExitCode, match="there is no pack 'trainig'") as stop:
        packs.run("trainig", as_json=False, out=io.StringIO())
    assert stop.value.code == 2


def test_on_a_terminal_the_packs_fit_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = Terminal()
    assert packs.run(None, as_json=False, out=out) == 0
    lines = out.getvalue().splitlines()
    assert len(lines) > len(pack_names()) and max(map(len, lines)) <= 60


class Terminal(io.StringIO):
    """A stream that is one."""

    def isatty(self) -> bool:
        return True


def test_the_packs_as_json_are_one_object_a_line() -> None:
    out = io.StringIO()
    packs.run(None, as_json=True, out=out)
    objects = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [o["name"] for o in objects] == list(pack_names())
    assert all(set(o) == {"name", "about", "rules", "path"} and o["about"] and o["rules"] for o in objects)
