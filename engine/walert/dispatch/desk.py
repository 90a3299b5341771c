"""The desk of one run: every transition and every `alert()` of its files comes here, in line order, and leaves as an alert, or is held back.

It owns the cooldowns of the run and, a file and rule, the episode: whether its firing was told, to whom, and how long until it is told again.
It reads no clock and writes nothing: `Place` brings the time, the caller commits `cooldowns` and `episodes` with everything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from walert.client import arguments
from walert.dispatch import cooldown as cd
from walert.dispatch import wording
from walert.dispatch.cooldown import Arrival, Cooldown, Granted
from walert.model import Alert, AlertLevel, Happening, MessageKind, Record, Rule, Run, Transition

ALERT_WAIT = 60.0  # of an alert() that names none, as wandb's
LIFECYCLE_WAIT = 300.0
MOST_TITLES = 5_000  # cooldowns of a run, nearly: a script may make up a title for each alert()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line comes from and when it is judged. `log` is the file as shown, `path` its path below the run, `clock` the daemon's."""

    stream: str
    log: str
    path: str
    head: str
    clock: float | None
    host: str | None = None
    attempt: int = 1
    rank: int = 0
    late: bool = False


@dataclass(slots=True)
class Episode:
    """A rule that fires on a file: was it told (and to whom), is a telling owed, how long is the wait until it is told again."""

    sent: bool = False
    wait: float = 0.0
    step: float = 0.0
    muted: bool = False
    receivers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """An alert that becomes messages to `receivers`."""

    alert: Alert
    receivers: tuple[str, ...]
    why: str
    line: int
    step: float
    time: float | None


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A transition or an `alert()` that was suppressed; `suppressed` is how many of its key are, with this one."""

    kind: MessageKind
    title: str
    level: AlertLevel
    origin: str | None
    values: Mapping[str, float]
    text: str
    suppressed: int
    why: str
    line: int
    step: float
    time: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    """News of the run itself. `over`: its last message of this attempt, which names what the cooldowns still hold back.

    `quiet` news are told to nobody; `mark` tells two of one title at one line apart.
    """

    title: str
    level: AlertLevel
    text: str
    wait: float = LIFECYCLE_WAIT
    receivers: tuple[str, ...] = ()
    over: bool = False
    quiet: bool = False
    mark: str = ""


Said = Told | HeldBack
Routing = Callable[[Alert, Sequence[str]], tuple[str, ...]]


class Desk:
    """The dispatch of one run."""

    def __init__(
        self,
        run: Run,
        routing: Routing,
        cooldowns: Mapping[str, Any] | None = None,
        *,
        tells_end: bool = True,
    ) -> None:
        """`tells_end`: a finish record is told by `line`; else somebody who sees all files of the run does it by `lifecycle`."""
        self.run = run
        self.tells_end = tells_end
        self.routing = routing
        self.cooldowns: dict[str, Cooldown] = {
            title: Cooldown.load(state) for title, state in (cooldowns or {}).items()
        }
        self.episodes: dict[str, dict[str, Episode]] = {}
        self.suppressed = 0  # all that was ever held back, repeats included
        self._touched: set[str] = set()

    # --- one line

    def line(self, place: Place, record: Record, transitions: Sequence[Transition]) -> list[Said]:
        """What one line says: `alert()` first, then rules by level, highest first, then in file order, then the run's end."""
        said: list[Said] = []
        kind = record.event.get("event") if record.event else None
        if kind == "alert":
            said += self._alert(place, record)
        for transition in sorted(transitions, key=lambda t: (-t.rule.level.severity, t.rank)):
            said += self._rule(place, transition)
        if kind == "finish" and place.rank == 0 and self.tells_end:
            said += self._finish(place, record)
        return said

    # --- alert() and the end of the run

    def _alert(self, place: Place, record: Record) -> list[Said]:
        event = record.event or {}
        level = AlertLevel(str(event.get("level") or "INFO").upper())
        wait = event.get("wait_duration")
        # Any program can write the line: what alert() would have cut is cut here.
        title, text = arguments.title(event["title"]), arguments.text(str(event.get("text") or ""))
        draft = _Draft("alert", title, level, text, None, self._facts(place, record))
        return self._ask(place, draft, ALERT_WAIT if wait is None else float(wait))

    def _finish(self, place: Place, record: Record) -> list[Said]:
        event = record.event or {}
        failed = event.get("state") == "failed"
        title, level = ("Run failed", AlertLevel.ERROR) if failed else ("Run finished", AlertLevel.INFO)
        # Nobody waits for the end of a notebook, or of a script that only called alert().
        quiet = bool(event.get("jupyter") or event.get("ad_hoc")) and not failed
        return self.lifecycle(place, record, Notice(title, level, wording.finished(event), over=True, quiet=quiet))

    def lifecycle(self, place: Place, record: Record, notice: Notice) -> list[Said]:
        """News of the run itself, at the newest `record` of one of its files."""
        text = notice.text
        if notice.over:
            text = "\n".join(part for part in (text, *self._still_held()) if part) or "The run has ended."
        if notice.quiet:
            return []
        draft = _Draft(
            "lifecycle", notice.title, notice.level, text, None, self._facts(place, record), mark=notice.mark
        )
        return self._ask(place, draft, notice.wait, notice.receivers)

    def _still_held(self) -> list[str]:
        """A line for each title of which something is held back; it is told with them."""
        lines = wording.still_held({t: (c.suppressed, c.ended) for t, c in self.cooldowns.items()})
        for name, kept in self.cooldowns.items():
            if kept.suppressed or kept.ended:
                self._keep(name, replace(kept, suppressed=0, ended=()))
        return lines

    def _ask(self, place: Place, draft: _Draft, wait: float, own: Sequence[str] = ()) -> list[Said]:
        verdict = self._judge(place, draft, wait)
        if isinstance(verdict, Granted):
            return [self._tell(place, draft, verdict, own)]
        return [self._hold(draft, verdict.why)]

    # --- rules

    def _rule(self, place: Place, transition: Transition) -> list[Said]:
        episodes = self.episodes.setdefault(place.stream, {})
        key = episode_key(transition)
        match transition.happening:
            case Happening.FIRING:
                muted = self.is_muted(place.stream, transition.rule, key)
                episodes[key] = Episode(wait=transition.rule.wait_duration, step=transition.step, muted=muted)
                self._fires(transition.rule.title, place.stream, True)
                return [] if muted else self._first(place, transition, episodes[key])
            case Happening.CONFIRMED if key in episodes:
                return self._again(place, transition, episodes[key])
            case Happening.RESOLVED | Happening.CLOSED if key in episodes:
                return self._over(place, transition, episodes.pop(key))
        return []

    def _first(self, place: Place, transition: Transition, episode: Episode) -> list[Said]:
        draft = self._draft("firing", place, transition)
        verdict = self._judge(place, draft, transition.rule.wait_duration)
        if isinstance(verdict, Granted):
            return [self._send(place, draft, verdict, transition, episode)]
        return [self._hold(draft, verdict.why)]

    def _again(self, place: Place, transition: Transition, episode: Episode) -> list[Said]:
        """A confirming sample: what is owed is sent once the wait is over, and `repeat` says what else."""
        rule = transition.rule
        if self.is_muted(place.stream, rule, episode_key(transition)):
            return []
        repeats = rule.repeat != "never"
        if episode.sent and not repeats:
            return []
        # Muted until now and never asked: this is its first word.
        kind: MessageKind = "repeat" if episode.sent else "firing"
        draft = self._draft(kind, place, transition)
        verdict = self._judge(place, draft, episode.wait if episode.sent else rule.wait_duration, counts=repeats)
        if not isinstance(verdict, Granted):
            self.suppressed += repeats
            return []
        if episode.sent and rule.repeat == "backoff":
            episode.wait = cd.longer(episode.wait, rule.wait_duration)
        return [self._send(place, draft, verdict, transition, episode)]

    def _over(self, place: Place, transition: Transition, episode: Episode) -> list[Said]:
        rule = transition.rule
        still = self._fires(rule.title, place.stream, self._fires_otherwise(place.stream, rule.title))
        kept = self.cooldowns.get(rule.title, Cooldown())
        if not episode.sent and not episode.muted:
            kept = cd.unreported(kept, wording.unreported(episode.step, transition))
        if episode.sent and rule.resolved:
            kept = cd.owe(kept, episode.receivers)
        self._keep(rule.title, kept)
        if kept.owed is None or (still and (transition.happening is Happening.RESOLVED or not episode.sent)):
            return []  # told once no rule of the title fires, whichever of them was the one that was told of
        kind: MessageKind = "resolved" if transition.happening is Happening.RESOLVED else "closed"
        granted, after = cd.release(kept)
        self._keep(rule.title, replace(after, owed=None))
        alert = self._make(place, self._draft(kind, place, transition), granted)
        return [Told(alert, kept.owed, granted.why, transition.line, transition.step, transition.time)]

    def _send(self, place: Place, draft: _Draft, granted: Granted, transition: Transition, episode: Episode) -> Told:
        told = self._tell(place, draft, granted, transition.rule.receivers)
        episode.sent, episode.muted = True, False
        episode.receivers = list(dict.fromkeys([*episode.receivers, *told.receivers]))
        return told

    def is_muted(self, stream: str, rule: Rule, own: str) -> bool:
        """Rules of a group speak once: while one fires in the file, others of its level or below send nothing. `own` is its episode's key."""
        if rule.group is None:
            return False
        return any(
            key != own and not episode.muted and _group(key) == rule.group and _severity(key) >= rule.level.severity
            for key, episode in self.episodes.get(stream, {}).items()
        )

    def hold(self, title: str, count: int) -> None:
        """So many confirming samples of a title were held back."""
        self.suppressed += count
        kept = self.cooldowns.get(title, Cooldown())
        self._keep(title, replace(kept, suppressed=kept.suppressed + count))

    def _fires(self, title: str, stream: str, on: bool) -> bool:
        """Note whether a rule of `title` fires on `stream`; whether one still fires anywhere in the run."""
        kept = self.cooldowns.get(title, Cooldown())
        firing = kept.firing | {stream} if on else kept.firing - {stream}
        if firing != kept.firing:
            self._keep(title, replace(kept, firing=firing))
        return bool(firing)

    def _fires_otherwise(self, stream: str, title: str) -> bool:
        return any(_title(key) == title for key in self.episodes.get(stream, {}))

    # --- making

    def _judge(self, place: Place, draft: _Draft, wait: float, *, counts: bool = True) -> cd.Verdict:
        arrival = Arrival(place.stream, draft.facts.time, place.clock, draft.level.severity, wait)
        verdict, after = cd.judge(self.cooldowns.get(draft.title, Cooldown()), arrival, counts=counts)
        self._keep(draft.title, after)
        return verdict

    def _keep(self, title: str, state: Cooldown) -> None:
        self.cooldowns[title] = state
        self._touched.add(title)
        if len(self.cooldowns) > MOST_TITLES * 1.1:
            self._make_room()

    def _make_room(self) -> None:
        """Forget the titles that were told longest ago, of those under which nothing goes on: the next alert is their first again."""
        over = [(kept.clock or kept.at or 0.0, title) for title, kept in self.cooldowns.items() if cd.is_over(kept)]
        for _, title in sorted(over)[: len(self.cooldowns) - MOST_TITLES]:
            del self.cooldowns[title]
            self._touched.add(title)

    def _hold(self, draft: _Draft, why: str) -> HeldBack:
        self.suppressed += 1
        count = self.cooldowns[draft.title].suppressed
        facts = draft.facts
        return HeldBack(
            draft.kind,
            draft.title,
            draft.level,
            draft.origin,
            facts.values,
            draft.fill(count),
            count,
            why,
            facts.line,
            facts.at,
            facts.time,
        )

    def _tell(self, place: Place, draft: _Draft, granted: Granted, own: Sequence[str]) -> Told:
        alert = self._make(place, draft, granted)
        facts = draft.facts
        return Told(alert, self.routing(alert, own), granted.why, facts.line, facts.at, facts.time)

    def _make(self, place: Place, draft: _Draft, granted: Granted) -> Alert:
        facts = draft.facts
        text = wording.with_unreported(draft.fill(granted.suppressed), granted.ended)
        return Alert(
            id=_alert_id(self.run, place, draft), kind=draft.kind, run=self.run, title=draft.title, level=draft.level, text=text,
            values=dict(facts.values), step=facts.step, time=facts.time, log=f"{place.log}:{facts.line}", origin=draft.origin,
            suppressed=granted.suppressed, labels=dict(draft.labels), runbook=draft.runbook, late=place.late, host=place.host,
            at=place.clock or 0.0,
        )  # fmt: skip

    def _draft(self, kind: MessageKind, place: Place, transition: Transition) -> _Draft:
        rule = transition.rule
        facts = wording.Facts(
            step=transition.step, time=transition.time, line=transition.line, offset=transition.offset, values=transition.values,
            names=transition.names, since=transition.since, run=self.run, log=place.log, host=place.host, attempt=place.attempt,
            at=transition.step,
        )  # fmt: skip
        template = rule.text if kind in ("firing", "repeat") else None
        plain = wording.sentence(kind, transition) if template is None else ""
        return _Draft(kind, rule.title, rule.level, plain, template, facts, rule.origin, rule.labels, rule.runbook)

    def _facts(self, place: Place, record: Record) -> wording.Facts:
        return wording.Facts(
            step=record.step if record.has_step else None, time=record.time, line=record.line, offset=record.offset, values={}, names={},
            since=None, run=self.run, log=place.log, host=place.host, attempt=place.attempt, at=record.step,
        )  # fmt: skip

    # --- kept

    def changed(self) -> dict[str, Any]:
        """The cooldowns changed since the last call, as plain builtins; None for one that is forgotten."""
        kept = {title: self.cooldowns.get(title) for title in self._touched}
        out = {title: None if cooldown is None else cooldown.dump() for title, cooldown in kept.items()}
        self._touched = set()
        return out

    def dump_episodes(self, stream: str) -> dict[str, Any]:
        """The episodes of a file, as plain builtins."""
        return {key: asdict(episode) for key, episode in self.episodes.get(stream, {}).items()}

    def owe(self, stream: str, firing: Sequence[tuple[str, Rule]]) -> None:
        """After a change of rules: a rule found firing without a message in this episode is owed one; a renamed rule keeps its episode."""
        old = self.episodes.get(stream, {})
        by_state = {key.split("\x1f")[0]: episode for key, episode in old.items()}
        self.episodes[stream] = {}
        for state, rule in firing:
            key = key_of(state, rule)
            fresh = Episode(wait=rule.wait_duration)
            self.episodes[stream][key] = old.get(key) or by_state.get(state) or fresh
            self._fires(rule.title, stream, True)
        for title in {_title(key) for key in old}:
            self._fires(title, stream, self._fires_otherwise(stream, title))

    def load_episodes(self, stream: str, state: Mapping[str, Any]) -> None:
        """Take up the episodes of a file."""
        self.episodes[stream] = {key: Episode(**row) for key, row in state.items()}


