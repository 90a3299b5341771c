"""Facts for `walert status`: those of runs go with the runs, those of the daemon stay."""

from __future__ import annotations

from pathlib import Path

from walert.store.reader import Reader
from walert.store.store import Store
from walert.store.values import Changes

DAY = 86_400.0


def test_what_is_told_of_a_run_goes_after_thirty_days(tmp_path: Path) -> None:
    path = tmp_path / "walert.db"
    with Store.open(path, now=1.0) as store:
        store.commit(Changes(at=1.0, facts={"blind:old": {"rules": []}, "daemon": {"pid": 1}}))
        store.commit(Changes(at=20 * DAY, facts={"blind:new": {"rules": []}}))
        store.expire(29 * DAY)
        assert facts(path) == ["blind:new", "blind:old", "daemon"]
        store.expire(31 * DAY)
    assert facts(path) == ["blind:new", "daemon"]


def facts(path: Path) -> list[str]:
    with Reader(path) as reader:
        return sorted(reader.status().facts)
