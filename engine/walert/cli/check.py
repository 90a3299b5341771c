"""`walert check`: every problem of every rule, test and configuration file, in one pass, with the line and a caret."""

from __future__ import annotations

import argparse
import glob
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from walert.cli.exits import USAGE, ExitCode
from walert.cli.telling import as_github, as_json, as_text
from walert.config import find_config
from walert.documents import Document, load_document, read_bounded
from walert.errors import Problem
from walert.model import Rule

if TYPE_CHECKING:
    from walert.rules.lint import Logged
    from walert.rules.load import Examined

HELP = "find every problem in rule and configuration files"

Format = Literal["text", "json", "github"]

_TESTS = (".test.yaml", ".test.yml")
_MOST_OTHERS = 200  # rule files beside those to check that are looked at for what they already ask


@dataclass(slots=True)
class _Checked:
    """What was looked at so far: the content of each file, read once, and what was found in it."""

    contents: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    rules: int = 0
    tests: int = 0
    receivers: frozenset[str] | None = None
    examined: list[Examined] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and folders; the configuration and its rules if none"
    )
    parser.add_argument("--format", choices=("text", "json", "github"), default="text", help="how problems are printed")
    parser.add_argument(
        "--json", action="store_const", const="json", dest="format", help="one JSON object a problem, as --format json"
    )
    parser.add_argument("--quiet", action="store_true", help="problems only: no summary")
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="LOG",
        help="a log file or folder that the rules must fit; may be repeated",
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of a `watch` entry for --log, such as step=iteration",
    )
    parser.add_argument(
        "--explain",
        nargs="?",
        const="",
        metavar="CODE",
        help="tell what a code means, with an example; without CODE, list all",
    )


def main(args: argparse.Namespace) -> int:
    """0 when there are no errors, 1 when there are, 2 when a path or code is not there, or paths hold nothing to check."""
    if args.explain is not None:
        from walert.cli.explanations import explain

        return explain(args.explain, sys.stdout)
    logged = _logged(args.log, args.source) if args.log else None
    return run(
        args.paths,
        format=args.format,
        config=args.config,
        out=sys.stdout,
        environ=os.environ,
        logged=logged,
        quiet=args.quiet,
    )


def _logged(logs: list[str], options: list[str]) -> Logged:
    """What the logs hold. Raises `ExitCode` for those that cannot be read."""
    from walert.cli.judging import all_log_files, size_of
    from walert.cli.log_facts import gather

    files = all_log_files(logs, options)
    try:
        return gather(files, size_of(files))
    except OSError as error:
        raise ExitCode(USAGE, f"walert check: {error.filename}: {error.strerror}.") from None


def run(
    paths: list[str],
    *,
    format: Format,
    config: str | None,
    out: TextIO,
    environ: Mapping[str, str],
    logged: Logged | None = None,
    quiet: bool = False,
) -> int:
    """Check `paths`, or the configuration and its rule files, and print what is wrong to `out`."""
    missing = [path for path in [*paths, *([config] if config else [])] if not Path(path).exists()]
    if missing:
        raise ExitCode(USAGE, "\n".join(f"walert check: there is no file or folder {path}" for path in missing))
    checked = _Checked()
    _check_all(checked, paths, config, environ)
    if paths and not checked.contents:
        raise ExitCode(USAGE, f"walert check: there is no YAML file in {', '.join(paths)}.")
    if checked.examined:
        _lint(checked, environ, config, logged)
    checked.problems = sorted(set(checked.problems))
    if format == "text":
        as_text(checked.problems, checked.contents, out)
        if not quiet:
            out.write(_summary(checked) + "\n")
    else:
        (as_json if format == "json" else as_github)(checked.problems, out)
    return 1 if any(p.severity == "error" for p in checked.problems) else 0


# --- what is checked


def _check_all(checked: _Checked, paths: list[str], config: str | None, environ: Mapping[str, str]) -> None:
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
        content = read_bounded(file)
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
    rules = data["rules"] if isinstance(data.get("rules"), list) else []
    names_files = bool(rules) and all(isinstance(rule, str) for rule in rules) and "version" not in data
    return names_files or (not any(isinstance(rule, dict) for rule in rules) and not _CONFIG_KEYS.isdisjoint(data))


_CONFIG_KEYS = frozenset(
    {"watch", "receivers", "routes", "default_receivers", "heartbeat", "state", "run_timeout", "lifecycle"}
)


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
    from walert.rules.load import examine_rules

    if content is not None:
        examined = examine_rules(content, file, known_receivers=checked.receivers)
        checked.examined.append(examined)
        checked.problems += examined.loaded.problems
        checked.rules += examined.loaded.count


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


# --- what is most likely not meant


def _lint(checked: _Checked, environ: Mapping[str, str], config: str | None, logged: Logged | None) -> None:
    """Remarks on the rules that were checked, knowing all the rules that are in force beside them."""
    from walert.rules.lint import around, as_problem, lint

    own = [written for examined in checked.examined for written in examined.written]
    known = around(own, _others(checked, environ, config), logged)
    for examined in checked.examined:
        remarks = lint(examined.written, examined.aliases, known, whole=examined.loaded.usable)
        checked.problems += [as_problem(examined.document, remark) for remark in remarks]


def _others(checked: _Checked, environ: Mapping[str, str], config: str | None) -> Iterator[Rule]:
    """The rules of the configuration in force, packs included, that were not among the files checked."""
    from walert.config import inspect_config
    from walert.pipeline.rulebook import find
    from walert.rules.load import load_rules

    seen = {os.path.realpath(file) for file in checked.contents}
    try:
        place = find_config(environ, config)
        content = read_bounded(place) if place else b"{}"
        patterns = inspect_config(content, place or "walert.yaml", environ)[0].rule_paths
        files = [file for file in find(patterns)[0] if os.path.realpath(file.path) not in seen]
        for file in files[:_MOST_OTHERS]:
            yield from load_rules(read_bounded(file.path), file.shown).rules
    except OSError:
        return  # what cannot be read has nothing to say; where it was to be checked, that was told


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _summary(checked: _Checked) -> str:
    if not checked.contents:
        return "nothing to check: there is no configuration and no rule file."
    if not checked.problems:
        tests = f", {_count(checked.tests, 'test')}" if checked.tests else ""
        return f"{_count(len(checked.contents), 'file')}, {_count(checked.rules, 'rule')}{tests}: no problems"
    files = len({p.file for p in checked.problems})
    return f"{_count(len(checked.problems), 'problem')} in {_count(files, 'file')}"
