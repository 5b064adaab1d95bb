"""Which regions of the account are looked at: what runs in any of them may pull from the registry.

A pull from another region of the same account needs no permission in the registry, so it shows nowhere there.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import IncompleteAnswerError
from ecr_cleaner.model.scan import ALL_SOURCES, REGIONS, SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget, Usage
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.scan import run_source
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext
from ecr_cleaner.usage.task_definitions import TaskDefinitions

_DISABLED: Final = "DISABLED"
"""Nobody can use such a region. ENABLING and DISABLING may still run something, and so may what is not known yet."""

GRANTS: Final = (
    Grant("ListRegions", ("account:ListRegions",), "arn:{partition}:account::{account}:account"),
    # Where Account Management has no endpoint, as in GovCloud.
    Grant("DescribeRegions", ("ec2:DescribeRegions",)),
)


def targets(clients: AwsClients, settings: Settings, now: datetime) -> tuple[list[ScanTarget], list[SourceOutcome]]:
    """Where a run looks, the account and region of the registry first, and what it knows before any scan.

    Args:
        clients: Of the run.
        settings: Of the run.
        now: The moment before the first call.

    Returns:
        The targets, and outcomes: of the regions that a person left out, and of the list of regions if it failed.

    Raises:
        OutOfTimeError: No time is left for it.
    """
    home = clients.target
    regions, outcomes = _regions(clients, settings, now)
    others = [ScanTarget(home.account_id, region) for region in sorted({*regions} - {home.region})]
    left_out = [_left_out(target, settings) for target in others if _gap(target) in settings.accepted_gaps]
    return [home, *(one for one in others if _gap(one) not in settings.accepted_gaps)], [*outcomes, *left_out]


def _regions(clients: AwsClients, settings: Settings, now: datetime) -> tuple[list[str], list[SourceOutcome]]:
    if settings.regions != "enabled":
        return list(settings.regions or ()), []
    found: list[str] = []

    def collect(context: SourceContext) -> Iterator[Usage]:
        found.extend(enabled(context.aws))
        if clients.region not in found:
            # The account uses this one, so others may be missing as well.
            operation, problem = "ListRegions", f"{clients.region}, the registry's own region, is not in the list"
            raise IncompleteAnswerError(operation, problem)
        yield from ()

    source = Source(
        name=REGIONS,
        title="the list of the account's regions",
        protects="",
        service=None,
        grants=GRANTS,
        fields=(
            RequiredField("account", "ListRegions", "Regions[].RegionName"),
            RequiredField("account", "ListRegions", "Regions[].RegionOptStatus"),
            RequiredField("ec2", "DescribeRegions", "Regions[].RegionName"),
        ),
        collect=collect,
    )
    outcome = run_source(source, SourceContext(clients, settings, TaskDefinitions(clients), now=now)).outcome
    return found, [outcome] if outcome.status is SourceStatus.FAILED else []


def enabled(clients: AwsClients) -> list[str]:
    """Every region that the account can use, in no particular order.

    https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html

    Raises:
        AwsError: A call failed.
        IncompleteAnswerError: A response is incomplete.
    """
    member = partial(responses.member, operation="ListRegions")
    account = clients.client("account")
    try:
        listed = list(responses.paged(account, "ListRegions", "Regions", MaxResults=50))
    except errors.AwsError as error:
        if not errors.is_endpoint_missing(error, account):
            raise
        # Without AllRegions these are the enabled ones.
        answer = responses.called(clients.client("ec2"), "DescribeRegions")
        described = responses.member(answer, "Regions", "DescribeRegions")
        return [responses.member(one, "RegionName", "DescribeRegions") for one in described]
    return [member(one, "RegionName") for one in listed if member(one, "RegionOptStatus") != _DISABLED]


def _gap(target: ScanTarget) -> str:
    return f"region:{target.region}"


def _left_out(target: ScanTarget, settings: Settings) -> SourceOutcome:
    gap = _gap(target)
    detail = f"excluded by accepted_gaps ({settings.accepted_gaps[gap]}), so nothing that runs there is protected"
    return SourceOutcome(target, ALL_SOURCES, SourceStatus.DISABLED, detail=detail, accepted=(gap,))
