"""One entry of a rule file to one rule: what a schema cannot say about titles, conditions, durations, names and links."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from walert.documents import Document, Path, hidden
from walert.errors import Problem
from walert.model import AlertLevel, Rule
from walert.rules.expression import Condition
from walert.rules.lint.values import Written
from walert.rules.problems import ConditionError
from walert.rules.scan import normalise
from walert.template import check as check_template
from walert.units import Span, parse_duration, parse_span

_FIELD = re.compile(r"\{[^{}]*\}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DEFAULT_WAIT = 300.0
_MOST_SLIPS = 20  # of one text: who has made so many mends some first
_TEXTS = ("when", "clear", "text")  # looked through where they are read


class RuleReader:
    """Reads the rules of one document; `problems` grows with what is wrong with them."""

    def __init__(
        self,
        document: Document,
        parse_condition: Callable[[str, frozenset[str]], object],
        known_receivers: Collection[str] | None,
    ) -> None:
        self.document = document
        self.parse_condition = parse_condition
        self.known_receivers = known_receivers
        self.problems: list[Problem] = []
        self.written: list[Written] = []
        self.conditions: dict[str, object] = {}
        self.failed = False
        self.index = 0
        self.titles: dict[tuple[str, AlertLevel], int] = {}
        self.data = _mapping(document.data)
        self.defaults = _mapping(self.data.get("defaults"))
        self.aliases = self.read_aliases()
        self.roles = frozenset(self.aliases)
        self.look_through(self.defaults, ("defaults",))
        self.look_through(self.data.get("aliases"), ("aliases",))

    # --- the rule

    def rule(self, index: int) -> Rule | None:
        """The rule at `index`; None when it has an error or is not enabled."""
        self.index, self.failed = index, not self.document.sound(("rules", index))
        self.conditions = {}
        line, _ = self.document.position(("rules", index))
        rule = Rule(
            title=self.title(),
            when=self.condition("when") or "",
            file=self.document.file,
            line=line,
            level=self.level(),
            text=self.text(),
            for_=self.span("for"),
            clear=self.condition("clear"),
            keep_firing_for=self.span("keep_firing_for"),
            wait_duration=self.wait(),
            repeat=self.get("repeat", "backoff"),
            runs=self.runs(),
            group=self.get("group"),
            receivers=self.receivers(),
            resolved=self.get("resolved", False),
            optional=self.get("optional", False),
            labels=self.labels(),
            runbook=self.runbook(),
            aliases=self.aliases,
        )
        self.look_through(self.data["rules"][index], ("rules", index))
        enabled: bool = self.get("enabled", True)
        if enabled:
            self.unique(rule)
        self.keep(rule, enabled)
        return rule if enabled and not self.failed else None

    def keep(self, rule: Rule, enabled: bool) -> None:
        """Note a rule without an error as it is written, for those who look closer."""
        when, clear = self.conditions.get("when"), self.conditions.get("clear")
        if not self.failed and isinstance(when, Condition) and (clear is None or isinstance(clear, Condition)):
            own = self.data["rules"][self.index]
            self.written.append(
                Written(self.index, rule, when, clear, frozenset(k for k in self.defaults if k not in own), enabled)
            )

    def title(self) -> str:
        """The title, taken literally; braces in it are most likely meant to be filled in, and never are."""
        title: str = self.get("title", "")
        path = self.path("title")
        if title and not title.strip():
            self.error(path, "empty-title", "the title is blank.", "Name what the alert is about.")
        field = _FIELD.search(title)
        if field:
            hint = "Move values into the text: a title with values would be a new alert each time."
            self.warn(
                path,
                "values-in-title",
                f"`{field[0][:30]}` is not filled in: a title is taken literally.",
                hint,
                field.start(),
            )
        return title.strip()

    def unique(self, rule: Rule) -> None:
        """Complain about a second rule of the same title and level."""
        first = self.titles.setdefault((rule.title, rule.level), self.index)
        if first != self.index and rule.title:
            line, _ = self.document.position(("rules", first))
            what = f"the rule in line {line} has this title and level {rule.level}, too."
            self.error(self.path("title"), "duplicate-title", what, "Give one of them another title or level.")

    # --- conditions and texts

    def condition(self, key: str) -> str | None:
        """The condition under `key`, understood once, so that everything wrong with it is told."""
        text = self.get(key)
        if text is None:
            return None
        try:
            self.conditions[key] = self.parse_condition(text, self.roles)
        except ConditionError as error:
            for offset, code, what, hint in error.problems:
                self.error(self.path(key), code, what, hint, offset)
        return str(text).strip()

    def text(self) -> str | None:
        """The message's text; a template error never costs the message, hence warnings."""
        text: str | None = self.get("text")
        odd = hidden(text or "", allowed="\t\n\r")
        if text and odd is not None:
            self.warn(self.path("text"), "hidden-character", _unseen(text[odd]), "Delete it.", odd)
        for slip in check_template(text or "")[:_MOST_SLIPS]:
            self.warn(self.path("text"), "text-template", f"{slip.what}.", "", slip.offset)
        return text

    def look_through(self, value: Any, path: Path) -> None:
        """Complain about characters that nobody sees: a name with one in it looks like another that it is not."""
        for where, text, is_key in _names(value, path):
            odd = hidden(text.rstrip("\n"))
            if odd is not None:
                self.error(where, "hidden-character", _unseen(text[odd]), "Delete it.", None if is_key else odd)

    # --- spans and levels

    def level(self) -> AlertLevel:
        """The level, in any case."""
        return AlertLevel(self.get("level", "WARN").upper())

    def span(self, key: str) -> str | None:
        """The span under `key` as text, checked."""
        written = self.get(key)
        if written is None:
            return None
        span = self.parsed(key, "bad-span", parse_span, written)
        if key == "keep_firing_for" and isinstance(span, Span) and span.kind == "k_of_n":
            hint = "With `for: k of n` the rule resolves after n-k+1 clear ones anyhow."
            self.error(self.path(key), "bad-span", "keep_firing_for cannot be k of n.", hint)
        return str(written).strip()

    def wait(self) -> float:
        """The cooldown in seconds."""
        seconds = self.parsed("wait_duration", "bad-duration", parse_duration, self.get("wait_duration", _DEFAULT_WAIT))
        return _DEFAULT_WAIT if seconds is None else float(seconds)

    def parsed(self, key: str, code: str, parse: Callable[[Any], Any], written: Any) -> Any:
        """What `parse` makes of the value, or None and a problem."""
        try:
            return parse(written)
        except ValueError as error:
            what, _, hint = str(error).partition(". ")
            self.error(self.path(key), code, f"{what.rstrip('.')}.", hint)
            return None

    # --- who, which runs, and what goes with it

    def receivers(self) -> tuple[str, ...]:
        """Names of receivers; a URL here would be a secret in git."""
        names = self.get("receivers", [])
        for at, name in enumerate(names):
            path = (*self.path("receivers"), at)
            if "://" in name:
                hint = "Put it under `receivers` in walert.yaml and write its name here."
                self.error(path, "url-in-rule", "a rule names receivers and never holds a URL.", hint)
            elif self.known_receivers is not None and name not in self.known_receivers:
                import difflib

                near = difflib.get_close_matches(name, list(self.known_receivers), n=1)
                hint = f"Did you mean `{near[0]}`?" if near else "Its messages go to default_receivers."
                self.warn(path, "unknown-receiver", f"there is no receiver `{name[:40]}`.", hint)
        return tuple(names)

    def runs(self) -> dict[str, Any]:
        """Globs for project and name, and tags."""
        runs = dict(self.get("runs", {}))
        return {**runs, "tags": tuple(runs["tags"])} if "tags" in runs else runs

    def labels(self) -> dict[str, str]:
        """The file's default labels and the rule's own."""
        own, common = self.own("labels"), self.own("labels", of_defaults=True)
        return {**(common or {}), **(own or {})}

    def runbook(self) -> str | None:
        """A relative path or an https URL, as written."""
        link: str | None = self.get("runbook")
        if link and not link.startswith("https://") and (_SCHEME.match(link) or link.startswith(("/", "~", "\\"))):
            hint = "Write for example docs/low-acc.md."
            self.error(self.path("runbook"), "bad-runbook", "a runbook is a relative path or an https URL.", hint)
        return link

    def read_aliases(self) -> dict[str, tuple[str, ...]]:
        """Role to names and patterns, each in its one spelling."""
        aliases = _mapping(self.data.get("aliases"))
        return {
            role: tuple(dict.fromkeys(normalise(name) for name in ([names] if isinstance(names, str) else names)))
            for role, names in aliases.items()
            if self.document.sound(("aliases", role))
        }

    # --- values and places

    def path(self, key: str) -> Path:
        """Where the value of `key` comes from: the rule, or the file's defaults."""
        entry = self.data["rules"][self.index]
        return ("defaults", key) if key not in entry and key in self.defaults else ("rules", self.index, key)

    def own(self, key: str, *, of_defaults: bool = False) -> Any:
        """The value that the rule itself, or the defaults, give to `key`; None when there is none or it is unsound."""
        path: Path = ("defaults", key) if of_defaults else ("rules", self.index, key)
        entry = self.defaults if of_defaults else self.data["rules"][self.index]
        if key not in entry:
            return None
        if self.document.sound(path):
            return entry[key]
        self.failed = True
        return None

    def get(self, key: str, otherwise: Any = None) -> Any:
        """The value of `key`: the rule's, the defaults', or `otherwise`."""
        value = self.own(key, of_defaults=self.path(key)[0] == "defaults")
        return otherwise if value is None else value

    def error(self, path: Path, code: str, what: str, hint: str = "", offset: int | None = None) -> None:
        """Note an error; the rule will not be used."""
        self.failed = True
        self.problems.append(self.document.problem(path, code, what, hint, offset=offset))

    def warn(self, path: Path, code: str, what: str, hint: str = "", offset: int | None = None) -> None:
        """Note a warning."""
        problem = self.document.problem(path, code, what, hint, offset=offset)
        self.problems.append(dataclasses.replace(problem, severity="warning"))


def _names(value: Any, path: Path) -> Iterator[tuple[Path, str, bool]]:
    """Every text in a rule, where it stands, and whether it is a key; not conditions and the message's text."""
    if isinstance(value, str):
        yield path, value, False
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _names(each, (*path, at))
    elif isinstance(value, dict):
        for key, each in value.items():
            if not (key in _TEXTS and len(path) == 2):
                yield (*path, key), key, True
                yield from _names(each, (*path, key))


def _unseen(char: str) -> str:
    return f"the character U+{ord(char):04X} cannot be seen."


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
