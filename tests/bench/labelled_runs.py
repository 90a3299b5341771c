"""Small models, really trained in numpy, whole or with one fault put into them: the metric records of runs whose fate is known.

    run = make("diverges slowly", seed=7)       # the same seed makes the same run, to the last digit

What each kind is, what should be told of it, and the record at which that could first be known stand with the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

Row = dict[str, float]
Array = np.ndarray

NAMES = (
    ("loss", "val_loss", "grad_norm", "lr"),
    ("train/loss", "eval/loss", "train/grad_norm", "train/learning_rate"),
    ("train_loss", "val_loss", "gnorm", "learning_rate"),
    ("loss", "eval_loss", "grad_norm", "learning_rate"),
    ("lm loss", "valid/loss", "grad norm", "learning rate"),
    ("total_loss", "validation_loss", "global_grad_norm", "lr"),
)


@dataclass
class LabelledRun:
    """A run: `rows` of metrics (`step` and `time` among them), the level that is due (None: silence), and from which row on (from 1).

    How late it is told is counted in rows or, with `counted`, in those of them that hold this metric.
    """

    kind: str
    seed: int
    rows: list[Row]
    due: str | None = None
    knowable: int | None = None
    counted: str | None = None

    def late(self, row: int) -> int:
        """How many samples lie between the row at which it could be known and `row`."""
        known = self.knowable or 0
        if self.counted is None or row < known:
            return row - known
        return sum(self.counted in each for each in self.rows[known:row])


@dataclass
class Plan:
    """How a run is trained. `fault` changes what a step sees; `at` is the step from which on."""

    rng: np.random.Generator
    task: str = "classes"
    steps: int = 400
    batch: int = 16
    hidden: int = 24
    rate: float = 0.1
    schedule: str = "constant"
    optimizer: str = "sgd"
    clip: float = 0.0
    validate: int = 20
    train_size: int = 512
    label_noise: float = 0.0
    average: int = 1  # a record is the mean of so many steps, as loggers and epochs do
    digits: int | None = None
    fault: str = ""
    at: int = 0
    height: float = 1.0
    names: tuple[str, str, str, str] = NAMES[0]
    logs_rate: bool = True
    logs_gradient: bool = True


@dataclass
class Data:
    """Training and validation samples of one task."""

    x: Array
    y: Array
    vx: Array
    vy: Array
    kind: str


def data(plan: Plan) -> Data:
    """Samples: clusters, a rough function, a Markov chain's successors, or a noisy quantity whose density is asked for."""
    rng, size = plan.rng, plan.train_size
    if plan.task == "chain":
        chain = rng.dirichlet(np.full(24, 0.15), size=24)
        at = rng.integers(24, size=size + 400)
        following = (chain.cumsum(1)[at] > rng.random((len(at), 1))).argmax(1)
        x, y, kind = np.eye(24)[at], following, "xent"
    elif plan.task == "classes":
        centres = rng.normal(size=(6, 10)) * rng.uniform(0.8, 2.0)
        y = rng.integers(6, size=size + 400)
        x, kind = centres[y] + rng.normal(size=(len(y), 10)), "xent"
        wrong = rng.random(len(y)) < plan.label_noise
        y = np.where(wrong, rng.integers(6, size=len(y)), y)
    else:
        x = rng.normal(size=(size + 400, 8))
        clean = np.sin(x @ rng.normal(size=8)) * rng.uniform(0.5, 4.0)
        noise = 0.05 if plan.task == "density" else rng.uniform(0.1, 0.6)
        y, kind = clean + noise * rng.normal(size=len(x)), "nll" if plan.task == "density" else "mse"
    return Data(x[:size], y[:size], x[size:], y[size:], kind)


class Net:
    """One hidden layer, its loss and its gradients."""

    def __init__(self, rng: np.random.Generator, inputs: int, hidden: int, kind: str, outputs: int) -> None:
        self.kind = kind
        self.w = [
            rng.normal(size=(inputs, hidden)) / math.sqrt(inputs),
            np.zeros(hidden),
            rng.normal(size=(hidden, outputs)) / math.sqrt(hidden) * 0.3,
            np.zeros(outputs),
        ]

    def forward(self, x: Array) -> tuple[Array, Array]:
        h = np.maximum(x @ self.w[0] + self.w[1], 0.0)
        return h, h @ self.w[2] + self.w[3]

    def output(self, out: Array, y: Array) -> tuple[float, Array]:
        n = len(y)
        if self.kind == "xent":
            shifted = out - out.max(1, keepdims=True)
            p = np.exp(shifted)
            total = p.sum(1, keepdims=True)
            loss = float((np.log(total[:, 0]) - shifted[np.arange(n), y]).mean())
            p /= total
            p[np.arange(n), y] -= 1.0
            return loss, p / n
        if self.kind == "mse":
            off = out[:, 0] - y
            return float((off * off).mean()), (2.0 * off / n)[:, None]
        off, scale = out[:, 0] - y, np.exp(-2.0 * out[:, 1])
        loss = float((0.5 * off * off * scale + out[:, 1]).mean())
        return loss, np.stack([off * scale, 1.0 - off * off * scale], 1) / n

    def loss(self, x: Array, y: Array) -> float:
        return self.output(self.forward(x)[1], y)[0]

    def gradients(self, x: Array, y: Array) -> tuple[float, list[Array]]:
        h, out = self.forward(x)
        loss, d = self.output(out, y)
        back = (d @ self.w[2].T) * (h > 0)
        return loss, [x.T @ back, back.sum(0), h.T @ d, d.sum(0)]


