"""Codes of every YAML file: how it is read, and what its schema allows."""

from __future__ import annotations

from walert.cli.explanations.values import Explanation

RULE = "title: High loss\nwhen: loss > 10\n"

ENTRIES = (
    Explanation(
        "alias",
        "YAML's aliases (*name) are not read: a few lines of them can stand for gigabytes. A text that begins with"
        " * is taken for an alias; put it into quotes.",
        "version: 1\naliases: {loss: *names}\nrules: []\n",
        'version: 1\naliases: {loss: [loss, "*/loss"]}\nrules: []\n',
        "file",
    ),
    Explanation(
        "anchor",
        "YAML's anchors (&name) are not read, as aliases are not. Write shared values under `defaults`.",
        "version: 1\ndefaults: &usual {level: WARN}\nrules: []\n",
        "version: 1\ndefaults: {level: WARN}\nrules: []\n",
        "file",
    ),
    Explanation(
        "bad-character",
        "A character stands in the file that YAML does not allow, or that turns the reading direction, so that a "
        "reviewer would see another rule than the one that is there. In double quotes it can be written as an "
        "escape.",
        "version: 1\nrules: [] # \u202etext\n",
        "version: 1\nrules: [] # text\n",
        "file",
    ),
    Explanation(
        "bad-key",
        "The key of a mapping is a text. What begins with [, { or * is read as something else unless it is quoted.",
        "version: 1\nrules: []\n? [a, b]\n: 3\n",
        "version: 1\nrules: []\n",
        "file",
    ),
    Explanation(
        "bad-name",
        "A role under `aliases` is used like a name in conditions: letters, digits and underscores. The names that"
        " it lists may be any.",
        "version: 1\naliases: {train/loss: [loss]}\nrules: []\n",
        "version: 1\naliases: {loss: [train/loss]}\nrules: []\n",
        "file",
    ),
    Explanation(
        "cannot-read",
        "The file is there and cannot be opened: look at its permissions and those of its folder, or give the path"
        " of a file that can be.",
        shown="",
    ),
    Explanation(
        "duplicate-key",
        "A key comes twice in one mapping. YAML readers keep one of the two and do not say which; here you choose.",
        RULE + "when: loss > 20\n",
        RULE,
        "rule",
    ),
    Explanation(
        "encoding",
        "The file is not UTF-8: an editor saved it in another encoding, most often Latin-1 or Shift JIS. Save it "
        "as UTF-8.",
        shown="",
    ),
    Explanation(
        "many-documents",
        "A file holds one YAML document. `---` begins a second one: put it into a file of its own.",
        "version: 1\nrules: []\n---\nversion: 1\nrules: []\n",
        "version: 1\nrules: []\n",
        "file",
    ),
    Explanation("missing-key", "A key that has no default is not there.", "title: High loss\n", RULE, "rule"),
    Explanation(
        "not-allowed",
        "The value is of the right kind but not one of those that can stand here: a level is INFO, WARN or ERROR, "
        "`repeat` is backoff, always or never. In a condition it is a piece of Python that has no meaning here, "
        "such as a list, a lambda or `in`.",
        RULE + "level: CRITICAL\n",
        RULE + "level: ERROR\n",
        "rule",
    ),
    Explanation(
        "not-found",
        "A rule or test file is named that is not there. Paths in walert.yaml are relative to it, paths in a test "
        "file to the test file.",
        shown="",
    ),
    Explanation(
        "syntax",
        "The text is no YAML or, in a condition, no expression. The caret stands where it stopped making sense, "
        "which may be just after the mistake: look at the end of what stands before it.",
        "loss > 10 AND acc < 0.1",
        "loss > 10 and acc < 0.1",
    ),
    Explanation(
        "tag",
        "YAML's tags (!!str, !name) are not read: a tag can ask a reader to run code. A text that begins with ! "
        "needs quotes.",
        "title: !!str High loss\nwhen: loss > 10\n",
        RULE,
        "rule",
    ),
    Explanation(
        "too-deep",
        "Values, brackets or terms nest deeper than anyone writes by hand: 20 levels of YAML, 50 of brackets, 120 "
        "of terms. Split the condition into several rules.",
        "streak(streak(streak(streak(streak(streak(a > 1) > 1) > 1) > 1) > 1) > 1) > 1",
        "streak(a > 1) > 3",
    ),
    Explanation(
        "too-large",
        "A rule or configuration file has at most 1 MiB, the tests of a file at most 1,000,000 samples. Split it "
        "into several files.",
        shown="",
    ),
    Explanation("too-many-values", "A file has at most 50,000 values. Split it into several files.", shown=""),
    Explanation(
        "unknown-key",
        "There is no such key here: most often a slip of the finger, or a key one level too deep or too high. "
        "`walert schema rules --url` gives the schema that lets an editor complete the keys.",
        RULE + "levl: ERROR\n",
        RULE + "level: ERROR\n",
        "rule",
    ),
    Explanation(
        "unreadable",
        "A rule file of the configuration is there and cannot be opened: look at its permissions and those of its "
        "folder.",
        shown="",
    ),
    Explanation(
        "wrong-type",
        "The value is of another kind than this key takes. As in YAML 1.2, only true and false are switches (yes, "
        "no, on and off are texts), and a number in quotes is a text.",
        RULE + "resolved: yes\n",
        RULE + "resolved: true\n",
        "rule",
    ),
)  # fmt: skip
