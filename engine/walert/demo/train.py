"""A real training, small enough for pure Python: a network of one hidden layer learns two half moons, until its learning rate is set wrong.

Run by `walert demo` as a process of its own, as a person would run theirs. It uses walert's API the way any script does: `init`, `log`, `alert`.
"""

from __future__ import annotations

import math
import random
import sys
import time

import walert

HIDDEN = 12
BATCH = 16
STEPS = 260
BREAKS_AT = 150  # here a schedule "warms up" again, to a rate far too high
PAUSE = 0.025  # seconds a step: long enough to watch

Point = tuple[float, float, float]


def moons(count: int, rng: random.Random) -> list[Point]:
    """`count` points of two interleaved half circles with noise, as (x, y, class)."""
    points = []
    for _ in range(count):
        angle, label = rng.uniform(0, math.pi), rng.random() < 0.5
        x, y = math.cos(angle), math.sin(angle)
        if label:
            x, y = 1 - x, 0.5 - y
        points.append((x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1), float(label)))
    return points


class Network:
    """2 inputs, HIDDEN rectified units, one output; squared error; plain stochastic gradient descent."""

    def __init__(self, rng: random.Random) -> None:
        self.inner = [[rng.gauss(0, 0.7) for _ in range(3)] for _ in range(HIDDEN)]
        self.outer = [rng.gauss(0, 0.4) for _ in range(HIDDEN + 1)]

    def forward(self, x: float, y: float) -> tuple[list[float], float]:
        """The hidden units and the output."""
        hidden = [max(0.0, a * x + b * y + c) for a, b, c in self.inner]
        return hidden, sum(w * h for w, h in zip(self.outer, hidden, strict=False)) + self.outer[-1]

    def step(self, batch: list[Point], rate: float) -> tuple[float, float]:
        """One step of descent. Returns the loss and the norm of the gradient before it."""
        inner = [[0.0] * 3 for _ in range(HIDDEN)]
        outer = [0.0] * (HIDDEN + 1)
        loss = 0.0
        for x, y, label in batch:
            hidden, out = self.forward(x, y)
            error = out - label
            loss += error * error / len(batch)
            slope = 2 * error / len(batch)
            outer[-1] += slope
            for i, h in enumerate(hidden):
                outer[i] += slope * h
                back = slope * self.outer[i] if h > 0 else 0.0
                inner[i][0] += back * x
                inner[i][1] += back * y
                inner[i][2] += back
        norm = math.sqrt(sum(g * g for row in inner for g in row) + sum(g * g for g in outer))
        self.outer = [w - rate * g for w, g in zip(self.outer, outer, strict=True)]
        self.inner = [
            [w - rate * g for w, g in zip(ws, gs, strict=True)] for ws, gs in zip(self.inner, inner, strict=True)
        ]
        return loss, norm

    def accuracy(self, points: list[Point]) -> float:
        """The share of points on the right side."""
        return sum((self.forward(x, y)[1] > 0.5) == (label > 0.5) for x, y, label in points) / len(points)


def main(folder: str) -> None:
    """Train, log every step into a run below `folder`, and go wrong."""
    rng = random.Random(7)
    data, held_out = moons(400, rng), moons(200, rng)
    network = Network(rng)
    rate, told = 0.1, False
    with walert.init(project="demo", name="two-moons", dir=folder, config={"hidden": HIDDEN, "batch": BATCH}):
        for step in range(1, STEPS + 1):
            if step == BREAKS_AT:
                rate = 9.0
            loss, norm = network.step(rng.sample(data, BATCH), rate)
            walert.log({"loss": loss, "grad_norm": norm, "lr": rate}, step=step)
            if step % 25 == 0:
                accuracy = network.accuracy(held_out)
                walert.log({"val/acc": accuracy}, step=step)
                if accuracy > 0.9 and not told:
                    told = True
                    walert.alert("Accuracy over 90 %", f"val/acc is {accuracy:.3f} at step {step}", level="INFO")
            time.sleep(PAUSE)


if __name__ == "__main__":
    main(sys.argv[1])
