"""The rule files in force: found by their patterns, each read again when it changed, each keeping its last good version while it is broken."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from walert import resources
from walert.documents import read_bounded
from walert.errors import Problem
from walert.model import Rule
from walert.rules.load import LoadedRules, load_rules
from walert.rules.plan import RuleSet

PACK = "pack:"


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rule file: where it lies, and how messages and `check` name it."""

    path: str
    shown: str


@dataclass(slots=True)
class RuleBook:
    """All rule files of a configuration. `refresh` says whether anything changed; `problems` are those of the last look."""

    patterns: Sequence[str]
    receivers: frozenset[str] | None = None
    problems: tuple[Problem, ...] = ()
    _texts: dict[str, bytes] = field(default_factory=dict)
    _good: dict[str, LoadedRules] = field(default_factory=dict)
    _order: tuple[str, ...] = ()

    def refresh(self) -> bool:
        """Look at every file again. True when the rules in force are no longer the same."""
        files, problems = find(self.patterns)
        files += self._missing(files)
        changed = self._order != tuple(f.shown for f in files)
        self._order = tuple(f.shown for f in files)
        for file in files:
            changed |= self._look(file, problems)
        for gone in set(self._texts) - set(self._order):
            self._texts.pop(gone, None)
            self._good.pop(gone, None)
        self.problems = tuple(problems)
        return changed

    def _missing(self, files: Sequence[RuleFile]) -> list[RuleFile]:
        """Files that a pattern names outright and that were there before: gone is one way to be broken."""
        there = {file.shown for file in files}
        return [RuleFile(p, p) for p in self.patterns if p in self._good and p not in there]

    def _look(self, file: RuleFile, problems: list[Problem]) -> bool:
        try:
            text = read_bounded(file.path)
        except FileNotFoundError:
            return False  # `find` has told it
        except OSError as error:
            problems.append(Problem(file.shown, 0, 0, "unreadable", f"cannot be read: {error.strerror or error}."))
            return False
        known = self._texts.get(file.shown)
        loaded = load_rules(text, file.shown, known_receivers=self.receivers)
        problems += loaded.problems
        if text == known:
            return False
        self._texts[file.shown] = text
        if any(p.severity == "error" for p in loaded.problems):
            return False
        self._good[file.shown] = loaded
        return True

    def paths(self) -> list[str]:
        """Every file that the patterns name now."""
        return [file.path for file in find(self.patterns)[0]]

    def rules(self) -> list[Rule]:
        """The rules in force, in the order of the files and of each file."""
        return [rule for name in self._order if name in self._good for rule in self._good[name].rules]

    def compiled(self) -> RuleSet:
        """The rules in force, ready to judge."""
        return RuleSet(self.rules())

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps a file from being used as it is."""
        return tuple(p for p in self.problems if p.severity == "error")


def find(patterns: Sequence[str]) -> tuple[list[RuleFile], list[Problem]]:
    """The files that patterns name: a file, a folder's `*.yaml`, a glob, or `pack:NAME`. What names nothing is a problem."""
    files: dict[str, RuleFile] = {}
    problems: list[Problem] = []
    for pattern in patterns:
        found, problem = _expand(pattern)
        if problem is not None:
            problems.append(problem)
        for file in found:
            files.setdefault(os.path.realpath(file.path), file)
    return list(files.values()), problems


def _expand(pattern: str) -> tuple[list[RuleFile], Problem | None]:
    if pattern.startswith(PACK):
        name = pattern[len(PACK) :]
        if name not in resources.pack_names():
            known = ", ".join(resources.pack_names())
            return [], Problem(
                pattern, 0, 0, "unknown-pack", f"there is no rule pack `{name}`.", f"Packs are: {known}."
            )
        return [RuleFile(str(resources.pack_path(name)), pattern)], None
    if os.path.isdir(pattern):
        pattern = os.path.join(pattern, "*.yaml")
    if glob.has_magic(pattern):
        paths = [
            p for p in sorted(glob.glob(pattern, recursive=True)) if not p.endswith(".test.yaml") and os.path.isfile(p)
        ]
        # A glob that finds nothing yet is no mistake: rules may still be written.
        return [RuleFile(p, p) for p in paths], None
    if not os.path.exists(pattern):
        return [], Problem(
            pattern, 0, 0, "not-found", "there is no such rule file.", "Check the path, or run `walert init`."
        )
    return [RuleFile(pattern, pattern)], None
