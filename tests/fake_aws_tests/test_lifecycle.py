"""The sandbox keeps lifecycle policies as strictly as ECR's documentation reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

RULE: dict[str, Any] = {
    "rulePriority": 1,
    "description": "old ones",
    "selection": {
        "tagStatus": "tagged",
        "tagPrefixList": ["v"],
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 14,
    },
    "action": {"type": "expire"},
}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An account with one repository."""
    with Sandbox() as running:
        running.repository("app")
        yield running


def put(sandbox: Sandbox, *rules: dict[str, Any], repository: str = "app") -> str:
    """Write a policy; returns its text."""
    text = json.dumps({"rules": rules}, indent=4)
    sandbox.client("ecr").put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)
    return text


def changed(priority: int = 1, action: dict[str, str] | None = None, **members: Any) -> dict[str, Any]:
    """A rule in which the selection says something else; None takes a member away."""
    selection = {name: value for name, value in (RULE["selection"] | members).items() if value is not None}
    return RULE | {"rulePriority": priority, "selection": selection, "action": action or RULE["action"]}


ANY: dict[str, Any] = {"tagStatus": "any", "tagPrefixList": None}
ARCHIVED: dict[str, Any] = {"countType": "sinceImageTransitioned", "storageClass": "archive", "countNumber": 90}


def test_a_policy_is_kept_as_it_is_written(sandbox: Sandbox) -> None:
    """Until it is deleted; then there is none."""
    client = sandbox.client("ecr")
    text = put(sandbox, RULE)
    assert client.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == text
    assert "lastEvaluatedAt" in client.get_lifecycle_policy(repositoryName="app")
    assert client.delete_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"] == text
    for call in (client.get_lifecycle_policy, client.delete_lifecycle_policy):
        with pytest.raises(client.exceptions.LifecyclePolicyNotFoundException):
            call(repositoryName="app")


def test_of_no_repository_there_is_no_policy(sandbox: Sandbox) -> None:
    """Another error than that of no policy."""
    client = sandbox.client("ecr")
    for call in (client.get_lifecycle_policy, client.delete_lifecycle_policy):
        with pytest.raises(client.exceptions.RepositoryNotFoundException):
            call(repositoryName="gone")
    with pytest.raises(client.exceptions.RepositoryNotFoundException):
        put(sandbox, RULE, repository="gone")


@pytest.mark.parametrize(
    "rules",
    [
        [changed(tagPrefixList=None, tagPatternList=["*1*2*3*4"])],
        [changed(countType="imageCountMoreThan", countUnit=None)],
        [changed(countType="sinceImagePulled", action=ARCHIVE), changed(2, action=ARCHIVE, **ANY)],
        [changed(**ANY), changed(2, **ANY, **ARCHIVED)],
        [changed(tagStatus="untagged", tagPrefixList=None), changed(7, storageClass="standard")],
    ],
)
def test_what_the_documentation_shows_is_taken(sandbox: Sandbox, rules: list[dict[str, Any]]) -> None:
    """The archive's rules too, which moto does not know."""
    put(sandbox, *rules)


@pytest.mark.parametrize(
    "rules",
    [
        [RULE | {"selection": None}],
        [changed(n) for n in range(1, 52)],
        [RULE | {"enabled": True}],
        [changed(sizeMoreThan=1)],
        [changed(0)],
        [changed(countNumber=0)],
        [changed(countUnit="hours")],
        [changed(countUnit=None)],
        [changed(countType="imageCountMoreThan")],
        [changed(countType="sinceImageSigned")],
        [changed(storageClass="archive")],
        [changed(**ARCHIVED | {"storageClass": None})],
        [changed(**ARCHIVED | {"countNumber": 89})],
        [changed(action=ARCHIVE, **ARCHIVED)],
        [changed(countType="sinceImagePulled")],
        [changed(action={"type": "quarantine"})],
        [changed(tagStatus="any")],
        [changed(tagPrefixList=None)],
        [changed(tagPatternList=["v*"])],
        [changed(tagPrefixList=None, tagPatternList=["*1*2*3*4*"])],
        [changed(tagPrefixList=[])],
        [changed(), changed()],
        [changed(1, **ANY), changed(2)],
        [changed(1, tagStatus="untagged", tagPrefixList=None), changed(2, tagStatus="untagged", tagPrefixList=None)],
    ],
)
def test_everything_else_is_refused(sandbox: Sandbox, rules: list[dict[str, Any]]) -> None:
    """As ECR refuses it."""
    with pytest.raises(ClientError) as error:
        put(sandbox, *rules)
    assert error.value.response["Error"]["Code"] == "InvalidParameterException"


def test_a_scenario_has_no_policy_that_ecr_would_not_take(sandbox: Sandbox) -> None:
    """A test that rests on one proves nothing."""
    with pytest.raises(ValueError, match="ECR takes no such lifecycle policy"):
        sandbox.seed({"repositories": {"app": {"lifecycle": [changed(countNumber=0)]}}})
