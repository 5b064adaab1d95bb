"""The usages of what was found on a consumer, and what is told of it."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.found import like, read_usages, searched
from ecr_cleaner.usage.image_names import read_name
from ecr_cleaner.usage.name_problems import notes
from ecr_cleaner.usage.source import usages_of
from ecr_cleaner.usage.texts.mentions import EVERYTHING
from ecr_cleaner.usage.texts.search import Grammar, search
from ecr_cleaner.usage.texts.values import LONGEST
from tests.builders import HOST

LIKE: Final = like("ecs", "service api", UsageKind.RUNNING, "arn:aws:ecs:x")


def named(text: str) -> list[Usage]:
    """The usages of an image field."""
    return list(read_usages(LIKE, text, read_name(text)))


def test_a_usage_is_like_what_was_given() -> None:
    """Source, consumer, evidence, ARN; a field for one image is no text."""
    (found,) = named(f"{HOST}/app:v1")
    assert (found.source, found.consumer, found.evidence) == ("ecs", "service api", UsageKind.RUNNING)
    assert (found.consumer_arn, found.in_text, found.problem) == ("arn:aws:ecs:x", False, "")


def test_a_name_of_elsewhere_is_no_usage_and_no_problem() -> None:
    """Most images are."""
    assert named("nginx") == []


@given(st.text(max_size=80) | st.text(max_size=30).map(lambda text: f"{HOST}/{text}"))
def test_no_name_is_an_error_and_every_problem_is_told(text: str) -> None:
    """With the consumer, printable, and no longer than people read; what names nothing says why."""
    found = list(usages_of(text, source="ecs", consumer="service api"))
    told = notes(found)
    assert all(usage.problem for usage in found if usage.reference.names_nothing)
    assert bool(told) == any(usage.problem for usage in found)
    assert all(note.startswith("service api: image name '") and note.isprintable() for note in told)
    assert all(len(note) < 1000 for note in told)


def test_a_password_in_a_name_is_not_told() -> None:
    """A name may begin with who pulls."""
    (note,) = notes(named("https://robot:secret@ghcr.io/App:v1"))
    assert "secret" not in note


def test_a_text_that_is_too_long_may_name_anything_and_is_told() -> None:
    """Nobody knows what stands in the rest of it."""
    value: Any = {"template": "x" * (LONGEST + 1)}
    for grammar in Grammar:
        (found,) = searched(search(value, grammar), like("omics", "run 7"))
        assert (found.reference, found.in_text) == (EVERYTHING, True)
        (note,) = notes([found])
        assert note.startswith("run 7: its texts may name any image: it has more than 1,048,576 characters")
