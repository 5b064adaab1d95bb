"""Kubernetes cannot be seen from here: each cluster needs an inventory, or somebody has to say that this is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import UnscannedConsumersError
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext
from ecr_cleaner.usage.used_images_objects import SOURCE as INVENTORIES
from ecr_cleaner.usage.used_images_objects import SUFFIX, must_be_fresh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ecr_cleaner.model.usage import Usage

_NAME: Final = "eks"


def _key_of(cluster: str, region: str) -> str:
    """Where the inventory of a cluster lies, under the prefix: two regions may have clusters of the same name."""
    return f"eks/{region}/{cluster}{SUFFIX}"


def collect(account: SourceContext) -> Iterator[Usage]:
    """Nothing, if every cluster has a fresh inventory, whose images the source of inventories reads.

    Clusters that run elsewhere and are only connected to EKS count as well.

    Raises:
        UnscannedConsumersError: There are clusters without one; names all of them.
        SourceError: An inventory of a cluster may be out of date.
    """
    listed = responses.paged(account.aws.client("eks"), "ListClusters", "clusters", maxResults=100, include=["all"])
    clusters = sorted(set(listed))
    missing = _without_inventory(account, clusters) if clusters else []
    missing = _not_accepted(account, missing) if missing else []
    if missing:
        message = (
            f"EKS clusters cannot be scanned, and their pods may use any image: {', '.join(missing)}; "
            f"{_remedy(account, missing)}"
        )
        raise UnscannedConsumersError(message)
    yield from ()


def _without_inventory(account: SourceContext, clusters: list[str]) -> list[str]:
    place = account.settings.used_images
    if place is None or _not_read(account):
        return clusters
    wanted = {place.prefix + _key_of(cluster, account.aws.region): cluster for cluster in clusters}
    found = tuple(one for one in account.listing.read(account.aws, place) if one.key in wanted)
    must_be_fresh(found, place, account.now)
    return sorted(set(clusters) - {wanted[one.key] for one in found})


def _not_accepted(account: SourceContext, clusters: list[str]) -> list[str]:
    """The clusters whose ARN no entry of ``accepted_gaps`` names."""
    # An ARN is arn:<partition>:eks:<region>:<account>:cluster/<name>; AWS's listing tells the names alone.
    arns = [gap.removeprefix("eks:").split(":") for gap in account.settings.accepted_gaps if gap.startswith("eks:arn:")]
    here = [account.aws.region, account.aws.account_id]
    accepted = {arn[5].removeprefix("cluster/") for arn in arns if arn[3:5] == here}
    return [cluster for cluster in clusters if cluster not in accepted]


def _remedy(account: SourceContext, clusters: Iterable[str]) -> str:
    if _not_read(account):
        return f'as long as accepted_gaps has "source:{INVENTORIES}", no inventory counts'
    place = account.settings.used_images
    start = place.uri() if place else "used_images_uri + "
    keys = ", ".join(start + _key_of(cluster, account.aws.region) for cluster in clusters)
    return f"a fresh inventory of each lets the run go on: {keys}"


def _not_read(account: SourceContext) -> bool:
    """Whether a person took out the source that reads the inventories: what nobody reads protects nothing."""
    return f"source:{INVENTORIES}" in account.settings.accepted_gaps


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Kubernetes on EKS, and clusters connected to EKS",
        protects="Nothing: it cannot be seen. While a cluster has no fresh list of used images, nothing is removed.",
        service="eks",
        grants=(
            Grant("ListEksClusters", ("eks:ListClusters",)),
            Grant(
                "ListEksInventories",
                ("s3:ListBucket",),
                "arn:{partition}:s3:::{inventory_bucket}",
                {"StringEquals": {"s3:prefix": "{inventory_prefix}"}},
            ),
        ),
        fields=(
            RequiredField("eks", "ListClusters", "clusters[]"),
            RequiredField("s3", "ListObjectsV2", "Contents[].Key"),
            RequiredField("s3", "ListObjectsV2", "Contents[].LastModified"),
            RequiredField("s3", "ListObjectsV2", "KeyCount"),
            RequiredField("s3", "ListObjectsV2", "IsTruncated"),
            RequiredField("s3", "ListObjectsV2", "NextContinuationToken"),
        ),
        collect=collect,
        gap_kind="eks",
    ),
)
