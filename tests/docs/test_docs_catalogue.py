"""The table of faults names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent


def test_every_test_that_the_table_of_faults_names_exists():
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    table = page[page.index("## The faults of files") :]
    rows = re.findall(r"^\| (\d+) \| .+? \| (.+) \|$", table, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 109))
    for _, cell in rows:
        for module, names in re.findall(r"`(test_\w+\.py)`: ((?:`\w+`(?:, )?)+)", cell):
            [path] = TESTS.glob(f"*/{module}")
            source = path.read_text(encoding="utf-8")
            for name in re.findall(r"`(\w+)`", names):
                assert f"def test_{name}(" in source, f"{module} has no test_{name}"


def test_every_file_that_the_table_of_faults_names_exists():
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:unit|integration|property|bench)/\w+\.py)", page):
        assert (TESTS / name).is_file(), name
