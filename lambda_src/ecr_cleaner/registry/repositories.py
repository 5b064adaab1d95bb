"""Looks at every repository of the registry: which may be cleaned, and why the others may not."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.model.result import SOUND, RepositoryOutcome, RepositoryStatus
from ecr_cleaner.registry import opt_in
from ecr_cleaner.registry.images import PAGE_SIZE
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.settings.loader import Settings


def repository_names(clients: AwsClients) -> Iterator[tuple[str, str]]:
    """Name and ARN of every repository of the registry."""
    ecr = clients.client("ecr")
    for found in responses.paged(ecr, "DescribeRepositories", "repositories", maxResults=PAGE_SIZE):
        yield (
            responses.member(found, "repositoryName", "DescribeRepositories"),
            responses.member(found, "repositoryArn", "DescribeRepositories"),
        )


WORKERS: Final = 4

REPOSITORY_GONE: Final = "RepositoryNotFoundException"


@dataclass(frozen=True, slots=True)
class RegistryListing:
    """Every repository of a registry.

    Attributes:
        facts: What the registry as a whole says.
        names: Of all repositories, whether they opted in or not.
        repositories: Those that may be cleaned.
        left_alone: Those that opted in, or may have, and are not cleaned, by name.
        near_misses: Repositories whose tags almost opt them in, by name, and why they do not.
        notes: Notes on tags, in the order of the listing; one sentence each.
    """

    facts: RegistryFacts
    names: frozenset[str]
    repositories: tuple[Repository, ...]
    left_alone: tuple[tuple[str, RepositoryOutcome], ...] = ()
    near_misses: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def opted_in(self) -> frozenset[str]:
        """Names of those that opted in, or may have."""
        return frozenset({*(one.name for one in self.repositories), *(name for name, _ in self.left_alone)})

    @property
    def judged(self) -> frozenset[str]:
        """Names of those whose images are judged, or would be if nothing failed."""
        failing = (name for name, outcome in self.left_alone if outcome.status not in SOUND)
        return frozenset({*(one.name for one in self.repositories), *failing})


def list_repositories(  # noqa: PLR0913 - what a listing is made from, each by name
    clients: AwsClients,
    settings: Settings,
    facts: RegistryFacts,
    only: frozenset[str] | None,
    *,
    names: Callable[..., Iterable[tuple[str, str]]] = repository_names,
    opted_in: Callable[..., Repository | RepositoryOutcome | str | None] = opt_in.opted_in,
) -> RegistryListing:
    """Look at all repositories, side by side.

    Args:
        clients: Of the account and region.
        settings: Of the run.
        facts: What the registry as a whole says.
        only: Look at these repositories alone; None means all of them.
        names: Lists name and ARN of every repository.
        opted_in: Says whether one opted in.

    Raises:
        AwsError: The registry does not list its repositories; a single repository's error is its outcome.
        OutOfTimeError: There is no time left for all of them.
    """
    wanted = [(name, arn) for name, arn in names(clients) if only is None or name in only]

    def examine(found: tuple[str, str]) -> Repository | RepositoryOutcome | str | None:
        try:
            return opted_in(clients, *found, settings, facts)
        except OutOfTimeError:
            raise
        except (CleanerError, *errors.AwsError) as error:
            return unread(error)

    with ThreadPoolExecutor(WORKERS) as pool:
        looks = [(name, one) for (name, _), one in zip(wanted, pool.map(examine, wanted), strict=True)]
    return RegistryListing(
        facts,
        frozenset(name for name, _ in wanted),
        tuple(one for _, one in looks if isinstance(one, Repository)),
        tuple((name, one) for name, one in looks if isinstance(one, RepositoryOutcome)),
        tuple((name, one) for name, one in looks if isinstance(one, str)),
        tuple(f"repository {name}: {note}" for name, one in looks for note in _notes(one)),
    )


def unread(error: Exception) -> RepositoryOutcome:
    """How a repository ended that could not be read."""
    if errors.code_of(error) == REPOSITORY_GONE:
        return RepositoryOutcome(RepositoryStatus.GONE, "it was deleted meanwhile")
    return RepositoryOutcome(RepositoryStatus.FAILED, errors.sentence(error))


def _notes(examined: object) -> tuple[str, ...]:
    if isinstance(examined, Repository):
        return examined.notes
    return (examined,) if isinstance(examined, str) else ()
