"""How the tasks of a cluster are read: those that run and those that stopped, by what they pulled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.errors import MissingError, SourceError
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage, UsageKind
from ecr_cleaner.usage.sources.ecs import tasks as ecs_tasks
from tests.aws_calls.consumers import (
    APP,
    ARN,
    CLUSTER,
    account,
    anywhere,
    defines,
    definition,
    tagged,
    undefined,
    written,
)
from tests.builders import ACCOUNT, HOST, REGION, digest

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

API = definition("api:42")
RUNNING, STOPPED = "RUNNING", "STOPPED"


def arn(name: str) -> str:
    """The ARN of a task."""
    return f"{ARN}:task/prod/{name}"


def task(*containers: dict[str, str], name: str = "1", by: str = API) -> dict[str, Any]:
    """A task as DescribeTasks tells it."""
    return {"taskArn": arn(name), "taskDefinitionArn": by, "containers": list(containers)}


MISSING = [{"arn": arn("1"), "reason": "MISSING"}]


def asked(status: str) -> dict[str, Any]:
    """How tasks are listed."""
    return {"cluster": CLUSTER, "desiredStatus": status, "maxResults": 100}


def listed(script: Script, *pages: list[str], status: str = RUNNING) -> None:
    """The tasks of a status are listed, by name."""
    arns = [[arn(name) for name in page] for page in pages or ([],)]
    script.pages("ecs", "list_tasks", "taskArns", *arns, **asked(status))


def described(script: Script, names: list[str], *tasks: dict[str, Any], failures: list[dict[str, str]] | None) -> None:
    """These tasks are asked for, and this is what ECS tells."""
    answer = {"tasks": list(tasks), "failures": failures or []}
    script.answer("ecs", "describe_tasks", answer, cluster=CLUSTER, tasks=[arn(name) for name in names])


def runs(script: Script, *tasks: dict[str, Any]) -> None:
    """There is one task, which runs; `tasks` is what is told of it."""
    listed(script, ["1"])
    described(script, ["1"], *tasks, failures=None)


def used(script: Script) -> list[Usage]:
    """What the tasks use."""
    return list(ecs_tasks.usages(account(script), CLUSTER))


def usage(reference: Reference, *, name: str = "1", status: str = "running") -> Usage:
    """A usage by a task."""
    return Usage(reference, "ecs", f"ecs task prod/{name} ({status}), task definition api:42", UsageKind.RUNNING)


@pytest.mark.parametrize("status", [RUNNING, STOPPED])
def test_a_task_uses_what_it_pulled_and_what_its_definition_names(script: Script, status: str) -> None:
    """By name and by digest, for a tag may have moved since; one that stopped may be started again.

    The digest of an image that is not called by ECR's name counts too: a proxy may stand before the registry.
    """
    if status == STOPPED:
        listed(script)
    listed(script, ["1"], status=status)
    pulled = {"image": tagged("v1"), "imageDigest": APP}
    described(script, ["1"], task(pulled, {"image": "nginx", "imageDigest": digest("nginx")}), failures=None)
    defines(script, API, tagged("v2"), "nginx")
    if status == RUNNING:
        listed(script, status=STOPPED)
    references = (written(), written(tag=None, of=APP), anywhere(digest("nginx")), written(tagged("v2"), "v2"))
    assert used(script) == [usage(reference, status=status.lower()) for reference in references]


def test_a_digest_that_was_written_is_one_usage(script: Script) -> None:
    """The agent repeats it; another one than the written is its platform's, and is used too."""
    text = f"{tagged('v1')}@{APP}"
    platform = digest("platform")
    runs(script, task({"image": text, "imageDigest": APP}, {"image": text, "imageDigest": platform}))
    defines(script, API)
    listed(script, status=STOPPED)
    once = usage(written(text, of=APP))
    assert used(script) == [once, once, usage(written(text, None, platform))]


@pytest.mark.parametrize("code", ["", "sha256:12", f"sha512:{APP.removeprefix('sha256:') * 2}"])
def test_a_digest_that_cannot_be_read_is_of_any_image_of_the_repository(script: Script, code: str) -> None:
    """It is not taken for an image that was not pulled yet."""
    runs(script, task({"image": tagged("v1"), "imageDigest": code}))
    defines(script, API)
    listed(script, status=STOPPED)
    (found,) = used(script)
    every = Reference(f"{HOST}/app:*", ACCOUNT, REGION, "app", breadth=ReferenceScope.REPOSITORY)
    assert found.reference == every
    assert found.problem.endswith("cannot be read: a digest is sha256:<64 hex digits>")


