"""Writes down what it takes to push an image again, before it goes.

::

    <prefix>journal/<day>/<run id>/<repository>/<name>.json.gz   see `journal_document.Page`

A deletion stays a deletion: ECR keeps the layers of an image that is gone for a while only, and nobody says how
long. The journal keeps what else it takes.

Reading a manifest counts as a pull (https://github.com/aws/containers-roadmap/issues/2390), so it is read as late as
possible, after a look has shown that nobody pulled the image since it was judged. What this run's own reading did to
the pull time is then no change: it is told apart by the moments between which it was read.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner import aws, objects
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import HistoryError, IncompleteAnswerError, ReplacedError
from ecr_cleaner.journal_document import NO_MANIFEST, Entry, Page, write_page, wrong_manifest
from ecr_cleaner.memory import Entry as Known
from ecr_cleaner.model import (
    CONTAINER_MANIFEST_MEDIA_TYPES,
    INDEX_MEDIA_TYPES,
    LEGACY_MEDIA_TYPES,
    LONGEST_READING,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.journal_document import Action
    from ecr_cleaner.model import Image, Repository, RepositoryPlan, Verdict

    NoteReading = Callable[[str, Sequence[str], datetime, datetime], None]

FOLDER: Final = "journal/"


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Why an image is not in the journal.

    Attributes:
        code: ECR's, S3's, or the name of what happened.
        detail: One sentence.
    """

    code: str
    detail: str


@dataclass(slots=True)
class Journal:
    """The journal of one run.

    Attributes:
        clients: Of the run.
        bucket: Where it lies.
        prefix: Of all keys of this instance of the module; ends with a slash.
        run_id: Names the run.
        clock: Now, in UTC.
    """

    clients: Aws
    bucket: str
    prefix: str
    run_id: str
    clock: Callable[[], datetime] = utc_now
    _known: dict[str, dict[str, Known]] = field(default_factory=dict)
    _written: set[tuple[str, str]] = field(default_factory=set)

    def knows(self, plan: RepositoryPlan, past: Mapping[str, Known]) -> None:
        """Take down what is known of the past of what is to go; it is written with the rest."""
        going = (verdict.image.digest for verdict in plan.removals)
        self._known[plan.repository.name] = {digest: past[digest] for digest in going if digest in past}

    def lacks(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether some of these images are still to be written down."""
        return any(_key(verdict.image) not in self._written for verdict in verdicts)

    def write(
        self, repository: Repository, verdicts: Sequence[Verdict], action: Action, note: NoteReading
    ) -> dict[str, Unwritten]:
        """Write images of one repository down that are about to go; those that are there already are passed over.

        ECR hands out no manifest of what is archived: what is there was written down when it went there.

        Args:
            repository: Where they lie.
            verdicts: Over the images.
            action: What is about to happen to them.
            note: Told of each reading of manifests: repository, digests, and the moments between which it was.

        Returns:
            The digests that are not in the journal, with the cause.
        """
        missing = [v for v in verdicts if _key(v.image) not in self._written]
        if not missing:
            return {}
        manifests, unwritten = self._manifests([v.image for v in missing if v.image.active], note)
        whole = [v for v in missing if v.image.digest not in unwritten]
        if whole:
            page = Page(
                account=repository.arn.split(":")[4],
                region=self.clients.region,
                repository=repository.name,
                run_id=self.run_id,
                written_at=self.clock(),
                action=action,
                images=[self._entry(v, manifests.get(v.image.digest)) for v in whole],
            )
            try:
                self._put(page)
            except HistoryError as error:
                failed = Unwritten("NotWritten", str(error))
                return unwritten | {v.image.digest: failed for v in whole}
            self._written.update(_key(v.image) for v in whole)
        return unwritten

    def _manifests(self, images: Sequence[Image], note: NoteReading) -> tuple[dict[str, str], dict[str, Unwritten]]:
        """What ECR hands out, and why the rest is not whole."""
        if not images:
            return {}, {}
        began = self.clock()
        # Some may have been read although the answer got lost, or the call was made twice.
        answer: dict[str, Any] = {}
        failed: Unwritten | None = None
        try:
            answer = self.clients.client("ecr").batch_get_image(
                repositoryName=images[0].repository,
                imageIds=[{"imageDigest": image.digest} for image in images],
                acceptedMediaTypes=_accepted(images),
            )
        except aws.AwsError as error:
            failed = Unwritten(aws.code_of(error), f"its manifest could not be read: {aws.sentence(error)}")
        ended = self.clock()
        note(images[0].repository, [image.digest for image in images], began, ended)
        if failed is None and ended - began > LONGEST_READING:
            seconds = (ended - began).total_seconds()
            failed = Unwritten("TooSlow", f"reading its manifest took {seconds:.0f} s: a pull meanwhile shows nowhere")
        if failed is not None:
            return {}, {image.digest: failed for image in images}
        try:
            found = {
                aws.member(aws.member(one, "imageId", "BatchGetImage"), "imageDigest", "BatchGetImage"): str(
                    aws.member(one, "imageManifest", "BatchGetImage")
                )
                for one in aws.member(answer, "images", "BatchGetImage")
            }
        except IncompleteAnswerError as error:
            return {}, {image.digest: Unwritten("IncompleteAnswer", str(error)) for image in images}
        return found, dict(_unread(images, found, answer))

    def _entry(self, verdict: Verdict, manifest: str | None) -> Entry:
        image = verdict.image
        known = self._known.get(image.repository, {}).get(image.digest, Known())
        return Entry(
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
        """Write an object whose key nobody else knows.

        Raises:
            HistoryError: It could not be written, or nobody knows whether it was.
        """
        name = f"{page.written_at:%H%M%S}-{uuid.uuid4().hex[:12]}"
        key = f"{self.prefix}{FOLDER}{page.written_at:%Y-%m-%d}/{self.run_id}/{page.repository}/{name}.json.gz"
        body = write_page(page)
        try:
            objects.write(self.clients, self.bucket, key, body, None, content_type="application/gzip")
        except ReplacedError:
            # Its own first try, whose answer got lost: certain only once it is read.
            if objects.read(self.clients, self.bucket, key).body != body:
                raise


def _key(image: Image) -> tuple[str, str]:
    return image.repository, image.digest


def _accepted(images: Sequence[Image]) -> list[str]:
    """The media types as they are: ECR might convert what is not asked for by its own."""
    found = {image.media_type for image in images if image.media_type is not None}
    if len(found) < len({image.media_type for image in images}):
        found |= {*CONTAINER_MANIFEST_MEDIA_TYPES, *INDEX_MEDIA_TYPES, *LEGACY_MEDIA_TYPES}
    return sorted(found)


def _unread(images: Sequence[Image], found: Mapping[str, str], answer: dict[str, Any]) -> dict[str, Unwritten]:
    codes = {
        f.get("imageId", {}).get("imageDigest"): f.get("failureCode", "Unknown") for f in answer.get("failures", ())
    }
    unread: dict[str, Unwritten] = {}
    for image in images:
        if image.digest not in found:
            code = codes.get(image.digest, "NotAnswered")
            unread[image.digest] = Unwritten(code, f"its manifest could not be read: {NO_MANIFEST} ({code})")
        elif wrong := wrong_manifest(image.digest, image.media_type, found[image.digest]):
            unread[image.digest] = Unwritten("WrongManifest", wrong)
    return unread
