"""How Batch is read: active definitions, and unfinished jobs of every queue in the order of their lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, MissingError, SourceError
from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources import batch
from tests.aws_calls.consumers import account, tagged, written
from tests.builders import ACCOUNT, HOST, REGION

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

DEFINITIONS: Final = {"status": "ACTIVE", "maxResults": 100}
QUEUES: Final = {"maxResults": 100}
QUEUE: Final = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/nightly"
STATUSES: Final = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "RUNNABLE")
SERVICE_STATUSES: Final = ("SUBMITTED", "PENDING", "RUNNABLE", "SCHEDULED", "STARTING", "RUNNING", "RUNNABLE")
ONE: Final[dict[str, Any]] = {"container": {"image": tagged("v1")}}


def definition(properties: dict[str, Any], name: str = "train", revision: int = 3) -> dict[str, Any]:
    """A definition as it is described."""
    arn = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/{name}:{revision}"
    return {
        "jobDefinitionName": name,
        "jobDefinitionArn": arn,
        "revision": revision,
        "type": "container",
        **properties,
    }


def queue(arn: str = QUEUE, **more: Any) -> dict[str, Any]:
    """A queue as it is described."""
    name = arn.rpartition("/")[2]
    return {
        "jobQueueName": name,
        "jobQueueArn": arn,
        "state": "ENABLED",
        "priority": 1,
        "computeEnvironmentOrder": [],
        **more,
    }


def job(properties: dict[str, Any], identity: str = "j1") -> dict[str, Any]:
    """A job as it is described."""
    told = {"jobQueue": QUEUE, "status": "RUNNING", "startedAt": 0, "jobDefinition": "train:3"}
    return {"jobName": "fit", "jobId": identity, **told, **properties}


def summary(identity: str = "j1") -> dict[str, Any]:
    """A job as it is listed."""
    return {"jobId": identity, "jobName": "fit"}


def defines(script: Script, *definitions: dict[str, Any]) -> None:
    """The active definitions, on one page."""
    script.pages("batch", "describe_job_definitions", "jobDefinitions", list(definitions), **DEFINITIONS)


def has(script: Script, *queues: dict[str, Any]) -> None:
    """The queues, on one page; without any definition."""
    defines(script)
    script.pages("batch", "describe_job_queues", "jobQueues", list(queues), **QUEUES)


def lists(script: Script, arn: str = QUEUE, /, **jobs: list[str]) -> None:
    """The jobs of a queue by status; those in RUNNABLE are met twice."""
    for status in STATUSES:
        found = [summary(identity) for identity in jobs.get(status, [])]
        script.answer("batch", "list_jobs", {"jobSummaryList": found}, jobQueue=arn, jobStatus=status)


def used(script: Script) -> list[Usage]:
    """What Batch uses."""
    return list(batch.collect(account(script)))


def of_definition(reference: Reference) -> Usage:
    """A usage by the definition."""
    return Usage(reference, "batch", "batch job definition train:3")


def of_job(reference: Reference, identity: str = "j1") -> Usage:
    """A usage by a job."""
    return Usage(reference, "batch", f"batch job fit ({identity})", UsageKind.RUNNING)


def places(image: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Each place of an image that a definition has beside its own container."""
    pod = {"name": "main", **image}
    several: dict[str, dict[str, Any]] = {
        "tasks": {"ecsProperties": {"taskProperties": [{"containers": [image]}]}},
        "pod": {"eksProperties": {"podProperties": {"containers": [pod]}}},
        "pod before": {"eksProperties": {"podProperties": {"initContainers": [pod]}}},
    }
    ranged = {"container": image}, *several.values()
    nodes = [{"targetNodes": str(number), **one} for number, one in enumerate(ranged)]
    return several | {
        f"node {number}": {"nodeProperties": {"numNodes": 1, "mainNode": 0, "nodeRangeProperties": [node]}}
        for number, node in enumerate(nodes)
    }


PLACES: Final = [pytest.param(told, id=name) for name, told in places({"image": tagged("v1")}).items()]


def test_without_anything_nothing_is_used(script: Script) -> None:
    """An answer all the same."""
    has(script)
    assert used(script) == []


