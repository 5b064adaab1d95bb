"""What a scan tells of names that could not be read: all consumers, and no more sentences than people read."""

from __future__ import annotations

from ecr_cleaner.model.finding import FindingKind, Severity
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage
from ecr_cleaner.usage.name_problems import MOST, findings, notes


def usage(
    consumer: str,
    problem: str = "image name 'App': wrong",
    repository: str | None = None,
    breadth: ReferenceScope = ReferenceScope.IMAGE,
) -> Usage:
    """One by a consumer."""
    return Usage(Reference("App", repository=repository, breadth=breadth), "ecs", consumer, problem=problem)


def test_each_name_is_told_once_with_its_consumer_and_the_remedy() -> None:
    """Two references may have come of one name."""
    assert notes([usage("a"), usage("a"), usage("b", repository="app"), usage("fine", "")]) == (
        "a: image name 'App': wrong; mend it there, or delete what names it",
        "b: image name 'App': wrong; mend it there, or delete what names it",
    )


def test_what_protects_nothing_or_is_told_as_a_wide_usage_is_no_finding_here() -> None:
    """Nothing is kept by the one, and the finding on the other has more."""
    wide = usage("c", repository="app", breadth=ReferenceScope.REPOSITORY)
    (found,) = findings([usage("a"), usage("b", repository="app"), wide])
    assert (found.kind, found.severity, found.subject) == (FindingKind.UNREADABLE_REFERENCE, Severity.WARNING, "b")
    assert found.detail == "b: image name 'App': wrong; mend it there, or delete what names it"


def test_of_very_many_the_number_is_told() -> None:
    """The first ones are enough to find the cause."""
    many = [usage(f"task {number:03}", repository="app") for number in range(MOST + 3)]
    *first, last = notes(many)
    assert (len(first), last) == (MOST, "and 3 more names that could not be read as they are written")
    *told, more = findings(many)
    assert (len(told), more.subject, more.detail[:12]) == (MOST, "registry", "3 more names")
