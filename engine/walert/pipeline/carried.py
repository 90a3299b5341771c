"""The rules that a run carries in its folder: read once, bounded, and never trusted further than any rule file.

On a shared host the folder is another user's: what is not a plain file there is not opened, and a file with a mistake counts as absent,
so that the host's rules of the same titles go on.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from walert.errors import Problem
from walert.model import Rule
from walert.rules.load import Examined, examine_rules
from walert.rules.plan import RuleSet

FOLDER = "rules"  # below the run's own
MAX_FILES = 200
MAX_BYTES = 1 << 20  # of all files together
MAX_RULES = 500
MAX_KEPT = 1_000  # runs whose rules are held in memory

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Carried:
    """The rules of one run, the titles that they replace (those of rules that are not enabled, too), and what is wrong with the copy."""

    rules: tuple[Rule, ...] = ()
    titles: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


class RunRules:
    """The rules by which a run is judged: the host's, where the run's own do not replace them by title. The run's own come first.

    Runs that carry the same files, as those of a sweep do, share one compiled set: what they carry is named by its place in the run
    (`rules/loss.yaml:3`). `tell` hears, once for each copy that is read, one line for every file that is not used.
    """

    def __init__(self, host: RuleSet, tell: Callable[[str], None]) -> None:
        self._host = host
        self._tell = tell
        self._keys: OrderedDict[str, str] = OrderedDict()  # by folder: what it carried when it was first asked for
        self._carried: OrderedDict[str, Carried] = OrderedDict()
        self._sets: dict[str, RuleSet] = {}

    @property
    def host(self) -> RuleSet:
        """The rules of the host alone."""
        return self._host

    @host.setter
    def host(self, rules: RuleSet) -> None:
        self._host = rules
        self._sets.clear()

    def judging(self, folder: str, shown: str | None = None, owner: int | None = None) -> RuleSet:
        """The rules for a run of walert's own in `folder`, which messages name `shown`. `owner` is whose its log is."""
        key = self._keys.get(folder)
        if key is None or key not in self._carried:
            key = self._read(folder, shown or folder, owner)
        self._keys.move_to_end(folder)
        self._carried.move_to_end(key)
        carried = self._carried[key]
        if not carried.titles:
            return self._host
        if key not in self._sets:
            others = [rule for rule in self._host.rules if rule.title not in carried.titles]
            self._sets[key] = RuleSet([*carried.rules, *others])
        return self._sets[key]

    def _read(self, folder: str, shown: str, owner: int | None) -> str:
        """What the run carries now; it counts from here on, since the copy is not edited later."""
        texts = read_texts(folder, owner)
        key = self._keys[folder] = _key(texts)
        if key not in self._carried:
            self._carried[key] = understood(texts)
        for file, problem in {p.file: p for p in reversed(self._carried[key].problems)}.items():
            there = os.path.join(shown, file)
            self._tell(f"WARN {there}: not used, the host's rules stand in: {replace(problem, file=there)}")
        while len(self._keys) > MAX_KEPT:
            self._keys.popitem(last=False)
        while len(self._carried) > MAX_KEPT:
            self._sets.pop(self._carried.popitem(last=False)[0], None)
        return key


def carries_rules(folder: str) -> bool:
    """Whether a folder has rules beside its logs."""
    return os.path.isdir(os.path.join(folder, FOLDER))


def owner_of(log: str) -> int | None:
    """Whose file a log is, by user id; None if that cannot be told."""
    try:
        return os.stat(log).st_uid
    except OSError:
        return None


def foreign_owner(log: str) -> int | None:
    """Whose file a log is, by user id, where that is not the user of this process."""
    owner = owner_of(log)
    return None if owner == os.geteuid() else owner


Texts = list[tuple[str, bytes | Problem]]
"""Rule files by their names below a run's folder, each with its bytes or why they are not read."""


def read_texts(folder: str, owner: int | None = None) -> Texts:
    """The rule files that the run in `folder` carries. Never raises for what is there.

    Those of another user than the log's `owner` do not count: a link to somebody's log must not bring it under other rules.
    """
    try:
        return list(_texts(os.path.join(folder, FOLDER), owner))
    except _Refused as error:
        return [(FOLDER, error.problem)]


def understood(texts: Texts) -> Carried:
    """What the rule files come to."""
    rules: list[Rule] = []
    titles: set[str] = set()
    problems: list[Problem] = []
    for file, text in texts:
        found = _usable(file, text, len(rules))
        if isinstance(found, Problem):
            problems.append(found)
            continue
        rules += found.loaded.rules
        titles |= {written.rule.title for written in found.written}
    return Carried(tuple(rules), frozenset(titles), tuple(problems))


def _key(texts: Texts) -> str:
    """The same for runs that carry the same."""
    found = hashlib.blake2b(digest_size=16)
    for file, text in texts:
        for part in (
            file.encode(errors="surrogateescape"),
            text if isinstance(text, bytes) else str(text).encode(errors="replace"),
        ):
            found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def _usable(file: str, text: bytes | Problem, before: int) -> Examined | Problem:
    """A file's rules, or the first reason not to use any of them."""
    if isinstance(text, Problem):
        return text
    found = examine_rules(text, file)
    wrong = next((p for p in found.loaded.problems if p.severity == "error"), None)
    if wrong is None and before + found.loaded.count > MAX_RULES:
        return Problem(file, 0, 0, "too-many", f"a run carries {MAX_RULES} rules at most.")
    return wrong or found


class _Refused(Exception):
    """The folder itself cannot be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _texts(folder: str, owner: int | None) -> Iterator[tuple[str, bytes | Problem]]:
    """Each rule file by name, with its bytes or why they are not read."""
    try:
        at = os.open(folder, _FOLDER_FLAGS)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _Refused(Problem(FOLDER, 0, 0, "unreadable", f"cannot be read: {error.strerror}.")) from None
    try:
        if owner is not None and os.fstat(at).st_uid != owner:
            raise _Refused(Problem(FOLDER, 0, 0, "foreign", "belongs to another user than the log."))
        names = sorted(name for name in os.listdir(at) if name.endswith(".yaml") and not name.endswith(".test.yaml"))
        left = MAX_BYTES
        for number, name in enumerate(names):
            file = os.path.join(FOLDER, name)
            text = _bounded(at, name, file, left if number < MAX_FILES else -1)
            left -= len(text) if isinstance(text, bytes) else 0
            yield file, text
            if number >= MAX_FILES:
                return
    finally:
        os.close(at)


def _bounded(at: int, name: str, file: str, left: int) -> bytes | Problem:
    if left < 0:
        return Problem(file, 0, 0, "too-many", f"a run carries {MAX_FILES} rule files at most.")
    try:
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=at)
    except OSError as error:
        return Problem(file, 0, 0, "unreadable", f"cannot be read: {error.strerror}.")
    with open(descriptor, "rb") as source:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Problem(file, 0, 0, "unreadable", "is no plain file.")
        text = source.read(left + 1)
    if len(text) > left:
        return Problem(file, 0, 0, "too-large", f"the rules of a run are {MAX_BYTES} bytes at most.")
    return text
