"""A night that is killed, at whatever call of whichever invocation: the next ones take it up and lose nothing."""

from __future__ import annotations

import contextlib
import gzip
import threading
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.clock import utc_now
from tests.integration import cells
from tests.integration.fault_account import LOCK_TABLE, SETTINGS, seed
from tests.integration.meanwhile import EDGES
from tests.integration.runner import Context
from tests.integration.test_facts import kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.fake_aws import Sandbox
    from tests.fake_aws.recorder import Call
    from tests.integration.contract import Digests
    from tests.integration.meanwhile import Edge
    from tests.integration.runner import Outcome, Runner

WRITES: Final = frozenset({"BatchDeleteImage", "DeleteItem", "PutItem", "PutObject"})
"""Those are in the sample of a first night, and each sample has two operations."""


class KilledError(BaseException):
    """The process is there no more; nothing may catch it."""


@dataclass
class Night:
    """One night in several invocations, of which one may be killed.

    Attributes:
        run: Invokes the function.
        killed: The action whose invocation is killed; none if it is empty.
        number: At which of its calls, from 1.
        edge: Whether AWS still serves that call.
        dry_run: As the variable says.
        made: The calls of each action's invocation.
    """

    run: Runner
    killed: str = ""
    number: int = 0
    edge: Edge = "before the first call"
    dry_run: bool = False
    made: dict[str, list[Call]] = field(default_factory=dict)
    _action: str = ""
    _is_dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> Outcome:
        """Run it."""
        sandbox = self.run.sandbox
        sandbox.before("*", "*", self._before, lasting=True)
        sandbox.after("*", "*", self._after, lasting=True)
        outcome = self.run(start=self._states, **(SETTINGS | {"dry_run": self.dry_run}))
        sandbox.clear_callbacks()
        return outcome

    def _states(self, request: object) -> dict[str, Any]:
        """As the state machine enters them: a scan that fails fails nothing else."""
        night = {"schema_version": 1, "night": uuid.uuid4().hex}
        try:
            begun = self._invoke(night | {"action": "targets", "request": request})
            target = {"account_id": "123456789012", "region": "us-east-1"}
            with contextlib.suppress(KilledError):
                self._invoke(night | {"action": "scan", "round": 1} | target)
            return self._invoke(night | {"action": "finish", "round": begun["round"], "request": request})
        except KilledError:
            return {"status": "killed"}

    def _invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        self._action, self._is_dead = event["action"], False
        self.made[self._action] = []
        try:
            return self.run.invoke(event, Context(str(uuid.uuid4())))
        finally:
            self._action = ""

    def _before(self, call: Call) -> None:
        if not self._action:
            return
        with self._lock:
            if self._is_dead:
                raise KilledError
            self.made[self._action].append(call)
            if self.edge == "before the first call":
                self._die()

    def _after(self, _: Call) -> None:
        if not self._action:
            return
        with self._lock:
            if self.edge != "before the first call":
                self._die()

    def _die(self) -> None:
        """From here on no call of the invocation is made, whoever makes it."""
        if self._action == self.killed and len(self.made[self._action]) >= self.number:
            self._is_dead = True
            raise KilledError


def moments(made: Sequence[Call], always: frozenset[str]) -> Iterator[tuple[int, Edge]]:
    """Every call at both of its edges, or a sample: two operations and those that are always in it, each once."""
    every = [(number, edge) for number in range(1, len(made) + 1) for edge in EDGES]
    if cells.FULL:
        yield from every
        return
    met: set[str] = set()
    for number, edge in sorted(every, key=lambda one: cells.dice(f"{len(made)} {one}")):
        operation = made[number - 1].operation
        if operation not in met and (operation in always or len(met) < 2):
            met.add(operation)
            yield number, edge


def begun(run: Runner, *, is_first: bool) -> Digests:
    """An account in which no night was, or one that looked and removed nothing; returns what may go."""
    run.sandbox.reset()
    unused = seed(run.sandbox, whole=False)
    if not is_first:
        assert Night(run, dry_run=True)().status == "completed"
    return unused


def a_day_passes(run: Runner) -> None:
    """The lock has expired, and everything that happened did so a day earlier."""
    run.sandbox.client("dynamodb").delete_item(TableName=LOCK_TABLE, Key={"id": {"S": "run"}})
    before = run.clock
    run.clock = lambda: before() + timedelta(days=1)


def journalled(sandbox: Sandbox) -> str:
    """All that the journal says."""
    return "".join(gzip.decompress(body).decode() for key, body in kept(sandbox).items() if "/journal/" in key)


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("action", ["targets", "scan", "finish"])
def test_a_night_that_is_killed_is_taken_up_by_the_next_one(run: Runner, action: str, *, is_first: bool) -> None:
    """Whatever is unneeded is gone after it and in the journal, nothing else went, and the history can be read."""
    run.workers = 1
    begun(run, is_first=is_first)
    undisturbed = Night(run)
    undisturbed()
    found: list[str] = []
    for number, edge in moments(undisturbed.made[action], WRITES if is_first else frozenset()):
        run.clock = utc_now
        unused = begun(run, is_first=is_first)
        night = Night(run, action, number, edge)
        outcomes = [night()]
        for _ in range(2):
            a_day_passes(run)
            outcomes.append(Night(run)())
        when = f"{edge} {number}, {night.made[action][-1].operation}"
        went: Digests = {}
        for name, digests in (pair for one in outcomes for pair in one.went.items()):
            went[name] = went.get(name, set()) | digests
        if went != unused:
            found.append(f"{when}: {went} went")
        if lost := [digest for digests in went.values() for digest in digests if digest not in journalled(run.sandbox)]:
            found.append(f"{when}: {lost} are not in the journal")
        ends = [(one.status, one.causes) for one in outcomes[1:]]
        if ends != [("completed", "")] * 2 or outcomes[2].went:
            found.append(f"{when}: the next nights end {ends}")
    assert not "\n".join(found)
