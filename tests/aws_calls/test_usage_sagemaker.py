"""How SageMaker is read: every kind is listed and described alike, images of Studio and pipelines take a third call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources.sagemaker import reading
from ecr_cleaner.usage.sources.sagemaker.kinds import KINDS
from tests.aws_calls.consumers import APP, account, every_form, tagged, told, unreadable, written
from tests.aws_calls.filled import filled
from tests.builders import ACCOUNT, REGION

if TYPE_CHECKING:
    from ecr_cleaner.usage.declarative import Images
    from ecr_cleaner.usage.sources.sagemaker.kinds import Kind
    from tests.aws_calls.script import Script

PAGE: Final = {"MaxResults": 100}
BY_NOUN: Final = {kind.noun: kind for kind in KINDS}
each_kind: Final = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
each_place: Final = pytest.mark.parametrize(
    ("kind", "place"),
    [pytest.param(kind, place, id=f"{kind.noun} {place.at}.{place.image}") for kind in KINDS for place in kind.images],
)

PLACES: Final = {
    "model": "PrimaryContainer.Image Containers[].Image",
    "endpoint": "ProductionVariants[].DeployedImages[].SpecifiedImage"
    " ProductionVariants[].DeployedImages[].ResolvedImage"
    " ShadowProductionVariants[].DeployedImages[].SpecifiedImage"
    " ShadowProductionVariants[].DeployedImages[].ResolvedImage"
    " PendingDeploymentSummary.ProductionVariants[].DeployedImages[].SpecifiedImage"
    " PendingDeploymentSummary.ProductionVariants[].DeployedImages[].ResolvedImage"
    " PendingDeploymentSummary.ShadowProductionVariants[].DeployedImages[].SpecifiedImage"
    " PendingDeploymentSummary.ShadowProductionVariants[].DeployedImages[].ResolvedImage",
    "inference component": "Specification.Container.DeployedImage.SpecifiedImage"
    " Specification.Container.DeployedImage.ResolvedImage"
    " Specifications[].Container.DeployedImage.SpecifiedImage"
    " Specifications[].Container.DeployedImage.ResolvedImage",
    "model package": "InferenceSpecification.Containers[].Image AdditionalInferenceSpecifications[].Containers[].Image",
    "algorithm": "TrainingSpecification.TrainingImage InferenceSpecification.Containers[].Image",
    "training job": "AlgorithmSpecification.TrainingImage DebugRuleConfigurations[].RuleEvaluatorImage"
    " ProfilerRuleConfigurations[].RuleEvaluatorImage",
    "processing job": "AppSpecification.ImageUri",
    "tuning job": "TrainingJobDefinition.AlgorithmSpecification.TrainingImage"
    " TrainingJobDefinitions[].AlgorithmSpecification.TrainingImage",
    "optimization job": "OptimizationConfigs[].ModelQuantizationConfig.Image"
    " OptimizationConfigs[].ModelCompilationConfig.Image OptimizationConfigs[].ModelShardingConfig.Image",
    "monitoring schedule": "MonitoringScheduleConfig.MonitoringJobDefinition.MonitoringAppSpecification.ImageUri",
    "data quality job definition": "DataQualityAppSpecification.ImageUri",
    "model bias job definition": "ModelBiasAppSpecification.ImageUri",
    "model explainability job definition": "ModelExplainabilityAppSpecification.ImageUri",
    "model quality job definition": "ModelQualityAppSpecification.ImageUri",
}
"""Every place of an image, so that none is lost in a change."""


def method(script: Script, operation: str) -> str:
    """boto3's name of an operation."""
    methods: dict[str, str] = script.aws.client("sagemaker").meta.method_to_api_mapping
    return next(name for name, one in methods.items() if one == operation)


def called(kind: Kind, number: int = 1) -> str:
    """A thing's name, or the ARN by which it is described."""
    name = f"thing{number}"
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{name}/3" if kind.name.endswith("Arn") else name


