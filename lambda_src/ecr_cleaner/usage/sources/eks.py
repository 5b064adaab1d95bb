"""Kubernetes clusters are not scanned: each needs an inventory, or an entry of ``accepted_gaps``."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import UnscannedConsumersError
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.source import INVENTORY_FIELDS, Grant, RequiredField, Source, SourceContext, inventory_listing
from ecr_cleaner.usage.used_images_objects import SOURCE as INVENTORIES
from ecr_cleaner.usage.used_images_objects import SUFFIX, must_be_fresh

_NAME: Final = "eks"


def _key_of(cluster: str, region: str) -> str:
    """Key of a cluster's inventory below the prefix: two regions may have clusters of the same name."""
    return f"eks/{region}/{cluster}{SUFFIX}"


def collect(context: SourceContext) -> Iterator[Usage]:
    """Nothing, if every cluster has a fresh inventory, whose images the source `used_images` reads.

    Clusters that run elsewhere and are only connected to EKS count as well.

    Raises:
        UnscannedConsumersError: Clusters have none; the message names all of them.
        SourceError: An inventory of a cluster may be out of date.
    """
    asked = {"maxResults": 100, "include": ["all"]}
    listing = partial(responses.paged, context.aws.client("eks"), "ListClusters", "clusters", **asked)
    clusters = sorted(set(listing()))
    missing = _without_inventory(context, clusters) if clusters else []
    missing = _not_accepted(context, missing) if missing else []
    if missing:  # perhaps deleted meanwhile, and its inventory before it
        missing = sorted(set(missing) & set(listing()))
    if missing:
        message = (
            f"EKS clusters cannot be scanned, and their pods may use any image: {', '.join(missing)}; "
            f"{_remedy(context, missing)}"
        )
        raise UnscannedConsumersError(message, (_gap(context, cluster) for cluster in missing))
    yield from ()


def _without_inventory(context: SourceContext, clusters: list[str]) -> list[str]:
    place = context.settings.used_images
    if place is None or _not_read(context):
        return clusters
    wanted = {place.prefix + _key_of(cluster, context.aws.region): cluster for cluster in clusters}
    inventories = tuple(one for one in context.listing.read(context.aws, place) if one.key in wanted)
    must_be_fresh(inventories, place, context.now)
    return sorted(set(clusters) - {wanted[one.key] for one in inventories})


def _not_accepted(context: SourceContext, clusters: list[str]) -> list[str]:
    """The clusters whose ARN no entry of ``accepted_gaps`` names."""
    gaps = {cluster: _gap(context, cluster) for cluster in clusters}
    context.accepted.extend(gap for gap in gaps.values() if gap in context.settings.accepted_gaps)
    return [cluster for cluster, gap in gaps.items() if gap not in context.settings.accepted_gaps]


def _gap(context: SourceContext, cluster: str) -> str:
    # AWS's listing has the names only. Without an account this is the ARN of no cluster.
    return f"eks:{context.arn('eks', f'cluster/{cluster}')}"


def _remedy(context: SourceContext, clusters: Iterable[str]) -> str:
    if _not_read(context):
        return f'as long as accepted_gaps has "source:{INVENTORIES}", no inventory counts'
    place = context.settings.used_images
    start = place.uri() if place else "used_images_uri + "
    keys = ", ".join(start + _key_of(cluster, context.aws.region) for cluster in clusters)
    return f"a fresh inventory of each lets the run go on: {keys}"


def _not_read(context: SourceContext) -> bool:
    """Whether the operator excluded the source that reads the inventories: then these protect nothing."""
    return f"source:{INVENTORIES}" in context.settings.accepted_gaps


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Kubernetes on EKS, and clusters connected to EKS",
        protects="Nothing: it cannot be seen. While a cluster has no fresh list of used images, nothing is removed.",
        service="eks",
        grants=(
            Grant("ListEksClusters", ("eks:ListClusters",)),
            inventory_listing("ListEksInventories"),
        ),
        fields=(
            RequiredField("eks", "ListClusters", "clusters[]"),
            *INVENTORY_FIELDS,
        ),
        collect=collect,
        gap_kind="eks",
    ),
)
