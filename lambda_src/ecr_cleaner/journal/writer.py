"""Stores what is needed to push an image again, before the image is removed.

::

    <prefix>journal/<day>/<run id>/<repository>/<name>.json.gz   see `journal_document.Page`

A deletion cannot be reversed: ECR keeps the layers of a deleted image only for a while, and AWS does not document for
how long. The journal stores everything else that a push needs.

Reading a manifest counts as a pull (https://github.com/aws/containers-roadmap/issues/2390). So it is read as late as
possible, after a recheck has shown that the image was not pulled since its evaluation. The change of the pull time by
this run's own reading is recognised by the start and the end of that reading.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ecr_cleaner.aws import errors, responses, s3
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import HistoryError, IncompleteAnswerError
from ecr_cleaner.history.model import HistoryEntry
from ecr_cleaner.journal.schema import NO_MANIFEST, Action, JournalEntry, Page, write_page, wrong_manifest
from ecr_cleaner.model.image import (
    CONTAINER_MANIFEST_MEDIA_TYPES,
    INDEX_MEDIA_TYPES,
    LEGACY_MEDIA_TYPES,
    LONGEST_READING,
    Image,
)
from ecr_cleaner.model.plan import RepositoryPlan, Verdict
from ecr_cleaner.model.repository import Repository

NoteReading = Callable[[str, Sequence[str], datetime, datetime], None]

FOLDER: Final = "journal/"


@dataclass(frozen=True, slots=True)
class JournalFailure:
    """Why an image is not in the journal.

    Attributes:
        code: Error code of ECR or S3, or a name for another cause.
        detail: One sentence.
    """

    code: str
    detail: str


@dataclass(slots=True)
class Journal(s3.Folder):
    """The journal of one run; of each repository, only one thread at a time may tell.

    Several repositories need no lock: each adds keys of its own, and writes objects of its own.

    Attributes:
        run_id: Identifies the run.
        clock: Returns the current time, in UTC.
    """

    run_id: str
    clock: Callable[[], datetime] = utc_now
    _known: dict[str, dict[str, HistoryEntry]] = field(default_factory=dict)
    _written: set[tuple[str, str]] = field(default_factory=set)

    def knows(self, plan: RepositoryPlan, past: Mapping[str, HistoryEntry]) -> None:
        """Keep the past of images that a plan removes; it is stored with their manifests."""
        digests = (verdict.image.digest for verdict in plan.removals)
        self._known[plan.repository.name] = {digest: past[digest] for digest in digests if digest in past}

    def has_to_read(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether `write` reads manifests of some of these images."""
        return any(v.image.active and _key(v.image) not in self._written for v in verdicts)

    def write(
        self, repository: Repository, verdicts: Sequence[Verdict], action: Action, note: NoteReading
    ) -> dict[str, JournalFailure]:
        """Store images of one repository that are about to be removed; images in the journal already are skipped.

        ECR returns no manifest of an archived image. Its manifest was stored before it was archived.

        Args:
            repository: The repository of the images.
            verdicts: The images with their verdicts.
            action: What is about to be done to them.
            note: Called for each reading of manifests, with repository, digests, start and end.

        Returns:
            Digests of images that could not be stored, with the cause.
        """
        missing = [v for v in verdicts if _key(v.image) not in self._written]
        if not missing:
            return {}
        manifests, failures = self._manifests([v.image for v in missing if v.image.active], note)
        complete = [v for v in missing if v.image.digest not in failures]
        if complete:
            page = Page(
                account=repository.arn.split(":")[4],
                region=self.clients.region,
                repository=repository.name,
                run_id=self.run_id,
                written_at=self.clock(),
                action=action,
                images=[self._entry(v, manifests.get(v.image.digest)) for v in complete],
            )
            try:
                self._put(page)
            except HistoryError as error:
                failure = JournalFailure("NotWritten", str(error))
                return failures | {v.image.digest: failure for v in complete}
            self._written.update(_key(v.image) for v in complete)
        return failures

    def _manifests(
        self, images: Sequence[Image], note: NoteReading
    ) -> tuple[dict[str, str], dict[str, JournalFailure]]:
        """Manifests by digest, and the failures for all other images."""
        if not images:
            return {}, {}
        began = self.clock()
        # Some may have been read although the response got lost, or the call was made twice.
        response: dict[str, Any] = {}
        failure: JournalFailure | None = None
        try:
            response = self.clients.client("ecr").batch_get_image(
                repositoryName=images[0].repository,
                imageIds=[{"imageDigest": image.digest} for image in images],
                acceptedMediaTypes=_accepted(images),
            )
        except errors.AwsError as error:
            failure = JournalFailure(errors.code_of(error), f"its manifest could not be read: {errors.sentence(error)}")
        ended = self.clock()
        note(images[0].repository, [image.digest for image in images], began, ended)
        if failure is None and ended - began > LONGEST_READING:
            seconds = (ended - began).total_seconds()
            detail = f"reading its manifest took {seconds:.0f} s: a pull during that time cannot be recognised"
            failure = JournalFailure("TooSlow", detail)
        if failure is not None:
            return {}, {image.digest: failure for image in images}
        try:
            manifests = {
                responses.member(item, "imageId.imageDigest", "BatchGetImage"): str(
                    responses.member(item, "imageManifest", "BatchGetImage")
                )
                for item in responses.member(response, "images", "BatchGetImage")
            }
        except IncompleteAnswerError as error:
            return {}, {image.digest: JournalFailure("IncompleteAnswer", str(error)) for image in images}
        return manifests, _failures(images, manifests, response)

    def _entry(self, verdict: Verdict, manifest: str | None) -> JournalEntry:
        image = verdict.image
        known = self._known.get(image.repository, {}).get(image.digest, HistoryEntry())
        return JournalEntry(
            digest=image.digest,
            manifest=manifest,
            media_type=image.media_type,
            tags=list(image.tags),
            subject=image.subject,
            size_bytes=image.size_bytes,
            pushed_at=image.pushed_at,
            last_pulled_at=image.last_pulled_at,
            reason=verdict.reason.value,
            last_in_use=known.last_in_use,
            by=list(known.by),
            lost_tags=dict(known.lost_tags),
        )

    def _put(self, page: Page) -> None:
        """Write an object under a key that is used once.

        Raises:
            HistoryError: It could not be written, or it is unknown whether it was.
        """
        folder = f"{FOLDER}{page.written_at:%Y-%m-%d}/{self.run_id}/{page.repository}"
        name = f"{folder}/{page.written_at:%H%M%S}-{uuid.uuid4().hex[:12]}.json.gz"
        self.ensure_object(name, write_page(page), None, "application/gzip")


