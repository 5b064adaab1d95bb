"""Pure: which image of a repository each usage names, and which usages name an image that does not exist.

`graph` decides what may be needed, so there a doubtful match counts. Here it does not: the results are findings on
images that are missing or at risk, and must not be false alarms.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ecr_cleaner.model.image import Image
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage


@dataclass(frozen=True, slots=True)
class Resolved:
    """The usages of one repository, matched with its images.

    Attributes:
        used: Digest to the usages that name it, by digest or by the tag that points at it now.
        missing: Name of an image that does not exist, e.g. ``:v1`` or ``@sha256:...``, to the usages that name it.
    """

    used: Mapping[str, tuple[Usage, ...]]
    missing: Mapping[str, tuple[Usage, ...]]


def of_registry(usages: Iterable[Usage], account: str | None, region: str) -> Iterable[Usage]:
    """The usages that name this registry, or any registry."""
    return (usage for usage in usages if usage.reference.may_lie_in(account, region))


def by_repository(usages: Iterable[Usage]) -> dict[str | None, tuple[Usage, ...]]:
    """The usages by the repository they name; under None those that name a digest alone.

    Usages that cover repositories by a prefix, or all of them, are left out.
    """
    grouped: dict[str | None, list[Usage]] = defaultdict(list)
    for usage in usages:
        if usage.reference.breadth in {ReferenceScope.IMAGE, ReferenceScope.REPOSITORY}:
            grouped[usage.reference.repository].append(usage)
    return {repository: tuple(named) for repository, named in grouped.items()}


def wanted(reference: Reference) -> str:
    """What a runtime requests from the repository: the digest if one is written, else the tag."""
    return f"@{reference.digest}" if reference.digest else f":{reference.effective_tag}"


def resolve(images: Iterable[Image], usages: Iterable[Usage], anywhere: Iterable[Usage] = ()) -> Resolved:
    """Match the usages of a repository with its images.

    Args:
        images: All of the repository.
        usages: Those that name it.
        anywhere: Those that name a digest in any repository.

    Returns:
        What is used, and what is missing. A text may be parsed in several ways (a full stop after a tag may be a part
        of it): if one of them names an existing image, none is missing.
    """
    places = _places(images)
    used: dict[str, list[Usage]] = defaultdict(list)
    missing: dict[str, list[Usage]] = defaultdict(list)
    for alternatives in _alternatives(usages):
        there = [usage for usage in alternatives if wanted(usage.reference) in places]
        for usage in there:
            for digest in places[wanted(usage.reference)]:
                used[digest].append(usage)
        if not there:
            # The shortest one is without the characters that may belong to the sentence around it.
            least = min(alternatives, key=lambda usage: len(wanted(usage.reference)))
            missing[wanted(least.reference)].append(least)
    for usage in anywhere:
        if wanted(usage.reference) in places:
            used[str(usage.reference.digest)].append(usage)
    return Resolved(
        {digest: tuple(named) for digest, named in used.items()},
        {name: tuple(named) for name, named in missing.items()},
    )


def _places(images: Iterable[Image]) -> Mapping[str, list[str]]:
    """What a runtime may request, to the digests that it would get."""
    places: dict[str, list[str]] = defaultdict(list)
    for image in images:
        for name in (f"@{image.digest}", *(f":{tag}" for tag in image.tags)):
            places[name].append(image.digest)
    return places


def _alternatives(usages: Iterable[Usage]) -> Iterable[list[Usage]]:
    """Groups of usages: all ways to parse the same text of the same consumer."""
    groups: dict[tuple[Reference, str, str], list[Usage]] = defaultdict(list)
    for usage in usages:
        reference = usage.reference
        if reference.breadth is ReferenceScope.IMAGE:
            # They have one normalised text, that of the longest; it is cut where it is very long, so the rest counts.
            least = replace(reference, tag=(reference.tag or "").rstrip("._-"))
            groups[least, usage.source, usage.consumer].append(usage)
    return groups.values()