def lists(script: Script, kind: Kind, *pages: list[str]) -> None:
    """The things of a kind: the pages for the first filter, nothing for the others."""
    for number, asked in enumerate(kind.filters):
        for place, names in enumerate(pages if number == 0 else ([],)):
            token = {"NextToken": f"t{place}"} if place else {}
            told: dict[str, Any] = {kind.items: [{kind.name: name} for name in names]}
            if number == 0 and place + 1 < len(pages):
                told["NextToken"] = f"t{place + 1}"
            answer = filled(script, "sagemaker", kind.listing, told)
            script.answer("sagemaker", method(script, kind.listing), answer, **PAGE, **asked, **token)


def describes(script: Script, kind: Kind, told: dict[str, Any], number: int = 1) -> None:
    """A thing of a kind."""
    asked = {kind.param: called(kind, number), **dict(kind.params)}
    answer = filled(script, "sagemaker", kind.describing, told)
    script.answer("sagemaker", method(script, kind.describing), answer, **asked)


def refuses(script: Script, kind: Kind, code: str, number: int = 1) -> None:
    """A thing of a kind is not described."""
    asked = {kind.param: called(kind, number), **dict(kind.params)}
    script.refuse("sagemaker", method(script, kind.describing), code, **asked)


def at(path: str, value: Any) -> dict[str, Any]:
    """An answer with a value at the end of a path."""
    for step in reversed(path.split(".")):
        value = {step.removesuffix("[]"): [value] if step.endswith("[]") else value}
    return dict(value)


def used(script: Script, kind: Kind) -> list[Usage]:
    """What the things of a kind use."""
    return list(reading.usages(account(script), kind))


def usage(kind: Kind, reference: Reference, number: int = 1) -> Usage:
    """A usage by a thing."""
    name = f"thing{number}/3" if kind.name.endswith("Arn") else f"thing{number}"
    return Usage(reference, "sagemaker", f"sagemaker {kind.noun} {name}", kind.evidence)


def test_no_place_of_an_image_is_lost() -> None:
    """What is read, word for word."""
    read = {kind.noun: " ".join(f"{place.at}.{place.image}" for place in kind.images) for kind in KINDS}
    assert read == PLACES


def test_what_runs_and_what_will_run_are_told_apart() -> None:
    """By the kind of evidence."""
    told = {evidence: {k.noun for k in KINDS if k.evidence is evidence} for evidence in UsageKind}
    assert told[UsageKind.SCHEDULED] == {"monitoring schedule"}
    jobs = {"training job", "processing job", "tuning job", "optimization job"}
    assert told[UsageKind.RUNNING] == jobs, "endpoints last until they are deleted"
    unended = {kind.noun: [asked["StatusEquals"] for asked in kind.filters] for kind in KINDS if kind.noun in jobs}
    assert unended.pop("optimization job") == ["STARTING", "INPROGRESS", "STOPPING"]
    assert set(map(tuple, unended.values())) == {("InProgress", "Stopping")}


@each_place
def test_each_place_of_an_image_counts(script: Script, kind: Kind, place: Images) -> None:
    """On the second page of the listing, too."""
    lists(script, kind, [called(kind)], [called(kind, 2)])
    describes(script, kind, {})
    describes(script, kind, at(place.at, {place.image: tagged("v1")}), 2)
    assert used(script, kind) == [usage(kind, written(), 2)]


@every_form
def test_every_form_of_an_image(script: Script, text: str, references: tuple[Reference, ...]) -> None:
    """An image of elsewhere protects nothing."""
    kind = BY_NOUN["model"]
    lists(script, kind, [called(kind)])
    describes(script, kind, {"PrimaryContainer": {"Image": text}})
    assert used(script, kind) == [usage(kind, reference) for reference in references]


@unreadable
def test_an_image_that_cannot_be_read_stops_nothing(
    script: Script, text: str, references: tuple[Reference, ...]
) -> None:
    """What may be ECR's protects its repository."""
    kind = BY_NOUN["model"]
    lists(script, kind, [called(kind)])
    describes(script, kind, {"PrimaryContainer": {"Image": text}})
    assert told(used(script, kind), text, references)


