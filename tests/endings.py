"""Endings of runs in one line: what metrics, events and mails are made of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.report.invocation import InvocationResult
from ecr_cleaner.report.summary import run_json
from tests.builders import ACCOUNT, NOW, REGION, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterable

RUN_ID = "8e2b6d7e-0b54-4b7c-9d7e-1f0a6d2c4b11"


def repository(name: str = "app", images: int = 5, removable: int = 2, removed: int = 0, **more: Any) -> Any:
    """What happened to a repository; each image has 1 MiB, and one is in use."""
    size = 1024 * 1024
    status = RepositoryStatus(more.pop("status", "evaluated"))
    return RepositoryResult(
        name,
        status,
        images=images,
        reasons=Counter({"in_use": 1, "old_and_unused": removable} | more.pop("reasons", {})),
        removals=Counter({"removed": removed} | more.pop("removals", {})),
        bytes_total=images * size,
        bytes_in_use=size,
        bytes_removable=removable * size,
        bytes_removed=removed * size,
        **more,
    )


def outcome(source: str, status: str = "complete", detail: str = "", notes: Iterable[str] = ()) -> SourceOutcome:
    """How a source ended."""
    return SourceOutcome(TARGET, source, SourceStatus(status), detail=detail, notes=tuple(notes))


def summary(
    *repositories: Any, outcomes: Iterable[SourceOutcome] = (), dry_run: bool = False, **more: Any
) -> RunResult:
    """How a run ended."""
    scan = UsageScan((), tuple(outcomes), NOW)
    named = {one.name: one for one in repositories}
    return RunResult(RUN_ID, dry_run, REGION, account_id=ACCOUNT, seconds=12.4, repositories=named, scan=scan, **more)


def ending(of: RunResult | None = None, *, dry_run: bool = False, **more: Any) -> InvocationResult:
    """How an invocation ended: as its run did, if there was one."""
    told = {"status": of.status, "causes": of.causes, "summary": run_json(of)} if of else {"status": RunStatus.FAILED}
    return InvocationResult(
        **{
            "run_id": RUN_ID,
            "function": "ecr-cleaner",
            "log_group": "/aws/lambda/ecr-cleaner",
            "region": REGION,
            "dry_run": of.dry_run if of else dry_run,
            **told,
            **more,
        }
    )
