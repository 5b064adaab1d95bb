"""Pure: consumers that fail because of what an earlier run removed.

AWS says of some consumers that they could not pull their image; the sources return that with the usages
(`Usage.failure`). It only matters here if the cleaner itself removed the image: then nothing more is removed until the
consumer works again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from ecr_cleaner.decision import matching
from ecr_cleaner.errors import OutOfTimeError
from ecr_cleaner.model.image import Image, RemovedImage
from ecr_cleaner.model.usage import Usage

MOST: Final = 10
"""Consumers that a refusal names: enough to find the cause."""


def restore_command(image: str, function: str, region: str) -> str:
    """The command that restores an image."""
    return f"ecr-cleaner restore --region {region} --function {function} {image}"


def removed_as(name: str, gone: Mapping[str, RemovedImage]) -> tuple[str, RemovedImage] | None:
    """The removed image that a consumer names.

    Args:
        name: What it requests and the repository does not have: ``:v1`` or ``@sha256:...``.
        gone: What was removed from that repository, by digest.

    Returns:
        Its digest and what is known of its removal; None if this function did not remove it.
    """
    if name.startswith("@"):
        digest = name[1:]
        return (digest, gone[digest]) if digest in gone else None
    had = [(one.at, digest) for digest, one in gone.items() if name[1:] in one.tags]
    return (found := max(had)[1], gone[found]) if had else None


@dataclass(slots=True)
class PullFailureMonitor:
    """What one scan says of consumers that could not pull their images.

    Attributes:
        usages: Of this registry.
        restore: The command that brings an image back, with ``{}`` for its name.
        ask: What AWS says now of a consumer that was not asked (`Usage.unasked`): why it did not get its image; empty
            if it did. It is asked only of one whose image an earlier run may have removed.
        sentences: One for each consumer that fails because of a removed image.
    """

    usages: Iterable[Usage]
    restore: str
    ask: Callable[[Usage], str]
    sentences: list[str] = field(default_factory=list)
    _failing: dict[str | None, tuple[Usage, ...]] = field(init=False)
    _unasked: dict[str | None, tuple[Usage, ...]] = field(init=False)
    _looked_at: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._failing = matching.by_repository(usage for usage in self.usages if usage.failure)
        self._unasked = matching.by_repository(usage for usage in self.usages if usage.unasked and not usage.failure)

    @property
    def repositories(self) -> frozenset[str]:
        """Names of those that a failing consumer names."""
        return frozenset(name for name in self._failing if name is not None)

    def is_named(self, repository: str) -> bool:
        """Whether a consumer names a repository that fails, or of which it is not known."""
        return repository in self._failing or repository in self._unasked

    def may_fail(self, repository: str, gone: Mapping[str, RemovedImage]) -> bool:
        """Whether a consumer may fail because of what was removed from a repository: whatever is in there now.

        Args:
            repository: Its name.
            gone: What earlier runs removed, by digest.
        """
        if repository in self._failing or any(one.action == "archive" for one in gone.values()):
            return True
        names = {matching.wanted(usage.reference) for usage in self._unasked.get(repository, ())}
        return any(removed_as(name, gone) is not None for name in names)

    def mark_unreadable(self, repository: str, cause: str) -> None:
        """Record that a repository could not be read, which may lack the image of a failing consumer.

        Args:
            repository: Its name.
            cause: One sentence.
        """
        if repository in self._looked_at:
            return
        try:
            asked = tuple(self._asked(self._unasked.get(repository, ())))
        except OutOfTimeError:
            asked = ()  # nor is any left to remove anything
        self.sentences += [
            f"{usage.consumer} fails without an image of {repository} ({usage.failure}), and it is unknown whether"
            f" an earlier run removed it: {cause}"
            for usage in (*self._failing.get(repository, ()), *asked)
        ]

    def note(self, repository: str, sentences: Iterable[str]) -> None:
        """Record the sentences of a repository."""
        self._looked_at.add(repository)
        self.sentences += sentences

    def sentences_of(
        self, repository: str, images: Iterable[Image], gone: Mapping[str, RemovedImage]
    ) -> tuple[str, ...]:
        """One for each consumer that fails because an image was removed from a repository.

        Args:
            repository: Its name.
            images: All of its images.
            gone: What earlier runs removed, by digest.

        Raises:
            OutOfTimeError: No time is left for asking.
        """
        failing, unasked = self._failing.get(repository, ()), self._unasked.get(repository, ())
        if not ((failing or unasked) and gone):
            return ()
        images = tuple(images)
        doubtful = dict.fromkeys(chain.from_iterable(_wanting(images, unasked, gone).values()))
        wanting = _wanting(images, (*failing, *self._asked(doubtful)), gone)
        return tuple(
            f"{consumer} fails without {repository}@{digest} ({failure}), and {gone[digest]}; nothing is removed while"
            " it fails: bring the image back, or let the consumer name another one:"
            f" {self.restore.format(f'{repository}@{digest}')}"
            for digest, usages in wanting.items()
            for consumer, failure in sorted({(usage.consumer, usage.failure) for usage in usages})
        )

    def _asked(self, usages: Iterable[Usage]) -> Iterator[Usage]:
        """Those of consumers that fail, as AWS says now."""
        answers: dict[str, str] = {}
        for usage in usages:
            if usage.consumer not in answers:
                answers[usage.consumer] = self.ask(usage)
            if answers[usage.consumer]:
                yield replace(usage, failure=answers[usage.consumer])

    @property
    def refusals(self) -> list[str]:
        """Why nothing may be removed; empty if no consumer fails because of a removal."""
        sentences = sorted(set(self.sentences))
        more = len(sentences) - MOST
        return [*sentences[:MOST], f"and {more} more consumers fail for this reason"] if more > 0 else sentences


def _wanting(
    images: Iterable[Image], usages: Iterable[Usage], gone: Mapping[str, RemovedImage]
) -> Mapping[str, tuple[Usage, ...]]:
    """The usages that want an image that was removed or archived, by its digest."""
    images = tuple(images)
    resolved = matching.resolve(images, usages)
    wanting = {
        found[0]: usages for name, usages in sorted(resolved.missing.items()) if (found := removed_as(name, gone))
    }
    return wanting | {
        image.digest: resolved.used[image.digest]
        for image in images
        if image.is_archived and image.digest in gone and image.digest in resolved.used
    }
