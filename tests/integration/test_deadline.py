"""Lambda ends a run after 15 minutes: nothing is begun that cannot be ended, and what is left is said."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ecr_cleaner.clock import utc_now
from ecr_cleaner.usage import scanner
from tests.builders import ACCOUNT
from tests.integration.runner import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.fake_aws.recorder import Call
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner


@pytest.fixture(autouse=True)
def _one_after_the_other(run: Runner) -> None:
    """Time passes by calls."""
    run.workers = 1


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
    assert {call.service for call in sandbox.calls} == {"ecr", "resourcegroupstaggingapi"}
    assert outcome.told["deferred"] == ["app"]


def test_a_scan_that_takes_too_long_is_cut_short(run: Runner, sandbox: Sandbox) -> None:
    """Half of the usages protect half of the images: nothing is removed, and no source is blamed."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    outcome = run(context=late(sandbox, "ecs", "ListClusters"))
    assert (outcome.status, outcome.gone) == ("incomplete", {})
    assert "time ran out before" in outcome.causes
    assert "source " not in outcome.causes


@pytest.mark.parametrize(("seconds", "status"), [(650, "refused"), (850, "incomplete")])
def test_the_source_that_takes_too_long_is_named(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seconds: int, status: str
) -> None:
    """Whether its usages are out of date by then, or no time is left for those of the others."""
    monkeypatch.setattr(scanner, "WORKERS", 1)  # what takes its time beside others is not told from what waits for it
    context = Context()
    run.clock = lambda: utc_now() + timedelta(seconds=900 - context.seconds)
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.after("apprunner", "ListServices", lambda _: setattr(context, "seconds", context.seconds - seconds))
    outcome = run(context=context)
    assert (outcome.status, outcome.gone) == (status, {})
    named = rf"; the slowest sources: apprunner in {ACCOUNT}/us-east-1 \({seconds} s, 1 calls\)"
    assert re.search(named, outcome.causes), outcome.causes


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


def signed(run: Runner, sandbox: Sandbox, count: int) -> dict[str, set[str]]:
    """Old images with a signature of yesterday each; returns the digests that go together, by the name of the image."""
    run.opted_in("app")
    for number in range(count):
        sandbox.push("app", id=f"i{number}", tags=[f"v{number}"], pushed=f"{90 + number}d")
        sandbox.push("app", id=f"i{number}-signature", kind="signature", subject=f"i{number}", pushed="1d")
    return {f"i{number}": run.ids(f"i{number}", f"i{number}-signature") for number in range(count)}


def spend(sandbox: Sandbox, context: Context, **seconds: float) -> None:
    """Let every call of an operation of ECR take so long."""
    for operation, each in seconds.items():

        def pass_time(_: object, each: float = each) -> None:
            context.seconds -= each

        sandbox.after("ecr", operation, pass_time, lasting=True)


@pytest.mark.parametrize("seconds", range(95, 200, 5))
def test_no_signature_is_left_without_its_image(run: Runner, sandbox: Sandbox, seconds: int) -> None:
    """However much time is left when the removal begins: an image and its signatures go together or stay together."""
    together = signed(run, sandbox, 4)
    context = Context(seconds=seconds)
    spend(sandbox, context, BatchDeleteImage=14)
    outcome = run(context=context)
    gone = outcome.gone.get("app", set())
    assert all(group <= gone or not group & gone for group in together.values())
    assert outcome.status == ("completed" if len(gone) == 8 else "incomplete")
    assert (
        outcome.named("Image deferred to the next run")
        == run.ids(*together, *(f"{i}-signature" for i in together)) - gone
    )
    sandbox.clear_callbacks()
    assert run().status == "completed"
    assert sandbox.images("app") == []


def test_a_backlog_of_signed_images_goes_over_several_nights(run: Runner, sandbox: Sandbox) -> None:
    """Where each batch is slow, whole images go every night, the oldest first, until nothing is left."""
    together = signed(run, sandbox, 230)
    nights = []
    while sandbox.images("app"):
        context = Context(seconds=400)
        sandbox.clear_callbacks()
        spend(sandbox, context, BatchDeleteImage=70)
        outcome = run(context=context)
        gone = outcome.gone.get("app", set())
        assert all(group <= gone or not group & gone for group in together.values())
        nights.append((outcome.status, len(gone)))
    assert nights == [("incomplete", 400), ("completed", 60)]


