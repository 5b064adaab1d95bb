"""What a reporter is told, several reporters as one, and one that collects everything."""

from dataclasses import dataclass, field
from typing import Any

from ecr_cleaner.model.plan import Removal, RepositoryPlan, Verdict
from ecr_cleaner.model.result import RepositoryResult, RunResult
from ecr_cleaner.report.summary import run_json


class Reporter:
    """Told of everything as it happens, so that no run has to be held in memory. This one makes nothing of it."""

    def evaluated(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Every verdict of one repository is known.

        With ``dry_run`` none will be carried out. With ``refused`` neither, and the verdicts that remove
        rest on usages that are not complete.
        """

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """What one repository's plan would remove stays.

        Because that would be more than a limit allows; or with ``refused``, because it turned out after the judgement
        that the run has to remove nothing.
        """

    def removal(self, removal: Removal) -> None:
        """One removal ended."""

    def repository(self, result: RepositoryResult) -> None:
        """One repository is done with."""

    def run(self, result: RunResult) -> None:
        """The run ended."""


@dataclass(frozen=True, slots=True)
class Fanout(Reporter):
    """Passes everything on to several reporters, in their order.

    Attributes:
        reporters: The reporters.
    """

    reporters: tuple[Reporter, ...]

    def evaluated(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Pass the verdicts of one repository on."""
        for reporter in self.reporters:
            reporter.evaluated(plan, dry_run=dry_run, refused=refused)

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """Pass on which images are kept."""
        for reporter in self.reporters:
            reporter.withheld(plan, refused=refused)

    def removal(self, removal: Removal) -> None:
        """Pass on how one removal ended."""
        for reporter in self.reporters:
            reporter.removal(removal)

    def repository(self, result: RepositoryResult) -> None:
        """Pass the result of one repository on."""
        for reporter in self.reporters:
            reporter.repository(result)

    def run(self, result: RunResult) -> None:
        """Pass the result of the run on."""
        for reporter in self.reporters:
            reporter.run(result)


@dataclass(slots=True)
class CollectingReporter(Reporter):
    """Keeps the verdicts and the result of a run.

    Attributes:
        plans: By repository.
        result: Of the ended run; there is none before.
    """

    plans: dict[str, RepositoryPlan] = field(default_factory=dict)
    result: RunResult = field(init=False)

    def evaluated(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:  # noqa: ARG002 - the result says it
        """Keep the verdicts."""
        self.plans[plan.repository.name] = plan

    def run(self, result: RunResult) -> None:
        """Keep the result."""
        self.result = result

    def as_json(self) -> dict[str, Any]:
        """Summary and every image as JSON-native values."""
        return {
            **run_json(self.result, everything=True),
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
        "rules": list(verdict.rules),
        "goes_after": verdict.goes_after.isoformat() if verdict.goes_after else None,
        "age_days": verdict.age_days,
        "bytes": image.size_bytes,
        "pushed_at": image.pushed_at.isoformat(),
        "last_pulled_at": image.last_pulled_at.isoformat() if image.last_pulled_at else None,
    }
