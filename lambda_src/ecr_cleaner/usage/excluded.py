"""The sources that the operator excluded by ``accepted_gaps``."""

from collections.abc import Sequence

from ecr_cleaner.model.scan import SourceOutcome, SourceStatus
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
