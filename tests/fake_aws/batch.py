"""AWS Batch: definitions, queues and jobs, as told; moto would run the jobs, and keeps no children.

A scenario's ``batch`` section::

    definitions:
      train:3: {image: "{registry}/train:v3"}                    # status: INACTIVE once deregistered
      pods:1: {properties: {eksProperties: {podProperties: {containers: [{image: "..."}]}}}}
    queues:
      nightly: {jobs: {report: {definition: "report:1", status: RUNNING, image: "{registry}/report:v1"}}}
      training: {type: SAGEMAKER_TRAINING, jobs: {fit: {status: SCHEDULED, request: "{...}"}}}

Instead of ``image``, ``properties`` holds what AWS shows: of a definition with ``containerProperties``, of a job with
``container``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_SERVICE_TYPE = "SAGEMAKER_TRAINING"
_SUMMARY = ("jobArn", "jobId", "jobName", "createdAt", "status", "jobDefinition", "serviceJobType")


@dataclass(slots=True)
class Batch:
    """Definitions by ``name:revision``, queues by ARN, jobs by id, as the describing calls show them."""

    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)


class BatchApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {
            "DescribeJobDefinitions": self.describe_job_definitions,
            "DescribeJobQueues": self.describe_job_queues,
            "DescribeJobs": self.describe_jobs,
            "DescribeServiceJob": self.describe_service_job,
            "ListJobs": self.list_jobs,
            "ListServiceJobs": self.list_service_jobs,
        }

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add definitions and queues with their jobs; what is told again is replaced."""
        store = self._account.store(region, Batch)
        root = f"arn:aws:batch:{region}:{self._account.id}"
        for full_name, definition in (told.get("definitions") or {}).items():
            _known("job definition", definition, {"image", "status", "properties"})
            name, revision = full_name.split(":")
            store.definitions[full_name] = {
                "jobDefinitionName": name,
                "jobDefinitionArn": f"{root}:job-definition/{full_name}",
                "revision": int(revision),
                "status": definition.get("status", "ACTIVE"),
                "type": "multinode" if "nodeProperties" in definition.get("properties", {}) else "container",
                **(definition.get("properties") or {"containerProperties": {"image": definition["image"]}}),
            }
        for name, queue in (told.get("queues") or {}).items():
            _known("job queue", queue, {"type", "jobs"})
            arn, kind = f"{root}:job-queue/{name}", queue.get("type", "ECS")
            store.queues[arn] = {
                "jobQueueName": name,
                "jobQueueArn": arn,
                "state": "ENABLED",
                "status": "VALID",
                "priority": 1,
                "computeEnvironmentOrder": [],
                "jobQueueType": kind,
            }
            for job_name, job in (queue.get("jobs") or {}).items():
                _known("job", job, {"definition", "image", "properties", "request", "status"})
                identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}/{job_name}"))
                store.jobs[identity] = {
                    "jobArn": f"{root}:job/{identity}",
                    "jobId": identity,
                    "jobName": job_name,
                    "jobQueue": arn,
                    "status": job.get("status", "RUNNING"),
                    "createdAt": int(now.timestamp() * 1000),
                    "startedAt": int(now.timestamp() * 1000),
                    **_work(root, job, kind),
                }

    def describe_job_definitions(self, request: Request) -> dict[str, Any]:
        """100 a page, in every status unless asked."""
        status, names = request.get("status"), request.get("jobDefinitions")
        found = {
            one["jobDefinitionArn"]: one
            for name, one in self._store(request).definitions.items()
            if status in {None, one["status"]} and (names is None or {name, one["jobDefinitionArn"]} & set(names))
        }
        shown, token = _page(request, found, size=100)
        return {"jobDefinitions": [found[arn] for arn in shown], "nextToken": token}

    def describe_job_queues(self, request: Request) -> dict[str, Any]:
        """100 a page; those asked for that do not exist are left out."""
        names = request.get("jobQueues")
        found = {
            arn: one
            for arn, one in self._store(request).queues.items()
            if names is None or {arn, one["jobQueueName"]} & set(names)
        }
        shown, token = _page(request, found, size=100)
        return {"jobQueues": [found[arn] for arn in shown], "nextToken": token}

    def list_jobs(self, request: Request) -> dict[str, Any]:
        """Of one queue in one status, RUNNING unless asked; 1000 a page; not of a queue of service jobs."""
        if sum(request.get(name) is not None for name in ("jobQueue", "arrayJobId", "multiNodeJobId")) != 1:
            raise AwsError("ClientException", "Specify exactly one of jobQueue, arrayJobId, multiNodeJobId.")
        return self._jobs(request, service=False, size=1000)

    def list_service_jobs(self, request: Request) -> dict[str, Any]:
        """The same for queues of service jobs; 100 a page."""
        return self._jobs(request, service=True, size=100)

    def describe_jobs(self, request: Request) -> dict[str, Any]:
        """Up to 100; what does not exist is left out in silence."""
        asked = request.get("jobs") or []
        if not 1 <= len(asked) <= 100:
            raise AwsError("ClientException", "jobs must hold between 1 and 100 job ids.")
        jobs = self._store(request).jobs
        return {"jobs": [jobs[one] for one in asked if one in jobs and "jobDefinition" in jobs[one]]}

    def describe_service_job(self, request: Request) -> dict[str, Any]:
        """One service job."""
        job = self._store(request).jobs.get(str(request.get("jobId")))
        if job is None or "serviceJobType" not in job:
            raise AwsError("ClientException", f"There is no service job {request.get('jobId')}.")
        return job

    def _jobs(self, request: Request, *, service: bool, size: int) -> dict[str, Any]:
        store, named = self._store(request), str(request.get("jobQueue", ""))
        queue = next((arn for arn, one in store.queues.items() if named in {arn, one["jobQueueName"]}), None)
        if queue is None or (store.queues[queue]["jobQueueType"] == _SERVICE_TYPE) is not service:
            raise AwsError("ClientException", f"Job queue {named} does not exist, or holds other jobs.")
        status = request.get("jobStatus", "RUNNING")
        found = {key: job for key, job in store.jobs.items() if (job["jobQueue"], job["status"]) == (queue, status)}
        shown, token = _page(request, found, size=size)
        listed = [{name: found[key][name] for name in _SUMMARY if name in found[key]} for key in shown]
        return {"jobSummaryList": listed, "nextToken": token}

    def _store(self, request: Request) -> Batch:
        return self._account.store(request.region, Batch)


def _work(root: str, job: Mapping[str, Any], kind: str) -> dict[str, Any]:
    if kind == _SERVICE_TYPE:
        return {"serviceJobType": kind, "serviceRequestPayload": job["request"]}
    definition = f"{root}:job-definition/{job.get('definition', 'sandbox:1')}"
    return {"jobDefinition": definition, **(job.get("properties") or {"container": {"image": job["image"]}})}


def _page(request: Request, found: dict[str, Any], size: int) -> tuple[list[str], str | None]:
    return page(request, found, str, size=size)


def _known(what: str, told: Mapping[str, Any], keys: set[str]) -> None:
    if unknown := sorted(set(told) - keys):
        raise ValueError(f"a {what} of Batch has no {', '.join(unknown)}")
