"""The composition root: creates the parts of a run from the settings. No other module does.

With ``read_only=True`` the run is a dry run, and every part that writes is left out or replaced by one that reads.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from ecr_cleaner.approval.plan import SavedPlan
from ecr_cleaner.approval.policy import NoApproval, PlanApplication, PlanProposal
from ecr_cleaner.approval.store import PlanStore
from ecr_cleaner.aws import lock, s3
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.aws.other_accounts import OtherAccounts
from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision import continuation
from ecr_cleaner.errors import ApprovalError, NightError
from ecr_cleaner.facts.store import FactStore
from ecr_cleaner.history.reader import HistoryReader
from ecr_cleaner.history.store import HistoryStore
from ecr_cleaner.invocations.steps import RoundEnd
from ecr_cleaner.invocations.store import FOLDER, NightStore
from ecr_cleaner.invocations.stored_scanner import StoredScanner
from ecr_cleaner.journal.reader import JournalReader
from ecr_cleaner.journal.writer import Journal
from ecr_cleaner.model.night import Night, RepositoryCounts
from ecr_cleaner.publish.report_store import ReportKeeper, ReportStore, store
from ecr_cleaner.registry.config import registry_facts
from ecr_cleaner.report.document import DocumentReporter
from ecr_cleaner.report.reporter import Fanout, Reporter
from ecr_cleaner.run.context import RunContext
from ecr_cleaner.settings.gaps import KnownSources
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.settings.schema import Storage
from ecr_cleaner.usage.catalog import EXCLUDABLE, NAMES_SHA256
from ecr_cleaner.usage.scanner import LocalScanner, Scanner

_T = TypeVar("_T")

KNOWN_SOURCES: Final = KnownSources(EXCLUDABLE, NAMES_SHA256)
"""What settings may name, and the version that they have to match."""


def read_object(bucket: str, key: str) -> bytes:
    """Read an object, for settings that are too long for the environment.

    Raises:
        CleanerError: It could not be read.
    """
    return s3.read(AwsClients(), bucket, key).body


def _at(place: Storage | None, make: Callable[[str, str], _T]) -> _T | None:
    """What lies in a bucket under a prefix; None if it is off."""
    return make(place.bucket, place.prefix) if place else None


def history_store(clients: AwsClients, settings: Settings) -> HistoryStore | None:
    """The history for runs of the function; None if it is off."""
    days = settings.keep_recently_used_days
    return _at(settings.history, lambda bucket, prefix: HistoryStore(clients, bucket, prefix, days))


def history_reader(clients: AwsClients, settings: Settings) -> HistoryReader | None:
    """The history for reading only; None if it is off."""
    days = settings.keep_recently_used_days
    return _at(settings.history, lambda bucket, prefix: HistoryReader(clients, bucket, prefix, days))


def journal_reader(clients: AwsClients, settings: Settings) -> JournalReader | None:
    """The journal for reading; None if it is off."""
    return _at(settings.journal, partial(JournalReader, clients))


def plan_store(clients: AwsClients, settings: Settings) -> PlanStore | None:
    """Store of the plans; None if no approval is required."""
    return _at(settings.plans, partial(PlanStore, clients))


def report_store(clients: AwsClients, settings: Settings) -> ReportStore | None:
    """Store of the reports; None if it is off."""
    return _at(settings.reports, partial(ReportStore, clients))


def _always() -> bool:
    return True


def run_lock(
    clients: AwsClients, settings: Settings, run_id: str, *, read_only: bool = False
) -> AbstractContextManager[Callable[[], bool]]:
    """The lock against concurrent runs, which says whether it is held; none without a table or for reading only."""
    return (
        nullcontext(_always)
        if read_only or not settings.lock_table
        else lock.held(clients, settings.lock_table, run_id)
    )


def usage_scanner(
    clients: AwsClients, settings: Settings, run_id: str, clock: Callable[[], datetime], *, read_only: bool = False
) -> LocalScanner:
    """Finds out which images are in use, here and in other accounts."""
    clients.other_accounts = OtherAccounts(clients, settings.reader_role_name, run_id, clients.profiles)
    now = clock()
    known = _at(
        settings.storage, lambda bucket, prefix: FactStore(clients, bucket, prefix, NAMES_SHA256, now, read_only)
    )
    return LocalScanner(clients, settings, run_id, clock, known=known)


def night_store(clients: AwsClients, settings: Settings, night: str) -> NightStore:
    """What the invocations of one night tell each other.

    Raises:
        NightError: There is no bucket.
    """
    place = settings.storage
    if place is None:
        message = "the steps of a state machine need a bucket between them"
        raise NightError(message)
    return NightStore(clients, place.bucket, f"{place.prefix}{FOLDER}{night}/", night)


def begun_round(
    clients: AwsClients, settings: Settings, night: str, clock: Callable[[], datetime]
) -> tuple[NightStore, Night, LocalScanner]:
    """A night in its next round, and what says which scans that demands."""
    store = night_store(clients, settings, night)
    registry_facts(clients)  # which account it is
    begun = store.begin_round(clock())
    return store, begun, usage_scanner(clients, settings, round_id(night, begun.round), clock)


def round_id(night: str, number: int) -> str:
    """The run that the scans of a round belong to."""
    return f"{night}/{number}"


def run_context(  # noqa: PLR0913 - what a run is given, each by name
    clients: AwsClients,
    settings: Settings,
    reporter: Reporter,
    run_id: str,
    *,
    function_name: str = "ecr-cleaner",
    seconds_left: Callable[[], float],
    plan_id: str | None = None,
    plan: SavedPlan | None = None,
    reports: ReportKeeper | None = None,
    only: frozenset[str] | None = None,
    progress: Callable[[str, int], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
    read_only: bool = False,
    round_of: tuple[str, int] | None = None,
) -> RunContext:
    """Everything that a run needs.

    Args:
        clients: AWS clients of the account and region.
        settings: Settings of the run.
        reporter: Called for everything that happens.
        run_id: Identifies the run in logs, errors and everything that it writes.
        function_name: Name of the function.
        seconds_left: Returns the seconds until the run is ended from outside.
        plan_id: Id of the plan that an operator submitted; None: there is none.
        plan: That plan; None: the run reads it from the bucket.
        reports: Stores document and page of the run; None: they are not stored.
        only: Names of the repositories to evaluate; None: all.
        progress: Called for each evaluated repository.
        clock: Returns the current time, in UTC.
        read_only: Whether the run must not write anything at AWS.
        round_of: A night and the number of its round, whose scans other invocations made; None: the run scans itself.

    Raises:
        ApprovalError: A plan was submitted, and no approval is required.
        HistoryError: How far the night came cannot be read.
        NightError: It is not in this round.
    """
    clients.pacer.share = settings.api_rate_share / 100
    if read_only:
        settings = settings.model_copy(update={"dry_run": True})
    document = (
        DocumentReporter(reported_settings(settings), utc_now, function_name, clients.pacer.counts.told)
        if reports
        else None
    )
    plans = plan_store(clients, settings)
    if plan_id is not None and plans is None:
        message = "require_approval is false: no plan awaits approval"
        raise ApprovalError(message)
    local = usage_scanner(clients, settings, run_id, clock, read_only=read_only)
    scanner: Scanner = local
    former_rounds: Mapping[str, RepositoryCounts] = {}
    ended, next_round_rescans = None, False
    if round_of is not None:
        night, number = round_of
        stored = night_store(clients, settings, night)
        before, etag = stored.read(number)
        scanner, former_rounds = StoredScanner(stored, number, local), before.repositories
        approval = settings.require_approval
        ended = RoundEnd(stored, before, etag, settings.max_continuations, approval)
        next_round_rescans = continuation.next_round_rescans(before, settings.max_continuations, approval=approval)
    expires_after = timedelta(hours=settings.plan_expiry_hours)
    return RunContext(
        clients=clients,
        settings=settings,
        reporter=Fanout((document, reporter)) if document else reporter,
        run_id=run_id,
        scanner=scanner,
        facts=local.known,
        former_rounds=former_rounds,
        next_round_rescans=next_round_rescans,
        ended=ended,
        now=clock(),
        history=history_reader(clients, settings) if read_only else history_store(clients, settings),
        journal=_at(
            None if read_only else settings.journal, lambda bucket, prefix: Journal(clients, bucket, prefix, run_id)
        ),
        approval=PlanProposal(plans, expires_after) if plans and not settings.dry_run else NoApproval(),
        application=PlanApplication(plans, plan_id, run_id, settings.dry_run, plan)
        if plans and plan_id is not None
        else None,
        store_report=partial(store, reports, document) if reports and document else None,
        function_name=function_name,
        only=only,
        seconds_left=seconds_left,
        clock=clock,
        progress=progress,
    )


def reported_settings(settings: Settings) -> dict[str, Any]:
    """The settings as a report shows them: JSON-native values, sets sorted."""
    sets = {name: sorted(value) for name, value in settings if isinstance(value, frozenset)}
    return {**settings.model_dump(mode="json"), **sets}
