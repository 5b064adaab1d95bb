"""How the regions of the account are listed, and what a run knows before any scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError

from ecr_cleaner.model.scan import ALL_SOURCES, SourceStatus
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.regions import targets
from tests.builders import ACCOUNT, NOW, TARGET

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

ENABLED: Final = Settings(regions="enabled")
ASKED: Final[dict[str, Any]] = {"MaxResults": 50}


def region(name: str, status: str) -> dict[str, str]:
    """As ListRegions has it."""
    return {"RegionName": name, "RegionOptStatus": status}


def test_every_region_in_which_something_may_run(script: Script) -> None:
    """Home first; only what is disabled is out of the question, and a status that nobody knows is not."""
    first = [region("us-east-1", "ENABLED_BY_DEFAULT"), region("eu-west-1", "ENABLED"), region("a-b-1", "DISABLED")]
    second = [region("b-c-1", "ENABLING"), region("c-d-1", "DISABLING"), region("d-e-1", "SOMETHING_NEW")]
    script.pages("account", "list_regions", "Regions", first, second, **ASKED)
    found, outcomes = targets(script.aws, ENABLED, NOW)
    assert found[0] == TARGET
    assert [one.region for one in found[1:]] == ["b-c-1", "c-d-1", "d-e-1", "eu-west-1"]
    assert {one.account_id for one in found} == {ACCOUNT}
    assert outcomes == []


def test_where_account_management_has_no_endpoint_ec2_is_asked(script: Script) -> None:
    """As in GovCloud."""
    url = f"{script.aws.client('account').meta.endpoint_url}/"
    script.break_off("account", "ListRegions", EndpointConnectionError(endpoint_url=url, error="as scripted"))
    script.answer(
        "ec2", "describe_regions", {"Regions": [{"RegionName": one} for one in ("us-gov-west-1", "us-east-1")]}
    )
    assert [one.region for one in targets(script.aws, ENABLED, NOW)[0][1:]] == ["us-gov-west-1"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Regions": [{"RegionName": "eu-west-1"}]},
        {"Regions": [{"RegionOptStatus": "ENABLED"}]},
        {"Regions": []},
        {"Regions": [region("eu-west-1", "ENABLED")]},
        {"Regions": [region("us-east-1", "DISABLED")]},
    ],
)
def test_an_incomplete_list_is_a_failure(script: Script, answer: dict[str, Any]) -> None:
    """One without the registry's own region too; nothing is removed."""
    script.answer("account", "list_regions", answer, **ASKED)
    found, (outcome,) = targets(script.aws, ENABLED, NOW)
    assert found[0] == TARGET
    assert (outcome.source, outcome.status) == ("regions", SourceStatus.FAILED)
    assert "Incomplete response from ListRegions" in outcome.detail


def test_a_denied_list_names_the_permission(script: Script) -> None:
    """No entry of accepted_gaps is proposed for it."""
    script.refuse("account", "list_regions", "AccessDeniedException", **ASKED)
    _, (outcome,) = targets(script.aws, ENABLED, NOW)
    assert outcome.denial is not None
    assert (outcome.denial.permission, outcome.denial.gap) == ("account:ListRegions", "")
    assert "accepted_gaps" not in outcome.detail


def test_regions_by_name_ask_nobody(script: Script) -> None:
    """Home is always among them; one that is left out is told, but home never is."""
    gaps = {"region:eu-west-1": "a test stage", "region:us-east-1": "nonsense"}
    found, outcomes = targets(script.aws, Settings(regions=("eu-west-1", "eu-west-3"), accepted_gaps=gaps), NOW)
    assert [one.region for one in found] == ["us-east-1", "eu-west-3"]
    assert [(one.target.region, one.source, one.status) for one in outcomes] == [
        ("eu-west-1", ALL_SOURCES, SourceStatus.DISABLED)
    ]
    assert outcomes[0].accepted == ("region:eu-west-1",)
    assert "a test stage" in outcomes[0].detail
