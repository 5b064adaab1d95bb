"""Scans one target: calls every source that is not excluded, in one account and region, in parallel.

A source whose result is not complete makes the whole run read-only. "Access denied" does not mean "unused".
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.call_counts import counted
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.aws.offered import Refusal
from ecr_cleaner.errors import CleanerError, OutOfTimeError, SourceError
from ecr_cleaner.facts.store import Facts, FactStore
from ecr_cleaner.model.requested_scans import ScanRequest
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, TargetScan
from ecr_cleaner.model.slowest import slowest_words
from ecr_cleaner.model.usage import ScanTarget, Usage
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import accepted, name_problems, task_definitions
from ecr_cleaner.usage.catalog import SOURCES, names_sha256
from ecr_cleaner.usage.excluded import excluded, is_excluded
from ecr_cleaner.usage.failures import failed
from ecr_cleaner.usage.shared_listings import SharedListings, times_made
from ecr_cleaner.usage.source import Source, SourceContext
from ecr_cleaner.usage.state_machines import StateMachines
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from ecr_cleaner.usage.unreadable import require_readable
from ecr_cleaner.usage.used_images_objects import Listing
from ecr_cleaner.usage.workers import Workers


def scan_target(  # noqa: PLR0913 - what a scan needs, each by name
    clients: AwsClients,
    request: ScanRequest,
    target: ScanTarget,
    settings: Settings,
    *,
    pool: Executor,
    clock: Callable[[], datetime],
    sources: Sequence[Source] = SOURCES,
    known: FactStore | None = None,
    helpers: Executor | None = None,
) -> TargetScan:
    """Scan one target, by those of the sources that look at it.

    Args:
        clients: Of the run.
        request: What the run demands of the scan.
        target: One of its targets.
        settings: Of the run.
        pool: Runs the sources, of all targets of a run.
        clock: Now, in UTC.
        sources: Those of the run.
        known: What earlier runs read that never changes; None: nothing is known, and nothing is kept.
        helpers: Help the sources with their items; None: nobody does.

    Returns:
        The scan. If there are no clients of the target, every source has failed. Of another account it has no usage
        that names another registry: nobody here needs to know of it.

    Raises:
        OutOfTimeError: No time is left for all of it.
    """
    started_at = max(clock(), request.requested_at)
    wanted = request.sources_of(target)
    looking = [source for source in sources if source.name in wanted]
    enabled = [source for source in looking if not is_excluded(source, settings)]
    usages: tuple[Usage, ...] = ()
    answered: tuple[str, ...] = ()
    with counted() as of_none:
        try:
            there = clients.for_target(target)
        except OutOfTimeError:
            raise
        except (CleanerError, *errors.AwsError) as error:
            detail = errors.sentence(error)
            outcomes = tuple(SourceOutcome(target, one.name, SourceStatus.FAILED, detail=detail) for one in enabled)
        else:
            usages, outcomes = _collect(there, settings, started_at, enabled, known, clock, pool, Workers(helpers))
            answered = tuple(sorted(there.answered))
            there.release()
    return TargetScan(
        target=target,
        run_id=request.run_id,
        settings_sha256=settings.sha256,
        catalog_sha256=names_sha256(sources),
        usages=usages,
        outcomes=outcomes + excluded(target, settings, looking),
        findings=name_problems.findings(usages),
        calls=of_none.calls.total() + sum(outcome.calls for outcome in outcomes),
        started_at=started_at,
        finished_at=max(clock(), started_at),
        answered=answered,
    )


def _collect(  # noqa: PLR0913, PLR0917 - as `scan_target`
    clients: AwsClients,
    settings: Settings,
    now: datetime,
    sources: Sequence[Source],
    known: FactStore | None,
    clock: Callable[[], datetime],
    pool: Executor,
    workers: Workers,
) -> tuple[tuple[Usage, ...], tuple[SourceOutcome, ...]]:
    """Call sources in one account and region.

    Args:
        clients: Of the account and region.
        settings: Of the run.
        now: The moment before the first call.
        sources: Those that are not excluded.
        known: What earlier runs read that never changes.
        clock: Now, in UTC.
        pool: Runs the sources.
        workers: Help them.

    Returns:
        The usages, as often as they were found, and one outcome for every source, and for every cluster that one read.

    Raises:
        OutOfTimeError: No time is left for all of it; it names the sources that took long.
    """
    definitions = TaskDefinitions(
        clients,
        Facts(task_definitions.FACTS) if known is None else known.of(clients.target, task_definitions.FACTS),
        asks_family_first=True,  # the source ecs_families, which nobody can exclude, reads these
    )
    listing, machines = Listing(), StateMachines()
    listings = SharedListings(times_made(source.fields for source in sources))

    late: list[OutOfTimeError] = []

    def run(source: Source) -> SourceResult:
        context = SourceContext(
            clients,
            settings,
            definitions,
            listing=listing,
            now=now,
            state_machines=machines,
            known=known,
            shared_listings=listings,
            workers=workers,
        )
        began = clock()
        with counted() as made:
            try:
                result = run_source(source, context)
            except OutOfTimeError as error:
                late.append(error)
                result = SourceResult(source, failed(source, clients, error))
        seconds = max((clock() - began).total_seconds(), 0.0)
        calls, throttled = made.calls.total(), made.throttled.total()
        return replace(result, outcome=replace(result.outcome, seconds=seconds, calls=calls, throttled=throttled))

    results = list(pool.map(run, sources))
    if late:
        raise OutOfTimeError(late[0].operation, slowest_words(result.outcome for result in results))
    if known is not None:
        used = known.close(clients.target)
        results = [replace(one, outcome=replace(one.outcome, facts=used[one.source.name])) for one in results]
    # What is not offered is only known when all calls are made: others have to bear it out.
    confirmed = [_confirmed(result, clients) for result in results]
    usages = tuple(usage for result in confirmed for usage in result.usages)
    return usages, tuple(outcome for result in confirmed for outcome in (result.outcome, *result.clusters))


@dataclass(frozen=True, slots=True)
class SourceResult:
    """What a source returned."""

    source: Source
    outcome: SourceOutcome
    usages: tuple[Usage, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    clusters: tuple[SourceOutcome, ...] = ()


def run_source(source: Source, context: SourceContext) -> SourceResult:
    """Call one source; whatever goes wrong is a failed outcome.

    Raises:
        OutOfTimeError: No time is left for the run.
    """
    target = context.aws.target
    try:
        _check_model(source, context.aws)
        collected = (_in_target(usage, context.aws) for usage in source.collect(context) if _concerns(usage, context))
        found, ignored = accepted.without_accepted(collected, context.settings)
        require_readable(context)
    except OutOfTimeError:
        raise  # the time of the whole run is over, not that of one source
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # A member that a complete response has is missing or of another type.
        incomplete = SourceError(f"a response could not be understood: {error!r}")
        return SourceResult(source, failed(source, context.aws, incomplete))
    except (CleanerError, *errors.AwsError) as error:
        if source.service is not None and _has_no_endpoint(error, source, context.aws):
            whole = (context.aws.key_of(source.service, ""),)
            detail = f"not offered in {context.aws.region}: {source.title}"
            ended = SourceOutcome(target, source.name, SourceStatus.NOT_OFFERED, detail=detail, not_offered=whole)
            return SourceResult(source, ended)
        return SourceResult(source, failed(source, context.aws, error))
    usages = tuple(usage for usage in found if not usage.reference.names_nothing)
    outcome = SourceOutcome(
        target,
        source.name,
        SourceStatus.COMPLETE,
        usages=sum(usage.cluster is None for usage in usages),
        notes=(*(f"{_before(context.aws)}{note}" for note in context.notes), *name_problems.notes(found)),
        parts=tuple(f"{_before(context.aws)}{part}" for part in context.parts),
        is_input=source.service is None,
        accepted=tuple(sorted({*context.accepted, *ignored})),
        ignored=tuple(sorted(ignored.items())),
        clusters_seen=tuple(sorted(set(context.clusters_seen))),
    )
    clusters = tuple(
        replace(
            SourceOutcome(target, source.name, SourceStatus.COMPLETE)
            if error is None
            else failed(source, context.aws, error),
            usages=sum(usage.cluster == cluster for usage in usages),
            cluster=cluster,
        )
        for cluster, error in context.clusters.items()
    )
    return SourceResult(source, outcome, usages, tuple(context.refusals), clusters)


def _concerns(usage: Usage, context: SourceContext) -> bool:
    """Whether anybody here needs to know of a usage: what another account uses of other registries is its own."""
    clients, reference = context.aws, usage.reference
    if not clients.is_foreign:
        return True
    home = clients.home.target
    # A name that cannot be read is only told.
    if reference.names_nothing:
        return home.account_id in reference.text
    return reference.may_lie_in(home.account_id, home.region)


def _in_target(usage: Usage, clients: AwsClients) -> Usage:
    """The usage with where it was seen, which its consumer's name begins with if that is not the registry's region."""
    return replace(usage, target=clients.target, consumer=f"{_before(clients)}{usage.consumer}")


def _before(clients: AwsClients) -> str:
    if clients.is_foreign:
        return f"{clients.account_id} {clients.region} "
    return "" if clients.is_home else f"{clients.region} "


def _confirmed(result: SourceResult, clients: AwsClients) -> SourceResult:
    """The result with what the region does not offer; failed if that may be something else."""
    doubtful = next((one for one in result.refusals if not one.is_confirmed(clients.answered)), None)
    if doubtful is not None:
        outcome, ended = failed(result.source, clients, doubtful.error), result.outcome
        took = {name: getattr(ended, name) for name in ("seconds", "calls", "throttled", "facts")}
        return SourceResult(result.source, replace(outcome, **took))
    if not result.refusals:
        return result
    told = [f"{one.key.partition(':')[2]} ({errors.code_of(one.error)})" for one in result.refusals]
    detail = f"not offered in {clients.region}: {', '.join(dict.fromkeys(told))} of {result.source.title}"
    outcome = replace(
        result.outcome,
        status=SourceStatus.NOT_OFFERED,
        detail=detail,
        notes=(*result.outcome.notes, detail),
        not_offered=tuple(sorted({one.key for one in result.refusals})),
    )
    return replace(result, outcome=outcome)


def _has_no_endpoint(error: Exception, source: Source, clients: AwsClients) -> bool:
    # Without a client it cannot be determined whether the region has the service.
    if source.service is None or isinstance(error, errors.UnknownService):
        return False
    is_listed = clients.offered_in_region(source.service, source.regions)
    return errors.is_endpoint_missing(error, clients.client(source.service)) and not is_listed


def _check_model(source: Source, clients: AwsClients) -> None:
    """Check that botocore knows every member: it drops those it does not know, and their images would look unused.

    Raises:
        SourceError: It does not know one.
    """
    for field in source.fields:
        if not clients.knows(field.service, field.operation, field.path):
            message = f"the loaded botocore does not know {field.path} of {field.service} {field.operation}"
            raise SourceError(message)
