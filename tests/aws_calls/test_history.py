"""What is asked of S3 to remember, in which order, and what happens when somebody else writes."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY

from ecr_cleaner import schema as schema_module
from ecr_cleaner.errors import HistoryError, ReplacedError
from ecr_cleaner.history import index_lists, model, schema, unneeded
from ecr_cleaner.history import store as store_module
from ecr_cleaner.history.schema import PendingDrop, StateDocument
from ecr_cleaner.history.store import HistoryStore
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.scan import SourceKey
from ecr_cleaner.model.usage import ScanTarget
from tests.builders import ACCOUNT, NOW, TARGET, ago, counts, digest, image, usage

if TYPE_CHECKING:
    from datetime import datetime

    from tests.aws_calls.script import Script

PREFIX: Final = "ecr-cleaner/123456789012/us-east-1/ecr-cleaner/"
ID: Final = "20260101T000000Z-0123abcd"
ROOT: Final = f"{PREFIX}history/{ID}/"
MARKER: Final = f"{PREFIX}marker.json"
STATE: Final = f"{ROOT}state.json"
APP: Final = f"{ROOT}repositories/shop/app.json"
STARTED: Final = json.dumps(
    {"schema_version": 1, "state": "started", "history_id": ID, "started_at": "2026-01-01T00:00:00Z"}
).encode()
NEW: Final = b'{"schema_version":1,"state":"new"}'


@pytest.fixture
def store(script: Script) -> HistoryStore:
    """The history of one instance of the module."""
    return HistoryStore(script.aws, "shared", PREFIX, 7)


class S3:
    """Scripts calls to one bucket in a line each."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def holds(self, key: str, body: bytes, etag: str = '"e1"') -> None:
        """Expect a read, and answer it."""
        answer = {"Body": StreamingBody(BytesIO(body), len(body)), "ContentLength": len(body), "ETag": etag}
        self._script.answer("s3", "get_object", answer, Bucket="shared", Key=key)

    def lacks(self, key: str, code: str = "AccessDenied") -> None:
        """Expect a read of what is not there."""
        self._script.refuse("s3", "get_object", code, Bucket="shared", Key=key)

    def takes(self, key: str, body: Any, etag: str | None, new_etag: str = '"e2"') -> None:
        """Expect a write that replaces an object (None: nothing), and answer it."""
        self._script.answer("s3", "put_object", {"ETag": new_etag}, **self._write(key, body, etag))

    def refuses(self, key: str, body: Any, etag: str | None, code: str = "PreconditionFailed") -> None:
        """Expect a write, and refuse it."""
        self._script.refuse("s3", "put_object", code, **self._write(key, body, etag))

    @staticmethod
    def _write(key: str, body: Any, etag: str | None) -> dict[str, Any]:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        return {"Bucket": "shared", "Key": key, "Body": body, "ContentType": "application/json", **condition}


@pytest.fixture
def s3(script: Script) -> S3:
    """The bucket."""
    return S3(script)


def opened(store: HistoryStore, s3: S3, state: StateDocument | None = None) -> HistoryStore:
    """A history that has begun."""
    s3.holds(MARKER, STARTED, '"m1"')
    s3.holds(STATE, schema_module.seal(state or StateDocument()), '"s1"')
    store.open(NOW)
    return store


def look(at: datetime, used: str | None = None, **tags: list[str]) -> model.History:
    """One observation of shop/app."""
    usages = {digest(used): [usage(of=used)]} if used else {}
    return model.observe("shop/app", [image(name, tags=t) for name, t in tags.items()], usages, at, complete=True)


# Opening