def _key(image: Image) -> tuple[str, str]:
    return image.repository, image.digest


def _accepted(images: Sequence[Image]) -> list[str]:
    """The media types of the images: ECR may convert a manifest whose own media type is not accepted."""
    media_types = {image.media_type for image in images if image.media_type is not None}
    if len(media_types) < len({image.media_type for image in images}):
        media_types |= {*CONTAINER_MANIFEST_MEDIA_TYPES, *INDEX_MEDIA_TYPES, *LEGACY_MEDIA_TYPES}
    return sorted(media_types)


def _failures(
    images: Sequence[Image], manifests: Mapping[str, str], response: dict[str, Any]
) -> dict[str, JournalFailure]:
    codes = {
        f.get("imageId", {}).get("imageDigest"): f.get("failureCode", "Unknown") for f in response.get("failures", ())
    }
    failures: dict[str, JournalFailure] = {}
    for image in images:
        if image.digest not in manifests:
            code = codes.get(image.digest, "NotAnswered")
            failures[image.digest] = JournalFailure(code, f"its manifest could not be read: {NO_MANIFEST} ({code})")
        elif wrong := wrong_manifest(image.digest, image.media_type, manifests[image.digest]):
            failures[image.digest] = JournalFailure("WrongManifest", wrong)
    return failures
