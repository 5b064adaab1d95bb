"""Whether there is time to begin what has to be ended: how long batches take shows while a run removes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.run.context import RESERVE_SECONDS, RunContext
from ecr_cleaner.run.state import RunState

BATCH_SECONDS: Final = 15.0
"""How long one batch may take before any was seen to take longer: about eight calls, one of them repeated."""

ACTING_SECONDS: Final = 60.0
"""What judging leaves of the time to what follows from it: to write it down, and to remove. After a scan that took very
long, half of the time for which its usages are valid.
"""


@dataclass(slots=True)
class EvaluationBudget:
    """The time that judging repositories takes: what was judged has to have its effect in the same run.

    Attributes:
        ctx: What the run was given.
        state: What became of it so far.
        waiting: Repositories that are not judged yet.
        judged: Those that are.
        removing: Those among them that something is to go from.
    """

    ctx: RunContext
    state: RunState
    waiting: int
    judged: int = 0
    removing: int = 0
    _began_at: datetime = field(init=False)
    _acting: float = field(init=False)  # seconds

    def __post_init__(self) -> None:
        self._began_at = self.ctx.clock()
        self._acting = min(ACTING_SECONDS, max(self._fresh(), 0.0) / 2)

    def add(self, *, removes: bool) -> None:
        """Count a repository that was judged."""
        self.waiting -= 1
        self.judged += 1
        self.removing += removes

    def may_go_on(self) -> bool:
        """Whether there is time to judge one more and to act upon all.

        The first one always may be: else nothing would ever be done. What can go by the present usages need not be
        judged again. All others need another scan, and each repository that something is to go from is judged twice.
        """
        if not self.judged:
            return True
        each = self._each()
        return self._left() >= 0 and (
            self._nothing_goes()
            or self._fresh() >= self._acting + each
            or self._left() >= self.state.scan_seconds + each * (self.waiting + self.removing)
        )

    def may_finish(self) -> bool:
        """Whether there is still time to act upon what was judged before the repository that is being judged.

        One that takes longer than all others would else make their judging be in vain, night after night. It is left to
        the next run, which judges it first.
        """
        return (
            not self.removing
            or self._nothing_goes()
            or self._fresh() >= self._acting
            or self._left() >= self.state.scan_seconds + self._each() * self.removing
        )

    def _nothing_goes(self) -> bool:
        return self.state.basis is None or self.ctx.settings.dry_run or self.state.is_refused()

    def _left(self) -> float:
        return self.ctx.seconds_left() - RESERVE_SECONDS - ACTING_SECONDS

    def _each(self) -> float:
        return (self.ctx.clock() - self._began_at).total_seconds() / self.judged

    def _fresh(self) -> float:
        """Seconds for which the usages are still valid."""
        scanned_at = self.state.basis.scan.started_at if self.state.basis else self.ctx.clock()
        return (FRESHNESS - (self.ctx.clock() - scanned_at)).total_seconds()


@dataclass(slots=True)
class RemovalBudget:
    """The time that removals take, of all repositories.

    Attributes:
        ctx: What the run was given.
        state: What became of it so far.
    """

    ctx: RunContext
    state: RunState
    _slowest: float = BATCH_SECONDS  # seconds of a batch
    _began_by: datetime | None = None  # the start of the scan by which something was begun

    def of_repository(self) -> "RepositoryBudget":
        """The same for one repository more."""
        return RepositoryBudget(self)

    def add(self, seconds: float) -> None:
        """Take over how long a batch took."""
        self._slowest = max(self._slowest, seconds)

    def seconds(self, batches: int) -> float:
        """How long so many batches may take."""
        return batches * self._slowest if batches > 1 else 0.0

    def fresh(self, seconds: float) -> bool:
        """Whether the usages are valid for so long; also if nothing was begun by them yet, for others would not be."""
        left = FRESHNESS - (self.ctx.clock() - self._scanned_at())
        return left >= timedelta(seconds=seconds) or self._began_by != self._scanned_at()

    def begin(self) -> None:
        """Something begins."""
        self._began_by = self._scanned_at()

    def _scanned_at(self) -> datetime:
        return self.state.basis.scan.started_at if self.state.basis else self.ctx.now


@dataclass(slots=True)
class RepositoryBudget:
    """The time that the removals of one repository take.

    Attributes:
        run: The time of all of them.
        is_late: Whether there was no time for something that was to begin.
        is_outdated: Whether something can only be ended by newer usages.
    """

    run: RemovalBudget
    is_late: bool = False
    is_outdated: bool = False
    _begun: tuple[int, datetime, float] | None = None  # what began last: batches, when, and the time that was left then

    def may_begin(self, batches: int) -> bool:
        """Whether so many batches can be ended before time runs out, and before the usages are too old.

        What needs one batch leaves nothing half done, so it may always begin. What would take longer than usages are
        valid could never be ended by one scan: it is begun all the same, and what is left of it comes first in the next
        run.
        """
        self.pause()
        ctx, seconds = self.run.ctx, self.run.seconds(batches)
        if seconds <= FRESHNESS.total_seconds():
            if ctx.seconds_left() < RESERVE_SECONDS + seconds:
                self.is_late = True
                return False
            # After a scan at least one wave begins: another scan would not leave more time.
            if not self.run.fresh(seconds):
                self.is_outdated = True
                return False
        self.run.begin()
        self._begun = batches, ctx.clock(), ctx.seconds_left()
        return True

    def pause(self) -> None:
        """What was begun has ended: take over how long it took."""
        if self._begun is not None:
            batches, at, left = self._begun
            passed = [(self.run.ctx.clock() - at).total_seconds()]
            if left < float("inf"):
                passed.append(left - self.run.ctx.seconds_left())
            self.run.add(max(passed) / batches)
        self._begun = None
