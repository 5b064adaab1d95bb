"""What is said of everything that was denied."""

from __future__ import annotations

from typing import Final

import pytest

from ecr_cleaner.decision import denials
from ecr_cleaner.model.scan import Denial, PolicyType, SourceOutcome, SourceStatus
from tests.builders import TARGET

ROLE: Final = "arn:aws:sts::123456789012:assumed-role/cleaner"
SCP: Final = "arn:aws:organizations::987654321098:policy/o-1/service_control_policy/p-1"


def failed(name: str, permission: str, policy: PolicyType, *, explicit: bool = True, arn: str = "") -> SourceOutcome:
    """A source that was denied something."""
    gap = "" if name in {"ecs", "lambda"} else f"source:{name}"
    denial = Denial(permission, ROLE, policy, explicit, arn, gap, f"what {name} runs")
    return SourceOutcome(TARGET, name, SourceStatus.FAILED, detail="denied", denial=denial)


def test_nothing_is_said_where_nothing_was_denied() -> None:
    """Whatever else failed."""
    assert denials.sentence([]) == ""
    assert denials.sentence([SourceOutcome(TARGET, "ecs", SourceStatus.FAILED, detail="cut short")]) == ""


def test_an_organization_that_denies_services_gets_one_entry_for_all() -> None:
    """What is missing, whose it is, what mends it, what excluding leaves unprotected, and the line to paste."""
    services = ["omics", "braket", "batch"]
    found = [failed(one, f"{one}:List", PolicyType.SERVICE_CONTROL, arn=SCP) for one in services]
    assert denials.sentence(found) == (
        f"permissions are missing: in 123456789012/us-east-1 {ROLE} is denied by a service control policy {SCP}:"
        " batch:List (source batch), braket:List (source braket), omics:List (source omics);"
        " to mend this, allow it for the caller in the organization's service control policies;"
        " or, where an organization forbids these services to everybody, exclude their sources at your own risk, and"
        " images that only these use are not protected: what batch runs; what braket runs; what omics runs:"
        ' accepted_gaps = { "source:batch" = "<reason>", "source:braket" = "<reason>", "source:omics" = "<reason>" }'
    )


@pytest.mark.parametrize("policy", list(PolicyType))
@pytest.mark.parametrize("explicit", [True, False])
def test_only_what_an_organization_denies_may_be_excluded(policy: PolicyType, *, explicit: bool) -> None:
    """Everything else can be mended in the account. ECS, ECS's families, Lambda and EKS are never proposed."""
    told = denials.sentence([failed("batch", "batch:ListJobs", policy, explicit=explicit)])
    assert ("accepted_gaps" in told) is (policy is PolicyType.SERVICE_CONTROL)
    assert "batch:ListJobs" in told
    assert "to mend this, " in told
    indispensable = failed("ecs", "ecs:ListClusters", policy, explicit=explicit)
    assert "accepted_gaps" not in denials.sentence([indispensable])
    assert '"source:ecs"' not in denials.sentence([indispensable, failed("batch", "batch:ListJobs", policy)])


def test_a_permission_that_several_sources_need_is_named_once() -> None:
    """With all of them; each policy is a cause of its own, with its own remedy."""
    told = denials.sentence(
        [
            failed("ecs", "ecs:ListClusters", PolicyType.IDENTITY, explicit=False),
            failed("ecs_daemons", "ecs:ListClusters", PolicyType.IDENTITY, explicit=False),
            failed("batch", "batch:ListJobs", PolicyType.BOUNDARY),
        ]
    )
    both = "(source ecs, source ecs_daemons)"
    assert f"no identity-based policy allows {ROLE}: ecs:ListClusters {both}" in told
    assert f"{ROLE} is denied by a permissions boundary: batch:ListJobs (source batch)" in told
    assert "; allow it in the permissions boundary of the caller" in told
    assert "; to mend this, allow it in an identity-based policy of the caller" in told


def test_several_causes_are_one_sentence() -> None:
    """Where AWS does not say who was denied, it is whoever called, the function or a person."""
    unknown = Denial("ecs:ListClusters", "", PolicyType.UNKNOWN)
    nobody = SourceOutcome(TARGET, "ecs", SourceStatus.FAILED, detail="denied", denial=unknown)
    told = denials.sentence([nobody, failed("batch", "batch:ListJobs", PolicyType.IDENTITY, explicit=False)])
    start, _, _ = told.partition("; to mend this, ")
    here = "in 123456789012/us-east-1"
    assert start == (
        f"permissions are missing: {here} no identity-based policy allows {ROLE}: batch:ListJobs (source batch);"
        f" {here} the caller is denied: ecs:ListClusters (source ecs)"
    )


def test_what_failed_otherwise_is_told_by_itself() -> None:
    """After the one sentence on what was denied."""
    other = SourceOutcome(TARGET, "omics", SourceStatus.FAILED, detail="cut short")
    denied = failed("batch", "batch:ListJobs", PolicyType.UNKNOWN)
    assert denials.failed_sources((other, denied)) == [
        denials.sentence([denied]),
        "source omics in 123456789012/us-east-1: cut short",
    ]
