"""Reads the images of a repository and the manifests that its indexes list."""

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.decision.globs import matches
from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.model.image import INDEX_MEDIA_TYPES, Image
from ecr_cleaner.model.repository import SkipReason
from ecr_cleaner.registry.own_pulls import Readings
from ecr_cleaner.schema import read_json
from ecr_cleaner.settings.loader import Settings

PAGE_SIZE: Final = 1000

BATCH_SIZE: Final = 100
"""Image ids that ECR takes in one call, for describing, reading and deleting alike."""

_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
"""Of any algorithm, https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests."""


def accepting(settings: Settings, reason: SkipReason, repository: str) -> str | None:
    """The first key of ``accepted_gaps`` by which a repository is cleaned in spite of a reason to skip it, if any."""
    start = f"{reason.value}:"
    gaps = (gap for gap in settings.accepted_gaps if gap.startswith(start))
    return next((gap for gap in gaps if matches(gap.removeprefix(start), repository)), None)


def images(clients: AwsClients, repository: str) -> Iterator[Image]:
    """Every image of a repository, including archived ones, which ECR only lists on request."""
    for detail in responses.paged(
        clients.client("ecr"),
        "DescribeImages",
        "imageDetails",
        repositoryName=repository,
        filter={"imageStatus": "ANY"},
        maxResults=PAGE_SIZE,
    ):
        yield _image(repository, detail)


def describe(
    clients: AwsClients, repository: str, digests: Iterable[str], *, archived_too: bool = False
) -> dict[str, Image]:
    """The current state of some images.

    Returns:
        Digest to image, without those that do not exist, and without archived ones unless `archived_too`.
    """
    more: dict[str, Any] = {"filter": {"imageStatus": "ANY"}} if archived_too else {}
    wanted = list(digests)
    batches = [wanted[start : start + BATCH_SIZE] for start in range(0, len(wanted), BATCH_SIZE)]
    found: dict[str, Image] = {}
    while batches:
        batch = batches.pop(0)
        try:
            answer = clients.client("ecr").describe_images(
                repositoryName=repository, imageIds=[{"imageDigest": digest} for digest in batch], **more
            )
        except errors.AwsError as error:
            if errors.code_of(error) == "RepositoryNotFoundException":
                return {}
            if errors.code_of(error) != "ImageNotFoundException":
                raise
            # One missing image fails the whole call without naming it: halve the batch until it is alone.
            if len(batch) > 1:
                half = len(batch) // 2
                batches[:0] = [batch[:half], batch[half:]]
            continue
        images = (_image(repository, d) for d in responses.member(answer, "imageDetails", "DescribeImages"))
        found |= {image.digest: image for image in images}
    return found


def _image(repository: str, detail: dict[str, Any]) -> Image:
    pushed_at = responses.member(detail, "imagePushedAt", "DescribeImages")
    status = detail.get("imageStatus", "ACTIVE")
    # An image restored from the archive counts as newly pushed, as it does for ECR's lifecycle policies.
    restored_at = max(pushed_at, detail.get("lastActivatedAt", pushed_at))
    return Image(
        repository=repository,
        digest=responses.member(detail, "imageDigest", "DescribeImages"),
        tags=tuple(sorted(detail.get("imageTags", ()))),  # absent when untagged
        pushed_at=restored_at,
        uploaded_at=pushed_at if restored_at > pushed_at else None,
        size_bytes=detail.get("imageSizeInBytes", 0),
        media_type=_shared(detail.get("imageManifestMediaType")),
        artifact_type=_shared(detail.get("artifactMediaType")),  # absent for an index
        subject=detail.get("subjectManifestDigest"),
        last_pulled_at=detail.get("lastRecordedPullTime"),  # absent until the first pull
        active=status == "ACTIVE",
        activating=status == "ACTIVATING",
        archived_at=detail.get("lastArchivedAt") if status == "ARCHIVED" else None,
    )


def _shared(name: str | None) -> str | None:
    """One text for all images that have it: there may be very many, and a handful of media types."""
    return None if name is None else sys.intern(name)


class IndexLists(NamedTuple):
    """What was read of indexes.

    Attributes:
        children: Digest of an index to the digests it lists.
        unread: The archived ones that cannot be read.
        proven: Those whose manifest, as ECR returned it, has the digest: what they list never changes.
    """

    children: dict[str, tuple[str, ...]]
    unread: tuple[str, ...]
    proven: frozenset[str]


def children(clients: AwsClients, repository: str, indexes: Iterable[Image], readings: Readings) -> IndexLists:
    """Which manifests the given indexes list.

    Reading a manifest counts as a pull and refreshes the index's ``lastRecordedPullTime``
    (https://github.com/aws/containers-roadmap/issues/2390), so only indexes are read, and only where an old
    image may depend on one; when it was, `readings` knows.

    Raises:
        RepositoryError: One that is not archived cannot be read, so it is unknown what it lists.
    """
    active = {image.digest: image.active for image in indexes}
    wanted = list(active)
    unread: list[str] = []
    listed: dict[str, tuple[str, ...]] = {}
    proven: set[str] = set()
    for start in range(0, len(wanted), BATCH_SIZE):
        batch = wanted[start : start + BATCH_SIZE]
        with readings.reading(repository, batch):
            answer = clients.client("ecr").batch_get_image(
                repositoryName=repository,
                imageIds=[{"imageDigest": digest} for digest in batch],
                acceptedMediaTypes=list(INDEX_MEDIA_TYPES),
            )
        for image in responses.member(answer, "images", "BatchGetImage"):
            digest = responses.member(image, "imageId.imageDigest", "BatchGetImage")
            manifest = responses.member(image, "imageManifest", "BatchGetImage")
            listed[digest] = listed_digests(manifest, f"{repository}@{digest}")
            if digest == f"sha256:{hashlib.sha256(manifest.encode(errors='surrogatepass')).hexdigest()}":
                proven.add(digest)
        unread += [digest for digest in batch if digest not in listed and not active[digest]]
        missing = [digest for digest in batch if digest not in listed and active[digest]]
        if missing:
            codes = sorted({f.get("failureCode", "Unknown") for f in answer.get("failures", ())})
            message = f"the index {missing[0]} cannot be read ({', '.join(codes) or 'no answer for it'})"
            raise RepositoryError(message)
    return IndexLists(listed, tuple(unread), frozenset(proven))


def listed_digests(manifest: str, place: str) -> tuple[str, ...]:
    """The digests that the manifest of an index lists.

    Args:
        manifest: As it was pushed, by whoever may push.
        place: Which one, for the error.

    Raises:
        RepositoryError: It is not such a manifest, or runtimes may read it in several ways.
    """
    try:
        digests = tuple(entry["digest"] for entry in read_json(manifest, unique=True)["manifests"])
        if all(map(_DIGEST.fullmatch, digests)):
            return digests
        cause = "an entry of it has no digest"
    except ValueError as error:
        cause = str(error)
    except (KeyError, TypeError):
        cause = "it has no list of digests"
    message = f"the index {place} is not a list of manifests: {cause}"
    raise RepositoryError(message)
