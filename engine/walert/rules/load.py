"""Rule files to rules: every key checked, every problem told in one pass, each at its place.

A rule with an error is left out; the others of its file are read all the same, so that nothing hides behind the first mistake. Whether a
file with errors is used at all is the caller's choice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from walert.documents import Document, load_document
from walert.errors import Problem
from walert.model import Rule
from walert.resources import schema
from walert.rules.lint.values import Written
from walert.rules.load_rule import RuleReader

ParseCondition = Callable[[str, frozenset[str]], object]


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """What a rule file holds: the enabled rules without errors, everything wrong with it, and a checksum of its text.

    `count` is the number of rules in the file, those left out included.
    """

    file: str
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]
    checksum: str
    count: int = 0

    @property
    def usable(self) -> bool:
        """Whether the file has no errors; warnings do not count."""
        return all(p.severity != "error" for p in self.problems)


@dataclass(frozen=True, slots=True)
class Examined:
    """A rule file with all that is known of it: what `load_rules` answers, the document with its places, the rules as they are written."""

    loaded: LoadedRules
    document: Document
    written: tuple[Written, ...]
    aliases: Mapping[str, tuple[str, ...]]


def load_rules(
    text: str | bytes,
    file: str,
    *,
    parse_condition: ParseCondition | None = None,
    known_receivers: Collection[str] | None = None,
) -> LoadedRules:
    """Read the text of the rule file `file`. Never raises for what is in the text.

    `parse_condition(text, roles)` raises `ConditionError` for what is no condition; walert's own if not given. `known_receivers` are the
    names that a rule may direct messages to; not checked if not given.
    """
    return examine_rules(text, file, parse_condition=parse_condition, known_receivers=known_receivers).loaded


def examine_rules(
    text: str | bytes,
    file: str,
    *,
    parse_condition: ParseCondition | None = None,
    known_receivers: Collection[str] | None = None,
) -> Examined:
    """As `load_rules`, for those who look closer. Never raises for what is in the text."""
    document = load_document(text, file, schema("rules"))
    data = document.data if isinstance(document.data, dict) else {}
    entries = data.get("rules") if isinstance(data.get("rules"), list) else []
    reader = RuleReader(document, parse_condition or _own_parser(), known_receivers)
    rules = [reader.rule(index) for index, entry in enumerate(entries or []) if isinstance(entry, dict)]
    problems = tuple(sorted({*document.problems, *reader.problems}))
    found = tuple(rule for rule in rules if rule is not None)
    return Examined(
        LoadedRules(file, found, problems, _checksum(text), len(entries or [])),
        document,
        tuple(reader.written),
        reader.aliases,
    )


def _own_parser() -> ParseCondition:
    from walert.rules.expression import parse

    return parse


def _checksum(text: str | bytes) -> str:
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")).hexdigest()
