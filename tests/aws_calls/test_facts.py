"""How facts are kept: what is lost, spoiled, of another place or of other code is asked for again, and nothing else."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.response import StreamingBody
from pydantic import RootModel

from ecr_cleaner import schema
from ecr_cleaner.aws import s3
from ecr_cleaner.errors import OutOfTimeError
from ecr_cleaner.facts import fingerprint, store
from ecr_cleaner.facts import kind as kinds
from ecr_cleaner.facts.kind import KEPT, FactKind, document_of, fact_of, sealed
from ecr_cleaner.facts.store import Facts, FactStore
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.schema import stored
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.aws_calls.script import Script


@stored
@dataclass(frozen=True, slots=True)
class Thing:
    """What is known of a thing."""

    names: tuple[str, ...] = ()


THINGS: Final = FactKind("things", "made-up", Thing)
TIMES: Final = FactKind("times", "made-up", Thing, is_read=False)
TARGET: Final = ScanTarget(ACCOUNT, REGION)
CATALOG: Final = "c" * 64
KEY: Final = f"cleaner/facts/{ACCOUNT}/{REGION}/things.json"
TODAY: Final = NOW.date()
ONE: Final = Thing(("one",))


def kept(script: Script, *, read_only: bool = False) -> FactStore:
    """The facts of a run."""
    return FactStore(script.aws, "history", "cleaner/", CATALOG, NOW, read_only)


def body(facts: Mapping[str, tuple[int, Thing]] | None = None, /, kind: FactKind[Thing] = THINGS, **told: Any) -> bytes:
    """An object; each fact with how many days ago it was named."""
    read = {"catalog_sha256": CATALOG, "reader_sha256": fingerprint.sha256()} if kind.is_read else {}
    members: dict[str, Any] = {"catalog_sha256": None, "reader_sha256": None, **read, "target": TARGET, **told}
    document = document_of(kind)(kind=told.get("kind_name", kind.name), facts={}, **without(members, "kind_name"))
    listed = facts if facts is not None else {"a": (0, ONE)}
    return sealed(
        document,
        {key: fact_of(kind, TODAY - timedelta(days=age), value) for key, (age, value) in listed.items()},
    )


class Other(RootModel[dict[str, Any]]):
    """A document whose checksum fits, and whose members are not those of a kind."""


def without(members: dict[str, Any], name: str) -> dict[str, Any]:
    """All but one."""
    return {key: value for key, value in members.items() if key != name}


def answers(script: Script, told: bytes, etag: str = '"1"', key: str = KEY, length: int | None = None) -> None:
    """The object is read."""
    answer = {"Body": StreamingBody(io.BytesIO(told), len(told)), "ETag": etag}
    answer["ContentLength"] = len(told) if length is None else length
    script.answer("s3", "get_object", answer, Bucket="history", Key=key)


def is_absent(script: Script) -> None:
    """There is no object, which S3 tells as denied."""
    script.refuse("s3", "get_object", "AccessDenied", Bucket="history", Key=KEY)


def is_stored(script: Script, told: bytes, instead_of: str | None = None, key: str = KEY) -> None:
    """The object is written."""
    condition: dict[str, Any] = {"IfNoneMatch": "*"} if instead_of is None else {"IfMatch": instead_of}
    written = {"Bucket": "history", "Key": key, "Body": told, "ContentType": "application/json"}
    script.answer("s3", "put_object", {"ETag": '"2"'}, **written, **condition)


def test_without_a_bucket_nothing_is_kept() -> None:
    """Nobody is asked."""
    facts = Facts(THINGS)
    facts.learn("a", ONE)
    facts.save()
    assert (facts.known("a"), len(facts), facts.used) == (None, 0, 0)


def test_what_is_learned_is_known_the_next_night(script: Script) -> None:
    """By its key alone; what is known is not written again on the same day."""
    is_absent(script)
    run = kept(script)
    run.of(TARGET, THINGS).learn("a", ONE)
    assert run.of(TARGET, THINGS).known("a") == ONE
    is_stored(script, body())
    assert run.close(TARGET) == {"made-up": 1}
    answers(script, body())
    run = kept(script)
    facts = run.of(TARGET, THINGS)
    assert (facts.known("a"), facts.known("b"), len(facts)) == (ONE, None, 1)
    assert run.close(TARGET) == {"made-up": 1}
    assert run.notes == []


def test_what_nobody_asks_for_is_neither_read_nor_written(script: Script) -> None:
    """A region in which there is nothing costs no call."""
    run = kept(script)
    run.of(TARGET, THINGS)
    run.save()


def test_what_is_named_lives_on_and_what_is_not_is_dropped(script: Script) -> None:
    """After thirty days in which no run came upon it."""
    days = KEPT.days
    answers(script, body({"named": (days, ONE), "young": (days, ONE), "old": (days + 1, ONE)}))
    run = kept(script)
    assert run.of(TARGET, THINGS).known("named") == ONE
    is_stored(script, body({"named": (0, ONE), "young": (days, ONE)}), '"1"')
    run.save()


OTHER: Final = schema.seal(
    Other(json.loads(body())["content"] | {"facts": {"a": {"named_on": f"{TODAY}", "value": {"games": ["one"]}}}})
)


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{}",
        body()[:-20],
        body().replace(b'"one"', b'"two"'),
        body(target=ScanTarget("210987654321", REGION)),
        body(target=ScanTarget(ACCOUNT, "eu-west-1")),
        body(kind_name="others"),
        OTHER,
    ],
    ids=["empty", "another", "cut", "changed", "other account", "other region", "other kind", "other members"],
)
def test_what_is_not_this_is_not_believed(script: Script, told: bytes) -> None:
    """A note says so, and the next write replaces it."""
    answers(script, told)
    run = kept(script)
    assert run.of(TARGET, THINGS).known("a") is None
    (note,) = run.notes
    assert note.startswith("what earlier runs read is lost, so it is all asked for again: s3://history/cleaner/facts/")
    run.of(TARGET, THINGS).learn("b", ONE)
    is_stored(script, body({"b": (0, ONE)}), '"1"')
    run.save()
    assert len(run.notes) == 1


@pytest.mark.parametrize("told", [{"catalog_sha256": "d" * 64}, {"reader_sha256": "d" * 64}], ids=["catalog", "reader"])
def test_what_other_code_read_is_not_believed(script: Script, told: dict[str, Any]) -> None:
    """It may have missed something that this one finds; that is no loss, and so no note."""
    answers(script, body(**told))
    run = kept(script)
    assert run.of(TARGET, THINGS).known("a") is None
    run.of(TARGET, THINGS).learn("b", ONE)
    is_stored(script, body({"b": (0, ONE)}), '"1"')
    run.save()
    assert run.notes == []


def test_what_was_not_read_is_what_it_is_for_every_code(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time, for one."""
    key = KEY.replace("things", "times")
    answers(script, body(kind=TIMES), key=key)
    monkeypatch.setattr(fingerprint, "sha256", lambda: "d" * 64)
    run = replace(kept(script), catalog_sha256="e" * 64)
    assert run.of(TARGET, TIMES).known("a") == ONE


