"""Every text of a response that a source reads: an image field, searched, or left out for a reason."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

import botocore.session
import pytest

from ecr_cleaner.aws.errors import IAM_NAMES
from ecr_cleaner.usage.catalog import SOURCES
from ecr_cleaner.usage.texts.free_text import PAST, FreeText
from ecr_cleaner.usage.texts.search import Grammar, search
from tests.aws_calls.consumers import tagged
from tests.aws_calls.stories import STORIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.usage.source import Source
    from tests.aws_calls.script import Script
    from tests.aws_calls.stories import Story

SESSION: Final = botocore.session.get_session()
MARKED: Final = tagged("v9", "marked")

NAMES: Final = re.compile(
    r"(?:arn|id|identifier|identity|name|token|marker|version|status|type|url|prefix|etag|cluster|source)s?",
    re.IGNORECASE,
)
"""How members end that are names, ids, ARNs, states and such of the thing itself."""

LEFT_OUT: Final[dict[str, str]] = {
    "batch DescribeJobQueues .*": "a queue names no image; its jobs are read",
    "batch ListJobs .*": "a summary: the job is described",
    "batch ListServiceJobs .*": "a summary: the job is described",
    "codebuild .*NotFound": "names of what was deleted",
    "codebuild ListProjects projects": "names",
    "codedeploy List(?:Applications|DeploymentGroups|Deployments) .*": "names and ids",
    "codedeploy .*[rR]evision.*content": "searched as a definition, each text once",
    "codedeploy .*[rR]evision.*(?:sha256|bucket|key|repository)": "where a revision lies that is not read",
    "codedeploy .*(?:[tT]agFilters|TagSetList|autoScalingGroups).*": "which instances are deployed to",
    "codedeploy BatchGetDeployments deploymentsInfo.(?:description|rollbackInfo.rollbackMessage)": "of the past",
    "codedeploy BatchGetDeploymentGroups errorMessage": "of the past",
    "codedeploy GetApplicationRevision revisionInfo.*": "of the past; the revision itself is searched",
    "codepipeline .*artifactRevisions.revisionSummary": "of the past",
    "codepipeline GetPipelineExecution pipelineExecution.variables.resolvedValue": "searched, each text for itself",
    "codepipeline .*trigger.triggerDetail": "who started it",
    "ecs DescribeExpressGatewayService service.currentDeployment": "an ARN",
    r"ecs DescribeExpressGatewayService service\.tags\..*": "not asked for",
    r"ecs DescribeTaskDefinition tags\..*": "not asked for",
    "ecs DescribeDaemonDeployments .*.rollbackCapacityProviders": "names",
    "ecs ListTaskDefinitionFamilies families": "names",
    "ecr GetRegistryScanningConfiguration .*": "which repositories are scanned",
    "eks ListClusters clusters": "names",
    "events ListEventBuses .*": "a bus starts nothing; its rules are read",
    "eventbridgev2 DescribeSubscriber (?:InvokeConfiguration|Transformer)[.].*": "searched, and read as a definition",
    "eventbridgev2 DescribeSubscriber (?:Description|FilterConfiguration.*)": "which events are taken",
    "inspector2 ListCoverage .*": "what was scanned: the digest in the id is what is used",
    "iotsitewise DescribeTask description": "the task itself is searched",
    "pipes ListPipes .*": "ARNs, which the description has too",
    "s3 ListObjectsV2 .*": "of objects, not in them",
    "s3 GetObject (?!Body).*": "of an object, not in it",
    "s3 GetObject Body": "a list of image names, each of which is read",
    "sagemaker List.*": "a summary: the resource is described",
    "sagemaker DescribePipelineDefinitionForExecution PipelineDefinition": "searched as a definition",
    "stepfunctions DescribeExecution (?:output|cause|traceHeader)": "of the past, or an id",
    "stepfunctions DescribeExecution input": "searched as a definition",
    "stepfunctions DescribeStateMachineForExecution .*": "as of the state machine",
    "stepfunctions DescribeStateMachine definition": "searched as a definition, each text once",
    "stepfunctions DescribeStateMachine (?:label|description|variableReferences)": "what the definition says itself",
}
"""Service, operation and path, without brackets, of texts that are not searched as texts, each with the reason."""


def output(service: str, operation: str) -> Any:
    """The shape of a response."""
    return SESSION.get_service_model(service).operation_model(operation).output_shape


def strings(shape: Any, path: str = "", around: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths to all texts of a shape that are not one of a few words."""
    match shape.type_name:
        case "structure":
            for name, member in shape.members.items() if shape.name not in around else ():
                yield from strings(member, f"{path}.{name}".lstrip("."), (*around, shape.name))
        case "list":
            yield from strings(shape.member, f"{path}[]", around)
        case "map":
            yield from strings(shape.value, f"{path}{{}}", around)
        case "string" | "blob" if not getattr(shape, "enum", None):
            yield path


