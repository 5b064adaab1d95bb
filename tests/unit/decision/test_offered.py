"""What answered once is not believed to have gone."""

from __future__ import annotations

import pytest

from ecr_cleaner.decision.offered import checked
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from tests.builders import ACCOUNT, NOW, TARGET

JOBS = "api.sagemaker:ListOptimizationJobs"
ELSEWHERE = ScanTarget(ACCOUNT, "eu-west-1")


def scan(*not_offered: str) -> UsageScan:
    """A scan of a region that does not offer something."""
    missing = SourceOutcome(TARGET, "jobs", SourceStatus.NOT_OFFERED, detail="not offered", not_offered=not_offered)
    return UsageScan((), (SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE), missing), NOW)


@pytest.mark.parametrize(
    ("not_offered", "known", "contradicted"),
    [
        ([JOBS], [], []),
        ([JOBS], ["api.sagemaker:ListModels"], []),
        ([JOBS], [JOBS, "api.sagemaker:ListModels"], [JOBS]),
        (["apprunner:"], ["apprunner:ListServices"], ["apprunner:ListServices"]),
        (["apprunner:"], ["apprunner-x:ListServices"], []),
    ],
)
def test_a_listing_that_answered_before_fails(
    not_offered: list[str], known: list[str], contradicted: list[str]
) -> None:
    """One operation, or all of a service that has no endpoint any more; no other source suffers."""
    first, last = checked(scan(*not_offered), {TARGET: known}).outcomes
    assert first == scan().outcomes[0]
    assert last.status is (SourceStatus.FAILED if contradicted else SourceStatus.NOT_OFFERED)
    assert all(one in last.detail for one in contradicted)


def test_what_contradicts_it_is_told_with_what_to_do() -> None:
    """All of it in one sentence."""
    answered = ["apprunner:ListServices", "apprunner:DescribeService"]
    _, last = checked(scan("apprunner:"), {TARGET: answered}).outcomes
    assert last.detail == (
        "not offered; but in an earlier run apprunner:DescribeService, apprunner:ListServices answered here, so that"
        " what it listed may still be there; to mend this, find out what stands between the function and the service"
        " (the next run asks again)"
    )


def test_each_target_has_its_own_past() -> None:
    """What answered in another region says nothing of this one."""
    assert checked(scan(JOBS), {ELSEWHERE: [JOBS]}) == scan(JOBS)
