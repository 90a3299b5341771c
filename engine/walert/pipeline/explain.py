"""Why a rule did or did not fire: a run's logs judged again by the real fold, one rule watched on the way.

The same lines, rules and cooldowns as in a replay, so that what is explained is what happens. Nothing is delivered or kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from walert.dispatch import cooldown as cd
from walert.dispatch.cooldown import Arrival, Held
from walert.dispatch.desk import Said, Told, episode_key
from walert.model import Happening, Rule, Run, Transition
from walert.pipeline.carried import RunRules
from walert.pipeline.logs import LogFile, event_of
from walert.pipeline.replay import Replay, rules_for, shown_run
from walert.pipeline.session import Judged, Session
from walert.rules.explaining import Judgement, Observer
from walert.rules.plan import RulePlan, RuleSet, selects

LAST = 10


@dataclass(frozen=True, slots=True)
class Moment:
    """One record that mattered to the rule: how it was judged (None where only time or the run's end spoke), what changed, what was said."""

    line: int
    step: float
    time: float | None
    judgement: Judgement | None
    transitions: tuple[Transition, ...]
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Cooling:
    """What the title's cooldown holds at the end of the file. `last` is the newest message, None before the first.

    `left` are the seconds until the next one may go, `wait` how long they were; `suppressed` counts what is held back now. `muted` tells
    that a rule of the same group speaks instead, `never` that `repeat: never` keeps this episode from being told again.
    """

    last: Told | None
    left: float
    wait: float
    suppressed: int
    muted: bool
    never: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """One rule on one file. `moments` are the newest of `judgements` in all; `since` is the firing that is still on."""

    run: Run
    shown: str
    file: str
    rule: Rule
    judgements: int
    moments: tuple[Moment, ...]
    now: Judgement
    since: Transition | None
    cooling: Cooling


@dataclass(slots=True)
class _Watch:
    """One rule on one file while it is read."""

    plan: RulePlan
    observer: Observer
    moments: deque[Moment]
    judgements: int = 0
    since: Transition | None = None
    last: Told | None = None

    def see(self, session: Session, judged: Judged) -> None:
        """One line was judged."""
        judgement = self.observer.see(session.fold, judged.record)
        transitions = tuple(t for t in judged.transitions if t.rank == self.plan.rank and _is_told(t))
        said = tuple(s for s in judged.said if _title(s) == self.plan.rule.title)
        for t in transitions:
            self.since = t if t.happening is Happening.FIRING else None
        for each in said:
            self.last = each if isinstance(each, Told) else self.last
        self.judgements += judgement is not None
        if judgement is not None or transitions or said:
            record = judged.record
            self.moments.append(Moment(record.line, record.step, record.time, judgement, transitions, said))


def _is_told(transition: Transition) -> bool:
    return transition.happening is not Happening.CONFIRMED


def _title(said: Said) -> str:
    return said.alert.title if isinstance(said, Told) else said.title


def titles_of(files: Iterable[LogFile], rules: RuleSet, carried: RunRules | None) -> list[str]:
    """The titles of every rule that judges one of the files: `rules`, and what their runs carry. Raises `OSError`."""
    found = [rules, *(rules_for(file, event_of(file), carried) or rules for file in files)]
    return list(dict.fromkeys(rule.title for each in found for rule in each.rules))


@dataclass(slots=True)
class Explanation:
    """Judge `files` again by `rules`, watching the rules titled `title`; `explain()`, then read the rest.

    `unselected` are rules of that title that are not for a run that was read, by its name.
    """

    rules: RuleSet
    files: Sequence[LogFile]
    title: str
    last: int = LAST
    carried: RunRules | None = None
    unselected: list[tuple[str, Rule]] = field(default_factory=list)
    _file: LogFile | None = None
    _session: Session | None = None
    _watches: list[_Watch] = field(default_factory=list)

    def explain(self, on_read: Callable[[int], None] = lambda size: None) -> list[Explained]:
        """Each rule of the title on each file, in the order of the files. Raises `OSError` for a file that cannot be read."""
        replay = Replay(self.rules, self.files, on_judged=self._judged, carried=self.carried)
        out: list[Explained] = []
        for file in self.files:
            self._file, self._session, self._watches = file, None, []
            for _ in replay.file(file, on_read):
                pass
            out += self._explained()
        return out

    def _judged(self, session: Session, judged: Judged) -> None:
        if self._session is not session:
            self._begin(session)
        for watch in self._watches:
            watch.see(session, judged)

    def _begin(self, session: Session) -> None:
        self._session = session
        rules = session.fold.rules
        self._watches = [
            _Watch(plan, Observer(plan, rules), deque(maxlen=self.last))
            for plan in rules.plans
            if plan.rule.title == self.title
        ]
        assert self._file is not None
        for rule in (rules_for(self._file, event_of(self._file), self.carried) or self.rules).rules:
            if rule.title == self.title and not selects(rule, session.run):
                row = (shown_run(self._file, session.run), rule)
                if row not in self.unselected:
                    self.unselected.append(row)

    def _explained(self) -> Iterable[Explained]:
        for watch in self._watches:
            assert self._session is not None
            assert self._file is not None
            session, file = self._session, self._file
            yield Explained(
                session.run, shown_run(file, session.run), file.shown, watch.plan.rule, watch.judgements, tuple(watch.moments),
                watch.observer.now(session.fold), watch.since, _cooling(session, watch),
            )  # fmt: skip


def _cooling(session: Session, watch: _Watch) -> Cooling:
    """What would become of another message of the title after the newest record."""
    rule, stream = watch.plan.rule, session.place.stream
    kept = session.desk.cooldowns.get(rule.title, cd.Cooldown())
    episode = session.desk.episodes.get(stream, {}).get(episode_key(watch.since)) if watch.since is not None else None
    wait = episode.wait if episode is not None and episode.sent else rule.wait_duration
    newest = session.fold.newest()
    time = newest.time if newest is not None else None
    verdict, _ = cd.judge(kept, Arrival(stream, time, time, rule.level.severity, wait))
    return Cooling(
        watch.last, verdict.left if isinstance(verdict, Held) else 0.0, wait, kept.suppressed, episode is not None and episode.muted,
        episode is not None and episode.sent and rule.repeat == "never",
    )  # fmt: skip
