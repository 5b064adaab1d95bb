"""Every region in which consumers are looked for, before anything is turned on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ecr_cleaner.cli.commands.targets import rows_of
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.model.scan import ALL_SOURCES, SourceOutcome, SourceStatus
from tests.builders import TARGET
from tests.fake_aws import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox


def test_every_region_and_what_is_missing_there(command: Command, sandbox: Sandbox) -> None:
    """One that cannot be read stops every removal; one that a person left out does not."""
    sandbox.seed({"regions": dict.fromkeys(["eu-west-1", "eu-west-2", "eu-west-3"], "ENABLED_BY_DEFAULT")})
    sandbox.inject(Fault(service="batch", operation="DescribeJobQueues", kind="access_denied", region="eu-west-1"))
    words = ("targets", "--accept-gap", "region:eu-west-3")
    ended = command(*words)
    assert ended.code == ExitCode.REFUSED
    assert "batch: batch:DescribeJobQueues is denied" in " ".join(ended.out.split())
    document = json.loads(command(*words, "--format", "json").out)
    told = {row["region"]: row["outcome"] for row in document["targets"]}
    assert told == {"us-east-1": "complete", "eu-west-1": "failed", "eu-west-2": "complete", "eu-west-3": "disabled"}
    assert command(*words, "--accept-gap", "region:eu-west-1").code == 0


def outcome(status: str, source: str = "ecs", cluster: str | None = None) -> SourceOutcome:
    """How a source ended."""
    return SourceOutcome(TARGET, source, SourceStatus(status), cluster=cluster, usages=1, detail=f"why {source}")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([outcome("complete"), outcome("not_offered", "omics")], [(None, "complete", ["omics: why omics"])]),
        ([outcome("complete"), outcome("failed", "omics")], [(None, "failed", ["omics: why omics"])]),
        (
            [outcome("closed", ALL_SOURCES), outcome("disabled", "omics")],
            [(None, "closed", ["why *", "omics: why omics"])],
        ),
        (
            [outcome("disabled"), outcome("not_offered", "omics")],
            [(None, "disabled", ["ecs: why ecs", "omics: why omics"])],
        ),
        (
            [outcome("complete"), outcome("failed", "eks", "prod"), outcome("complete", "eks", "test")],
            [(None, "complete", []), ("prod", "failed", ["eks: why eks"]), ("test", "complete", [])],
        ),
    ],
)
def test_a_region_is_as_good_as_its_worst_source(
    outcomes: Sequence[SourceOutcome], expected: list[tuple[str | None, str, list[str]]]
) -> None:
    """A cluster with an outcome of its own is a row of its own."""
    assert [(row["cluster"], row["outcome"], row["missing"]) for row in rows_of(outcomes)] == expected
