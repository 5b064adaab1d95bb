"""Three nights in an ordinary account: what nothing needs goes, what is needed stays, and what holds back says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws import Fault
from tests.fake_aws.apprunner import AppRunner
from tests.fake_aws.aws import ACCOUNT
from tests.fake_aws.codebuild import CodeBuild
from tests.fake_aws.ecs_state import Ecs
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

SCENARIO: Final = Path(__file__).parents[1] / "fake_aws/scenarios/ordinary.yaml"
MACHINE: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"
DENIED: Final = ("braket", "gamelift", "omics")
"""What the organization forbids: their sources and their services have the same names."""
SETTINGS: Final[dict[str, Any]] = {
    "accepted_gaps": {
        f"unreadable:{MACHINE}payments": "starts no image",
        f"usage:{MACHINE}anything": "started by hand, with images of another registry",
        "other_accounts:tools/*": "no other account runs them",
        **{f"source:{name}": "not used here" for name in DENIED},
    },
    "max_removals_per_repository": 8,
    "protected_images": ["web/site:by-hand"],
    "used_images": {"bucket": "lists", "prefix": "used/", "max_age_hours": 24},
}


@pytest.fixture
def account(run: Runner, sandbox: Sandbox) -> Sandbox:
    """The scenario, in a region that lacks some listings and under an organization that forbids some services."""
    run.standing = {}
    sandbox.seed(SCENARIO)
    for operation in ("ListInferenceComponents", "ListOptimizationJobs"):
        sandbox.inject(Fault(service="sagemaker", operation=operation, kind="not_offered"))
    for service in DENIED:
        sandbox.inject(Fault(service=service, kind="denied_by_organization"))
    return sandbox


FINDINGS: Final = {
    ("kept_without_rule", "ci/cache"),
    ("open_to_other_accounts", "partners/connector"),
    ("open_to_other_accounts", "tools/cli"),
    ("wide_usage", "newest task definition of family odd"),
    ("wide_usage", f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/integration"),
    ("wide_usage", f"{MACHINE}train"),
}
"""What holds something back, by kind and subject; each says what mends it."""

NOTES: Final = (
    "batch job definition hub:1: image name 'None:None'",
    "newest task definition of family from-a-guide: image name '<aws_account_id>.dkr.ecr.",
    "newest task definition of family shouting: image name ",
    "newest task definition of family stale: image name ",
    "inventory used/cluster.json: item 1, image name ",
    "inventory used/cluster.json: item 2, image name ",
    "inventory used/cluster.json: item 3, image name ",
    f"not offered in {REGION}: ListInferenceComponents ",
    f"not offered in {REGION}: ListOptimizationJobs ",
    f"not read, so what it uses is not protected: {MACHINE}payments ",
)
"""How notes begin on what holds nothing back."""


def told(outcome: Outcome) -> set[tuple[str, str]]:
    """Findings by kind and subject."""
    return {(finding["kind"], finding["subject"]) for finding in outcome.told["findings"]}


def ids(sandbox: Sandbox, beginning: str) -> set[str]:
    """Digests of the images whose ids begin so."""
    return {digest for (_, name), digest in sandbox.state.ids.items() if name.startswith(beginning)}


def a_day_passes(sandbox: Sandbox, past: Past) -> None:
    """The only App Runner service is deleted, last night's build is over, and previews end while the run reads."""
    past.passes(days=1)
    sandbox.state.store(REGION, AppRunner).services.clear()
    for build in sandbox.state.store(REGION, CodeBuild).builds.values():
        build["buildComplete"] = True
    ecs, events = sandbox.state.store(REGION, Ecs), sandbox.client("events")
    rule = events.list_targets_by_rule(Rule="preview")

    def end_service(_: object) -> None:
        for key in [key for key in ecs.services if "preview" in str(key)]:
            del ecs.services[key]

    sandbox.before("ecs", "DescribeServices", end_service)

    def end_rule(_: object) -> None:
        events.remove_targets(Rule="preview", Ids=[one["Id"] for one in rule["Targets"]])
        events.delete_rule(Name="preview")

    sandbox.before("events", "ListTargetsByRule", end_rule)


def test_everything_that_nothing_needs_goes_and_nothing_else(
    run: Runner, account: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """In the first night that grace allows, but for what a limit leaves for the night after."""
    unneeded = ids(account, "unneeded-")
    nights = [night(**SETTINGS)]
    a_day_passes(account, past)
    # Who protected it by hand took it out.
    nights.append(night(**SETTINGS | {"protected_images": []}))
    past.passes(days=1)
    nights.append(night(**SETTINGS | {"protected_images": []}))
    assert [(one.status, one.causes) for one in nights] == [("completed", "")] * 3
    late = run.ids("unneeded-crowded-9", "unneeded-crowded-10")
    gone = [{digest for digests in one.gone.values() for digest in digests} for one in nights]
    assert gone == [set(), unneeded - late, late]
    left = {image.digest for name in run.contents() for image in account.images(name)}
    assert left == ids(account, "") - unneeded
    for one in nights:
        assert told(one) >= FINDINGS
        assert [note for note in NOTES if not any(line.startswith(note) for line in one.told["notes"])] == []
        assert {line.partition(" in ")[0].partition(": ")[0] for line in one.told["unprotected"]} == {
            gap.removeprefix("source:") for gap in SETTINGS["accepted_gaps"]
        }
    assert told(nights[0]) == told(nights[2]) == told(nights[1]) - {("removals_limited", "crowded")}
    assert ("removals_limited", "crowded") in told(nights[1])
