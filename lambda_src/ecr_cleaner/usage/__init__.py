"""Who uses what: every source that is not excluded is asked, side by side.

A source that cannot give a full answer makes the whole run read-only. "Access denied" is not "unused".
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ecr_cleaner import aws
from ecr_cleaner.errors import CleanerError, OutOfTimeError, SourceError
from ecr_cleaner.model import SourceOutcome, SourceStatus
from ecr_cleaner.usage.base import Account, Source
from ecr_cleaner.usage.listing import Listing
from ecr_cleaner.usage.registry import SOURCES
from ecr_cleaner.usage.task_definitions import TaskDefinitions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.model import ScanTarget, Usage
    from ecr_cleaner.usage.base import SourceSettings

WORKERS: Final = 6


def collect(
    clients: Aws, settings: SourceSettings, now: datetime, sources: Sequence[Source] = SOURCES
) -> tuple[tuple[Usage, ...], tuple[SourceOutcome, ...]]:
    """Call every source that is not excluded, in one account and region.

    Args:
        clients: Of the account and region.
        settings: Which sources are excluded.
        now: The moment before the first call.
        sources: All there are.

    Returns:
        The usages, as often as they were found, and one outcome for every source.
    """
    shared, listing = TaskDefinitions(clients), Listing()
    enabled = [source for source in sources if not is_excluded(source, settings)]
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(
            pool.map(lambda source: _ask(source, Account(clients, settings, shared, listing=listing, now=now)), enabled)
        )
    usages = tuple(replace(usage, target=clients.target) for found, _ in answers for usage in found)
    outcomes = tuple(outcome for _, outcome in answers)
    return usages, outcomes + disabled(clients.target, settings, sources)


def disabled(
    target: ScanTarget, settings: SourceSettings, sources: Sequence[Source] = SOURCES
) -> tuple[SourceOutcome, ...]:
    """The outcomes of the excluded sources: every run says what is unprotected."""
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


def is_excluded(source: Source, settings: SourceSettings) -> bool:
    """Whether a person took the source out."""
    return source.gap in settings.accepted_gaps


def _ask(source: Source, account: Account) -> tuple[tuple[Usage, ...], SourceOutcome]:
    clients = account.aws
    try:
        _must_be_known(source, clients)
        found = tuple(source.collect(account))
    except OutOfTimeError:
        raise  # not the source's fault: the whole run is cut short
    except aws.UnknownService as error:
        # There is no client by which to find out whether the region has the service.
        return (), SourceOutcome(clients.target, source.name, SourceStatus.FAILED, detail=_cause(source, error))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # A member that no listing leaves out was not there, or was something else: half an answer.
        incomplete = SourceError(f"an answer could not be understood: {error!r}")
        return (), SourceOutcome(clients.target, source.name, SourceStatus.FAILED, detail=_cause(source, incomplete))
    except (CleanerError, *aws.AwsError) as error:
        if source.service is not None and _is_not_here(error, source, source.service, clients):
            detail = f"not offered in {clients.region}: {source.title}"
            return (), SourceOutcome(clients.target, source.name, SourceStatus.NOT_IN_REGION, detail=detail)
        return (), SourceOutcome(clients.target, source.name, SourceStatus.FAILED, detail=_cause(source, error))
    outcome = SourceOutcome(
        clients.target, source.name, SourceStatus.COMPLETE, usages=len(found), notes=tuple(account.notes)
    )
    return found, outcome


def _is_not_here(error: Exception, source: Source, service: str, clients: Aws) -> bool:
    offered = clients.offered_in_region(service, source.regions)
    return aws.found_nobody(error, clients.client(service)) and not offered


def _must_be_known(source: Source, clients: Aws) -> None:
    """A botocore that does not know a member drops it, and what it names would look unused."""
    for field in source.fields:
        if not clients.knows(field.service, field.operation, field.path):
            message = f"the loaded botocore does not know {field.path} of {field.service} {field.operation}"
            raise SourceError(message)


def _cause(source: Source, error: Exception) -> str:
    """What failed, and what a person can do about it."""
    operation = aws.operation_of(error)
    failed = f"{operation} failed with {aws.code_of(error)}" if isinstance(error, aws.AwsError) and operation else ""
    mend = f'accepted_gaps = {{ "{source.gap}" = "<reason>" }} excludes this source from the run, at your own risk'
    if aws.is_denied(error):
        name = aws.IAM_NAMES.get(operation or "", operation)
        permission = next((p for p in source.permissions if p.endswith(f":{name}")), name)
        mend = f"the role needs the permission {permission}; {mend}"
    return "; ".join(filter(None, [failed, str(error), mend]))