def called(source: Source) -> set[tuple[str, str]]:
    """Service and operation of all calls of a source: of what it reads, and of what it may do."""
    read = {(one.service, one.operation) for one in source.fields}
    models = {service: SESSION.get_service_model(service) for service in {source.service or "s3", *dict(read)}}
    allowed = {
        (service, operation)
        for service, model in models.items()
        for prefix, _, action in (permission.partition(":") for permission in source.permissions)
        for operation in {action, *(name for name, other in IAM_NAMES.items() if other == action)}
        if prefix == model.signing_name and operation in model.operation_names
    }
    left = set(source.permissions) - {
        f"{models[service].signing_name}:{IAM_NAMES.get(operation, operation)}" for service, operation in allowed
    }
    assert left == set()
    return read | allowed


def unread(source: Source) -> Iterator[str]:
    """Texts of the responses of a source for which nothing says what becomes of them."""
    for service, operation in sorted(called(source)):
        items = [text.items for text in source.texts if (text.service, text.operation) == (service, operation)]
        for path in strings(output(service, operation)):
            plain = re.sub(r"\[\]|\{\}", "", path)
            named = f"{service} {operation} {plain}"
            if any(not one or path == one or path.startswith((f"{one}.", f"{one}[", f"{one}{{")) for one in items):
                continue
            if PAST.keys() & set(plain.split(".")) or NAMES.search(plain):
                continue
            if not any(re.fullmatch(left_out, named) for left_out in LEFT_OUT):
                yield named


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_text_of_a_response_is_searched_or_left_out_for_a_reason(source: Source) -> None:
    """By the service model: a member that a service adds is searched, or fails here."""
    assert list(unread(source)) == []


def test_no_reason_is_left_over() -> None:
    """Each is for a text that some source still reads."""
    named = {
        f"{service} {operation} " + re.sub(r"\[\]|\{\}", "", path)
        for source in SOURCES
        for service, operation in called(source)
        for path in strings(output(service, operation))
    }
    assert [left_out for left_out in LEFT_OUT if not any(re.fullmatch(left_out, text) for text in named)] == []
    members = {part for text in named for part in text.split(" ")[2].split(".")}
    assert sorted(PAST.keys() - members) == []


def every(shape: Any, around: tuple[str, ...] = ()) -> Any:
    """A value with the marker in every text of a shape."""
    match shape.type_name:
        case "structure":
            inside = (*around, shape.name)
            return {name: every(member, inside) for name, member in shape.members.items() if shape.name not in around}
        case "list":
            return [every(shape.member, around)]
        case "map":
            return {"key": every(shape.value, around)}
        case "string":
            return MARKED
    return None


