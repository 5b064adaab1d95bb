"""Pure: usages that cover more than an image, by consumer, and what one consumer alone keeps by them.

A wide usage covers whole repositories. So where two consumers cover the same repository, neither keeps any of its
images alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecr_cleaner.model.plan import RepositoryPlan
from ecr_cleaner.model.usage import Usage


@dataclass(frozen=True, slots=True)
class KeptAlone:
    """What would go from a repository if one consumer had no wide usages.

    Attributes:
        consumer: As `consumer_of` names it.
        images: Their number.
        bytes: Of them, indexes not counted: an upper bound, for layers are shared.
    """

    consumer: str
    images: int
    bytes: int


def consumer_of(usage: Usage) -> str:
    """What tells consumers apart: the ARN, where there is one. Several sources may see the same consumer."""
    return usage.consumer_arn or f"{usage.target} {usage.source} {usage.consumer}"


def by_consumer(usages: Iterable[Usage]) -> Mapping[str, tuple[Usage, ...]]:
    """The wide usages of each consumer, by `consumer_of`."""
    grouped: dict[str, list[Usage]] = {}
    for usage in usages:
        if usage.reference.is_wide:
            grouped.setdefault(consumer_of(usage), []).append(usage)
    return {consumer: tuple(wide) for consumer, wide in grouped.items()}


def without_only_consumer(
    usages: Iterable[Usage], repository: str
) -> tuple[tuple[Usage, ...], tuple[Usage, ...]] | None:
    """The wide usages of the only consumer that covers a repository, and every other usage.

    Args:
        usages: Of this registry.
        repository: Its name.

    Returns:
        None if no consumer covers it, or more than one.
    """
    usages = tuple(usages)
    covering = {consumer_of(usage) for usage in usages if usage.reference.covers(repository)}
    if len(covering) != 1:
        return None
    wide = tuple(one for one in usages if one.reference.is_wide and consumer_of(one) in covering)
    others = tuple(one for one in usages if not (one.reference.is_wide and consumer_of(one) in covering))
    return wide, others


def kept_alone(consumer: str, plan: RepositoryPlan, without: RepositoryPlan) -> KeptAlone:
    """What a consumer alone keeps in a repository.

    Args:
        consumer: As `consumer_of` names it.
        plan: By all usages.
        without: By those that are not wide usages of the consumer.
    """
    gone = {verdict.image.digest for verdict in plan.removals}
    kept = [verdict.image for verdict in without.removals if verdict.image.digest not in gone]
    return KeptAlone(consumer, len(kept), sum(image.size_bytes for image in kept if not image.is_index))