@pytest.mark.parametrize("containers", [{}, {"containers": []}, {"containers": [{"name": "api"}]}])
def test_a_task_of_which_no_container_is_known_uses_its_definition(script: Script, containers: dict[str, Any]) -> None:
    """It is about to start."""
    runs(script, {"taskArn": arn("1"), "taskDefinitionArn": API, **containers})
    defines(script, API, tagged("v1"))
    listed(script, status=STOPPED)
    assert used(script) == [usage(written())]


def test_a_task_without_definition_uses_what_it_pulled(script: Script) -> None:
    """It outlives its definition."""
    runs(script, task({"image": tagged("v1"), "imageDigest": APP}))
    undefined(script, API)
    listed(script, status=STOPPED)
    assert used(script) == [usage(written()), usage(written(tag=None, of=APP))]


@pytest.mark.parametrize(
    "containers",
    [[], [{"name": "api"}], [{"image": tagged("v1"), "imageDigest": APP}, {"name": "sidecar"}]],
    ids=["no container", "no image", "an image of one container only"],
)
@pytest.mark.parametrize("status", [RUNNING, STOPPED])
def test_a_task_without_definition_and_some_image_is_an_error(
    script: Script, containers: list[dict[str, str]], status: str
) -> None:
    """One of its containers runs, and nobody knows what."""
    if status == STOPPED:
        listed(script)
    listed(script, ["1"], status=status)
    described(script, ["1"], task(*containers), failures=None)
    undefined(script, API)
    listed(script, ["1"], status=status)
    message = (
        rf"^ecs task prod/1 \({status.lower()}\), task definition api:42: "
        "ECS knows neither its containers' images nor its task definition$"
    )
    with pytest.raises(SourceError, match=message):
        used(script)


@pytest.mark.parametrize("status", [RUNNING, STOPPED])
def test_tasks_are_read_page_by_page(script: Script, status: str) -> None:
    """What the second page's task pulled counts; both are described in one call."""
    if status == STOPPED:
        listed(script)
    listed(script, ["1"], ["2"], status=status)
    tasks = [task({"image": tagged(f"v{name}")}, name=name) for name in "12"]
    described(script, ["1", "2"], *tasks, failures=None)
    defines(script, API)
    if status == RUNNING:
        listed(script, status=STOPPED)
    references = [(name, written(tagged(f"v{name}"), f"v{name}")) for name in "12"]
    assert used(script) == [usage(reference, name=name, status=status.lower()) for name, reference in references]


def test_a_hundred_tasks_are_described_at_once(script: Script) -> None:
    """ECS refuses more."""
    names = [str(number) for number in range(101)]
    tasks = [task({"image": tagged(name)}, name=name) for name in names]
    listed(script, names)
    described(script, names[:100], *tasks[:100], failures=None)
    defines(script, API)
    described(script, names[100:], *tasks[100:], failures=None)
    listed(script, status=STOPPED)
    assert [found.reference.tag for found in used(script)] == names


def test_a_stopped_task_that_ecs_has_forgotten_is_passed_over(script: Script) -> None:
    """Between listing and describing; the others of the answer count."""
    listed(script)
    listed(script, ["1", "2"], status=STOPPED)
    described(script, ["1", "2"], task({"image": tagged("v1")}, name="2"), failures=MISSING)
    defines(script, API)
    assert used(script) == [usage(written(), name="2", status="stopped")]


def test_a_running_task_that_ecs_does_not_know_is_listed_again(script: Script) -> None:
    """If it is, it may run on, and nobody knows its image; if it has stopped meanwhile, it is read as that."""
    for left in (["2"], ["1", "2"]):
        listed(script, ["1", "2"])
        described(script, ["1", "2"], task({"image": tagged("v1")}, name="2"), failures=MISSING)
        defines(script, API)
        listed(script, left)
        if left == ["2"]:
            listed(script, ["1"], status=STOPPED)
            described(script, ["1"], task({"image": tagged("v2")}, name="1"), failures=None)
            assert used(script) == [usage(written(), name="2"), usage(written(tagged("v2"), "v2"), status="stopped")]
    with pytest.raises(MissingError, match=r"^DescribeTasks does not find 1, which is listed$"):
        used(script)


