"""What is read from a document is held against the dataclass that it is read into, at every depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from pydantic import TypeAdapter, ValidationError

import ecr_cleaner
from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.history.model import History, HistoryEntry
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.schema import MAX_DEPTH, parse, read_json, seal, sentences, unseal
from tests.builders import NOW, digest

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE: Final = Path(ecr_cleaner.__file__).parent

KNOWN: Final = History(
    "app",
    NOW,
    {digest("a"): HistoryEntry(("v1",), last_in_use=NOW, by=("ecs",), lost_tags={"v0": NOW})},
    {digest("b"): RemovedImage((), NOW, "run-1", "delete")},
)


def content() -> Any:
    """The document of `KNOWN`, without its checksum."""
    return json.loads(seal(KNOWN))["content"]


def test_it_is_read_as_it_was_written() -> None:
    """And what is as by default is not written."""
    assert parse(History, json.dumps(content()).encode(), "here") == KNOWN
    assert set(content()["images"][digest("a")]) == {"tags", "last_in_use", "by", "lost_tags"}


def test_members_may_have_another_order() -> None:
    """As they had it when earlier versions wrote them."""
    document = json.loads(seal(KNOWN))
    document["content"] = dict(reversed(document["content"].items()))
    for written in (document, dict(reversed(document.items()))):
        assert unseal(History, json.dumps(written).encode(), "here") == KNOWN


def test_every_byte_counts() -> None:
    """Whatever is lost, added or another one: it is not what was written."""
    body = seal(KNOWN)
    for at in range(len(body) - 1):  # the last one ends the line
        for other in (body[:at], body[:at] + b"1" + body[at:], body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]):
            with pytest.raises(NotWholeError):
                unseal(History, other, "here")


ALTERED: Final[dict[str, Callable[[Any], object]]] = {
    "an unknown key": lambda told: told.update(other=1),
    "an unknown key of an image": lambda told: told["images"][digest("a")].update(other=1),
    "an unknown key of a removed image": lambda told: told["removed"][digest("b")].update(other=1),
    "no images": lambda told: told.pop("images"),
    "no digest": lambda told: told["images"].update(a={}),
    "a number as a text": lambda told: told.update(repository=1),
    "a text as a list": lambda told: told["images"][digest("a")].update(tags="v1"),
    "an empty tag": lambda told: told["images"][digest("a")].update(tags=[""]),
    "a number as a time": lambda told: told.update(observed_at=0),
    "a time without its zone": lambda told: told.update(observed_at="2026-01-01T00:00:00"),
    "a nested time without its zone": lambda told: told["images"][digest("a")].update(lost_tags={"v": "2026-01-01"}),
    "an unknown action": lambda told: told["removed"][digest("b")].update(action="hide"),
    "no run": lambda told: told["removed"][digest("b")].update(run_id=""),
}


@pytest.mark.parametrize("name", ALTERED)
def test_anything_else_is_refused(name: str) -> None:
    """Nothing is guessed, and nothing left out in silence."""
    told = content()
    ALTERED[name](told)
    with pytest.raises(NotWholeError):
        parse(History, json.dumps(told).encode(), "here")


@pytest.mark.parametrize(
    "made",
    [
        History("app", NOW, {"a": HistoryEntry()}),
        History("app", NOW, {digest("a"): HistoryEntry(by=("",))}),
        History("app", NOW.replace(tzinfo=None), {}),
    ],
    ids=["no digest", "an empty consumer", "a time without its zone"],
)
def test_what_could_not_be_read_again_is_not_written(made: History) -> None:
    """It would replace what is known, and stop every later run."""
    with pytest.raises(NotWholeError, match=r"^this History cannot be understood: "):
        seal(made)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 100_000])
def test_json_that_is_nested_too_deeply_is_an_ordinary_error(opening: str, depth: int) -> None:
    """Whether the parser refuses it, or whoever walks through it would be called too often."""
    text = opening * depth + "1" + {"[": "]"}.get(opening, "}") * depth
    with pytest.raises(ValueError, match=f"^it is nested more than {MAX_DEPTH} deep$"):
        read_json(text)
    with pytest.raises(NotWholeError, match=r"^here is no document of this module"):
        unseal(History, text.encode(), "here")
    sealed = json.dumps({"schema_version": 1, "sha256": "0" * 64, "content": 1}).replace(
        '"content": 1', f'"content": {text}'
    )
    with pytest.raises(NotWholeError, match=r"^here "):
        unseal(History, sealed.encode(), "here")
    with pytest.raises(NotWholeError, match=r"^here cannot be understood"):
        parse(History, text.encode(), "here")


def test_json_that_is_nested_less_is_read() -> None:
    """However many values it has."""
    value: Any = "end"
    for _ in range(MAX_DEPTH // 2 - 1):
        value = [{"a": value, "b": [1, 2]}, *range(1000)]
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", "NaN", "[-Infinity]", "9" * 5000, b"\xff", b'{"a": "\xc3("}', "\ufeff{}"])
def test_whatever_is_no_json_is_one_kind_of_error(text: str | bytes) -> None:
    """Also what Python would read although it is none."""
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '[{"a": {"B": 1, "b": 2}}]'])
def test_of_two_members_with_one_name_none_is_chosen(text: str) -> None:
    """Where parsers that differ must not read different things."""
    assert read_json(text)
    with pytest.raises(ValueError, match=r"^an object has two members with the same name$"):
        read_json(text, unique=True)


def test_a_value_that_cannot_be_shown_is_no_reason_to_fail() -> None:
    """What an event contains is repeated in the error."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python(deep)
    (told,) = sentences("event", raised.value)
    assert told.endswith("got a value that is nested too deeply")
    while deep:  # so that nothing frees it by as many calls in each other
        deep = deep.pop()


def test_json_of_others_is_read_in_one_place() -> None:
    """`json.loads` takes what is no JSON, and RecursionError would pass for a mistake of this package."""
    loads = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if "json.loads(" in path.read_text()
    }
    # Each catches RecursionError: the one because it needs both of two members with one name, the others because they
    # allow any depth. The document reads what it has written itself.
    others = {"usage/texts/named.py", "usage/sources/used_images.py", "report/document.py"}
    assert loads == {"schema.py", *others}
