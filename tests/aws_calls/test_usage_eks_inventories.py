"""Which clusters of Kubernetes stop a run, and which inventory lets one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.errors import SourceError
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.settings.schema import UsedImagesLocation
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import eks
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import NOW, ago

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PLACE: Final = UsedImagesLocation(bucket="lists", prefix="in/use/", max_age_hours=24)
START: Final = "it cannot be read, and its pods may use any image: its status is FAILED; "


def asked(script: Script, *gaps: str, place: UsedImagesLocation | None = PLACE) -> dict[str, str]:
    """Ask the source, and tell the clusters that it had to read, each with its failure."""
    settings = Settings(used_images=place, accepted_gaps=dict.fromkeys(gaps, "known"))
    context = SourceContext(script.aws, settings, TaskDefinitions(script.aws), now=NOW)
    assert list(eks.collect(context)) == []
    return {name: str(error) for name, error in context.clusters.items()}


def read(script: Script, *names: str) -> None:
    """The clusters that are read, in their order; none of them can be."""
    for name in names:
        script.answer("eks", "describe_cluster", {"cluster": {"name": name, "status": "FAILED"}}, name=name)


def clusters(script: Script, *names: str) -> None:
    """The clusters of two pages, connected ones included; asked for again if one cannot be read."""
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
    assert asked(script) == {}


def test_clusters_with_a_fresh_inventory_pass(script: Script) -> None:
    """Of every page; exactly the age that is allowed is fresh."""
    clusters(script, "web", "batch")
    stored(script, "24h", "in/use/eks/us-east-1/batch.json", "in/use/eks/us-east-1/web.json", "in/use/other.json")
    assert asked(script) == {}


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
    read(script, "shop", "web")
    clusters(script, "web", "batch", "shop")
    start = f"{START}or have a list of used images written: s3://lists/in/use/eks/us-east-1"
    assert asked(script) == {name: f"{start}/{name}.json" for name in ("shop", "web")}


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
    clusters(script, "web")
    read(script, "web")
    clusters(script, "web")
    remedy = "or have a list of used images written: used_images_uri + eks/us-east-1/web.json"
    assert asked(script, place=None) == {"web": START + remedy}


def test_inventories_that_nobody_reads_let_no_cluster_pass(script: Script) -> None:
    """Their images would not be protected."""
    clusters(script, "web")
    read(script, "web")
    clusters(script, "web")
    remedy = 'as long as accepted_gaps has "source:used_images_objects", no list of used images counts'
    assert asked(script, "source:used_images_objects") == {"web": START + remedy}


ARN: Final = "eks:arn:aws:eks:us-east-1:123456789012:cluster/"


def test_a_cluster_that_a_person_accepts_passes_without_an_inventory(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever accepts each of them needs no place for inventories either."""
    clusters(script, "web", "batch")
    monkeypatch.setattr(script.aws, "account_id", "123456789012")
    assert asked(script, f"{ARN}web", f"{ARN}batch", place=None) == {}


def test_a_cluster_that_nobody_accepts_still_stops_the_run(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the one that is named whole, in this account and region, passes."""
    clusters(script, "web", "batch", "shop")
    stored(script, "1h", "in/use/eks/us-east-1/shop.json")
    monkeypatch.setattr(script.aws, "account_id", "123456789012")
    other = "eks:arn:aws:eks:us-east-1:210987654321:cluster/batch"
    elsewhere = "eks:arn:aws:eks:eu-west-1:123456789012:cluster/batch"
    read(script, "batch")
    clusters(script, "web", "batch", "shop")
    assert list(asked(script, f"{ARN}web", f"{ARN}batch-2", other, elsewhere)) == ["batch"]


def test_no_cluster_is_accepted_by_its_arn_where_the_account_is_not_known(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another account may have one of the same name."""
    clusters(script, "web")
    monkeypatch.setattr(script.aws, "account_id", None)
    read(script, "web")
    clusters(script, "web")
    assert list(asked(script, f"{ARN}web", place=None)) == ["web"]
