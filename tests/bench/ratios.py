"""What judging costs, in ratios taken in one run: `make bench`. Prints each with its target; see README.md here.

    python tests/bench/ratios.py [--lines N] [--only WORD]

Times are the processor's, the least of several interleaved rounds; whole commands are measured from start to end.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from walert.dispatch.desk import Desk, Place
from walert.model import Rule, Run, Source
from walert.pipeline.session import Session, open_session
from walert.rules.plan import RuleSet
from walert.rules.windows import Shelf

ROUNDS = 5
LONG = 5  # times as many lines for whole commands
BATCH = 2_400  # lines: what a replay reads at once
METRICS = (
    "train/loss", "train/grad_norm", "train/lr", "train/acc", "perf/tokens_per_s", "perf/step_ms", "gpu/util", "gpu/mem_gb", "aux/kl",
    "aux/entropy", "aux/clip",
)  # fmt: skip
THRESHOLDS = [f"{name} > 100" for name in METRICS] + [f"{name} < -1" for name in METRICS[:9]]
WINDOWS = [
    "mean(train/loss, 100) > 10", "train/loss > 3 * mean(train/loss, 500) + 100", "zscore(train/loss, 100) > 30", "ema(train/loss, 50) > 20",
    "std(train/grad_norm, 50) > 10", "mean(train/grad_norm, 100) > 50", "max_over(train/grad_norm, 200) > 50", "min_over(train/acc, 100) < -1",
    "mean(train/acc, 50) < -1", "median(perf/step_ms, 100) > 50", "mean(perf/tokens_per_s, 200) < -1", "std(aux/kl, 100) > 10",
]  # fmt: skip
MIXED = THRESHOLDS[:8] + WINDOWS
Loop = Callable[[], object]


# --- what is measured


def line(step: int, row: dict[str, float]) -> bytes:
    """A line of a training log, about 420 bytes."""
    return json.dumps({"_step": step, "_timestamp": 1.7325e9 + step * 0.731, **row}).encode()


def logged(count: int, nan: bool = False) -> list[bytes]:
    """Lines of a healthy run; with `nan`, of one whose loss is not a number in any of them."""
    chance = random.Random(2)
    rows: list[dict[str, float]] = [{name: chance.random() * 3 for name in METRICS} for _ in range(count)]
    if nan:
        for row in rows:
            row["train/loss"] = math.nan
    return [line(i, row) for i, row in enumerate(rows)]


def rules(conditions: list[str]) -> RuleSet:
    """A rule a condition."""
    return RuleSet([Rule(title=f"Rule {i}", when=when, file="rules.yaml", line=i) for i, when in enumerate(conditions)])


def session(compiled: RuleSet) -> Session:
    """A log being judged, with its desk."""
    run = Run("id", "run")
    place = Place("stream", "metrics.jsonl", "metrics.jsonl", "head", None)
    return open_session(Source("/logs"), run, "/logs/metrics.jsonl", compiled, Desk(run, lambda alert, own: own), place)


def judging(conditions: list[str], lines: list[bytes]) -> Loop:
    """Every line decoded, folded and handed to the desk, in batches, as replay and daemon do it."""
    compiled = rules(conditions)

    def loop() -> Session:
        judged, offset = session(compiled), 0
        for begin in range(0, len(lines), BATCH):
            batch = lines[begin : begin + BATCH]
            for _ in judged.lines(batch, begin + 1, offset, None):
                pass
            offset += sum(map(len, batch)) + len(batch)
        return judged

    return loop


def parsing(parse: Callable[[bytes], object], lines: list[bytes]) -> Loop:
    """Every line parsed, and nothing done with it."""

    def loop() -> None:
        for data in lines:
            parse(data)

    return loop


def seconds(*loops: Loop, rounds: int = ROUNDS) -> list[float]:
    """Processor seconds of each, the least of several rounds in which they take turns."""
    least = [math.inf] * len(loops)
    for _ in range(rounds):
        for i, loop in enumerate(loops):
            begin = time.process_time()
            loop()
            least[i] = min(least[i], time.process_time() - begin)
    return least


# --- the ratios


def against_parsers(lines: list[bytes]) -> Iterator[tuple[str, float, str]]:
    """The engine against reading the lines alone."""
    try:
        import orjson
    except ImportError:
        print("  orjson is not installed: left out")
        return
    fast, slow, simple, mixed = seconds(
        parsing(orjson.loads, lines), parsing(json.loads, lines), judging(THRESHOLDS, lines), judging(MIXED, lines)
    )
    print("  ns a line:", *(f"{name} {s / len(lines) * 1e9:,.0f}" for name, s in zip(
        ("orjson", "json", "20 thresholds", "20 rules with 12 windows"), (fast, slow, simple, mixed), strict=True)))  # fmt: skip
    yield "20 threshold rules / an orjson.loads loop", simple / fast, "<= 1.3"
    yield "20 rules with 12 windows / an orjson.loads loop", mixed / fast, "<= 5"
    yield "20 rules with 12 windows / a json.loads loop", mixed / slow, "<= 0.75"


def not_numbers(lines: list[bytes]) -> Iterator[tuple[str, float, str]]:
    """A run whose loss is NaN for good, and a rule that fires on it for good."""
    conditions = [*MIXED[1:], "isnan(train/loss)"]
    plain, nan = seconds(judging(conditions, lines), judging(conditions, logged(len(lines), nan=True)))
    yield "every line with a NaN / none", nan / plain, "<= 1.5"


def hostile_streams(count: int) -> dict[str, list[float]]:
    """Values chosen to make windows work: falls in size, spikes, order, ties, cancellation."""
    chance = random.Random(3)
    return {
        "falling": [10.0 ** (150 - 300 * i / count) for i in range(count)],
        "spikes": [1e8 if i % 997 == 0 else chance.random() for i in range(count)],
        "rising": [float(i) for i in range(count)],
        "sinking": [-float(i) for i in range(count)],
        "one and minus one": [(-1.0) ** i for i in range(count)],
        "the same": [1.0] * count,
        "huge and tiny": [chance.choice([1e300, 1e-300, -1e300]) for _ in range(count)],
    }


def hostile(lines: list[bytes]) -> Iterator[tuple[str, float, str]]:
    """A window of 20,000 samples, full, on hostile streams."""
    conditions = [f"{function}(x, 20000) > 1e308" for function in ("mean", "std", "max_over", "median", "slope")]
    count = 60_000
    chance = random.Random(4)
    streams = {"random": [chance.random() for _ in range(count)]} | hostile_streams(count)
    loops = [judging(conditions, [line(i, {"x": x}) for i, x in enumerate(xs)]) for xs in streams.values()]
    random_, *others = seconds(*loops, rounds=2)
    worst, name = max(zip(others, list(streams)[1:], strict=True))
    yield f"a window of 20,000, the worst stream ({name}) / a random one", worst / random_, "<= 2"


def state(lines: list[bytes]) -> Iterator[tuple[str, float, str]]:
    """What a further run costs in memory, its windows full."""
    loop = judging(MIXED, lines[:2000])
    loop()
    tracemalloc.start()
    kept = [loop() for _ in range(8)]
    size = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    yield "KiB of state a further run", size / 1024, "<= 64"


def reference(lines: list[bytes]) -> Iterator[tuple[str, float, str]]:
    """simpleeval on parsed lines, with the same windows, each condition parsed beforehand."""
    count = min(len(lines), 2_000)
    theirs, ours = seconds(simpleeval_loop(lines[:count]), judging(MIXED, lines[:count] * 5), rounds=3)
    yield "simpleeval with the same windows / the engine", theirs / (ours / 5), ">= 10"


def simpleeval_loop(lines: list[bytes]) -> Loop:
    """Metrics as names, windows as functions; nothing is latched and no state is kept."""
    from simpleeval import EvalWithCompoundTypes

    def loop() -> None:
        shelves = {name: Shelf() for name in METRICS}
        readers: dict[tuple[str, str, float], Callable[[], float | None]] = {}

        def window(function: str) -> Callable[[str, float], float]:
            def read(name: str, width: float) -> float:
                value = readers[function, name, width]()
                return math.nan if value is None else value

            return read

        functions = ("mean", "std", "zscore", "ema", "max_over", "min_over", "median")
        spelled = [condition.replace("/", "_") for condition in MIXED]
        for condition in WINDOWS:
            function, _, rest = condition[
                condition.index("mean" if "3 *" in condition else condition.split("(")[0]) :
            ].partition("(")
            name, _, width = rest.partition(")")[0].partition(", ")
            readers[function, name, float(width)] = shelves[name].reader(function, amount=float(width))
        names: dict[str, object] = {name.replace("/", "_"): 0.0 for name in METRICS}
        evaluator = EvalWithCompoundTypes(names=names, functions={f: window(f) for f in functions})
        for name in METRICS:  # as an argument of a window, a metric is its name
            spelled = [s.replace(f"({name.replace('/', '_')},", f"('{name}',") for s in spelled]
        parsed = [evaluator.parse(s) for s in spelled]
        for step, data in enumerate(lines):
            row = json.loads(data)
            for name in METRICS:
                names[name.replace("/", "_")] = row[name]
                shelves[name].push(row[name], step, None)
            for text, node in zip(spelled, parsed, strict=True):
                evaluator.eval(text, previously_parsed=node)

    return loop


# --- whole commands


def command_seconds(command: list[str], folder: Path, rounds: int = 3) -> float:
    """Processor seconds of a command from start to end, its children's included; its modules compiled before, as those of a package are."""
    least, environment = math.inf, os.environ | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environment
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def write_rules(path: Path, conditions: list[str]) -> None:
    """The conditions as a rule file."""
    entries = [{"title": f"Rule {i}", "when": when, "receivers": ["console"]} for i, when in enumerate(conditions)]
    path.write_text(json.dumps({"version": 1, "rules": entries}))


