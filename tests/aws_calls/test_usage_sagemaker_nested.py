"""How images of Studio and pipelines are read: with every version and alias that counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.sources.sagemaker import nested
from tests.aws_calls.consumers import account, tagged, written
from tests.aws_calls.filled import filled
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PAGE: Final = {"MaxResults": 100}
GONE: Final = pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])


def answers(script: Script, method: str, operation: str, told: dict[str, Any], **asked: Any) -> None:
    """A call, answered with what is told and what the model demands."""
    script.answer("sagemaker", method, filled(script, "sagemaker", operation, told), **asked)


def lists_images(script: Script, *pages: list[str]) -> None:
    """Images of Studio."""
    items = [[filled_image(name) for name in names] for names in pages]
    script.pages("sagemaker", "list_images", "Images", *items, **PAGE)


def filled_image(name: str) -> dict[str, Any]:
    """An image as it is listed."""
    told = {"ImageName": name, "ImageArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:image/{name}"}
    return {**told, "CreationTime": NOW, "LastModifiedTime": NOW, "ImageStatus": "CREATED"}


def version_of(name: str, number: int) -> dict[str, Any]:
    """A version as it is listed."""
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:image-version/{name}/{number}"
    told = {"ImageArn": filled_image(name)["ImageArn"], "ImageVersionArn": arn, "Version": number}
    return {**told, "CreationTime": NOW, "LastModifiedTime": NOW, "ImageVersionStatus": "CREATED"}


def lists_versions(script: Script, *pages: list[int], name: str = "notebook") -> None:
    """Versions of an image."""
    items = [[version_of(name, number) for number in numbers] for numbers in pages]
    script.pages("sagemaker", "list_image_versions", "ImageVersions", *items, ImageName=name, **PAGE)


def describes_version(script: Script, number: int, told: dict[str, Any], name: str = "notebook") -> None:
    """A version of an image."""
    answer = {"ImageVersionArn": version_of(name, number)["ImageVersionArn"], **told}
    script.answer("sagemaker", "describe_image_version", answer, ImageName=name, Version=number)


def images(script: Script) -> list[Usage]:
    """What images of Studio use."""
    return list(nested.images(account(script)))


def pipelines(script: Script) -> list[Usage]:
    """What pipelines use."""
    return list(nested.pipelines(account(script)))


def by_version(number: int, tag: str, name: str = "notebook") -> Usage:
    """A usage by a version."""
    return Usage(written(tagged(tag), tag), nested.NAME, f"sagemaker image {name}, version {number}")


def by_pipeline(tag: str, rest: str = "") -> Usage:
    """A usage by a pipeline."""
    return Usage(written(tagged(tag), tag), nested.NAME, f"sagemaker pipeline weekly{rest}")


def definition(tag: str) -> dict[str, str]:
    """What a pipeline runs."""
    return {"PipelineDefinition": json.dumps({"Steps": [{"Arguments": {"ImageUri": tagged(tag)}}]})}


def lists_pipelines(script: Script, *pages: list[str]) -> None:
    """Pipelines."""
    items = [[{"PipelineName": name} for name in names] for names in pages]
    script.pages("sagemaker", "list_pipelines", "PipelineSummaries", *items, **PAGE)


def lists_pipeline_versions(script: Script, *pages: list[dict[str, Any]], name: str = "weekly") -> None:
    """Versions of a pipeline."""
    asked = {"PipelineName": name, **PAGE}
    script.pages("sagemaker", "list_pipeline_versions", "PipelineVersionSummaries", *pages, **asked)


def test_every_version_of_every_image_counts(script: Script) -> None:
    """What it is, and what it was made of; of two pages each."""
    lists_images(script, ["notebook"], ["lab"])
    lists_versions(script, [1], [2])
    describes_version(script, 1, {"ContainerImage": tagged("v1")})
    describes_version(script, 2, {"ContainerImage": tagged("v2"), "BaseImage": tagged("base")})
    lists_versions(script, [7], name="lab")
    describes_version(script, 7, {"ContainerImage": tagged("v7")}, "lab")
    found = [by_version(1, "v1"), by_version(2, "v2"), by_version(2, "base"), by_version(7, "v7", "lab")]
    assert images(script) == found


def test_a_version_that_is_being_made_has_no_image_yet(script: Script) -> None:
    """Nor one that could not be made."""
    lists_images(script, ["notebook"])
    lists_versions(script, [1])
    describes_version(script, 1, {"ImageVersionStatus": "CREATE_FAILED"})
    assert images(script) == []


@GONE
def test_an_image_that_is_listed_no_more_is_passed_over(script: Script, code: str) -> None:
    """It is listed again to know."""
    lists_images(script, ["gone"])
    script.refuse("sagemaker", "list_image_versions", code, ImageName="gone", **PAGE)
    lists_images(script, [])
    assert images(script) == []


@GONE
def test_a_version_that_is_listed_no_more_is_passed_over(script: Script, code: str) -> None:
    """The next one is read."""
    lists_images(script, ["notebook"])
    lists_versions(script, [1, 2])
    script.refuse("sagemaker", "describe_image_version", code, ImageName="notebook", Version=1)
    describes_version(script, 2, {"ContainerImage": tagged("v2")})
    lists_versions(script, [2])
    assert images(script) == [by_version(2, "v2")]


@GONE
def test_what_is_listed_and_not_described_is_an_error(script: Script, code: str) -> None:
    """What it uses is not known."""
    lists_images(script, ["notebook"])
    lists_versions(script, [1])
    script.refuse("sagemaker", "describe_image_version", code, ImageName="notebook", Version=1)
    lists_versions(script, [1])
    lists_images(script, ["notebook"])
    with pytest.raises(AwsError, match=code):
        images(script)


def test_the_newest_definition_and_those_with_an_alias_count(script: Script) -> None:
    """Other versions are started by nobody's name for them; of two pages each."""
    lists_pipelines(script, ["other"], ["weekly"])
    answers(script, "describe_pipeline", "DescribePipeline", {"PipelineDefinition": "{}"}, PipelineName="other")
    lists_pipeline_versions(script, [], name="other")
    answers(script, "describe_pipeline", "DescribePipeline", definition("v3"), PipelineName="weekly")
    aliased = {"PipelineVersionId": 2, "PipelineVersionAliases": ["stable"]}
    lists_pipeline_versions(
        script,
        [{"PipelineVersionId": 3}],
        [filled_version(script, aliased), {"PipelineVersionId": 1, "PipelineVersionAliases": []}],
    )
    asked = {"PipelineName": "weekly", "PipelineVersionId": 2}
    answers(script, "describe_pipeline", "DescribePipeline", definition("v2"), **asked)
    assert pipelines(script) == [by_pipeline("v3"), by_pipeline("v2", ", version 2")]


