"""awslabs/ecr-cleanup-lambda: what its rules lose in an account, a run of ours on the same account keeps."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.aws import pacing
from tests.integration import accounts
from tests.prior_art import faulty
from tests.prior_art.listing import account, every_consumer_by_tag, hazard, left, named, service, with_control

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

pytestmark = pytest.mark.usefixtures("pair_deletes")

KEEP: Final = 1
"""How many of the newest images the tool is told to keep; each account has one that nothing else is about."""


@hazard("AL-1")
@pytest.mark.parametrize("variable", [None, "False", "FALSE"])
def test_nothing_goes_unless_a_person_says_so_exactly(run: Runner, sandbox: Sandbox, variable: str | None) -> None:
    """Without the variable, or with one that is almost the word, a run only tells."""
    with_control(run)
    assert faulty.deletes(variable)
    assert not faulty.deletes("true")
    environment = {"DEFAULT_KEEP_DAYS": "30"} | ({"DRY_RUN": variable} if variable else {})
    outcome = run(environment=environment)
    assert outcome.status == "completed"
    assert outcome.named("Found unused image, should be removed") == run.ids("unused")
    assert left(sandbox) == {"unused": {"unused"}}
    assert run(environment=environment | {"DRY_RUN": "false"}).status == "completed"
    assert left(sandbox) == {}


@hazard("AL-2")
def test_an_image_that_runs_by_digest_counts(run: Runner, sandbox: Sandbox) -> None:
    """With or without a tag beside the digest."""
    with_control(run)
    for name in ("by-tag", "by-digest", "by-both"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    sandbox.push("app", id="newest", tags=["newest"], pushed="1d")
    images = {
        "by-tag": "{registry}/app:by-tag",
        "by-digest": "{registry}/app@{by-digest}",
        "by-both": "{registry}/app:by-both@{by-both}",
    }
    tasks = [{"task_definition": f"{name}:1"} for name in images]
    definitions = {f"{name}:1": {"image": image} for name, image in images.items()}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"tasks": tasks}}}})
    lost = faulty.lost_by_running_tasks(account(sandbox), KEEP)
    assert named(sandbox, lost) == {"by-digest", "by-both", "unused"}
    assert run().status == "completed"
    assert set(left(sandbox)) == {"by-tag", "by-digest", "by-both", "newest"}


@hazard("AL-3")
def test_an_image_is_judged_with_all_its_tags(run: Runner, sandbox: Sandbox) -> None:
    """One tag that nothing needs costs an image neither itself nor that tag."""
    with_control(run)
    tags = {
        "release": ["rel-1"],
        "release-and-build": ["rel-2", "build-77"],
        "latest-and-build": ["latest", "build-78"],
    }
    for name, its in tags.items():
        sandbox.push("app", id=name, tags=its, pushed="90d")
        sandbox.seed(service(name, f"{{registry}}/app:{its[0]}", desired=0))
    sandbox.push("app", id="newest", tags=["newest"], pushed="1d")
    lost = faulty.lost_by_running_tasks(account(sandbox), KEEP, ignore="^rel-")
    assert named(sandbox, lost) == {"release-and-build", "latest-and-build", "unused"}
    assert run().status == "completed"
    assert left(sandbox) == {"newest": {"newest"}} | {name: set(its) for name, its in tags.items()}


@hazard("AL-4")
def test_an_untagged_image_goes_only_if_it_is_old_and_unused(run: Runner, sandbox: Sandbox) -> None:
    """CI may tag what it pushed a moment ago, and what runs may have lost its tag."""
    run.opted_in("app")
    sandbox.push("app", id="young", pushed="1m")
    sandbox.push("app", id="running", pushed="90d")
    sandbox.push("app", id="unused", pushed="90d")
    sandbox.push("app", id="newest", tags=["live"], pushed="1d")
    task = {"task_definition": "web:1", "digests": {"web": "{running}"}}
    definitions = {"web:1": {"image": "{registry}/app:live"}}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"tasks": [task]}}}})
    lost = faulty.lost_by_running_tasks(account(sandbox), KEEP)
    assert named(sandbox, lost) == {"young", "running", "unused"}
    assert run().status == "completed"
    assert set(left(sandbox)) == {"young", "running", "newest"}


@hazard("AL-5")
def test_what_does_not_run_at_this_moment_counts(run: Runner, sandbox: Sandbox) -> None:
    """Services at zero, deployments, schedules, functions and App Runner, each with an image of its own."""
    every_consumer_by_tag(sandbox)
    sandbox.push("app", id="newest", tags=["newest"], pushed="1d")
    lost = faulty.lost_by_running_tasks(account(sandbox), KEEP)
    assert named(sandbox, lost) == {*accounts.IN_APP, "unused"} - {"running"}
    assert run().status == "completed"
    assert set(left(sandbox)) == {*accounts.IN_APP, "newest"}


@hazard("AL-6")
def test_a_task_definition_is_read_once_and_every_call_is_paced(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tasks were started from it, so that nobody else's deployment is throttled."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    sandbox.seed({"ecs": {"clusters": {"prod": {"tasks": [{"task_definition": "web:1", "count": 120}]}}}})
    theirs = faulty.definitions_read(account(sandbox))
    paced: list[tuple[str, str]] = []
    monkeypatch.setattr(pacing.Pacer, "wait", lambda _, *call: paced.append(call))
    sandbox.throttle("ecs", "DescribeTaskDefinition", burst=10, refill=1)
    sandbox.clear_calls()
    assert run().status == "completed"
    assert left(sandbox) == {"used": {"v1"}}
    made = Counter((call.service, call.operation) for call in sandbox.calls)
    assert made["ecs", "DescribeTaskDefinition"] <= 2, "by its ARN, and perhaps as the newest of its family beside it"
    ecs = {call: number for call, number in made.items() if call[0] == "ecs"}
    assert {call: number for call, number in Counter(paced).items() if call[0] == "ecs"} == ecs

    assert len(theirs) == 120

    def task_by_task() -> None:
        for arn in theirs:
            sandbox.client("ecs").describe_task_definition(taskDefinition=arn)

    with pytest.raises(ClientError, match="ThrottlingException"):
        task_by_task()
