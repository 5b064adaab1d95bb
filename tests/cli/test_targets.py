"""Every region in which consumers are looked for, before anything is turned on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.cli.commands.targets import rows_of
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.model.scan import ALL_SOURCES, SourceOutcome, SourceStatus
from tests.builders import TARGET
from tests.cli.conftest import FEW
from tests.fake_aws import Fault
from tests.fake_aws.identities import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox


WORDS: Final = ("targets", *FEW)


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


OTHER: Final = "222233334444"


def test_other_accounts_and_what_is_missing_there(command: Command, sandbox: Sandbox) -> None:
    """By the role, beside the settings' accounts; what is missing there stops nothing here."""
    sandbox.account(OTHER)
    denied = command(*WORDS, "--accounts", OTHER)
    assert denied.code == ExitCode.DEGRADED
    told = " ".join(denied.out.split())
    assert f"apply modules/usage-reader in account {OTHER}, so that its role ecr-cleaner-reader is there" in told
    sandbox.account(OTHER, reader=True)
    ended = command(*WORDS, "--accounts", OTHER, "--format", "json")
    assert ended.code == 0
    assert {(row["account_id"], row["region"], row["outcome"]) for row in json.loads(ended.out)["targets"]} == {
        ("123456789012", "us-east-1", "complete"),
        (OTHER, "us-east-1", "complete"),
    }
    assert {call.operation for call in sandbox.calls if call.account == OTHER} >= {"ListRegions", "ListClusters"}


def test_a_profile_is_used_in_place_of_the_role(command: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    """As on the machine of whoever may not be trusted by any role; one of another account is refused."""
    sandbox.account(OTHER)
    config = tmp_path / "config"
    keys = {"shop": key_of(OTHER), "own": "sandbox"}
    config.write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = {key}\naws_secret_access_key = sandbox\n"
            for name, key in keys.items()
        )
    )
    env = {"AWS_CONFIG_FILE": str(config)}
    ended = command(*WORDS, "--accounts", f"{OTHER}=shop", "--format", "json", env=env)
    assert (ended.code, json.loads(ended.out)["other_accounts"]) == (0, [])
    assert "AssumeRole" not in {call.operation for call in sandbox.calls}
    ended = command(*WORDS, "--accounts", f"{OTHER}=own", "--format", "json", env=env)
    assert ended.code == ExitCode.DEGRADED
    (cause,) = json.loads(ended.out)["other_accounts"]
    assert "profile own is in account 123456789012, not in" in cause


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["2222"], "'2222' is not ID or ID=PROFILE, such as 222233334444=shop"),
        ([f"{OTHER}="], f"'{OTHER}=' is not ID or ID=PROFILE"),
        ([OTHER, f"{OTHER}=shop"], f"{OTHER} is there twice"),
    ],
)
def test_accounts_that_are_none_are_refused(command: Command, words: Sequence[str], problem: str) -> None:
    """Before the first call."""
    ended = command("targets", *(word for one in words for word in ("--accounts", one)))
    assert ended.code == ExitCode.WRONG_USAGE
    assert problem in " ".join(ended.err.split())


def test_the_own_account_is_no_other_one(command: Command) -> None:
    """It would be looked at twice."""
    ended = command(*WORDS, "--accounts", "123456789012")
    assert ended.code != 0
    assert "must not name 123456789012, the registry's own account" in " ".join(ended.err.split())


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
