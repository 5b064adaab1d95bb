"""What only a real account can say of its regions: which there are, and what each answers. Everything is only read."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.denials import denial_of
from ecr_cleaner.model.scan import PolicyType
from tests.live_aws.deleting import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live_aws.account import Account

_DISABLED: Final = "DISABLED"
_ASKED: Final = "ecs:ListClusters"
"""What is called in each region: a listing that every region offers and that names nothing."""


def ask(account: Account) -> Iterator[Answer]:
    """The two lists of the account's regions, and how a listing ends in the regions of each status."""
    try:
        statuses = _statuses(account)
    except (BotoCoreError, ClientError) as error:
        yield Answer("ListRegions names the account's regions", f"not asked: {error}")
        return
    own = statuses.get(account.region, "it is not in the list")
    yield Answer("ListRegions has the region in which it is asked, and its status", own)
    enabled = {region for region, status in statuses.items() if status != _DISABLED}
    yield Answer("DescribeRegions names the regions that ListRegions calls enabled", _compared(account, enabled))
    for status in sorted(set(statuses.values())):
        regions = sorted(region for region, of in statuses.items() if of == status)
        endings = _endings(account, regions)
        for ending, where in sorted(endings.items()):
            yield Answer(f"{_ASKED} in regions of status {status}: {', '.join(where)}", ending)


def _statuses(account: Account) -> dict[str, str]:
    pages = account.client("account").get_paginator("list_regions").paginate(MaxResults=50)
    return {one["RegionName"]: one["RegionOptStatus"] for page in pages for one in page["Regions"]}


def _compared(account: Account, enabled: set[str]) -> str:
    """Without AllRegions, DescribeRegions is said to name the enabled ones: the function goes by that in GovCloud."""
    try:
        described = {one["RegionName"] for one in account.client("ec2").describe_regions()["Regions"]}
    except (BotoCoreError, ClientError) as error:
        return f"not asked: {error}"
    alone = {"ListRegions": enabled - described, "DescribeRegions": described - enabled}
    told = [f"only {name}: {', '.join(sorted(regions))}" for name, regions in alone.items() if regions]
    return "; ".join(told) or f"yes, {len(enabled)}"


def _endings(account: Account, regions: list[str]) -> dict[str, list[str]]:
    """How the call ended, with the regions where it did so."""
    found: dict[str, list[str]] = defaultdict(list)
    for region in regions:
        found[_ending(account, region)].append(region)
    return found


def _ending(account: Account, region: str) -> str:
    try:
        account.client("ecs", region=region).list_clusters(maxResults=1)
    except (BotoCoreError, ClientError) as error:
        if not errors.is_denied(error):
            # Endpoints have the region's name in them, which is in the question already.
            return f"{errors.code_of(error)}: {errors.message_of(error)}".replace(region, "<region>")
        denial = denial_of(error, _ASKED)
        is_closed = denial.policy is PolicyType.SERVICE_CONTROL and denial.is_explicit
        read = "the function takes the region for closed" if is_closed else "the function asks for the permission"
        policy = f" {denial.policy_arn}" if denial.policy_arn else ""
        explicit = "explicitly" if denial.is_explicit else "implicitly"
        return f"denied {explicit} by: {denial.policy}{policy}; {read}"
    return "answered"
