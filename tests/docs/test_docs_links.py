"""The pages point only to what is there, and the page on the architecture tells the layers that are held."""

from __future__ import annotations

import re
import tomllib

import pytest
from pages import ROOT, anchors, links, pages, text

ARCHITECTURE = "engine/ARCHITECTURE.md"


@pytest.mark.parametrize("page", pages())
def test_every_relative_link_leads_somewhere(page: str) -> None:
    assert [target for target in links(page) if not leads_somewhere(page, target)] == []


def leads_somewhere(page: str, target: str) -> bool:
    if re.match(r"https?://|mailto:", target):
        return True
    path, _, anchor = target.partition("#")
    found = (ROOT / page).parent / path if path else ROOT / page
    if not found.exists() or ROOT not in [found.resolve(), *found.resolve().parents]:
        return False
    return not anchor or anchor in anchors(found.resolve().relative_to(ROOT).as_posix())


def test_the_files_that_the_architecture_names_are_there() -> None:
    named = re.findall(r"`([a-z_/]+\.py)", text(ARCHITECTURE))
    assert named
    assert [name for name in named if not (ROOT / "engine" / "walert" / name).exists()] == []


def test_the_architecture_tells_the_layers_that_are_held() -> None:
    section = text(ARCHITECTURE).partition("\n## Layers\n")[2].partition("\n## ")[0]
    told = [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    held = [re.findall(r"walert\.(\w+)", layer) for layer in contracts[0]["layers"]]
    assert told_as_held(told, held), f"told: {told}\nheld: {held}"


def told_as_held(told: list[list[str]], held: list[list[str]]) -> bool:
    """The same names; one layer may be told in several rows, never two layers in one."""
    order = {name: at for at, layer in enumerate(held) for name in layer}
    names = [name for row in told for name in row]
    layers = [order.get(name, -1) for name in names]
    return sorted(names) == sorted(order) and layers == sorted(layers)
