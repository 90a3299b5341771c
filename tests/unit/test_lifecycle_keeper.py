"""The keeper of runs: what it answers to logs, to time and to the sight of processes, with the time turned by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from walert.config.lifecycle import DEFAULTS
from walert.model import Record, Run
from walert.pipeline.lifecycle import Facts, Keeper, News
from walert.pipeline.lifecycle.keeper import MOST_MEMBERS, MOST_OVER
from walert.store.values import RunState

RUN = Run("r", "resnet")
START = {"event": "start", "host": "h", "pid": 7, "pid_start": 1, "boot_id": "b", "pid_namespace": 2, "heartbeat": 30}


@dataclass
class World:
    """A state file, processes and a clock."""

    pids: set[int] = field(default_factory=lambda: {7})
    time: float = 1000.0
    kept: dict[str, RunState] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    mtime: float | None = 1.0
    read: bool = True

    def __post_init__(self) -> None:
        self.keeper = Keeper(self, self, 86_400.0)

    # the state file
    def run_state(self, run_id: str) -> RunState | None:
        return self.kept.get(run_id)

    def living(self) -> Mapping[str, RunState]:
        return {k: v for k, v in self.kept.items() if v.state in ("running", "stalled", "lost") or v.detail["held"]}

    def members(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        return list(self.rows.get(run_id, {}).values())

    # the processes
    def gone(self, facts: Facts) -> bool | None:
        return None if facts.host == "far" else facts.pid not in self.pids

    def touched(self, path: str) -> float | None:
        return self.mtime

    # what happens
    def event(self, stream: str = "s", run: Run = RUN, **event: Any) -> News:
        record = Record(1, 0, 5.0, True, self.time, None, {}, event)
        take = self.keeper.start if event["event"] == "start" else self.keeper.finish
        news = take(run, stream, f"/{stream}", record, history=False, now=self.time, moment=self.time)
        self.keep(run.id, stream)
        return self.commit(news)

    def log(self, stream: str = "s", step: float = 5.0) -> None:
        newest = Record(1, 0, step, True, self.time, None, {}, None)
        self.keeper.heard(RUN, stream, 1, newest, history=False, now=self.time, moment=self.time)
        self.keep("r", stream)

    def open(self, stream: str = "s") -> None:
        """A foreign log is found, with a line."""
        self.keeper.open(
            RUN, stream, f"/{stream}", foreign=True, history=False, now=self.time, moment=self.time, modified=self.time
        )
        self.log(stream)

    def lose(self, stream: str) -> None:
        """The file of a log is gone."""
        self.keep("r", stream, ended=True)
        self.keeper.gone("r", stream, self.time)

    def keep(self, run_id: str, stream: str, *, ended: bool = False) -> None:
        row = self.keeper.dump(run_id, stream, ended=ended)
        if row is not None:
            self.rows.setdefault(run_id, {})[stream] = row

    def look(self, seconds: float = 2.0) -> list[str]:
        """What is told after so many seconds."""
        self.time += seconds
        found = [self.commit(news) for news in self.keeper.look(self.time, self.time, lambda stream: self.read)]
        return [news.notice.title for news in found if news.notice is not None and not news.notice.quiet]

    def commit(self, news: News) -> News:
        self.kept[news.run.id] = news.state
        return news

    def restart(self) -> None:
        self.keeper = Keeper(self, self, 86_400.0)


def test_a_process_that_is_gone_is_judged_at_the_second_look_when_its_log_was_read() -> None:
    world = World()
    world.event(**START)
    world.log()
    assert world.look() == []
    world.pids.clear()
    assert world.look() == []
    assert world.keeper.suspects() == ["/s"]
    world.read = False
    assert world.look() == []
    world.read = True
    assert world.look() == ["Run crashed"]
    assert world.look() == []


def test_last_words_between_the_two_looks_count() -> None:
    world = World()
    world.event(**START)
    world.pids.clear()
    world.look()
    news = world.event(event="finish", state="finished", exit_code=0)
    assert news.notice is not None and news.notice.title == "Run finished"
    assert (world.look(), world.kept["r"].state) == ([], "finished")


def test_what_was_told_is_not_told_again_after_a_restart() -> None:
    world = World()
    world.event(**START)
    world.pids.clear()
    assert world.look() + world.look() == ["Run crashed"]
    world.restart()
    assert world.look() + world.look() == []
    world.pids.add(8)
    assert world.event(**START | {"pid": 8, "attempt": 1}).state.state == "running"


def test_what_happened_while_no_daemon_ran_is_told() -> None:
    world = World()
    world.event(**START)
    world.pids.clear()
    world.restart()
    assert world.look() + world.look() == ["Run crashed"]


def test_a_commit_that_fails_costs_nothing() -> None:
    world = World()
    world.event(**START)
    world.pids.clear()
    world.look()
    before = dict(world.kept)
    assert [n.notice.title for n in world.keeper.look(2000.0, 2000.0, lambda s: True) if n.notice] == ["Run crashed"]
    world.kept = before
    world.keeper.forget("r")
    assert world.look() + world.look() == ["Run crashed"]


def test_a_heartbeat_keeps_a_far_run_alive_and_only_changes_of_it_count() -> None:
    world = World()
    world.event(**START | {"host": "far"})
    for beat in range(40):
        world.mtime = float(beat)  # a clock far from ours
        assert world.look(20) == []
    world.log()
    assert world.look(300) == []  # the last beat was seen at the last look
    assert world.look(1) == ["Run lost"]
    world.mtime = -5.0
    assert (world.look(2), world.kept["r"].state) == ([], "running")
    assert world.look(301) == ["Run lost"]
    world.restart()
    assert (world.look(10), world.kept["r"].state) == ([], "lost")


def test_a_far_run_is_not_lost_at_once_when_the_daemon_was_away() -> None:
    world = World()
    world.event(**START | {"host": "far"})
    world.time += 800
    world.restart()
    assert world.look() == []
    assert world.look(301) == ["Run lost"]


def test_a_stall_is_told_once_and_again_after_the_run_went_on() -> None:
    world = World()
    world.event(**START)
    for _ in range(3):
        world.time += 10
        world.log()
    assert world.look(899) == []
    assert world.look(2) == ["Run stalled"]
    assert world.look(9000) == []
    world.log()
    assert (world.look(2), world.kept["r"].state) == ([], "running")
    assert world.look(900) == ["Run stalled"]


def test_the_end_of_an_attempt_waits_for_the_restart_that_its_launcher_has_left() -> None:
    world = World()
    world.event(**START | {"may_restart": True})
    world.pids.clear()
    assert world.look() + world.look() + world.look(50) == []
    world.restart()
    assert world.look(10) == ["Run crashed"]
    assert world.look(8) == []


def test_ranks_that_start_again_are_not_judged_by_their_last_attempt() -> None:
    world = World()
    for rank in range(2):
        world.event(f"s{rank}", **START | {"rank": rank, "world_size": 2, "may_restart": True})
    world.pids.clear()
    world.look(), world.look()
    assert world.kept["r"].state == "crashed"
    world.pids.add(8)
    world.event("s0", **START | {"rank": 0, "pid": 8, "attempt": 1})
    assert (world.look(), world.kept["r"].state) == ([], "running")
    world.event("s1", **START | {"rank": 1, "pid": 8, "attempt": 1})
    world.event("s0", event="finish", state="finished", exit_code=0)
    assert world.kept["r"].state == "running"
    news = world.event("s1", event="finish", state="finished", exit_code=0)
    assert news.notice is not None and news.notice.title == "Run finished"


def test_the_name_that_the_script_gives_counts() -> None:
    world = World()
    world.event("boss", Run("r", "train.py"), **START | {"role": "supervisor"})
    assert world.keeper.named(Run("r", "train.py")).name == "train.py"
    assert world.event("s", **START).run.name == "resnet"
    assert world.keeper.named(Run("r", "train.py")).name == "resnet"


def test_news_that_is_switched_off_is_still_a_state() -> None:
    world = World()
    world.keeper.judge_by(86_400.0, {**DEFAULTS, "crashed": replace(DEFAULTS["crashed"], told=False)})
    world.event(**START)
    world.pids.clear()
    assert world.look() + world.look() == []
    assert world.kept["r"].state == "crashed"


def test_a_notebook_hears_of_failures_only() -> None:
    world = World()
    notebook = START | {"jupyter": True}
    world.event(**notebook)
    assert world.look(10_000) == []
    assert world.kept["r"].state == "stalled"
    news = world.event(event="finish", state="finished", exit_code=0)
    assert news.notice is not None and news.notice.quiet
    world.event(**notebook)
    failed = world.event(event="finish", state="failed", exit_code=1)
    assert failed.notice is not None and not failed.notice.quiet


def test_memory_is_bounded() -> None:
    world = World()
    for n in range(MOST_OVER + 50):
        run = Run(f"r{n}", "many")
        world.event("s", run, event="finish", state="finished")
    assert len(world.keeper._lives) < MOST_OVER
    assert world.event("s", Run("r3", "many"), **START).state.state == "running"
    for n in range(MOST_MEMBERS + 10):
        world.event(f"s{n}", **START | {"rank": n})
    assert len(world.keeper._lives["r"].members) == MOST_MEMBERS


STALLS = {**DEFAULTS, "stalled": replace(DEFAULTS["stalled"], everywhere=True)}


def test_a_foreign_log_has_ended_once_it_was_silent_for_longer_than_anybody_waits() -> None:
    world = World()
    world.open()
    assert (world.look(), world.look(86_398.0), world.kept) == ([], [], {})
    world.look(1.0)
    assert world.kept["r"].state == "finished"
    world.log()
    assert world.keeper.alive(RUN)
    assert (world.look(2.0), world.kept["r"].state) == ([], "running")
    assert (world.look(86_400.0), world.kept["r"].state) == ([], "finished")


def test_a_foreign_log_that_goes_on_can_stall_again() -> None:
    world = World()
    world.keeper.judge_by(86_400.0, STALLS)
    world.open()
    for _ in range(3):
        world.time += 1
        world.log()
    assert world.look(900.0) == []
    assert world.look(1.0) == ["Run stalled"]
    world.log()
    assert (world.look(), world.kept["r"].state) == ([], "running")
    assert world.look(899.0) == ["Run stalled"]


def test_a_foreign_log_that_becomes_faster_is_missed_earlier() -> None:
    world = World()
    world.keeper.judge_by(86_400.0, STALLS)
    world.open()
    for _ in range(2):
        world.time += 500
        world.log()
    assert world.look() == []  # to be looked at 5,000 seconds later
    for _ in range(9):
        world.time += 1
        world.log()
    assert world.look(900.0) == []
    assert world.look(1.0) == ["Run stalled"]


def test_other_limits_count_at_once() -> None:
    world = World()
    world.open()
    assert (world.look(1000.0), world.kept) == ([], {})
    world.keeper.judge_by(86_400.0, STALLS)
    assert world.look() == ["Run stalled"]
    world.keeper.judge_by(1000.0, DEFAULTS)
    assert (world.look(), world.kept["r"].state) == ([], "finished")


def test_a_foreign_log_that_was_rotated_away_leaves_its_run() -> None:
    world = World()
    world.keeper.judge_by(86_400.0, STALLS)
    for n in range(50):
        world.open(f"s{n}")
        world.lose(f"s{n - 1}")
        world.look()
    assert list(world.keeper._lives["r"].members) == list(world.keeper._pulses) == ["s49"]
    for _ in range(30):
        world.log("s49")
        assert world.look(80.0) == []
    assert world.look(901.0) == ["Run stalled"]
    world.restart()
    world.look()
    assert list(world.keeper._lives["r"].members) == ["s49"]


def test_a_log_that_came_in_the_place_of_another_keeps_the_run_alive() -> None:
    world = World()
    world.open("old")
    world.lose("old")
    world.look(59.0)
    world.open("new")
    assert (world.look(600.0), world.kept) == ([], {})
    assert list(world.keeper._lives["r"].members) == ["new"]


def test_a_foreign_run_ends_with_its_last_log_and_goes_on_when_that_returns() -> None:
    world = World()
    world.open()
    world.lose("s")
    assert (world.look(59.0), world.kept) == ([], {})
    assert (world.look(1.0), world.kept["r"].state) == ([], "finished")
    world.look()
    assert not world.keeper._lives and not world.keeper._pulses
    world.log()
    assert (world.look(), world.kept["r"].state) == ([], "running")
    assert (world.look(600.0), world.kept["r"].state) == ([], "running")


def test_a_log_that_left_its_run_is_of_it_again_when_it_returns() -> None:
    world = World()
    world.open("a")
    world.open("b")
    world.lose("a")
    world.log("a")
    world.lose("b")
    assert list(world.keeper._lives["r"].members) == ["a"]


def test_a_process_whose_log_is_gone_is_watched_on() -> None:
    world = World()
    world.event(**START)
    world.lose("s")
    assert world.look(600.0) == []
    world.pids.clear()
    assert world.look() + world.look() == ["Run crashed"]


def test_a_foreign_log_is_followed_on_after_a_restart() -> None:
    world = World()
    world.open()
    world.look()
    world.restart()
    world.log()
    world.look()
    assert (world.look(86_400.0), world.kept["r"].state) == ([], "finished")


def test_room_is_made_without_forgetting_the_runs_of_the_last_daemon() -> None:
    world = World()
    world.event(**START)
    world.restart()
    for n in range(MOST_OVER + 1):
        world.event("s", Run(f"r{n}", "many"), event="finish", state="finished")
    world.pids.clear()
    assert world.look() + world.look() == ["Run crashed"]
