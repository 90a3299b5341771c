"""`walert packs`: the rule packs that ship with walert.

  walert packs                        # lists them
  walert packs NAME                   # prints one
  walert packs show NAME --log FILE   # what it does on a log

With a log it tells what each role stands for there, which rules can be decided, and where they fire.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from walert.cli.exits import FINE, USAGE, ExitCode
from walert.resources import pack_names, pack_path

if TYPE_CHECKING:
    from walert.cli.applying import Applied, Role

HELP = "list the rule packs that ship with walert, print one, or show what it does on a log"


@dataclass(frozen=True, slots=True)
class Pack:
    """A shipped rule pack; `about` is the first sentence of its file."""

    name: str
    about: str
    rules: int
    path: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("words", nargs="*", metavar="NAME", help="the pack; all are listed if not given")
    parser.add_argument("--log", metavar="FILE", help="with show: the log to look at")
    parser.add_argument(
        "--source", action="append", default=[], metavar="KEY=VALUE", help="with show: an option of a `watch` entry; may be repeated"
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def main(args: argparse.Namespace) -> int:
    """0, or 2 when there is no such pack or log."""
    match args.words:
        case [] if args.log is None:
            return run(None, as_json=args.json, out=sys.stdout)
        case [name] | ["show", name] if args.log is None and name != "show":
            return run(name, as_json=args.json, out=sys.stdout)
        case ["show", name] | [name] if args.log is not None:
            return show(name, args)
    raise ExitCode(USAGE, "walert packs: write `walert packs NAME`, or `walert packs show NAME --log FILE`.")


def run(name: str | None, *, as_json: bool, out: TextIO) -> int:
    """Print the pack `name`, or the list of them."""
    try:
        packs = [_pack(each) for each in (pack_names() if name is None else (_bare(name),))]
    except KeyError as error:
        raise ExitCode(USAGE, f"walert packs: {error.args[0]}.") from None
    if as_json:
        out.writelines(json.dumps(asdict(pack)) + "\n" for pack in packs)
    elif name is None:
        width = max((len(f"pack:{p.name}") for p in packs), default=0)
        out.writelines(_shown(f"{f'pack:{p.name}':<{width}}  {p.rules:>2} rules  ", p.about, out) for p in packs)
    else:
        out.write(Path(packs[0].path).read_text(encoding="utf-8"))
    return FINE


def _shown(begins: str, about: str, out: TextIO) -> str:
    """A line; on a terminal, as many as it takes below each other."""
    if not out.isatty():
        return f"{begins}{about}\n"
    import shutil
    import textwrap

    columns = max(shutil.get_terminal_size().columns, len(begins) + 20)
    return textwrap.fill(about, columns, initial_indent=begins, subsequent_indent=" " * len(begins)) + "\n"


def show(name: str, args: argparse.Namespace) -> int:
    """What the pack `name` does on the log `--log`."""
    from walert.cli.applying import apply
    from walert.cli.common import print_rows
    from walert.cli.judging import log_files, tell_bad_line
    from walert.rules.load import load_rules

    try:
        path = pack_path(_bare(name))
    except KeyError as error:
        raise ExitCode(USAGE, f"walert packs: {error.args[0]}.") from None
    files = log_files(args.log, args.source)
    if len(files) != 1:
        raise ExitCode(USAGE, f"walert packs: {args.log}: there are {len(files)} logs in it; name one.")
    rules = list(load_rules(path.read_bytes(), str(path)).rules)
    try:
        found = apply(rules, files[0], (lambda file, bad: None) if args.json else tell_bad_line)
    except OSError as error:
        raise ExitCode(USAGE, f"walert: {error.filename}: {error.strerror}.") from None
    if args.json:
        print_rows([*found.roles, *found.rules])
    else:
        _tell(found.roles, found.rules)
    return FINE


def _tell(roles: list[Role], rules: list[Applied]) -> None:
    from walert.cli.common import plural, print_table

    print_table(("role", "stands for"), [(each.role, each.metric or "nothing in this log") for each in roles])
    print()
    print_table(("title", "level", "on this log"), [(each.title, each.level, _word(each)) for each in rules])
    applied, fired = sum(each.applies for each in rules), sum(each.fired is not None for each in rules)
    print(f"\n{plural(len(rules), 'rule')}: {applied} could be decided, {fired} fired")


def _word(rule: Applied) -> str:
    if rule.fired is not None:
        return f"fires at line {rule.fired}"
    first, *others = rule.why.split("; ")
    return "applies" if rule.applies else f"cannot be decided: {first}{f' (and {len(others)} more)' if others else ''}"


def _bare(name: str) -> str:
    return name.removeprefix("pack:")


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
