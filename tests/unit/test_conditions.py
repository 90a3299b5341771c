"""What a condition means: names, arithmetic that cannot raise, three values, and where each error stands."""

import math

import pytest

from walert.rules import terms as t
from walert.rules.compiling import Layout, compile_atom, compile_verdict
from walert.rules.expression import ConditionError, parse

NAN = math.nan


def judge(text, **metrics):
    """The verdict of a one-shot condition: every comparison computed on the values given, metrics under flattened names."""
    truth = parse(text).truth
    names: list[str] = []

    def slot(name):
        if name not in names:
            names.append(name)
        return names.index(name)

    atoms = [compile_atom(atom, Layout(slot, lambda node: 0)) for atom in t.atoms(truth)]
    values = [metrics.get(name.replace("/", "__")) for name in names]
    return compile_verdict(truth)([atom(values, [], [7.0, None, None, 1.0, 0.0, 0.0]) for atom in atoms])


@pytest.mark.parametrize(
    ("text", "metrics", "verdict"),
    [
        ("acc < 0.8", {"acc": 0.5}, True),
        ("acc < 0.8", {"acc": 0.8}, False),
        ("acc < 0.8", {}, None),
        ("acc < 0.8", {"acc": NAN}, None),
        ("acc == 0.5", {}, None),
        ("acc != 0.5", {"acc": NAN}, None),
        ("isnan(loss)", {"loss": NAN}, True),
        ("isnan(loss)", {"loss": 1.0}, False),
        ("isnan(loss)", {}, None),
        ("isinf(-loss)", {"loss": math.inf}, True),
        ("loss > 1e9", {"loss": math.inf}, True),
        ("train/loss > 1", {"train__loss": 2.0}, True),
        ("train.loss > 1", {"train__loss": 2.0}, True),
        ('m["train.loss"] > 1', {"train__loss": 2.0}, True),
        ("val_loss / train_loss > 2", {"val_loss": 5.0, "train_loss": 2.0}, True),
        ("loss/2 > 1", {"loss": 3.0}, True),
        ("loss / zero > 1", {"loss": 3.0, "zero": 0.0}, None),
        ("isnan(loss / zero)", {"loss": 3.0, "zero": 0.0}, True),
        ("isnan(sqrt(loss))", {"loss": -1.0}, True),
        ("isnan(exp(loss))", {"loss": 1e4}, True),
        ("isnan(log(loss))", {"loss": 0.0}, True),
        ("isnan(loss ** 0.5)", {"loss": -2.0}, True),
        ("isnan(min(loss, 1))", {"loss": NAN}, True),
        ("isnan(max(1, loss))", {"loss": NAN}, True),
        ("0 < loss <= 1", {"loss": 1.0}, True),
        ("0 < loss <= 1", {"loss": 2.0}, False),
        ("0 < loss < acc", {"loss": -1.0}, False),
        ("loss > 1 or acc < 0.5", {"loss": NAN, "acc": 0.1}, True),
        ("loss > 1 or acc < 0.5", {"loss": NAN, "acc": 0.9}, None),
        ("loss > 1 and acc < 0.5", {"loss": NAN, "acc": 0.9}, False),
        ("not loss > 1", {}, None),
        ("not loss > 1", {"loss": 0.5}, True),
        ("(loss if acc > 0.5 else 3) > 2", {"acc": 0.1}, True),
        ("(loss if acc > 0.5 else 3) > 2", {"loss": 9.0}, None),
        ("loss > 1 if step > 5 else acc > 1", {"loss": 2.0}, True),
        ("seen(val_loss)", {}, False),
        ("seen(val_loss)", {"val_loss": NAN}, True),
        ("loss > -inf", {"loss": 0.0}, True),
        ("loss < pi", {"loss": 3.0}, True),
        ("loss // 2 == 1 and loss % 2 == 1", {"loss": 3.0}, True),
    ],
)
def test_a_condition_gives_true_false_or_unknown(text, metrics, verdict):
    assert judge(text, **metrics) is verdict


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("loss", "not-a-condition", 0),
        ("acc > 1 and loss", "not-a-condition", 12),
        ("loss = 3", "syntax", 5),
        ("loss >", "syntax", 6),
        ("a < 1) or (b > 2", "syntax", 5),
        ("loss & 3 > 1", "unexpected-character", 5),
        ("mena(loss, 100) > 1", "unknown-function", 0),
        ("損失 > 1 and mena(x) > 1", "unknown-function", 11),
        ("loss > 9**9**9", "not-finite", 7),
        ("loss > 1e999", "not-finite", 7),
        ("loss > 1/0", "not-finite", 7),
        ("x/__class__ > 1", "hidden-name", 2),
        ("().__class__ > 1", "unexpected-character", 2),
        ("loss.mean() > 1", "attribute", 4),
        ("[x for x in y] > 1", "not-allowed", 0),
        ("loss in acc", "not-allowed", 0),
        ("'loss' > 1", "not-a-number", 0),
        ("mean(loss, 1) > 1", "bad-window", 11),
        ('mean(loss, "5 parsecs") > 1', "bad-window", 11),
        ("mean(loss) > 1", "wrong-arguments", 0),
        ("mean(loss + 1, 10) > 1", "not-a-metric", 5),
        ("quantile(loss, 10, 2) > 1", "bad-share", 19),
        ("(loss > 1) + 1 > 1", "truth-as-number", 1),
        ("", "empty", 0),
    ],
)
def test_an_error_in_a_condition_names_its_kind_and_its_place(text, code, offset):
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert (caught.value.problems[0].code, caught.value.problems[0].offset) == (code, offset)


def test_all_errors_of_a_condition_are_told_at_once():
    with pytest.raises(ConditionError) as caught:
        parse("mena(loss, 3) > 1 and foo(2) > 1 and acc")
    assert [p.offset for p in caught.value.problems] == [0, 22, 37]


@pytest.mark.parametrize(
    "text", ["-" * 1500 + "1 > loss", "(" * 999 + "1" + ")" * 999 + "> x", "x > " + "1+" * 900 + "1", "x" * 3000]
)
def test_conditions_that_are_made_to_hurt_are_refused(text):
    with pytest.raises(ConditionError):
        parse(text)


def test_a_condition_names_its_metrics_in_order():
    condition = parse('val_loss > 2 * last(train/loss) and m["eval/top-1 acc"] < mean(acc, 10)')
    assert condition.metrics == ("val_loss", "train/loss", "eval/top-1 acc", "acc")
