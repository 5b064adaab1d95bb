"""Which images are unneeded, until a run writes it down: that waits for whatever refuses the run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ecr_cleaner.model.repository import Repository


@dataclass(frozen=True, slots=True)
class Verdicts:
    """On the images of one repository.

    Attributes:
        unneeded: Digests of those that would go if there were no grace.
        before: Digests of those that the history calls so.
    """

    unneeded: frozenset[str]
    before: frozenset[str]


@dataclass(slots=True)
class PendingVerdicts:
    """Those that are not written down yet."""

    _of: dict[str, tuple[Repository, Verdicts]] = field(default_factory=dict)

    def add(self, repository: Repository, verdicts: Verdicts | None) -> None:
        """Take over the latest verdicts; None: the history has them already."""
        self._of.pop(repository.name, None)
        if verdicts is not None:
            self._of[repository.name] = repository, verdicts

    def taken(self, counts: Callable[[str], bool]) -> Iterator[tuple[Repository, frozenset[str]]]:
        """Repositories, each with the digests that are unneeded from here on.

        Args:
            counts: Whether the verdicts on a repository count. If not, no image is unneeded that was not before; but
                what even then was found needed is needed.
        """
        while self._of:
            name = min(self._of)
            repository, found = self._of.pop(name)
            if counts(name):
                yield repository, found.unneeded
            elif not found.before <= found.unneeded:
                yield repository, found.unneeded & found.before
