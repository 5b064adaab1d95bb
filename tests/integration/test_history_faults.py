"""Whatever goes wrong with a call about the history: nothing goes, and the next run cleans as ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.aws import client
from tests.fake_aws import Fault
from tests.integration import cells
from tests.integration.past import MARKER
from tests.integration.test_history import STATE, shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.fake_aws.faults import Kind
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

# A write has no body in its answer: spoiling that spoils nothing.
HARMLESS: Final = {("PutObject", kind) for kind in cells.TOOK_EFFECT}


@pytest.mark.parametrize("first", [True, False], ids=["first run", "later run"])
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_a_call_that_fails_removes_nothing(
    run: Runner,
    sandbox: Sandbox,
    past: Past,
    night: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
    *,
    operation: str,
    first: bool,
) -> None:
    """Each call of a run, in every way (a sample: every way once); afterwards the account is cleaned as ever."""
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    shop(run, sandbox)
    if not first:
        night(dry_run=True)
    before = past.read(MARKER)
    sandbox.clear_calls()
    night(dry_run=True)
    calls = sum(call.operation == operation for call in sandbox.calls)
    assert calls >= 2
    kinds = [kind for kind in cells.HARD if (operation, kind) not in HARMLESS]
    assert calls <= len(kinds)
    for number in range(calls):
        for kind in kinds if cells.FULL else kinds[number::calls]:
            past.write(MARKER, before)
            sandbox.inject(Fault(service="s3", operation=operation, kind=kind, after=number, times=1))
            outcome = night()
            sandbox.clear_faults()
            assert (outcome.gone, outcome.named("Removed unused image")) == ({}, set()), (number, kind)
            assert outcome.status in {"refused", "failed"}, (number, kind)
            assert operation in outcome.causes or "s3://" in outcome.causes, (number, kind)
    assert night().gone == {"app": run.ids("two")}


@pytest.mark.parametrize("kind", ["throttled", "internal_error", "reset", "unavailable", "lost_answer"])
def test_what_passes_by_itself_is_tried_again(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], kind: Kind
) -> None:
    """A write that took effect although its answer got lost meets itself, and that is no failure."""
    shop(run, sandbox)
    number = {"GetObject": 2, "PutObject": 4}
    for operation, calls in number.items():
        for after in range(0, 2 * calls, 2):
            sandbox.inject(Fault(service="s3", operation=operation, kind=kind, after=after, times=1))
    outcome = night()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("two")}
    assert past.content(STATE)["repositories"] == ["app"]
