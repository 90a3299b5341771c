"""What the unit tests of the state file begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_values import NOW

from walert.store.outbox import SqliteOutbox
from walert.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "walert.db", now=NOW) as opened:
        yield opened


@pytest.fixture
def outbox(store: Store) -> Iterator[SqliteOutbox]:
    with SqliteOutbox(store.path) as opened:
        yield opened
