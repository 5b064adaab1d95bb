"""Whatever goes wrong with any call of a night in several invocations: nothing that is needed goes.

What fails for the registry's own account stops the night, what fails for another one keeps what that one may pull, and
facts never matter: in a first night, in one that knows facts, and in a round that goes on with what another one left.
A sample is run, and everything with ``ECR_CLEANER_FULL=1``; single calls of sources are multiplied by everything that
can go wrong with them in the fault matrix, and not here again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from ecr_cleaner.aws import client
from ecr_cleaner.errors import RunFailedError
from tests.fake_aws import Fault
from tests.integration import cells
from tests.integration.fault_account import ABROAD
from tests.integration.past import BUCKET, PREFIX, Past
from tests.integration.runner import Context
from tests.integration.test_fault_matrix import OF_EACH_SORT
from tests.integration.test_nights import FOREIGN, seeded, unneeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fake_aws.faults import Kind
    from tests.fake_aws.recorder import Call
    from tests.integration.runner import Outcome, Runner

Situation = Literal["first night", "facts", "continued"]
NIGHT: Final = "night-1"
ABROAD_STEP: Final = " ".join(FOREIGN)
WIDE: Final = frozenset({"account", "organizations", "sts"})
"""What finds other accounts and their regions, and lets the function in."""


@dataclass(frozen=True, order=True, slots=True)
class Cell:
    """Calls of one invocation of a round that fail.

    Attributes:
        step: Of ``targets``, ``finish``, or an account and region that is scanned.
        service: botocore's name.
        operation: As AWS writes it.
        account: In which it is made.
        key: Of S3: a pattern.
        kind: How they fail; None: not yet decided.
        only: Which one of them fails, from 0; None: all.
    """

    step: str
    service: str
    operation: str
    account: str
    key: str = ""
    kind: Kind | None = None
    only: int | None = None

    @classmethod
    def of(cls, step: str, call: Call) -> Cell:
        """Calls like one that was made."""
        key = str(call.parameters.get("Key", "")).removeprefix(PREFIX)
        pattern = re.sub(r"[0-9a-f-]{32,}|\d{4}-\d{2}-\d{2}[^/.]*", "*", key)
        # Of facts all fail at once.
        told = "facts/.*" if key.startswith("facts/") else re.escape(pattern).replace(r"\*", "[^/]+")
        pattern = re.escape(PREFIX) + told if key else ""
        return cls(step, call.service, call.operation, call.account, pattern)

    @property
    def is_of_facts(self) -> bool:
        """Whether it is about facts."""
        return self.key.startswith(re.escape(f"{PREFIX}facts/"))

    @property
    def is_harmless(self) -> bool:
        """Whether the call took effect, and its answer says nothing that anybody needs: a write that succeeded."""
        return self.operation in {"PutObject", "DeleteItem", "PutItem"} and self.kind in cells.TOOK_EFFECT

    @property
    def is_abroad(self) -> bool:
        """Whether another account suffers, and the registry's own does not."""
        is_found = self.step == "targets" and (self.account == ABROAD or self.service in WIDE)
        return self.step == ABROAD_STEP or is_found or f"/scans/{ABROAD}/" in self.key

    def fault(self) -> Fault:
        """What fails."""
        assert self.kind is not None
        where = {"Bucket": BUCKET, "Key": re.compile(self.key)} if self.key else {}
        after, times = (0, None) if self.only is None else (self.only, 1)
        return Fault(
            service=self.service,
            operation=self.operation,
            account=self.account,
            kind=self.kind,
            where=where,
            after=after,
            times=times,
        )


