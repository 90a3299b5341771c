"""The head of `walert status`: who runs and whether it lives, what is followed and how, in sentences."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from walert.cli.common import age, plural, safe
from walert.daemon.bulletin import DAEMON, HEARTBEAT, WATCHING
from walert.daemon.health import COMMIT, TURN
from walert.store.values import Status
from walert.units import format_duration

_LOOKS = "every 2s, new ones every 10s"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of the process itself: its pid, when a pass last completed (Unix seconds), and who runs on other state files."""

    pid: int | None
    passed: float | None
    others: Sequence[tuple[int, Mapping[str, Any]]]

    def elsewhere(self) -> list[str]:
        """A sentence for each walertd that keeps its state elsewhere."""
        return [_elsewhere(pid, about) for pid, about in self.others]


def head(status: Status, seen: Seen, now: float) -> Iterator[str]:
    """The lines above the tables."""
    yield _life(status, seen, now)
    if seen.pid is None:
        yield from seen.elsewhere()
    daemon = status.facts.get(DAEMON) or {}
    yield f"state    {safe(status.path)}"
    if daemon:
        config = safe(str(daemon["config"])) if daemon["config"] else "none: the defaults"
        yield f"config   {config}; {plural(daemon['rules'], 'rule')}"
    yield f"follows  {_follows(status)}"
    yield f"read     {_read(status.counters)}"
    if seen.pid is None:
        return
    if watching := status.facts.get(WATCHING):
        yield f"finds    {_finds(watching)}"
        yield from (f"         {line}" for line in _trouble(watching))
    if beat := status.facts.get(HEARTBEAT):
        yield f"calls    {_calls(beat)}"


def unmet(status: Status) -> list[str]:
    """What the configuration asks for and does not get."""
    daemon, watching = status.facts.get(DAEMON) or {}, status.facts.get(WATCHING) or {}
    lines = [
        f"{safe(root)}: there is no such folder; it is followed when it appears" for root in watching.get("missing", ())
    ]
    lines += [safe(line) for line in daemon.get("unmet", ())]
    more = daemon.get("more_unmet", 0)
    return [*lines, f"… and {more} more: walert check"] if more else lines


def _life(status: Status, seen: Seen, now: float) -> str:
    daemon = status.facts.get(DAEMON) or {}
    if seen.pid is None:
        if daemon.get("stopped"):
            return f"walertd does not run; it stopped {age(daemon['stopped'])}, {_left(daemon)}"
        ended = f"; the last one was killed, or died: it was last there {age(status.updated)}" if daemon else ""
        return f"walertd does not run{ended}"
    name = f"walertd runs (pid {seen.pid})" if seen.pid > 0 else "walertd runs"
    if daemon.get("pid") == seen.pid:
        name += f", for {format_duration(_coarse(now - daemon['started']))}"
    if seen.passed is not None and now - seen.passed > TURN:
        return f"{name}, but hangs: no pass has completed for {format_duration(_coarse(now - seen.passed))}"
    if status.updated is not None and now - status.updated > COMMIT:
        ago = format_duration(_coarse(now - status.updated))
        return f"{name}, but has committed nothing for {ago}: its log says why"
    return f"{name}; last pass {age(seen.passed)}, last commit {age(status.updated)}"


def _left(daemon: Mapping[str, Any]) -> str:
    left = daemon.get("undelivered") or {}
    return (
        "with " + " and ".join(f"{plural(n, 'message')} {state}" for state, n in left.items())
        if left
        else "all delivered"
    )


def _follows(status: Status) -> str:
    here = plural(status.streams - status.gone, "file")
    gone = f" ({status.gone} more are gone)" if status.gone else ""
    runs = ", ".join(f"{count} {state}" for state, count in sorted(status.runs.items()))
    return f"{here}{gone}; runs: {runs or 'none'}"


def _read(counters: Mapping[str, int]) -> str:
    lines = plural(counters.get("records", 0), "line")
    bad = counters.get("bad_lines", 0)
    lost = counters.get("lost_bytes", 0)
    return lines + (f", {bad} bad" if bad else "") + (f"; {plural(lost, 'byte')} were destroyed unread" if lost else "")


def _finds(watching: Mapping[str, Any]) -> str:
    if watching["mode"] == "events":
        how = f"changes when they happen; all files are looked at {_LOOKS}"
        polled = ", ".join(safe(root) for root in watching["polled"])
        return f"{how}; {polled} by looks alone (poll: true)" if polled else how
    why = watching["why"] or "as `poll: true` asks for"
    return f"changes by looks alone, {_LOOKS}: {safe(why)}"


def _trouble(watching: Mapping[str, Any]) -> Iterator[str]:
    if watching["overflows"]:
        yield f"events were lost {_times(watching['overflows'])}: all was looked at anew"
    if watching["rebuilt"]:
        yield f"the watcher died {_times(watching['rebuilt'])}, and was started again"


def _calls(beat: Mapping[str, Any]) -> str:
    failed = f", {beat['failed']} of {beat['answered'] + beat['failed']} calls failed" if beat["failed"] else ""
    last = f"answered {age(beat['last'])}" if beat["last"] else "not answered yet"
    now = f"; now: {safe(beat['reason'])}" if beat["reason"] else ""
    return f"the heartbeat every {format_duration(beat['every'])}: {last}{failed}{now}"


def _elsewhere(pid: int, about: Mapping[str, Any]) -> str:
    config = about.get("config")
    how = f": walert status --config {shlex.quote(str(config))}" if config else ""
    return f"another walertd runs (pid {pid}), with its state in {safe(str(about.get('state')))}{how}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _coarse(seconds: float) -> int:
    return int(seconds) if seconds < 3600 else int(seconds // 60 * 60)
