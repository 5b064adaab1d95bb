"""What a run is put together from, by the settings and by whether it may write."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from ecr_cleaner import compose
from ecr_cleaner.approval.policy import NoApproval, PlanProposal
from ecr_cleaner.aws import lock
from ecr_cleaner.aws.pacing import Pacer
from ecr_cleaner.errors import ApprovalError
from ecr_cleaner.history.reader import HistoryReader
from ecr_cleaner.history.store import HistoryStore
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.publish.report_store import LocalPage
from ecr_cleaner.report.document import DocumentReporter
from ecr_cleaner.report.log import LogReporter
from ecr_cleaner.report.reporter import Fanout
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.catalog import NAMES_SHA256
from tests.builders import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.run.context import RunContext
    from ecr_cleaner.usage.scanner import LocalScanner

EVERYTHING: Final = {
    "dry_run": False,
    "require_approval": True,
    "lock_table": "cleaner-lock",
    "storage": {"bucket": "shared", "prefix": "ecr-cleaner/1/", "history": True, "journal": True, "reports": True},
}
PLACE: Final = {"bucket": "shared", "prefix": "ecr-cleaner/1/"}
PLAN: Final = "0" * 64


def clients() -> AwsClients:
    """Of nobody: composing asks nobody for anything."""
    return cast("AwsClients", SimpleNamespace(region=REGION, profiles={}, pacer=Pacer()))


def composed(settings: dict[str, Any], **named: Any) -> RunContext:
    """What a run of these settings is given."""
    made = Settings.model_validate(settings)
    return compose.run_context(clients(), made, LogReporter(), "run-1", seconds_left=lambda: 900.0, **named)


def test_a_run_of_the_function_writes() -> None:
    """History, journal and plan, each in its place."""
    run = composed(EVERYTHING)
    assert (type(run.history), type(run.approval)) == (HistoryStore, PlanProposal)
    assert run.journal
    assert (run.journal.bucket, run.journal.prefix, run.journal.run_id) == ("shared", "ecr-cleaner/1/", "run-1")
    assert not run.settings.dry_run


@pytest.mark.parametrize("settings", [{}, {"api_rate_share": 20}])
def test_a_run_takes_its_share_of_the_published_rates(settings: dict[str, Any]) -> None:
    """Half of them, if nobody says otherwise."""
    assert composed(settings).clients.pacer.share == settings.get("api_rate_share", 50) / 100


@pytest.mark.parametrize("read_only", [False, True])
def test_what_never_changes_is_kept_in_the_bucket(*, read_only: bool) -> None:
    """Also without a history; who only reads keeps nothing, and nor does anybody without a bucket."""
    for run in (composed(EVERYTHING, read_only=read_only), composed({"storage": PLACE}, read_only=read_only)):
        known = cast("LocalScanner", run.scanner).known
        assert known
        assert known is run.facts
        assert (known.bucket, known.prefix, known.catalog_sha256) == ("shared", "ecr-cleaner/1/", NAMES_SHA256)
        assert known.read_only is read_only
    run = composed({})
    assert (cast("LocalScanner", run.scanner).known, run.facts) == (None, None)


@pytest.mark.parametrize("plan_id", [None, PLAN])
def test_what_only_looks_can_write_nothing(plan_id: str | None) -> None:
    """Whatever the settings say: it is a dry run, by a history that is only read, and there is no journal."""
    run = composed(EVERYTHING, read_only=True, plan_id=plan_id)
    assert (type(run.history), run.journal) == (HistoryReader, None)
    assert run.settings.dry_run
    assert isinstance(run.approval, NoApproval), "no plan is proposed"
    if plan_id is None:
        assert run.application is None
    else:
        assert run.application
        assert run.application.dry_run, "or the plan would be marked as carried out"


def test_without_places_nothing_is_remembered() -> None:
    """As with the settings of the original alone."""
    run = composed({"dry_run": False})
    assert (run.history, run.journal, run.application) == (None, None, None)
    assert isinstance(run.approval, NoApproval)
    assert compose.report_store(clients(), run.settings) is None
    assert compose.journal_reader(clients(), run.settings) is None
    assert compose.history_reader(clients(), run.settings) is None


def test_no_plan_is_carried_out_where_none_is_required() -> None:
    """A run refuses to begin."""
    with pytest.raises(ApprovalError):
        composed(EVERYTHING | {"require_approval": False}, plan_id=PLAN)


def test_what_is_kept_is_what_the_run_wrote_down(tmp_path: Path) -> None:
    """The page of a look that writes nothing at AWS is kept as well."""
    run = composed(EVERYTHING, reports=LocalPage(tmp_path / "page.html"), read_only=True)
    assert isinstance(run.reporter, Fanout)
    assert [type(one) for one in run.reporter.reporters] == [DocumentReporter, LogReporter]
    assert run.store_report
    stored = run.store_report(RunResult("run-1", dry_run=True, region=REGION))
    assert (stored.location, stored.problems) == (str(tmp_path / "page.html"), ())


def test_who_only_looks_takes_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look keeps no run away; a run without a table has nothing to hold."""
    held = []

    @contextmanager
    def hold(_: AwsClients, table: str, run_id: str) -> Iterator[None]:
        held.append((table, run_id))
        yield

    monkeypatch.setattr(lock, "held", hold)
    settings = Settings.model_validate(EVERYTHING)
    with compose.run_lock(clients(), settings, "run-1"):
        assert held == [("cleaner-lock", "run-1")]
    assert isinstance(compose.run_lock(clients(), settings, "run-1", read_only=True), nullcontext)
    assert isinstance(compose.run_lock(clients(), Settings(), "run-1"), nullcontext)
    assert len(held) == 1
