"""Rule files as they are in a revision of the git repository that they lie in. git's one door: read-only, bounded, and nothing of it runs.

Only plumbing is called (`rev-parse`, `ls-tree`, `cat-file`): no hook, filter, pager or text conversion runs, and every transport is refused, so
that a partial clone fetches nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from walert.documents import MAX_BYTES
from walert.errors import ConfigError, Problem, WalertError
from walert.model import Rule
from walert.pipeline.rulebook import PACK, RuleBook
from walert.rules.load import load_rules
from walert.rules.plan import RuleSet

TIMEOUT = 30.0  # seconds for one call of git
MOST_LISTED = 8 << 20  # bytes of a listing: some hundred thousand paths
_FILES, _FOLDER = ("100644", "100755"), "040000"  # modes of a tree's entries
_TESTS = (".test.yaml", ".test.yml")
_GIT = (
    "git",
    "--no-pager",
    "--literal-pathspecs",
    "--no-replace-objects",
    "-c",
    "core.fsmonitor=",
    "-c",
    "core.hooksPath=/dev/null",
)
# Set by git for its hooks: with them `-C` would not lead to the repository of the rule file.
_OF_A_HOOK = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_QUARANTINE_PATH",
)  # fmt: skip
_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "LC_ALL": "C",
}  # fmt: skip


class GitError(WalertError):
    """git is not there, the rules are in no checkout, or there is no such revision."""


@dataclass(frozen=True, slots=True)
class OldRules:
    """The rules as they were: `rules` ready to judge, `problems` of the old files (rules with errors are left out), files `absent` then."""

    rules: RuleSet
    problems: tuple[Problem, ...]
    absent: tuple[str, ...]


def rules_at(revision: str, patterns: Sequence[str]) -> OldRules:
    """What `patterns` (files, folders, globs, `pack:NAME`) name, as of `revision`.

    A file that was not there yet is empty. Packs come with walert and are the same at every revision. Raises `GitError`, or `ConfigError`
    for a pack that does not exist.
    """
    rules: list[Rule] = []
    problems: list[Problem] = []
    absent: list[str] = []
    seen: set[tuple[str, str]] = set()
    for pattern in patterns:
        if pattern.startswith(PACK):
            rules += _pack(pattern)
            continue
        tree = _Tree.of(_base(pattern), revision)
        found = [name for name in tree.matching(pattern) if (tree.top, name) not in seen]
        seen.update((tree.top, name) for name in found)
        if not found and not _has_magic(pattern) and not os.path.isdir(pattern):
            absent.append(pattern)
        for name in found:
            loaded = load_rules(tree.read(name), tree.shown(pattern, name))
            rules += loaded.rules
            problems += loaded.problems
    return OldRules(RuleSet(rules), tuple(problems), tuple(absent))


def _pack(pattern: str) -> list[Rule]:
    book = RuleBook([pattern])
    book.refresh()
    if book.errors:
        raise ConfigError("the rules cannot be used.", book.errors)
    return book.rules()


# --- patterns


def _has_magic(pattern: str) -> bool:
    return any(c in pattern for c in "*?[")


def _base(pattern: str) -> str:
    """The folder that a pattern starts from: its longest part without wildcards that is a folder now."""
    path = pattern
    while _has_magic(path) or not os.path.isdir(path or "."):
        path = os.path.dirname(path)
    return path or "."


def _translated(pattern: str) -> re.Pattern[str]:
    """A glob over paths with `/`, as `glob.glob(recursive=True)` reads it: `*` stays within a folder and finds no hidden name."""
    out = []
    for part in pattern.split("/"):
        if part == "**":
            out.append(r"(?:(?!\.)[^/]+/)*")
            continue
        hidden = "" if part.startswith(".") or not _has_magic(part) else r"(?!\.)"
        out.append(hidden + re.sub(r"\\([*?])|(\[!?[^\]]+\])|([*?])|(.)", _one, part) + "/")
    return re.compile("".join(out).removesuffix("/") + r"\Z")


def _one(match: re.Match[str]) -> str:
    if match[2]:
        return "[^" + match[2][2:] if match[2].startswith("[!") else match[2]
    return {"*": "[^/]*", "?": "[^/]"}.get(match[0], re.escape(match[0]))


# --- one repository at one revision


@dataclass(frozen=True, slots=True)
class _Tree:
    top: str
    commit: str
    revision: str

    @classmethod
    def of(cls, folder: str, revision: str) -> _Tree:
        """The repository that `folder` lies in. Raises `GitError`."""
        top = _git(folder, "rev-parse", "--show-toplevel")
        if top.code:
            raise GitError(
                f"{folder} is in no git checkout, so that --against has nothing to compare with. ({top.error})"
            )
        if not revision or revision.startswith("-") or not revision.isprintable():
            raise GitError(f"{revision!r} is no git revision: write for example HEAD~1, main or a commit's hash.")
        commit = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if commit.code:
            raise GitError(f"git knows no revision {revision!r} in {top.text}.")
        return cls(os.fsdecode(top.out.rstrip(b"\n")), commit.text, revision)

    def inside(self, path: str) -> str:
        """`path` below the top of the checkout, with `/`."""
        folder, name = os.path.split(path.rstrip("/"))
        name = os.path.relpath(os.path.join(os.path.realpath(folder or "."), name), self.top)
        return "" if name == "." else name

    def matching(self, pattern: str) -> list[str]:
        """The rule files that a pattern names, as paths below the top. Raises `GitError` for a symbolic link."""
        place = self.inside(pattern)
        if _has_magic(pattern):
            base, wanted = self.inside(_base(pattern)), _translated(place)
            found = (name for mode, name in self._listed(f"{base}/" if base else "", "-r") if mode in _FILES)
            return sorted(name for name in found if wanted.match(name) and not name.endswith(_TESTS))
        mode = next((mode for mode, _ in self._listed(place)), "") if place else _FOLDER
        if mode == _FOLDER:
            names = (name for mode, name in self._listed(f"{place}/" if place else "") if mode in _FILES)
            return sorted(name for name in names if name.endswith(".yaml") and not name.endswith(_TESTS))
        if mode not in (*_FILES, ""):
            raise GitError(f"{pattern} is no plain file in {self.revision}: git holds a link there.")
        return [place] if mode else []

    def _listed(self, place: str, *options: str) -> list[tuple[str, str]]:
        """(mode, path) of the entry at `place`; of all in a folder when it ends in `/`, below it with `-r`."""
        found = _git(self.top, "ls-tree", "-z", *options, "--", self.commit, *([place] if place else []))
        if found.code or found.cut:
            raise GitError(
                f"git cannot list {place or self.top} in {self.revision}: {found.error or 'too many files.'}"
            )
        rows = (row.partition(b"\t") for row in found.out.split(b"\0") if row)
        return [(head[:6].decode(), os.fsdecode(name)) for head, _, name in rows]

    def read(self, name: str) -> bytes:
        """The file's bytes in that revision, one more than is allowed at most: the loader refuses what is too large."""
        blob = _git(self.top, "cat-file", "blob", f"{self.commit}:{name}", most=MAX_BYTES + 1)
        if blob.code and not blob.cut:
            raise GitError(f"{name} cannot be read from {self.revision}: {blob.error}")
        return blob.out

    def shown(self, pattern: str, name: str) -> str:
        """The file as the rules of today name it, so that both are told alike."""
        if not _has_magic(pattern) and not os.path.isdir(pattern):
            return pattern
        base = _base(pattern)
        rest = os.path.relpath(name, self.inside(base) or ".")
        return os.path.join(base, rest) if base != "." or pattern.startswith(".") else rest


