"""The index of tags says whom to ask, and nothing more: what goes is decided by the repositories' own tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError, UnknownServiceError

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, OutOfTimeError
from ecr_cleaner.registry import repositories, tag_index
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.settings.loader import Settings
from tests.builders import ACCOUNT, repository

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.registry.repositories import RegistryListing
    from tests.aws_calls.script import Script

ENABLED = {"BoxCleanerEnabled": "true"}
ASKED = {"ResourceTypeFilters": ["ecr:repository"], "ResourcesPerPage": 100}
SERVICE = "resourcegroupstaggingapi"
INDEX = "ResourceTagMappingList"


def tagged(name: str, tags: Mapping[str, str] | None) -> dict[str, Any]:
    """A repository in the index."""
    told = {} if tags is None else {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    return {"ResourceARN": repository(name).arn, **told}


def test_it_is_read_to_its_end(script: Script) -> None:
    """Who opted in, who almost did, and who did not; the last page has an empty token."""
    first = [tagged("in", ENABLED), tagged("almost", {"BoxCleanerEnabled": "True"}), tagged("out", {"team": "shop"})]
    second = [tagged("misspelled", {"BoxCleanrEnabled": "true"}), tagged("no", {"boxcleanerenabled": "no"})]
    last = [tagged("before", {}), tagged("once", None)]
    script.answer(SERVICE, "get_resources", {INDEX: first, "PaginationToken": "a"}, **ASKED)
    script.answer(SERVICE, "get_resources", {INDEX: second, "PaginationToken": "b"}, **ASKED, PaginationToken="a")
    script.answer(SERVICE, "get_resources", {INDEX: last, "PaginationToken": ""}, **ASKED, PaginationToken="b")
    meant = {"in": True, "almost": True, "out": False, "misspelled": True, "no": False, "before": False, "once": False}
    assert tag_index.read(script.aws) == {repository(name).arn: is_meant for name, is_meant in meant.items()}


@pytest.mark.parametrize("answer", [{}, {INDEX: [{"Tags": []}]}, {INDEX: [{"ResourceARN": "a", "Tags": [{}]}]}])
def test_an_answer_without_arn_or_key_is_none(script: Script, answer: dict[str, Any]) -> None:
    """It says of nobody that they did not opt in."""
    script.cut_short(SERVICE, "get_resources", answer, **ASKED)
    with pytest.raises(IncompleteAnswerError, match="GetResources"):
        tag_index.read(script.aws)


def test_denied_is_an_error(script: Script) -> None:
    """The permission may be missing."""
    script.refuse(SERVICE, "get_resources", "AccessDeniedException", **ASKED)
    with pytest.raises(AwsError):
        tag_index.read(script.aws)


def looked_at(
    aws: AwsClients,
    index: Callable[[AwsClients], Mapping[str, bool]],
    *,
    known: Collection[str] = (),
    only: frozenset[str] | None = None,
) -> tuple[list[str], RegistryListing]:
    """Of the repositories a to d, those that are asked for their own tags, and the listing; only b opted in."""
    asked: list[str] = []

    def opted_in(_: object, name: str, *__: object) -> object:
        asked.append(name)
        return repository(name) if name == "b" else None

    listing = repositories.list_repositories(
        aws,
        Settings(),
        RegistryFacts(ACCOUNT),
        only,
        known=known,
        names=lambda _: [(name, repository(name).arn) for name in "abcd"],
        opted_in=opted_in,  # type: ignore[arg-type]
        index=index,
    )
    return sorted(asked), listing


def told(**meant: bool) -> Callable[[AwsClients], Mapping[str, bool]]:
    """What the index says."""
    return lambda _: {repository(name).arn: is_meant for name, is_meant in meant.items()}


def test_whom_the_index_names_is_asked_and_nobody_else(script: Script) -> None:
    """Its own tags decide: a is not opted in, whatever the index says. All are listed."""
    asked, listing = looked_at(script.aws, told(a=True, b=True, c=False))
    assert asked == ["a", "b"]
    assert [one.name for one in listing.repositories] == ["b"]
    assert (listing.names, listing.notes) == (frozenset("abcd"), ())


def test_whom_earlier_runs_judged_is_asked_all_the_same(script: Script) -> None:
    """Whether the index does not know it any more, or says that it is opted out; what does not exist is not asked."""
    asked, listing = looked_at(script.aws, told(a=True, c=False), known={"b", "c", "gone"})
    assert asked == ["a", "b", "c"]
    assert listing.judged == {"b"}


@pytest.mark.parametrize("index", [told(), told(elsewhere=True)])
def test_an_index_without_any_of_them_says_nothing(
    script: Script, index: Callable[[AwsClients], Mapping[str, bool]]
) -> None:
    """It may not have been built yet, or is that of another registry."""
    asked, listing = looked_at(script.aws, index)
    assert (asked, listing.notes) == (["a", "b", "c", "d"], ())


def test_who_names_repositories_needs_no_index(script: Script) -> None:
    """A few calls at most."""
    assert looked_at(script.aws, told(a=True), only=frozenset("bc"))[0] == ["b", "c"]


@pytest.mark.parametrize(
    "error",
    [
        IncompleteAnswerError("GetResources", "ResourceTagMappingList"),
        EndpointConnectionError(endpoint_url="https://tagging.us-east-1.amazonaws.com"),
        UnknownServiceError(service_name=SERVICE, known_service_names="ecr"),
    ],
)
def test_without_the_index_each_one_is_asked_and_a_note_says_why(script: Script, error: Exception) -> None:
    """It only saves calls."""

    def fail(_: AwsClients) -> Mapping[str, bool]:
        raise error

    asked, listing = looked_at(script.aws, fail)
    assert asked == ["a", "b", "c", "d"]
    (note,) = listing.notes
    assert note.startswith("the index of tags could not be read, so each repository was asked for its tags: ")


def test_out_of_time_is_no_failure_of_the_index(script: Script) -> None:
    """Nobody is asked any more."""

    def late(_: AwsClients) -> Mapping[str, bool]:
        raise OutOfTimeError("GetResources")

    with pytest.raises(OutOfTimeError):
        looked_at(script.aws, late)
