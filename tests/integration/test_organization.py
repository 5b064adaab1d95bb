"""Two nights over a company's registry: six accounts pull from it, in three regions, and one is not ready yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws.aws import ACCOUNT
from tests.integration.runner import REGION
from tests.integration.test_kubernetes import HOST, clusters, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome
    from tests.integration.test_kubernetes import Clusters

__all__ = ["clusters"]

SCENARIO: Final = Path(__file__).parents[1] / "fake_aws/scenarios/organization.yaml"
ZURICH, MILAN = "eu-central-2", "eu-south-1"
PRODUCTION, DATA, PLATFORM, TOOLS, NEWCOMER, MANAGEMENT, FORMER = (f"22221111000{number}" for number in range(1, 8))
PARTNER: Final = "444400000001"
ORGANIZATION: Final[dict[str, Any]] = {"organization": True, "regions": "enabled"}
OF_NEWCOMER: Final = ("base/runtime", "base/tools", "new/app")
"""What the newcomer may pull: as itself, or as a part of the organization."""
OF_STRANGERS: Final = {
    "public/site": "from any account",
    "partner/app": f"account {PARTNER} is not in the organization o-exampleorgid",
}
USERS: Final = {
    "needed-own": "ecs service own/own",
    "needed-web-service": f"{PRODUCTION} {REGION} ecs service prod/web",
    "needed-web-task": f"{PRODUCTION} {REGION} newest task definition of family web",
    "needed-web-deployment": f"{PRODUCTION} {ZURICH} EKS cluster prod: Deployment shop/web",
    "needed-jobs-function": f"{DATA} {REGION} lambda function import, version $LATEST",
    "needed-jobs-model": f"{DATA} {ZURICH} sagemaker model churn",
    "needed-jobs-batch": f"{DATA} {ZURICH} batch job definition train:3",
    "needed-jobs-cron": f"{PLATFORM} {REGION} EKS cluster prod: CronJob shop/import",
    "needed-jobs-south": f"{PLATFORM} {MILAN} ecs service south/south",
    "needed-runtime": f"{TOOLS} {ZURICH} app runner service stable",
    "needed-runtime-digest": f"{TOOLS} {ZURICH} app runner service exact",
    "needed-tools": f"{TOOLS} {REGION} schedule default/weekly",
    "needed-tools-management": f"{MANAGEMENT} {REGION} ecs service audit/audit",
    "needed-new": f"{NEWCOMER} {REGION} ecs service new/new",
}
"""By image, who needs it."""


@pytest.fixture
def company(sandbox: Sandbox, clusters: Clusters) -> Sandbox:
    """The scenario, and a cluster in each of two accounts, which have the same name."""
    sandbox.seed(SCENARIO)
    deployed = {"template": {"spec": spec(f"{HOST}/shop/web:deployment")}}
    clusters.add("prod", ZURICH, PRODUCTION).add("deployments", "web", spec=deployed)
    nightly = {"jobTemplate": {"spec": {"template": {"spec": spec(f"{HOST}/data/jobs:cron")}}}}
    clusters.add("prod", REGION, PLATFORM).add("cronjobs", "import", spec=nightly)
    return sandbox


def ids(sandbox: Sandbox, *beginnings: str) -> dict[str, set[str]]:
    """Repository to the digests of the images that are there and whose ids begin so, with the children of indexes."""
    found = {digest for (_, name), digest in sandbox.state.ids.items() if name.startswith(beginnings)}
    held = {name: {one.digest for one in sandbox.images(name)} & found for name in sandbox.state.repositories(REGION)}
    return {name: digests for name, digests in held.items() if digests}


def skipped(outcome: Outcome) -> dict[str, str]:
    """Why repositories were left alone, by their names."""
    return {name: told["detail"] for name, told in outcome.repositories.items() if told["status"] == "skipped"}


@pytest.mark.parametrize("by", ["one invocation", "the state machine"])
def test_two_nights_lose_nothing_that_an_account_needs(
    company: Sandbox, past: Past, night: Callable[..., Outcome], request: pytest.FixtureRequest, by: str
) -> None:
    """What somebody may pull who was not looked at is skipped, with its remedy; all the rest is cleaned."""
    start = request.getfixturevalue("machine") if by == "the state machine" else None
    unneeded, later = ids(company, "unneeded-"), ids(company, "later-")
    needed = ids(company, "needed-", "kept-")
    first = night(start=start, **ORGANIZATION)
    assert (first.status, first.gone) == ("degraded", unneeded)
    why = skipped(first)
    assert why.keys() == {*OF_STRANGERS, *OF_NEWCOMER}
    for name in OF_NEWCOMER:
        assert f"account {NEWCOMER} was not looked at completely" in why[name], name
        assert f"apply modules/usage-reader in account {NEWCOMER}" in why[name], name
    for name, cause in OF_STRANGERS.items():
        assert cause in why[name], name
        assert "; to mend this, " in why[name], name
        assert first.repositories[name]["setting"] == f"other_accounts:{name}"
    _looked_only_where_it_may(company)

    past.passes(days=1)
    company.accounts.add_reader(NEWCOMER)
    second = night(start=start, **ORGANIZATION)
    assert (second.status, second.causes, second.gone) == ("completed", "", later)
    assert skipped(second).keys() == OF_STRANGERS.keys()
    assert ids(company, "") == needed
    kept = second.kept()
    evidence = {name: kept[company.digest(name)][1] for name in USERS}
    assert {name: told for name, told in evidence.items() if USERS[name] not in told} == {}
    (index,) = (image for image in company.images("base/runtime") if image.children)
    assert kept.keys() >= set(index.children)
    assert f"account {FORMER} is not looked at, because nothing runs there: it is CLOSED" in str(second.told)


def _looked_only_where_it_may(company: Sandbox) -> None:
    """By sessions of the role, in regions that the account enabled, without writing or getting anybody's code."""
    looked = {(call.account, call.region) for call in company.calls if call.service == "ecs"}
    everywhere = {(account, REGION) for account in (ACCOUNT, PRODUCTION, DATA, PLATFORM, TOOLS, MANAGEMENT)}
    assert looked == everywhere | {(account, ZURICH) for account in (PRODUCTION, DATA, TOOLS)} | {(PLATFORM, MILAN)}
    abroad = {call.operation for call in company.calls if call.account != ACCOUNT}
    assert {name for name in abroad if not name.startswith(("BatchGet", "Describe", "Get", "List", "Search"))} == set()
    assert "GetFunction" not in abroad
