"""What became of the report of a run, and what it tells of earlier ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

MAX_NAMED: Final = 20
"""Names of each kind: enough to know where to look."""


@dataclass(frozen=True, slots=True)
class Named:
    """Some things, of which the first are named.

    Attributes:
        count: How many there are.
        first: Names of the first, in order; at most `MAX_NAMED`.
    """

    count: int
    first: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """All of these."""
        listed = sorted(names)
        return cls(len(listed), tuple(listed[:MAX_NAMED]))


@dataclass(frozen=True, slots=True)
class Changes:
    """What is otherwise than in the last run that was not refused.

    Attributes:
        since: When that run began, in ISO 8601; None: it is not known.
        unknown: Why nothing, or not everything, is compared; empty if all of it is.
        removable: Images that are to go now and were not then; None: not compared.
        in_use: Images that are in use now and were not then; None: not compared.
        skipped: Repositories that are skipped now and were not then; None: not compared.
        findings: New ones; None: not compared.
        findings_gone: Those that are no more; None: not compared.
        accounts_failed: Other accounts that could not be looked at completely now, and could then; None: not compared.
        accounts_complete: Those of which it is the other way round; None: not compared.
        accounts_due: Whether people are to be told of other accounts that could not be looked at: they are not the same
            as then, or nobody was told for a week.
    """

    since: str | None = None
    unknown: str = ""
    removable: Named | None = None
    in_use: Named | None = None
    skipped: Named | None = None
    findings: Named | None = None
    findings_gone: Named | None = None
    accounts_failed: Named | None = None
    accounts_complete: Named | None = None
    accounts_due: bool = True


@dataclass(frozen=True, slots=True)
class StoredReport:
    """What became of the report of a run.

    Attributes:
        location: Of its page; None: there is none.
        notes: What an operator should know of it.
        problems: Why it, or a part of it, could not be stored.
        changes: What is otherwise than in the last run; None: nothing remembers one.
    """

    location: str | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    changes: Changes | None = None
