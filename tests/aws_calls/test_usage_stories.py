"""What every source that is written by hand makes of a call that is refused, cut short, or that never ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError
from ecr_cleaner.usage.catalog import SOURCES
from ecr_cleaner.usage.declarative import DeclarativeCollector
from tests.aws_calls.consumers import every_form, told, unreadable
from tests.aws_calls.stories import STORIES
from tests.aws_calls.world import may_not_exist

if TYPE_CHECKING:
    from ecr_cleaner.model.usage import Reference
    from tests.aws_calls.script import Script
    from tests.aws_calls.stories import Call, Story

EVERY_CALL: Final = [
    pytest.param(story, call, id=f"{story.name}-{number}-{call.method}")
    for story in STORIES
    for number, call in enumerate(story.calls, start=1)
]
WITH_A_TEXT: Final = [pytest.param(story, id=story.name) for story in STORIES if story.is_read]

every_call: Final = pytest.mark.parametrize(("story", "call"), EVERY_CALL)


def test_every_source_has_a_story_or_a_table() -> None:
    """Or asks for nothing but objects that people write, or for nothing at all."""
    told = {story.name.partition(" ")[0].rstrip(",") for story in STORIES}
    by_hand = {source.name for source in SOURCES if not isinstance(source.collect, DeclarativeCollector)}
    # What SageMaker lists and describes is a table too, see `test_usage_sagemaker`.
    by_hand = {name for name in by_hand if not name.startswith("sagemaker_") or name in told}
    assert by_hand - told == {"protected_images", "used_images_objects"}
    assert told <= by_hand


@pytest.mark.parametrize("story", [story for story in STORIES if story.begins_empty], ids=lambda story: story.name)
def test_where_nothing_is_listed_nothing_is_used(script: Script, story: Story) -> None:
    """An answer all the same."""
    first, *_ = story.calls
    script.answer(story.service_of(first), first.method, {first.result: []}, **first.asked)
    assert story.used(script) == []


@every_form
@pytest.mark.parametrize("story", WITH_A_TEXT)
def test_every_form_of_an_image(script: Script, story: Story, text: str, references: tuple[Reference, ...]) -> None:
    """As it is written, and nothing else but what stands beside it; an image of elsewhere protects nothing."""
    story.tell(script, image=text)
    assert [usage.reference for usage in story.used(script)] == [*story.beside, *references]


@unreadable
@pytest.mark.parametrize("story", WITH_A_TEXT)
def test_an_image_that_cannot_be_read_stops_nothing(
    script: Script, story: Story, text: str, references: tuple[Reference, ...]
) -> None:
    """What may be ECR's protects its repository, and each is told; everything else is asked as well."""
    story.tell(script, image=text)
    assert told(story.used(script), text, [*story.beside, *references])


@every_call
def test_a_call_that_is_denied_is_an_error(script: Script, story: Story, call: Call) -> None:
    """Denied is not "there are none"."""
    story.tell(script, call)
    script.refuse(story.service_of(call), call.method, "AccessDeniedException", **call.asked)
    with pytest.raises(AwsError, match="AccessDeniedException"):
        story.used(script)


@pytest.mark.parametrize(
    ("story", "call", "code"),
    [
        pytest.param(story, call, code, id=f"{story.name}-{number}-{call.method}-{code}")
        for story in STORIES
        for number, call in enumerate(story.calls, start=1)
        for code in (story.fails if call.fails is None else call.fails)
        if number == 1 or not may_not_exist(code)
    ],
)
def test_a_call_that_is_refused_is_an_error(script: Script, story: Story, call: Call, code: str) -> None:
    """Nor is a service that fails, or a region that does not know the call; nor a first listing that is not found."""
    story.tell(script, call)
    script.refuse(story.service_of(call), call.method, code, **call.asked)
    with pytest.raises(AwsError, match=code):
        story.used(script)


@pytest.mark.parametrize(
    ("story", "call", "path"),
    [
        pytest.param(story, call, path, id=f"{story.name}-{number}-{path}")
        for story in STORIES
        for number, call in enumerate(story.calls)
        if call.method not in {earlier.method for earlier in story.calls[:number]}
        for path in (call.result, *call.needs)
    ],
)
def test_an_answer_that_lacks_a_member_is_none(script: Script, story: Story, call: Call, path: str) -> None:
    """It was cut short, and does not say that nothing is used."""
    story.tell(script, call)
    script.cut_short(story.service_of(call), call.method, call.lacking(path), call.answer, **call.asked)
    with pytest.raises(IncompleteAnswerError) as caught:
        story.used(script)
    missing = path.rpartition(".")[2]
    assert str(caught.value) == str(IncompleteAnswerError(story.operation(script, call), missing))


@every_call
def test_a_listing_that_never_ends_is_no_answer(script: Script, story: Story, call: Call) -> None:
    """The same token again and again."""
    if not (call.never_ends and story.is_paged(script, call)):
        return
    story.tell(script, call)
    script.endless(story.service_of(call), call.method, call.result, *call.idle, **call.asked)
    with pytest.raises(IncompleteAnswerError, match="a page token") as caught:
        story.used(script)
    assert story.operation(script, call) in str(caught.value)