def test_more_repositories_than_one_night_can_judge_are_cleaned_in_several(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """With a day of grace: each was found unneeded by one run, and goes by a later one."""
    for number in range(40):
        run.opted_in(f"r{number:02}")
        sandbox.push(f"r{number:02}", id=f"old{number}", tags=["old"], pushed="400d")
    nights: list[int] = []
    context = Context()
    run.clock = lambda: utc_now() + timedelta(seconds=900 - context.seconds)
    while sum(nights) < 40:
        context.seconds = 900.0
        sandbox.clear_callbacks()
        spend(sandbox, context, DescribeImages=25)
        outcome = night(context=context, grace_days=1)
        assert outcome.status == "incomplete"
        nights.append(sum(len(gone) for gone in outcome.gone.values()))
        assert sum(nights) or len(nights) < 3, "nothing went in three nights"
        assert len(nights) < 15
        past.passes(days=1)


def test_a_repository_that_takes_very_long_is_judged_in_a_night_of_its_own(
    run: Runner, sandbox: Sandbox, night: Callable[..., Outcome]
) -> None:
    """It would take the time in which the others are cleaned, night after night."""
    context = Context()
    run.clock = lambda: utc_now() + timedelta(seconds=900 - context.seconds)
    for name in ("r1", "r2", "r3", "r4", "zz"):
        run.opted_in(name)
        sandbox.push(name, id=name, kind="index", platforms=["linux/amd64"], tags=["old"], pushed="400d")
    nights = []
    for _ in range(2):
        context.seconds = 900.0
        sandbox.clear_callbacks()
        read: set[tuple[str, str]] = set()

        def judge(call: Call, read: set[tuple[str, str]] = read) -> None:
            name = call.parameters["repositoryName"]
            if (name, call.operation) not in read:
                read.add((name, call.operation))
                context.seconds -= 260 if name == "zz" else 40

        for operation in ("DescribeImages", "BatchGetImage"):
            sandbox.after("ecr", operation, judge, lasting=True)
        nights.append(set(night(context=context).gone))
    assert nights == [{"r1", "r2", "r3", "r4"}, {"zz"}]


def test_what_was_judged_and_had_to_wait_comes_first_in_the_next_run(
    run: Runner, sandbox: Sandbox, night: Callable[..., Outcome]
) -> None:
    """Or it would be judged every night and never go; what was judged first had its time."""
    context = Context()
    run.clock = lambda: utc_now() + timedelta(seconds=900 - context.seconds)
    for name in ("r1", "r2", "r3", "r4"):
        run.opted_in(name)
        for number in range(101 if name == "r1" else 1):
            sandbox.push(name, id=f"{name}{number}", tags=[f"v{number}"], pushed=f"{400 + number}d")
    nights = []
    for _ in range(4):
        context.seconds = 400.0
        sandbox.clear_callbacks()
        spend(sandbox, context, DescribeImages=1, BatchDeleteImage=320)
        nights.append("".join(sorted(night(context=context).gone)))
    assert nights == ["r1", "r2", "r3", "r4"]


def test_a_use_is_remembered_though_there_was_no_time_to_judge_its_repository(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Or an image would go that the run of yesterday saw in use."""
    for name in ("aaa", "app"):
        run.opted_in(name)
        sandbox.push(name, id=name, tags=["v1"], pushed="90d")
    assert night(grace_days=2).gone == {}
    past.passes(days=1)
    context = Context()
    sandbox.after("ecr", "DescribeImages", lambda _: setattr(context, "seconds", 140), lasting=True)
    settings = {"grace_days": 2, "protected_images": ["app:v1"], "max_removals_per_run": 99}
    assert night(context=context, **settings).told["deferred"] == ["app"]
    sandbox.clear_callbacks()
    past.passes(days=1)
    outcome = night(grace_days=2)
    assert outcome.gone == {"aaa": run.ids("aaa")}
    assert outcome.kept()[sandbox.digest("app")][0] == "recently_in_use"