def test_a_first_run_begins_a_history(
    script: Script, s3: S3, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The empty state first, the marker second and only if it is still Terraform's."""
    del script
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=0xABCD << 96))
    key = f"{PREFIX}history/20260301T120000Z-0000abcd/state.json"
    marker = {
        "schema_version": 1,
        "state": "started",
        "history_id": "20260301T120000Z-0000abcd",
        "started_at": "2026-03-01T12:00:00Z",
    }
    s3.holds(MARKER, NEW, '"m1"')
    s3.takes(key, schema_module.seal(StateDocument()), None)
    s3.takes(MARKER, json.dumps(marker, separators=(",", ":")).encode() + b"\n", '"m1"')
    s3.holds(key, schema_module.seal(StateDocument()), '"s1"')
    store.open(NOW)
    assert (store.started_at, store.usages) == (NOW, {})


def test_a_first_run_beside_another_one_takes_the_others_history(s3: S3, store: HistoryStore) -> None:
    """There is one."""
    s3.holds(MARKER, NEW, '"m1"')
    s3.takes(ANY, ANY, None)
    s3.refuses(MARKER, ANY, '"m1"')
    s3.holds(MARKER, STARTED, '"m2"')
    s3.holds(STATE, schema_module.seal(StateDocument(usages=listed(ecs=3))), '"s1"')
    store.open(NOW)
    assert store.usages == counts(ecs=3)


def test_a_marker_that_terraform_makes_anew_meanwhile_is_left_to_it(s3: S3, store: HistoryStore) -> None:
    """The next run looks again."""
    s3.holds(MARKER, NEW, '"m1"')
    s3.takes(ANY, ANY, None)
    s3.refuses(MARKER, ANY, '"m1"')
    s3.holds(MARKER, NEW, '"m2"')
    with pytest.raises(ReplacedError):
        store.open(NOW)


def test_a_state_whose_answer_got_lost_is_there(s3: S3, store: HistoryStore) -> None:
    """Nobody else knows its key."""
    s3.holds(MARKER, NEW, '"m1"')
    s3.refuses(ANY, ANY, None)
    s3.takes(MARKER, ANY, '"m1"')
    s3.holds(ANY, schema_module.seal(StateDocument()))
    store.open(NOW)


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_without_a_marker_the_history_is_lost(s3: S3, store: HistoryStore, code: str) -> None:
    """The cause says how to begin anew on purpose."""
    s3.lacks(MARKER, code)
    with pytest.raises(HistoryError, match=r"the history is lost: .*marker.json.*-replace='module.NAME.aws_s3_object"):
        store.open(NOW)


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_a_history_that_began_has_a_state(s3: S3, store: HistoryStore, code: str) -> None:
    """If not, it is lost."""
    s3.holds(MARKER, STARTED)
    s3.lacks(STATE, code)
    with pytest.raises(HistoryError, match=r"the history is lost: .*state.json"):
        store.open(NOW)


@pytest.mark.parametrize(
    "marker",
    [
        b"",
        b"{",
        b"{}",
        b"null",
        b'{"schema_version":1}',
        b'{"schema_version":2,"state":"new"}',
        b'{"schema_version":1,"state":"old"}',
        b'{"schema_version":1,"state":"started"}',
        b'{"schema_version":1,"state":"new","history_id":"20260101T000000Z-0123abcd"}',
        STARTED[:-10],
        STARTED.replace(b"20260101", b"../../01"),
        STARTED.replace(b"00:00Z", b"00:00"),
    ],
)
def test_a_marker_that_is_not_understood_is_a_lost_one(s3: S3, store: HistoryStore, marker: bytes) -> None:
    """Nobody knows which history it is of."""
    s3.holds(MARKER, marker)
    with pytest.raises(HistoryError, match="the history is lost"):
        store.open(NOW)


def listed(**by_source: int) -> list[schema.Count]:
    """Counts as they lie in a document; `model_construct`, for one that is wrong is among them."""
    return [
        schema.Count.model_construct(
            account_id=key.target.account_id, region=key.target.region, source=key.source, usages=count
        )
        for key, count in counts(**by_source).items()
    ]


