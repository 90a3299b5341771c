"""How well the packs find what goes wrong: labelled runs judged by the fold that judges real ones, and the figures of it.

    python tests/bench/detection.py                      # 1,000 whole runs, 10 of each style of logging, 40 of each fault
    python tests/bench/detection.py --cases DIR          # real logs beside a truth.json that describes them

A failure is found when a rule of the level that is due fires; how late is counted in records from the one at which it could be known.
A false alarm is a rule that fires at WARN or ERROR on a run that deserves none. Intervals are Wilson's, at 95 %.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing import Pool as make_pool
from multiprocessing.pool import Pool
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the matrices are tiny: threads would only wait for each other
sys.path.insert(0, str(Path(__file__).parent))

from labelled_kinds import HEALTHY, KINDS, RUINED, TROUBLED, WRONG, make
from labelled_runs import LabelledRun, Row
from labelled_styles import STYLES, styled

from walert.dispatch.desk import Desk, Place, Told
from walert.model import AlertLevel, Happening, Record, Rule, Run, Source
from walert.pipeline.logs import LogFile
from walert.pipeline.replay import Replay
from walert.pipeline.session import open_session
from walert.resources import pack_path
from walert.rules.load import load_rules
from walert.rules.plan import RuleSet

PACKS = ("training", "rl", "boosting")
SILENT = ("healthy", "styles")  # sorts of runs of which nothing is to be told
RANK = {"INFO": 0, "WARN": 1, "ERROR": 2}


@dataclass
class Heard:
    """What was told of a run: (row, level, title) of each firing, and the messages of each level."""

    firing: list[tuple[int, str, str]] = field(default_factory=list)
    messages: Counter[str] = field(default_factory=Counter)

    def first(self, level: str, since: int = 0) -> int | None:
        """The first row at which a rule of this level or above fires."""
        return next((row for row, of, _ in self.firing if RANK[of] >= RANK[level] and row >= since), None)

    def has(self, level: str) -> bool:
        """Whether a rule of exactly this level fires."""
        return any(of == level for _, of, _ in self.firing)


def rules_of(packs: Sequence[str]) -> RuleSet:
    """The rules of these packs, compiled."""
    paths = [pack_path(name) for name in packs]
    return RuleSet([rule for path in paths for rule in load_rules(path.read_bytes(), str(path)).rules])


def judge(rules: RuleSet, rows: Iterable[Row]) -> Heard:
    """Fold a run and let its desk speak."""
    run = Run("bench", "bench")
    place = Place("bench", "bench.jsonl", "bench.jsonl", "head", clock=None)
    session = open_session(Source("/"), run, "bench.jsonl", rules, Desk(run, lambda alert, own: ("r",)), place)
    heard = Heard()
    for record in records(rows):
        judged = session.record(record, None)
        for transition in judged.transitions:
            if transition.happening is Happening.FIRING:
                heard.firing.append((record.line, str(transition.rule.level), transition.rule.title))
        heard.messages.update(str(said.alert.level) for said in judged.said if isinstance(said, Told))
    return heard


def records(rows: Iterable[Row]) -> Iterator[Record]:
    """Rows as the decoder would hand them on."""
    for i, row in enumerate(rows, 1):
        metrics = {k: v for k, v in row.items() if k not in ("step", "time", "time/total_timesteps")}
        yield Record(i, i * 100, row["step"], True, row["time"], None, metrics, None)


# --- figures


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, hits / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - half) / (1 + z * z / of)), min(1.0, (middle + half) / (1 + z * z / of))


@dataclass
class Tally:
    """One kind of run, counted."""

    runs: int = 0
    found: int = 0
    due: int = 0
    late: list[int] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    messages: int = 0
    titles: Counter[str] = field(default_factory=Counter)
    missed: list[int] = field(default_factory=list)
    alarmed: list[int] = field(default_factory=list)

    def add(self, run: LabelledRun, heard: Heard) -> None:
        """Count a run."""
        self.runs += 1
        self.errors += heard.has("ERROR")
        self.warnings += heard.has("WARN")
        self.infos += heard.has("INFO")
        self.messages += sum(heard.messages.values())
        self.titles.update({title for _, _, title in heard.firing})
        if run.due is None:
            if heard.first("WARN") is not None:
                self.alarmed.append(run.seed)
            return
        self.due += 1
        row = heard.first(run.due)
        if row is None:
            self.missed.append(run.seed)
        else:
            self.found += 1
            self.late.append(run.late(row))


def share(hits: int, of: int) -> str:
    """`12/40 (17–46 %)`."""
    low, high = wilson(hits, of)
    return f"{hits}/{of} ({100 * low:.1f}–{100 * high:.1f} %)"


def row_of(kind: str, tally: Tally) -> str:
    """A line of the table."""
    late = f"{statistics.median(tally.late):g} / {max(tally.late)}" if tally.late else "–"
    found = share(tally.found, tally.due) if tally.due else "–"
    told = f"{tally.errors} / {tally.warnings} / {tally.infos}"
    return f"| {kind} | {tally.runs} | {found} | {late} | {told} | {tally.messages / max(tally.runs, 1):.2f} |"


HEADER = "| runs | number | found | late: median / most | with an ERROR / WARN / INFO | messages a run |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Bench:
    """Makes and judges runs, in this process or in several; `packs` are compiled once in each."""

    packs: tuple[str, ...]

    def one(self, kind: str, seed: int) -> tuple[LabelledRun, Heard]:
        """A run and what was told of it."""
        run = styled(kind, seed) if kind in STYLES else make(kind, seed)
        return run, judge(compiled(self.packs), run.rows)


@functools.cache
def compiled(packs: tuple[str, ...]) -> RuleSet:
    return rules_of(packs)


def measure(bench: Bench, kinds: Iterable[str], seeds: range, pool: Pool | None, verbose: bool) -> dict[str, Tally]:
    """Make and judge a run of each kind for each seed."""
    tallies: dict[str, Tally] = {}
    for kind in kinds:
        tally = tallies[kind] = Tally()
        jobs = [(kind, seed) for seed in seeds]
        for run, heard in pool.starmap(bench.one, jobs, 8) if pool else (bench.one(*job) for job in jobs):
            tally.add(run, heard)
            if verbose and (run.due is not None or heard.firing):
                at = f"due {run.due} from {run.knowable} of {len(run.rows)}"
                print(f"  {kind} {run.seed}: {at}: {heard.firing}", file=sys.stderr)
        if kind not in STYLES or tally.alarmed:  # forty silent rows would tell nothing
            print(row_of(kind, tally), flush=True)
    return tallies


def summary(name: str, tallies: Iterable[Tally]) -> None:
    """What the kinds of one sort come to together."""
    total = Tally()
    for tally in tallies:
        for key in ("runs", "found", "due", "errors", "warnings", "infos", "messages"):
            setattr(total, key, getattr(total, key) + getattr(tally, key))
        total.late += tally.late
        total.alarmed += tally.alarmed
    print(row_of(f"**{name}**", total))
    if name in SILENT:
        print(f"a WARN or ERROR on {share(len(total.alarmed), total.runs)} of {name}", file=sys.stderr)


# --- how long to wait


def curve(count: int, seed: int) -> None:
    """What persistence buys: one bare rule with the minimum over n samples, on runs that are whole, that recover and that diverge."""
    runs = {
        kind: [make(kind, i) for i in range(seed, seed + count)]
        for kind in ("healthy", "cosine restarts", "recovered", "diverges")
    }
    print(
        "| n | factor | on healthy | on restarts | on recovered | diverging found | late: median / most |\n|---|---|---|---|---|---|---|"
    )
    for factor in (1.5, 2.0, 3.0):
        for n in (2, 5, 10, 20, 40):
            when = f"min_over(loss, {n}) > {factor} * median(loss, 100, min={2 * n}) and median(loss, 100, min={2 * n}) > 0"
            print(point(n, factor, when, runs), flush=True)


def point(n: int, factor: float, when: str, runs: dict[str, list[LabelledRun]]) -> str:
    """A line of the curve."""
    aliases = rules_of(["training"]).rules[0].aliases
    rules = RuleSet([Rule("T", when, "curve", 1, level=AlertLevel.ERROR, aliases=aliases)])
    tallies = {kind: Tally() for kind in runs}
    for kind, each in runs.items():
        for run in each:
            tallies[kind].add(run, judge(rules, run.rows))
    alarms = " | ".join(f"{tallies[k].errors}/{tallies[k].runs}" for k in ("healthy", "cosine restarts", "recovered"))
    late = tallies["diverges"].late
    told = f"{statistics.median(late):g} / {max(late)}" if late else "–"
    return f"| {n} | {factor:g} | {alarms} | {len(late)}/{tallies['diverges'].runs} | {told} |"


# --- real logs


def cases(rules: RuleSet, folder: Path) -> None:
    """Judge the logs that `truth.json` describes."""
    print("| log | first not finite | loss risen | frozen from | best validation | told |\n|---|---|---|---|---|---|")
    for truth in json.loads((folder / "truth.json").read_text(encoding="utf-8")):
        path = str(folder / truth["file"])
        replay = Replay(rules, [LogFile(path, path, str(folder), Source(path))])
        rows = list(replay.happenings())
        told = [f"{r['line']} {r['level']} {r['title']}" for r in rows if r["happening"] == "firing"]
        messages = sum(r["happening"] == "message" for r in rows)
        lost = [truth.get(k) for k in ("first_nan_line", "first_inf_line", "first_null_or_text_line") if truth.get(k)]
        facts = (
            min(lost, default="–"),
            *(truth.get(k, "–") for k in ("first_ma20_gt_3x_its_min_line", "constant_tail_from_line", "best_val_line")),
        )
        print(
            f"| {truth['file']} | {' | '.join(map(str, facts))} | {'; '.join(told) or 'nothing'} ({messages} messages) |"
        )


def main() -> int:
    """Print the tables; exit code 0 when no healthy run heard a WARN or ERROR and no ruined one was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--healthy", type=int, default=1000, help="whole runs, over all kinds of them (default: 1000)")
    parser.add_argument("--faulty", type=int, default=40, help="runs of each fault (default: 40)")
    parser.add_argument("--styled", type=int, default=10, help="runs of each style of logging (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; run i of a kind has seed + i (default: 0)")
    parser.add_argument(
        "--pack", action="append", help=f"a pack to judge by; may be repeated (default: {', '.join(PACKS)})"
    )
    parser.add_argument(
        "--kind", action="append", choices=sorted(KINDS | STYLES), help="only this kind of run; may be repeated"
    )
    parser.add_argument("--cases", type=Path, help="a folder of real logs with a truth.json: judge these instead")
    parser.add_argument(
        "--curve", type=int, metavar="N", help="what persistence buys, on N runs of four kinds, instead"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--verbose", action="store_true", help="what fired on each run, on stderr")
    args = parser.parse_args()
    packs = tuple(args.pack or PACKS)
    if args.cases:
        cases(compiled(packs), args.cases)
        return 0
    if args.curve:
        curve(args.curve, args.seed)
        return 0
    print(f"packs {', '.join(packs)}: {len(compiled(packs).rules)} rules; seeds from {args.seed} on\n\n{HEADER}")
    began = time.monotonic()
    with make_pool(args.jobs) if args.jobs > 1 else nullcontext() as pool:
        failed = [sort(args, Bench(packs), pool, *each) for each in sorts(args)]
    print(f"\n{time.monotonic() - began:.0f} s")
    return 1 if any(failed) else 0


def sorts(args: argparse.Namespace) -> Iterator[tuple[str, list[str], int]]:
    """(what sort of runs, its kinds, how many of each)."""
    whole = max(1, math.ceil(args.healthy / len(HEALTHY)))
    for name, kinds, count in (
        ("healthy", list(HEALTHY), whole),
        ("styles", list(STYLES), args.styled),
        ("troubled", list(TROUBLED), args.faulty),
        ("ruined", list(RUINED), args.faulty),
        ("wrong", list(WRONG), args.faulty),
    ):
        chosen = [kind for kind in kinds if not args.kind or kind in args.kind]
        if chosen and count:
            yield name, chosen, count


def sort(args: argparse.Namespace, bench: Bench, pool: Pool | None, name: str, kinds: list[str], count: int) -> bool:
    """One sort of runs; whether it was judged wrongly where that must not be."""
    tallies = measure(bench, kinds, range(args.seed, args.seed + count), pool, args.verbose)
    summary(name, tallies.values())
    for kind, tally in tallies.items():
        if tally.titles:
            print(f"{kind}: {dict(tally.titles)}; missed {tally.missed}, alarmed {tally.alarmed}", file=sys.stderr)
    lost = name == "ruined" and any(t.missed for t in tallies.values())
    return lost or (name in SILENT and any(t.alarmed for t in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
