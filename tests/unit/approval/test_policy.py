"""What each policy selects from the plans of a run, and what an application of a plan stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.policy import ApprovedPlan, NoApproval, PlanApplication, PlanProposal
from ecr_cleaner.errors import ApprovalError, HistoryError
from ecr_cleaner.model.plan import RemovalStatus
from ecr_cleaner.settings.loader import Settings
from tests.builders import ACCOUNT, NOW, REGION, digest
from tests.unit.approval.test_plan import made, repository_plan

if TYPE_CHECKING:
    from ecr_cleaner.approval.plan import PlanBinding, SavedPlan
    from ecr_cleaner.approval.store import PlanExecution, PlanStore

EXPIRES_AFTER: Final = timedelta(hours=5)


@dataclass
class Store:
    """A bucket of plans.

    Attributes:
        steps: What was done, in order.
        plans: Those that were written.
        error: What noting that a plan was carried out raises.
    """

    steps: list[str] = field(default_factory=list)
    plans: list[SavedPlan] = field(default_factory=list)
    error: Exception | None = None

    def write(self, plan: SavedPlan) -> None:
        """As the store has it."""
        self.plans.append(plan)

    def read(self, plan_id: str) -> SavedPlan:
        """As the store has it."""
        self.steps.append("read")
        (plan,) = [plan for plan in self.plans if plan.id == plan_id]
        return plan

    def begin(self, execution: PlanExecution) -> str:
        """As the store has it."""
        self.steps.append(execution.state)
        return "etag"

    def finish(self, execution: PlanExecution, etag: str) -> None:
        """As the store has it."""
        assert etag == "etag"
        if self.error:
            raise self.error
        self.steps.append(execution.state)


def application(store: Store, plan: SavedPlan, settings: Settings, *, here: bool = False) -> PlanApplication:
    """A plan that an operator sent; `here`: with all of it."""
    sent = plan if here else None
    return PlanApplication(cast("PlanStore", store), plan.id, "run-1", settings.dry_run, sent)


def bound(**more: Any) -> PlanBinding:
    """What a plan of a run with some settings is bound to."""
    return approval_plan.binding(ACCOUNT, REGION, "cleaner", real(**more))


def saved(settings: Settings) -> SavedPlan:
    """A plan that was made under some settings."""
    return made(repository_plan("api", "a", "b"), settings_sha256=settings.sha256)


def real(**more: Any) -> Settings:
    """Settings of a run that removes."""
    return Settings.model_validate({"dry_run": False} | more)


def test_without_approval_everything_is_selected() -> None:
    """And nothing waits."""
    plans = [repository_plan("api", "a"), repository_plan("web", "b")]
    selection = NoApproval().select(plans, bound(), NOW)
    assert selection.proposed is None
    assert [(one.plan, one.endings) for one in selection.permitted] == [(plan, ()) for plan in plans]


def test_what_has_to_be_approved_is_written_and_nothing_selected() -> None:
    """By the time that anybody looks at the selection, the plan is there."""
    store = Store()
    plans = [repository_plan("api", "a", "b", keep=("c",)), repository_plan("web", "d")]
    selection = PlanProposal(cast("PlanStore", store), EXPIRES_AFTER).select(plans, bound(), NOW)
    (plan,) = store.plans
    assert selection.proposed is plan
    assert (plan.images, (plan.expires_at - plan.created_at).total_seconds()) == (3, 5 * 3600)
    permitted = list(selection.permitted)
    assert [one.plan.verdicts for one in permitted] == [(), ()]
    assert [[ending.status for ending in one.endings] for one in permitted] == [
        [RemovalStatus.PROPOSED] * n for n in (2, 1)
    ]


def test_nothing_to_remove_is_no_plan() -> None:
    """Nobody is asked to approve of nothing."""
    store = Store()
    assert PlanProposal(cast("PlanStore", store), EXPIRES_AFTER).select([], bound(), NOW).proposed is None
    assert store.plans == []


def test_what_was_approved_is_selected_again_and_again() -> None:
    """The same from each fresh plan: selecting remembers nothing."""
    approved = ApprovedPlan(made(repository_plan("api", "a")))
    fresh = repository_plan("api", "a", "new")
    for _ in range(2):
        (permitted,) = approved.select([fresh], bound(), NOW).permitted
        assert [verdict.image.digest for verdict in permitted.plan.verdicts] == [digest("a")]
        assert [(e.verdict.image.digest, e.status) for e in permitted.endings] == [
            (digest("new"), RemovalStatus.NOT_IN_PLAN)
        ]
    (other,) = approved.select([repository_plan("web", "a")], bound(), NOW).permitted
    assert other.plan.verdicts == ()


@pytest.mark.parametrize(("here", "steps"), [(False, ["read", "begun"]), (True, ["begun"])])
def test_that_a_plan_is_carried_out_is_stored_before_and_after(*, here: bool, steps: list[str]) -> None:
    """One that was sent as a whole is not read."""
    settings = real()
    plan = saved(settings)
    store = Store(plans=[plan])
    sent = application(store, plan, settings, here=here)
    assert sent.begin(bound(), NOW) == ApprovedPlan(plan)
    assert store.steps == steps
    assert sent.finish() == []
    assert store.steps == [*steps, "done"]


def test_a_dry_run_stores_nothing_of_a_plan() -> None:
    """It can still be carried out."""
    settings = real(dry_run=True)
    plan = saved(settings)
    store = Store(plans=[plan])
    sent = application(store, plan, settings)
    sent.begin(bound(), NOW)
    assert sent.finish() == []
    assert store.steps == ["read"]


def test_a_plan_of_other_settings_is_not_begun() -> None:
    """It is held against what is here before anything is stored."""
    plan = saved(real())
    store = Store(plans=[plan])
    with pytest.raises(ApprovalError):
        application(store, plan, real()).begin(bound(plan_expiry_hours=5), NOW)
    assert store.steps == ["read"]


def test_that_the_end_cannot_be_stored_is_a_problem() -> None:
    """The images are removed by then, and the run says so."""
    settings = real()
    plan = saved(settings)
    sent = application(Store(plans=[plan], error=HistoryError("s3 is down")), plan, settings)
    sent.begin(bound(), NOW)
    (problem,) = sent.finish()
    assert plan.id in problem
    assert "s3 is down" in problem
