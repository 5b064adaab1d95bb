"""Every row of the table against botocore's model, and asked over two pages: nothing of it is written twice."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ecr_cleaner.aws.responses import page_tokens
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.catalog import SOURCES
from ecr_cleaner.usage.declarative import DeclarativeCollector
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import codepipeline, omics
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.aws_calls.rows import Story, is_known, put, shape_at, steps
from tests.aws_calls.world import codes
from tests.fake_aws.shapes import filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.usage.declarative import Call, Chain
    from tests.aws_calls.script import Script

ROWS: Final = [source.collect for source in SOURCES if isinstance(source.collect, DeclarativeCollector)]
CHAINS: Final = [
    pytest.param(rows, chain, id=f"{rows.name}-{number}")
    for rows in ROWS
    for number, chain in enumerate(rows.chains, start=1)
]
CALLS: Final = [
    pytest.param(rows, chain, depth, id=f"{rows.name}-{number}-{chain.calls[depth].operation}")
    for rows in ROWS
    for number, chain in enumerate(rows.chains, start=1)
    for depth in range(len(chain.calls))
]
READ: Final = {(one.service, one.operation) for source in SOURCES for one in source.fields if one.service != "s3"}
"""Every operation of whose responses a source reads something; S3's have a reader of their own."""
TEXTUAL: Final = ("string", "blob", "structure", "list", "map")

OVER: Final = frozenset(
    {
        *("CANCELLED", "COLLABORATION_DELETED", "COMPLETED", "DELETED", "FAILED", "REMOVED", "SUCCESS", "TERMINATED"),
        "TERMINATED_WITH_ERRORS",
    }
)
"""States in which a thing starts nothing any more."""

OF_OTHERS: Final = frozenset({"READY2RUN", "PUBLIC", "Shared", "Amazon", "ThirdParty", "AWSMarketplace", "YAML"})
"""Kinds of things that are not the account's own, and forms of one and the same answer."""

every_chain: Final = pytest.mark.parametrize(("rows", "chain"), CHAINS)
every_call: Final = pytest.mark.parametrize(("rows", "chain", "depth"), CALLS)

_session: Final = botocore.session.get_session()


def model_of(rows: DeclarativeCollector, call: Call) -> Any:
    """The operation in botocore's model."""
    return _session.get_service_model(call.service or rows.service).operation_model(call.operation)


def item_of(rows: DeclarativeCollector, call: Call) -> Any:
    """The shape of an item."""
    return shape_at(model_of(rows, call).output_shape, call.items)


def follow(script: Script, rows: DeclarativeCollector, chain: Chain) -> Iterator[Usage]:
    """What one chain of a source uses."""
    context = SourceContext(script.aws, Settings.model_construct(), TaskDefinitions(script.aws))
    return replace(rows, chains=(chain,))(context)


@every_call
def test_what_is_read_is_in_the_model(rows: DeclarativeCollector, chain: Chain, depth: int) -> None:
    """Items, images, digests, texts and whatever else, each of a type that can be read so."""
    call = chain.calls[depth]
    output, item = model_of(rows, call).output_shape, item_of(rows, call)
    assert is_known(output, call.items), call.items
    assert item.type_name == "structure"
    assert bool(call.required_member) is not bool(call.items), "what shows that the answer is whole"
    for found in call.images:
        holder = shape_at(item, found.at)
        assert all(is_known(holder, path, "string") for path in (found.image, found.digest) if path)
    assert all(is_known(item, path, "string") for path in (*call.digests, *call.error_fields, *call.terminal_states))
    assert all(is_known(item, path, *TEXTUAL) for path in call.texts)
    assert all(is_known(item, path) for path in call.paths)


@every_call
def test_what_is_asked_is_in_the_model(rows: DeclarativeCollector, chain: Chain, depth: int) -> None:
    """Nothing that the model demands is missing, and what is always the same is of the right form."""
    call = chain.calls[depth]
    shape = model_of(rows, call).input_shape
    assert not set(call.params_from) & set(call.params)
    assert set(shape.required_members) <= (set(call.params_from) - call.optional) | set(call.params)
    assert set(call.params_from) | set(call.params) <= set(shape.members)
    told = filled(shape, dict(call.params))
    assert not ParamValidator().validate(told, shape).has_errors()
    for name, value in call.params.items():
        if isinstance(value, int):
            assert value <= shape.members[name].metadata.get("max", value)


@every_call
def test_what_is_asked_was_answered_before(rows: DeclarativeCollector, chain: Chain, depth: int) -> None:
    """By an earlier item, or asked for it; so is the label."""
    before = chain.calls[:depth]
    known = {name for call in before for name in (*item_of(rows, call).members, *call.params_from)}
    assert set(chain.calls[depth].params_from.values()) <= known
    everything = {name for call in chain.calls for name in (*item_of(rows, call).members, *call.params_from)}
    assert set(re.findall(r"\{(\w+)\}", chain.consumer)) <= everything


@every_call
def test_what_has_pages_is_read_as_a_listing(
    script: Script, rows: DeclarativeCollector, chain: Chain, depth: int
) -> None:
    """Only the items of a listing are read page by page."""
    call = chain.calls[depth]
    tokens = page_tokens(script.aws.client(call.service or rows.service), call.operation)
    assert tokens is None or call.items.partition(".")[0].endswith("[]")


@pytest.mark.parametrize(("service", "operation"), sorted(READ))
def test_pages_are_turned(script: Script, service: str, operation: str) -> None:
    """By the tokens of botocore's paginator; where it has none, by the request's only member that can be one."""
    tokens = page_tokens(script.aws.client(service), operation)
    try:
        paginator = _session.get_paginator_model(service).get_paginator(operation)
    except ValueError:
        shape = _session.get_service_model(service).operation_model(operation).input_shape
        asked = [name for name in shape.members if re.search("token|marker", name, re.IGNORECASE)] if shape else []
        assert list(tokens or ())[:1] == asked
    else:
        assert tokens == (paginator["input_token"], paginator["output_token"])


