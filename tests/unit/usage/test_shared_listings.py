"""Listings that several sources make: once, kept no longer than needed, and anew where only that says something."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import MissingError
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.responses import listed_again
from ecr_cleaner.usage.shared_listings import SharedListings, times_made
from ecr_cleaner.usage.source import RequiredField, SourceContext
from ecr_cleaner.usage.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT: Final = 20
LISTING: Final = ("codepipeline", "ListPipelines")


class Service:
    """Lists what there is, and counts how often; an answer that is an error is raised."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)
        self.began = 0

    def read(self) -> Iterator[str]:
        """One listing."""
        self.began += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield from answer


def listed(listings: SharedListings, service: Service, **parameters: Any) -> list[str]:
    """What a source lists."""
    return list(listings.items(*LISTING, parameters, service.read))


def test_what_two_make_is_made_once_and_then_forgotten() -> None:
    """A third time is a new listing: the two have it."""
    listings, service = SharedListings({LISTING: 2}), Service(["a", "b"], ["c"])
    assert [listed(listings, service) for _ in range(3)] == [["a", "b"], ["a", "b"], ["c"]]
    assert service.began == 2


def test_two_at_the_same_time_make_it_once() -> None:
    """The second one waits for the first."""
    listings, both = SharedListings({LISTING: 8}), threading.Barrier(8)
    service = Service(["a"])

    def ask(_: int) -> list[str]:
        both.wait(LIMIT)
        return listed(listings, service)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [["a"]] * 8
    assert service.began == 1


def test_a_failure_is_that_of_both() -> None:
    """It is not tried again for the second one."""
    listings, service = SharedListings({LISTING: 2}), Service(KeyError("refused"), ["a"])
    for _ in range(2):
        with pytest.raises(KeyError, match="refused"):
            listed(listings, service)
    assert service.began == 1


def test_other_parameters_are_another_listing() -> None:
    """Of whatever type; their order does not count."""
    listings, service = SharedListings({LISTING: 2}), Service(["a"], ["b"])
    assert listed(listings, service, states=["RUNNING"], maxResults=50) == ["a"]
    assert listed(listings, service, states=["STOPPED"], maxResults=50) == ["b"]
    assert listed(listings, service, maxResults=50, states=["RUNNING"]) == ["a"]


def test_what_one_makes_is_read_page_by_page() -> None:
    """It may be a long one: nothing of it is kept, and nothing is read ahead."""
    listings, pages = SharedListings({LISTING: 1}), iter("abc")
    assert next(listings.items(*LISTING, {}, lambda: pages)) == "a"
    assert "".join(pages) == "bc"


@pytest.mark.parametrize("threads", [0, 2])
def test_what_is_listed_again_is_made_anew(threads: int) -> None:
    """Whether it was deleted meanwhile only a new answer says, also in threads that help."""
    listings, service = SharedListings({LISTING: 2}), Service(["a"], [])
    nobody: Any = None
    with ThreadPoolExecutor(threads or 1) as pool:
        context = SourceContext(nobody, Settings.model_construct(), nobody, workers=Workers(pool if threads else None))

        def again() -> Iterator[str]:
            return each(context, lambda *_: listed(listings, service), [0])

        with listed_again(again) as missing:
            for key in listed(listings, service):
                missing.errors[key] = MissingError(key)
    assert service.began == 2
    assert listed(listings, service) == ["a"]


def test_a_chain_makes_its_calls_for_itself() -> None:
    """Members that a source reads of one answer are one call; a member that it names twice is read by two chains."""
    pipeline, name = (RequiredField(*LISTING, f"pipelines[].{member}") for member in ("version", "name"))
    assert times_made([[pipeline, name]]) == {LISTING: 1}
    assert times_made([[pipeline, name], [name]]) == {LISTING: 2}
    assert times_made([[name, name], [name]]) == {LISTING: 3}


def test_long_listings_are_made_by_one_source() -> None:
    """Functions, task definitions and services are never kept in memory."""
    times = times_made(source.fields for source in catalog.SOURCES)
    long = ("lambda", "ListFunctions"), ("ecs", "ListTaskDefinitionFamilies"), ("ecs", "ListServices")
    assert [times.get(listing, 1) for listing in long] == [1, 1, 1]