@dataclass
class Optimizer:
    """SGD, momentum or Adam."""

    kind: str
    state: list[Array] = field(default_factory=list)
    square: list[Array] = field(default_factory=list)
    count: int = 0

    def apply(self, weights: list[Array], gradients: list[Array], rate: float) -> None:
        if self.kind == "sgd":
            for w, g in zip(weights, gradients, strict=True):
                w -= rate * g
            return
        if not self.state:
            self.state = [np.zeros_like(w) for w in weights]
            self.square = [np.zeros_like(w) for w in weights]
        self.count += 1
        for w, g, m, v in zip(weights, gradients, self.state, self.square, strict=True):
            if self.kind == "momentum":
                m *= 0.9
                m += g
                w -= rate * m
                continue
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            w -= rate * (m / (1 - 0.9**self.count)) / (np.sqrt(v / (1 - 0.999**self.count)) + 1e-8)


def rate_at(plan: Plan, step: int) -> float:
    """The learning rate of a step."""
    done = step / plan.steps
    match plan.schedule:
        case "warm-up and cosine":
            warm = plan.steps // 10
            if step <= warm:
                return plan.rate * step / warm
            return plan.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (plan.steps - warm)))
        case "restarts":
            cycle = plan.steps // 4
            return plan.rate * (0.02 + 0.49 * (1 + math.cos(math.pi * (step % cycle) / cycle)))
        case "steps":
            return plan.rate * (0.1 ** int(done * 3))
        case "linear":
            return plan.rate * (1 - done) + 1e-6
    return plan.rate


class Training:
    """A run as it goes: `rows()` yields its records."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.rng = plan, plan.rng
        self.data = data(plan)
        outputs = {"xent": int(max(self.data.y.max(), self.data.vy.max())) + 1, "mse": 1, "nll": 2}[self.data.kind]
        self.net = Net(plan.rng, self.data.x.shape[1], plan.hidden, self.data.kind, outputs)
        self.optimizer = Optimizer(plan.optimizer)
        self.time = 1_700_000_000.0
        self.scale_skips = 0

    def rows(self, first: int = 1, last: int | None = None) -> Iterator[Row]:
        plan = self.plan
        loss_name, val_name, gradient_name, rate_name = plan.names
        losses: list[float] = []
        for step in range(first, (last or plan.steps) + 1):
            self.time += 0.2 * float(self.rng.lognormal(0, 0.1))
            loss, norm, rate = self.step(step)
            losses.append(loss)
            row: Row = {}
            if step % plan.average == 0:
                row[loss_name] = self.rounded(float(np.mean(losses)))
                losses.clear()
                if plan.logs_gradient:
                    row[gradient_name] = norm
                if plan.logs_rate:
                    row[rate_name] = rate
            if row:
                yield {"step": step, "time": self.time, **row}
            if plan.validate and step % plan.validate == 0:
                value = self.rounded(self.net.loss(self.data.vx, self.data.vy))
                yield {"step": step, "time": self.time + 0.05, val_name: value}

    def rounded(self, value: float) -> float:
        return round(value, self.plan.digits) if self.plan.digits is not None and math.isfinite(value) else value

    def step(self, step: int) -> tuple[float, float, float]:
        plan = self.plan
        take = self.rng.integers(len(self.data.x), size=plan.batch)
        x, y = self.data.x[take], self.data.y[take]
        hit = bool(plan.fault) and step >= plan.at
        rate = rate_at(plan, step)
        if hit and step == plan.at and plan.fault == "nan batch":
            x = np.full_like(x, np.nan)
        if hit and step == plan.at and plan.fault == "poisoned batch":
            x = x * plan.height
        if hit and plan.fault == "rate":
            rate *= plan.height
        if hit and plan.fault == "wrong labels" and y.dtype.kind == "i":
            y = self.rng.integers(int(self.data.y.max()) + 1, size=len(y))
        loss, gradients = self.net.gradients(x, y)
        norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
        if plan.clip and norm > plan.clip:
            gradients = [g * (plan.clip / norm) for g in gradients]
        if hit and plan.fault == "ascent":
            gradients = [-plan.height * g for g in gradients]
        if plan.fault == "loss scaler" and self.scale_skips < plan.height:
            self.scale_skips += 1
            return loss, math.inf, rate
        self.optimizer.apply(self.net.w, gradients, rate)
        return loss, norm, rate


# --- what could be known, and when


def first_not_finite(values: list[float]) -> int | None:
    """The index of the first value that is no number."""
    return next((i for i, v in enumerate(values) if not math.isfinite(v)), None)


def risen(values: list[float], start: int, factor: float = 3.0, width: int = 20) -> int | None:
    """The index, from `start` on, at which a value is not finite or the mean of the last `width` passes `factor` times its minimum so far."""
    lowest = math.inf
    for i, value in enumerate(values):
        if not math.isfinite(value):
            return i
        mean = sum(values[max(0, i - width + 1) : i + 1]) / width
        if i + 1 >= width:
            if i >= start and mean > lowest + (factor - 1) * abs(lowest):
                return i
            lowest = min(lowest, mean)
    return None


def overfitted(values: list[float]) -> int | None:
    """The index at which the value is more than half above its best and has risen on the whole for three."""
    best = math.inf
    for i, value in enumerate(values):
        if value > 1.5 * best and i >= 3 and value > values[i - 3]:
            return i
        best = min(best, value)
    return None


def column(rows: list[Row], name: str) -> tuple[list[float], list[int]]:
    """The values of a metric and the rows, from 1, at which they stand."""
    at = [i for i, row in enumerate(rows, 1) if name in row]
    return [rows[i - 1][name] for i in at], at
