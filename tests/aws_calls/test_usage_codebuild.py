"""How CodeBuild is read: every project, and builds, batch builds and sandboxes under way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import MissingError, SourceError
from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources import codebuild
from tests.aws_calls.consumers import account, tagged, written

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

BATCHES: Final = {"filter": {"status": "IN_PROGRESS"}, "maxResults": 100}
SANDBOXES: Final = {"maxResults": 100}
MANAGED: Final = "aws/codebuild/standard:7.0"


def environment(image: str) -> dict[str, Any]:
    """What is built in."""
    told = {"type": "LINUX_CONTAINER", "image": image, "computeType": "BUILD_GENERAL1_SMALL"}
    return {"environment": told}


def project(image: str = MANAGED, name: str = "shop") -> dict[str, Any]:
    """A project as it is described."""
    return {"name": name, **environment(image)}


def build(number: int = 1, image: str = tagged("v1"), hours: float = 1, **more: Any) -> dict[str, Any]:
    """A build as it is described, begun some hours ago."""
    started = datetime.now(UTC) - timedelta(hours=hours)
    return {"id": f"shop:{number}", "startTime": started, "buildComplete": False, **environment(image), **more}


def projects(script: Script, *told: dict[str, Any]) -> None:
    """The projects, on one page; the model demands one, CodeBuild may have none."""
    names = [one["name"] for one in told]
    if names:
        script.pages("codebuild", "list_projects", "projects", names)
        script.answer("codebuild", "batch_get_projects", {"projects": list(told)}, names=names)
    else:
        script.cut_short("codebuild", "list_projects", {"projects": []})


def builds(script: Script, *told: dict[str, Any], name: str = "shop") -> None:
    """The builds of a project, on one page; one that is over, if none is told."""
    found = told or (build(buildComplete=True),)
    ids = [one["id"] for one in found]
    script.pages("codebuild", "list_builds_for_project", "ids", ids, projectName=name)
    script.answer("codebuild", "batch_get_builds", {"builds": list(found)}, ids=ids)


def nothing_else(script: Script) -> None:
    """No batch builds under way, and no sandboxes."""
    script.pages("codebuild", "list_build_batches", "ids", [], **BATCHES)
    script.pages("codebuild", "list_sandboxes", "ids", [], **SANDBOXES)


def used(script: Script) -> list[Usage]:
    """What CodeBuild uses."""
    return list(codebuild.collect(account(script)))


def of_project(reference: Reference, name: str = "shop") -> Usage:
    """A usage by a project."""
    return Usage(reference, "codebuild", f"codebuild project {name}")


def under_way(what: str, reference: Reference | None = None) -> Usage:
    """A usage by what is under way."""
    return Usage(reference or written(), "codebuild", f"codebuild {what}", UsageKind.RUNNING)


def test_without_projects_nothing_is_used(script: Script) -> None:
    """An answer all the same."""
    projects(script)
    nothing_else(script)
    assert used(script) == []


def test_projects_are_described_a_hundred_at_once(script: Script) -> None:
    """More CodeBuild refuses; pages are read to their end."""
    told = [project(tagged("v1"), f"p{number:03}") for number in range(101)]
    names = [one["name"] for one in told]
    script.pages("codebuild", "list_projects", "projects", names[:100], names[100:])
    for part in (told[:100], told[100:]):
        asked = [one["name"] for one in part]
        script.answer("codebuild", "batch_get_projects", {"projects": part}, names=asked)
        for name in asked:
            builds(script, name=name)
    nothing_else(script)
    assert len(used(script)) == 101


def test_a_build_under_way_uses_the_image_it_was_started_with(script: Script) -> None:
    """Also one that does not say whether it is complete; not one that is."""
    projects(script, project())
    unsure = build(2)
    del unsure["buildComplete"]
    builds(script, build(3), unsure, build(1, tagged("v9"), buildComplete=True))
    nothing_else(script)
    assert used(script) == [under_way("build shop:3"), under_way("build shop:2")]


def test_builds_are_read_back_no_further_than_one_can_last(script: Script) -> None:
    """The first hundred that are all too old are the last that are asked for; one of them may be younger."""
    projects(script, project())
    pages = [
        [build(n, hours=hours, buildComplete=n != 150) for n in numbers]
        for numbers, hours in (
            (range(300, 200, -1), 44),
            (range(200, 100, -1), 46),
        )
    ]
    pages[0][7] |= {"startTime": datetime.now(UTC) - timedelta(hours=90)}
    tokens: list[dict[str, str]] = [{}, {"nextToken": "t1"}]
    for number, told in enumerate(pages):
        ids = [one["id"] for one in told]
        listed = {"ids": ids, "nextToken": f"t{number + 1}"}
        script.answer("codebuild", "list_builds_for_project", listed, projectName="shop", **tokens[number])
        script.answer("codebuild", "batch_get_builds", {"builds": told}, ids=ids)
    nothing_else(script)
    assert used(script) == [under_way("build shop:150")]


def test_a_page_without_builds_is_not_the_end(script: Script) -> None:
    """CodeBuild may hand out one with a token."""
    projects(script, project())
    page = {"ids": [], "nextToken": "more"}
    script.cut_short("codebuild", "list_builds_for_project", page, {}, projectName="shop")
    listed = {"projectName": "shop", "nextToken": "more"}
    script.answer("codebuild", "list_builds_for_project", {"ids": ["shop:1"]}, **listed)
    script.answer("codebuild", "batch_get_builds", {"builds": [build()]}, ids=["shop:1"])
    nothing_else(script)
    assert used(script) == [under_way("build shop:1")]


def test_batch_builds_under_way_use_their_image(script: Script) -> None:
    """Only those are listed; of two pages."""
    projects(script)
    script.pages("codebuild", "list_build_batches", "ids", ["shop:a"], ["shop:b"], **BATCHES)
    told = [{"id": one, **environment(tagged("v1"))} for one in ("shop:a", "shop:b")]
    script.answer("codebuild", "batch_get_build_batches", {"buildBatches": told}, ids=["shop:a", "shop:b"])
    script.pages("codebuild", "list_sandboxes", "ids", [], **SANDBOXES)
    assert used(script) == [under_way("batch build shop:a"), under_way("batch build shop:b")]


def test_sandboxes_use_their_image_until_they_end(script: Script) -> None:
    """They are listed for all time and described ten at once; of two pages."""
    projects(script)
    script.pages("codebuild", "list_build_batches", "ids", [], **BATCHES)
    ids = [f"shop:{number:02}" for number in range(11)]
    script.pages("codebuild", "list_sandboxes", "ids", ids[:6], ids[6:], **SANDBOXES)
    over = {"endTime": datetime.now(UTC)}
    told = [{"id": one, **environment(tagged("v1")), **(over if one != "shop:10" else {})} for one in ids]
    script.answer("codebuild", "batch_get_sandboxes", {"sandboxes": told[:10]}, ids=ids[:10])
    script.answer("codebuild", "batch_get_sandboxes", {"sandboxes": told[10:]}, ids=ids[10:])
    assert used(script) == [under_way("sandbox shop:10")]


def test_a_project_that_is_gone_is_passed_over(script: Script) -> None:
    """That it is gone is asked; the next one is read."""
    script.pages("codebuild", "list_projects", "projects", ["gone", "shop"])
    answer = {"projects": [project(tagged("v1"))], "projectsNotFound": ["gone"]}
    script.answer("codebuild", "batch_get_projects", answer, names=["gone", "shop"])
    builds(script)
    script.pages("codebuild", "list_projects", "projects", ["other"], ["shop"])
    nothing_else(script)
    assert used(script) == [of_project(written())]


def test_a_project_that_is_listed_and_not_found_is_an_error(script: Script) -> None:
    """CodeBuild contradicts itself."""
    script.pages("codebuild", "list_projects", "projects", ["shop"])
    answer = {"projects": [], "projectsNotFound": ["shop"]}
    script.answer("codebuild", "batch_get_projects", answer, names=["shop"])
    script.pages("codebuild", "list_projects", "projects", ["shop"])
    with pytest.raises(MissingError, match=r"^BatchGetProjects does not find shop, which is listed$"):
        used(script)


def test_a_project_that_is_deleted_before_its_builds_are_listed_is_passed_over(script: Script) -> None:
    """It builds nothing any more."""
    projects(script, project(tagged("v1")))
    script.refuse("codebuild", "list_builds_for_project", "ResourceNotFoundException", projectName="shop")
    script.pages("codebuild", "list_projects", "projects", ["other"])
    nothing_else(script)
    assert used(script) == []


def test_a_build_that_is_not_found_was_deleted(script: Script) -> None:
    """One under way cannot be, so it is listed no more; the next one is read."""
    projects(script, project())
    script.pages("codebuild", "list_builds_for_project", "ids", ["shop:1", "shop:2"], projectName="shop")
    answer = {"builds": [{**build(2), **environment(tagged("v1"))}], "buildsNotFound": ["shop:1"]}
    script.answer("codebuild", "batch_get_builds", answer, ids=["shop:1", "shop:2"])
    script.pages("codebuild", "list_builds_for_project", "ids", ["shop:2"], projectName="shop")
    nothing_else(script)
    assert used(script) == [under_way("build shop:2")]


def test_what_is_left_out_in_silence_is_an_error(script: Script) -> None:
    """Neither described nor called missing."""
    projects(script, project())
    script.pages("codebuild", "list_builds_for_project", "ids", ["shop:1", "shop:2"], projectName="shop")
    script.answer("codebuild", "batch_get_builds", {"builds": [build(2)]}, ids=["shop:1", "shop:2"])
    with pytest.raises(SourceError, match=r"^BatchGetBuilds left out shop:1$"):
        used(script)


BUILDSPEC: Final = f"""
version: 0.2
batch:
  build-list:
    - identifier: arm
      env:
        image: {tagged("v2")}
