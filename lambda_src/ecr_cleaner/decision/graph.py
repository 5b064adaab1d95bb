"""Pure: which digests of a repository are needed, and why.

Edges go from a kept image to the images that it keeps: an index keeps the manifests it lists, and an image and its
referrers (signatures, SBOMs) keep each other, by OCI subject or by the ``sha256-<hex>`` tag scheme
(https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema, cosign's ``.sig``).
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final, TypeVar

from ecr_cleaner.model.image import CONTAINER_CONFIG_MEDIA_TYPES, LEGACY_MEDIA_TYPES, Image
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.usage import Usage

_T = TypeVar("_T")

_SUBJECT_TAG_START: Final = "sha256-"
_SUBJECT_TAG: Final = re.compile(rf"{_SUBJECT_TAG_START}(?P<hex>[0-9a-f]{{64}})(?:\..+)?")


class Relation(Enum):
    """How a kept image keeps another one."""

    LISTED = "listed by"
    LISTS = "lists"
    REFERS = "refers to"
    REFERRED = "referred to by"


@dataclass(frozen=True, slots=True)
class KeepReason:
    """Why a digest that is no root is kept.

    Attributes:
        root: The digest at the start of the path that keeps it.
        link: The last step of that path.
    """

    root: str
    link: Relation


@dataclass(frozen=True)
class Graph:
    """The images of one repository and the relations between them, each worked out when it is first asked for.

    Attributes:
        contents: All of its images, and what each of its indexes lists.
    """

    contents: RepositorySnapshot

    @cached_property
    def images(self) -> Mapping[str, Image]:
        """By digest."""
        return {image.digest: image for image in self.contents.images}

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Index to the manifests it lists, those that are in the repository."""
        return {
            index: tuple(dict.fromkeys(digest for digest in listed if digest in self.images))
            for index, listed in self.contents.children.items()
            if index in self.images
        }

    @cached_property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """The reverse of `children`."""
        return _reversed(self.children)

    @cached_property
    def subjects(self) -> Mapping[str, tuple[str, ...]]:
        """Artifact to the images that it refers to; it may refer by field and by tag."""
        present = {digest: tuple(end for end in ends if end in self.images) for digest, ends in self._named.items()}
        return {digest: ends for digest, ends in present.items() if ends}

    @cached_property
    def referrers(self) -> Mapping[str, tuple[str, ...]]:
        """The reverse of `subjects`: image to the artifacts that refer to it."""
        return _reversed(self.subjects)

    @cached_property
    def dangling_referrers(self) -> Mapping[str, tuple[str, ...]]:
        """Digest that is not in the repository to the artifacts that refer to it."""
        return _reversed({d: [end for end in ends if end not in self.images] for d, ends in self._named.items()})

    @cached_property
    def containers(self) -> frozenset[str]:
        """The digests that a container runtime can run, alone or as a part of an image.

        In contrast to charts, providers and other artifacts. An index is of the same kind as the manifests that it
        lists; if none of them is in the repository, it counts as a container image. Everything that an image lists is a
        part of it, attestations too, but not an artifact with a tag of its own, which may be pulled by that.
        """
        runnable = {d for d, i in self.images.items() if not i.is_index and _runs(i)}
        runnable |= {d for d, i in self.images.items() if i.is_index and not self.children.get(d)}
        return frozenset(_reached(_reached(runnable, self.parents), self._parts))

    @cached_property
    def descriptions(self) -> frozenset[str]:
        """The digests that describe another image, or are a part of something that does.

        What refers to other images, present or not; the nameless manifests it lists; and nameless lists of nothing
        else. A client without the referrers API lists the referrers of an image in an index that it tags
        ``sha256-<hex>``. With each referrer it pushes another such index, and the one before loses its tag.
        """
        found = {digest for digest, image in self.images.items() if refers(image, self.subjects)}
        while True:
            found = _reached(found, self._parts)
            above = {
                index for digest in found for index in self.parents.get(digest, ()) if not self.images[index].tags
            } - found
            more = {index for index in above if found.issuperset(self.children[index])}
            if not more:
                return frozenset(found)
            found |= more

    @cached_property
    def followers(self) -> frozenset[str]:
        """The descriptions whose image is in the repository and that have no name of their own.

        They are only found through that image, and have no age of their own: nameless referrers, and the nameless
        manifests that nothing else lists.
        """
        found = {digest for digest in self.subjects if not has_name(self.images[digest])}
        queue = deque(found)
        while queue:
            for digest in self.children.get(queue.popleft(), ()):
                is_new = digest not in found and not has_name(self.images[digest])
                if is_new and found.issuperset(self.parents[digest]):
                    found.add(digest)
                    queue.append(digest)
        # Tags of the sha256-<hex> kind can form a cycle, which has no image that it follows.
        followed = self.images.keys() - found
        return frozenset(found & _reached(followed, self.children, self.referrers)) if found else frozenset()

    def must_go_first(self, digest: str) -> tuple[str, ...]:
        """What must be removed before this image: the indexes that list it and its subjects."""
        return self.parents.get(digest, ()) + self.subjects.get(digest, ())

    @cached_property
    def _named(self) -> Mapping[str, tuple[str, ...]]:
        """What each artifact refers to, whether or not it is in the repository; of most images, nothing."""
        return {digest: ends for digest, image in self.images.items() if (ends := subjects_of(image))}

    @cached_property
    def _parts(self) -> Mapping[str, tuple[str, ...]]:
        """Index to the nameless manifests that it lists."""
        return {
            index: tuple(digest for digest in listed if not has_name(self.images[digest]))
            for index, listed in self.children.items()
        }


