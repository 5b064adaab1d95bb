"""What other people do while a run is under way, and what it may not cost."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from ecr_cleaner.clock import utc_now
from tests.fake_aws import faults
from tests.integration import contract
from tests.integration.cells import REMOVALS, dice
from tests.integration.runner import ARN, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.fake_aws import Sandbox
    from tests.fake_aws.recorder import Call
    from tests.integration.cells import Api
    from tests.integration.contract import Digests
    from tests.integration.runner import Outcome, Runner

Edge = Literal["before the first call", "after the last call"]
EDGES: Final[tuple[Edge, ...]] = ("before the first call", "after the last call")


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens.

    Attributes:
        api: By which calls it is told.
        edge: On which side of them.
        made: How many there are in an undisturbed run.
    """

    api: Api
    edge: Edge
    made: int

    def __str__(self) -> str:
        return f"{self.edge} of {self.api.service} {self.api.operation}"

    def wait(self, sandbox: Sandbox, event: Event) -> None:
        """Let it happen then."""
        first = self.edge == "before the first call"
        lock, left = threading.Lock(), [1 if first else self.made]

        def count(call: Call) -> None:
            if not faults.fits(self.api.where, call.parameters):
                return
            with lock:
                left[0] -= 1
                due = left[0] == 0
            if due:
                event(call)

        hook = sandbox.before if first else sandbox.after
        hook(self.api.service, self.api.operation, count, lasting=True)


def sample(moments: Iterable[Moment], event: str) -> list[Moment]:
    """One of each stage, from stage to stage and from event to event at the other edge; the same ones every time."""
    rolled = sorted(moments, key=lambda one: dice(f"{event} {one}"))
    stages = sorted({moment.api.stage for moment in rolled})
    edges = itertools.cycle(EDGES if int(dice(event), 16) % 2 else reversed(EDGES))
    wanted = zip(stages, edges, strict=False)
    return [next(one for one in rolled if (one.api.stage, one.edge) == each) for each in wanted]


class Event:
    """Something that happens once in a run.

    Attributes:
        run: Runs.
        sandbox: The account.
        calls: The calls at which it happened: one.
    """

    def __init__(self, run: Runner) -> None:
        self.run = run
        self.sandbox = run.sandbox
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> None:
        """Let it happen."""
        self.calls.append(call)
        self.happen()

    def happen(self) -> None:
        """Do it."""
        raise NotImplementedError

    def problems(self, outcome: Outcome, unused: Digests) -> Iterator[str]:
        """What it has cost that it may not cost."""
        raise NotImplementedError

    def lies_there(self, name: str) -> bool:
        """Whether an image of the repository ``site`` is still there, and not archived."""
        digest = self.sandbox.digest(name)
        return any(image.digest == digest and image.status == "ACTIVE" for image in self.sandbox.images("site"))

    def is_deadline_exceeded(self, name: str) -> bool:
        """Whether it came after the look that tells the removal of an image whether it may go on."""
        (call,) = self.calls
        if call.operation == "UpdateImageStorageClass":  # one look for ten of them
            return True
        named = {"imageDigest": self.sandbox.digest(name)}
        ids = [{"imageDigest": one.get("imageDigest")} for one in call.parameters.get("imageIds", ())]
        return call.operation in {"DescribeImages", "BatchDeleteImage"} and named in ids


class RepositoryDeleted(Event):
    """Somebody deletes the repository ``site`` with everything in it: no failure, and no matter to the others."""

    def happen(self) -> None:
        """By force."""
        self.sandbox.client("ecr").delete_repository(repositoryName="site", force=True)

    def problems(self, outcome: Outcome, unused: Digests) -> Iterator[str]:
        """The others are cleaned."""
        yield from contract.always(outcome, unused, but="site")
        yield from contract.completed(outcome, {name: unused[name] for name in unused.keys() - {"site"}})


class TagTakenAway(Event):
    """CI puts the tag of an old image on a new one."""

    def happen(self) -> None:
        """As a push does."""
        self.sandbox.tag("site", self.sandbox.digest("site-fresh"), "v2")

    def problems(self, outcome: Outcome, unused: Digests) -> Iterator[str]:
        """The new image and its new tag stay; only a removal that is under way may fail."""
        yield from contract.always(outcome, unused)
        yield from contract.cleaned(outcome, unused, but="site")
        fresh = [image for image in self.sandbox.images("site") if image.digest == self.sandbox.digest("site-fresh")]
        if not fresh or "v2" not in fresh[0].tags:
            yield "the tag went with the old image"
        if outcome.status != "completed" and "ImageTagDoesNotMatchDigest" not in outcome.causes:
            yield f"it is {outcome.status}: {outcome.causes}"


