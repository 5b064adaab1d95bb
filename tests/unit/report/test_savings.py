"""Savings by repository, and by a tag of one's choice: in the document, and as CSV."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any, Final

from ecr_cleaner.report.savings import as_csv, by_repository, by_tag
from ecr_cleaner.report.summary import repository_json
from tests.endings import repository

MIB: Final = 2**20


def rows(*repositories: Any) -> list[dict[str, Any]]:
    """Repositories as a summary has them."""
    return [repository_json(one) for one in repositories]


SHOP: Final = rows(
    repository("a", removable=1, keep_days=30, savings_tag="blue"),
    repository("b", removable=4, removed=2, keep_days=30, savings_tag="red"),
    repository("c", removable=2, keep_days=30, savings_tag="blue"),
    repository("d", removable=0, keep_days=30),
    repository("e", status="skipped", images=0, removable=0),
)


def test_each_repository_has_its_savings_and_the_largest_is_first() -> None:
    """What went, then what would go; one that was not evaluated has none."""
    found = by_repository(SHOP, 100.0, "delete")
    assert [(one["repository"], one["tag"]) for one in found] == [
        ("b", "red"),
        ("c", "blue"),
        ("a", "blue"),
        ("d", None),
    ]
    assert (found[0]["images"], found[0]["removable"], found[0]["removed"]) == (5, 4, 2)
    assert (found[0]["bytes_total"], found[0]["bytes_removable"], found[0]["bytes_removed"]) == (
        5 * MIB,
        4 * MIB,
        2 * MIB,
    )
    assert (found[0]["usd_per_month_removable"], found[0]["usd_per_month_removed"]) == (0.42, 0.21)


def test_the_values_of_a_tag_are_sums() -> None:
    """Of all repositories with this value; those without the tag are one sum too."""
    found = by_tag(SHOP, 100.0, "delete")
    assert [(one["tag"], one["repositories"], one["bytes_removable"]) for one in found] == [
        ("red", 1, 4 * MIB),
        ("blue", 2, 3 * MIB),
        (None, 1, 0),
    ]
    assert sum(one["images"] for one in found) == sum(one["images"] for one in by_repository(SHOP, 1.0, "delete"))


def test_what_is_only_archived_saves_nothing() -> None:
    """A GB costs the same there."""
    (one,) = by_repository(rows(repository(removable=3, keep_days=30)), 100.0, "archive")
    assert (one["removable"], one["bytes_removable"], one["usd_per_month_removable"]) == (3, 0, 0.0)


def test_a_spreadsheet_reads_it() -> None:
    """A line of titles, a line for each repository, numbers as numbers."""
    read = list(csv.DictReader(StringIO(as_csv(by_repository(SHOP, 100.0, "delete"), "team"))))
    assert [(one["repository"], one["tag team"]) for one in read] == [
        ("b", "red"),
        ("c", "blue"),
        ("a", "blue"),
        ("d", ""),
    ]
    assert (read[0]["bytes_removed"], read[0]["usd_per_month_removed"]) == (str(2 * MIB), "0.21")
    assert "tag" not in as_csv(by_repository(SHOP, 100.0, "delete"), None).splitlines()[0]


def test_no_value_of_a_tag_is_a_formula_or_a_column() -> None:
    """Whoever may tag a repository does not compute in somebody's spreadsheet."""
    values = ["=1+2", "+x", "-x", "@SUM(A1)", 'a","b', "a,b"]
    told = rows(*(repository(f"r{n}", keep_days=30, savings_tag=value) for n, value in enumerate(values)))
    read = list(csv.DictReader(StringIO(as_csv(by_repository(told, 1.0, "delete"), "=team"))))
    assert [one["tag =team"] for one in read] == ["'=1+2", "'+x", "'-x", "'@SUM(A1)", 'a","b', "a,b"]