# --- git


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    out: bytes
    error: str
    cut: bool

    @property
    def text(self) -> str:
        """The answer as a line of text."""
        return self.out.decode(errors="replace").strip()


def _git(folder: str, *arguments: str, most: int = MOST_LISTED) -> _Answer:
    """One call of git in `folder`. An answer longer than `most` bytes is cut there. Raises `GitError` without git, or when it hangs."""
    environ = {k: v for k, v in os.environ.items() if k not in _OF_A_HOOK} | _QUIET
    with tempfile.TemporaryFile() as errors:
        try:
            git = subprocess.Popen(
                [*_GIT, "-C", folder, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environ,
            )
        except OSError as error:
            raise GitError(f"--against needs git, which cannot be run: {error.strerror}.") from None
        out, cut = _read(git, most)
        errors.seek(0)
        said = errors.read(1_000).decode(errors="replace").strip().splitlines()
    first = "".join(c for c in (said[0] if said else "") if c.isprintable())
    return _Answer(git.returncode, out, first.removeprefix("fatal: "), cut)


def _read(git: subprocess.Popen[bytes], most: int) -> tuple[bytes, bool]:
    """(what it printed, whether there was more than `most`); its end is waited for."""
    late = threading.Event()

    def give_up() -> None:
        late.set()
        git.kill()

    timer = threading.Timer(TIMEOUT, give_up)
    timer.start()
    try:
        with git:
            assert git.stdout is not None
            out = git.stdout.read(most)
            cut = bool(git.stdout.read(1))
            if cut:
                git.kill()
    finally:
        timer.cancel()
    if late.is_set():
        raise GitError(f"git gave no answer for {TIMEOUT:g} s.")
    return out, cut
