"""Brings images back, under the credentials of whoever asks: the function's own role is denied to.

What is archived is activated. What was deleted is pushed again from the journal, which works as long as ECR still has
its layers, and only so long: a deletion cannot be reversed. What an index lists comes first, then the index, then what
refers to it. Doing it again does no harm, and a tag that another image has by now stays where it is: whose it is, is
asked directly before it is put, because what comes first may take half an hour.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from ecr_cleaner import aws, inventory
from ecr_cleaner.errors import IncompleteAnswerError
from ecr_cleaner.model import INDEX_MEDIA_TYPES
from ecr_cleaner.readings import Readings
from ecr_cleaner.restore_order import children_of, find, layers, order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.journal_document import Entry
    from ecr_cleaner.journal_reader import Written
    from ecr_cleaner.model import Image

Outcome = Literal["there", "pushed", "tagged", "activated", "activating", "possible", "failed"]

POLL_SECONDS: Final = 15
POLLS: Final = 120
"""Half an hour in all: ECR says that restoring takes at most 20 minutes."""

_EXISTS: Final = "ImageAlreadyExistsException"
_LAYERS_GONE: Final = "LayersNotFoundException"
_FINAL: Final = "a deletion cannot be reversed: build and push it again"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one image.

    Attributes:
        digest: Its own.
        outcome: ``possible`` is what a check says of what it would push or activate.
        tags: Those it has.
        taken: Tags it had, which other images have by now, with these images' digests.
        detail: One sentence where the outcome does not say it all.
    """

    digest: str
    outcome: Outcome
    tags: tuple[str, ...] = ()
    taken: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """As JSON-native values."""
        return {
            "digest": self.digest,
            "outcome": self.outcome,
            "tags": list(self.tags),
            "taken_tags": dict(self.taken),
            "detail": self.detail,
        }


