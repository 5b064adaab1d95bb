"""Which regions of an account are looked at: what runs in any of them may pull from the registry.

A pull from another region of the same account needs no permission in the registry, so it shows nowhere there.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.aws.other_accounts import default_region
from ecr_cleaner.errors import IncompleteAnswerError
from ecr_cleaner.model.scan import REGIONS, SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget, Usage
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.excluded import excluded_target
from ecr_cleaner.usage.failures import region_gap
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


def targets(there: AwsClients, settings: Settings, now: datetime) -> tuple[list[ScanTarget], list[SourceOutcome]]:
    """Where a run looks in one account, the region of the registry first, and what it knows of it before any scan.

    In the registry's own account its region is always looked at, and others that are named by the settings are not
    doubted. Another account may not have enabled them.

    Args:
        there: Clients of the account in the run's region.
        settings: Of the run.
        now: The moment before the first call.

    Returns:
        The targets, and outcomes: of the regions that a person left out, and of the list of regions if it failed.

    Raises:
        OutOfTimeError: No time is left for it.
    """
    home = there.target
    names, outcomes = _regions(there, settings, now)
    others = [ScanTarget(home.account_id, region) for region in sorted({*names} - {home.region})]
    first = [home] if home.region in names or not there.is_foreign else []
    accepted = {region_gap(one.region) for one in others if region_gap(one.region) in settings.accepted_gaps}
    left_out = [
        excluded_target(target, region_gap(target.region), settings)
        for target in others
        if region_gap(target.region) in accepted
    ]
    found = [*first, *(one for one in others if region_gap(one.region) not in accepted)]
    if not (found or outcomes or left_out):
        note = f"account {home.account_id} can use none of the regions that are looked at, so nothing runs there"
        outcomes = [SourceOutcome(home, REGIONS, SourceStatus.COMPLETE, notes=(note,), is_input=True)]
    return found, [*outcomes, *left_out]


def is_looked_at(region: str, settings: Settings, home: str) -> bool:
    """Whether the settings have a region looked at where an account can use it."""
    return settings.regions == "enabled" or region in {home, *(settings.regions or ())}


def _regions(there: AwsClients, settings: Settings, now: datetime) -> tuple[list[str], list[SourceOutcome]]:
    if settings.regions != "enabled" and not there.is_foreign:
        return list(settings.regions or ()), []
    found: list[str] = []
    home = there.home.region
    # The account uses it, so without it others may be missing as well.
    certain = default_region(there) if there.is_foreign else home
    whose = "that every account can use" if there.is_foreign else "the registry's own region"

    def collect(context: SourceContext) -> Iterator[Usage]:
        found.extend(enabled(context.aws))
        if certain not in found:
            operation, problem = "ListRegions", f"{certain}, {whose}, is not in the list"
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
    outcome = run_source(source, SourceContext(there, settings, TaskDefinitions(there), now=now)).outcome
    names = [region for region in found if is_looked_at(region, settings, home)]
    return names, [outcome] if outcome.status is SourceStatus.FAILED else []


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
