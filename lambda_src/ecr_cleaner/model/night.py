"""What the earlier invocations of one night did."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import AwareDatetime

from ecr_cleaner.schema import NotNegative, Text, stored


@stored
@dataclass(frozen=True, slots=True)
class RepositoryCounts:
    """Images of one repository, as limits count them.

    Attributes:
        images: All of them, when it was evaluated last, and those that were deleted before in this night.
        removable: Those among them that were to go then, and those that went before.
        deleted: Those that were deleted in this night; they are not there any more.
        archived: Those that were archived.
    """

    images: NotNegative = 0
    removable: NotNegative = 0
    deleted: NotNegative = 0
    archived: NotNegative = 0

    @property
    def went(self) -> int:
        """Those that were deleted or archived."""
        return self.deleted + self.archived


@stored
@dataclass(frozen=True, slots=True)
class Night:
    """A night so far.

    Attributes:
        name: Of the execution of the state machine.
        began_at: Of its first round.
        round: The latest one, from 1.
        continuations: How many rounds ended with something left that the next one was to do.
        is_over: Whether none may begin any more.
        facts: How often the latest scan took what it needed from facts.
        bytes_removed: Of what was deleted or archived.
        repositories: Those that were evaluated, by name.
        problems: What went wrong in former rounds.
    """

    name: Text
    began_at: AwareDatetime
    round: NotNegative = 1
    continuations: NotNegative = 0
    is_over: bool = False
    facts: NotNegative = 0
    bytes_removed: NotNegative = 0
    repositories: Mapping[str, RepositoryCounts] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
