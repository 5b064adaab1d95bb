"""CodeBuild: projects with their builds, batch builds and sandboxes, as told.

A scenario's ``codebuild`` section::

    projects:
      shop:
        image: "{registry}/builder:v3"
        builds: [{image: "{registry}/builder:v4", started: 1h}, {started: 9d, complete: true}]
        batches: [{image: "{registry}/builder:v4"}]          # complete: true once it has ended
        sandboxes: [{}]                                      # ended: true

A project may have a ``buildspec``. Builds are told newest first; whatever names no image has the project's.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .paging import page
from .push import moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_PLACES = {
    "BatchGetBuildBatches": ("ids", "buildBatches", "batches"),
    "BatchGetBuilds": ("ids", "builds", "builds"),
    "BatchGetProjects": ("names", "projects", "projects"),
    "BatchGetSandboxes": ("ids", "sandboxes", "sandboxes"),
}


@dataclass(slots=True)
class CodeBuild:
    """Everything by name or id, as the describing calls show it."""

    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    builds: dict[str, dict[str, Any]] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    sandboxes: dict[str, dict[str, Any]] = field(default_factory=dict)


class CodeBuildApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {
            **dict.fromkeys(_PLACES, self.batch_get),
            "ListBuildBatches": self.list_build_batches,
            "ListBuildsForProject": self.list_builds_for_project,
            "ListProjects": self.list_projects,
            "ListSandboxes": self.list_sandboxes,
        }

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add projects; one told again is replaced, its builds stay."""
        store = self._account.store(region, CodeBuild)
        for name, project in told["projects"].items():
            _known("project", project, {"image", "buildspec", "builds", "batches", "sandboxes"})
            environment = {"type": "LINUX_CONTAINER", "image": project["image"], "computeType": "BUILD_GENERAL1_SMALL"}
            arn = f"arn:aws:codebuild:{region}:{self._account.id}:project/{name}"
            store.projects[name] = {"name": name, "arn": arn, "created": now, "environment": environment}
            if "buildspec" in project:
                store.projects[name]["source"] = {"type": "NO_SOURCE", "buildspec": project["buildspec"]}
            numbered = len([one for one in store.builds.values() if one["projectName"] == name])
            for number, build in enumerate(reversed(project.get("builds") or []), start=numbered + 1):
                _known("build", build, {"image", "started", "complete"})
                complete = bool(build.get("complete", False))
                started = {"buildNumber": number, "buildComplete": complete, "startTime": moment(build["started"], now)}
                _add(store.builds, name, build, environment, started)
            for batch in project.get("batches") or []:
                _known("batch build", batch, {"image", "complete"})
                complete = bool(batch.get("complete", False))
                status = {"complete": complete, "buildBatchStatus": "SUCCEEDED" if complete else "IN_PROGRESS"}
                _add(store.batches, name, batch, environment, status)
            for sandbox in project.get("sandboxes") or []:
                _known("sandbox", sandbox, {"image", "ended"})
                ended = {"requestTime": now, "endTime": now if sandbox.get("ended") else None}
                _add(store.sandboxes, name, sandbox, environment, ended)

    def list_projects(self, request: Request) -> dict[str, Any]:
        """100 a page, not to be changed."""
        shown, token = page(request, self._store(request).projects, str, size=100)
        return {"projects": shown, "nextToken": token}

    def list_builds_for_project(self, request: Request) -> dict[str, Any]:
        """100 a page, newest first; in no other order if there are more."""
        store, name = self._store(request), request.get("projectName")
        if name not in store.projects:
            raise AwsError("ResourceNotFoundException", f"Project {name} does not exist.")
        builds = [one for one in store.builds.values() if one["projectName"] == name]
        if request.get("sortOrder") and len(builds) > 100:
            raise AwsError("InvalidInputException", "The sort order cannot be set for more than 100 builds.")
        shown, token = page(request, builds, lambda one: 1_000_000_000 - one["buildNumber"], size=100)
        return {"ids": [one["id"] for one in shown], "nextToken": token}

    def list_build_batches(self, request: Request) -> dict[str, Any]:
        """100 a page, of all projects, in one status if asked."""
        status = request.get("filter", {}).get("status")
        batches = self._store(request).batches
        found = [key for key, one in batches.items() if status in {None, one["buildBatchStatus"]}]
        shown, token = page(request, found, str, size=100)
        return {"ids": shown, "nextToken": token}

    def list_sandboxes(self, request: Request) -> dict[str, Any]:
        """100 a page, of all projects and all time."""
        shown, token = page(request, self._store(request).sandboxes, str, size=100)
        return {"ids": shown, "nextToken": token}

    def batch_get(self, request: Request) -> dict[str, Any]:
        """Up to 100; what does not exist is named apart."""
        asked_with, found, kept = _PLACES[request.operation]
        asked = request.get(asked_with) or []
        if not 1 <= len(asked) <= 100:
            raise AwsError("InvalidInputException", f"{asked_with} must hold between 1 and 100.")
        things: dict[str, dict[str, Any]] = getattr(self._store(request), kept)
        missing = [one for one in asked if one not in things]
        return {found: [things[one] for one in asked if one in things], f"{found}NotFound": missing}

    def _store(self, request: Request) -> CodeBuild:
        return self._account.store(request.region, CodeBuild)


def _add(
    kept: dict[str, dict[str, Any]],
    project: str,
    told: Mapping[str, Any],
    environment: Mapping[str, Any],
    more: Mapping[str, Any],
) -> None:
    identity = f"{project}:{uuid.uuid4()}"
    chosen = {**environment, "image": told.get("image", environment["image"])}
    kept[identity] = {"id": identity, "projectName": project, "environment": chosen, **more}


def _known(what: str, told: Mapping[str, Any], keys: set[str]) -> None:
    if unknown := sorted(set(told) - keys):
        raise ValueError(f"a {what} of CodeBuild has no {', '.join(unknown)}")
