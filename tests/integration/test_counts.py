"""Every call of a run is counted once: for the source that makes it, or for none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_cleaner.run import pipeline
from tests.fake_aws import Fault
from tests.integration import accounts
from tests.integration.test_telling import metrics

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from ecr_cleaner.model.result import RunResult
    from ecr_cleaner.model.scan import UsageScan
    from ecr_cleaner.run.context import RunContext
    from ecr_cleaner.usage.scanner import Scanner
    from tests.fake_aws import Sandbox
    from tests.fake_aws.recorder import Call
    from tests.integration.past import Past
    from tests.integration.runner import Runner


@dataclass
class Watched:
    """A scanner, and the calls that reached AWS while it scanned."""

    scanner: Scanner
    sandbox: Sandbox
    scans: list[UsageScan] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    @property
    def scans_again(self) -> bool:
        """As the scanner does."""
        return self.scanner.scans_again

    def scan(self, now: datetime) -> UsageScan:
        """As the scanner does."""
        before = len(self.sandbox.calls)
        self.scans.append(self.scanner.scan(now))
        self.calls += self.sandbox.calls[before:]
        return self.scans[-1]

    def scan_nothing(self, now: datetime) -> UsageScan:
        """Likewise."""
        return self.scanner.scan_nothing(now)


def test_the_counts_are_what_reached_aws(
    run: Runner, sandbox: Sandbox, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    """By source and by service, retries of what was throttled included, over an account that uses everything."""
    accounts.seed(sandbox)
    watched: list[Watched] = []

    def execute(ctx: RunContext) -> RunResult:
        watched.append(Watched(ctx.scanner, sandbox))
        return pipeline.run(replace(ctx, scanner=watched[0]))

    run.execute, run.workers = execute, 1  # nothing else is asked while it scans
    faults = {"ecr": "DescribeImages", "batch": "DescribeJobQueues", "apprunner": "ListServices"}
    for service, operation in faults.items():
        sandbox.inject(Fault(service=service, operation=operation, kind="throttled", times=1))
    sandbox.clear_calls()
    settings: dict[str, Any] = {"history": True, "reports": True}
    outcome = run(storage=past.place | settings, max_usage_drop_percent=None, metrics_namespace="ECRCleaner")
    (line,) = metrics(capsys)
    ((scan,), during) = watched[0].scans, watched[0].calls
    # The clusters' own servers are not AWS.
    to_clusters = line["calls"]["by_service"].get("kubernetes", {"calls": 0})["calls"]
    assert line["Calls"] - to_clusters == len(sandbox.calls)
    assert line["ThrottledCalls"] == len(faults)
    by_service = {name: counts["throttled"] for name, counts in line["calls"]["by_service"].items()}
    assert {name: count for name, count in by_service.items() if count} == dict.fromkeys(faults, 1)
    assert line["calls"]["by_service"]["ecr"]["calls"] == Counter(call.service for call in sandbox.calls)["ecr"]
    assert scan.calls - to_clusters == len(during)
    of_sources = outcome.told["source_totals"]
    kept = [call for call in during if call.operation == "PutObject"]
    assert (of_sources["calls"], of_sources["throttled"]) == (scan.calls - len(kept), 2)
    throttled = {one["source"]: one["throttled"] for one in outcome.told["sources"] if one["throttled"]}
    assert throttled == {"batch": 1, "apprunner": 1}
    lines = [vars(one) for one in outcome.lines if one.getMessage() == "Source summary"]
    assert {one["source"]: one["calls"] for one in lines if one["calls"]} == {
        one["source"]: one["calls"] for one in outcome.told["sources"] if one["calls"]
    }
