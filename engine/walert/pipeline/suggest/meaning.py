"""What a metric is: the roles of the shipped packs come first, then what its name says, then nothing but bounds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from walert.pipeline.suggest.values import Extent, LogFacts, Sense, Subject

# Role of a pack -> what is good for it; in the order in which rules are written.
ROLES: Mapping[str, Sense] = {
    "loss": Sense.FALLS, "val_loss": Sense.FALLS, "train_metric": Sense.FALLS, "valid_metric": Sense.FALLS, "val_score": Sense.RISES,
    "returns": Sense.RISES, "grad_norm": Sense.LOW, "lr": Sense.LOW, "throughput": Sense.HIGH, "step_time": Sense.LOW,
}  # fmt: skip
OTHERS = 8  # metrics without a role that rules are made for: more would not be reviewed
_RISE = frozenset(
    ("acc", "accuracy", "top1", "top5", "f1", "auc", "auroc", "map", "bleu", "rouge", "reward", "rewards", "return", "returns", "score", "iou",
     "miou", "dice", "psnr", "ssim", "recall", "precision", "r2")
)  # fmt: skip
_FALL = frozenset(
    ("loss", "losses", "err", "error", "rmse", "mse", "mae", "ppl", "perplexity", "wer", "cer", "nll", "bpb", "bpc", "fid", "logloss",
     "mlogloss", "merror")
)  # fmt: skip
_OF_MACHINES = frozenset(("time", "runtime", "seconds", "second", "sec", "secs", "elapsed", "duration", "fps"))
_WORD = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")


def sense_of(name: str) -> Sense:
    """What the words of a name say, the last that says something."""
    for word in reversed(_WORD.findall(name)):
        if word.lower() in _FALL:
            return Sense.FALLS
        if word.lower() in _RISE:
            return Sense.RISES
    return Sense.WITHIN


def choose(logs: Sequence[LogFacts], candidates: Mapping[str, Sequence[str]]) -> tuple[list[Subject], list[str]]:
    """The subjects to learn about, and a sentence for each metric set aside. `candidates` are the names of each role, best first."""
    subjects, taken = _of_roles(logs, candidates)
    aside: list[str] = []
    others: list[Subject] = []
    for name in sorted({name for log in logs for name in log.metrics} - taken):
        extents = [log.metrics[name] for log in logs if name in log.metrics]
        sense = sense_of(name)
        why = _useless(name, extents, sense)
        if why:
            aside.append(f"{name}: {why}")
        else:
            others.append(Subject(name, (name,), sense, None))
    others.sort(key=lambda s: (s.sense is Sense.WITHIN, -sum(s.name in log.metrics for log in logs), s.name))
    aside += [f"{each.name}: {OTHERS} other metrics come before it" for each in others[OTHERS:]]
    return subjects + others[:OTHERS], aside


def _of_roles(logs: Sequence[LogFacts], candidates: Mapping[str, Sequence[str]]) -> tuple[list[Subject], set[str]]:
    subjects: list[Subject] = []
    taken: set[str] = set()
    for role, sense in ROLES.items():
        names = {log.roles[role] for log in logs if role in log.roles} - taken
        changing = {n for n in names if not _constant(log.metrics[n] for log in logs if n in log.metrics)}
        taken |= names
        if changing:
            ordered = sorted(changing, key=lambda n: (_rank(n, candidates.get(role, ())), n))
            name = ordered[0] if len(ordered) == 1 else role
            subjects.append(Subject(name, tuple(ordered), sense, role))
    return subjects, taken


def _rank(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else len(names)


def _useless(name: str, extents: Sequence[Extent], sense: Sense) -> str:
    if _constant(extents):
        return "it never changes"
    if sense is Sense.WITHIN and not _OF_MACHINES.isdisjoint(map(str.lower, _WORD.findall(name))):
        return "it measures the machine"
    if sense is Sense.WITHIN and all(each.rises or each.falls for each in extents):
        return "it only ever goes one way, as counters do"
    return ""


def _constant(extents: Iterable[Extent]) -> bool:
    return all(each.low >= each.high for each in extents)
