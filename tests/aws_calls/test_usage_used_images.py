"""How inventories are read: every page, every object, to its end, and not a day too long."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.response import StreamingBody

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.settings.schema import UsedImagesLocation
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import used_images
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import ACCOUNT, HOST, NOW, REGION, ago, digest

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PLACE: Final = UsedImagesLocation(bucket="lists", prefix="in/use/", max_age_hours=24)
EVERY_HERE: Final = Reference(f"{HOST}/app:*", ACCOUNT, REGION, "app", breadth=ReferenceScope.REPOSITORY)
LISTING: Final = {"Bucket": "lists", "Prefix": "in/use/"}


def account(script: Script, place: UsedImagesLocation | None = PLACE) -> SourceContext:
    """What the source is handed."""
    return SourceContext(script.aws, Settings(used_images=place), TaskDefinitions(script.aws), now=NOW)


def used(script: Script) -> list[Usage]:
    """What the inventories say."""
    return list(used_images.collect(account(script)))


def page(*keys: str, modified: str = "1h", token: str | None = None, **more: Any) -> dict[str, Any]:
    """One page of the listing as S3 tells it; without objects it has no Contents."""
    contents = {"Contents": [{"Key": key, "LastModified": ago(modified)} for key in keys]} if keys else {}
    following = {"NextContinuationToken": token} if token else {}
    return {"KeyCount": len(keys), "IsTruncated": token is not None, **contents, **following, **more}


def listed(script: Script, *keys: str, modified: str = "1h") -> None:
    """These objects, on one page."""
    script.answer("s3", "list_objects_v2", page(*keys, modified=modified), **LISTING)


def holds(script: Script, key: str, content: Any, length: int | None = None) -> None:
    """The object is asked for, and this is in it: a text as it is, anything else as JSON."""
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    told = {"Body": StreamingBody(io.BytesIO(body), None), "ContentLength": len(body) if length is None else length}
    script.answer("s3", "get_object", told, Bucket="lists", Key=key)


def usage(text: str, key: str = "in/use/a.json", **parts: Any) -> Usage:
    """A usage by an inventory."""
    return Usage(Reference(text, **parts), "used_images_objects", f"inventory {key}")


def test_without_a_place_nobody_is_asked(script: Script) -> None:
    """No inventories are expected, so none are missing."""
    assert list(used_images.collect(account(script, None))) == []


def test_every_form_of_a_reference(script: Script) -> None:
    """With the host and without it, by tag, digest or both, a whole repository, a digest alone; others protect none."""
    app, here = digest("app"), {"account": ACCOUNT, "region": REGION}
    forms = {
        f"{HOST}/shop/api:v1": {**here, "repository": "shop/api", "tag": "v1"},
        f"{HOST}/api@{app}": {**here, "repository": "api", "digest": app},
        f"{HOST}/api:v1@{app}": {**here, "repository": "api", "tag": "v1", "digest": app},
        f"{HOST}/api:*": {**here, "repository": "api", "breadth": ReferenceScope.REPOSITORY},
        "shop/api": {"repository": "shop/api"},
        f"shop/api:v1@{app}": {"repository": "shop/api", "tag": "v1", "digest": app},
        "shop/api:*": {"repository": "shop/api", "breadth": ReferenceScope.REPOSITORY},
        app: {"digest": app},
        f"mirror.example:5000/api@{app}": {"digest": app},
        "mirror.example:5000/api:v1": None,
        f"mirror.example:5000/api@sha512:{'0' * 128}": None,
    }
    listed(script, "in/use/a.json")
    holds(script, "in/use/a.json", [*forms, "shop/api"])
    assert used(script) == [usage(text, **parts) for text, parts in forms.items() if parts is not None]


def test_the_listing_is_read_page_by_page(script: Script) -> None:
    """One page may be empty; every inventory of every page counts, what is no inventory is a note."""
    first = page("in/use/a.json", "in/use/", token="one")
    script.answer("s3", "list_objects_v2", first, **LISTING)
    script.answer("s3", "list_objects_v2", page(token="two"), **LISTING, ContinuationToken="one")
    last = page("in/use/eks/b.json", "in/use/read.me")
    script.answer("s3", "list_objects_v2", last, **LISTING, ContinuationToken="two")
    holds(script, "in/use/a.json", ["a"])
    holds(script, "in/use/eks/b.json", ["b"])
    asked = account(script)
    found = list(used_images.collect(asked))
    assert found == [usage("a", repository="a"), usage("b", "in/use/eks/b.json", repository="b")]
    assert asked.notes == ["what is not *.json is not read: 1 under s3://lists/in/use/, such as in/use/read.me"]


def test_the_listing_is_read_once_for_all_who_ask(script: Script) -> None:
    """What lets a cluster pass is what its images are read from."""
    listed(script, "in/use/a.json")
    asked = account(script)
    assert asked.listing.read(script.aws, PLACE) is asked.listing.read(script.aws, PLACE)


@pytest.mark.parametrize("keys", [(), ("in/use/",), ("in/use/a.yaml",)])
def test_no_inventory_is_a_failure(script: Script, keys: tuple[str, ...]) -> None:
    """Somebody said that there are some."""
    listed(script, *keys)
    with pytest.raises(SourceError, match=r"^s3://lists/in/use/ has no inventory: there is no object"):
        used(script)


def test_an_inventory_of_exactly_the_age_is_fresh(script: Script) -> None:
    """A second more, and it is not."""
    listed(script, "in/use/a.json", modified="24h")
    holds(script, "in/use/a.json", ["a"])
    assert len(used(script)) == 1
    listed(script, "in/use/a.json", "in/use/b.json", modified="24h+1s")
    told = "s3://lists/in/use/a.json was written 24.0 hours ago, s3://lists/in/use/b.json was written 24.0 hours ago"
    with pytest.raises(
        SourceError, match=f"^{told}, and used_images_max_age_hours is 24: write it again, or delete it"
    ):
        used(script)


def test_an_inventory_from_the_future_is_fresh(script: Script) -> None:
    """S3's clock may be some seconds ahead of the run's."""
    told = page("in/use/a.json")
    told["Contents"][0]["LastModified"] = NOW + timedelta(seconds=5)
    script.answer("s3", "list_objects_v2", told, **LISTING)
    holds(script, "in/use/a.json", ["a"])
    assert len(used(script)) == 1


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("", ()),
        ("App:v1", ()),
        (f"{HOST}/App", ()),
        ("app@sha256:12", ()),
        (f"{HOST}/app:v1:*", (EVERY_HERE,)),
        (f"docker-pullable://{HOST}/app:v1", (Reference(f"{HOST}/app:v1", ACCOUNT, REGION, "app", "v1"),)),
        ("localhost:5000/app:*", ()),
    ],
)
def test_an_item_that_is_no_image_name_is_told_and_stops_nothing(
    script: Script, text: str, references: tuple[Reference, ...]
) -> None:
    """The others count, and so does what it may mean."""
    listed(script, "in/use/a.json")
    holds(script, "in/use/a.json", ["a:1", text])
    first, *found = used(script)
    assert (first.reference.text, first.problem) == ("a:1", "")
    assert tuple(one.reference for one in found if not one.reference.names_nothing) == references
    if not text.startswith("docker-pullable"):
        assert {(one.consumer, one.problem.partition("': ")[0]) for one in found} == {
            ("inventory in/use/a.json", f"item 2, image name '{text}")
        }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "s3://lists/in/use/a.json is no JSON, or was cut short"),
        ('["app:v1", "app:', "s3://lists/in/use/a.json is no JSON, or was cut short"),
        ("[" * 100_000, "s3://lists/in/use/a.json is no JSON, or was cut short"),
        ({"images": ["app:v1"]}, "s3://lists/in/use/a.json must be a JSON array of image references, got {'images'"),
        ('"app:v1"', "s3://lists/in/use/a.json must be a JSON array of image references, got 'app:v1'"),
        ([], "s3://lists/in/use/a.json is empty, as after a failed collection"),
        (["app:v1", None], "item 2 of s3://lists/in/use/a.json must be an image reference, got null"),
        ([["app:v1"]], 'item 1 of s3://lists/in/use/a.json must be an image reference, got ["app:v1"]'),
    ],
)
def test_what_is_no_array_of_references_is_a_failure(script: Script, content: Any, told: str) -> None:
    """The message names the object, the place in it, and what lies there."""
    listed(script, "in/use/a.json")
    holds(script, "in/use/a.json", content)
    with pytest.raises(SourceError) as error:
        used(script)
    assert str(error.value).startswith(told)


def test_an_inventory_that_is_too_long_is_not_read(script: Script) -> None:
    """It may be split."""
    listed(script, "in/use/a.json")
    holds(script, "in/use/a.json", ["a"], length=10_000_001)
    with pytest.raises(SourceError, match=r"^s3://lists/in/use/a\.json has 10000001 bytes, and an inventory may have"):
        used(script)


def test_a_body_that_ends_early_is_no_answer(script: Script) -> None:
    """Although what came is an array of references."""
    listed(script, "in/use/a.json")
    holds(script, "in/use/a.json", ["a"], length=7)
    with pytest.raises(IncompleteAnswerError, match="GetObject: the last 2 bytes of s3://lists/in/use/a"):
        used(script)


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ({}, "KeyCount"),
        (page("in/use/a.json", KeyCount=None), "KeyCount"),
        (page("in/use/a.json", KeyCount=2), "Contents"),
        (page(KeyCount=1), "Contents"),
        (page("in/use/a.json", IsTruncated=None), "IsTruncated"),
        (page("in/use/a.json", IsTruncated=True), "NextContinuationToken"),
        ({"KeyCount": 1, "IsTruncated": False, "Contents": [{"Key": "in/use/a.json"}]}, "LastModified"),
        ({"KeyCount": 1, "IsTruncated": False, "Contents": [{"LastModified": NOW}]}, "Key"),
    ],
)
def test_a_page_that_lacks_something_is_no_answer(script: Script, told: dict[str, Any], missing: str) -> None:
    """It does not say that there are no more inventories."""
    script.cut_short("s3", "list_objects_v2", told, **LISTING)
    with pytest.raises(
        IncompleteAnswerError, match=f"Incomplete response from ListObjectsV2: field '{missing}' is missing"
    ):
        used(script)


def test_a_listing_that_never_ends_is_no_answer(script: Script) -> None:
    """The same token again and again."""
    script.answer("s3", "list_objects_v2", page("in/use/a.json", token="again"), **LISTING)
    again = page("in/use/a.json", token="again")
    script.answer("s3", "list_objects_v2", again, **LISTING, ContinuationToken="again")
    with pytest.raises(IncompleteAnswerError, match="ListObjectsV2"):
        used(script)


@pytest.mark.parametrize("missing", ["ContentLength", "Body"])
def test_an_object_that_lacks_a_member_is_no_answer(script: Script, missing: str) -> None:
    """It does not say that the inventory is empty."""
    listed(script, "in/use/a.json")
    told = {"ContentLength": 5, "Body": StreamingBody(io.BytesIO(b'["a"]'), 5)}
    script.cut_short("s3", "get_object", told | {missing: None}, Bucket="lists", Key="in/use/a.json")
    with pytest.raises(
        IncompleteAnswerError, match=f"Incomplete response from GetObject: field '{missing}' is missing"
    ):
        used(script)


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("list_objects_v2", "AccessDenied"),
        ("list_objects_v2", "NoSuchBucket"),
        ("get_object", "AccessDenied"),
        ("get_object", "NoSuchKey"),
    ],
)
def test_a_refused_call_is_an_error(script: Script, method: str, code: str) -> None:
    """Nor is an inventory that vanished while it was read one of nothing."""
    if method == "get_object":
        listed(script, "in/use/a.json")
    script.refuse("s3", method, code)
    with pytest.raises(AwsError, match=code):
        used(script)
