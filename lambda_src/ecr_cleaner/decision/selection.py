"""Pure: which rules hold for each image of a repository.

Rules select images that have a name, a tag that somebody chose, and images that nothing holds. All others, the
manifests of an index and what refers to an image, go by the rules of what holds them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.decision.globs import matches
from ecr_cleaner.decision.graph import Graph
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.repository import RepositoryRule, Retention
from ecr_cleaner.model.rules import RetentionRule


class Extent(Enum):
    """Of how many tags of an image a rule speaks."""

    NONE = "none"
    SOME = "some"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Held:
    """What holds for one image: it goes only if each of the rules, and the default if that holds too, lets it go.

    Attributes:
        rules: In the order of the settings.
        numbers: Theirs.
        by_default: Whether the default age holds, because no rule selects it.
        as_artifact: Whether a rule selects it by the type of artifact.
    """

    rules: tuple[RepositoryRule, ...]
    numbers: tuple[int, ...]
    by_default: bool
    as_artifact: bool

    def age_limit(self, retention: Retention) -> int:
        """Days that it is kept for its age alone; rules that keep it for ever do not count."""
        ages = [held.keep_days for held in self.rules if not held.rule.keep]
        return max([*ages, *([retention.keep_days] if self.by_default else [])], default=0)


_DEFAULT: Final = Held((), (), by_default=True, as_artifact=False)


@dataclass(slots=True)
class Selection:
    """The rules of a repository, held against its images.

    Attributes:
        graph: Of the images.
        retention: Of the repository.
    """

    graph: Graph
    retention: Retention
    _own: dict[str, Held] = field(default_factory=dict)
    _same: dict[tuple[tuple[int, ...], bool, bool], Held] = field(default_factory=dict)

    def of(self, digest: str) -> Held:
        """What holds for an image: of one that goes by others, what holds for any of these."""
        if not self.retention.rules:
            return _DEFAULT
        several = [self._of_holder(holder) for holder in holders_of(self.graph, digest)]
        if len(several) == 1:
            return several[0]
        rules = {held.number: held for each in several for held in each.rules}
        return self._shared(
            [rules[number] for number in sorted(rules)],
            by_default=any(each.by_default for each in several),
            as_artifact=all(each.as_artifact for each in several),
        )

    def selects(self, held: RepositoryRule, digest: str) -> bool:
        """Whether a rule holds for an image for itself, and not for what holds it."""
        return digest in holders_of(self.graph, digest) and held.number in self._of_holder(digest).numbers

    def may_go(self, digest: str) -> bool:
        """Whether an image may go at all: its purpose is known, or a rule selects it by its type of artifact."""
        return is_understood(self.graph, digest) or self.of(digest).as_artifact

    def _of_holder(self, digest: str) -> Held:
        if digest not in self._own:
            image = self.graph.images[digest]
            extents = [(held, extent(held.rule, image, self.graph)) for held in self.retention.rules]
            whole = [held for held, of_tags in extents if of_tags is Extent.ALL]
            self._own[digest] = self._shared(
                [held for held, of_tags in extents if of_tags is not Extent.NONE],
                by_default=not whole,
                as_artifact=any(held.rule.artifact_types for held in whole),
            )
        return self._own[digest]

    def _shared(self, rules: Iterable[RepositoryRule], *, by_default: bool, as_artifact: bool) -> Held:
        """One value for all images for which the same holds: there may be very many."""
        rules = tuple(rules)
        numbers = tuple(held.number for held in rules)
        key = numbers, by_default, as_artifact
        if key not in self._same:
            self._same[key] = Held(rules, numbers, by_default, as_artifact)
        return self._same[key]


def holders_of(graph: Graph, digest: str) -> tuple[str, ...]:
    """The images by whose rules an image goes: itself, if it has a name or nothing holds it.

    Else those at the end of every way over the indexes that list it and the images that it refers to.
    """
    ends: set[str] = set()
    seen: set[str] = set()
    waiting = [digest]
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        before = graph.must_go_first(at)
        if graphs.has_name(graph.images[at]) or not before:
            ends.add(at)
        else:
            waiting += before
    # Tags of the sha256-<hex> kind can form a cycle, in which each holds all the others.
    return tuple(sorted(ends or seen))


def extent(rule: RetentionRule, image: Image, graph: Graph) -> Extent:
    """Of how many of its tags a rule speaks; of an untagged image, whether it selects it."""
    if not _is_of_kind(rule, image, graph):
        return Extent.NONE
    if not (rule.tags or rule.except_tags or rule.untagged):
        return Extent.ALL
    if not image.tags:
        return Extent.ALL if rule.untagged and not graphs.subjects_of(image) else Extent.NONE
    if not (rule.tags or rule.except_tags) or any(_is_any(rule.except_tags, tag) for tag in image.tags):
        return Extent.NONE
    fitting = [tag for tag in image.tags if not rule.tags or _is_any(rule.tags, tag)]
    if len(fitting) == len(image.tags):
        return Extent.ALL
    return Extent.SOME if fitting else Extent.NONE


def _is_of_kind(rule: RetentionRule, image: Image, graph: Graph) -> bool:
    if rule.artifact_types:
        types = _types(image, graph)
        return image.digest not in graph.containers and all(_is_any(rule.artifact_types, one) for one in types)
    return rule.keep or is_understood(graph, image.digest)


def is_understood(graph: Graph, digest: str) -> bool:
    """Whether the purpose of an image is known: to be run, or to describe another image.

    The artifacts in a repository without a container image describe images elsewhere, whose use is unknown here.
    """
    return digest in graph.containers or (digest in graph.descriptions and bool(graph.containers))


def _types(image: Image, graph: Graph) -> set[str]:
    """The types of an artifact: of an index, for which ECR gives none, those of what it lists. Only * fits none."""
    if image.artifact_type is None and image.is_index:
        listed = (part for part in graphs.parts(graph, image.digest) if not part.is_index)
        return {part.artifact_type or "" for part in listed} or {""}
    return {image.artifact_type or ""}


def _is_any(globs: Iterable[str], name: str) -> bool:
    return any(matches(glob, name) for glob in globs)


def counted(selection: Selection, held: RepositoryRule) -> dict[str, datetime]:
    """What ``keep_newest`` of a rule counts: the images that it selects, an index and what it lists once.

    Archived images, which nothing can pull, and what describes another image do not count; without a selector untagged
    images do not either.

    Returns:
        Digest to the latest push of it and of what it lists, as far as the rule selects that: a manifest may have been
        given a name of its own long after its index was pushed.
    """
    graph = selection.graph
    found = {
        image.digest: image
        for image in graph.images.values()
        if image.active
        and (held.rule.has_selector or graphs.has_name(image))
        and _counts(held.rule, image, graph)
        and selection.selects(held, image.digest)
    }
    parts = {digest: graphs.listed_by(graph, [digest]) & found.keys() for digest in found if digest in graph.children}
    listed = frozenset().union(*parts.values())
    return {
        digest: max(found[one].pushed_at for one in (digest, *parts.get(digest, ())))
        for digest in found
        if digest not in listed
    }


def _counts(rule: RetentionRule, image: Image, graph: Graph) -> bool:
    if rule.artifact_types:
        return image.digest not in graph.descriptions
    return image.digest in graph.containers and not graphs.refers(image, graph.subjects)
