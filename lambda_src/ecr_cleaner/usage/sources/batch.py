"""AWS Batch: active job definitions, and jobs that have not ended.

A job keeps the image that it was submitted with, also after its definition was deregistered, so both are read. Children
of array and multi-node jobs are not: SubmitJob overrides an image (``eksPropertiesOverride``) for all children at once,
and the parent, which stays in its queue until all children have ended, has it in ``eksProperties`` or
``nodeProperties``. A parent that names no image at all is an error.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.each import each, of_each
from ecr_cleaner.usage.extract import fields_at, texts_at
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.responses import in_batches, listed_again
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, usages_of
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

_NAME: Final = "batch"
_SAGEMAKER: Final = "SAGEMAKER_TRAINING"
_JOBS_A_CALL: Final = 100

_SEVERAL: Final = (
    "ecsProperties.taskProperties[].containers[].image",
    "eksProperties.podProperties.containers[].image",
    "eksProperties.podProperties.initContainers[].image",
)
_NODES: Final = tuple(f"nodeProperties.nodeRangeProperties[].{path}" for path in ("container.image", *_SEVERAL))
_OF_DEFINITION: Final = ("containerProperties.image", *_SEVERAL, *_NODES)
_OF_JOB: Final = ("container.image", *_SEVERAL, *_NODES)

_DEFINITIONS: Final = FreeText(
    "batch", "DescribeJobDefinitions", "jobDefinitions[]", Grammar.VARIABLES, images=_OF_DEFINITION
)
_DESCRIBED: Final = FreeText("batch", "DescribeJobs", "jobs[]", Grammar.VARIABLES, images=_OF_JOB)
_SERVICE_JOB: Final = FreeText("batch", "DescribeServiceJob")

# In the order in which a job passes through them, so that a job whose status changes while they are listed is listed
# again; RUNNABLE once more at the end, because a retry returns to it.
_UNFINISHED: Final = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "RUNNABLE")
_UNFINISHED_SERVICE: Final = ("SUBMITTED", "PENDING", "RUNNABLE", "SCHEDULED", "STARTING", "RUNNING", "RUNNABLE")


def collect(context: SourceContext) -> Iterator[Usage]:
    """The images of every active definition and of every unfinished job.

    Yields:
        Usages of the kind ``configured`` for definitions, ``running`` for jobs.

    Raises:
        SourceError: A definition or job names no image, a job is left out, or a queue cannot be read.
    """
    batch = context.aws.client("batch")
    definitions = context.listed(_NAME, "DescribeJobDefinitions", "jobDefinitions", status="ACTIVE", maxResults=100)
    for definition in definitions:
        name = responses.member(definition, "jobDefinitionName", "DescribeJobDefinitions")
        revision = responses.member(definition, "revision", "DescribeJobDefinitions")
        consumer = f"batch job definition {name}:{revision}"
        arn = definition.get("jobDefinitionArn", "")
        for text in _images(definition, _OF_DEFINITION, "DescribeJobDefinitions", consumer):
            yield from usages_of(text, source=_NAME, consumer=consumer, consumer_arn=arn)
        yield from usages_of_texts(_DEFINITIONS, definition, batch, like(_NAME, consumer, arn=arn))
    yield from _unfinished(context, batch)


def _unfinished(context: SourceContext, batch: Any) -> Iterator[Usage]:
    # The deletion of a queue ends its jobs.
    with listed_again(lambda: _queues(context)) as missing:

        def read(own: SourceContext, queue: tuple[str, str]) -> list[Usage]:
            arn, kind = queue
            # Service jobs and others never share a queue.
            jobs = _service_jobs if kind == _SAGEMAKER else _jobs
            return missing.unless_gone(arn, partial(jobs, own, batch, arn))

        yield from each(context, read, _queues(context).items())


def _queues(context: SourceContext) -> dict[str, str]:
    """Type of every job queue by its ARN; empty of those that were made before there were types."""
    queues = context.listed(_NAME, "DescribeJobQueues", "jobQueues", maxResults=100)
    return {
        responses.member(queue, "jobQueueArn", "DescribeJobQueues"): queue.get("jobQueueType", "")
        for queue in queues
        if queue.get("status") != "DELETED"
    }


def _jobs(context: SourceContext, batch: Any, queue: str) -> Iterator[Usage]:
    listing = partial(_listed, context, "ListJobs", queue, _UNFINISHED)
    with listed_again(listing) as missing:
        for wanted in in_batches(listing(), _JOBS_A_CALL):
            jobs = responses.member(batch.describe_jobs(jobs=wanted), "jobs", "DescribeJobs")
            # A job that has ended meanwhile is still described: Batch keeps ended jobs for days.
            left_out = set(wanted) - {responses.member(job, "jobId", "DescribeJobs") for job in jobs}
            missing.add(left_out, "DescribeJobs")
            for job in jobs:
                consumer = f"batch job {responses.member(job, 'jobName', 'DescribeJobs')} ({job['jobId']})"
                for text in _images(job, _OF_JOB, "DescribeJobs", consumer):
                    yield from usages_of(text, source=_NAME, consumer=consumer, evidence=UsageKind.RUNNING)
                yield from usages_of_texts(_DESCRIBED, job, batch, like(_NAME, consumer, UsageKind.RUNNING))


def _service_jobs(context: SourceContext, batch: Any, queue: str) -> Iterator[Usage]:
    """Jobs that Batch submits to SageMaker: until then only Batch has the request."""
    listing = partial(_listed, context, "ListServiceJobs", queue, _UNFINISHED_SERVICE, maxResults=100)
    return of_each(context, listing, partial(_of_service_job, batch))


def _of_service_job(batch: Any, _: SourceContext, job: str) -> Iterator[Usage]:
    answer = batch.describe_service_job(jobId=job)
    responses.member(answer, "serviceRequestPayload", "DescribeServiceJob")
    consumer = f"batch service job {responses.member(answer, 'jobName', 'DescribeServiceJob')} ({job})"
    arn = answer.get("jobArn", "")
    yield from usages_of_texts(_SERVICE_JOB, answer, batch, like(_NAME, consumer, UsageKind.RUNNING, arn))


def _listed(
    context: SourceContext, operation: str, queue: str, statuses: tuple[str, ...], **more: Any
) -> dict[str, None]:
    """The ids, each once."""
    jobs = (
        job
        for status in statuses
        for job in context.listed(_NAME, operation, "jobSummaryList", jobQueue=queue, jobStatus=status, **more)
    )
    return dict.fromkeys(str(responses.member(job, "jobId", operation)) for job in jobs)


def _images(thing: dict[str, Any], paths: tuple[str, ...], operation: str, consumer: str) -> list[str]:
    texts = texts_at(thing, paths, operation)
    if not texts:
        message = f"{consumer} names no image where one can be expected"
        raise SourceError(message)
    return texts


SOURCES: Final = (
    Source(
        name=_NAME,
        title="AWS Batch, in every job queue",
        protects="The images of every active revision of job definitions, and of every job that has not ended, also if"
        " its definition was deregistered; of jobs for SageMaker whatever their request names",
        service="batch",
        grants=(
            Grant(
                "ReadBatchJobs",
                (
                    "batch:DescribeJobDefinitions",
                    "batch:DescribeJobQueues",
                    "batch:DescribeJobs",
                    "batch:DescribeServiceJob",
                    "batch:ListJobs",
                    "batch:ListServiceJobs",
                ),
            ),
        ),
        fields=(
            *fields_at("batch", "DescribeJobDefinitions", "jobDefinitions[]", _OF_DEFINITION),
            RequiredField("batch", "DescribeJobQueues", "jobQueues[].jobQueueType"),
            *fields_at("batch", "DescribeJobs", "jobs[]", _OF_JOB),
            RequiredField("batch", "ListJobs", "jobSummaryList[].jobId"),
            RequiredField("batch", "ListServiceJobs", "jobSummaryList[].jobId"),
            RequiredField("batch", "DescribeServiceJob", "serviceRequestPayload"),
        ),
        collect=collect,
        texts=(_DEFINITIONS, _DESCRIBED, _SERVICE_JOB),
    ),
)
