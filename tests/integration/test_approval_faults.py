"""Whatever goes wrong with a call about a plan: nothing goes that should not, and what is left to do can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.aws import client
from tests.fake_aws import Fault
from tests.integration import cells
from tests.integration.runner import Context
from tests.integration.test_approval import Approving, approving, registry

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.fake_aws.faults import Kind
    from tests.integration.runner import Outcome, Runner

__all__ = ["approving", "registry"]

KINDS: Final[tuple[Kind, ...]] = (
    cells.HARD if cells.FULL else ("access_denied", "unavailable", "lost_answer", "cut_short", "missing_member")
)
HIDDEN: Final[tuple[Kind, ...]] = ("lost_answer", *cells.TOOK_EFFECT)
"""The write took effect, and nobody knows."""

# A PutObject's answer has no body, and its ETag is a header: what is cut short there is nothing.
BODILESS: Final[tuple[Kind, ...]] = ("cut_short", "malformed", "missing_member")


def spoil(approving: Approving, operation: str, key: str, kind: Kind, **more: int) -> None:
    """Let calls about one object fail."""
    where = {"Key": f"{approving.prefix}{key}"}
    approving.run.sandbox.inject(
        Fault(
            service="s3",
            operation=operation,
            kind=kind,
            where=where,
            after=more.get("after", 0),
            times=more.get("times"),
        )
    )


def spoil_write_of_plan(sandbox: Sandbox, kind: Kind, times: int | None = None) -> None:
    """Let the last write of a night like the recorded one fail: nobody knows the plan's key beforehand."""
    made = sum(call.operation == "PutObject" for call in sandbox.calls)
    sandbox.inject(Fault(service="s3", operation="PutObject", kind=kind, after=made - 1, times=times))


@pytest.fixture(autouse=True)
def _one_try(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    del run  # which sets it too
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)


def test_a_night_makes_the_calls_that_are_spoiled_here(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """So that none is left out: three about a plan when it is sent, one when it is written."""
    sandbox.clear_calls()
    plan_id = approving.proposed()
    assert about_plans(approving) == [("PutObject", f"{plan_id}.json")]
    sandbox.clear_calls()
    assert approving.send(plan_id).gone == registry
    assert about_plans(approving) == [
        ("GetObject", f"{plan_id}.json"),
        ("PutObject", f"{plan_id}.applied.json"),
        ("PutObject", f"{plan_id}.applied.json"),
    ]


def about_plans(approving: Approving) -> list[tuple[str, str]]:
    """What S3 was asked about plans."""
    found = [(call.operation, str(call.parameters.get("Key"))) for call in approving.run.sandbox.calls]
    return [(name, key.removeprefix(approving.prefix)) for name, key in found if key.startswith(approving.prefix)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("registry")
def test_a_plan_that_cannot_be_written_is_none(approving: Approving, sandbox: Sandbox, kind: Kind) -> None:
    """The run is refused and names the object; nobody is told of a plan that may not be there."""
    approving.proposed()  # a history begins
    sandbox.clear_calls()
    approving.proposed()
    sandbox.push("api", tags=["late"], pushed="200d")  # within the same second the same plan is there already
    spoil_write_of_plan(sandbox, kind)
    outcome = approving.night()
    sandbox.clear_faults()
    assert outcome.gone == {}
    assert ("ecr", "BatchDeleteImage") not in approving.run.asked()
    if outcome.status == "completed":
        assert kind in BODILESS
        assert approving.document(outcome.told["plan"]["id"])
    else:
        assert (outcome.status, outcome.told["plan"]) == ("refused", None)
        assert f"{approving.prefix}" in outcome.causes


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in BODILESS] + ["cut_short"])
def test_a_plan_that_cannot_be_read_is_not_carried_out(
    approving: Approving, registry: dict[str, set[str]], kind: Kind
) -> None:
    """And can be once it can be read."""
    plan_id = approving.proposed()
    spoil(approving, "GetObject", f"{plan_id}.json", kind)
    outcome = approving.send(plan_id)
    approving.run.sandbox.clear_faults()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"{plan_id}.json" in outcome.causes
    assert approving.send(plan_id).gone == registry


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_that_cannot_be_marked_is_not_carried_out(
    approving: Approving, registry: dict[str, set[str]], kind: Kind
) -> None:
    """Whether the mark was written or not, the same id may be sent again."""
    plan_id = approving.proposed()
    spoil(approving, "PutObject", f"{plan_id}.applied.json", kind)
    outcome = approving.send(plan_id)
    approving.run.sandbox.clear_faults()
    if outcome.status == "completed":
        assert kind in BODILESS
        assert outcome.gone == registry
        return
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"{plan_id}.applied.json" in outcome.causes
    assert approving.send(plan_id).gone == registry


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_whose_end_cannot_be_marked_was_carried_out_all_the_same(
    approving: Approving, registry: dict[str, set[str]], kind: Kind
) -> None:
    """The run fails and says so; sent again, there is nothing more to do."""
    plan_id = approving.proposed()
    spoil(approving, "PutObject", f"{plan_id}.applied.json", kind, after=1)
    outcome = approving.send(plan_id)
    approving.run.sandbox.clear_faults()
    assert outcome.gone == registry
    if outcome.status == "completed":
        assert kind in BODILESS
        return
    assert outcome.status == "failed"
    assert "it could not be stored that plan" in outcome.causes
    again = approving.send(plan_id)
    assert again.gone == {}
    assert again.status == ("refused" if kind in HIDDEN else "completed")


