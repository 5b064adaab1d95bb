"""Looks at every repository of the registry: which may be cleaned, and why the others may not."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.model.result import SOUND, RepositoryOutcome, RepositoryStatus
from ecr_cleaner.registry import opt_in, tag_index
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
        notes: On the index of tags, and on tags in the order of the listing; one sentence each.
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
    known: Collection[str] = (),
    names: Callable[..., Iterable[tuple[str, str]]] = repository_names,
    opted_in: Callable[..., opt_in.Look] = opt_in.opted_in,
    index: tag_index.Reader = tag_index.read,
) -> RegistryListing:
    """Look at all repositories that may have opted in, side by side.

    Args:
        clients: Of the account and region.
        settings: Of the run.
        facts: What the registry as a whole says.
        only: Look at these repositories alone, without the index of tags; None means all of them.
        known: Names of those that earlier runs judged: each is asked for its own tags, or an index that lags behind
            would tear a hole into what is known of it.
        names: Lists name and ARN of every repository.
        opted_in: Says whether one opted in.
        index: Reads the index of tags.

    Raises:
        AwsError: The registry does not list its repositories; a single repository's error is its outcome.
        OutOfTimeError: There is no time left for all of them.
    """
    wanted = [(name, arn) for name, arn in names(clients) if only is None or name in only]
    asked, notes = tag_index.to_ask(clients, wanted, known, index) if only is None else (wanted, ())

    def examine(found: tuple[str, str]) -> opt_in.Look:
        try:
            return opted_in(clients, *found, settings, facts)
        except OutOfTimeError:
            raise
        except (CleanerError, *errors.AwsError) as error:
            return unread(error)

    with ThreadPoolExecutor(WORKERS) as pool:
        looks = [(name, one) for (name, _), one in zip(asked, pool.map(examine, asked), strict=True)]
    return RegistryListing(
        facts,
        frozenset(name for name, _ in wanted),
        tuple(one for _, one in looks if isinstance(one, Repository)),
        tuple((name, one) for name, one in looks if isinstance(one, RepositoryOutcome)),
        tuple((name, one) for name, one in looks if isinstance(one, str)),
        (*notes, *(f"repository {name}: {note}" for name, one in looks for note in _notes(one))),
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