@pytest.mark.parametrize("status", [RUNNING, STOPPED])
@pytest.mark.parametrize("names", [["1"], ["1", "2"]])
def test_tasks_that_are_left_out_without_a_word_are_an_error(script: Script, status: str, names: list[str]) -> None:
    """Asked for and neither described nor called missing."""
    if status == STOPPED:
        listed(script)
    listed(script, names, status=status)
    told = [task({"image": "nginx"}, name=name) for name in names[1:]]
    described(script, names, *told, failures=None)
    message = f"^DescribeTasks described {len(told)} of {len(names)} and gave no reason for the rest$"
    with pytest.raises(SourceError, match=message):
        used(script)


def test_a_forgotten_task_does_not_stand_for_another(script: Script) -> None:
    """One is called missing, one is described, and of the third nothing is said."""
    listed(script)
    listed(script, ["1", "2", "3"], status=STOPPED)
    described(script, ["1", "2", "3"], task({"image": "nginx"}, name="2"), failures=MISSING)
    with pytest.raises(SourceError, match=r"^DescribeTasks described 1 of 3 and gave no reason for the rest$"):
        used(script)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"arn": arn("1"), "reason": "ACCESS_DENIED"}, rf"{arn('1')} \(ACCESS_DENIED\)"),
        ({"arn": arn("1")}, rf"{arn('1')} \(no reason given\)"),
        ({}, r"\? \(no reason given\)"),
    ],
)
def test_a_task_that_is_left_out_for_another_reason_is_an_error(
    script: Script, failure: dict[str, str], words: str
) -> None:
    """And named; the one that is only forgotten is not."""
    listed(script)
    listed(script, ["1", "2"], status=STOPPED)
    described(script, ["1", "2"], failures=[{"arn": arn("2"), "reason": "MISSING"}, failure])
    with pytest.raises(SourceError, match=f"^DescribeTasks left out {words}$"):
        used(script)


NOT_FOUND = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: not found"


def stops(script: Script, told: dict[str, Any]) -> None:
    """There is one task, which has stopped."""
    listed(script)
    listed(script, ["1"], status=STOPPED)
    described(script, ["1"], told, failures=None)
    defines(script, API)


@pytest.mark.parametrize(
    ("of_task", "of_container"),
    [
        ({"stopCode": "TaskFailedToStart", "stoppedReason": NOT_FOUND}, {}),
        ({"stoppedReason": "Task failed to start"}, {"reason": NOT_FOUND}),
        ({"stoppedReason": "Task failed to start"}, {"reason": "CannotPullImageManifestError: " + "x" * 400}),
    ],
    ids=["fargate", "ec2", "long"],
)
def test_a_task_that_could_not_pull_says_so(
    script: Script, of_task: dict[str, str], of_container: dict[str, str]
) -> None:
    """In ECS's own words, cut; of the task or of the container."""
    stops(script, task({"image": tagged("v1"), **of_container}) | of_task)
    said = of_container.get("reason", of_task["stoppedReason"])
    assert used(script) == [replace(usage(written(), status="stopped"), failure=said[:300])]


def test_what_was_pulled_did_not_fail(script: Script) -> None:
    """Another container of the task did."""
    pulled = {"image": tagged("v1"), "imageDigest": APP}
    stops(script, task(pulled, {"image": tagged("v2")}) | {"stoppedReason": NOT_FOUND})
    assert [(one.reference.tag, one.failure) for one in used(script)] == [("v1", ""), (None, ""), ("v2", NOT_FOUND)]


@pytest.mark.parametrize(
    "said",
    ["Essential container in task exited", "Scaling activity initiated by (deployment ecs-svc/1)", "CannotStartX"],
)
def test_a_task_that_stopped_otherwise_failed_for_nothing_here(script: Script, said: str) -> None:
    """Most tasks do."""
    stops(script, task({"image": tagged("v1"), "reason": said}) | {"stoppedReason": said})
    assert used(script) == [usage(written(), status="stopped")]
