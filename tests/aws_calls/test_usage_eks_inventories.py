"""Which clusters of Kubernetes stop a run, and which inventory lets one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.errors import SourceError, UnscannedConsumersError
from ecr_cleaner.settings import Settings
from ecr_cleaner.settings_document import InventoriesPlace
from ecr_cleaner.usage.base import Account
from ecr_cleaner.usage.sources import eks
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import NOW, ago

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PLACE: Final = InventoriesPlace(bucket="lists", prefix="in/use/", max_age_hours=24)
START: Final = "EKS clusters cannot be scanned, and their pods may use any image: "


def asked(script: Script, *disabled: str, place: InventoriesPlace | None = PLACE) -> list[object]:
    """Ask the source."""
    settings = Settings(inventories=place, disabled_usage_sources=frozenset(disabled))
    return list(eks.collect(Account(script.aws, settings, TaskDefinitions(script.aws), now=NOW)))


def clusters(script: Script, *names: str) -> None:
    """The clusters of two pages, those that are only connected to EKS included."""
    listing = {"maxResults": 100, "include": ["all"]}
    script.answer("eks", "list_clusters", {"clusters": list(names[:1]), "nextToken": "more"}, **listing)
    script.answer("eks", "list_clusters", {"clusters": list(names[1:])}, **listing, nextToken="more")


def stored(script: Script, modified: str = "1h", *keys: str) -> None:
    """The objects under the prefix."""
    contents = [{"Key": key, "LastModified": ago(modified)} for key in keys]
    told = {"KeyCount": len(keys), "IsTruncated": False} | ({"Contents": contents} if keys else {})
    script.answer("s3", "list_objects_v2", told, Bucket="lists", Prefix="in/use/")


def test_without_clusters_no_inventory_is_looked_for(script: Script) -> None:
    """Whether or not there is a place for them."""
    clusters(script)
    assert asked(script) == []


def test_clusters_with_a_fresh_inventory_pass(script: Script) -> None:
    """Of every page; exactly the age that is allowed is fresh."""
    clusters(script, "web", "batch")
    stored(script, "24h", "in/use/eks/us-east-1/batch.json", "in/use/eks/us-east-1/web.json", "in/use/other.json")
    assert asked(script) == []


@pytest.mark.parametrize(
    "keys",
    [
        (),
        ("in/use/web.json",),
        ("in/use/eks/us-east-1/web",),
        ("in/use/eks/us-east-1/Web.json",),
        ("in/use/eks/web.json",),
        ("in/use/eks/eu-west-1/web.json",),
        ("in/use/eks/us-east-1/web.json.gz",),
    ],
)
def test_clusters_without_an_inventory_are_named_with_its_key(script: Script, keys: tuple[str, ...]) -> None:
    """Exactly that key counts; one that has its inventory is not named."""
    clusters(script, "web", "batch", "shop")
    stored(script, "1h", *keys, "in/use/eks/us-east-1/batch.json")
    remedy = "a fresh inventory of each lets the run go on: s3://lists/in/use/eks/us-east-1/shop.json, s3://lists/in/use/eks/us-east-1/web"
    with pytest.raises(UnscannedConsumersError, match=f"^{START}shop, web; {remedy}.json$"):
        asked(script)


def test_a_stale_inventory_lets_no_cluster_pass(script: Script) -> None:
    """One of something else is not this source's business."""
    clusters(script, "web")
    stored(script, "25h", "in/use/eks/us-east-1/web.json", "in/use/other.json")
    with pytest.raises(
        SourceError, match=r"^s3://lists/in/use/eks/us-east-1/web.json was written 25.0 hours ago, and inventory_"
    ):
        asked(script)


def test_without_a_place_the_remedy_begins_with_one(script: Script) -> None:
    """Nothing is asked of S3."""
    clusters(script, "web")
    remedy = r"a fresh inventory of each lets the run go on: inventory_uri \+ eks/us-east-1/web.json"
    with pytest.raises(UnscannedConsumersError, match=f"^{START}web; {remedy}$"):
        asked(script, place=None)


def test_inventories_that_nobody_reads_let_no_cluster_pass(script: Script) -> None:
    """Their images would not be protected."""
    clusters(script, "web")
    remedy = 'as long as disabled_usage_sources names "inventories", no inventory counts'
    with pytest.raises(UnscannedConsumersError, match=f"^{START}web; {remedy}$"):
        asked(script, "inventories")
