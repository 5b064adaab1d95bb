"""Documents and pages of runs that never were, made by what makes real ones."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Final

from ecr_cleaner.compose import reported_settings
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.model.calls import HeldBack, RunCalls, ServiceCalls
from ecr_cleaner.model.finding import FindingKind
from ecr_cleaner.model.plan import Removal, RemovalStatus
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.report import html_page
from ecr_cleaner.report.document import DocumentReporter
from ecr_cleaner.report.remedies import WHAT_TO_DO
from ecr_cleaner.settings.loader import Settings
from tests.builders import ACCOUNT, NOW, REGION, TARGET, image, repository, usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import RepositoryPlan
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.report.document import TrendPoint

HOSTILE: Final = '</script><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>&amp;{{script}}'
"""A name as somebody would choose it who wants to run something in a reader's browser."""

_NAMES: Final = ("shop/api", "shop/web", "shop/payments", "media/thumbnails", "data/exporter", "legacy/billing")
_MEGABYTE: Final = 2**20


def document(recorder: DocumentReporter, summary: RunResult, former: Any = ()) -> dict[str, Any]:
    """What a recorder writes."""
    target = BytesIO()
    recorder.write(target, summary, former)
    told: dict[str, Any] = json.loads(target.getvalue())
    return told


def recorder(**settings: Any) -> DocumentReporter:
    """One in a time that stands still."""
    calls = RunCalls(
        (ServiceCalls("ecs", 1204, 3), ServiceCalls("ecr", 40, 0)), (HeldBack("ecs", ("ListTasks",), 9.0),)
    )
    return DocumentReporter(reported_settings(Settings(**settings)), lambda: NOW, calls=lambda: calls)


class Night:
    """A run over a company's registry.

    Attributes:
        recorder: Was told of all of it.
        summary: How it ended.
    """

    def __init__(
        self,
        images: int = 240,
        repositories: int = 6,
        *,
        dry_run: bool = False,
        word: str = "",
        findings: int = 3,
        archives: bool = False,
        tag: str | None = None,
    ) -> None:
        place = {"bucket": "history", "prefix": "ecr-cleaner/", "history": True}
        self._tag = tag
        archiving = {"removal_mode": "archive", "storage": place} if archives else {}
        self.recorder = recorder(dry_run=dry_run, savings_tag_key=tag, **archiving)
        results: dict[str, RepositoryResult] = {}
        self._word = word
        usages: list[Usage] = []
        for number in range(repositories):
            name = f"{_NAMES[number % len(_NAMES)]}{number // len(_NAMES) or ''}"
            plan, used = self._plan(name, images // repositories)
            usages += used
            results[name] = RepositoryResult(name).with_plan(plan)
            self.recorder.evaluated(plan, dry_run=dry_run, refused=False)
            for removal in (
                () if dry_run else _removals(plan, RemovalStatus.ARCHIVED if archives else RemovalStatus.REMOVED)
            ):
                results[name] = results[name].with_removal(removal)
                self.recorder.removal(removal)
        skipped = RepositoryResult(
            "cache/nginx", RepositoryStatus.SKIPPED, f"it is a pull-through cache{word}", "pull_through_cache"
        )
        results[skipped.name] = skipped
        self.summary = RunResult(
            f"run-1{word}",
            dry_run,
            REGION,
            ACCOUNT,
            scan=UsageScan(tuple(usages), _outcomes(len(usages)), NOW),
            repositories=results,
            notes=(f"the history began yesterday: what was in use before is not known{word}",),
            seconds=41.7,
            began_at=NOW,
            price=0.1,
        )
        self._findings = [
            {
                "kind": "dangling_reference",
                "severity": ("problem", "warning", "info")[number % 3],
                "subject": f"ecs service prod/old-{number}{word}",
                "detail": f"it names shop/api:v{number}, which does not exist{word}",
                "bytes": None,
            }
            for number in range(findings)
        ]

    def _plan(self, name: str, images: int) -> tuple[RepositoryPlan, list[Usage]]:
        made: list[Image] = []
        usages: list[Usage] = []
        for number in range(images):
            index = number % 20 == 19
            made.append(
                image(
                    f"{name}-{number}",
                    repository=name,
                    pushed=f"{number * 3 % 400 + 1}d",
                    tags=[f"v{number}{self._word}"] if number % 3 else [],
                    pulled=f"{number % 50 + 1}d" if number % 4 == 0 else None,
                    kind="index" if index else "image",
                    size=(number * 37 % 300 + 5) * _MEGABYTE // (len(name) % 5 + 1),
                )
            )
            if number % 9 == 1:
                service = f"{name.replace('/', '-')}-{number}"
                usages.append(
                    usage(
                        of=f"{name}-{number}",
                        repository=name,
                        tag=f"v{number}",
                        consumer=f"ecs service prod/{service}, task definition {service}:3{self._word}",
                    )
                )
        tagged = replace(repository(name), savings_tag=name.partition("/")[0] if self._tag else None)
        return evaluate(tagged, RepositorySnapshot(tuple(made)), tuple(usages), NOW), usages

    def former(self, runs: int = 30) -> list[TrendPoint]:
        """The totals of runs before this one."""
        point = self.recorder.trend_of(self.summary)
        return [
            point.model_copy(
                update={
                    "run_id": f"run-{number}",
                    "started_at": (NOW - timedelta(days=runs - number)).isoformat(),
                    "bytes_total": int(point.bytes_total * (1.6 - 0.6 * number / runs)),
                    "bytes_removable": int(point.bytes_removable * (0.3 + (number % 7) / 10)),
                    "bytes_removed": int(point.bytes_removed * (0.2 + (number % 5) / 12)),
                }
            )
            for number in range(runs)
        ]

    def write(self, target: IO[bytes], runs: int = 30) -> None:
        """Write the document."""
        raw = BytesIO()
        self.recorder.write(raw, self.summary, self.former(runs))
        told = json.loads(raw.getvalue())
        told["findings"] = told["findings"] or self._findings
        told["what_to_do"] = {kind: WHAT_TO_DO[kind] for kind in FindingKind}
        target.write(json.dumps(told, separators=(",", ":")).encode())

    def page(self, runs: int = 30) -> bytes:
        """The page."""
        source, html = BytesIO(), BytesIO()
        self.write(source, runs)
        source.seek(0)
        html_page.write(source, html)
        return html.getvalue()


def _removals(plan: RepositoryPlan, ending: RemovalStatus) -> Iterator[Removal]:
    for number, verdict in enumerate(plan.removals):
        if plan.repository.name.endswith("api") and number % 17 == 16:
            yield Removal(verdict, RemovalStatus.FAILED, ("KmsError",), "the key is disabled")
        else:
            yield Removal(replace(verdict), ending)


def _outcomes(usages: int) -> tuple[SourceOutcome, ...]:
    return (
        SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE, usages, seconds=31.24, calls=1204, throttled=3, facts=12),
        SourceOutcome(TARGET, "lambda", SourceStatus.COMPLETE, 0, seconds=2.0, calls=1),
        SourceOutcome(TARGET, "greengrass", SourceStatus.NOT_OFFERED),
        SourceOutcome(
            TARGET, "eks", SourceStatus.DISABLED, detail="excluded by accepted_gaps (no pod pulls from here)"
        ),
    )