@pytest.mark.parametrize("told", [{"containerProperties": {"image": tagged("v1")}}, *PLACES])
def test_a_definition_uses_its_images(script: Script, told: dict[str, Any]) -> None:
    """In whichever place it names them."""
    defines(script, definition(told))
    script.pages("batch", "describe_job_queues", "jobQueues", [], **QUEUES)
    assert used(script) == [of_definition(written())]


@pytest.mark.parametrize("told", [ONE, *PLACES])
@pytest.mark.parametrize("status", dict.fromkeys(STATUSES))
def test_an_unfinished_job_uses_its_images(script: Script, status: str, told: dict[str, Any]) -> None:
    """In each status but the last two, and once, however often it is listed."""
    has(script, queue())
    lists(script, **{status: ["j1"]})
    script.answer("batch", "describe_jobs", {"jobs": [job(told)]}, jobs=["j1"])
    assert used(script) == [of_job(written())]


def test_variables_and_commands_may_name_images(script: Script) -> None:
    """With the tag in a variable beside the repository, too; an attempt that has ended needs none."""
    properties: dict[str, Any] = {
        "image": "nginx",
        "command": ["start", f"--image={tagged('v1')}"],
        "environment": [{"name": "IMAGE_REPO", "value": f"{HOST}/app"}, {"name": "IMAGE_TAG", "value": "v2"}],
    }
    defines(script, definition({"containerProperties": properties}))
    script.pages("batch", "describe_job_queues", "jobQueues", [queue()], **QUEUES)
    lists(script, RUNNING=["j1"])
    running = {"image": "nginx", "reason": f"CannotPull {tagged('v8')}", "environment": properties["environment"]}
    told = job({"container": running, "attempts": [{"container": {"reason": f"CannotPull {tagged('v9')}"}}]})
    script.answer("batch", "describe_jobs", {"jobs": [told]}, jobs=["j1"])
    found = [(one.consumer, one.reference.tag, one.in_text) for one in used(script)]
    of_definition, of_job = "batch job definition train:3", "batch job fit (j1)"
    assert found == [(of_definition, "v1", True), (of_definition, "v2", True), (of_job, "v2", True)]


def test_definitions_queues_and_jobs_are_read_page_by_page(script: Script) -> None:
    """What stands on the second page of each counts."""
    first, second = (definition({"containerProperties": {"image": text}}) for text in ("nginx", tagged("v1")))
    script.pages("batch", "describe_job_definitions", "jobDefinitions", [first], [second], **DEFINITIONS)
    other = f"{QUEUE}-too"
    script.pages("batch", "describe_job_queues", "jobQueues", [queue()], [queue(other)], **QUEUES)
    lists(script)
    for status in STATUSES:
        pages = ([summary("j1")], [summary("j2")]) if status == "RUNNING" else ([],)
        script.pages("batch", "list_jobs", "jobSummaryList", *pages, jobQueue=other, jobStatus=status)
    script.answer("batch", "describe_jobs", {"jobs": [job(ONE), job(ONE, "j2")]}, jobs=["j1", "j2"])
    assert used(script) == [of_definition(written()), of_job(written()), of_job(written(), "j2")]


def test_a_hundred_jobs_are_described_at_once(script: Script) -> None:
    """More Batch refuses."""
    ids = [f"j{number:03}" for number in range(101)]
    has(script, queue())
    lists(script, RUNNING=ids)
    for asked in (ids[:100], ids[100:]):
        script.answer("batch", "describe_jobs", {"jobs": [job(ONE, one) for one in asked]}, jobs=asked)
    assert len(used(script)) == 101


def serves(script: Script, status: str, **told: str) -> None:
    """A queue has one service job in this status, and is asked for nothing else."""
    has(script, queue(jobQueueType="SAGEMAKER_TRAINING"))
    kind = {"serviceJobType": "SAGEMAKER_TRAINING"}
    for each in SERVICE_STATUSES:
        asked = {"jobQueue": QUEUE, "jobStatus": each, "maxResults": 100}
        found = [summary() | kind] if each == status else []
        script.answer("batch", "list_service_jobs", {"jobSummaryList": found}, **asked)
    answer = {key: value for key, value in job(kind | told).items() if key != "jobDefinition"}
    script.answer("batch", "describe_service_job", answer, jobId="j1")


