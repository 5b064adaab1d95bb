"""What the operator excluded by ``accepted_gaps``: sources, and whole targets."""

from collections.abc import Sequence

from ecr_cleaner.model.scan import ALL_SOURCES, SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import Source


def excluded(target: ScanTarget, settings: Settings, sources: Sequence[Source]) -> tuple[SourceOutcome, ...]:
    """The outcomes of the excluded sources: every run reports what is unprotected."""
    return tuple(
        SourceOutcome(
            target,
            source.name,
            SourceStatus.DISABLED,
            detail=(
                f"excluded by accepted_gaps ({settings.accepted_gaps[source.gap]}), so not protected is what only these"
                f" use: {source.title}"
            ),
        )
        for source in sources
        if is_excluded(source, settings)
    )


def is_excluded(source: Source, settings: Settings) -> bool:
    """Whether the operator excluded the source."""
    return source.gap in settings.accepted_gaps


def excluded_target(target: ScanTarget, gap: str, settings: Settings) -> SourceOutcome:
    """The outcome of a region, or of another account, that is not looked at.

    Args:
        target: The one.
        gap: The entry of ``accepted_gaps``.
        settings: Of the run.
    """
    detail = f"excluded by accepted_gaps ({settings.accepted_gaps[gap]}), so nothing that runs there is protected"
    return SourceOutcome(target, ALL_SOURCES, SourceStatus.DISABLED, detail=detail, accepted=(gap,))
