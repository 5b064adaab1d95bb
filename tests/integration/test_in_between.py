"""Consumers that are deleted while a run reads them, as environments are at midnight, when the schedule starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake_aws.apprunner import AppRunner
from tests.fake_aws.ecs_state import Ecs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner


def ends(run: Runner, sandbox: Sandbox, service: str, operation: str, tear_down: Callable[[], object]) -> None:
    """The run is completed although something is torn down before the first call of an operation.

    What nothing uses goes, what another consumer uses stays.
    """
    run.opted_in("app")
    for name in ("preview", "unused", "used"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    sandbox.seed({"lambda": {"functions": {"api": {"versions": {"$LATEST": {"image": "{registry}/app:used"}}}}}})
    torn_down = []

    def once(_: object) -> None:
        torn_down.append(tear_down())

    sandbox.before(service, operation, once)
    outcome = run()
    assert torn_down
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert run.ids("unused") <= outcome.gone["app"] <= run.ids("unused", "preview")


@pytest.mark.parametrize(
    "operation",
    [
        "ListServices",
        "DescribeServices",
        "DescribeTaskDefinition",
        "ListServiceDeployments",
        "DescribeServiceDeployments",
        "DescribeServiceRevisions",
    ],
)
@pytest.mark.parametrize("cluster", [False, True], ids=["service", "cluster"])
def test_ecs(run: Runner, sandbox: Sandbox, operation: str, *, cluster: bool) -> None:
    """A service, or its cluster with it; the task definition is left, or deleted as well."""
    preview = {
        "task_definition": "preview:1",
        "revisions": [{"task_definition": "preview:1", "deployed": "1h", "status": "IN_PROGRESS"}],
    }
    sandbox.seed(
        {
            "ecs": {
                "task_definitions": {"preview:1": {"image": "{registry}/app:preview"}},
                "clusters": {"prod": {"services": {"preview": preview}}},
            }
        }
    )
    store = sandbox.state.store("us-east-1", Ecs)

    def tear_down() -> None:
        for things in (store.services, store.revisions, store.deployments):
            things.clear()
        if cluster:
            store.clusters.remove("prod")

    ends(run, sandbox, "ecs", operation, tear_down)


@pytest.mark.parametrize("operation", ["ListRules", "ListTargetsByRule"])
@pytest.mark.parametrize("bus", ["default", "previews"])
def test_eventbridge(run: Runner, sandbox: Sandbox, operation: str, bus: str) -> None:
    """A rule, or the bus that it is on."""
    events = sandbox.client("events")
    if bus != "default":
        events.create_event_bus(Name=bus)
    events.put_rule(Name="preview", EventBusName=bus, EventPattern='{"source": ["shop"]}')

    def tear_down() -> None:
        events.delete_rule(Name="preview", EventBusName=bus)
        if bus != "default":
            events.delete_event_bus(Name=bus)

    ends(run, sandbox, "events", operation, tear_down)


def test_app_runner(run: Runner, sandbox: Sandbox) -> None:
    """A service."""
    sandbox.seed({"apprunner": {"services": {"preview": {"image": "{registry}/app:preview"}}}})
    services = sandbox.state.store("us-east-1", AppRunner).services
    ends(run, sandbox, "apprunner", "DescribeService", services.clear)
