"""Which clusters of Kubernetes stop a run, and which inventory lets one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.errors import SourceError, UnscannedConsumersError
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.settings.schema import UsedImagesLocation
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import eks
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import NOW, ago

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PLACE: Final = UsedImagesLocation(bucket="lists", prefix="in/use/", max_age_hours=24)
START: Final = "EKS clusters cannot be scanned, and their pods may use any image: "


def asked(script: Script, *gaps: str, place: UsedImagesLocation | None = PLACE) -> list[object]:
    """Ask the source."""
    settings = Settings(used_images=place, accepted_gaps=dict.fromkeys(gaps, "known"))
    return list(eks.collect(SourceContext(script.aws, settings, TaskDefinitions(script.aws), now=NOW)))


def clusters(script: Script, *names: str, times: int = 1) -> None:
    """The clusters of two pages, those that are only connected to EKS included; asked for again if one has no list."""
    listing = {"maxResults": 100, "include": ["all"]}
    for _ in range(times):
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
    clusters(script, "web", "batch", "shop", times=2)
    stored(script, "1h", *keys, "in/use/eks/us-east-1/batch.json")
    remedy = "a fresh inventory of each lets the run go on: s3://lists/in/use/eks/us-east-1/shop.json, s3://lists/in/use/eks/us-east-1/web"
    with pytest.raises(UnscannedConsumersError, match=f"^{START}shop, web; {remedy}.json$"):
        asked(script)


def test_a_stale_inventory_lets_no_cluster_pass(script: Script) -> None:
    """One of something else is not this source's business."""
    clusters(script, "web")
    stored(script, "25h", "in/use/eks/us-east-1/web.json", "in/use/other.json")
    with pytest.raises(
        SourceError, match=r"^s3://lists/in/use/eks/us-east-1/web.json was written 25.0 hours ago, and used_images_"
    ):
        asked(script)


def test_without_a_place_the_remedy_begins_with_one(script: Script) -> None:
    """Nothing is asked of S3."""
    clusters(script, "web", times=2)
    remedy = r"a fresh inventory of each lets the run go on: used_images_uri \+ eks/us-east-1/web.json"
    with pytest.raises(UnscannedConsumersError, match=f"^{START}web; {remedy}$"):
        asked(script, place=None)


def test_inventories_that_nobody_reads_let_no_cluster_pass(script: Script) -> None:
    """Their images would not be protected."""
    clusters(script, "web", times=2)
    remedy = 'as long as accepted_gaps has "source:used_images_objects", no inventory counts'
    with pytest.raises(UnscannedConsumersError, match=f"^{START}web; {remedy}$"):
        asked(script, "source:used_images_objects")


ARN: Final = "eks:arn:aws:eks:us-east-1:123456789012:cluster/"


def test_a_cluster_that_a_person_accepts_passes_without_an_inventory(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever accepts each of them needs no place for inventories either."""
    clusters(script, "web", "batch")
    monkeypatch.setattr(script.aws, "account_id", "123456789012")
    assert asked(script, f"{ARN}web", f"{ARN}batch", place=None) == []


def test_a_cluster_that_nobody_accepts_still_stops_the_run(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the one that is named whole, in this account and region, passes."""
    clusters(script, "web", "batch", "shop", times=2)
    stored(script, "1h", "in/use/eks/us-east-1/shop.json")
    monkeypatch.setattr(script.aws, "account_id", "123456789012")
    other = "eks:arn:aws:eks:us-east-1:210987654321:cluster/batch"
    elsewhere = "eks:arn:aws:eks:eu-west-1:123456789012:cluster/batch"
    with pytest.raises(UnscannedConsumersError, match=f"^{START}batch; "):
        asked(script, f"{ARN}web", f"{ARN}batch-2", other, elsewhere)


def test_no_cluster_is_accepted_by_its_arn_where_the_account_is_not_known(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another account may have one of the same name."""
    clusters(script, "web", times=2)
    monkeypatch.setattr(script.aws, "account_id", None)
    with pytest.raises(UnscannedConsumersError, match=f"^{START}web; "):
        asked(script, f"{ARN}web", place=None)
