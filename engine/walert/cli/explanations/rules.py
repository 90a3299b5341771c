"""Codes of rules: titles, texts, durations, receivers."""

from __future__ import annotations

from walert.cli.explanations.files import RULE
from walert.cli.explanations.values import Explanation

ENTRIES = (
    Explanation(
        "bad-duration",
        "A duration is a number of seconds, or numbers with ms, s, m, h, d or w, not negative and finite.",
        RULE + "wait_duration: .inf\n",
        RULE + "wait_duration: 1h30m\n",
        "rule",
    ),
    Explanation(
        "bad-runbook",
        "A runbook is what people read when the rule fires: a path relative to the rule file's repository, or an "
        "https address.",
        RULE + "runbook: http://wiki/loss\n",
        RULE + "runbook: docs/loss.md\n",
        "rule",
    ),
    Explanation(
        "bad-span",
        "`for` and `keep_firing_for` are a number of samples, steps, a time, or (`for` alone) k of the last n "
        "judgements, k at most n.",
        RULE + "for: 5 of 3\n",
        RULE + "for: 3 of 5\n",
        "rule",
    ),
    Explanation(
        "duplicate-title",
        "Two enabled rules of a file have the same title and level. The title is the key of the cooldown and what "
        "silences and tests name; at another level it may come again.",
        "version: 1\nrules:\n  - {title: Loss, when: loss > 10}\n  - {title: Loss, when: loss > 20}\n",
        "version: 1\nrules:\n  - {title: Loss, when: loss > 10}\n  - {title: Loss, when: loss > 20, level: ERROR}\n",
        "file",
    ),
    Explanation("empty-title", "The title is blank. It is what people read first.", 'title: " "\nwhen: loss > 10\n', RULE, "rule"),
    Explanation(
        "text-template",
        "A field of the text cannot be filled in. A field is a name and, after a colon, a number format: "
        "{loss:.3f}. Braces in the text are doubled. The message is sent all the same, with <template error: …> in"
        " its place.",
        RULE + 'text: "loss is {loss!r} {"\n',
        RULE + 'text: "loss is {loss:.3f} {{"\n',
        "rule",
        "warning",
    ),
    Explanation(
        "unknown-receiver",
        "No receiver of this name is in walert.yaml. Messages of a rule go to default_receivers then, hence a "
        "warning there; in walert.yaml itself it is an error.",
        "receivers: {ml-team: {url: 'json://localhost'}}\ndefault_receivers: [ml-taem]\n",
        "receivers: {ml-team: {url: 'json://localhost'}}\ndefault_receivers: [ml-team]\n",
        "config",
        "error or warning",
    ),
    Explanation(
        "url-in-rule",
        "Rules stand in git and name receivers. A receiver's URL holds a secret: it stands in walert.yaml, and "
        "there as a variable.",
        RULE + 'receivers: ["slack://token/channel"]\n',
        RULE + "receivers: [ml-team]\n",
        "rule",
    ),
    Explanation(
        "values-in-title",
        "A title is taken literally: with values in it, each sample would be an alert of its own, without a "
        "cooldown. Values belong into the text.",
        "title: loss is {loss}\nwhen: loss > 10\n",
        RULE + 'text: "loss is {loss}"\n',
        "rule",
        "warning",
    ),
)  # fmt: skip
