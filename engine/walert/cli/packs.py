"""`walert packs`: the rule packs that ship with walert."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from walert.resources import pack_names, pack_path

HELP = "list the rule packs that ship with walert, or print one"


@dataclass(frozen=True, slots=True)
class Pack:
    """A shipped rule pack; `about` is the first sentence of its file."""

    name: str
    about: str
    rules: int
    path: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the pack to print; all are listed if not given")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def main(args: argparse.Namespace) -> int:
    """0, or 2 when there is no such pack."""
    return run(args.name, as_json=args.json, out=sys.stdout)


def run(name: str | None, *, as_json: bool, out: TextIO) -> int:
    """Print the pack `name`, or the list of them."""
    try:
        packs = [_pack(each) for each in (pack_names() if name is None else (name,))]
    except KeyError as error:
        out.write(f"walert packs: {error.args[0]}.\n")
        return 2
    if as_json:
        out.writelines(_json(pack) + "\n" for pack in packs)
    elif name is None:
        width = max((len(f"pack:{p.name}") for p in packs), default=0)
        out.writelines(f"{f'pack:{p.name}':<{width}}  {p.rules} rules  {p.about}\n" for p in packs)
    else:
        out.write(Path(packs[0].path).read_text(encoding="utf-8"))
    return 0


def _pack(name: str) -> Pack:
    from walert.rules.load import load_rules

    path = pack_path(name)
    text = path.read_text(encoding="utf-8")
    return Pack(name, _about(text), load_rules(text, str(path)).count, str(path))


def _about(text: str) -> str:
    """The first sentence of the comment at the file's beginning."""
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith("# yaml-language-server:"):
            continue
        if not line.startswith("#") or line == "#":
            break
        words.append(line.lstrip("# ").strip())
    return " ".join(words).split(". ")[0].rstrip(".")


def _json(pack: Pack) -> str:
    return json.dumps({"name": pack.name, "about": pack.about, "rules": pack.rules, "path": pack.path})
