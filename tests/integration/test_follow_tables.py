"""Tables that are written anew when a column appears: no row is judged twice, and another table in their place is read from its start.

The bytes are those that Lightning's CSVLogger and Keras' CSVLogger write, line ends and order of columns included.
"""

import csv
import io
import os

import pytest
from daemons import Home
from following import Tail

from walert.model import Source


def table(rows, columns=None):
    """Rows as Lightning writes them: columns by name, empty cells, CRLF."""
    names = columns or sorted({name for row in rows for name in row})
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=names)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def training(begin, end):
    return [{"epoch": n // 4, "step": n, "train_loss": round(0.9**n, 6)} for n in range(begin, end)]


BEFORE = training(0, 6)
AFTER = [*BEFORE, {"epoch": 1, "step": 5, "val_loss": 0.7}]


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "exp" / "version_0"
    folder.mkdir(parents=True)
    return folder / "metrics.csv"


@pytest.fixture
def tail(tmp_path):
    with Tail(tmp_path / "exp") as tail:
        yield tail


def rewrite(path, data):
    """In place: the same inode, as `open(path, "w")` does."""
    path.write_bytes(data)


def test_lightning_s_table_is_followed_by_its_name_and_other_tables_when_asked_for(tmp_path, path, tail):
    path.write_bytes(table(BEFORE))
    (tmp_path / "exp" / "metrics.csv").write_bytes(table(BEFORE))
    (tmp_path / "exp" / "data.csv").write_bytes(table(BEFORE))
    assert len(tail.scan()) == 7
    with Tail(Source(path=str(tmp_path / "exp"), format="csv")) as asked:
        assert len(asked.read) == 21


def test_a_table_with_a_new_column_goes_on_behind_what_was_read(path, tail):
    path.write_bytes(table(BEFORE))
    tail.scan()
    rewrite(path, table(AFTER))
    assert tail.scan() == ["epoch,step,train_loss,val_loss", "1,5,,0.7"]
    with_rate = [*AFTER, *training(6, 8), {"epoch": 1, "step": 7, "lr": 0.1}]
    rewrite(path, table(with_rate))
    assert tail.settle() == ["epoch,lr,step,train_loss,val_loss", "1,,6,0.531441,", "1,,7,0.478297,", "1,0.1,7,,"]
    assert len({batch.checkpoint.stream for batch in tail.batches}) == 1
    assert len(tail.told("columns")) == 2
    assert tail.told("rewritten") == []


def test_a_walertd_that_was_restarted_before_knows_the_table_too(path, tail):
    path.write_bytes(table(BEFORE))
    tail.scan()
    assert tail.restart() == []
    rewrite(path, table(AFTER))
    assert tail.settle() == ["epoch,step,train_loss,val_loss", "1,5,,0.7"]


def test_a_table_half_written_waits_until_it_is_whole(path, tail):
    path.write_bytes(table(training(0, 400)))
    tail.scan()
    whole = table([*training(0, 400), {"epoch": 1, "step": 399, "val_loss": 0.7}])
    for cut in (0, 20, 4096, len(whole) - 30):
        rewrite(path, whole[:cut])
        assert tail.sweep(0.1) == []
    rewrite(path, whole)
    assert tail.settle() == ["epoch,step,train_loss,val_loss", "1,399,,0.7"]


def test_one_that_stays_shorter_is_another_table_after_a_moment(path, tail):
    path.write_bytes(table(BEFORE))
    tail.scan()
    rewrite(path, table([{"epoch": 0, "step": 0, "train_loss": 7.5, "val_loss": 1.0}]))
    assert tail.settle() == ["epoch,step,train_loss,val_loss", "0,0,7.5,1.0"]
    assert tail.batches[-1].replaces is not None


@pytest.mark.parametrize(
    "other",
    [
        table([{**row, "val_loss": 1.0} for row in BEFORE]),
        table([{**row, "train_loss": row["train_loss"] + 1, "val_loss": ""} for row in BEFORE] * 2),
        table([{"epoch": row["epoch"], "step": row["step"], "acc": 1} for row in BEFORE] * 2),
        b"epoch,step\n" * 20,
        b"\xff\xfe" * 200 + b"\n" * 20,
        b'"' * 400,
    ],
)
def test_other_rows_are_another_table(path, tail, other):
    path.write_bytes(table(BEFORE))
    tail.scan()
    rewrite(path, other)
    tail.settle()
    assert len(tail.told("rewritten")) == 1
    assert tail.told("columns") == []


def test_a_keras_table_that_is_begun_anew_is_read_from_its_start(tmp_path):
    log = tmp_path / "k.csv"
    rows = [{"epoch": n, "loss": 1.0 / (n + 1)} for n in range(3)]
    log.write_bytes(table(rows, ["epoch", "loss"]).replace(b"\r\n", b"\n"))
    with Tail(log) as tail:
        rewrite(log, table([{"epoch": 0, "loss": 0.75}], ["epoch", "loss"]).replace(b"\r\n", b"\n"))
        assert tail.settle() == ["epoch,loss", "0,0.75"]


RULES = """version: 1
rules:
  - {title: Low loss, when: train_loss < 0.7, wait_duration: 0, repeat: never}
  - {title: Validation, when: val_loss > 0.65, wait_duration: 0, repeat: never}
"""


def test_live_and_replay_decide_the_same_of_a_table_written_anew(tmp_path):
    home = Home(tmp_path, RULES)
    path = home.runs / "lightning_logs" / "version_0" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(table(BEFORE))
    with home.daemon() as daemon:
        daemon.until(lambda: daemon.titles() == ["Low loss"])
        rewrite(path, table(AFTER))
        daemon.until(lambda: daemon.titles() == ["Low loss", "Validation"])
    assert home.counters()["records"] == 7
    rows = home.rows("replay", str(path), "--rules", str(home.rules))
    assert [row["title"] for row in rows if row["happening"] == "firing"] == ["Low loss", "Validation"]
    assert os.path.exists(path)