@dataclass(slots=True)
class Restorer:
    """Brings images of one repository back.

    Attributes:
        clients: Of whoever asks.
        repository: Its name.
        written: What the journal has of it.
        check: Whether to look only.
        wait: Whether to wait until what is activated can be pulled.
    """

    clients: Aws
    repository: str
    written: Mapping[str, Written]
    check: bool = False
    wait: bool = True
    present: dict[str, Image] = field(init=False)

    def __post_init__(self) -> None:
        self.present = {image.digest: image for image in inventory.images(self.clients, self.repository)}

    def restore(self, tag: str | None, digest: str | None) -> Iterator[Ended]:
        """Bring an image back, with all that belongs to it.

        Yields:
            What became of each, as it ends; the image that was asked for is among them.

        Raises:
            AwsError: Looking failed.
            RepositoryError: Nobody knows the image.
        """
        target = find(self.written, self.present, tag, digest)
        failed: set[str] = set()
        done: set[str] = set()
        while todo := [one for one in order(self.written, self.present, target) if one not in done]:
            one = todo[0]
            done.add(one)
            missing = sorted(failed.intersection(children_of(self.written, one)))
            if missing and one not in self.present:
                ended = Ended(one, "failed", detail=f"what it lists did not come back: {', '.join(missing)}")
            else:
                ended = self._one(one)
            if ended.outcome == "failed":
                failed.add(one)
            yield ended
            for more in self._listed_by_archived(one, ended):
                if more not in done:
                    done.add(more)
                    yield self._one(more)

    def _one(self, digest: str) -> Ended:
        image = self.present.get(digest)
        try:
            if image is None:
                return self._push(digest)
            if not image.active:
                return self._activate(image)
            return self._tag(image)
        except (IncompleteAnswerError, *aws.AwsError) as error:
            return Ended(digest, "failed", image.tags if image else (), detail=aws.sentence(error))

    def _listed_by_archived(self, digest: str, ended: Ended) -> Iterator[str]:
        """What an index lists that the journal does not know: readable only once it is active."""
        image = self.present.get(digest)
        if image is None or not image.is_index or ended.outcome != "activated" or children_of(self.written, digest):
            return
        children, _ = inventory.children(self.clients, self.repository, [image], Readings())
        for child in children.get(digest, ()):
            if child in self.present and not self.present[child].active:
                yield child

    def _activate(self, image: Image) -> Ended:
        if self.check:
            return Ended(image.digest, "possible", image.tags, detail="it is archived, and can be activated")
        if not image.activating:
            self.clients.client("ecr").update_image_storage_class(
                repositoryName=self.repository,
                imageId={"imageDigest": image.digest},
                targetStorageClass="STANDARD",
            )
        for _ in range(POLLS if self.wait else 0):
            if image.digest in inventory.describe(self.clients, self.repository, [image.digest]):
                return Ended(image.digest, "activated", image.tags)
            time.sleep(POLL_SECONDS)
        return Ended(image.digest, "activating", image.tags, detail="ECR restores it; that takes up to 20 minutes")

    def _tag(self, image: Image) -> Ended:
        """Put back the tags that an image lost which is there itself."""
        one = self.written.get(image.digest)
        lost, taken = self._tags(one.entry if one else None, image.tags)
        if not lost or one is None or one.entry.manifest is None:
            return Ended(image.digest, "there", image.tags, taken)
        if self.check:
            return Ended(image.digest, "possible", image.tags, taken, f"it lacks the tags {', '.join(lost)}")
        put = self._put_tags(one.entry, lost, taken)
        return Ended(image.digest, "tagged" if put else "there", tuple(sorted({*image.tags, *put})), taken)

    def _push(self, digest: str) -> Ended:
        one = self.written.get(digest)
        if one is None or one.entry.manifest is None:
            return Ended(digest, "failed", detail=f"the journal has no manifest of it; {_FINAL}")
        entry = one.entry
        tags, taken = self._tags(entry, ())
        if self.check:
            gone = self._missing_layers(entry)
            if gone:
                return Ended(digest, "failed", taken=taken, detail=_gone(gone))
            return Ended(digest, "possible", taken=taken, detail="it can be pushed again with what ECR still has")
        try:
            put = self._put_tags(entry, tags, taken)
            if not put:
                self._put(entry, None)
        except aws.AwsError as error:
            if aws.code_of(error) != _LAYERS_GONE:
                raise
            return Ended(digest, "failed", taken=taken, detail=_gone(self._missing_layers(entry)))
        return Ended(digest, "pushed", tuple(put), taken)

    def _tags(self, entry: Entry | None, has: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The tags to put, and those that other images have by now."""
        owners = {tag: image.digest for image in self.present.values() for tag in image.tags}
        wanted = [tag for tag in (entry.tags if entry else ()) if tag not in has]
        taken = {tag: owners[tag] for tag in wanted if tag in owners}
        return [tag for tag in wanted if tag not in taken], taken

    def _put_tags(self, entry: Entry, tags: Sequence[str], taken: dict[str, str]) -> list[str]:
        """Put tags on an image, except those that other images have got meanwhile, which become `taken`.

        Returns:
            Those that the image has.
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
        """The digest of the image that has a tag now, archived or not; None: none has."""
        operation = "DescribeImages"
        try:
            answer = aws.called(
                self.clients.client("ecr"),
                operation,
                repositoryName=self.repository,
                imageIds=[{"imageTag": tag}],
                filter={"imageStatus": "ANY"},
            )
        except aws.AwsError as error:
            if aws.code_of(error) != "ImageNotFoundException":
                raise
            return None
        found = aws.member(answer, "imageDetails", operation)
        if not found:
            raise IncompleteAnswerError(operation, "imageDetails")
        return str(aws.member(found[0], "imageDigest", operation))

    def _put(self, entry: Entry, tag: str | None) -> None:
        asked: dict[str, Any] = {
            "repositoryName": self.repository,
            "imageManifest": entry.manifest,
            "imageDigest": entry.digest,
        }
        if entry.media_type is not None:
            asked["imageManifestMediaType"] = entry.media_type
        if tag is not None:
            asked["imageTag"] = tag
        try:
            self.clients.client("ecr").put_image(**asked)
        except aws.AwsError as error:
            if aws.code_of(error) != _EXISTS:
                raise

    def _missing_layers(self, entry: Entry) -> list[str]:
        """What of an image ECR does not have any more; of an index, nothing is a layer."""
        if entry.media_type in INDEX_MEDIA_TYPES:
            return []
        wanted = layers(entry.manifest or "{}")
        there: set[str] = set()
        for start in range(0, len(wanted), inventory.BATCH_SIZE):
            answer = self.clients.client("ecr").batch_check_layer_availability(
                repositoryName=self.repository, layerDigests=wanted[start : start + inventory.BATCH_SIZE]
            )
            for layer in aws.member(answer, "layers", "BatchCheckLayerAvailability"):
                if layer.get("layerAvailability") == "AVAILABLE":
                    there.add(str(layer.get("layerDigest")))
        return [digest for digest in wanted if digest not in there]


def _gone(missing: Sequence[str]) -> str:
    return f"ECR does not have {len(missing)} of its layers any more ({', '.join(missing)}); {_FINAL}"
