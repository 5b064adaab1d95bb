"""Lists of used images in S3, for consumers that no source scans: Kubernetes, other platforms."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.settings.schema import UsedImagesLocation
from ecr_cleaner.usage.found import like, read_usages
from ecr_cleaner.usage.image_names import read_listed
from ecr_cleaner.usage.source import INVENTORY_FIELDS, Grant, RequiredField, Source, SourceContext, inventory_listing
from ecr_cleaner.usage.used_images_objects import SOURCE, SUFFIX, must_be_fresh

MAX_BYTES: Final = 10_000_000
"""Size of one inventory: some 80,000 references, a small part of the function's memory."""

_GET: Final = "GetObject"


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every reference of every inventory; nothing, and no call, if the settings name no location.

    Raises:
        SourceError: There is no inventory, one may be out of date, or one is invalid.
        AwsError: A call failed, for instance because an inventory was deleted before it was read.
        IncompleteAnswerError: A response is incomplete.
    """
    place = context.settings.used_images
    if place is None:
        return
    stored = context.listing.read(context.aws, place)
    inventories = tuple(one for one in stored if one.key.endswith(SUFFIX))
    if not inventories:
        message = f"{place.uri()} has no inventory: there is no object *{SUFFIX} yet"
        raise SourceError(message)
    # Keys that end with a slash are folders, made by the console.
    others = [one.key for one in stored if one not in inventories and not one.key.endswith("/")]
    if others:
        which = f"{len(others)} under {place.uri()}, such as {others[0]}"
        context.notes.append(f"what is not *{SUFFIX} is not read: {which}")
    must_be_fresh(inventories, place, context.now)
    for one in inventories:
        consumer = f"inventory {one.key}"
        context.parts.append(consumer)
        body = _body(context.aws.client("s3"), place, one.key)
        yield from _usages(body, place.uri(one.key), consumer)


def _body(s3: Any, place: UsedImagesLocation, key: str) -> bytes:
    answer = s3.get_object(Bucket=place.bucket, Key=key)
    length = responses.member(answer, "ContentLength", _GET)
    if length > MAX_BYTES:
        message = f"{place.uri(key)} has {length} bytes, and an inventory may have {MAX_BYTES} at most: split it"
        raise SourceError(message)
    body: bytes = responses.member(answer, "Body", _GET).read()
    if len(body) != length:
        raise IncompleteAnswerError(_GET, f"the last {length - len(body)} bytes of {place.uri(key)} are missing")
    return body


def _usages(body: bytes, uri: str, consumer: str) -> Iterator[Usage]:
    """The usages of one inventory, without doubles; an item that cannot be read as a name is told.

    Raises:
        SourceError: It is invalid; the message names the first item that is no text.
    """
    try:
        items = json.loads(body)
    except (ValueError, RecursionError) as error:
        message = f"{uri} is no JSON, or was cut short: {error}"
        raise SourceError(message) from None
    if not isinstance(items, list):
        message = f"{uri} must be a JSON array of image references, got {items!r:.100}"
        raise SourceError(message)
    if not items:
        # A script whose calls were denied or failed may write an empty list.
        message = f"{uri} is empty, as after a failed collection: delete it if nothing runs there"
        raise SourceError(message)
    found: dict[Usage, None] = {}
    for number, item in enumerate(items, start=1):
        if not isinstance(item, str):
            message = f"item {number} of {uri} must be an image reference, got {json.dumps(item)[:200]}"
            raise SourceError(message)
        for usage in read_usages(like(SOURCE, consumer), item, read_listed(item)):
            found[replace(usage, problem=usage.problem and f"item {number}, {usage.problem}")] = None
    yield from found


SOURCES: Final = (
    Source(
        name=SOURCE,
        title="Lists of used images under `used_images_uri`: Kubernetes, other platforms",
        protects="What each reference names. A list older than `used_images_max_age_hours` stops every removal.",
        service="s3",
        grants=(
            inventory_listing("ListInventories"),
            Grant("ReadInventories", ("s3:GetObject",), "arn:{partition}:s3:::{inventory_bucket}/{inventory_prefix}*"),
        ),
        fields=(
            *INVENTORY_FIELDS,
            RequiredField("s3", "GetObject", "Body"),
            RequiredField("s3", "GetObject", "ContentLength"),
        ),
        collect=collect,
        home_only=True,
    ),
)