@pytest.mark.parametrize("status", dict.fromkeys(SERVICE_STATUSES))
def test_a_job_for_sagemaker_uses_what_its_request_names(script: Script, status: str) -> None:
    """Until its turn comes, only Batch knows it."""
    request = {"AlgorithmSpecification": {"TrainingImage": tagged("v1")}}
    serves(script, status, serviceRequestPayload=json.dumps(request))
    assert used(script) == [Usage(written(), "batch", "batch service job fit (j1)", UsageKind.RUNNING)]


def test_a_job_for_sagemaker_without_its_request_is_no_answer(script: Script) -> None:
    """It does not say that it needs no image."""
    serves(script, "SCHEDULED")
    with pytest.raises(
        IncompleteAnswerError,
        match="Incomplete response from DescribeServiceJob: field 'serviceRequestPayload' is missing",
    ):
        used(script)


def test_a_definition_that_names_no_image_is_an_error(script: Script) -> None:
    """It names one in a way that is not known here."""
    defines(script, definition({"containerProperties": {}}))
    with pytest.raises(SourceError, match=r"^batch job definition train:3 names no image where one can be expected$"):
        used(script)


def test_a_job_that_names_no_image_is_an_error(script: Script) -> None:
    """Not even a parent of many."""
    has(script, queue())
    lists(script, PENDING=["j1"])
    script.answer("batch", "describe_jobs", {"jobs": [job({"arrayProperties": {"size": 2}})]}, jobs=["j1"])
    with pytest.raises(SourceError, match=r"^batch job fit \(j1\) names no image"):
        used(script)


def test_a_job_that_is_left_out_is_listed_again(script: Script) -> None:
    """Jobs are described for days after their end, so one in the second listing is an error."""
    for left in (["j1"], ["j1", "j2"]):
        has(script, queue())
        lists(script, RUNNING=["j1", "j2"])
        script.answer("batch", "describe_jobs", {"jobs": [job(ONE)]}, jobs=["j1", "j2"])
        lists(script, RUNNING=left)
        if left == ["j1"]:
            assert used(script) == [of_job(written())]
    script.answer("batch", "describe_job_queues", {"jobQueues": [queue()]}, **QUEUES)
    with pytest.raises(MissingError, match=r"^DescribeJobs does not find j2, which is listed$"):
        used(script)


@pytest.mark.parametrize("left", [[], [queue(status="DELETED")]])
def test_a_queue_deleted_since_it_was_listed_is_passed_over(script: Script, left: list[dict[str, Any]]) -> None:
    """That it is gone is asked, for the error says many things; the next one is read."""
    other = f"{QUEUE}-too"
    has(script, queue(), queue(other))
    script.refuse("batch", "list_jobs", "ClientException", jobQueue=QUEUE, jobStatus="SUBMITTED")
    lists(script, other, RUNNING=["j1"])
    script.answer("batch", "describe_jobs", {"jobs": [job(ONE)]}, jobs=["j1"])
    script.answer("batch", "describe_job_queues", {"jobQueues": left}, **QUEUES)
    assert used(script) == [of_job(written())]


def test_a_queue_of_which_nothing_is_told_is_not_gone(script: Script) -> None:
    """Half an answer."""
    has(script, queue())
    script.refuse("batch", "list_jobs", "ClientException", jobQueue=QUEUE, jobStatus="SUBMITTED")
    script.answer("batch", "describe_job_queues", {}, **QUEUES)
    with pytest.raises(
        IncompleteAnswerError, match="Incomplete response from DescribeJobQueues: field 'jobQueues' is missing"
    ):
        used(script)


def test_a_queue_that_is_there_and_cannot_be_listed_is_an_error(script: Script) -> None:
    """Whatever is the matter with it, its jobs are not known."""
    has(script, queue())
    script.refuse("batch", "list_jobs", "ClientException", jobQueue=QUEUE, jobStatus="SUBMITTED")
    # Of another type by now: it is the same queue.
    left = queue(status="DELETING", jobQueueType="SAGEMAKER_TRAINING")
    script.answer("batch", "describe_job_queues", {"jobQueues": [left]}, **QUEUES)
    with pytest.raises(AwsError, match="ClientException"):
        used(script)
