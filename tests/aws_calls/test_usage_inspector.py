"""How Inspector is read: only where enhanced scanning is on, and only what it counts as in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.reference import anywhere
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import inspector
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import ACCOUNT, REGION, digest

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

LISTING: Final[dict[str, Any]] = {
    "maxResults": 200,
    "filterCriteria": {
        "resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}],
        "ecrImageInUseCount": [{"lowerInclusive": 1}],
    },
}


def used(script: Script) -> list[Usage]:
    """What Inspector sees in use."""
    return list(inspector.collect(SourceContext(script.aws, Settings.model_construct(), TaskDefinitions(script.aws))))


def scans(script: Script, kind: str) -> None:
    """The registry is scanned so."""
    configuration = {"scanningConfiguration": {"scanType": kind, "rules": []}}
    script.answer("ecr", "get_registry_scanning_configuration", configuration)


def covered(name: str) -> dict[str, str]:
    """An image as it is listed."""
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"
    return {"resourceType": "AWS_ECR_CONTAINER_IMAGE", "resourceId": arn, "accountId": ACCOUNT, "scanType": "PACKAGE"}


def usage(name: str, repository: str) -> Usage:
    """A usage that Inspector saw."""
    consumer = f"ecs task or eks pod that inspector sees, of {repository}"
    return Usage(anywhere(digest(name)), "inspector", consumer, UsageKind.RUNNING)


def test_without_enhanced_scanning_inspector_is_not_asked(script: Script) -> None:
    """It would know of nothing."""
    scans(script, "BASIC")
    assert used(script) == []


def test_the_images_of_all_pages_are_in_use(script: Script) -> None:
    """In whichever repository the digest lies."""
    scans(script, "ENHANCED")
    first = {"coveredResources": [covered(f"app/{digest('a')}")], "nextToken": "more"}
    second = {"coveredResources": [covered(f"shop/api/{digest('b')}")]}
    script.answer("inspector2", "list_coverage", first, **LISTING)
    script.answer("inspector2", "list_coverage", second, **LISTING, nextToken="more")
    assert used(script) == [usage("a", "app"), usage("b", "shop/api")]


@pytest.mark.parametrize("name", ["app", "app/sha256:12", "app/latest"])
def test_an_image_without_a_digest_is_an_error(script: Script, name: str) -> None:
    """Nobody knows which one is in use."""
    scans(script, "ENHANCED")
    script.answer("inspector2", "list_coverage", {"coveredResources": [covered(name)]}, **LISTING)
    with pytest.raises(SourceError, match=f"repository/{name}"):
        used(script)
