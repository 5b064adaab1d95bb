"""Kubernetes cannot be seen from here: as long as there are clusters, somebody has to say that this is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner import aws
from ecr_cleaner.errors import UnscannedConsumersError
from ecr_cleaner.usage.base import Account, Field, Grant, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model import Usage

_NAME: Final = "eks"


def collect(account: Account) -> Iterator[Usage]:
    """Nothing, if there is no cluster.

    Raises:
        UnscannedConsumersError: There are clusters; names all of them.
    """
    clusters = sorted(aws.paged(account.aws.client("eks"), "ListClusters", "clusters", maxResults=100))
    if clusters:
        message = f"EKS clusters cannot be scanned, and their pods may use any image: {', '.join(clusters)}"
        raise UnscannedConsumersError(message)
    yield from ()


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Kubernetes on EKS",
        protects="Nothing: it cannot be seen. While there is a cluster, nothing is removed anywhere.",
        service="eks",
        grants=(Grant("ListEksClusters", ("eks:ListClusters",)),),
        fields=(Field("eks", "ListClusters", "clusters[]"),),
        collect=collect,
        setting="acknowledged_unscanned",
    ),
)
