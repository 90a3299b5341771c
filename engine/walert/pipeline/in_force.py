"""The rules in force for a file: the host's with those that its run carries; and, while the state of edited ones is rebuilt, those before."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from walert.model import Batch, Run
from walert.pipeline.carried import RunRules, owner_of
from walert.pipeline.renewal import MOST_FORMERS, interim, is_small
from walert.rules.fold import Fold
from walert.rules.fold_state import lacks
from walert.rules.plan import RuleSet


class InForce:
    """One for the daemon. `tell` hears of rule files of runs that cannot be used; `at_once`: nothing is rebuilt in slices."""

    def __init__(self, rules: RuleSet, tell: Callable[[str], None], *, at_once: bool) -> None:
        self._run_rules = RunRules(rules, tell)
        self._at_once = at_once
        self._formers: list[RuleSet] = []  # the host's rules before reloads, newest first
        self._interims: dict[tuple[int, ...], RuleSet] = {}

    @property
    def host(self) -> RuleSet:
        """The rules of the host alone."""
        return self._run_rules.host

    def change(self, rules: RuleSet) -> None:
        """The host's rules are others."""
        self._formers = [self.host, *self._formers][:MOST_FORMERS]
        self._interims.clear()
        self._run_rules.host = rules

    def of(self, batch: Batch, own: bool) -> RuleSet:
        """The rules for a file; `own` if walert's own writer makes it, whose run may carry rules."""
        if not own:
            return self.host
        return self._run_rules.judging(os.path.dirname(batch.path), owner=owner_of(batch.path))

    def for_kept(self, batch: Batch, run: Run, own: bool, state: Mapping[str, Any]) -> tuple[RuleSet, RuleSet | None]:
        """By which rules a file with that `state` is judged now, and by which once their state is rebuilt, if that takes time."""
        rules = self.of(batch, own).for_run(run)
        if not lacks(rules, state) or self._at_once or (not self._formers and is_small(batch)):
            return rules, None
        until_then = interim(rules, state, self._formers)
        key = tuple(map(id, until_then))
        if key not in self._interims:
            self._interims[key] = RuleSet(until_then)
        return self._interims[key], rules

    def former(self, run: Run, state: Mapping[str, Any]) -> Fold | None:
        """The fold of that `state` under the newest rules before a reload that it was judged by, if any."""
        for former in self._formers:
            rules = former.for_run(run)
            if not lacks(rules, state):
                return Fold.load(rules, state)
        return None
