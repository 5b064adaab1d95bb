"""What was listed and is not found: gone, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.errors import MissingError, SourceError
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import each
from ecr_cleaner.usage.source import SourceContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

KEYS = st.sets(st.sampled_from("abcdef"))
CODES = st.sampled_from(["ResourceNotFoundException", "StateMachineDoesNotExist", "NoSuchKey", "ValidationException"])


def of_each(listing: Callable[[], Iterable[str]], read: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """What a source reads that needs nothing but the key."""
    nobody: Any = None
    context = SourceContext(nobody, Settings.model_construct(), nobody)
    return each.of_each(context, listing, lambda _, key: read(key))


def refused(code: str) -> ClientError:
    """A call that is refused."""
    return ClientError({"Error": {"Code": code, "Message": "as told"}}, "Describe")


@given(KEYS, KEYS, KEYS, CODES)
def test_what_is_missing_is_gone_unless_it_is_listed_again(
    listed: set[str], missing: set[str], again: set[str], code: str
) -> None:
    """Nothing of it is left, everything of the others is; it is listed again only if something is missing."""
    listings = [sorted(listed), sorted(again)]

    def read(key: str) -> Iterator[str]:
        yield f"{key}1"
        if key in missing:
            raise refused(code)
        yield f"{key}2"

    found: list[str] = []
    kept = listed & missing & again
    if kept:
        with pytest.raises(ClientError, match=code):
            found.extend(of_each(lambda: listings.pop(0), read))
    else:
        found.extend(of_each(lambda: listings.pop(0), read))
        assert found == [f"{key}{number}" for key in sorted(listed - missing) for number in "12"]
    assert len(listings) == (0 if listed & missing else 1)


@given(CODES)
def test_what_holds_it_may_be_gone_itself(code: str) -> None:
    """A second listing that is refused is about what it is listed of."""
    listings = [["a"]]

    def listing() -> list[str]:
        if not listings:
            raise refused(code)
        return listings.pop()

    def read(key: str) -> list[str]:
        raise MissingError(f"{key} is not found")

    outer = iter([["holder"], []])
    assert list(of_each(lambda: next(outer), lambda _: of_each(listing, read))) == []


@pytest.mark.parametrize(
    "error",
    [
        refused("AccessDeniedException"),
        refused("ThrottlingException"),
        refused("InternalServerException"),
        SourceError("it cannot be read"),
    ],
)
def test_any_other_failure_is_one_at_once(error: Exception) -> None:
    """Denied is not gone, whatever is listed afterwards."""
    listings = iter([["a"]])

    def read(_: str) -> list[str]:
        raise error

    with pytest.raises(type(error)):
        list(of_each(lambda: next(listings), read))