@pytest.mark.parametrize(
    "texts",
    list(dict.fromkeys(text for source in SOURCES for text in source.texts)),
    ids=lambda text: f"{text.operation}-{text.items}",
)
def test_what_is_searched_of_an_item_is_all_but_image_fields_and_the_past(texts: FreeText) -> None:
    """Paths to image fields and builds exist in the model, and each is read by what is meant for it alone."""
    whole = output(texts.service, texts.operation)
    shape = whole
    for step in filter(None, texts.items.split(".")):
        shape = shape.members[step.replace("[]", "")]
        shape = shape.member if step.endswith("[]") else shape
    paths = set(strings(shape))
    assert {*texts.images, *texts.builds} <= {*paths, *(path.removesuffix("[]") for path in paths)}
    item = every(shape)
    found = list(texts.parts(item, whole))
    # Of a map's keys the model knows none.
    variables = [path for path in texts.variables if any(known.startswith(path) for known in paths)]
    assert sorted(grammar for grammar, _ in found[1:]) == sorted(
        [*([Grammar.BUILD] * len(texts.builds)), *([Grammar.VARIABLES] * len(variables))]
    )
    told = str(found[0][1]).count(MARKED)
    left_out = {*texts.images, *texts.builds}
    paths = {path for path in paths if not path.startswith(tuple(variables))}
    wanted = [
        path
        for path in paths
        if path not in left_out
        and f"{path.removesuffix('[]')}" not in left_out
        and not PAST.keys() & set(re.sub(r"\[\]|\{\}", "", path).split("."))
    ]
    assert told >= len(wanted)
    assert bool(search(found[0][1], texts.grammar).references) == bool(wanted)


def place(answer: dict[str, Any], texts: FreeText) -> tuple[dict[str, Any], str]:
    """The first item of an answer, and the path in it at which a text can be put; empty if there is none."""
    item, shape = answer, output(texts.service, texts.operation)
    for step in filter(None, texts.items.split(".")):
        name = step.removesuffix("[]")
        item, shape = item[name], shape.members[name]
        if step.endswith("[]"):
            item, shape = next(iter(item), {}), shape.member
    return item, next((path for path in strings(shape) if can_be_put(path, item, shape, texts)), "")


def can_be_put(path: str, item: dict[str, Any], shape: Any, texts: FreeText) -> bool:
    """Whether a text can stand there without anything else that the model demands, and names nothing that is asked."""
    steps = path.split(".")
    if (
        path in texts.images
        or steps[0].rstrip("[]{}") in item
        or PAST.keys() & set(re.sub(r"\[\]|\{\}", "", path).split("."))
    ):
        return False
    for step in steps[:-1]:
        shape = shape.members[step.rstrip("[]{}")]
        shape = shape.value if step.endswith("{}") else shape.member if step.endswith("[]") else shape
        if shape.type_name != "structure" or shape.required_members:
            return False
    return not NAMES.search(steps[-1].rstrip("[]{}")) and not steps[-1].endswith("efinition")


def put(item: dict[str, Any], path: str) -> None:
    """Put the marker at the end of a path."""
    step, _, further = path.partition(".")
    value: Any = MARKED
    if further:
        value = {}
        put(value, further)
    for mark in reversed(re.findall(r"\[\]|\{\}", step)):
        value = [value] if mark == "[]" else {"key": value}
    item[re.sub(r"\[\]|\{\}", "", step)] = value


def _described() -> Iterator[Any]:
    """Each story with each of its calls whose items are searched, and where a text can be put in the first of them."""
    for story in STORIES:
        name = story.name.partition(" ")[0].rstrip(",")
        source = next(one for one in SOURCES if one.name == name)
        for texts in source.texts:
            method = re.sub(r"(?<!^)(?=[A-Z])", "_", texts.operation).lower()
            # Of a daemon's revision nothing is a free text yet.
            numbers = [
                number
                for number, call in enumerate(story.calls)
                if call.method == method and all(place(call.answer, texts))
            ]
            for number in numbers[:1]:
                yield pytest.param(story, number, texts, id=f"{story.name}-{method}")


@pytest.mark.parametrize(("story", "number", "texts"), list(_described()))
def test_a_source_searches_what_it_says_that_it_searches(
    script: Script, story: Story, number: int, texts: FreeText
) -> None:
    """An image in a member that nobody has named is found."""
    call = story.calls[number]
    answer = deepcopy(call.answer)
    item, path = place(answer, texts)
    put(item, path)
    for each in story.calls:
        told = answer if each is call else each.answer
        script.answer(story.service_of(each), each.method, told, **each.asked)
    found = [usage for usage in story.used(script) if usage.reference.text == MARKED]
    assert found
    assert all(usage.in_text for usage in found)