def test_what_is_too_long_is_not_read(script: Script) -> None:
    """Nobody wrote such an object."""
    answers(script, body(), length=kinds.LARGEST + 1)
    run = kept(script)
    assert run.of(TARGET, THINGS).known("a") is None
    assert "may have been cut short" in run.notes[0]


def test_an_object_holds_so_many_facts_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were named last."""
    told = {f"{number:02}": (number, ONE) for number in range(20)}

    def held(text: bytes) -> list[str]:
        return list(json.loads(text)["content"]["facts"])

    assert held(body(told)) == sorted(told)
    monkeypatch.setattr(kinds, "MOST", 3)
    assert held(body(told)) == ["00", "01", "02"]
    monkeypatch.setattr(kinds, "MOST", 20)
    monkeypatch.setattr(kinds, "LARGEST", len(body(told)) * 2 // 3)
    some = held(body(told))
    assert some == sorted(told)[: len(some)]
    assert 3 < len(some) < 20
    assert len(body(told)) <= kinds.LARGEST


@pytest.mark.parametrize("code", ["InternalError", "NoSuchBucket"])
def test_what_cannot_be_read_is_asked_for_again(script: Script, code: str) -> None:
    """What is known by then is added to what lies there."""
    script.refuse("s3", "get_object", code, Bucket="history", Key=KEY)
    run = kept(script)
    assert run.of(TARGET, THINGS).known("a") is None
    assert run.notes == [run.notes[0]]
    assert run.notes[0].startswith("what earlier runs read cannot be read, so it is all asked for again: ")
    run.of(TARGET, THINGS).learn("b", ONE)
    script.refuse("s3", "put_object", "PreconditionFailed")
    answers(script, body(), '"7"')
    is_stored(script, body({"a": (0, ONE), "b": (0, ONE)}), '"7"')
    run.save()
    assert len(run.notes) == 1


def test_a_write_that_took_effect_although_its_answer_got_lost_meets_itself(script: Script) -> None:
    """And that is no failure."""
    is_absent(script)
    run = kept(script)
    run.of(TARGET, THINGS).learn("a", ONE)
    script.refuse("s3", "put_object", "PreconditionFailed")
    answers(script, body())
    run.save()
    assert run.notes == []


@pytest.mark.parametrize("codes", [["AccessDenied"], ["PreconditionFailed", "PreconditionFailed"]])
def test_what_cannot_be_written_is_a_note(script: Script, codes: list[str]) -> None:
    """It is tried once; the run goes on."""
    is_absent(script)
    run = kept(script)
    facts = run.of(TARGET, THINGS)
    facts.learn("a", ONE)
    for number, code in enumerate(codes):
        script.refuse("s3", "put_object", code)
        if number:
            continue
        if code == "PreconditionFailed":
            answers(script, body({"b": (0, ONE)}))
    facts.save()
    facts.save()
    (note,) = run.notes
    assert note.startswith("what this run read cannot be stored, so the next one asks for it again: ")
    assert facts.known("a") == ONE


def test_who_only_reads_writes_nothing(script: Script) -> None:
    """The command line."""
    answers(script, body({"a": (3, ONE)}))
    run = kept(script, read_only=True)
    assert run.of(TARGET, THINGS).known("a") == ONE
    run.of(TARGET, THINGS).learn("b", ONE)
    run.save()


def test_what_a_run_that_is_ended_read_is_not_lost(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored in between."""
    monkeypatch.setattr(store, "SAVE_EVERY", 2)
    is_absent(script)
    facts = kept(script).of(TARGET, THINGS)
    facts.learn("a", ONE)
    is_stored(script, body({"a": (0, ONE), "b": (0, ONE)}))
    facts.learn("b", ONE)


