"""What becomes of a source whose answers are not what it takes them for, or whose service botocore does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.source import RequiredField
from tests.aws_calls.consumers import written
from tests.aws_calls.sources import FIRST_CALLS, NAMES, SOURCES, alone, collected, mend, outcome, quiet
from tests.builders import ACCOUNT, NOW, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.usage.source import Source, SourceContext
    from tests.aws_calls.script import Script

COMPLETE, FAILED = SourceStatus.COMPLETE, SourceStatus.FAILED
MISUNDERSTOOD: Final = "a response could not be understood: "


@pytest.mark.parametrize(
    ("name", "items", "cause"),
    [
        ("lambda", [None], "AttributeError("),
        ("lambda", ["api"], "AttributeError("),
        ("lambda", 7, "TypeError("),
        ("lambda", [{"PackageType": "Image", "FunctionName": "api", "Version": "7", "CodeSha256": 7}], "TypeError("),
        ("apprunner", [7], "TypeError("),
        ("eventbridge", [7], "TypeError("),
        ("scheduler", [7], "TypeError("),
        ("eks", ["shop", None], "TypeError("),
    ],
)
def test_an_answer_that_is_not_what_its_model_says_fails_its_source(
    script: Script, name: str, items: object, cause: str
) -> None:
    """Half an answer, or that of somebody in between: the other sources are asked all the same, and the run reports."""
    quiet(script, name)
    service, method, result, asked = FIRST_CALLS[name]
    script.cut_short(service, method, {result: items}, {result: []}, **asked)
    ended = outcome(collected(script), name)
    assert (ended.status, ended.usages) == (FAILED, 0)
    assert ended.detail.startswith(f"{MISUNDERSTOOD}{cause}")
    assert ended.detail.endswith(mend(name))


@pytest.mark.parametrize("source", catalog.SOURCES, ids=lambda source: source.name)
def test_what_is_read_is_known_to_botocore(source: Source, script: Script) -> None:
    """A member that it does not know is dropped, and the run refused."""
    unknown = [field for field in source.fields if not script.aws.knows(field.service, field.operation, field.path)]
    assert unknown == []
    assert bool(source.fields) is bool(source.grants), "what asks reads, and what asks nobody reads nothing"


def one_usage() -> Usage:
    """A usage that does not matter."""
    return Usage(written(), "made-up", "a consumer")


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("'NoneType' object has no attribute 'get'"),
        IndexError("list index out of range"),
        KeyError("image"),
        TypeError("'NoneType' object is not iterable"),
        ValueError("not enough values to unpack"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_member_missed_deep_inside_fails_its_source(script: Script, error: Exception) -> None:
    """Whatever Python calls it; what was found before counts for nothing."""

    def collect(_: SourceContext) -> Iterator[Usage]:
        yield one_usage()
        raise error

    detail = f"{MISUNDERSTOOD}{error!r}{mend('made-up', 'things made up')}"
    assert alone(script, collect) == UsageScan(
        (), (SourceOutcome(TARGET, "made-up", FAILED, detail=detail),), NOW, account_id=ACCOUNT
    )


def test_a_bug_is_no_outcome(script: Script) -> None:
    """What nobody raises on purpose, and no answer can cause, ends the run and is never read as an answer."""

    def broken(_: SourceContext) -> Iterator[Usage]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        alone(script, broken)


# What the loaded botocore must know


def unasked(_: SourceContext) -> Iterator[Usage]:
    """Fail the test if the source is asked."""
    raise AssertionError


IMAGE: Final = "tasks[].containers[].image"


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("DescribeTasks", "tasks[].containers[].imageHash"),
        ("DescribeTasks", "tasks[].container[].image"),
        ("DescribeTasks", "tasks[].containers.image"),
        ("DescribeTasks", "tasks{}.containers[].image"),
        ("DescribeEverything", IMAGE),
        ("TagResource", "tags[].key"),
    ],
    ids=["member", "list", "a list taken for a structure", "a list taken for a map", "operation", "no answer at all"],
)
def test_a_source_that_botocore_does_not_know_is_not_asked(script: Script, operation: str, path: str) -> None:
    """An older one drops what it does not know, and an image that is named there would look unused."""
    scan = alone(script, unasked, RequiredField("ecs", "DescribeTasks", IMAGE), RequiredField("ecs", operation, path))
    detail = f"the loaded botocore does not know {path} of ecs {operation}{mend('made-up', 'things made up')}"
    assert scan == UsageScan((), (SourceOutcome(TARGET, "made-up", FAILED, detail=detail),), NOW, account_id=ACCOUNT)


def test_a_source_whose_service_botocore_does_not_know_is_not_asked(script: Script) -> None:
    """It has no client, and whether the region has the service is not known either."""
    scan = alone(script, unasked, RequiredField("things", "ListThings", "things[]"), service="things")
    (ended,) = scan.outcomes
    assert (scan.usages, ended.status) == ((), FAILED)
    assert ended.detail.startswith("Unknown service: 'things'.")


def test_a_source_that_botocore_knows_is_asked(script: Script) -> None:
    """Every member that it says it reads is looked up, and its usages count."""
    scan = alone(script, lambda _: iter([one_usage()]), RequiredField("ecs", "DescribeTasks", IMAGE))
    assert scan == UsageScan(
        (replace(one_usage(), target=TARGET),),
        (SourceOutcome(TARGET, "made-up", COMPLETE, usages=1),),
        NOW,
        account_id=ACCOUNT,
    )


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_the_locked_botocore_knows_what_the_sources_read(script: Script, source: Source) -> None:
    """A misspelt member would refuse every run."""
    assert source.fields
    for field in source.fields:
        assert script.aws.knows(field.service, field.operation, field.path), field
