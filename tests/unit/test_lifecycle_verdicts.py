"""How processes and runs stand, decided from values: no process, no clock, no file."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from walert.pipeline.lifecycle.member import OVER, Facts, Member, started
from walert.pipeline.lifecycle.verdict import Limits, Sight, Verdict, standing, verdict
from walert.pipeline.lifecycle.words import kind_of, text_of

LIMITS = Limits(stalled=900, lost=300, timeout=86_400)
LIVES = Sight(gone=False, silent=1, unseen=1)
HERE = Member("s", "/r/metrics.jsonl", facts=Facts("h", 7, 1, "b", 2), beats=30, time=100.0, step=5.0)


@pytest.mark.parametrize(
    ("member", "sight", "state"),
    [
        (HERE, LIVES, "running"),
        (HERE, LIVES._replace(gone=True), "crashed"),
        (HERE, LIVES._replace(silent=900), "running"),
        (HERE, LIVES._replace(silent=901), "stalled"),
        (replace(HERE, gaps=(120.0,)), LIVES._replace(silent=1200), "running"),
        (replace(HERE, gaps=(120.0,)), LIVES._replace(silent=1201), "stalled"),
        (HERE, LIVES._replace(unseen=10_000), "running"),  # its pid is seen, whatever the heartbeat does
        (HERE, Sight(None, 1, 301), "lost"),
        (HERE, Sight(None, 1, 300), "running"),
        (replace(HERE, beats=600), Sight(None, 1, 1200), "running"),
        (replace(HERE, beats=None), Sight(None, 100, 10_000), "running"),
        (replace(HERE, beats=None, ad_hoc=True), Sight(None, 86_401, 86_401), "finished"),
        (replace(HERE, ad_hoc=True), LIVES._replace(silent=5000), "running"),
        (replace(HERE, boss=True, time=None), LIVES._replace(silent=5000), "running"),
        (replace(HERE, foreign=True), LIVES._replace(gone=None, silent=5000, unseen=5000), "running"),
        (replace(HERE, foreign=True), Sight(None, 86_401, 86_401), "finished"),
        (replace(HERE, state="lost"), LIVES, "running"),
        (replace(HERE, state="stalled"), LIVES, "running"),
        (replace(HERE, state="finished"), LIVES._replace(gone=True), "finished"),
    ],
)
def test_a_process_stands_as_it_is_seen(member: Member, sight: Sight, state: str) -> None:
    assert standing(member, sight, LIMITS) == state


def test_a_foreign_log_can_stall_when_asked_for() -> None:
    foreign = replace(HERE, foreign=True, facts=HERE.facts._replace(pid=None))
    assert standing(foreign, Sight(None, 901, 901), LIMITS._replace(foreign=True)) == "stalled"


def of(*states: str, **all_of_them: object) -> list[Member]:
    return [replace(HERE, stream=str(n), rank=n, state=state, **all_of_them) for n, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "state", "ranks"),
    [
        (("running",), "running", [0]),
        (("finished", "running"), "running", [1]),
        (("finished", "finished"), "finished", [0, 1]),
        (("finished", "failed", "running"), "failed", [1]),
        (("crashed", "preempted"), "preempted", [1]),
        (("crashed", "lost"), "crashed", [0]),
        (("stalled", "running", "stalled"), "stalled", [0, 2]),
        (("stalled", "finished"), "stalled", [0]),
        (("lost", "stalled"), "lost", [0]),
    ],
)
def test_the_worst_rank_makes_the_run(states: tuple[str, ...], state: str, ranks: list[int]) -> None:
    found = verdict(of(*states))
    assert (found.state, [m.rank for m in found.by]) == (state, ranks)


def test_the_order_of_members_is_no_matter() -> None:
    members = of("failed", "crashed", "running", "finished", "stalled", "lost")
    assert {verdict(order).state for order in itertools.permutations(members)} == {"failed"}


def test_a_rank_that_never_logs_is_not_silent_beside_one_that_does() -> None:
    first, other = of("running", "stalled")
    assert verdict([first, replace(other, time=None)]).state == "running"
    assert verdict([replace(first, state="finished"), replace(other, time=None)]).state == "running"
    assert verdict([replace(m, time=None, state="stalled") for m in (first, other)]).state == "stalled"


def test_only_the_newest_attempt_and_the_ranks_themselves_vote() -> None:
    old, new = of("crashed", "running")
    assert verdict([old, replace(new, attempt=1)]).state == "running"
    helper = replace(old, rank=-1)
    assert verdict([helper, replace(new, state="finished")]).state == "finished"


@pytest.mark.parametrize(
    ("boss", "rank", "state"),
    [
        ("running", "failed", "running"),  # it may be started again: the end of the command counts
        ("running", "stalled", "stalled"),
        ("failed", "running", "failed"),
        ("finished", "crashed", "finished"),
        ("crashed", "running", "running"),
        ("crashed", "finished", "crashed"),
        ("lost", "stalled", "stalled"),
    ],
)
def test_walert_run_knows_how_its_command_ended(boss: str, rank: str, state: str) -> None:
    member, other = of(boss, rank)
    assert verdict([replace(member, boss=True), replace(other, rank=0)]).state == state


def test_a_member_outlives_the_state_file() -> None:
    member = replace(HERE, gaps=(1.0, 2.0), end={"exit_code": 3}, state="failed", boss=True, attempt=4)
    assert Member.load(member.dump()) == member
    assert Member.load(member.dump() | {"of_a_newer_walert": 1}) == member


def test_a_hostile_start_record_makes_a_member_all_the_same() -> None:
    event = {
        "rank": "x", "world_size": None, "pid": 1.5, "host": ["h"], "boot_id": {}, "heartbeat": float("inf"), "attempt": True, "jupyter": 1
    }  # fmt: skip
    assert started("s", "p", event, 1.0, False) == Member("s", "p", quiet_since=1.0)


def test_the_median_of_the_gaps_is_the_pace() -> None:
    member = replace(HERE, time=None)
    for time in (0.0, 10.0, 20.0, 400.0, 410.0):
        member = member.heard(1, time, 1.0, time)
    assert (member.gaps, member.gap) == ((10.0, 10.0, 380.0, 10.0), 10.0)
    assert member.heard(4, 450.0, 2.0, 450.0).gaps[-1] == 10.0


# --- words


def said(members: list[Member], silent: float = 0.0) -> str:
    found = verdict(members)
    return text_of(str(kind_of(found)), found, members, silent)


def test_what_is_told_of_each_end() -> None:
    assert said(of("crashed")) == "The process is gone without a word (pid 7 on h). Its last step was 5."
    ranks = said(of("running", "crashed", "crashed", world=4))
    assert ranks == "ranks 1, 2 of 4 are gone without a word (on h). Its last step was 5."
    assert said(of("lost"), 400) == "No sign of life for 6m40s (pid 7 on h). Its last step was 5."
    stalled = said(of("running", "stalled", gaps=(2.0,), world=2), 1000)
    assert (
        stalled == "No line of rank 1 of 2 for 16m40s, where one came every 2s; the process lives. Its last step was 5."
    )
    assert said(of("finished")) == "The last step was 5."
    assert said(of("failed", end={"exit_code": 3})) == "exit code 3\nThe last step was 5."


def test_data_in_the_words_can_mention_nobody() -> None:
    member = of("failed", end={"error": "<!here> & <@U1>", "stderr": "<!channel>"})[0]
    assert "<" not in said([replace(member, facts=member.facts._replace(host="<!here>"))])


def test_a_run_far_from_its_plan_finished_early() -> None:
    early = of("finished", end={"planned": 1000, "reached": 312, "unit": "steps"})
    assert (kind_of(verdict(early)), said(early)) == ("finished_early", "Step 312 of 1000.")
    late = of("finished", end={"planned": 1000, "reached": 800})
    assert kind_of(verdict(late)) == "finished"
    assert kind_of(verdict(of("finished", end={"planned": "many", "reached": 1}))) == "finished"
    assert kind_of(Verdict("running", ())) is None
    assert {"finished", "failed", "preempted", "crashed"} == OVER