@pytest.mark.parametrize(
    ("told", "digest"),
    [(APP, APP), (APP.upper(), APP), ("d41d8cd98f00b204e9800998ecf8427e", None), ("", None)],
)
def test_the_digest_of_a_package_counts_beside_its_tag(script: Script, told: str, digest: str | None) -> None:
    """The model allows capital letters, and calls it an MD5 hash."""
    kind = BY_NOUN["model package"]
    lists(script, kind, [called(kind)])
    container = {"Image": tagged("v1"), "ImageDigest": told}
    describes(script, kind, {"InferenceSpecification": {"Containers": [container]}})
    resolved = [usage(kind, written(tag=None, of=digest))] if digest else []
    assert used(script, kind) == [usage(kind, written()), *resolved]


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
@each_kind
def test_a_thing_that_is_listed_no_more_is_passed_over(script: Script, kind: Kind, code: str) -> None:
    """It is listed again to know; the next one is read."""
    lists(script, kind, [called(kind), called(kind, 2)])
    refuses(script, kind, code)
    place = kind.images[0]
    describes(script, kind, at(place.at, {place.image: tagged("v1")}), 2)
    lists(script, kind, [called(kind, 2)])
    assert used(script, kind) == [usage(kind, written(), 2)]


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
@each_kind
def test_a_thing_that_is_listed_and_not_described_is_an_error(script: Script, kind: Kind, code: str) -> None:
    """Whatever is wrong with it, what it uses is not known."""
    lists(script, kind, [called(kind)])
    refuses(script, kind, code)
    lists(script, kind, [called(kind)])
    with pytest.raises(AwsError, match=code):
        used(script, kind)


@each_kind
def test_a_refused_call_is_an_error(script: Script, kind: Kind) -> None:
    """Denied is not gone."""
    lists(script, kind, [called(kind)])
    refuses(script, kind, "AccessDeniedException")
    with pytest.raises(AwsError, match="AccessDenied"):
        used(script, kind)


@each_kind
def test_a_refused_listing_is_an_error(script: Script, kind: Kind) -> None:
    """Nor is it "there are none"."""
    script.refuse("sagemaker", method(script, kind.listing), "AccessDeniedException", **PAGE, **kind.filters[0])
    with pytest.raises(AwsError, match="AccessDenied"):
        used(script, kind)


@each_kind
def test_a_thing_of_which_nothing_is_told_is_no_answer(script: Script, kind: Kind) -> None:
    """It does not say that it uses no image."""
    lists(script, kind, [called(kind)])
    asked = {kind.param: called(kind), **dict(kind.params)}
    whole = filled(script, "sagemaker", kind.describing, {})
    script.cut_short("sagemaker", method(script, kind.describing), {}, whole, **asked)
    with pytest.raises(
        IncompleteAnswerError,
        match=f"Incomplete response from {kind.describing}: field '{kind.required_member}' is missing",
    ):
        used(script, kind)


@pytest.mark.parametrize("lacks", ["items", "name"])
@each_kind
def test_a_listing_that_lacks_a_member_is_no_answer(script: Script, kind: Kind, lacks: str) -> None:
    """It does not say that there are none."""
    answer: dict[str, Any] = {} if lacks == "items" else {kind.items: [{}]}
    whole = filled(script, "sagemaker", kind.listing, {})
    script.cut_short("sagemaker", method(script, kind.listing), answer, whole, **PAGE, **kind.filters[0])
    with pytest.raises(IncompleteAnswerError, match=f"Incomplete response from {kind.listing}: field "):
        used(script, kind)


def test_an_answer_of_another_form_is_an_error(script: Script) -> None:
    """Where images were looked for, something else stands."""
    kind = BY_NOUN["model"]
    lists(script, kind, [called(kind)])
    told = {"ModelArn": "arn", "Containers": "none"}
    whole = filled(script, "sagemaker", kind.describing, {})
    script.cut_short("sagemaker", "describe_model", told, whole, ModelName="thing1")
    with pytest.raises(SourceError, match="a response of DescribeModel does not match its service model"):
        used(script, kind)