@dataclass(frozen=True, slots=True)
class _Draft:
    """An alert before the cooldown has spoken: its text still waits for the count."""

    kind: MessageKind
    title: str
    level: AlertLevel
    plain: str
    template: str | None
    facts: wording.Facts
    origin: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str | None = None
    mark: str = ""

    def fill(self, suppressed: int) -> str:
        """The text, with the count of what was held back."""
        if self.template is None:
            return self.plain
        return wording.fill(self.template, self.facts, self.title, self.level, suppressed)


def episode_key(transition: Transition) -> str:
    """An episode belongs to a state (what is judged) under a title, a level and a group."""
    return key_of(transition.key, transition.rule)


def key_of(state: str, rule: Rule) -> str:
    """The episode of a rule's state."""
    return "\x1f".join((state, rule.title, str(rule.level), rule.group or ""))


def _title(key: str) -> str:
    return key.split("\x1f")[1]


def _severity(key: str) -> int:
    return AlertLevel(key.split("\x1f")[2]).severity


def _group(key: str) -> str:
    return key.split("\x1f")[3]


def _alert_id(run: Run, place: Place, draft: _Draft) -> str:
    """The same whenever the same bytes are judged again: no inode, host or counter is in it.

    Where a line stands is not enough: a log that was cut and written on has other lines at the same places.
    """
    facts = draft.facts
    said = draft.plain if draft.kind == "alert" else sorted(facts.values.items())
    what = (facts.offset, facts.at, said, draft.title, draft.level, draft.kind, place.attempt)
    parts = (run.id, place.path, place.head, *what, *((draft.mark,) if draft.mark else ()))
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode(errors="surrogatepass"), digest_size=10).hexdigest()
