"""What the files of a run know of each other when some of them are gone."""

from __future__ import annotations

from walert.rules.company import MOST_SPANS, Company


def test_files_that_are_rotated_away_do_not_pile_up() -> None:
    company = Company(gap=10.0)
    for n in range(1000):
        company.wrote(f"log-{n}", n * 100.0, n * 100.0 + 50.0)
        company.logged(f"log-{n}", "loss", n * 100.0)
        company.part(f"log-{n - 1}")
    assert len(company) == 2
    assert len(company.returns("log-999", 0.0, 1e9)) <= MOST_SPANS


def test_what_a_file_that_is_gone_logged_and_when_it_was_written_counts_on() -> None:
    company = Company(gap=10.0)
    company.wrote("old", 100.0, 150.0)
    company.logged("old", "loss", 100.0)
    company.wrote("other", 120.0, 180.0)
    company.logged("other", "loss", 120.0)
    company.part("old")
    company.part("other")
    assert company.has("loss", "new", 100.0) and not company.has("loss", "new", 99.0)
    assert company.newest("new", 1000.0) == 180.0
    assert company.returns("new", 50.0, 1000.0) == [100.0]


def test_a_file_that_is_not_known_can_be_gone() -> None:
    company = Company()
    company.part("nobody")
    assert len(company) == 0
