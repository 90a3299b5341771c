"""Codes of the linter: nothing is wrong with the rule, and it most likely does not mean what it says."""

from __future__ import annotations

from walert.cli.explanations.files import RULE
from walert.cli.explanations.values import Explanation, Shown


def _file(*rules: str, before: str = "") -> str:
    return f"version: 1\n{before}rules:\n" + "".join(f"  - {rule}\n" for rule in rules)


def _warning(code: str, text: str, wrong: str, right: str, shown: Shown = "when") -> Explanation:
    return Explanation(code, text, wrong, right, shown, "warning")


ENTRIES = (
    _warning(
        "absent-in-text",
        "The rule fires because a metric was never logged, and its text fills in that metric's value. There is "
        "none: the message would hold a <template error: …>.",
        "title: No validation\nwhen: absent(val_loss, \"1h\")\ntext: \"no {val_loss} yet\"\n",
        "title: No validation\nwhen: absent(val_loss, \"1h\")\ntext: \"no val_loss yet\"\n",
        "rule",
    ),
    _warning(
        "always-true",
        "A comparison is true whatever is logged (NaN apart, which makes it unknown): its numbers, or what a "
        "function can answer at all, decide it. Often `or` stands where `and` is meant.",
        "acc < 0.9 or acc > 0.1",
        "acc < 0.1 or acc > 0.9",
    ),
    _warning(
        "clear-overlaps",
        "`clear` counts only while `when` is not true. Where both can hold, it gives no hysteresis: it has to lie "
        "beyond the threshold, on the good side.",
        "title: Low accuracy\nwhen: acc < 0.8\nclear: acc > 0.78\n",
        "title: Low accuracy\nwhen: acc < 0.8\nclear: acc > 0.82\n",
        "rule",
    ),
    _warning(
        "disguised-name",
        "A letter looks like an ASCII one and is another, from Cyrillic, Greek or an input method left on. No log "
        "holds a metric of that name, and no silence matches a title with it.",
        "l\u043ess > 10",
        "loss > 10",
    ),
    _warning(
        "float-equality",
        "A measured value hardly ever equals a number with decimals to the last digit. Say how near is near "
        "enough; whole numbers are compared exactly without a remark.",
        "lr == 0.001",
        "abs(lr - 0.001) < 1e-6",
    ),
    _warning(
        "for-finer-than-stride",
        "With --log: the metric comes less often than the span is long, so that any two samples in a row are "
        "enough. `for: 50 steps` is met by the second sample when a value is logged every 100 steps.",
        RULE + "for: 50 steps\n",
        RULE + "for: 3\n",
        "rule",
    ),
    _warning(
        "group-alone",
        "Of the rules of a group, those of the level of one that fires, or below, send nothing. In a group of one "
        "this changes nothing: most often the name is a slip. The rules of all files in force count, and those of "
        "packs.",
        _file(
            "{title: High, when: loss > 10, group: divergense}",
            "{title: NaN, when: isnan(loss), group: mine}",
            "{title: Low, when: acc < 0.1, group: mine}",
        ),
        _file("{title: High, when: loss > 10, group: mine}", "{title: NaN, when: isnan(loss), group: mine}"),
        "file",
    ),
    _warning(
        "levels-swapped",
        "Two rules have one title and two levels, and the graver one has the threshold that is reached first.",
        _file("{title: High, when: train_loss > 10, level: WARN}", "{title: High, when: train_loss > 5, level: ERROR}"),
        _file("{title: High, when: train_loss > 5, level: WARN}", "{title: High, when: train_loss > 10, level: ERROR}"),
        "file",
    ),
    _warning(
        "log-without-time",
        "With --log: no record carries a time. Live, the time of arrival counts; in a replay and in history there "
        "is none, so that spans of time never pass. It is told at the first such rule.",
        RULE + "for: 10m\n",
        RULE + "for: 200 steps\n",
        "rule",
    ),
    _warning(
        "min-without-effect",
        "`min=k` lets a window speak from k samples on. A window of n samples is full with n, so that a k of n or "
        "more changes nothing.",
        "mean(loss, 100, min=100) > 3",
        "mean(loss, 100, min=20) > 3",
    ),
    _warning(
        "never-true",
        "A comparison is true for no value at all: its numbers, or what a function can answer, rule it out. A "
        "comparison with nan is unknown, whatever the other side is: ask isnan. Windows hold finite samples only, "
        "so that isnan of a window is never true.",
        "loss == nan",
        "isnan(loss)",
    ),
    _warning(
        "no-finite-check",
        "A comparison on NaN is unknown: a rule that tells of a loss, a norm or a divergence that is too high says"
        " nothing when it is no number any more. No rule in force, those of packs among them, asks isnan or "
        "isfinite of this metric. It is told once for each metric, and only for names of what diverges (…loss, "
        "…norm, ppl, kl, nll, mse and their kind).",
        _file("{title: Critic, when: critic_loss > 10}"),
        _file("{title: Critic, when: critic_loss > 10}", "{title: Critic is no number, when: not isfinite(critic_loss), level: ERROR}"),
        "file",
    ),
    _warning(
        "same-rule",
        "Two rules judge the same condition at the same level, for the same runs and receivers, and would both "
        "send a message.",
        _file("{title: High, when: train_loss > 10}", "{title: Too high, when: train_loss > 10}"),
        _file("{title: High, when: train_loss > 10}", "{title: Too high, when: train_loss > 20}"),
        "file",
    ),
    _warning(
        "slash",
        "Without spaces a slash belongs to a metric's name, as in train/loss. Both sides of this one are metrics "
        "of their own, here or in the logs of --log: with spaces it divides.",
        _file("{title: Gap, when: val_acc/train_acc < 0.5}", "{title: Low, when: val_acc < 0.1}", "{title: Low train, when: train_acc < 0.1}"),
        _file("{title: Gap, when: val_acc / train_acc < 0.5}", "{title: Low, when: val_acc < 0.1}", "{title: Low train, when: train_acc < 0.1}"),
        "file",
    ),
    _warning(
        "stalled-with-for",
        "`stalled` is true while nothing is logged and false again at the next record, and `for` is met by samples"
        " only: together they never fire.",
        "title: No record\nwhen: stalled(\"15m\")\nfor: 2\n",
        "title: No record\nwhen: stalled(\"30m\")\n",
        "rule",
    ),
    _warning(
        "unknown-field",
        "The text fills in a name that nothing in the rule has, and that is near to one that it does have; or, "
        "with --log, one that no log holds. A text can fill in metrics, what the rule's own condition computes, "
        "written as {mean(loss, 100)}, and facts such as {step} and {run}.",
        RULE + "text: \"{loss} at {stpe}\"\n",
        RULE + "text: \"{loss} at {step}\"\n",
        "rule",
    ),
    _warning(
        "unknown-metric",
        "The name is nearly that of a role under `aliases`; or, with --log, the logs hold no metric of this name, "
        "or none of the names of this role. Optional rules, and seen() and absent(), may ask for what is not "
        "there.",
        _file("{title: High, when: grad_nrom > 10}", before="aliases: {grad_norm: [grad_norm, gnorm]}\n"),
        _file("{title: High, when: grad_norm > 10}", before="aliases: {grad_norm: [grad_norm, gnorm]}\n"),
        "file",
    ),
    _warning(
        "wait-zero-repeat",
        "Without a cooldown, and with `repeat` as it is by default, a rule that goes on firing sends a message at "
        "every sample that confirms it.",
        RULE + "wait_duration: 0\n",
        RULE + "wait_duration: 0\nrepeat: never\n",
        "rule",
    ),
    _warning(
        "whole-number-format",
        "The rule asks whether a value is NaN, and its text formats the value as a whole number, which NaN has "
        "none of: the message would hold a <template error: …>.",
        "title: Loss is no number\nwhen: isnan(loss)\ntext: \"loss is {loss:d}\"\n",
        "title: Loss is no number\nwhen: isnan(loss)\ntext: \"loss is {loss:.3g}\"\n",
        "rule",
    ),
    _warning(
        "window-finer-than-stride",
        "With --log: samples lie further apart than the window is long, so that it never holds two and never "
        "speaks; or `stalled` waits for less than lies between two records of a sound run.",
        'mean(loss, "50 steps") > 3',
        'mean(loss, "1000 steps") > 3',
    ),
)  # fmt: skip