WHOLE: Final = schema_module.seal(StateDocument(repositories=["shop/app"], usages=listed(ecs=3)))


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        WHOLE[:-5],
        WHOLE.replace(b'"usages":3', b'"usages":2'),
        WHOLE.replace(b"shop/app", b"shop/web"),
        WHOLE.replace(b'"schema_version":1', b'"schema_version":2'),
        schema_module.seal(PendingDrop(id="x", usages=[])),
        schema_module.seal(StateDocument.model_construct(usages=listed(ecs=-1))),
    ],
)
def test_a_state_that_is_not_whole_is_a_lost_one(s3: S3, store: HistoryStore, state: bytes) -> None:
    """Cut short, edited, of another version, or something else."""
    s3.holds(MARKER, STARTED)
    s3.holds(STATE, state)
    with pytest.raises(HistoryError, match="the history is lost"):
        store.open(NOW)


def test_a_state_that_cannot_be_read_is_not_called_lost(s3: S3, store: HistoryStore) -> None:
    """Nobody shall begin anew because of a bad night."""
    s3.holds(MARKER, STARTED)
    s3.lacks(STATE, "SlowDown")
    with pytest.raises(HistoryError, match="SlowDown") as raised:
        store.open(NOW)
    assert "lost" not in str(raised.value)


# One repository


def test_a_repository_that_is_new_is_not_asked_for(s3: S3, store: HistoryStore) -> None:
    """Reading what may rightly be absent would take the permission to list."""
    opened(store, s3)
    seen = look(NOW, "a", a=["v1"])
    s3.takes(APP, schema_module.seal(seen), None)
    assert store.remember(seen) == seen


def test_a_repository_that_is_known_is_read_and_replaced(s3: S3, store: HistoryStore) -> None:
    """What was seen before stays."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    before, now = look(ago("1d"), "a", a=["v1"]), look(NOW, a=[])
    s3.holds(APP, schema_module.seal(before), '"a1"')
    both = model.remember(before, now, 7)
    s3.takes(APP, schema_module.seal(both), '"a1"', '"a2"')
    assert store.remember(now) == both
    assert both.images[digest("a")].last_in_use == ago("1d")


def test_what_was_written_last_is_replaced_unread(s3: S3, store: HistoryStore) -> None:
    """Verdicts, and a second look: a repository is judged again when the usages were collected again."""
    opened(store, s3)
    first, second = look(NOW, "a", a=["v1"]), look(NOW, a=["v1"])
    s3.takes(APP, ANY, None, '"a1"')
    judged = unneeded.judged(store.remember(first), {digest("a")}, NOW)
    s3.takes(APP, schema_module.seal(judged), '"a1"', '"a2"')
    store.judged("shop/app", {digest("a")}, NOW)
    s3.takes(APP, ANY, '"a2"')
    assert store.remember(second).images[digest("a")].last_in_use == NOW


def test_what_may_not_have_been_written_is_read_again(s3: S3, store: HistoryStore) -> None:
    """Nobody knows what lies there after a failed write."""
    opened(store, s3)
    first = look(NOW, "a", a=["v1"])
    s3.takes(APP, ANY, None, '"a1"')
    store.remember(first)
    s3.refuses(APP, ANY, '"a1"', "SlowDown")
    with pytest.raises(HistoryError, match="SlowDown"):
        store.judged("shop/app", (), NOW)
    s3.holds(APP, schema_module.seal(first), '"a2"')
    s3.takes(APP, ANY, '"a2"')
    store.judged("shop/app", (), NOW)


def test_what_was_read_last_is_replaced_unread(s3: S3, store: HistoryStore) -> None:
    """Who reads it first, to see who may fail, and remembers then, reads it once."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    before = look(ago("2d"), "a", a=[])
    s3.holds(APP, schema_module.seal(before), '"a1"')
    assert store.known("shop/app") == store.known("shop/app") == before
    s3.takes(APP, ANY, '"a1"')
    store.remember(look(NOW, a=[]))