@every_call
def test_what_has_vanished_is_known_by_a_modelled_code(rows: DeclarativeCollector, chain: Chain, depth: int) -> None:
    """A code that the operation does not have would never be met, and one that is not known would be an error."""
    call = chain.calls[depth]
    assert not depth or codes(model_of(rows, call))


def test_only_what_is_over_is_left_out() -> None:
    """A state that a later model adds is one in which images may be needed, until somebody says otherwise."""
    asked: dict[tuple[str, str, str], set[str]] = {}
    left: dict[tuple[str, str, str], set[str]] = {}
    for rows in ROWS:
        for call in (call for chain in rows.chains for call in chain.calls):
            for name, value in call.params.items():
                shape = model_of(rows, call).input_shape.members[name]
                enum = getattr(shape.member if shape.type_name == "list" else shape, "enum", None) or []
                key = (call.service or rows.service, call.operation, name)
                if enum:
                    asked.setdefault(key, set()).update(value if isinstance(value, list) else [value])
                    left[key] = set(enum) - asked[key]
            for path, finished in call.terminal_states.items():
                assert finished <= OVER & set(shape_at(item_of(rows, call), path).enum)
    assert {key: values - OVER - OF_OTHERS for key, values in left.items() if values - OVER - OF_OTHERS} == {}
    assert not any(values & OVER for values in asked.values())


@every_chain
def test_both_pages_of_every_listing_count(script: Script, rows: DeclarativeCollector, chain: Chain) -> None:
    """Whatever is named at the end of whichever way is found, and nothing else is asked."""
    story = Story(script, rows.service, chain)
    story.tell()
    found = [usage.reference for usage in follow(script, rows, chain)]
    assert {reference.tag for reference in found if reference.tag} == story.tags
    assert {reference.digest for reference in found if reference.digest} == story.digests
    assert story.tags or story.digests


@every_call
def test_an_answer_that_was_cut_short_is_none(
    script: Script, rows: DeclarativeCollector, chain: Chain, depth: int
) -> None:
    """It does not say that there is nothing."""
    story = Story(script, rows.service, chain, broken=depth)
    story.tell()
    with pytest.raises(IncompleteAnswerError, match=chain.calls[depth].operation):
        list(follow(script, rows, chain))


@pytest.mark.parametrize(
    ("rows", "chain"), [(rows, chain) for rows in ROWS for chain in rows.chains if chain.calls[-1].error_fields]
)
def test_what_the_service_could_not_read_itself_is_an_error(
    script: Script, rows: DeclarativeCollector, chain: Chain
) -> None:
    """Nobody knows what it names."""
    *before, last = chain.calls
    told = replace(chain, calls=(*before, replace(last, digests=last.error_fields)))
    Story(script, rows.service, told, paged=False).tell()
    noun = chain.consumer.partition(" {")[0]
    with pytest.raises(SourceError, match=f"{last.operation} could not read {noun}"):
        list(follow(script, rows, chain))


# What names images in parts


def pipeline(**configuration: str) -> dict[str, Any]:
    """A pipeline with one source action, and one of another kind."""
    kind = {"category": "Source", "owner": "AWS", "provider": "ECR", "version": "1"}
    other = {"name": "Build", "actionTypeId": kind | {"provider": "CodeBuild"}}
    return {"stages": [{"actions": [other, {"name": "Image", "actionTypeId": kind, "configuration": configuration}]}]}


@pytest.mark.parametrize(
    ("configuration", "reference"),
    [
        ({"RepositoryName": "app", "ImageTag": "v1"}, Reference("app:v1", repository="app", tag="v1")),
        ({"RepositoryName": "app"}, Reference("app:latest", repository="app")),
        ({"RepositoryName": "app", "ImageTag": ""}, Reference("app:latest", repository="app")),
        (
            {"RepositoryName": "app", "ImageTag": "#{variables.tag}"},
            Reference("app:*", repository="app", breadth=ReferenceScope.REPOSITORY),
        ),
        (
            {"RepositoryName": "app-#{variables.stage}", "ImageTag": "v1"},
            Reference("app-*", repository="app-", breadth=ReferenceScope.PREFIX),
        ),
    ],
)
def test_a_source_action_watches_a_tag(configuration: dict[str, str], reference: Reference) -> None:
    """Without one, `latest`; what a variable stands for may be anything."""
    assert list(codepipeline.watched(pipeline(**configuration))) == [reference]


def test_a_source_action_without_a_repository_is_an_error() -> None:
    """It watches something that is not known."""
    with pytest.raises(IncompleteAnswerError, match="RepositoryName"):
        list(codepipeline.watched(pipeline(ImageTag="v1")))


def test_a_registry_map_needs_every_repository_under_its_prefix() -> None:
    """The runs say which images; a map may have none."""
    told = put({}, "containerRegistryMap.registryMappings", [{"ecrRepositoryPrefix": "mirror/"}])
    assert list(omics.mapped(told)) == [Reference("mirror/*", repository="mirror/", breadth=ReferenceScope.PREFIX)]
    assert list(omics.mapped({"containerRegistryMap": {}})) == list(omics.mapped({})) == []


def test_paths_of_the_tests_are_those_of_the_code() -> None:
    """Both take them apart alike."""
    assert steps("a.b[].c{}") == [("a", ""), ("b", "[]"), ("c", "{}")]
