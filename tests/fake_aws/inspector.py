"""Amazon Inspector, of which there is the one listing that tells what is in use, and ECR's switch for it.

A scenario's ``inspector`` section::

    in_use: {shop/api: ["{api}"]}     # repository to digests; enhanced scanning is switched on
    clusters: {"{api}": [arn:aws:ecs:us-east-1:123456789012:cluster/prod]}     # in which a digest runs
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_TYPE = "AWS_ECR_CONTAINER_IMAGE"
_FILTERS = {"resourceType", "ecrImageInUseCount"}
_IMAGE = re.compile(r"arn:.*:ecr:.*:\d{12}:repository/[a-zA-Z0-9._/-]+/sha256:[a-z0-9]{64}")
_CLUSTER = re.compile(r"arn:aws(?:-[a-z0-9-]+)?:(?:ecs|eks):[a-z0-9-]+:[0-9]{12}:cluster/[a-zA-Z0-9_-]+")


@dataclass(slots=True)
class Inspector:
    """Covered images by their ids, with how often each is in use, and clusters by digest."""

    in_use: dict[str, int] = field(default_factory=dict)
    clusters: dict[str, list[str]] = field(default_factory=dict)


class InspectorApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served; ECR's own one is moto's."""
        return {"GetClustersForImage": self.get_clusters_for_image, "ListCoverage": self.list_coverage}

    def load(self, region: str, told: Mapping[str, Any], _: dt.datetime) -> None:
        """Switch enhanced scanning on and add what is covered."""
        if unknown := sorted(set(told) - {"in_use", "not_in_use", "clusters"}):
            raise ValueError(f"Inspector has no {', '.join(unknown)}")
        rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
        self._account.moto("ecr", region).put_registry_scanning_configuration("ENHANCED", [rule])
        store = self._account.store(region, Inspector)
        for digest, arns in told.get("clusters", {}).items():
            if wrong := [arn for arn in arns if not _CLUSTER.fullmatch(arn)]:
                raise ValueError(f"{wrong} are no ARNs of clusters")
            store.clusters.setdefault(digest, []).extend(arns)
        for key, count in (("in_use", 2), ("not_in_use", 0)):
            for repository, digests in told.get(key, {}).items():
                for digest in digests:
                    store.in_use[f"arn:aws:ecr:{region}:{self._account.id}:repository/{repository}/{digest}"] = count

    def get_clusters_for_image(self, request: Request) -> dict[str, Any]:
        """100 a page at most, of one image that is covered."""
        image = str(request.get("filter", {}).get("resourceId", ""))
        store = self._account.store(request.region, Inspector)
        if not _IMAGE.fullmatch(image) or image not in store.in_use:
            raise AwsError("ValidationException", f"{image} is no image that is covered")
        # There is always one, of whoever uses it.
        default = [f"arn:aws:ecs:{request.region}:{self._account.id}:cluster/default"]
        arns = store.clusters.get(image.rpartition("/")[2], default)
        found = [{"clusterArn": arn, "clusterDetails": []} for arn in arns]
        shown, token = page(request, found, lambda item: item["clusterArn"], size=100)
        return {"cluster": shown, "nextToken": token}

    def list_coverage(self, request: Request) -> dict[str, Any]:
        """200 a page at most, of the resource type and in the numbers asked for."""
        criteria = request.get("filterCriteria", {})
        if unknown := sorted(set(criteria) - _FILTERS):
            raise AwsError("ValidationException", f"the sandbox does not filter by {', '.join(unknown)}")
        for one in criteria.get("resourceType", []):
            if set(one) != {"comparison", "value"} or one["comparison"] not in {"EQUALS", "NOT_EQUALS"}:
                raise AwsError("ValidationException", f"{one} is no filter of texts")
        types = {one["value"] for one in criteria.get("resourceType", []) if one["comparison"] == "EQUALS"}
        numbers = criteria.get("ecrImageInUseCount", [])
        images = self._account.store(request.region, Inspector).in_use
        items = [
            {
                "resourceType": _TYPE,
                "resourceId": name,
                "accountId": self._account.id,
                "scanType": "PACKAGE",
                "resourceMetadata": {"ecrImage": {"inUseCount": count}},
            }
            for name, count in images.items()
            if not types or _TYPE in types
            if not numbers or any(_within(count, one) for one in numbers)
        ]
        shown, token = page(request, items, lambda item: item["resourceId"], size=100, largest=200)
        return {"coveredResources": shown, "nextToken": token}


def _within(count: int, bounds: Mapping[str, int]) -> bool:
    return bounds.get("lowerInclusive", count) <= count <= bounds.get("upperInclusive", count)
