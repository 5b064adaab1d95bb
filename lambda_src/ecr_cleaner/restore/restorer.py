"""Restores images with the credentials of the operator; the function's role has no permission to push.

An archived image is activated. A deleted image is pushed again from the journal, which works only as long as ECR still
has its layers: a deletion cannot be reversed. The images that an index lists are restored first, then the index, then
the artifacts that refer to it. Restoring twice does no harm. A tag that another image has by now is not moved: its
owner is read right before the tag is put, because restoring the images before it may take half an hour.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import IncompleteAnswerError, RepositoryError
from ecr_cleaner.journal.reader import JournalRecord
from ecr_cleaner.journal.schema import JournalEntry
from ecr_cleaner.model.image import INDEX_MEDIA_TYPES, Image
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.registry.own_pulls import Readings
from ecr_cleaner.restore.order import children_of, find, layers, order

Outcome = Literal["present", "pushed", "tagged", "activated", "activating", "possible", "failed"]

POLL_SECONDS: Final = 15

POLLS: Final = 120
"""Half an hour in total: ECR documents that restoring takes at most 20 minutes."""

_EXISTS: Final = "ImageAlreadyExistsException"

_LAYERS_GONE: Final = "LayersNotFoundException"

_FINAL: Final = "a deletion cannot be reversed: build and push it again"


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The outcome for one image.

    Attributes:
        digest: Of the image.
        outcome: ``possible`` means that a check found that the image could be pushed or activated.
        tags: Tags that the image has.
        taken_tags: Former tags that other images have by now, each with the digest of that image.
        detail: One sentence, where the outcome alone is not enough.
    """

    digest: str
    outcome: Outcome
    tags: tuple[str, ...] = ()
    taken_tags: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""


