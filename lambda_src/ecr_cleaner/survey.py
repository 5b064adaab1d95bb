"""Looks at every repository of the registry: which may be cleaned, and why the others may not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecr_cleaner import aws, inventory
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.model import Repository, RepositoryStatus, Skipped
from ecr_cleaner.report.summary import RepositorySummary

if TYPE_CHECKING:
    from ecr_cleaner.access import RegistryFacts
    from ecr_cleaner.aws import Aws
    from ecr_cleaner.report.summary import RunSummary
    from ecr_cleaner.settings import Settings

WORKERS: Final = 4
GONE: Final = "RepositoryNotFoundException"
GONE_DETAIL: Final = "it was deleted meanwhile"


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        facts: What the registry as a whole says.
        names: Of all repositories, whether they opted in or not.
        repositories: Those that may be cleaned.
        near_misses: Those that somebody surely meant to opt in, by name, and why they did not.
    """

    facts: RegistryFacts
    names: frozenset[str]
    repositories: tuple[Repository, ...]
    near_misses: tuple[tuple[str, str], ...] = ()


def survey(clients: Aws, settings: Settings, only: frozenset[str] | None, summary: RunSummary) -> Survey:
    """Look at all repositories, side by side.

    Args:
        clients: Of the account and region.
        settings: What the run is told.
        only: Look at these repositories alone; None means all of them.
        summary: Gets an entry for each repository that opted in, and the notes on those that nearly did.

    Raises:
        AwsError: The registry as a whole does not answer; a single repository's error is in its entry.
        OutOfTimeError: There is no time left for all of them.
    """
    facts = inventory.registry_facts(clients)
    summary.account_id = facts.account
    names = [(name, arn) for name, arn in inventory.repository_names(clients) if only is None or name in only]

    def look(found: tuple[str, str]) -> object:
        try:
            return inventory.opted_in(clients, *found, settings, facts)
        except OutOfTimeError:
            raise
        except (CleanerError, *aws.AwsError) as error:
            if aws.code_of(error) == GONE:
                return RepositorySummary(found[0], status=RepositoryStatus.GONE, detail=GONE_DETAIL)
            return RepositorySummary(found[0], status=RepositoryStatus.FAILED, detail=aws.sentence(error))

    with ThreadPoolExecutor(WORKERS) as pool:
        looks = list(pool.map(look, names))
    found = [_sorted_out(one, summary) for one in looks]
    near = tuple((o.name, o.problem) for o in looks if isinstance(o, inventory.Misconfigured) and not o.opted_in)
    return Survey(facts, frozenset(name for name, _ in names), tuple(r for r in found if r is not None), near)


def _sorted_out(found: object, summary: RunSummary) -> Repository | None:
    match found:
        case Repository():
            summary.repositories[found.name] = RepositorySummary(found.name)
            summary.notes.extend(f"repository {found.name}: {note}" for note in found.notes)
            return found
        case RepositorySummary():
            summary.repositories[found.name] = found
        case Skipped():
            summary.repositories[found.name] = RepositorySummary(
                found.name, status=RepositoryStatus.SKIPPED, detail=found.evidence, setting=found.reason.value
            )
        case inventory.Misconfigured(opted_in=True):
            summary.repositories[found.name] = RepositorySummary(
                found.name, status=RepositoryStatus.MISCONFIGURED, detail=found.problem
            )
        case inventory.Misconfigured():
            summary.notes.append(f"repository {found.name}: {found.problem}")
    return None