def build(contents: RepositorySnapshot) -> Graph:
    """The graph of a repository."""
    return Graph(contents)


def refers(image: Image, subjects: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether it refers to another image, present or not.

    Beside a name, a tag of what is not in the repository shows nothing: builds are tagged by the hash of their inputs.
    """
    return image.subject is not None or image.digest in subjects or (bool(subjects_of(image)) and not has_name(image))


def _runs(image: Image) -> bool:
    if image.artifact_type is None:
        return image.media_type in LEGACY_MEDIA_TYPES
    return image.artifact_type in CONTAINER_CONFIG_MEDIA_TYPES


def subjects_of(image: Image) -> tuple[str, ...]:
    """The digests an artifact refers to, whether or not they still exist."""
    if not image.subject and _SUBJECT_TAG_START not in "".join(image.tags):
        return ()  # of nearly all
    named = [*([image.subject] if image.subject else []), *filter(None, map(_subject, image.tags))]
    return tuple(dict.fromkeys(one for one in named if one != image.digest))


def has_name(image: Image) -> bool:
    """Whether it has a tag other than those that only name its subject, for instance one of its own digest."""
    return any(_subject(tag) in {None, image.digest} for tag in image.tags)


def _subject(tag: str) -> str | None:
    match = _SUBJECT_TAG.fullmatch(tag) if tag.startswith(_SUBJECT_TAG_START) else None
    return f"sha256:{match['hex']}" if match else None


def _reversed(edges: Mapping[str, Iterable[_T]]) -> dict[_T, tuple[str, ...]]:
    back: dict[_T, list[str]] = defaultdict(list)
    for start, ends in edges.items():
        for end in ends:
            back[end].append(start)
    return {end: tuple(starts) for end, starts in back.items()}


def parts(graph: Graph, digest: str) -> tuple[Image, ...]:
    """Everything in the repository that an index lists, directly or through other indexes."""
    return tuple(graph.images[found] for found in sorted(listed_by(graph, [digest])))


def listed_by(graph: Graph, indexes: Iterable[str]) -> set[str]:
    """What some indexes list, directly or through other indexes, as far as it is in the repository."""
    return _reached({child for index in indexes for child in graph.children.get(index, ())}, graph.children)


def resolve(graph: Graph, repository: str, usages: Iterable[Usage]) -> dict[str, tuple[Usage, ...]]:
    """The digests that usages name: the one written or resolved, and the one that the tag points at now.

    Args:
        graph: Of the repository.
        repository: Its name. The usages must already be those of this account and region, or of
            any repository.
        usages: In any order.

    Returns:
        Digest to the usages that name it.
    """
    usages = tuple(usages)
    wanted = {one.reference.effective_tag for one in usages if one.reference.repository == repository}
    # A tag points at several digests if it moved while the repository was listed.
    tagged = _reversed(
        {d: wanted.intersection(i.tags) for d, i in graph.images.items() if not wanted.isdisjoint(i.tags)}
    )
    by_digest: dict[str, list[Usage]] = defaultdict(list)
    for usage in usages:
        reference = usage.reference
        if reference.is_wide:
            named = set(graph.images) if reference.covers(repository) else set()
        else:
            # A digest counts in every repository that has it: images are copied between repositories, and keeping one
            # too many does no harm. Signatures may be in another repository than the signed image (cosign's
            # COSIGN_REPOSITORY).
            digest = reference.digest or ""
            named = {*filter(graph.images.__contains__, [digest]), *graph.dangling_referrers.get(digest, ())}
            if reference.repository == repository:
                named.update(tagged.get(reference.effective_tag, ()))
        for digest in named:
            by_digest[digest].append(usage)
    return {digest: tuple(named) for digest, named in by_digest.items()}


def upward(graph: Graph, roots: Iterable[str]) -> dict[str, KeepReason]:
    """The indexes that list a used manifest: the runtime may report the child of what was deployed.

    Returns:
        Digest to why; without the roots themselves.
    """
    return _closure(roots, [(graph.parents, Relation.LISTS)])


def downward(graph: Graph, roots: Iterable[str]) -> dict[str, KeepReason]:
    """What stays with kept images: the manifests they list, what refers to them, and what they refer to, to any depth.

    Returns:
        Digest to why; without the roots themselves.
    """
    edges = [(graph.children, Relation.LISTED), (graph.referrers, Relation.REFERS), (graph.subjects, Relation.REFERRED)]
    return _closure(roots, edges)


def _closure(
    roots: Iterable[str], edges: Sequence[tuple[Mapping[str, tuple[str, ...]], Relation]]
) -> dict[str, KeepReason]:
    reached: dict[str, KeepReason] = {}
    seen = set(roots)
    # Sorted throughout, so that the evidence does not depend on the order of AWS's listings.
    queue = deque(
        (root, root) for root in sorted({start for targets, _ in edges for start in targets if start in seen})
    )
    while queue:
        digest, root = queue.popleft()
        for targets, link in edges:
            for target in sorted(targets.get(digest, ())):
                if target not in seen:
                    seen.add(target)
                    reached[target] = KeepReason(root, link)
                    queue.append((target, root))
    return reached


def _reached(roots: Iterable[str], *edges: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The roots, and what `_closure` reaches from them."""
    seen = set(roots)
    # Lists that grow while they are walked. Most roots lead nowhere.
    waiting = [start for targets in edges for start in targets if start in seen]
    for start in waiting:
        new = {target for targets in edges for target in targets.get(start, ())} - seen
        seen |= new
        waiting += new
    return seen
