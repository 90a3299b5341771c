"""Skimming quiet lines comes to what judging each of them comes to: the same transitions, messages and state, however lines are cut."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walert.dispatch.desk import Desk, Place
from walert.model import AlertLevel, BadLine, Rule, Run, Source
from walert.pipeline.logs import LogFile
from walert.pipeline.replay import Replay
from walert.pipeline.session import Judged, open_session
from walert.rules.plan import RuleSet

CONDITIONS = [
    "x > 0.8", "x < 0.1 or y > 0.95", "0.2 < x < 0.3", "x == y", "x != y", "not x > 0.5", "x > y", "val > 1.5 * x", "val > 0.5 and x > 0.5",
    "isnan(x)", "not isfinite(x)", "isnan(x) or isnan(y)", "isinf(y)", "x / y > 2", "x // y > 3 or x % y > 0.5", "x ** y > 0.9",
    "log(x) < -3", "max(x, y) > 0.9", "mean(x, 3) > 0.7", "std(x, 4) > 0.3", "x > 1.5 * mean(x, 5)", "zscore(x, 4) > 2", "mad_z(y, 5) > 3",
    "median(x, 4) > 0.6", "quantile(x, 5, 0.9) > 0.9", "min_over(x, 3) > 0.5", "max_over(y, 3) < 0.5", "ema(x, 3) > 0.6", "prev(x) > x + 0.7",
    'mean(x, "5 steps") > 0.6', 'count(x, "20s") > 6', 'since_best(x, "min") > 5', "best_max(y) > 0.9", "first(x) > x", "slope(x, 4) > 0.1",
    "frac(x > 0.5, 4) >= 0.75", "streak(x > 0.4) > 2", "frac(mean(x, 2) > 0.5, 3) > 0.5 or y > 0.9", "streak(x > y) > 2 and val < 0.5",
    "x > last(val)", "last(x) > 0.9", "seen(val)", "not seen(val) and step > 3", "step > 20",
    "epoch > 2", "attempt > 1",
    'absent(val, "5 steps")',
    "(x if y > 0.5 else val) > 0.8", "x > 0.9 if y > 0.5 else x < 0.1", "age_steps(val) > 4", "age_steps(x) > 1", "loss > 0.9",
    "mean(loss, 3) > 0.7",
    "rate(x, 3) > 0", "delta(x, 3) > 0.5", "pct_change(x, 3) > 1", "x > 0.5 and not (y > 0.5 or val > 0.5)", "val > mean(x, 3)",
    "(mean(x, 3) > 0.5 and y > 0.5) or val > 0.9", "x >= 1", "1 <= x", "y <= 0", "x > inf", "x > -inf and y > 0.9",
]  # fmt: skip
TIMED = [
    "age(val) > 20",
    'absent(val, "30s")',
    'stalled("15s")',
    "run_age > 60",
    'stalled("15s") or x > 0.9',
    "run_age > 30 and x > 0.9",
]
NAMES = ["x", "y", "val", "other", "train/loss", "loss"]
RUN = Run("id", "run")


@st.composite
def rule(draw, conditions):
    return {
        "when": draw(st.sampled_from(conditions)),
        "clear": draw(st.sampled_from([None, None, None, *CONDITIONS])),
        "for_": draw(st.sampled_from([None, None, "2", "3", "5 steps", "20s", "2 of 3", "3 of 5"])),
        "keep_firing_for": draw(st.sampled_from([None, None, "2", "4 steps"])),
        "repeat": draw(st.sampled_from(["backoff", "always", "never"])),
        "wait_duration": draw(st.sampled_from([0.0, 10.0, 60.0, 300.0])),
        "group": draw(st.sampled_from([None, None, "g"])),
        "level": draw(st.sampled_from(list(AlertLevel))),
        "title": draw(st.sampled_from(["A", "B", "C", "D"])),
        "text": draw(st.sampled_from([None, "x is {x} and other {other}"])),
    }


def made(rows):
    return RuleSet(
        [
            Rule(file="r.yaml", line=i, aliases={"loss": ("train/loss", "*/loss", "loss")}, **row)
            for i, row in enumerate(rows)
        ]
    )


def stream(seed, count, odd):
    """Lines of a few shapes that change now and then; of a hundred lines about `odd` are out of the way."""
    chance = random.Random(seed)
    names, step, time = ["x", "y"], 0, 1.7e9
    spread, level, alternates = chance.choice([(1.0, 0.0), (0.2, 0.4)]), chance.random(), chance.random() < 0.2
    numbered, clocked, whole = chance.random() < 0.8, chance.random() < 0.8, chance.random() < 0.3
    spiky = chance.choice([0, 0, 0.02])
    lines = []
    for _ in range(count):
        if chance.random() < 0.02:
            names = chance.sample(NAMES, chance.randint(1, 4))
        if alternates:
            names = ["val"] if names == ["x", "y"] else ["x", "y"]
        step, time = step + 1, time + chance.choice([1, 1, 1, 5] if chance.random() < 0.98 else [0, 16, 40, -3])
        row = {name: chance.random() * spread[0] + spread[1] for name in names}
        if chance.random() < spiky:
            row[chance.choice(names)] = chance.choice([1e9, -1e9, 1e200, 5e-324, 1.7e308])
        if whole:
            row = {name: int(value * 3) if abs(value) < 1e15 else value for name, value in row.items()}
        if chance.random() < 0.02:
            level = chance.random()
        if level < 0.3:
            row[names[0]] = math.nan
        row |= {"step": step} if numbered else {}
        row |= {"_timestamp": time} if clocked else {}
        row |= {"epoch": step / 10} if numbered and whole else {}
        lines.append(_odd(chance, row, names[0]) if chance.random() * 100 < odd else json.dumps(row))
        if numbered and chance.random() < 0.005:
            step = chance.randint(0, step)
    return [line.encode() for line in lines]


def _odd(chance, row, name):
    match chance.randint(0, 11):
        case 0:
            row[name] = math.nan
        case 1:
            row[name] = None
        case 2:
            row[name] = chance.choice([math.inf, -math.inf])
        case 3:
            row[name] = chance.choice(["NaN", "text", "-inf", True])
        case 4:
            del row[name]
        case 5:
            row = {"_walert": {"event": chance.choice(["start", "heartbeat"])}}
        case 6:
            row["_walert"] = {"event": "finish", "state": "finished"}
        case 7:
            row = {"_walert": {"event": "alert", "title": "A", "text": "t", "level": "WARN"}}
        case 8:
            return chance.choice(["", "{", "[1]", "null", '{"x": 1}}', '{"x": 1} {"y": 2}'])
        case 9:
            row["new"] = {"deep": 1.0}
        case 10:
            row.pop("_timestamp", None)
        case 11:
            row["step"] = chance.choice([0, 1, "3/10", None, 2.5, -1, 1e300])
    return json.dumps(row)


def session(rules):
    return open_session(
        Source("/logs"), RUN, "/logs/a.jsonl", rules, Desk(RUN, lambda alert, own: own), Place("s", "a", "a", "h", None)
    )


def shown(judged):
    return (
        judged
        if isinstance(judged, BadLine)
        else (judged.record.line, told(judged.transitions), told(judged.said), bool(judged.record.event))
    )


def told(values):
    return repr([value for value in values if getattr(value, "happening", None) != "confirmed"])


def one_by_one(kept, lines, arrival):
    out, offset = [], 0
    for number, data in enumerate(lines, 1):
        judged = kept.line(data, number, offset, arrival)
        if judged is not None:
            out.append(shown(judged))
        offset += len(data) + 1
    return out


def in_chunks(kept, lines, arrival, cuts):
    out, offset = [], 0
    for begin, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
        chunk = lines[begin:end]
        out += [shown(j) for j in kept.lines(chunk, begin + 1, offset, arrival) if isinstance(j, Judged | BadLine)]
        offset += sum(map(len, chunk)) + len(chunk)
    return out


def state(kept):
    return repr(
        (
            kept.fold.dump(),
            kept.decoder.state(),
            kept.dump(),
            kept.counts,
            kept.desk.suppressed,
            {k: c.dump() for k, c in kept.desk.cooldowns.items()},
        )
    )


def speaks(row):
    return isinstance(row, BadLine) or row[1] != "[]" or row[2] != "[]" or row[3]


def check(rows, lines, arrival, cuts):
    rules = made(rows)
    reference, fast = session(rules), session(rules)
    expected = [row for row in one_by_one(reference, lines, arrival) if speaks(row)]
    assert [row for row in in_chunks(fast, lines, arrival, cuts) if speaks(row)] == expected
    assert state(fast) == state(reference)
    return fast.skimmer.skimmed


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(rule(CONDITIONS), min_size=1, max_size=6),
    seed=st.integers(0, 10**9),
    odd=st.sampled_from([0, 1, 5, 30]),
    arrival=st.sampled_from([None, 1.7e9 + 50]),
    cuts=st.lists(st.integers(0, 300), max_size=6).map(sorted),
)
def test_skimming_is_judging(rows, seed, odd, arrival, cuts):
    check(rows, stream(seed, 300, odd), arrival, cuts)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(rule([*TIMED, *CONDITIONS[:5]]), min_size=1, max_size=4),
    seed=st.integers(0, 10**9),
    odd=st.sampled_from([0, 5]),
)
def test_what_falls_due_falls_due_all_the_same(rows, seed, odd):
    check(rows, stream(seed, 200, odd), None, [])


@pytest.mark.parametrize("odd", [0, 1])
def test_plain_lines_are_skimmed(odd):
    rows = [
        {"title": "T", "when": when}
        for when in ("x > 10", "mean(x, 20) > 10 or y < -1", "zscore(y, 50) > 50", "frac(x > 10, 9) > 0.5")
    ]
    lines = [
        json.dumps({"step": i, "_timestamp": 1.7e9 + i, "x": random.random(), "y": random.random()}).encode()
        for i in range(1000)
    ]
    if odd:
        lines[500::100] = [b'{"step": 7}'] * 5
    assert check(rows, lines, None, [400]) > 950


VALUES = {
    "random": lambda i: random.Random(i).random(),
    "falling": lambda i: 10.0 ** (150 - 300 * i / 1500),
    "huge": lambda i: random.Random(i).choice([1e200, -1e200, 1e-200]),
    "huge at times": lambda i: random.Random(i).random() * (1e200 if i // 300 % 2 else 1.0),
}


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("piece", [7, 1500])
def test_windows_shorter_and_longer_than_a_batch_hold_what_they_would(values, piece):
    functions = (
        "mean",
        "std",
        "sum_over",
        "median",
        "min_over",
        "max_over",
        "delta",
        "pct_change",
        "slope",
        "zscore",
        "mad_z",
    )
    rows = [
        {"title": f"{function} {width}", "when": f"{function}({name}, {width}) > 1e308"}
        for function, name, width in [
            *((f, "x", w) for f in functions for w in (20, 120)), ("mean", "y", 1050), ("slope", "y", 1050), ("count", "z", 50),
            ("mean", "u", 40), ("rate", "u", 60),
        ]
    ]  # fmt: skip
    rows += [{"title": "prev", "when": "prev(x, 30) > 1e308"}, {"title": "q", "when": "quantile(x, 120, 0.9) > 1e308"}]
    lines = [
        json.dumps({"step": i, "_timestamp": 1.7e9 + i, **dict.fromkeys("xyzu", VALUES[values](i))}).encode()
        for i in range(1500)
    ]
    assert check(rows, lines, None, list(range(piece, 1500, piece))) > 500


def test_what_only_time_changes_is_skimmed_between_its_moments():
    rows = [
        {"title": when, "when": when}
        for when in ('stalled("15m")', 'absent(val, "10m")', "age(x) > 100", "run_age > 300 and not run_age > 400")
    ]
    lines = [
        json.dumps({"step": i, "_timestamp": 1.7e9 + i, "x" if i < 500 else "y": 1.0}).encode() for i in range(1000)
    ]
    assert check(rows, lines, None, []) > 900


def test_a_rule_that_goes_on_firing_is_skimmed_between_its_messages():
    rows = [{"title": "T", "when": "isnan(x)", "wait_duration": 100.0}]
    lines = [json.dumps({"step": i, "_timestamp": 1.7e9 + i, "x": math.nan}).encode() for i in range(1000)]
    assert check(rows, lines, None, []) > 900


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_that_skims_tells_and_counts_what_one_that_judges_each_line_does(seed, tmp_path):
    log = tmp_path / "metrics.jsonl"
    log.write_bytes(b"\n".join(stream(seed, 2000, 1)) + b"\n")
    file = LogFile(str(log), "metrics.jsonl", str(tmp_path), Source(str(tmp_path)))
    rows = [
        {"title": t, "when": w, "wait_duration": 60.0}
        for t, w in (("A", "isnan(x)"), ("A", "x > 0.5"), ("B", "mean(y, 9) > 0.4"))
    ]
    skimming, judging = Replay(made(rows), [file]), Replay(made(rows), [file], on_judged=lambda session, judged: None)
    assert list(skimming.happenings()) == list(judging.happenings())
    assert (skimming.totals, skimming.held) == (judging.totals, judging.held)
