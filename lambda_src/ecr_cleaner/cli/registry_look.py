"""What a dry run sees of the registry as a whole: which repositories there are, how large they are, who opted in."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.text import Text

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.cli.sentences import sentence
from ecr_cleaner.decision.globs import matches
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryResult
from ecr_cleaner.registry import images, opt_in
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.registry.repositories import WORKERS, RegistryListing, list_repositories, repository_names
from ecr_cleaner.report.units import human_bytes
from ecr_cleaner.settings.loader import Settings


@dataclass(frozen=True, slots=True)
class RegistrySize:
    """How much is in a registry, under the names of the JSON document.

    Attributes:
        account_id: Of the registry.
        region: Of the registry.
        repositories: How many there are.
        opted_in: How many of them opted in by their tags, skipped ones included; None: not counted.
        images: In all of them; None: not counted.
        bytes: Of all images, indexes not counted: an upper bound, for layers are shared; None: not counted.
        not_counted: Repositories whose images could not be listed, each with the cause.
    """

    account_id: str
    region: str
    repositories: int
    opted_in: int | None
    images: int | None
    bytes: int | None
    not_counted: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """As JSON-native values."""
        return asdict(self)

    def show(self, console: Console) -> None:
        """Print it as the first lines of a plan."""
        for line in self._lines():
            console.print(Text(line))

    def _lines(self) -> Iterator[str]:
        holding = ""
        if self.bytes is not None:
            holding = f" with {self.images:,} images, {human_bytes(self.bytes)}"
        yield (
            f"account {self.account_id}, region {self.region}: {self.repositories:,} repositories{holding}"
            + ("" if self.opted_in is None else f"; {self.opted_in:,} opted in (tag {opt_in.ENABLED_TAG} = true)")
        )
        if not self.repositories:
            yield "There is no repository here: --region and --profile name another registry."
        elif self.opted_in is not None and self.opted_in < self.repositories:
            yield (
                "To opt in: `ecr-cleaner opt-in GLOB` prints the calls;"
                " `ecr-cleaner plan --as-if-opted-in GLOB` shows first what would be removed."
            )
        for cause in sorted(set(self.not_counted.values())):
            number = sum(one == cause for one in self.not_counted.values())
            yield f"The images of {number} repositories are not counted: {cause}"


@dataclass(slots=True)
class RegistryLook:
    """Lists the repositories for a dry run, and remembers what it saw.

    Attributes:
        as_if_opted_in: Globs of repositories that are judged as if they had opted in. It only ever reaches dry runs.
        names: All repositories, after the listing.
        listing: The latest one; None: there was none.
        assumed: Names of those that did not opt in, and are judged as if they had.
        near_misses: Those of them whose tags almost opt them in, and why they do not.
    """

    as_if_opted_in: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    listing: RegistryListing | None = None
    assumed: frozenset[str] = frozenset()
    near_misses: dict[str, str] = field(default_factory=dict)

    def list_repositories(
        self,
        clients: AwsClients,
        settings: Settings,
        facts: RegistryFacts,
        only: frozenset[str] | None,
        *,
        known: Collection[str] = (),
    ) -> RegistryListing:
        """As `ecr_cleaner.registry.repositories.list_repositories`, with a note on what is only judged as if."""
        found = tuple(repository_names(clients))
        self.names = tuple(name for name, _ in found)
        assumed: set[str] = set()
        self.near_misses = {}

        def examine(clients: AwsClients, name: str, arn: str, settings: Settings, facts: RegistryFacts) -> opt_in.Look:
            if name == settings.own_repository or not self.covers(name):
                return opt_in.opted_in(clients, name, arn, settings, facts)
            tags = opt_in.tags_of(clients, arn)
            one = opt_in.by_tags(clients, name, arn, tags, settings=settings, facts=facts)
            if isinstance(one, Repository | RepositoryOutcome):
                return one
            as_if = opt_in.by_tags(clients, name, arn, tags, settings=settings, facts=facts, is_assumed=True)
            if as_if is not None:
                assumed.add(name)
                if isinstance(one, str):
                    self.near_misses[name] = one
            return as_if

        asked = {*known, *filter(self.covers, self.names)}
        listing = list_repositories(
            clients, settings, facts, only, known=asked, names=lambda _: found, opted_in=examine
        )
        if assumed:
            note = f"{len(assumed)} repositories did not opt in and are judged as if they had: a run leaves them alone"
            listing = replace(listing, notes=(note, *listing.notes))
        self.listing = listing
        self.assumed = frozenset(assumed)
        return listing

    def covers(self, name: str) -> bool:
        """Whether a repository is judged as if it had opted in."""
        return any(matches(glob, name) for glob in self.as_if_opted_in)

    @property
    def opted_in(self) -> frozenset[str]:
        """Names of those that opted in by their tags, among the ones that were looked at."""
        return self.listing.opted_in - self.assumed if self.listing else frozenset()


def size_of(
    clients: AwsClients,
    account: str,
    look: RegistryLook,
    evaluated: Mapping[str, RepositoryResult],
    only: Collection[str] | None,
) -> RegistrySize:
    """How much is in the registry.

    Args:
        clients: Of the account and region.
        account: Of the registry.
        look: Of the dry run.
        evaluated: The repositories of the dry run: what it read is not read again.
        only: The repositories that a person named, for then the others are not counted; None: nobody named any.
    """
    if only is not None:
        return RegistrySize(account, clients.region, len(look.names), None, None, None, {})
    known = {name: (one.images, one.bytes_total) for name, one in evaluated.items() if one.keep_days is not None}
    others = [name for name in look.names if name not in known]

    def count(name: str) -> tuple[int, int] | str:
        number = size = 0
        try:
            for image in images.images(clients, name):
                number += 1
                size += 0 if image.is_index else image.size_bytes
        except (CleanerError, *errors.AwsError) as error:
            return sentence(error)
        return number, size

    with ThreadPoolExecutor(WORKERS) as pool:
        counted = dict(zip(others, pool.map(count, others), strict=True))
    sizes = [*known.values(), *(one for one in counted.values() if not isinstance(one, str))]
    return RegistrySize(
        account,
        clients.region,
        len(look.names),
        len(look.opted_in),
        sum(number for number, _ in sizes),
        sum(size for _, size in sizes),
        {name: one for name, one in counted.items() if isinstance(one, str)},
    )
