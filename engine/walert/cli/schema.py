"""`walert schema`: the JSON Schemas of the files that people write, for editors and for other tools."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TextIO

from walert.cli.exits import FINE, USAGE, ExitCode
from walert.resources import schema_names, schema_path

HELP = "list or print the JSON Schemas of rule files, configurations and records"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the schema to print; all are listed if not given")
    parser.add_argument("--json", action="store_true", help="one JSON object a schema: its name, path and URL")
    parser.add_argument(
        "--url", action="store_true", help="print where the schema is, for a file's yaml-language-server line"
    )


def main(args: argparse.Namespace) -> int:
    """0, or 2 when there is no such schema."""
    return run(args.name, url=args.url, as_json=args.json, out=sys.stdout)


def run(name: str | None, *, url: bool, as_json: bool = False, out: TextIO) -> int:
    """Print the schema `name`, or its URL, or the list of them."""
    names = schema_names() if name is None else (name,)
    try:
        paths = [schema_path(each) for each in names]
    except KeyError as error:
        raise ExitCode(USAGE, f"walert schema: {error.args[0]}.") from None
    if as_json:
        rows = ({"name": n, "path": str(p), "url": p.resolve().as_uri()} for n, p in zip(names, paths, strict=True))
        out.writelines(json.dumps(row) + "\n" for row in rows)
    elif url:
        out.writelines(f"{path.resolve().as_uri()}\n" for path in paths)
    elif name is None:
        out.writelines(f"{each}\n" for each in names)
    else:
        out.write(paths[0].read_text(encoding="utf-8"))
    return FINE
