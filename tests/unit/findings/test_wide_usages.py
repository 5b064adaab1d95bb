"""What a run tells of consumers whose usages cover more than an image."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from ecr_cleaner.decision.wide_usages import KeptAlone, by_consumer
from ecr_cleaner.findings.wide_usages import WideUsages, covered, remedy
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.usage import ReferenceScope, Usage, UsageKind
from ecr_cleaner.reference import LONGEST_TEXT, named
from tests.builders import HOST

MACHINE: Final = "arn:aws:states:us-east-1:123456789012:stateMachine:train"
MENDED: Final = "to mend this, name a complete reference there: host, repository, and tag or digest"
ACCEPTED: Final = (
    "; or accept, at your own risk, that what only these use is not protected:"
    f' accepted_gaps = {{ "usage:{MACHINE}" = "<reason>" }}'
)


def usage(
    name: str, breadth: ReferenceScope = ReferenceScope.REPOSITORY, *, arn: str = MACHINE, source: str = "stepfunctions"
) -> Usage:
    """A usage of a text."""
    reference = named(name, host=HOST, breadth=breadth)
    return Usage(reference, source, "state machine train", UsageKind.SCHEDULED, consumer_arn=arn, in_text=True)


def told(*usages: Usage, **kept: KeptAlone | None) -> list[Finding]:
    """What is found of usages, with what each repository says of them."""
    wide = WideUsages(by_consumer(usages))
    for repository, one in kept.items():
        wide.add(repository, None)  # an earlier evaluation does not count
        wide.add(repository, one)
    return list(wide.findings())


def test_a_consumer_is_one_finding_with_the_sum_of_what_it_keeps() -> None:
    """Who it is, what it names, what that covers, how much only it keeps, what mends it, and last what accepts it."""
    kept = {"app": KeptAlone(MACHINE, 2, 300), "web": KeptAlone(MACHINE, 1, 50), "api": KeptAlone("other", 9, 9)}
    assert told(usage("app"), usage("sh", ReferenceScope.PREFIX), **kept, db=None) == [
        Finding(
            FindingKind.WIDE_USAGE,
            Severity.WARNING,
            MACHINE,
            f"state machine train ({MACHINE}) uses more than an image: {HOST}/app:* (every image of the repository"
            f" app); {HOST}/sh* (every image of all repositories whose names begin with sh); it alone keeps 3 images;"
            f" {MENDED}{ACCEPTED}",
            350,
        )
    ]


def test_what_is_wrong_with_a_name_is_told_there() -> None:
    """Once, and in no other finding."""
    odd = replace(usage("app"), problem="image name 'x': odd")
    (found,) = told(odd, replace(odd, reference=named("web", breadth=ReferenceScope.REPOSITORY)))
    assert found.detail.count("; image name 'x': odd; it alone keeps 0 images; ") == 1


@pytest.mark.parametrize(
    ("name", "breadth", "words"),
    [
        ("shop/app", ReferenceScope.REPOSITORY, "every image of the repository shop/app"),
        ("shop/", ReferenceScope.PREFIX, "every image of all repositories whose names begin with shop/"),
        ("", ReferenceScope.PREFIX, "every image of the registry"),
        ("", ReferenceScope.REGISTRY, "every image of the registry"),
    ],
)
def test_what_a_reference_covers_is_told_in_words(name: str, breadth: ReferenceScope, words: str) -> None:
    """Whichever way it is written."""
    assert covered(named(name, breadth=breadth)) == words


def test_who_has_no_arn_cannot_be_accepted() -> None:
    """Then only what mends it is told; the subject is the name."""
    (found,) = told(usage("app", arn=""))
    assert found.subject == "state machine train"
    assert found.detail.endswith(MENDED)
    running = Usage(usage("app").reference, "ecs", "task", UsageKind.RUNNING, consumer_arn="arn:aws:ecs:x:1:task/a")
    assert remedy([running]) == MENDED


def test_what_a_person_lists_on_purpose_is_for_information() -> None:
    """Of a list the finding says how much it keeps, and warns of nothing."""
    (found,) = told(usage("app", arn="", source="protected_images"))
    assert found.severity is Severity.INFO


def test_few_references_are_told_and_none_is_long() -> None:
    """However many there are."""
    (found,) = told(*(usage(f"{'a' * 250}/{number}{'b' * 100}") for number in range(9)))
    assert " and 6 more; it alone keeps 0 images" in found.detail
    assert max(len(one.reference.text) for one in [usage("a" * 400)]) == LONGEST_TEXT
