"""Rules of cleaners that look at little but the registry, restated: GJ, GC, TC, GCR. Wrong, like `faulty`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tests.prior_art.faulty import Seen


def orphans(images: Sequence[Seen], children: Mapping[str, Sequence[str]]) -> set[str]:
    """GJ-1, GJ-2: whatever has no tag and is listed by nothing that has one."""
    tagged = {image.digest for image in images if image.tags}
    listed = {child for index in tagged for child in children.get(index, ())}
    return {image.digest for image in images} - tagged - listed


def isolated(images: Iterable[Seen], templates: Iterable[str]) -> set[str]:
    """GC-3, GC-5: the images of which no template says a tag or the digest."""
    text = "\n".join(templates)
    return {image.digest for image in images if not any(name in text for name in (image.digest, *image.tags))}


def may_go(minutes_isolated: float, buffer_days: int = 0) -> bool:
    """GC-4: the buffer is there, and it is none."""
    return minutes_isolated >= buffer_days * 24 * 60


def told_as_deleted(batch: Sequence[str], failures: Sequence[str]) -> int:
    """GC-1: how many were asked for."""
    del failures
    return len(batch)


def goes_on(seconds_left: float) -> bool:
    """GC-6: nobody waits."""
    del seconds_left
    return True


def first_tags(images: Iterable[Seen], doomed: AbstractSet[str]) -> list[dict[str, str]]:
    """TC-2: the ids of the deleting call: a tag, wherever it points by then."""
    return [{"imageTag": image.tags[0]} for image in images if image.digest in doomed and image.tags]


def below(root: str, repositories: Iterable[str]) -> list[str]:
    """GCR-1: a repository and what its name begins."""
    return [name for name in repositories if name.startswith(root)]


def tags_then_image(image: Seen) -> list[dict[str, str]]:
    """GCR-2: the ids of the deleting calls, one by one."""
    return [*({"imageTag": tag} for tag in image.tags), {"imageDigest": image.digest}]


def after_three_tries(doomed: AbstractSet[str], attempt: Callable[[AbstractSet[str]], set[str]]) -> list[str]:
    """GCR-3: the errors of a removal, `attempt` being what it leaves: none, once the tries are used up."""
    for _ in range(3):
        doomed = attempt(doomed)
    return []


def told_in_a_dry_run(images: Iterable[Seen], keep_days: int = 30) -> set[str]:
    """GCR-4: each untagged image by itself; whether it can be deleted, only deleting it would tell."""
    return {image.digest for image in images if image.age_days > keep_days and not image.tags}


def lost_by_age(images: Iterable[Seen], keep_days: int = 30) -> set[str]:
    """GCR-5: old is old."""
    return {image.digest for image in images if image.age_days > keep_days}
