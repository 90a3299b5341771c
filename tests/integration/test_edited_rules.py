"""Rules edited while runs go on: the old one judges until the new one's state is rebuilt, slice by slice; what then changed is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from daemons import Home

from walert.dispatch.desk import HeldBack, Said
from walert.dispatch.route import Router
from walert.levels import AlertLevel
from walert.model import BadLine, Run, Source, Transition
from walert.pipeline.live import Pipeline
from walert.rules.load import load_rules
from walert.rules.plan import RuleSet
from walert.store.store import Store
from walert.tail import Follower

BEGIN = 1_700_000_000.0


def rules(*rows: str) -> RuleSet:
    loaded = load_rules(("version: 1\nrules:\n" + "".join(f"  - {row}\n" for row in rows)).encode(), "rules.yaml")
    assert not loaded.problems
    return RuleSet(loaded.rules)


@dataclass
class Heard:
    """What a pipeline says, in words."""

    words: list[str] = field(default_factory=list)

    def judged(self, run: Run, path: str, transition: Transition) -> None:
        by = "" if transition.by == "record" else f" by {transition.by}"
        self.words.append(f"{transition.rule.when}: {transition.happening}{by} at {transition.step:g}")

    def said(self, run: Run, said: Said) -> None:
        if not isinstance(said, HeldBack):
            self.words.append(f"told {said.alert.kind} of {said.alert.title} to {','.join(said.receivers)}")

    def bad_line(self, path: str, bad: BadLine) -> None:
        self.words.append(f"bad line {bad.line}")

    def note(self, kind: str, text: str) -> None:
        self.words.append(f"{kind}: {text.rpartition('/')[2]}")


class Following:
    """A folder followed by a real pipeline on a real state file, in one thread, by a clock that is turned by hand."""

    def __init__(self, folder: Path, by: RuleSet) -> None:
        self.folder, self.log = folder, folder / "a.jsonl"
        self.heard = Heard()
        self.time = BEGIN
        self.steps = count(1)
        self.store = Store.open(folder / "walert.db", now=self.time)
        router = Router({"me": AlertLevel.INFO}, default=("me",))
        clock = {"now": lambda: self.time, "monotonic": lambda: self.time}
        self.pipeline = Pipeline(by, router, self.store, self.heard, host="here", **clock)
        self.follower = Follower(
            [Source(str(folder))], self.store.checkpoints(), clock=self, notice=lambda notice: None
        )

    def monotonic(self) -> float:
        return self.time

    def write(self, *losses: float, name: str = "a.jsonl") -> None:
        with open(self.folder / name, "a") as file:
            for loss in losses:
                file.write(json.dumps({"step": next(self.steps), "_timestamp": self.time, "loss": loss}) + "\n")
                self.time += 1
        self.read()

    def read(self) -> None:
        self.time += 3
        self.follower.scan()
        for batch in self.follower.read():
            self.pipeline.process(batch)
        self.pipeline.commit()

    def edit(self, by: RuleSet) -> None:
        """The rules are others; every file is taken up again."""
        self.pipeline.set_rules(by)
        for batch in self.follower.idle():
            self.pipeline.wake_up(batch)

    def renew(self, slices: float = float("inf")) -> None:
        """So many slices of rebuilding, all that are needed if not given."""
        passed = count()
        self.pipeline.renew(lambda: next(passed) >= slices)

    def words(self) -> list[str]:
        out, self.heard.words = self.heard.words, []
        return out

    def close(self) -> None:
        self.follower.close()
        self.store.close()


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Callable[..., Following]]:
    made: list[Following] = []

    def make(*rows: str) -> Following:
        made.append(Following(tmp_path, rules(*rows)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_the_old_rule_judges_until_the_new_one_has_caught_up(following):
    home = following("{title: High, when: loss > 2, repeat: never}")
    home.write(*[1.0] * 2_000)
    home.edit(rules('{title: High, when: "mean(loss, 2000) > 1", repeat: never}'))
    home.renew(slices=1)
    home.write(3.0)  # not rebuilt yet
    assert home.words() == ["loss > 2: firing at 2001", "told firing of High to me"]
    home.renew()
    home.write(1.0)  # the new one fires, too, and is another condition: told once the wait of the title is over
    assert home.words() == []
    home.write(*[1.0] * 2_000)
    assert home.words() == ["told firing of High to me", "mean(loss, 2000) > 1: resolved at 4001"]


def test_what_is_found_firing_is_said_to_be_so_and_owed_one_message(following):
    home = following("{title: High, when: loss > 9}")
    home.write(*[3.0] * 10)
    home.edit(
        rules("{title: High, when: loss > 2}", "{title: New, when: loss > 1, for: 5}", "{title: Not, when: loss > 8}")
    )
    home.renew()
    assert home.words() == ["loss > 2: firing by rebuild at 10", "loss > 1: firing by rebuild at 10"]
    home.write(3.0)
    assert home.words() == ["told firing of High to me", "told firing of New to me"]


def test_what_a_changed_rule_no_longer_finds_is_closed_where_it_was_told(following):
    home = following("{title: High, when: loss > 2, resolved: true}", "{title: Gone, when: loss > 1, resolved: true}")
    home.write(*[3.0] * 3)
    home.words()
    home.edit(rules("{title: High, when: loss > 5, resolved: true}"))
    home.renew()
    home.read()
    home.pipeline.tick()
    assert sorted(home.words()) == ["loss > 2: closed at 3", "told closed of Gone to me", "told closed of High to me"]


def test_a_rule_whose_history_is_gone_begins_here(following):
    home = following("{title: High, when: loss > 9}")
    home.write(*[3.0] * 10)
    home.log.rename(home.folder / "moved")
    home.edit(rules("{title: High, when: loss > 2}"))
    home.renew()
    assert home.words() == ["no-history: a.jsonl: its first part is gone; new rules begin here"]


def test_the_smallest_file_is_done_first_and_each_goes_on_where_it_stands(following):
    home = following("{title: High, when: loss > 9}")
    home.write(*[3.0] * 3_000)
    home.write(3.0, name="b.jsonl")
    home.edit(rules("{title: High, when: loss > 2}"))
    home.renew(slices=2)
    assert home.words() == ["loss > 2: firing by rebuild at 3001"]
    home.write(3.0, 3.0)
    home.write(3.0, 3.0, name="b.jsonl")
    assert home.words() == ["told firing of High to me"]
    home.renew()
    assert home.words() == ["loss > 2: firing by rebuild at 3003"]


def test_a_reload_in_the_middle_begins_anew(following):
    home = following("{title: High, when: loss > 9}")
    home.write(*[3.0] * 3_000)
    home.edit(rules("{title: High, when: loss > 2}"))
    home.renew(slices=2)
    home.edit(rules("{title: High, when: loss > 2.5}"))
    home.renew()
    assert home.words() == ["loss > 2.5: firing by rebuild at 3000"]


def test_a_daemon_tells_what_an_edited_rule_finds(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: [{title: High, when: loss > 9, wait_duration: 1h}]\n")
    home.log("a.jsonl", *({"step": i, "loss": 3.0} for i in range(5_000)))
    with home.daemon() as daemon:
        daemon.until(lambda: home.counters().get("records", 0) == 5_000)
        home.rules.write_text("version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 1h}]\n")
        daemon.until(lambda: daemon.kinds("firing"))
        assert "as the log so far has it" in daemon.kinds("firing")[0]["text"]
        home.log("a.jsonl", {"step": 5_000, "loss": 3.0})
        daemon.until(lambda: daemon.titles() == ["High"])
