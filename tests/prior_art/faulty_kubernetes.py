"""Rules of cleaners that look at Kubernetes, restated: KC, KN, SE, SG, SM, MOJ. Wrong, like `faulty`."""

from __future__ import annotations

import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tests.prior_art.faulty import Seen

_REFERENCE: Final = re.compile(r"[0-9]+\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/([^:]+):(.+)")

Name = tuple[str, str]
"""Repository without host, and tag."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod with one container, as its cluster shows it."""

    image: str
    namespace: str = "default"
    owner: str = "Deployment"
    phase: str = "Running"
    initial: bool = False


def lost_by_names(images: Iterable[Seen], in_use: AbstractSet[Name], keep_days: int = 30) -> set[str]:
    """KC-3, SE-2, SG-4: the old images without a tag in use; what that is, the rules below say."""
    return {
        image.digest
        for image in images
        if image.age_days > keep_days
        and in_use.isdisjoint({(image.repository.partition("/")[2], tag) for tag in image.tags})
    }


# Which pods


def in_namespaces(pods: Iterable[Pod], namespaces: Collection[str] = ("default",)) -> list[str]:
    """KC-2: of the others nothing is known."""
    return [pod.image for pod in pods if pod.namespace in namespaces]


def without_daemons(pods: Iterable[Pod]) -> list[str]:
    """SE-3: the kinds that somebody thought of."""
    return [pod.image for pod in pods if pod.owner in {"Deployment", "StatefulSet", "Job", "CronJob"}]


def main_containers(pods: Iterable[Pod]) -> list[str]:
    """IM-4: what runs at this moment, without what has to run before it."""
    return [pod.image for pod in pods if pod.phase == "Running" and not pod.initial]


# What a text says


def names_matched(texts: Iterable[str]) -> set[Name]:
    """KC-3, KC-4: a colon is the one before the tag, and the partition is ``aws``."""
    return {(match[1], match[2]) for text in texts if (match := _REFERENCE.fullmatch(text))}


def names_split(texts: Iterable[str]) -> set[Name]:
    """SE-2: whatever is behind the last colon is the tag."""
    parts = [text.partition("/")[2].rpartition(":") for text in texts]
    return {(repository, tag) for repository, _, tag in parts}


def names_with_tags(texts: Iterable[str]) -> set[Name]:
    """SG-4: a reference by digest is an error in the log."""
    return names_split(text for text in texts if "@" not in text)


# KC


def oldest_first(images: Iterable[Seen], keep: Callable[[Seen], bool], size: int = 100) -> list[str]:
    """KC-5: a hundred are taken, and then those to be kept are left out."""
    oldest = sorted(images, key=lambda image: -image.age_days)[:size]
    return [image.digest for image in oldest if not keep(image)]


def kept_by(pattern: str, tags: Iterable[str]) -> bool:
    """KC-6: a pattern that cannot be read is none, and none is asked all the same.

    Raises:
        AttributeError: It was none.
    """
    read: Any = None
    with suppress(re.error):
        read = re.compile(pattern)
    return any(read.search(tag) for tag in tags)


def call_for(registry: str, repository: str, digests: Iterable[str]) -> dict[str, Any]:
    """KC-7: the deleting call, in which the registry is forgotten."""
    del registry
    return {"repositoryName": repository, "imageIds": [{"imageDigest": digest} for digest in sorted(digests)]}


# KN


def too_old(image: Seen, keep_days: int) -> bool:
    """KN-2: seven days, whatever was asked for."""
    del keep_days
    return image.age_days > 7


def age_by_wall_clock(pushed_at: datetime) -> timedelta:
    """KN-3: the clock on the wall, with UTC written on it."""
    return datetime.now().replace(tzinfo=UTC) - pushed_at  # noqa: DTZ005 - the mistake


def only_tells(variable: str) -> bool:
    """KN-4: a text that is not empty is true."""
    return bool(variable)


def repositories_cleaned(repositories: Iterable[str]) -> list[str]:
    """KN-5: there is no need to ask."""
    return list(repositories)


def reads(images: Iterable[Seen]) -> list[list[str]]:
    """KN-6, GC-6: the ids of each reading call: one."""
    return [[image.digest] for image in images]


# SE, SG, SM, MOJ


def lost_at_any_age(images: Iterable[Seen], in_use: AbstractSet[Name]) -> set[str]:
    """SE-1: whatever is not deployed at this moment."""
    return lost_by_names(images, in_use, keep_days=-1)


def texts_of(places: Iterable[Callable[[], Sequence[str]]]) -> set[str]:
    """SG-1, SM-1, MOJ-1: what cannot be asked uses nothing."""
    found: set[str] = set()
    for ask in places:
        try:
            found.update(ask())
        except ClientError:
            continue
    return found


def lost_without_a_look(images: Iterable[Seen], in_use: AbstractSet[str], keep_days: int = 30) -> set[str]:
    """SG-3: the old images that no digest in use names, or that have no tag."""
    return {
        image.digest
        for image in images
        if image.age_days > keep_days and (not image.tags or image.digest not in in_use)
    }


def trusting() -> ssl.SSLContext:
    """SG-5: whoever answers is the one who was asked."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def seen_empty(contents: Mapping[str, AbstractSet[str]]) -> list[str]:
    """SM-2: the repositories to delete, by force, as soon as it is their turn."""
    return [name for name, images in contents.items() if not images]


def listed(answer: Mapping[str, Any], member: str) -> list[Any]:
    """MOJ-2: no list is an empty list."""
    return list(answer.get(member) or ())