@dataclass(slots=True)
class Restorer:
    """Restores images of one repository.

    Attributes:
        clients: With the credentials of the operator.
        repository: Name of the repository.
        records: Journal records of the repository, by digest.
        check: Whether to report only what could be restored.
        wait: Whether to wait until an activated image can be pulled.
    """

    clients: AwsClients
    repository: str
    records: Mapping[str, JournalRecord]
    check: bool = False
    wait: bool = True
    present: dict[str, Image] = field(init=False)

    def __post_init__(self) -> None:
        self.present = {image.digest: image for image in registry_images.images(self.clients, self.repository)}

    def restore(self, tag: str | None, digest: str | None) -> Iterator[RestoreResult]:
        """Restore an image, with the images that it lists and the artifacts that refer to it.

        Yields:
            The outcome for each image, as soon as it is known; the requested image is one of them.

        Raises:
            AwsError: The repository could not be read.
            RepositoryError: The image is in neither the repository nor the journal.
        """
        target = find(self.records, self.present, tag, digest)
        failed: set[str] = set()
        done: set[str] = set()
        while todo := [each for each in order(self.records, self.present, target) if each not in done]:
            current = todo[0]
            done.add(current)
            missing = sorted(failed.intersection(children_of(self.records, current)))
            if missing and current not in self.present:
                detail = f"images that it lists were not restored: {', '.join(missing)}"
                result = RestoreResult(current, "failed", detail=detail)
            else:
                result = self._restore(current)
            if result.outcome == "failed":
                failed.add(current)
            yield result
            for child in self._archived_children(current, result):
                if child not in done:
                    done.add(child)
                    yield self._restore(child)

    def _restore(self, digest: str) -> RestoreResult:
        image = self.present.get(digest)
        try:
            if image is None:
                return self._push(digest)
            if not image.active:
                return self._activate(image)
            return self._tag(image)
        except (IncompleteAnswerError, RepositoryError, *errors.AwsError) as error:
            return RestoreResult(digest, "failed", image.tags if image else (), detail=errors.sentence(error))

    def _archived_children(self, digest: str, result: RestoreResult) -> Iterator[str]:
        """Archived images that an index lists and the journal does not know; an index is readable once it is active."""
        image = self.present.get(digest)
        if image is None or not image.is_index or result.outcome != "activated" or children_of(self.records, digest):
            return
        children = registry_images.children(self.clients, self.repository, [image], Readings()).children
        for child in children.get(digest, ()):
            if child in self.present and not self.present[child].active:
                yield child

    def _activate(self, image: Image) -> RestoreResult:
        if self.check:
            return RestoreResult(image.digest, "possible", image.tags, detail="it is archived and can be activated")
        if not image.activating:
            self.clients.client("ecr").update_image_storage_class(
                repositoryName=self.repository, imageId={"imageDigest": image.digest}, targetStorageClass="STANDARD"
            )
        for _ in range(POLLS if self.wait else 0):
            if image.digest in registry_images.describe(self.clients, self.repository, [image.digest]):
                return RestoreResult(image.digest, "activated", image.tags)
            time.sleep(POLL_SECONDS)
        return RestoreResult(
            image.digest, "activating", image.tags, detail="ECR restores it; that takes up to 20 minutes"
        )

    def _tag(self, image: Image) -> RestoreResult:
        """Put the lost tags of an image that is present itself."""
        record = self.records.get(image.digest)
        lost, taken = self._tags(record.entry if record else None, image.tags)
        if not lost or record is None or record.entry.manifest is None:
            return RestoreResult(image.digest, "present", image.tags, taken)
        if self.check:
            return RestoreResult(image.digest, "possible", image.tags, taken, f"it lacks the tags {', '.join(lost)}")
        put = self._put_tags(record.entry, lost, taken)
        return RestoreResult(image.digest, "tagged" if put else "present", tuple(sorted({*image.tags, *put})), taken)

    def _push(self, digest: str) -> RestoreResult:
        record = self.records.get(digest)
        if record is None or record.entry.manifest is None:
            return RestoreResult(digest, "failed", detail=f"the journal has no manifest of it; {_FINAL}")
        entry = record.entry
        tags, taken = self._tags(entry, ())
        if self.check:
            missing = self._missing_layers(entry)
            if missing:
                return _without_layers(digest, taken, missing)
            return RestoreResult(
                digest, "possible", taken_tags=taken, detail="it can be pushed again: ECR still has its layers"
            )
        try:
            put = self._put_tags(entry, tags, taken)
            if not put:
                self._put(entry, None)
        except errors.AwsError as error:
            if errors.code_of(error) != _LAYERS_GONE:
                raise
            return _without_layers(digest, taken, self._missing_layers(entry))
        return RestoreResult(digest, "pushed", tuple(put), taken)

    def _tags(self, entry: JournalEntry | None, has: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The tags to put, and the tags that other images have by now."""
        owners = {tag: image.digest for image in self.present.values() for tag in image.tags}
        wanted = [tag for tag in (entry.tags if entry else ()) if tag not in has]
        taken = {tag: owners[tag] for tag in wanted if tag in owners}
        return [tag for tag in wanted if tag not in taken], taken

    def _put_tags(self, entry: JournalEntry, tags: Sequence[str], taken: dict[str, str]) -> list[str]:
        """Put tags on an image, except tags that other images have received in the meantime; these go to `taken`.

        Returns:
            The tags that were put.
        """
        put = []
        for tag in tags:
            owner = self._owner(tag)
            if owner is not None and owner != entry.digest:
                taken[tag] = owner
                continue
            self._put(entry, tag)
            put.append(tag)
        return put

    def _owner(self, tag: str) -> str | None:
        """Digest of the image that has a tag now, active or archived; None if there is none."""
        operation = "DescribeImages"
        try:
            response = responses.called(
                self.clients.client("ecr"),
                operation,
                repositoryName=self.repository,
                imageIds=[{"imageTag": tag}],
                filter={"imageStatus": "ANY"},
            )
        except errors.AwsError as error:
            if errors.code_of(error) != "ImageNotFoundException":
                raise
            return None
        images = responses.member(response, "imageDetails", operation)
        if not images:
            raise IncompleteAnswerError(operation, "imageDetails")
        return str(responses.member(images[0], "imageDigest", operation))

    def _put(self, entry: JournalEntry, tag: str | None) -> None:
        request: dict[str, Any] = {
            "repositoryName": self.repository,
            "imageManifest": entry.manifest,
            "imageDigest": entry.digest,
        }
        if entry.media_type is not None:
            request["imageManifestMediaType"] = entry.media_type
        if tag is not None:
            request["imageTag"] = tag
        try:
            self.clients.client("ecr").put_image(**request)
        except errors.AwsError as error:
            if errors.code_of(error) != _EXISTS:
                raise

    def _missing_layers(self, entry: JournalEntry) -> list[str]:
        """Layers of an image that ECR no longer has; an index has no layers."""
        if entry.media_type in INDEX_MEDIA_TYPES:
            return []
        wanted = layers(entry.manifest or "{}", entry.digest)
        available: set[str] = set()
        for start in range(0, len(wanted), registry_images.BATCH_SIZE):
            response = self.clients.client("ecr").batch_check_layer_availability(
                repositoryName=self.repository, layerDigests=wanted[start : start + registry_images.BATCH_SIZE]
            )
            for layer in responses.member(response, "layers", "BatchCheckLayerAvailability"):
                if layer.get("layerAvailability") == "AVAILABLE":
                    available.add(str(layer.get("layerDigest")))
        return [digest for digest in wanted if digest not in available]


def _without_layers(digest: str, taken: Mapping[str, str], missing: Sequence[str]) -> RestoreResult:
    detail = f"ECR no longer has {len(missing)} of its layers ({', '.join(missing)}); {_FINAL}"
    return RestoreResult(digest, "failed", taken_tags=taken, detail=detail)
