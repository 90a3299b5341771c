"""`walert check`: every problem of every rule, test and configuration file, in one pass, with the line and a caret."""

from __future__ import annotations

import argparse
import glob
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from walert.cli.excerpt import excerpt
from walert.documents import Document, load_document, mask_lines, printable
from walert.errors import Problem

HELP = "find every problem in rule and configuration files"

Format = Literal["text", "json", "github"]

_TESTS = (".test.yaml", ".test.yml")


@dataclass(slots=True)
class _Checked:
    """What was looked at so far: the content of each file, read once, and what was found in it."""

    contents: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    rules: int = 0
    tests: int = 0
    receivers: frozenset[str] | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and folders; the configuration and its rules if none"
    )
    parser.add_argument("--format", choices=("text", "json", "github"), default="text", help="how problems are printed")


def main(args: argparse.Namespace) -> int:
    """0 when there are no errors, 1 when there are, 2 when there is nothing to check."""
    return run(args.paths, format=args.format, config=args.config, out=sys.stdout, environ=os.environ)


def run(paths: list[str], *, format: Format, config: str | None, out: TextIO, environ: Mapping[str, str]) -> int:
    """Check `paths`, or the configuration and its rule files, and print what is wrong to `out`."""
    missing = [path for path in [*paths, *([config] if config else [])] if not Path(path).exists()]
    if missing:
        out.writelines(f"walert check: there is no file or folder {path}\n" for path in missing)
        return 2
    checked = _Checked()
    _check_all(checked, paths, config, environ)
    checked.problems = sorted(set(checked.problems))
    _PRINT[format](checked, out)
    return 1 if any(p.severity == "error" for p in checked.problems) else 0


# --- what is checked


def _check_all(checked: _Checked, paths: list[str], config: str | None, environ: Mapping[str, str]) -> None:
    from walert.config import find_config

    given = list(dict.fromkeys(os.path.normpath(file) for path in paths for file in _files(path)))
    place = find_config(environ, config) if config or not paths else None
    found = os.path.normpath(place) if place else None
    contents = {file: _read(checked, file) for file in [*([found] if found else []), *given]}
    configs = [file for file, content in contents.items() if file == found or _is_config(file, content)]
    named = [rule_file for file in configs for rule_file in _check_config(checked, file, contents[file], environ)]
    for file in dict.fromkeys([*given, *([] if paths else named)]):
        if file not in configs:
            check = _check_tests if file.endswith(_TESTS) else _check_rules
            check(checked, file, contents[file] if file in contents else _read(checked, file))


def _files(path: str) -> Iterator[str]:
    """The YAML files at `path`."""
    if not Path(path).is_dir():
        yield path
        return
    found = (p for p in Path(path).rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file())
    yield from (str(p) for p in sorted(found) if not _hidden(p.relative_to(path)))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _read(checked: _Checked, file: str) -> bytes | None:
    try:
        with Path(file).open("rb") as stream:
            content = stream.read((1 << 20) + 1)  # one byte more than is accepted: enough to say that it is too large
    except OSError as error:
        checked.problems.append(Problem(file, 0, 0, "cannot-read", f"the file cannot be read: {error.strerror}."))
        return None
    checked.contents[file] = content
    return content


def _is_config(file: str, content: bytes | None) -> bool:
    """Told by its keys; by its name when it cannot be parsed."""
    data = load_document(content or b"", file, None).data
    if not isinstance(data, dict):
        return Path(file).name in ("walert.yaml", "walert.yml") and Path(file).parent.name != "rules"
    holds_rules = isinstance(data.get("rules"), list) and any(isinstance(rule, dict) for rule in data["rules"])
    return not holds_rules and not _CONFIG_KEYS.isdisjoint(data)


_CONFIG_KEYS = frozenset({"watch", "receivers", "routes", "default_receivers", "heartbeat", "state", "run_timeout"})


def _check_config(checked: _Checked, file: str, content: bytes | None, environ: Mapping[str, str]) -> list[str]:
    """Check a configuration; the rule files that it names."""
    from walert.config import inspect_config

    if content is None:
        return []
    config, problems = inspect_config(content, file, environ)
    checked.problems += problems
    document = load_document(content, file, None)
    if isinstance(document.data, dict):
        checked.receivers = frozenset(config.receivers) | (checked.receivers or frozenset())
    return _rule_files(checked, document, config.rule_paths)


def _check_rules(checked: _Checked, file: str, content: bytes | None) -> None:
    from walert.rules.load import load_rules

    if content is not None:
        loaded = load_rules(content, file, known_receivers=checked.receivers)
        checked.problems += loaded.problems
        checked.rules += loaded.count


def _check_tests(checked: _Checked, file: str, content: bytes | None) -> None:
    from walert.pipeline.ruletest import open_suite

    if content is not None:
        opened = open_suite(file, content)
        checked.problems += [*opened.problems, *opened.rule_problems]
        checked.tests += len(opened.suite.cases)


def _rule_files(checked: _Checked, config: Document, patterns: tuple[str, ...]) -> list[str]:
    files: list[str] = []
    for at, pattern in enumerate(patterns):
        if pattern.startswith("pack:"):
            continue
        found = sorted(glob.glob(pattern, recursive=True))
        if all(file.endswith(_TESTS) for file in found):
            line, column = config.position(("rules", at))
            what = f"no file matches {os.path.relpath(pattern)}."
            checked.problems.append(Problem(config.file, line, column, "no-rule-files", what, severity="warning"))
        files += [os.path.relpath(f) for f in found]
    return files


# --- how it is told


def _print_text(checked: _Checked, out: TextIO) -> None:
    lines = {file: _shown_lines(checked.contents.get(file, b"")) for file in {p.file for p in checked.problems}}
    for problem in checked.problems:
        out.write(f"{printable(str(problem))}\n")
        out.writelines(f"{line}\n" for line in excerpt(lines.get(problem.file, []), problem.line, problem.column))
    out.write(_summary(checked) + "\n")


def _shown_lines(content: bytes) -> list[str]:
    return mask_lines(re.split(r"\r\n|\r|\n", content.decode("utf-8-sig", "replace")))


def _summary(checked: _Checked) -> str:
    if not checked.contents:
        return "nothing to check: there is no configuration and no rule file."
    if not checked.problems:
        tests = f", {_count(checked.tests, 'test')}" if checked.tests else ""
        return f"{_count(len(checked.contents), 'file')}, {_count(checked.rules, 'rule')}{tests}: no problems"
    files = len({p.file for p in checked.problems})
    return f"{_count(len(checked.problems), 'problem')} in {_count(files, 'file')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_json(checked: _Checked, out: TextIO) -> None:
    out.writelines(json.dumps(asdict(problem), ensure_ascii=False) + "\n" for problem in checked.problems)


def _print_github(checked: _Checked, out: TextIO) -> None:
    for p in checked.problems:
        place = f"file={_property(p.file)},line={max(p.line, 1)},col={max(p.column, 1)},title={_property(p.code)}"
        out.write(f"::{p.severity} {place}::{_escaped(f'{p.what} {p.hint}'.strip())}\n")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


_PRINT = {"text": _print_text, "json": _print_json, "github": _print_github}
