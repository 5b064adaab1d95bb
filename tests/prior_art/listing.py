"""The committed list of hazards, which test belongs to which, and what the APIs show of an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import yaml

from tests.integration import accounts
from tests.prior_art.faulty import Account, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Outcome, Runner

LIST: Final[dict[str, dict[str, Any]]] = yaml.safe_load((Path(__file__).parent / "hazards.yaml").read_text())
HOST: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com"

_F = TypeVar("_F", bound="Callable[..., object]")


def hazard(*ids: str) -> Callable[[_F], _F]:
    """Says which hazards a test is about.

    Raises:
        ValueError: One of them is not in the list.
    """
    if unknown := sorted(set(ids) - set(LIST)):
        raise ValueError(f"hazards.yaml has no {', '.join(unknown)}")

    def mark(test: _F) -> _F:
        test.hazards = ids  # type: ignore[attr-defined]
        return test

    return mark


# Accounts


def with_control(run: Runner) -> None:
    """An opted-in repository ``app`` with the image ``unused``: a run that removes nothing at all would leave it."""
    run.opted_in("app")
    run.sandbox.push("app", id="unused", tags=["unused"], pushed="90d")


def service(name: str, image: str, **more: Any) -> dict[str, Any]:
    """The scenario of one service in the cluster ``prod``."""
    return {
        "ecs": {
            "task_definitions": {f"{name}:1": {"image": image}},
            "clusters": {"prod": {"services": {name: {"task_definition": f"{name}:1"} | more}}},
        }
    }


def every_consumer_by_tag(sandbox: Sandbox) -> None:
    """The account of every kind of consumer, as easy as it can be for a tool that compares tags.

    Each image carries the tag that its consumer names, and each service names a task definition itself.
    """
    accounts.seed(sandbox)
    for name in accounts.IN_APP:
        sandbox.tag("app", sandbox.digest(name), name)
    services = {
        name: {
            "controller": controller,
            "task_definition": "service:1",
            "task_sets": [
                {"task_definition": "service:1", "status": "PRIMARY"},
                {"task_definition": f"{task_set}:1", "status": "ACTIVE"},
            ],
        }
        for name, controller, task_set in (
            ("blue", "CODE_DEPLOY", "task-set"),
            ("outside", "EXTERNAL", "external-task-set"),
        )
    }
    sandbox.seed({"ecs": {"clusters": {"prod": {"services": services}}}})


# What a run of ours does


def keeps(run: Runner, sandbox: Sandbox, *stay: str, **told: Any) -> Outcome:
    """A run that completes and leaves exactly these images in ``app``; the control is none of them."""
    assert "unused" not in stay
    outcome = run(**told)
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert set(left(sandbox)) == set(stay)
    return outcome


def refuses(run: Runner, cause: str, **told: Any) -> Outcome:
    """A run that removes nothing anywhere, fails, and says why."""
    outcome = run(**told)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert cause in outcome.causes
    return outcome


def pods_count(run: Runner, sandbox: Sandbox, *texts: str) -> None:
    """A cluster that cannot be read stops the run; the texts of its pods count wherever they can be seen.

    After this the cluster is there, and so is an ECS service for each of the texts.
    """
    sandbox.seed({"eks": {"clusters": ["platform"]}})
    refuses(run, "cluster platform: it cannot be read, and its pods may use any image")
    for number, text in enumerate(texts):
        sandbox.seed(service(f"web-{number}", text))


SEEN_BY_A_PERSON: Final = {"accepted_gaps": {"eks:*": "known"}}
"""Somebody has seen to the pods of the clusters."""


# What is there


def account(sandbox: Sandbox, repository: str = "app") -> Account:
    """Reads an account through the APIs, completely; the faulty rules then look at parts of it."""
    ecs, functions, apprunner = (sandbox.client(name) for name in ("ecs", "lambda", "apprunner"))
    services: list[dict[str, Any]] = []
    tasks: list[dict[str, Any]] = []
    for cluster in _all(ecs, "list_clusters", "clusterArns"):
        for name in _all(ecs, "list_services", "serviceArns", cluster=cluster):
            services += ecs.describe_services(cluster=cluster, services=[name])["services"]
        for status in ("RUNNING", "STOPPED"):
            names = _all(ecs, "list_tasks", "taskArns", cluster=cluster, desiredStatus=status)
            for start in range(0, len(names), 100):
                tasks += ecs.describe_tasks(cluster=cluster, tasks=names[start : start + 100])["tasks"]
    definitions = [
        ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        for name in _all(ecs, "list_task_definitions", "taskDefinitionArns")
    ]
    versions = [
        functions.get_function(FunctionName=listed["FunctionName"], Qualifier=listed["Version"])
        for listed in _all(functions, "list_functions", "Functions", FunctionVersion="ALL")
    ]
    listed = apprunner.list_services()
    assert "NextToken" not in listed, "botocore cannot page this listing"
    sources = [
        apprunner.describe_service(ServiceArn=summary["ServiceArn"])["Service"]["SourceConfiguration"]
        for summary in listed["ServiceSummaryList"]
    ]
    return Account(
        images=seen(sandbox, repository),
        services=services,
        tasks=tasks,
        definitions={d["taskDefinitionArn"]: [c["image"] for c in d["containerDefinitions"]] for d in definitions},
        functions=[(version["Configuration"]["Version"], version["Code"]) for version in versions],
        apprunner=[source["ImageRepository"]["ImageIdentifier"] for source in sources],
    )


def seen(sandbox: Sandbox, repository: str = "app") -> list[Seen]:
    """The images of a repository as a listing shows them."""
    now = datetime.now(UTC)
    return [
        Seen(
            f"{HOST}/{repository}",
            image.digest,
            tuple(image.tags),
            (now - image.pushed_at) / timedelta(days=1),
            image.manifest.artifact_type,
        )
        for image in sandbox.images(repository)
    ]


def named(sandbox: Sandbox, digests: Iterable[str]) -> set[str]:
    """The ids of images by their digests."""
    ids = {digest: name for (_, name), digest in sandbox.state.ids.items()}
    return {ids[digest] for digest in digests}


def left(sandbox: Sandbox, repository: str = "app") -> dict[str, set[str]]:
    """Id to tags of every image that is in a repository now."""
    ids = {digest: name for (_, name), digest in sandbox.state.ids.items()}
    return {ids[image.digest]: set(image.tags) for image in sandbox.images(repository)}


def _all(client: Any, operation: str, member: str, **parameters: Any) -> list[Any]:
    found: list[Any] = client.get_paginator(operation).paginate(**parameters).build_full_result()[member]
    return found
