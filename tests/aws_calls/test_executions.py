"""How what is found of executions is kept: losing it loses nothing but time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner import __version__, schema
from ecr_cleaner.errors import HistoryError
from ecr_cleaner.usage import executions
from ecr_cleaner.usage.executions import Document, Execution, Executions, Revision, key_of
from ecr_cleaner.usage.texts.named import Named, images_in
from tests.aws_calls.consumers import account, tagged
from tests.aws_calls.remembering import is_known, is_stored, nothing_is_known, remembering
from tests.aws_calls.remembering import key_of as object_of
from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.aws_calls.script import Script

NAMED: Final = images_in(tagged("v1")).storable()
KEY: Final = key_of(NAMED)
KNOWN: Final = Document(__version__, {"e1": Execution(NOW, (KEY,))}, {KEY: NAMED}, {"m": Revision("r", NOW)})


def test_without_a_history_nothing_is_kept(script: Script) -> None:
    """And S3 is not asked."""
    found = account(script).executions("made-up")
    found.learn("e1", NOW, [NAMED])
    found.save()
    assert found.known("e1", NOW) is None


def test_what_is_kept_is_found_again(script: Script) -> None:
    """As long as it is asked for; equal names are stored once, and what names nothing takes no room."""
    nothing_is_known(script, "made-up")
    found = remembering(script).executions("made-up")
    found.open()
    found.learn("e1", NOW, [NAMED, Named()])
    found.learn("e2", NOW, [Named(), NAMED])
    found.learn_revision("m", Revision("r", NOW))
    both = {name: Execution(NOW, (KEY,)) for name in ("e1", "e2")}
    document = Document(__version__, both, {KEY: NAMED}, {"m": Revision("r", NOW)})
    is_stored(script, "made-up", document)
    found.save()
    is_known(script, "made-up", document)
    again = remembering(script).executions("made-up")
    assert again.known("e1", NOW) == (NAMED,)
    assert again.known("e2", NOW + timedelta(seconds=1)) is None
    is_stored(script, "made-up", Document(__version__, {"e1": Execution(NOW, (KEY,))}, {KEY: NAMED}), instead_of='"1"')
    again.save()


def test_no_text_is_stored() -> None:
    """An image's name may stand in a text that holds a secret."""
    text = f"login -p hush 123456789012.dkr.ecr.us-east-1.amazonaws.com/${{HUSH}}/{{}}, {tagged('v1')}"
    assert len(images_in(text).references) > 1
    assert "hush" not in schema.seal(Document(__version__, {}, {"k": images_in(text).storable()})).decode().lower()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        schema.seal(KNOWN)[:-20],
        schema.seal(KNOWN).replace(b"v1", b"v2"),
        schema.seal(Document(__version__, {"e1": Execution(NOW, ("k",))})),
    ],
    ids=["empty", "another", "cut short", "changed", "incomplete"],
)
def test_what_is_spoiled_is_asked_for_again_and_replaced(script: Script, body: bytes) -> None:
    """A note tells it."""
    is_known(script, "made-up", body)
    read = remembering(script)
    found = read.executions("made-up")
    assert found.known("e1", NOW) is None
    assert read.notes[0].startswith("what earlier runs found of executions is lost, so all are asked for again: ")
    found.learn("e1", NOW, [NAMED])
    is_stored(script, "made-up", Document(__version__, {"e1": Execution(NOW, (KEY,))}, {KEY: NAMED}), instead_of='"1"')
    found.save()


def test_what_another_version_found_is_asked_for_again(script: Script) -> None:
    """It may have missed something that this one finds; the revisions of state machines are what they are."""
    is_known(script, "made-up", replace(KNOWN, version="0.0.1"))
    read = remembering(script)
    found = read.executions("made-up")
    assert (found.known("e1", NOW), found.revision("m"), read.notes) == (None, Revision("r", NOW), [])
    found.learn("e1", NOW, [NAMED])
    is_stored(script, "made-up", KNOWN, instead_of='"1"')
    found.save()


@pytest.mark.parametrize("ask", [lambda found: found.known("e1", NOW), lambda found: found.of(""), Executions.open])
def test_what_cannot_be_read_is_an_error(script: Script, ask: Callable[[Executions], object]) -> None:
    """As it is of the rest of the history."""
    script.refuse("s3", "get_object", "NoSuchBucket", Bucket="history", Key=object_of("made-up"))
    with pytest.raises(HistoryError, match="GetObject failed with NoSuchBucket"):
        ask(remembering(script).executions("made-up"))


def test_what_nobody_asks_for_is_not_read(script: Script) -> None:
    """Where nothing could be under way."""
    remembering(script).executions("made-up")


@pytest.mark.parametrize("code", ["AccessDenied", "PreconditionFailed"])
def test_what_cannot_be_written_is_asked_for_again(script: Script, code: str) -> None:
    """It is tried once."""
    nothing_is_known(script, "made-up")
    read = remembering(script)
    found = read.executions("made-up")
    found.learn("e1", NOW, [NAMED])
    script.refuse("s3", "put_object", code)
    found.save()
    found.save()
    (note,) = read.notes
    assert note.startswith("what was found of executions cannot be stored, so all are asked for again: ")


def test_who_only_reads_writes_nothing(script: Script) -> None:
    """The command line."""
    is_known(script, "made-up", schema.seal(KNOWN))
    found = remembering(script, read_only=True).executions("made-up")
    found.learn("e2", NOW, [NAMED])
    found.save()


def test_what_a_run_that_is_ended_found_is_not_lost(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored in between, and nothing is forgotten there."""
    monkeypatch.setattr(executions, "SAVE_EVERY", 2)
    is_known(script, "made-up", schema.seal(KNOWN))
    found = remembering(script).executions("made-up")
    found.learn("e2", NOW, [Named()])
    three = {"e1": Execution(NOW, (KEY,)), "e2": Execution(NOW), "e3": Execution(NOW)}
    is_stored(script, "made-up", Document(__version__, three, {KEY: NAMED}, KNOWN.revisions), instead_of='"1"')
    found.learn("e3", NOW, [Named()])
    is_stored(script, "made-up", Document(__version__, {name: three[name] for name in ("e2", "e3")}), instead_of='"2"')
    found.save()


def test_the_oldest_are_stored_if_there_are_too_many(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """A young one has the best chance to be over by the next night."""
    monkeypatch.setattr(executions, "MOST", 1)
    nothing_is_known(script, "made-up")
    found = remembering(script).executions("made-up")
    for name, age in (("young", 1), ("old", 3), ("middle", 2)):
        found.learn(name, NOW - timedelta(days=age), [NAMED])
    is_stored(
        script, "made-up", Document(__version__, {"old": Execution(NOW - timedelta(days=3), (KEY,))}, {KEY: NAMED})
    )
    found.save()
