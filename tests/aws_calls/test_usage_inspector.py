"""How Inspector is read: only where enhanced scanning is on, and only what it counts as in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import SeenCluster, Usage, UsageKind
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
    for image in (image_of("a", "app"), image_of("b", "shop/api")):
        script.answer("inspector2", "get_clusters_for_image", {"cluster": [{"clusterArn": cluster("prod")}]}, **image)
    assert used(script) == [usage("a", "app"), usage("b", "shop/api")]


@pytest.mark.parametrize("name", ["app", "app/sha256:12", "app/latest"])
def test_an_image_without_a_digest_is_an_error(script: Script, name: str) -> None:
    """Nobody knows which one is in use."""
    scans(script, "ENHANCED")
    script.answer("inspector2", "list_coverage", {"coveredResources": [covered(name)]}, **LISTING)
    with pytest.raises(SourceError, match=f"repository/{name}"):
        used(script)


CLUSTERS: Final = {"maxResults": 100}


def cluster(name: str, service: str = "ecs", account: str = ACCOUNT) -> str:
    """The ARN of a cluster."""
    return f"arn:aws:{service}:{REGION}:{account}:cluster/{name}"


def image_of(name: str, repository: str) -> dict[str, Any]:
    """The question for the clusters of an image."""
    return {
        "filter": {"resourceId": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}/{digest(name)}"}
    } | CLUSTERS


def listed(script: Script, *names: str) -> SourceContext:
    """What is found where Inspector sees images in use."""
    scans(script, "ENHANCED")
    script.answer("inspector2", "list_coverage", {"coveredResources": [covered(name) for name in names]}, **LISTING)
    return SourceContext(script.aws, Settings.model_construct(), TaskDefinitions(script.aws))


def test_every_cluster_that_inspector_names_is_seen(script: Script) -> None:
    """Page by page, of the images of this registry alone."""
    context = listed(script, f"app/{digest('a')}", f"shop/api/{digest('b')}")
    pages = [{"clusterArn": cluster("prod")}], [{"clusterArn": cluster("far", "eks", "999999999999")}]
    script.pages("inspector2", "get_clusters_for_image", "cluster", *pages, **image_of("a", "app"))
    answer = {"cluster": [{"clusterArn": cluster("prod")}]}
    script.answer("inspector2", "get_clusters_for_image", answer, **image_of("b", "shop/api"))
    assert len(list(inspector.collect(context))) == 2
    assert context.clusters_seen == [
        SeenCluster("app", cluster("prod")),
        SeenCluster("app", cluster("far", "eks", "999999999999")),
        SeenCluster("shop/api", cluster("prod")),
    ]
    assert context.notes == []


def test_clusters_that_are_not_told_are_a_note(script: Script) -> None:
    """They could only have added doubt; what runs is in use all the same."""
    context = listed(script, f"app/{digest('a')}")
    script.refuse("inspector2", "get_clusters_for_image", "AccessDeniedException", **image_of("a", "app"))
    assert len(list(inspector.collect(context))) == 1
    (note,) = context.notes
    assert note.startswith("not every cluster is known that Inspector sees")
    assert "AccessDeniedException" in note


def test_images_of_other_registries_are_not_asked_for(script: Script) -> None:
    """An administrator of an organization sees those too."""
    scans(script, "ENHANCED")
    other = covered(f"app/{digest('a')}")
    other["resourceId"] = other["resourceId"].replace(ACCOUNT, "999999999999")
    script.answer("inspector2", "list_coverage", {"coveredResources": [other]}, **LISTING)
    assert used(script) == [usage("a", "app")]


def test_only_so_many_images_are_asked_for_each_repository_in_turn(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note says how many there are."""
    monkeypatch.setattr(inspector, "MOST_ASKED", 2)
    context = listed(script, *(f"{name}/{digest(name + str(n))}" for name in ("a", "b") for n in range(2)))
    for name in ("a", "b"):
        answer = {"cluster": [{"clusterArn": cluster(name)}]}
        script.answer("inspector2", "get_clusters_for_image", answer, **image_of(name + "0", name))
    assert len(list(inspector.collect(context))) == 4
    assert [one.repository for one in context.clusters_seen] == ["a", "b"]
    assert context.notes == [
        (
            "not every cluster is known that Inspector sees, so one that nobody looked at may not show: it sees 4"
            " images of this registry in use, and only 2 are asked for"
        )
    ]
