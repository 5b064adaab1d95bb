"""Which image an operator means, and in which order it and related images are restored; makes no call."""

from collections.abc import Mapping

from ecr_cleaner.decision.graph import subjects_of
from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.journal.reader import JournalRecord
from ecr_cleaner.model.image import INDEX_MEDIA_TYPES, Image
from ecr_cleaner.registry.images import listed_digests
from ecr_cleaner.schema import read_json


def find(
    records: Mapping[str, JournalRecord], present: Mapping[str, Image], tag: str | None, digest: str | None
) -> str:
    """Digest of the image with this digest, else of the image that has the tag now, else of the last that had it.

    Args:
        records: Journal records by digest, the latest first.
        present: Images in the repository by digest, active and archived.
        tag: As the operator names it.
        digest: As the operator names it.

    Raises:
        RepositoryError: The image is in neither the repository nor the journal.
    """
    if digest is not None:
        if digest in present or digest in records:
            return digest
        message = f"neither the repository nor the journal knows {digest}"
        raise RepositoryError(message)
    for image in present.values():
        if tag in image.tags:
            return image.digest
    for recorded, record in records.items():
        if tag in record.entry.tags:
            return recorded
    message = f"neither the repository nor the journal knows an image with the tag {tag}"
    raise RepositoryError(message)


def order(records: Mapping[str, JournalRecord], present: Mapping[str, Image], digest: str) -> list[str]:
    """Everything to restore with an image: what it lists, then itself, then what refers to it, to any depth."""
    referrers: dict[str, set[str]] = {}
    for image in (*present.values(), *(_as_image(record) for record in records.values())):
        for subject in subjects_of(image):
            referrers.setdefault(subject, set()).add(image.digest)
    ordered: list[str] = []
    visited: set[str] = set()
    # Not by calls in each other: indexes can list indexes to any depth.
    waiting = [(digest, False)]
    while waiting:
        current, is_next = waiting.pop()
        if is_next:
            ordered.append(current)
            waiting += [(referrer, False) for referrer in sorted(referrers.get(current, ()), reverse=True)]
        elif current not in visited and (current in records or current in present):
            visited.add(current)
            waiting.append((current, True))
            waiting += [(child, False) for child in reversed(children_of(records, current))]
    return ordered


def children_of(records: Mapping[str, JournalRecord], digest: str) -> tuple[str, ...]:
    """Digests that an index lists, if the journal has its manifest.

    Raises:
        RepositoryError: The manifest cannot be understood.
    """
    record = records.get(digest)
    if record is None or record.entry.manifest is None or record.entry.media_type not in INDEX_MEDIA_TYPES:
        return ()
    return listed_digests(record.entry.manifest, digest)


def layers(manifest: str, place: str) -> list[str]:
    """Digests of all blobs that a manifest needs, its config included.

    Raises:
        RepositoryError: The manifest cannot be understood.
    """
    try:
        content = read_json(manifest)
        blobs = [content.get("config") or {}, *(content.get("layers") or ()), *(content.get("fsLayers") or ())]
        digests = (blob.get("digest") or blob.get("blobSum") for blob in blobs)
        return [str(digest) for digest in dict.fromkeys(digests) if digest]
    except (ValueError, TypeError, AttributeError):
        message = f"the manifest of {place} is not one of an image"
        raise RepositoryError(message) from None


def _as_image(record: JournalRecord) -> Image:
    entry = record.entry
    return Image(record.page.repository, entry.digest, entry.pushed_at, tuple(entry.tags), subject=entry.subject)
