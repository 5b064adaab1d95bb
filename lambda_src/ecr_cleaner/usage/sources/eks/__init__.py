"""Kubernetes on EKS: each cluster's API is read, unless a list of used images or an accepted gap stands in for it.

Every cluster has an outcome of its own, so that one that cannot be read is named, and the others still protect.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.errors import ClusterError, IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.source import (
    INVENTORY_FIELDS,
    Grant,
    RequiredField,
    Source,
    SourceContext,
    arn_of,
    inventory_listing,
)
from ecr_cleaner.usage.sources.eks import reading
from ecr_cleaner.usage.sources.eks.remedies import gap_of, key_of
from ecr_cleaner.usage.used_images_objects import SOURCE as INVENTORIES
from ecr_cleaner.usage.used_images_objects import must_be_fresh

_NAME: Final = "eks"

CLUSTERS_AT_ONCE: Final = 4
"""Clusters that are read side by side, each by one request at a time: what they return has to fit into memory."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """What each cluster uses that has neither a fresh list of used images nor an accepted gap.

    Clusters that run elsewhere and are only connected to EKS count as well. How each one ended is noted in
    ``context.clusters``.

    Raises:
        SourceError: A list of used images may be out of date.
        AwsError: The clusters cannot be listed.
    """
    asked = {"maxResults": 100, "include": ["all"]}
    listing = partial(responses.paged, context.aws.client("eks"), "ListClusters", "clusters", **asked)
    clusters = sorted(set(listing()))
    left = _without_inventory(context, clusters) if clusters else []
    left = _not_accepted(context, left) if left else []
    yield from each(context, _of_cluster, left, CLUSTERS_AT_ONCE)
    if any(context.clusters.values()):  # perhaps deleted meanwhile, and its list of used images before it
        there = set(listing())
        for cluster in left:
            if cluster not in there:
                context.clusters[cluster] = None


def _of_cluster(context: SourceContext, cluster: str) -> Iterator[Usage]:
    """The usages of one cluster without doubles; also those found before it failed, because they protect."""
    found: dict[Usage, None] = {}
    context.clusters[cluster] = None
    try:
        for usage in reading.usages(context, cluster):
            found[replace(usage, cluster=cluster)] = None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        context.clusters[cluster] = ClusterError(f"what it returned could not be understood: {error!r}")
    except (SourceError, IncompleteAnswerError, *errors.AwsError) as error:
        context.clusters[cluster] = error
    yield from found


def _without_inventory(context: SourceContext, clusters: list[str]) -> list[str]:
    place = context.settings.used_images
    # If the source is excluded that reads the lists, they protect nothing.
    if place is None or f"source:{INVENTORIES}" in context.settings.accepted_gaps:
        return clusters
    wanted = {place.prefix + key_of(context, cluster): cluster for cluster in clusters}
    inventories = tuple(one for one in context.listing.read(context.aws, place) if one.key in wanted)
    must_be_fresh(inventories, place, context.now)
    return sorted(set(clusters) - {wanted[one.key] for one in inventories})


def _not_accepted(context: SourceContext, clusters: list[str]) -> list[str]:
    """The clusters whose ARN no entry of ``accepted_gaps`` names."""
    gaps = {cluster: gap_of(context, cluster) for cluster in clusters}
    context.accepted.extend(gap for gap in gaps.values() if gap in context.settings.accepted_gaps)
    return [cluster for cluster, gap in gaps.items() if gap not in context.settings.accepted_gaps]


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Kubernetes on EKS, and clusters connected to EKS",
        protects="Whatever any object of a cluster names, custom resources too: pods with the digests that run, what"
        " makes pods, revisions to roll back to, texts. Secrets are never read. A cluster that cannot be read, and has"
        " no fresh list of used images, stops every removal.",
        service="eks",
        grants=(
            Grant("ListEksClusters", ("eks:ListClusters",)),
            Grant("DescribeEksClusters", ("eks:DescribeCluster",), arn_of("eks", "cluster/*")),
            inventory_listing("ListEksInventories"),
        ),
        fields=(
            RequiredField("eks", "ListClusters", "clusters[]"),
            *(RequiredField("eks", "DescribeCluster", f"cluster.{path}") for path in reading.FIELDS),
            *INVENTORY_FIELDS,
        ),
        collect=collect,
        gap_kind="eks",
    ),
)
