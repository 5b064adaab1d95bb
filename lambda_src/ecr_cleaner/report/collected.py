"""The whole run in memory, for a person at a terminal and for ``--json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_cleaner.model import Removal, RepositoryPlan, Verdict
    from ecr_cleaner.report.summary import RepositorySummary, RunSummary


@dataclass(slots=True)
class CollectingReporter:
    """Keeps everything.

    Attributes:
        plans: By repository.
        refused: Whether the verdicts rest on usages that are not complete.
    """

    plans: dict[str, RepositoryPlan] = field(default_factory=dict)
    refused: bool = False
    _summary: RunSummary | None = None

    @property
    def summary(self) -> RunSummary:
        """The summary of the ended run."""
        if self._summary is None:
            message = "the run has not ended"
            raise RuntimeError(message)
        return self._summary

    def judged(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:  # noqa: ARG002 - always dry
        """Keep the verdicts."""
        self.plans[plan.repository.name] = plan
        self.refused = self.refused or refused

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """Never told: the command line removes nothing."""

    def removal(self, removal: Removal) -> None:
        """Never told: the command line removes nothing."""

    def repository(self, summary: RepositorySummary) -> None:
        """Part of the summary."""

    def run(self, summary: RunSummary) -> None:
        """Keep the summary."""
        self._summary = summary

    def as_json(self) -> dict[str, Any]:
        """Summary and every image as JSON-native values."""
        return {
            **self.summary.as_json(all_findings=True),
            "images": [verdict_json(verdict) for name in sorted(self.plans) for verdict in self.plans[name].verdicts],
        }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """One image with its verdict as JSON-native values; times in ISO 8601, UTC."""
    image = verdict.image
    return {
        "repository": image.repository,
        "digest": image.digest,
        "tags": list(image.tags),
        "verdict": "remove" if verdict.removes else "keep",
        "reason": verdict.reason.value,
        "evidence": list(verdict.evidence),
        "age_days": verdict.age_days,
        "bytes": image.size_bytes,
        "pushed_at": image.pushed_at.isoformat(),
        "last_pulled_at": image.last_pulled_at.isoformat() if image.last_pulled_at else None,
    }
