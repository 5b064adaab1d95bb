"""What a text names: images, and the task definitions that calls in it would start."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.usage.texts.named import Named, images_in, named_in, widened
from tests.builders import ACCOUNT, HOST, REGION

ARN: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report:3"

NAMES: Final = st.from_regex(r"[A-Za-z0-9_-]{1,40}(:[1-9][0-9]{0,4})?", fullmatch=True)
_LEAVES: Final = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
DOCUMENTS: Final = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)


@given(name=NAMES, document=DOCUMENTS, key=st.sampled_from(["TaskDefinition", "taskDefinition", "TaskDefinitionArn"]))
def test_a_task_definition_is_found_wherever_a_call_takes_it(name: str, document: Any, key: str) -> None:
    """At any depth of a document, and in an expression that stands in one as a text."""
    told: list[Any] = [document, {"Arguments": {key: name}}]
    assert name in named_in(json.dumps(told)).task_definitions
    assert name in named_in(json.dumps({"a": {"b": f"{{% {{'{key}': '{name}'}} %}}"}})).task_definitions


@given(before=st.text(max_size=30), after=st.text(alphabet=" \n\"'),;]}%", max_size=5))
def test_an_arn_is_found_in_any_text(before: str, after: str) -> None:
    """Whatever kind of document it is; a text of unknown grammar has no other names."""
    assert ARN in named_in(f"{before} {ARN}{after}").task_definitions


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:ecs:*:123456789012:task-definition/*",
        f"{ARN.removesuffix(':3')}-*",
        f"{ARN.removesuffix('3')}$REVISION".replace(":$", "${X}"),
        "task-definition/report:3",
        "TaskDefinitions: [a, b]",
        "MyTaskDefinitionName: x",
    ],
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    """A pattern of a policy, the beginning of a name that goes on, another member."""
    assert named_in(text).task_definitions == ()


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("$.chosen", "chosen"),
        ("$.next['chosen']", "chosen"),
        ("$$.Execution.Input.chosen", "chosen"),
        ("{% $states.input.chosen %}", "chosen"),
        ("$.list[0]", "list"),
    ],
)
def test_an_expression_tells_where_its_value_stands(expression: str, key: str) -> None:
    """By its last word; under that member a name is found, and anything else is none."""
    keys = named_in(json.dumps({"TaskDefinition.$": expression})).keys
    assert keys == (key,)
    assert named_in(json.dumps({"a": [{key: "report:3"}, {key: "no name"}, {key: 3}]}), keys).task_definitions == (
        "report:3",
    )
    assert named_in(json.dumps({key: [ARN, "report", 3]}), keys).task_definitions == (ARN, "report")


def test_an_expression_with_a_whole_name_in_it_names_both() -> None:
    """One of several that are chosen from."""
    expression = f"{{% $x ? '{ARN}' : $.other %}}"
    assert set(named_in(json.dumps({"TaskDefinition": expression})).task_definitions) == {expression, ARN}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "StartAt: x"])
def test_what_must_be_json_is(text: str) -> None:
    """Else it is read as a text."""
    assert not named_in(text)
    with pytest.raises(ValueError, match=r"\A\Z"):
        named_in(text, must_be_json=True)


def test_images_of_several_texts_are_named_once() -> None:
    """In their order."""
    found = images_in(f"{HOST}/a:1", "", f"{HOST}/b:1 {HOST}/a:1")
    assert [reference.repository for reference in found.references] == ["a", "b"]
    assert found.task_definitions == ()


@pytest.mark.parametrize("tag", [":v1", "", f"@sha256:{'0' * 64}"])
def test_a_wide_reference_covers_the_repository(tag: str) -> None:
    """In the same registry; what covers more already stays, and so does a digest in whichever repository."""
    (image,) = named_in(f"docker pull {HOST}/shop/app{tag or ':latest'}").references
    wide = widened(image)
    assert (wide.account, wide.region, wide.repository) == (ACCOUNT, REGION, "shop/app")
    assert (wide.tag, wide.digest, wide.breadth) == (None, None, ReferenceScope.REPOSITORY)
    assert wide.text == f"{HOST}/shop/app:*"
    assert widened(wide) == wide
    anywhere = Reference("x", digest=f"sha256:{'0' * 64}")
    assert widened(anywhere) == anywhere


def test_what_is_stored_has_no_text_but_names() -> None:
    """And paths, as notes tell them; of other expressions only how many there are."""
    references = images_in(f"{HOST}/a:1").references
    hush = "{% $x = 'hush' %}"
    stored = Named(references, ("report:3", ARN, "$.chosen", hush, f"{hush} "), ("chosen", "hush")).storable()
    assert stored == Named(references, ("report:3", ARN, "$.chosen", "…", "…"))
    assert stored.storable() == stored
    assert stored.keys == ()
