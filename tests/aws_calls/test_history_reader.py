"""What is asked of S3 by who looks at the history and may not add to it: reads, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_cleaner import schema
from ecr_cleaner.errors import HistoryError
from ecr_cleaner.history import model, unneeded
from ecr_cleaner.history.reader import HistoryReader
from ecr_cleaner.history.schema import StateDocument
from ecr_cleaner.model.image import RemovedImage
from tests.aws_calls.test_history import APP, MARKER, NEW, PREFIX, S3, STARTED, STATE, listed
from tests.builders import NOW, ago, counts, digest, image, usage

if TYPE_CHECKING:
    from datetime import datetime

    from tests.aws_calls.script import Script


@pytest.fixture
def reader(script: Script) -> HistoryReader:
    """Of one instance of the module."""
    return HistoryReader(script.aws, "shared", PREFIX, 7)


@pytest.fixture
def s3(script: Script) -> S3:
    """The bucket."""
    return S3(script)


def look(at: datetime, *, used: bool) -> model.History:
    """One look at a repository with one image."""
    users = {digest("one"): [usage(tag="v1")]} if used else {}
    return model.observe("shop/app", [image("one", tags=["v1"])], users, at, complete=True)


def opened(reader: HistoryReader, s3: S3, *repositories: str) -> HistoryReader:
    """A history that has begun."""
    s3.holds(MARKER, STARTED)
    s3.holds(STATE, schema.seal(StateDocument(repositories=list(repositories), usages=listed(ecs=3))))
    reader.open(NOW)
    return reader


def test_what_is_known_joins_what_is_seen(reader: HistoryReader, s3: S3) -> None:
    """As the function would remember it, which is not written down."""
    known, seen = look(ago("2d"), used=True), look(NOW, used=False)
    opened(reader, s3, "shop/app")
    s3.holds(APP, schema.seal(known))
    assert reader.remember(seen) == model.remember(known, seen, 7)
    assert reader.usages == counts(ecs=3)
    reader.save({"shop/app"}, counts(ecs=1), None, {"shop/app"})
    reader.judged("shop/app", {digest("one")}, NOW)
    assert reader.usages == counts(ecs=3)


@pytest.mark.parametrize("followed", [True, False])
def test_what_the_function_knows_to_be_unneeded_is_known_here(reader: HistoryReader, s3: S3, *, followed: bool) -> None:
    """Unless a run left the repository out meanwhile."""
    known = unneeded.judged(look(ago("2d"), used=False), {digest("one")}, ago("2d"))
    s3.holds(MARKER, STARTED)
    state = StateDocument(repositories=["shop/app"], followed=["shop/app"] if followed else [])
    s3.holds(STATE, schema.seal(state))
    reader.open(NOW)
    s3.holds(APP, schema.seal(known))
    found = reader.remember(look(NOW, used=False))
    assert unneeded.since(found) == ({digest("one"): ago("2d")} if followed else {})


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_a_repository_that_nobody_has_seen_yet(reader: HistoryReader, s3: S3, code: str) -> None:
    """The state does not list it and there is no object of it: what is seen is all that is known."""
    seen = look(NOW, used=False)
    opened(reader, s3)
    s3.lacks(APP, code)
    assert reader.remember(seen) == model.remember(None, seen, 7)


def test_an_object_that_the_state_does_not_list_yet_counts(reader: HistoryReader, s3: S3) -> None:
    """A run that was killed has written it; what the next run would find is found."""
    known, seen = look(ago("2d"), used=True), look(NOW, used=False)
    opened(reader, s3)
    s3.holds(APP, schema.seal(known))
    assert reader.remember(seen) == model.remember(known, seen, 7)


@pytest.mark.parametrize("listed", [True, False])
def test_what_is_not_whole_is_no_answer(reader: HistoryReader, s3: S3, *, listed: bool) -> None:
    """Lost is not empty, here either."""
    opened(reader, s3, *(["shop/app"] if listed else []))
    s3.holds(APP, b"{}")
    with pytest.raises(HistoryError):
        reader.remember(look(NOW, used=False))


def test_a_listed_object_that_is_gone_is_lost(reader: HistoryReader, s3: S3) -> None:
    """The advice is for who looks, not for who applies."""
    opened(reader, s3, "shop/app")
    s3.lacks(APP)
    with pytest.raises(HistoryError, match=r"its history is lost: .* your credentials lack s3:GetObject on it$"):
        reader.remember(look(NOW, used=False))


def test_a_history_that_has_not_begun_is_left_so(reader: HistoryReader, s3: S3) -> None:
    """Nothing is known, and no object of it is read: there is no place yet where one could lie."""
    s3.holds(MARKER, NEW)
    reader.open(NOW)
    seen = look(NOW, used=True)
    assert reader.started_at == NOW
    assert reader.remember(seen) == model.remember(None, seen, 7)


def test_what_nobody_notes_is_not_removed(reader: HistoryReader, s3: S3) -> None:
    """Should a run that removes ever be given a reader, it removes nothing. A fall nobody can confirm with it."""
    opened(reader, s3, "shop/app")
    with pytest.raises(HistoryError, match="nothing is removed from shop/app"):
        reader.removing("shop/app", {digest("a"): RemovedImage((), NOW, "run-1", "delete")})
    assert not hasattr(reader, "confirm")