class TagPutOn(Event):
    """Somebody rolls back: an old image that nothing used gets the tag that a service runs by."""

    was_there = False

    def happen(self) -> None:
        """Unless it is gone already."""
        self.was_there = self.lies_there("site-old")
        if self.was_there:
            self.sandbox.tag("site", self.sandbox.digest("site-old"), "live")

    def problems(self, outcome: Outcome, unused: Digests) -> Iterator[str]:
        """It stays."""
        # Where it comes between the look and the call, the pair removes the old tag alone and ECR confirms it.
        yield from contract.always(outcome, unused, but="site")
        yield from contract.cleaned(outcome, unused, but="site")
        if lost := outcome.went.get("site", set()) - unused["site"]:
            yield f"site lost {len(lost)} images that are needed"
        # What archives names the digest alone, so that no tag that moved can stop it; a restore mends that.
        may_go = bool(outcome.archived) and self.is_deadline_exceeded("site-old")
        if self.was_there and not self.lies_there("site-old") and not may_go:
            yield "it went although it has the service's tag"


class Deployed(Event):
    """A service starts with an old image that nothing used, and pulls it."""

    was_there = False

    def happen(self) -> None:
        """In a cluster of its own."""
        self.was_there = self.lies_there("site-old")
        if not self.was_there:
            return
        self.sandbox.seed(
            {
                "ecs": {
                    "task_definitions": {"late:1": {"image": "{registry}/site:v2"}},
                    "clusters": {"late": {"services": {"late": {"task_definition": "late:1"}}}},
                }
            }
        )
        self.sandbox.state.region(REGION).images.pulled("site", self.sandbox.digest("site-old"))

    def problems(self, outcome: Outcome, unused: Digests) -> Iterator[str]:
        """It stays, but for the moment between the last look and the removal itself, which nobody can close."""
        kept = (
            {self.sandbox.digest("site-old")} if self.was_there and not self.is_deadline_exceeded("site-old") else set()
        )
        yield from contract.always(outcome, unused | {"site": unused["site"] - kept})
        yield from contract.completed(outcome, {name: unused[name] for name in unused.keys() - {"site"}})


class OptedOut(Event):
    """Somebody takes the repository ``site`` out."""

    before = 0

    def happen(self) -> None:
        """By its tag."""
        self.before = len(self.sandbox.calls)
        self.sandbox.client("ecr").untag_resource(resourceArn=f"{ARN}site", tagKeys=["BoxCleanerEnabled"])

    def problems(self, outcome: Outcome, unused: Digests) -> Iterator[str]:
        """Once its tags are read again nothing is asked to go."""
        yield from contract.always(outcome, unused)
        yield from contract.completed(outcome, {name: unused[name] for name in unused.keys() - {"site"}})
        known = False
        for call in self.sandbox.calls[self.before :]:
            known |= call.operation == "ListTagsForResource" and call.parameters["resourceArn"] == f"{ARN}site"
            if known and call.operation in REMOVALS and call.parameters["repositoryName"] == "site":
                yield "it was cleaned although its tags said no"


class Clock:
    """The clock of the run: by it usages are dated, verdicts aged, and looks grow old.

    Those of the journal and of the readings stay right. They measure nothing but single calls, and tell a pull of this
    run's own by ECR's clock, which does not jump with it.
    """

    def __init__(self, run: Runner) -> None:
        self._wrong_by = timedelta()
        run.clock = self

    def __call__(self) -> datetime:
        """Now, as the run believes."""
        return utc_now() + self._wrong_by

    def shift(self, days: int) -> None:
        """Put it right or wrong."""
        self._wrong_by = timedelta(days=days)


class _ClockJumps(Event):
    days = 0

    def __init__(self, run: Runner) -> None:
        super().__init__(run)
        self._clock = Clock(run)

    def happen(self) -> None:
        """As when it is put right after a long time."""
        self._clock.shift(self.days)

    def problems(self, outcome: Outcome, unused: Digests) -> Iterator[str]:
        """Either it makes no difference, or usages look too old, or time seems to be over: then nothing more goes."""
        yield from contract.always(outcome, unused)
        if outcome.status == "completed":
            # What hangs on an index stays active if it was looked at again once that was archived.
            yield from contract.cleaned(outcome, unused, but="site" if outcome.archived else "")
        elif outcome.status not in {"refused", "incomplete"}:
            yield f"it is {outcome.status}: {outcome.causes}"


class ClockJumpsAhead(_ClockJumps):
    """By a day."""

    days = 1


class ClockJumpsBack(_ClockJumps):
    """By a day."""

    days = -1


EVENTS: Final[tuple[type[Event], ...]] = (
    RepositoryDeleted,
    TagTakenAway,
    TagPutOn,
    Deployed,
    OptedOut,
    ClockJumpsAhead,
    ClockJumpsBack,
)