def commands(lines: list[bytes]) -> Iterator[tuple[str, float, str]]:
    """`walert replay` against jq, and `walertd --once` against an orjson loop."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "runs").mkdir()
        log = folder / "runs" / "metrics.jsonl"
        long = logged(len(lines) * LONG)
        log.write_bytes(b"\n".join(long) + b"\n")
        for name, conditions in (("20 threshold rules", THRESHOLDS), ("20 rules with 12 windows", MIXED)):
            write_rules(folder / "rules.yaml", conditions)
            yield from replay_against_jq(folder, log, name)
        yield from once(folder, long)


def replay_against_jq(folder: Path, log: Path, rules_are: str) -> Iterator[tuple[str, float, str]]:
    """Twenty rules against one filter."""
    jq = shutil.which("jq")
    if jq is None:
        print("  jq is not installed: left out")
        return
    walert = [str(Path(sys.executable).with_name("walert")), "replay", "--json", "--rules", "rules.yaml", str(log)]
    ours = command_seconds(walert, folder)
    theirs = command_seconds([jq, "-c", 'select(."train/loss" > 100)', str(log)], folder)
    yield f"walert replay with {rules_are} / jq with one filter", ours / theirs, "<= 0.8"


def once(folder: Path, lines: list[bytes]) -> Iterator[tuple[str, float, str]]:
    """The daemon over a whole log, its commits included, less what it takes to start and stop."""
    try:
        import orjson
    except ImportError:
        return
    log, spent = folder / "runs" / "metrics.jsonl", []
    for content in (b"\n".join(lines[:2]) + b"\n", b"\n".join(lines) + b"\n"):
        log.write_bytes(content)
        spent.append(min(_once(folder) for _ in range(3)))
    (parse,) = seconds(parsing(orjson.loads, lines), rounds=3)
    yield "walertd --once with commits / an orjson.loads loop", (spent[1] - spent[0]) / parse, "<= 6"


def _once(folder: Path) -> float:
    for old in folder.glob("state*"):
        old.unlink()
    (folder / "walert.yaml").write_text(
        json.dumps(
            {
                "watch": ["runs/"],
                "rules": ["rules.yaml"],
                "receivers": {"console": {"url": "console://"}},
                "default_receivers": ["console"],
                "state": str(folder / "state.db"),
            }
        )
    )
    walertd = str(Path(sys.executable).with_name("walertd"))
    return command_seconds([walertd, "--config", "walert.yaml", "--once"], folder, rounds=1)


# --- the report

PARTS = (against_parsers, not_numbers, hostile, state, reference, commands)


def met(value: float, target: str) -> bool:
    """Whether a ratio is what it should be."""
    sign, bound = target.split()
    return value <= float(bound) if sign == "<=" else value >= float(bound)


def main() -> int:
    """Measure and print. Exit code 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=20_000, help="lines of the log (default 20,000)")
    parser.add_argument("--only", default="", help="the measurements whose name contains this")
    args = parser.parse_args()
    lines, missed = logged(args.lines), 0
    print(
        f"{args.lines:,} lines of {sum(map(len, lines)) // len(lines)} bytes, Python {sys.version.split()[0]}, {os.cpu_count()} processors"
    )
    for part in PARTS:
        if args.only in part.__name__:
            for name, value, target in part(lines):
                good = met(value, target)
                missed += not good
                print(f"{'ok  ' if good else 'MISS'} {value:8.2f}  {target:>7}  {name}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
