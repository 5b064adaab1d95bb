"""What a run says of a plan that it carried out."""

from __future__ import annotations

from ecr_cleaner.approval.policy import ApprovedPlan
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus
from ecr_cleaner.run.application import ApplicationState
from tests.builders import digest
from tests.unit.approval.test_plan import made, repository_plan


def test_what_was_not_evaluated_is_retained_with_the_reason() -> None:
    """But what was permitted before ends by itself."""
    plan = made(*(repository_plan(name, "a", "b") for name in ("failed", "fine", "other")))
    results = {
        "fine": RepositoryResult("fine"),
        "failed": RepositoryResult("failed", RepositoryStatus.FAILED, "denied"),
    }
    state = ApplicationState(ApprovedPlan(plan))
    state.add_permitted(repository_plan("failed", "a"))
    state.end(results)
    found = state.summary().stays.values()
    assert {(one.repository, one.digest, one.reason, one.detail) for one in found} == {
        ("failed", digest("b"), "failed", "denied"),
        ("other", digest("a"), "not_opted_in", "the repository did not opt in, or does not exist"),
        ("other", digest("b"), "not_opted_in", "the repository did not opt in, or does not exist"),
    }