def filled_version(script: Script, told: dict[str, Any]) -> dict[str, Any]:
    """A version with an alias, as it is listed."""
    answer = filled(script, "sagemaker", "ListPipelineVersions", {"PipelineVersionSummaries": [told]})
    return dict(answer["PipelineVersionSummaries"][0])


@GONE
def test_a_pipeline_that_is_listed_no_more_is_passed_over(script: Script, code: str) -> None:
    """The next one is read."""
    lists_pipelines(script, ["gone", "weekly"])
    script.refuse("sagemaker", "describe_pipeline", code, PipelineName="gone")
    answers(script, "describe_pipeline", "DescribePipeline", definition("v3"), PipelineName="weekly")
    lists_pipeline_versions(script, [])
    lists_pipelines(script, ["weekly"])
    assert pipelines(script) == [by_pipeline("v3")]


@GONE
def test_a_pipeline_that_is_listed_and_not_described_is_an_error(script: Script, code: str) -> None:
    """What it uses is not known."""
    lists_pipelines(script, ["weekly"])
    script.refuse("sagemaker", "describe_pipeline", code, PipelineName="weekly")
    lists_pipelines(script, ["weekly"])
    with pytest.raises(AwsError, match=code):
        pipelines(script)


def test_a_region_without_versions_of_pipelines_has_the_rest(script: Script) -> None:
    """The newest definition and what is under way count: one listing in the middle takes nothing else out."""
    lists_pipelines(script, ["weekly"])
    answers(script, "describe_pipeline", "DescribePipeline", definition("v3"), PipelineName="weekly")
    unknown = ("UnknownOperationException", "The requested operation is not supported in the called region.")
    script.refuse("sagemaker", "list_pipeline_versions", *unknown, PipelineName="weekly", **PAGE)
    context = account(script)
    found = list(nested.pipelines(context))
    assert found == [by_pipeline("v3")]
    assert [refusal.key for refusal in context.refusals] == ["api.sagemaker:ListPipelineVersions"]