"""


def test_a_buildspec_is_searched(script: Script) -> None:
    """A project's names what its next batch will run, that of what is under way what it runs yet."""
    spec: dict[str, Any] = {"source": {"type": "NO_SOURCE", "buildspec": BUILDSPEC}}
    projects(script, project() | spec)
    builds(script, build(image=MANAGED, **spec))
    script.pages("codebuild", "list_build_batches", "ids", ["shop:b"], **BATCHES)
    batch = {"id": "shop:b", **environment(MANAGED), **spec}
    script.answer("codebuild", "batch_get_build_batches", {"buildBatches": [batch]}, ids=["shop:b"])
    script.pages("codebuild", "list_sandboxes", "ids", ["shop:s"], **SANDBOXES)
    sandbox = {"id": "shop:s", **environment(MANAGED), **spec}
    script.answer("codebuild", "batch_get_sandboxes", {"sandboxes": [sandbox]}, ids=["shop:s"])
    assert [(one.consumer, one.reference, one.evidence) for one in used(script)] == [
        ("codebuild project shop, buildspec or variables", written(tagged("v2"), "v2"), UsageKind.CONFIGURED),
        ("codebuild build shop:1, buildspec or variables", written(tagged("v2"), "v2"), UsageKind.RUNNING),
        ("codebuild batch build shop:b, buildspec or variables", written(tagged("v2"), "v2"), UsageKind.RUNNING),
        ("codebuild sandbox shop:s, buildspec or variables", written(tagged("v2"), "v2"), UsageKind.RUNNING),
    ]


def test_a_buildspec_is_read_with_the_variables_of_its_project(script: Script) -> None:
    """Where a project names its registry or repository in a variable, the commands name no host."""
    variables = [{"name": "REPOSITORY_URI", "value": tagged("v2").partition(":")[0], "type": "PLAINTEXT"}]
    named: dict[str, Any] = project()
    named["environment"] |= {"environmentVariables": variables}
    projects(script, named | {"source": {"type": "NO_SOURCE", "buildspec": "- docker pull $REPOSITORY_URI:v2\n"}})
    builds(script)
    nothing_else(script)
    assert written(tagged("v2"), "v2") in [one.reference for one in used(script)]


@pytest.mark.parametrize("source", [{}, {"buildspec": ""}, {"buildspec": "ci/buildspec.yml"}])
def test_a_buildspec_elsewhere_names_nothing(script: Script, source: dict[str, Any]) -> None:
    """A file of the source, or none at all."""
    projects(script, project() | {"source": {"type": "GITHUB", **source}})
    builds(script)
    nothing_else(script)
    assert used(script) == []