@dataclass
class Round:
    """One round, in one invocation of which something may go wrong.

    Attributes:
        run: Invokes the function.
        cell: What goes wrong.
        seconds: How much time `finish` has; after the first deletion it has none.
        made: The calls, as cells.
    """

    run: Runner
    cell: Cell | None = None
    seconds: float | None = None
    made: list[Cell] = field(default_factory=list)

    def __call__(self, _: object) -> dict[str, Any]:
        """Enter the states of the state machine: a scan that fails fails nothing else."""
        begun = self._invoke("targets", {"action": "targets", "request": {}})
        body = self.run.sandbox.client("s3").get_object(Bucket=BUCKET, Key=begun["items_key"])["Body"].read()
        for item in json.loads(body):
            with contextlib.suppress(RunFailedError):
                self._invoke(f"{item['account_id']} {item['region']}", item)
        return self._invoke("finish", {"action": "finish", "round": begun["round"], "request": {}})

    def _invoke(self, step: str, event: dict[str, Any]) -> dict[str, Any]:
        sandbox, context = self.run.sandbox, Context(str(uuid.uuid4()))
        sandbox.clear_calls()
        if self.cell is not None and self.cell.step == step:
            sandbox.inject(self.cell.fault())
        if self.seconds is not None and step == "finish":
            short = self.seconds
            sandbox.after("ecr", "BatchDeleteImage", lambda _: setattr(context, "seconds", short))
        try:
            return self.run.invoke({"schema_version": 1, "night": NIGHT} | event, context)
        finally:
            sandbox.clear_faults()
            sandbox.clear_callbacks()
            self.made += [Cell.of(step, call) for call in sandbox.calls if call.operation != "PutMetricData"]


def begun(run: Runner, situation: Situation) -> dict[str, Any]:
    """The account before the round; returns settings."""
    run.workers = 1
    run.sandbox.reset()
    told = seeded(run, Past(run.sandbox))
    told["storage"] |= {"reports": True}
    if situation == "facts":
        assert run(dry_run=True, **told).status == "completed"
    if situation == "continued":
        first = run(start=Round(run, seconds=5), **told)
        assert (first.status, len(first.gone)) == ("continued", 1)
    return told


def problems(run: Runner, cell: Cell, outcome: Outcome, before: dict[str, set[str]]) -> Iterator[str]:
    """What is not as it should be."""
    left = {name: digests & before[name] for name, digests in unneeded(run, "app", "shared").items()}
    left = {name: digests for name, digests in left.items() if digests}
    for name, digests in outcome.gone.items():
        if lost := digests - left.get(name, set()):
            yield f"{name} lost {len(lost)} images that are needed"
    ended = outcome.status, outcome.gone
    if cell.is_of_facts or outcome.status == "completed":
        if ended != ("completed", left):
            yield f"it is {ended}: {outcome.causes}"
        if not (cell.is_of_facts or cell.is_harmless or cell.step == "finish"):
            yield "nobody noticed"
    elif cell.is_abroad:
        if ended != ("degraded", {name: digests for name, digests in left.items() if name != "shared"}):
            yield f"it is {ended}: {outcome.causes}"
    elif cell.step != "finish" and outcome.gone:
        yield f"{outcome.gone} went"
    elif outcome.status == "degraded":
        yield "it is degraded"


def chosen(made: list[Cell], situation: Situation) -> list[Cell]:
    """Every call that is about the night itself, with each kind; of the others each with one, or a sample of both.

    Of a second round also single ones of calls that are alike.
    """
    kinds = cells.HARD if situation == "first night" else OF_EACH_SORT
    every: list[Cell] = []
    for number, cell in enumerate(sorted(set(made))):
        is_own = cell.service == "s3" or cell.service in WIDE
        some = kinds if is_own else [kinds[number % len(kinds)]]
        every += [replace(cell, kind=kind) for kind in some]
    if situation == "continued":
        for cell, count in sorted(Counter(made).items()):
            kind_of = itertools.cycle(kinds)
            every += [replace(cell, kind=next(kind_of), only=number) for number in range(count) if count > 1]
    if cells.FULL:
        return every
    sample: list[Cell] = []
    met: set[object] = set()
    for cell in sorted(every, key=lambda one: cells.dice(f"{situation} {one}")):
        covers: set[object] = {(cell.step, cell.only is None), cell.is_of_facts}
        if situation == "first night":
            covers |= {(cell.step, cell.service == "s3"), cell.kind}
        if not covers <= met:
            met |= covers
            sample.append(cell)
    return sample


@pytest.mark.parametrize("situation", ["first night", "facts", "continued"])
def test_a_call_that_fails_costs_nothing_that_is_needed(
    run: Runner, monkeypatch: pytest.MonkeyPatch, situation: Situation
) -> None:
    """Each call in each invocation of a round."""
    told = begun(run, situation)
    undisturbed = Round(run)
    assert run(start=undisturbed, **told).status == "completed"
    found: list[str] = []
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    for cell in chosen(undisturbed.made, situation):
        told = begun(run, situation)
        before = run.contents()
        outcome = run(start=Round(run, cell), **told)
        found += [f"{cell}: {problem}" for problem in problems(run, cell, outcome, before)]
    assert not "\n".join(found)
