"""What the tests of following begin with: an empty watched folder, a log's path in it, and a follower turned by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from following import Tail


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The watched folder."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def log(runs: Path) -> Path:
    """A log in it, not written yet."""
    return runs / "m.jsonl"


@pytest.fixture
def tail(runs: Path) -> Iterator[Tail]:
    """A follower of the folder."""
    with Tail(runs) as tail:
        yield tail
