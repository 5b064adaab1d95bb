"""Findings on consumers whose usages cover more than an image. They protect, and nobody asked for so much."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ecr_cleaner.decision.wide_usages import KeptAlone
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.gaps import entries
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage

_SHOWN: Final = 3
_LISTS: Final = frozenset({"protected_images", "used_images"})
"""Sources in which a person writes ``repository:*`` on purpose."""


@dataclass(slots=True)
class WideUsages:
    """The wide usages of a run, and what each consumer alone keeps by them.

    Attributes:
        usages: By consumer.
    """

    usages: Mapping[str, tuple[Usage, ...]] = field(default_factory=dict)
    _kept: dict[str, KeptAlone | None] = field(default_factory=dict)

    def add(self, repository: str, kept: KeptAlone | None) -> None:
        """Take what a consumer alone keeps in a repository, in place of what it kept when that was evaluated before."""
        self._kept[repository] = kept

    def findings(self) -> Iterator[Finding]:
        """One for each consumer."""
        for consumer, usages in sorted(self.usages.items()):
            kept = [one for one in self._kept.values() if one is not None and one.consumer == consumer]
            yield _finding(usages, sum(one.images for one in kept), sum(one.bytes for one in kept))


def covered(reference: Reference) -> str:
    """What a wide reference covers, for people."""
    match reference.breadth:
        case ReferenceScope.REPOSITORY:
            return f"every image of the repository {reference.repository}"
        case ReferenceScope.PREFIX if reference.repository:
            return f"every image of all repositories whose names begin with {reference.repository}"
        case _:
            return "every image of the registry"


def remedy(usages: Iterable[Usage]) -> str:
    """What mends the wide usages of one consumer, and what accepts them."""
    usages = tuple(usages)
    mended = "name a complete reference there: host, repository, and tag or digest"
    arn = next((usage.consumer_arn for usage in usages if usage.may_be_ignored), "")
    if not arn:
        return f"to mend this, {mended}"
    accepted = entries([f"usage:{arn}"])
    return f"to mend this, {mended}; or accept, at your own risk, that what only these use is not protected: {accepted}"


def _finding(usages: tuple[Usage, ...], images: int, size: int) -> Finding:
    first = usages[0]
    references = sorted({usage.reference for usage in usages}, key=lambda one: one.text)
    shown = [f"{one.text} ({covered(one)})" for one in references[:_SHOWN]]
    more = len(references) - _SHOWN
    names = "; ".join(shown) + (f" and {more} more" if more > 0 else "")
    problems = sorted({usage.problem for usage in usages if usage.problem})[:_SHOWN]
    who = min(usage.consumer for usage in usages) + (f" ({first.consumer_arn})" if first.consumer_arn else "")
    told = [f"{who} uses more than an image: {names}", *problems, f"it alone keeps {images} images", remedy(usages)]
    listed = all(usage.source in _LISTS for usage in usages)
    severity = Severity.INFO if listed else Severity.WARNING
    return Finding(FindingKind.WIDE_USAGE, severity, first.consumer_arn or first.consumer, "; ".join(told), size)