@pytest.mark.parametrize("kind", ["lost_answer", "unavailable", "throttled", "reset"])
def test_what_passes_by_itself_is_tried_again(
    approving: Approving, registry: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """Also a write that took effect although its answer was lost: the plan is the same, the mark is one's own."""
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 2)
    sandbox = approving.run.sandbox
    approving.proposed()
    sandbox.clear_calls()
    approving.proposed()
    sandbox.push("api", id="late", tags=["late"], pushed="200d")
    registry["api"] |= approving.run.ids("late")
    spoil_write_of_plan(sandbox, kind, times=1)
    plan_id = approving.proposed()
    sandbox.clear_faults()
    spoil(approving, "GetObject", f"{plan_id}.json", kind, times=1)
    spoil(approving, "PutObject", f"{plan_id}.applied.json", kind, times=1)
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.causes, outcome.gone) == ("completed", "", registry)
    sandbox.clear_faults()
    assert approving.send(plan_id).status == "refused"


@pytest.mark.parametrize("kind", ["lost_answer", "unavailable"])
def test_the_last_mark_is_tried_again(
    approving: Approving, registry: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """Its own first try is recognised."""
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 2)
    plan_id = approving.proposed()
    spoil(approving, "PutObject", f"{plan_id}.applied.json", kind, after=1, times=1)
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.causes, outcome.gone) == ("completed", "", registry)


def test_a_plan_that_is_too_late_to_begin_stays_to_be_sent(approving: Approving, registry: dict[str, set[str]]) -> None:
    """Time that runs out before the removal, and in the middle of it."""
    approving.run.workers = 1
    plan_id = approving.proposed()
    outcome = _late(approving, plan_id, "s3", "GetObject")
    assert (outcome.status, outcome.gone) == ("incomplete", {})
    halfway = _late(approving, plan_id, "ecr", "BatchDeleteImage")
    assert (halfway.status, halfway.gone) == ("incomplete", {"api": registry["api"]})
    assert approving.send(plan_id).gone == {"web": registry["web"]}
    assert approving.send(plan_id).status == "refused"


def _late(approving: Approving, plan_id: str, service: str, operation: str) -> Outcome:
    context = Context()
    approving.run.sandbox.after(service, operation, lambda _: setattr(context, "seconds", 5))
    outcome = approving.send(plan_id, context=context)
    approving.run.sandbox.clear_callbacks()
    return outcome
