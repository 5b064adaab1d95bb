"""Lambda ends a run after 15 minutes: nothing is begun that cannot be ended, and what is left is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.runner import Context

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner


def late(sandbox: Sandbox, service: str, operation: str) -> Context:
    """A context in which almost no time is left as soon as a call was made."""
    context = Context()
    sandbox.after(service, operation, lambda _: setattr(context, "seconds", 5))
    return context


@pytest.mark.parametrize("operation", ["DescribeRegistry", "DescribeRepositories", "ListTagsForResource"])
def test_repositories_are_not_looked_at_out_of_time(run: Runner, sandbox: Sandbox, operation: str) -> None:
    """However many there are: the run ends with a report instead of being killed."""
    for number in range(40):
        run.opted_in(f"app{number}")
    sandbox.clear_calls()
    outcome = run(context=late(sandbox, "ecr", operation))
    assert outcome.status == "incomplete"
    assert "time ran out before" in outcome.causes
    assert len([call for call in sandbox.calls if call.operation == "ListTagsForResource"]) < 20


def test_no_scan_is_begun_out_of_time(run: Runner, sandbox: Sandbox) -> None:
    """Nor are the images of the other repositories listed."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.clear_calls()
    outcome = run(context=late(sandbox, "ecr", "DescribeImages"))
    assert (outcome.status, outcome.gone) == ("incomplete", {})
    assert {call.service for call in sandbox.calls} == {"ecr"}
    assert outcome.told["deferred"] == ["app"]


def test_a_scan_that_takes_too_long_is_cut_short(run: Runner, sandbox: Sandbox) -> None:
    """Half of the usages protect half of the images: nothing is removed, and no source is blamed."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    outcome = run(context=late(sandbox, "ecs", "ListClusters"))
    assert (outcome.status, outcome.gone) == ("incomplete", {})
    assert "time ran out before" in outcome.causes
    assert "source " not in outcome.causes


def test_what_is_left_is_named(run: Runner, sandbox: Sandbox) -> None:
    """Image by image, so that nobody has to guess what the next run begins with."""
    run.opted_in("app")
    for number in range(120):
        sandbox.push("app", id=f"i{number}", tags=[f"v{number}"], pushed="90d")
    outcome = run(context=late(sandbox, "ecr", "BatchDeleteImage"))
    assert outcome.status == "incomplete"
    left = outcome.named("Image deferred to the next run")
    assert len(left) == 20
    assert left.isdisjoint(outcome.gone["app"])
    assert outcome.repositories["app"]["deferred"] == 20