def test_what_there_was_no_time_to_store_is_stored_at_the_end(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then time is left for that and for the report."""
    is_absent(script)
    run = kept(script)
    run.of(TARGET, THINGS).learn("a", ONE)

    def too_late(*_: object) -> str:
        raise OutOfTimeError("PutObject")

    with monkeypatch.context() as late:
        late.setattr(s3, "write", too_late)
        with pytest.raises(OutOfTimeError):
            run.close(TARGET)
    is_stored(script, body())
    run.save()


def test_each_target_has_its_own(script: Script) -> None:
    """What is closed is read anew."""
    other = ScanTarget("210987654321", "eu-west-1")
    answers(script, body())
    answers(script, body(target=other), key="cleaner/facts/210987654321/eu-west-1/things.json")
    run = kept(script)
    assert [run.of(target, THINGS).known("a") for target in (TARGET, other)] == [ONE, ONE]
    assert run.close(other) == {"made-up": 1}
    assert run.of(TARGET, THINGS) is run.of(TARGET, THINGS)


def changes(tmp_path: Any, change: Callable[[Any], None]) -> bool:
    """Whether a change of a package makes it another reader."""
    package = tmp_path / "package"
    (package / "sources").mkdir(parents=True)
    (package / "a.py").write_text("A = 1\n")
    (package / "sources" / "b.py").write_text("B = 1\n")
    before = fingerprint.sha256.__wrapped__(package)
    assert fingerprint.sha256.__wrapped__(package) == before
    change(package)
    return bool(fingerprint.sha256.__wrapped__(package) != before)


@pytest.mark.parametrize(
    "change",
    [
        lambda package: (package / "a.py").write_text("A = 2\n"),
        lambda package: (package / "sources" / "c.py").write_text(""),
        lambda package: (package / "sources" / "b.py").unlink(),
        lambda package: (package / "a.py").rename(package / "d.py"),
    ],
    ids=["changed", "added", "removed", "renamed"],
)
def test_whatever_changes_in_the_code_makes_it_another_reader(tmp_path: Any, change: Callable[[Any], None]) -> None:
    """So a source that learns to read one more member asks for everything again, and nobody has to remember that."""
    assert changes(tmp_path, change)


def test_other_service_models_make_it_another_reader(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They say what is a text."""
    assert changes(tmp_path, lambda _: monkeypatch.setattr(fingerprint, "SDK_VERSION", "0.0.0"))


def test_code_that_nobody_sees_believes_nothing(tmp_path: Any) -> None:
    """Not even itself."""
    assert fingerprint.sha256.__wrapped__(tmp_path) != fingerprint.sha256.__wrapped__(tmp_path)


def test_the_reader_is_this_package() -> None:
    """With all of its sources."""
    names = {path.relative_to(fingerprint.PACKAGE).as_posix() for path in fingerprint.PACKAGE.rglob("*.py")}
    assert {"usage/sources/awslambda.py", "usage/texts/search.py", "reference.py"} <= names