def test_what_is_read_does_not_take_the_place_of_what_is_kept(
    s3: S3, store: HistoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If all are read in turn and there is room for some, those are remembered unread."""
    monkeypatch.setattr(store_module, "CACHED_IMAGES", 1)
    web = f"{ROOT}repositories/shop/web.json"
    opened(store, s3, StateDocument(repositories=["shop/app", "shop/web"]))
    before = look(ago("2d"), "a", a=[])
    s3.holds(APP, schema_module.seal(before), '"a1"')
    store.known("shop/app")
    other = replace(before, repository="shop/web")
    s3.holds(web, schema_module.seal(other), '"w1"')
    store.known("shop/web")
    s3.takes(APP, ANY, '"a1"')
    store.remember(look(NOW, a=[]))
    s3.holds(web, schema_module.seal(other), '"w1"')
    s3.takes(web, ANY, '"w1"')
    store.remember(replace(look(NOW, a=[]), repository="shop/web"))


def test_who_may_have_a_history_that_is_not_listed_is_asked_for_it(s3: S3, store: HistoryStore) -> None:
    """A run that was killed may have written it, or nobody has."""
    opened(store, s3)
    s3.lacks(APP)
    assert store.known("shop/app") is None
    before = look(ago("1h"), a=[])
    s3.holds(APP, schema_module.seal(before), '"a1"')
    assert store.known("shop/app") == before


def test_only_so_many_images_are_kept_in_memory(s3: S3, store: HistoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written the longest ago is read again."""
    monkeypatch.setattr(store_module, "CACHED_IMAGES", 1)
    web = f"{ROOT}repositories/shop/web.json"
    opened(store, s3)
    first = look(NOW, "a", a=["v1"])
    s3.takes(APP, ANY, None, '"a1"')
    store.remember(first)
    s3.takes(web, ANY, None, '"w1"')
    store.remember(replace(first, repository="shop/web"))
    s3.takes(web, ANY, '"w1"')
    store.judged("shop/web", (), NOW)
    s3.holds(APP, schema_module.seal(first), '"a1"')
    s3.takes(APP, ANY, '"a1"')
    store.judged("shop/app", (), NOW)


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
@pytest.mark.parametrize("listed", [True, False])
def test_what_somebody_else_wrote_meanwhile_is_merged_once(
    s3: S3, store: HistoryStore, code: str, *, listed: bool
) -> None:
    """Also what a run wrote that was killed before it could note that the object exists."""
    opened(store, s3, StateDocument(repositories=["shop/app"] if listed else []))
    before, other, mine = look(ago("2d"), "a", a=[], b=[]), look(ago("1h"), "b", a=[], b=[]), look(NOW, a=[], b=[])
    if listed:
        s3.holds(APP, schema_module.seal(before), '"a1"')
    s3.refuses(APP, ANY, '"a1"' if listed else None, code)
    s3.holds(APP, schema_module.seal(other), '"a2"')
    s3.takes(APP, ANY, '"a2"')
    found = store.remember(mine)
    assert found.images[digest("b")].last_in_use == ago("1h")
    assert found.images[digest("a")].last_in_use == (ago("2d") if listed else None)


def test_whoever_is_overtaken_twice_gives_up(s3: S3, store: HistoryStore) -> None:
    """The repository fails; nothing of it is removed."""
    opened(store, s3)
    s3.refuses(APP, ANY, None)
    s3.holds(APP, schema_module.seal(look(ago("1h"), a=[])), '"a2"')
    s3.refuses(APP, ANY, '"a2"')
    with pytest.raises(HistoryError, match="written by somebody else"):
        store.remember(look(NOW, a=[]))


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_a_repository_that_had_a_history_has_one(s3: S3, store: HistoryStore, code: str) -> None:
    """If not, it is lost, and nothing is written in its place."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    s3.lacks(APP, code)
    with pytest.raises(HistoryError, match="its history is lost"):
        store.remember(look(NOW, a=[]))


def test_what_an_index_lists_joins_what_is_known(s3: S3, store: HistoryStore) -> None:
    """Of images that were looked at; also of those that somebody else saw meanwhile."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    before, other = look(ago("1d"), "a", a=["v1"]), look(ago("1h"), "a", a=["v1"], b=[])
    listed = {digest("a"): (digest("b"),), digest("gone"): (digest("a"),)}
    s3.holds(APP, schema_module.seal(before), '"a1"')
    s3.refuses(APP, ANY, '"a1"')
    s3.holds(APP, schema_module.seal(other), '"a2"')
    noted = index_lists.learned(other, listed)
    assert {name: entry.children for name, entry in noted.images.items()} == {
        digest("a"): (digest("b"),),
        digest("b"): (),
    }
    s3.takes(APP, schema_module.seal(noted), '"a2"')
    store.learn("shop/app", listed)


GONE: Final = {digest("a"): RemovedImage(("v1",), NOW, "run-1", "delete")}


def test_what_is_about_to_go_is_noted(s3: S3, store: HistoryStore) -> None:
    """It joins what is known of the repository, which was looked at before."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    before = look(ago("1d"), "a", a=["v1"])
    s3.holds(APP, schema_module.seal(before), '"a1"')
    noted = model.removing(before, GONE)
    s3.takes(APP, schema_module.seal(noted), '"a1"')
    store.removing("shop/app", GONE)
    assert schema.read_history(schema_module.seal(noted), "here", "shop/app") == noted


def test_what_is_about_to_go_joins_what_somebody_else_wrote_meanwhile(s3: S3, store: HistoryStore) -> None:
    """Once: its own first try may be that somebody. Twice is a failure, and nothing goes."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    before, other = look(ago("1d"), "a", a=["v1"]), look(ago("1h"), "a", a=["v1"], b=[])
    s3.holds(APP, schema_module.seal(before), '"a1"')
    s3.refuses(APP, ANY, '"a1"')
    s3.holds(APP, schema_module.seal(other), '"a2"')
    s3.takes(APP, schema_module.seal(model.removing(other, GONE)), '"a2"')
    store.removing("shop/app", GONE)
    s3.refuses(APP, ANY, '"e2"')
    s3.holds(APP, schema_module.seal(other), '"a3"')
    s3.refuses(APP, ANY, '"a3"')
    with pytest.raises(HistoryError, match="written by somebody else"):
        store.removing("shop/app", GONE)


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_what_is_about_to_go_needs_the_history(s3: S3, store: HistoryStore, code: str) -> None:
    """It was there a moment ago, so by now it is lost."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    s3.lacks(APP, code)
    with pytest.raises(HistoryError, match="its history is lost"):
        store.removing("shop/app", GONE)


HISTORY: Final = schema_module.seal(look(ago("1d"), "a", a=["v1"]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        HISTORY[:-3],
        HISTORY.replace(b"2026-02-28", b"2026-02-08"),
        HISTORY.replace(b'"schema_version":1', b'"schema_version":9'),
        schema_module.seal(model.History("shop/web", NOW, {})),
        schema_module.seal(StateDocument()),
    ],
)
def test_a_history_that_is_not_whole_is_a_lost_one(s3: S3, store: HistoryStore, body: bytes) -> None:
    """Cut short, edited, of another version, another repository's, or something else."""
    opened(store, s3, StateDocument(repositories=["shop/app"]))
    s3.holds(APP, body)
    with pytest.raises(HistoryError, match="its history is lost"):
        store.remember(look(NOW, a=[]))


# All repositories


def test_what_holds_for_all_is_noted(s3: S3, store: HistoryStore) -> None:
    """The repositories that have an object, without those that the registry has no more; the new measure."""
    opened(store, s3, StateDocument(repositories=["gone", "opted-out"], usages=listed(ecs=9)))
    s3.takes(APP, ANY, None)
    store.remember(look(NOW, a=[]))
    state = StateDocument(repositories=["opted-out", "shop/app"], usages=listed(ecs=8), followed=["shop/app"])
    s3.takes(STATE, schema_module.seal(state), '"s1"', '"s2"')
    store.save({"opted-out", "shop/app", "never-seen"}, counts(ecs=8), None, {"shop/app", "failed"})
    s3.takes(STATE, schema_module.seal(StateDocument(repositories=["shop/app"], usages=listed(ecs=8))), '"s2"')
    store.save({"shop/app"}, None, None, set())


def test_whose_images_are_judged_is_noted_from_run_to_run(s3: S3, store: HistoryStore) -> None:
    """Who could not be read tonight stays in the list; who was left out, and who was never seen, is not in it."""
    known = ["failed", "opted-out", "shop/app"]
    opened(store, s3, StateDocument(repositories=known, followed=known))
    s3.takes(STATE, schema_module.seal(StateDocument(repositories=known, followed=["failed", "shop/app"])), '"s1"')
    store.save(set(known), None, None, {"failed", "shop/app", "never-seen"})


def test_what_there_was_no_time_for_is_noted_in_its_order(s3: S3, store: HistoryStore) -> None:
    """For one run: the next one begins with it."""
    opened(store, s3, StateDocument(left=["older"]))
    assert list(store.left) == ["older"]
    s3.takes(STATE, schema_module.seal(StateDocument(left=["late", "all/later"])), '"s1"', '"s2"')
    store.save(set(), None, None, set(), left=["late", "all/later"])
    assert list(store.left) == ["late", "all/later"]
    s3.takes(STATE, schema_module.seal(StateDocument()), '"s2"')
    store.save(set(), None, None, set())


MARKED: Final = replace(
    look(ago("1d"), "a", a=["v1"]),
    images={digest("a"): model.HistoryEntry(("v1",), None, ago("2d"), unneeded_since=ago("1d"))},
    judged=True,
)


@pytest.mark.parametrize("followed", [True, False])
def test_who_was_left_out_is_judged_anew(s3: S3, store: HistoryStore, *, followed: bool) -> None:
    """Nobody knows what needed its images meanwhile. A second look in the same run finds what the first one left."""
    opened(store, s3, StateDocument(repositories=["shop/app"], followed=["shop/app"] if followed else []))
    s3.holds(APP, schema_module.seal(MARKED), '"a1"')
    s3.takes(APP, ANY, '"a1"')
    found = store.remember(look(NOW, a=["v1"]))
    assert (found.judged, found.images[digest("a")].unneeded_since) == (
        (True, ago("1d")) if followed else (False, None)
    )
    s3.takes(APP, ANY, '"e2"')
    assert store.remember(look(NOW, a=["v1"])).judged is followed


def test_verdicts_join_what_is_known(s3: S3, store: HistoryStore) -> None:
    """What was unneeded before is so since then."""
    opened(store, s3, StateDocument(repositories=["shop/app"], followed=["shop/app"]))
    s3.holds(APP, schema_module.seal(MARKED), '"a1"')
    s3.takes(APP, schema_module.seal(unneeded.judged(MARKED, {digest("a")}, NOW)), '"a1"')
    store.judged("shop/app", {digest("a")}, NOW)
    assert unneeded.since(unneeded.judged(MARKED, {digest("a")}, NOW)) == {digest("a"): ago("1d")}


def test_verdicts_of_two_runs_at_once_are_merged_once(s3: S3, store: HistoryStore) -> None:
    """What the other one found to be needed is unneeded since now at the earliest."""
    opened(store, s3, StateDocument(repositories=["shop/app"], followed=["shop/app"]))
    s3.holds(APP, schema_module.seal(MARKED), '"a1"')
    s3.refuses(APP, ANY, '"a1"')
    needed = unneeded.judged(MARKED, (), ago("1h"))
    s3.holds(APP, schema_module.seal(needed), '"a2"')
    s3.takes(APP, schema_module.seal(unneeded.judged(needed, {digest("a")}, NOW)), '"a2"')
    store.judged("shop/app", {digest("a")}, NOW)
    assert unneeded.since(unneeded.judged(needed, {digest("a")}, NOW)) == {digest("a"): NOW}


def test_a_fall_waits_beside_the_measure(s3: S3, store: HistoryStore) -> None:
    """Until it is confirmed, or the usages are back."""
    waiting = StateDocument(usages=listed(ecs=9), pending_drop=PendingDrop(id="0123456789ab", usages=listed(ecs=1)))
    opened(store, s3, StateDocument(usages=listed(ecs=9)))
    s3.takes(STATE, schema_module.seal(waiting), '"s1"', '"s2"')
    store.save(set(), counts(ecs=1), "0123456789ab", set())
    # A source failed: nothing is known, so it goes on waiting.
    s3.takes(STATE, schema_module.seal(waiting), '"s2"', '"s3"')
    store.save(set(), None, None, set())
    s3.takes(STATE, schema_module.seal(StateDocument(usages=listed(ecs=9))), '"s3"')
    store.save(set(), counts(ecs=9), None, set())


def test_a_fall_in_another_account_waits_and_all_else_is_compared_on(s3: S3, store: HistoryStore) -> None:
    """What is in use here goes on as the measure; an account that is not looked at any more is forgotten."""
    there, gone = (SourceKey(ScanTarget(one, "us-east-1"), "ecs") for one in ("222233334444", "333344445555"))
    before = {**counts(ecs=9), there: 10, gone: 3}
    opened(store, s3, StateDocument(usages=schema.counts_list(before)))
    now = {**counts(ecs=8), there: 1}
    waiting = StateDocument(
        usages=schema.counts_list({**counts(ecs=8), there: 10}),
        pending_drop=PendingDrop(id="0123456789ab", usages=schema.counts_list(now)),
    )
    s3.takes(STATE, schema_module.seal(waiting), '"s1"')
    store.save(set(), now, "0123456789ab", set(), complete=counts(ecs=8), forgotten={"333344445555"})


def test_a_part_that_is_not_there_any_more_is_forgotten(s3: S3, store: HistoryStore) -> None:
    """Those of a source that was not asked are kept."""
    parts = [(SourceKey(TARGET, source, part=part), 9) for source in ("ecs", "lambda") for part in (None, "a", "b")]
    before = dict(parts)
    opened(store, s3, StateDocument(usages=schema.counts_list(before)))
    now = {key: count for key, count in parts if key.source == "ecs" and key.part != "b"}
    left = {key: count for key, count in parts if (key.source, key.part) != ("ecs", "b")}
    s3.takes(STATE, schema_module.seal(StateDocument(usages=schema.counts_list(left))), '"s1"')
    store.save(set(), now, None, set())


def test_a_state_that_somebody_else_wrote_meanwhile_is_merged_once(s3: S3, store: HistoryStore) -> None:
    """No repository's object is forgotten; in doubt no repository's verdicts count."""
    opened(store, s3, StateDocument(repositories=["shop/app"], followed=["shop/app", "web"]))
    s3.refuses(STATE, ANY, '"s1"')
    other = StateDocument(repositories=["other"], usages=listed(ecs=1), followed=["other", "shop/app"])
    s3.holds(STATE, schema_module.seal(other), '"s2"')
    both = StateDocument(repositories=["other", "shop/app"], usages=listed(ecs=5), followed=["shop/app"])
    s3.takes(STATE, schema_module.seal(both), '"s2"')
    store.save({"shop/app", "web"}, counts(ecs=5), None, {"shop/app", "web"})


def test_a_state_that_is_overtaken_twice_is_a_failure(s3: S3, store: HistoryStore) -> None:
    """Nothing is removed then."""
    opened(store, s3)
    s3.refuses(STATE, ANY, '"s1"')
    s3.holds(STATE, schema_module.seal(StateDocument()), '"s2"')
    s3.refuses(STATE, ANY, '"s2"')
    with pytest.raises(HistoryError, match="written by somebody else"):
        store.save(set(), counts(ecs=5), None, set())


# A person's word


def test_a_fall_that_is_confirmed_is_the_measure(s3: S3, store: HistoryStore) -> None:
    """What it was has been forgotten then."""
    pending = PendingDrop(id="0123456789ab", usages=listed(**{"ecs": 1, "lambda": 4}))
    s3.holds(MARKER, STARTED)
    s3.holds(
        STATE,
        schema_module.seal(StateDocument(repositories=["app"], usages=listed(ecs=9), pending_drop=pending)),
        '"s1"',
    )
    s3.takes(
        STATE, schema_module.seal(StateDocument(repositories=["app"], usages=listed(**{"ecs": 1, "lambda": 4}))), '"s1"'
    )
    assert store.confirm("0123456789ab") == counts(**{"ecs": 1, "lambda": 4})


@pytest.mark.parametrize(
    ("pending", "said"),
    [
        (None, "none does"),
        (PendingDrop(id="ba9876543210", usages=listed(ecs=1)), "the drop ba9876543210 does"),
    ],
)
def test_another_fall_is_not_confirmed(s3: S3, store: HistoryStore, pending: PendingDrop | None, said: str) -> None:
    """A word on one says nothing of another."""
    s3.holds(MARKER, STARTED)
    s3.holds(STATE, schema_module.seal(StateDocument(pending_drop=pending)))
    with pytest.raises(HistoryError, match=f"no drop in usages 0123456789ab awaits confirmation: {said}"):
        store.confirm("0123456789ab")


def test_before_the_first_run_there_is_nothing_to_confirm(s3: S3, store: HistoryStore) -> None:
    """And a confirmation begins no history."""
    s3.holds(MARKER, NEW)
    with pytest.raises(HistoryError, match="awaits confirmation: none does"):
        store.confirm("0123456789ab")


def test_a_confirmation_that_is_overtaken_is_a_failure(s3: S3, store: HistoryStore) -> None:
    """What it was said of may not be there any more."""
    s3.holds(MARKER, STARTED)
    s3.holds(STATE, schema_module.seal(StateDocument(pending_drop=PendingDrop(id="0123456789ab", usages=[]))), '"s1"')
    s3.refuses(STATE, ANY, '"s1"')
    with pytest.raises(ReplacedError):
        store.confirm("0123456789ab")


def test_what_ever_answered_is_never_forgotten(s3: S3, store: HistoryStore) -> None:
    """Each run adds to it, also one whose sources failed, and also what a concurrent run wrote."""
    here, there = ScanTarget(ACCOUNT, "eu-west-1"), ScanTarget(ACCOUNT, "us-east-1")

    def state(**regions: list[str]) -> StateDocument:
        answers = {ScanTarget(ACCOUNT, name.replace("_", "-")): operations for name, operations in regions.items()}
        return StateDocument(answered=schema.answered_list(answers))

    def sealed(**regions: list[str]) -> bytes:
        return schema_module.seal(state(**regions))

    opened(store, s3, state(eu_west_1=["a:ListB"]))
    assert store.answered == {here: {"a:ListB"}}
    s3.takes(STATE, sealed(eu_west_1=["a:ListA", "a:ListB"], us_east_1=["c:ListC"]), '"s1"', '"s2"')
    store.save(set(), None, None, (), {here: {"a:ListA"}, there: {"c:ListC"}})
    s3.refuses(STATE, ANY, '"s2"')
    s3.holds(STATE, sealed(us_east_1=["d:ListD"]), '"s3"')
    s3.takes(STATE, sealed(eu_west_1=["a:ListA", "a:ListB"], us_east_1=["c:ListC", "d:ListD"]), '"s3"')
    store.save(set(), None, None, ())
