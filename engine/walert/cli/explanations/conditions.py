"""Codes of conditions: the language of `when` and `clear`."""

from __future__ import annotations

from walert.cli.explanations.values import Explanation

ENTRIES = (
    Explanation(
        "attribute",
        "Values are numbers and have no methods and no attributes. Functions stand alone and take the metric as "
        "their first argument.",
        "loss.mean() > 3",
        "mean(loss, 100) > 3",
    ),
    Explanation(
        "bad-order",
        "`since_best` must know which way is better: a loss is best at its minimum, an accuracy at its maximum.",
        'since_best(val_loss, "low") > 10',
        'since_best(val_loss, "min") > 10',
    ),
    Explanation("bad-share", "A quantile is asked for by a share from 0 to 1.", "quantile(loss, 100, 95) > 3", "quantile(loss, 100, 0.95) > 3"),
    Explanation(
        "bad-window",
        'A window is a number of samples from 2 to 100,000, a text such as "500 steps", or one such as "10m" of '
        "event time. `absent` and `stalled` take a time, in seconds or as a text.",
        'mean(loss, "10 minutes") > 3',
        'mean(loss, "10m") > 3',
    ),
    Explanation("empty", "The condition holds blanks only.", 'title: High loss\nwhen: " "\n', "title: High loss\nwhen: loss > 10\n", "rule"),
    Explanation(
        "hidden-character",
        "A character that nobody sees stands in a name: a zero-width space, a control character, a mark that turns"
        " the reading direction. The name looks like another and is not the same. In a message's text it is a "
        "warning.",
        'm["val\u200bacc"] < 0.5',
        'm["valacc"] < 0.5',
        severity="error or warning",
    ),
    Explanation(
        "hidden-name",
        "No part of a plain name begins with two underscores: that is how Python names what conditions must not "
        "reach. A metric that is called so is written in quotes.",
        "train/__loss > 3",
        'm["train/__loss"] > 3',
    ),
    Explanation(
        "not-a-condition",
        "A condition is true or false. A bare value is neither: compare it, or ask isnan, isinf, isfinite, seen, "
        "absent or stalled.",
        "loss and acc < 0.5",
        "isnan(loss) and acc < 0.5",
    ),
    Explanation(
        "not-a-literal",
        "How long a window is, is known before there are values: a plain number or a text in quotes, no "
        "computation and no metric.",
        "mean(loss, 10 * 10) > 3",
        "mean(loss, 100) > 3",
    ),
    Explanation(
        "not-a-metric",
        'Functions over history take the name of a metric, not a computed value: loss, train/loss, or m["any other'
        ' name"]. Compute with what they answer. `step`, `epoch`, `run_age` and `attempt` are of the run and no '
        "metrics.",
        "mean(val_loss - loss, 100) > 3",
        "mean(val_loss, 100) - mean(loss, 100) > 3",
    ),
    Explanation(
        "not-a-number",
        "Only numbers can be compared. A text in quotes is no metric: names stand without quotes, or as m[\"…\"].",
        '"val acc" < 0.5',
        'm["val acc"] < 0.5',
    ),
    Explanation(
        "not-finite",
        "A part of the condition that is the same for every sample has no finite value: it is divided by zero, or "
        "too large. `inf` and `nan` may be written as such.",
        "loss > 10 ** 400",
        "loss > 1e30",
    ),
    Explanation(
        "too-long",
        "A condition has at most 2,000 characters and 200 terms. Split it into several rules; those of one `group`"
        " speak once.",
        " + ".join(["loss"] * 120) + " > 3",
        "sum_over(loss, 120) > 3",
    ),
    Explanation(
        "truth-as-number",
        "A comparison is true or false, and nothing to compute with. Choose a number by it, or count how often it "
        "was true.",
        "(loss > 3) + (acc < 0.5) > 1",
        "loss > 3 and acc < 0.5",
    ),
    Explanation(
        "unexpected-character",
        "The character has no meaning in a condition. `and`, `or` and `not` are words; a metric whose name holds "
        "other characters than letters, digits, `_`, `/` and `.` is written in quotes.",
        "eval/top-1$acc < 0.5",
        'm["eval/top-1$acc"] < 0.5',
    ),
    Explanation(
        "unknown-function",
        "There is no function of this name. rules/README.md lists them all: windows such as mean and std, patience"
        " such as since_best, presence such as absent.",
        "average(loss, 100) > 3",
        "mean(loss, 100) > 3",
    ),
    Explanation(
        "wrong-arguments",
        "The function is called with too few, too many or other arguments than it takes.",
        "mean(loss) > 3",
        "mean(loss, 100) > 3",
    ),
)  # fmt: skip
