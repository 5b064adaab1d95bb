"""What is read from a document is held against the dataclass that it is read into, at every depth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.history.model import History, HistoryEntry
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.schema import parse, seal
from tests.builders import NOW, digest

if TYPE_CHECKING:
    from collections.abc import Callable

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
