"""What never changes is read once; with what earlier runs read and without it, a run decides the same."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws import client
from ecr_cleaner.facts import fingerprint
from ecr_cleaner.run import pipeline
from tests.fake_aws import Fault
from tests.integration import accounts, cells
from tests.integration.generated import Generated
from tests.integration.past import BUCKET, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_cleaner.model.result import RunResult
    from ecr_cleaner.run.context import RunContext
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

FACTS: Final = f"{PREFIX}facts/"
VOLATILE: Final = {"run_id", "seconds", "calls", "facts", "duration_seconds", "report", "started_at", "slowest_sources"}


@pytest.fixture
def night(run: Runner, past: Past) -> Callable[..., Outcome]:
    """One night with a bucket, whose usages may drop as they like."""

    def go(**more: Any) -> Outcome:
        return run(storage=past.place | {"history": True}, max_usage_drop_percent=None, **more)

    return go


def kept(sandbox: Sandbox, prefix: str = PREFIX) -> dict[str, bytes]:
    """All objects under a prefix."""
    s3 = sandbox.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def is_put(sandbox: Sandbox, objects: dict[str, bytes]) -> None:
    """The bucket holds these, and no others."""
    s3 = sandbox.client("s3")
    there = {one["Key"]: one["ETag"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX).get("Contents", [])}
    for key in there.keys() - objects.keys():
        s3.delete_object(Bucket=BUCKET, Key=key)
    for key, body in objects.items():
        if there.get(key) != f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"':
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def plan(outcome: Outcome) -> list[str]:
    """Every verdict with its reason and evidence, and all that the run says beside them."""
    assert outcome.error is None, outcome.causes
    images = [
        {name: vars(line).get(name) for name in ("repository", "digest", "reason", "evidence", "goes_after")}
        for line in outcome.lines
        if hasattr(line, "digest")
    ]
    told = [*images, *({name: one} for name, one in _steady(outcome.told).items())]
    return sorted(json.dumps(one, sort_keys=True, default=str) for one in told)


def _steady(value: Any) -> Any:
    """Without what differs between any two runs."""
    if isinstance(value, dict):
        return {name: _steady(one) for name, one in value.items() if name not in VOLATILE}
    return sorted(map(_steady, value), key=str) if isinstance(value, list | tuple) else value


def asked(sandbox: Sandbox) -> list[str]:
    """The operations that were called, those of S3 apart; forgotten then."""
    calls = [call.operation for call in sandbox.calls if call.service != "s3"]
    sandbox.clear_calls()
    return calls


@pytest.mark.parametrize("seed", range(60 if cells.FULL else 6))
def test_with_facts_and_without_the_plan_is_the_same(
    sandbox: Sandbox, night: Callable[..., Outcome], seed: int
) -> None:
    """Byte for byte, in any account, whatever happens to it between two nights; and with them fewer calls are made."""
    account = Generated.of(sandbox, seed)
    night(dry_run=True)
    events = account.happens(6)
    before = kept(sandbox)
    assert any(key.startswith(FACTS) for key in before)
    sandbox.clear_calls()
    with_facts = plan(night(dry_run=True))
    fewer = asked(sandbox)
    is_put(sandbox, {key: body for key, body in before.items() if not key.startswith(FACTS)})
    without = plan(night(dry_run=True))
    assert with_facts == without, events
    assert len(fewer) < len(asked(sandbox))


def test_of_the_account_that_uses_everything_nothing_is_asked_twice_that_never_changes(
    sandbox: Sandbox, night: Callable[..., Outcome], run: Runner
) -> None:
    """Every consumer still keeps its image, by the same evidence; what may change is asked for again."""
    results: list[RunResult] = []

    def execute(ctx: RunContext) -> RunResult:
        results.append(pipeline.run(ctx))
        return results[-1]

    run.execute = execute
    accounts.seed(sandbox)
    first = night(dry_run=True)
    asked(sandbox)
    second = night(dry_run=True)
    assert second.kept() == first.kept()
    again = asked(sandbox)
    never = {"GetFunction", "DescribeModel", "DescribeExecution", "BatchGetImage"}
    assert [operation for operation in again if operation in never] == []
    assert {"DescribeServices", "DescribeTasks", "ListFunctions", "ListTaskDefinitions"} <= set(again)
    used = {one.source: one.facts for result in results[1:] if result.scan for one in result.scan.outcomes if one.facts}
    assert {"ecs", "lambda", "sagemaker", "stepfunctions", "stepfunctions_executions"} <= used.keys()


def spoiled(body: bytes, how: str) -> bytes:
    """An object of facts that is not to be believed, each in its own way."""
    document = json.loads(body)
    content = document["content"]
    match how:
        case "cut":
            return body[: len(body) // 2]
        case "damaged":
            return body.replace(b"sha256:", b"sha257:").replace(b"app", b"bpp")
        case "other account":
            content["target"]["account_id"] = "210987654321"
        case "other region":
            content["target"]["region"] = "eu-west-1"
        case "other kind":
            content["kind"] = "others"
        case "other code":
            content["reader_sha256"] = "0" * 64
        case "other sources":
            content["catalog_sha256"] = "0" * 64
    for fact in content["facts"].values():
        # Whoever believed it would not know what is in use.
        fact["value"] = json.loads(json.dumps(fact["value"]).replace("/app", "/bpp").replace('"app', '"bpp'))
    document["sha256"] = _checksum(content)
    return json.dumps(document).encode()


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@pytest.mark.parametrize(
    "how", ["cut", "damaged", "other account", "other region", "other kind", "other code", "other sources", "lost"]
)
def test_a_fact_that_is_not_to_be_believed_is_not(sandbox: Sandbox, night: Callable[..., Outcome], how: str) -> None:
    """Everything is asked for again, nothing that is needed goes, and the next night believes what this one wrote."""
    Generated.of(sandbox, 1)
    first = night(dry_run=True)
    before, calls = kept(sandbox), len(asked(sandbox))
    facts = {key: body for key, body in before.items() if key.startswith(FACTS)}
    times = {key for key in facts if key.endswith("/state_machine_revisions.json")}
    told = {} if how == "lost" else {key: spoiled(body, how) for key, body in facts.items() if key not in times}
    is_put(sandbox, {key: body for key, body in before.items() if not key.startswith(FACTS)} | told)
    second = night(dry_run=True)
    assert second.kept() == first.kept()
    assert len(asked(sandbox)) >= calls - 5
    notes = [note for note in second.told["notes"] if "what earlier runs read is lost" in note]
    is_told = how not in {"lost", "other code", "other sources"}
    assert bool(notes) is is_told
    assert night(dry_run=True).kept() == first.kept()
    assert len(asked(sandbox)) < calls


def test_other_code_asks_for_everything_again(
    sandbox: Sandbox, night: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may read one more member."""
    Generated.of(sandbox, 2)
    night(dry_run=True)
    calls = len(asked(sandbox))
    monkeypatch.setattr(fingerprint, "sha256", lambda: "0" * 64)
    night(dry_run=True)
    assert len(asked(sandbox)) >= calls - 5


def test_what_a_refused_run_read_is_kept(sandbox: Sandbox, night: Callable[..., Outcome]) -> None:
    """So the next night begins further on, whatever was missing in this one."""
    Generated.of(sandbox, 3)
    sandbox.inject(Fault(service="events", operation="ListRules", kind="access_denied"))
    assert night().status == "refused"
    calls = asked(sandbox)
    assert "GetFunction" in calls
    sandbox.clear_faults()
    assert night(dry_run=True).status == "completed"
    assert "GetFunction" not in asked(sandbox)


def test_who_runs_out_of_time_keeps_what_was_read(sandbox: Sandbox, run: Runner, past: Past) -> None:
    """In the middle of the scan."""
    Generated.of(sandbox, 3)
    place = past.place | {"history": True}

    def left() -> int:
        asked_for = sum(call.operation == "GetFunction" for call in sandbox.calls)
        return 10 if asked_for > 3 else 900_000

    class Lambda:
        """What Lambda tells of an invocation."""

        aws_request_id = "run-1"
        get_remaining_time_in_millis = staticmethod(left)

    assert run(storage=place, context=Lambda()).error is not None  # type: ignore[arg-type]
    sandbox.clear_calls()
    assert run(storage=place, dry_run=True).error is None
    assert 0 < sum(call.operation == "GetFunction" for call in sandbox.calls) < 12


@pytest.mark.parametrize("first", [True, False], ids=["first run", "later run"])
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_whatever_goes_wrong_with_facts_is_a_note(
    sandbox: Sandbox,
    night: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
    *,
    operation: str,
    first: bool,
) -> None:
    """Each call about them, in every way (a sample: every way once): the plan is the same."""
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    account = Generated.of(sandbox, 4)
    if not first:
        night(dry_run=True)
        account.happens(12)
    before = kept(sandbox)
    sandbox.clear_calls()
    expected = night(dry_run=True).kept()
    names: list[tuple[str, ...]] = [(call.operation, *call.resources) for call in sandbox.calls if call.service == "s3"]
    calls = [one for one in names if one[0] == operation]
    places = [number for number, (_, key) in enumerate(calls) if "/facts/" in key]
    assert len(places) >= 3
    kinds = [kind for kind in cells.HARD if operation == "GetObject" or kind not in cells.TOOK_EFFECT]
    for turn, number in enumerate(places):
        for kind in kinds if cells.FULL else kinds[turn :: len(places)]:
            is_put(sandbox, before)
            sandbox.inject(Fault(service="s3", operation=operation, kind=kind, after=number, times=1))
            outcome = night(dry_run=True)
            sandbox.clear_faults()
            assert (outcome.status, outcome.kept()) == ("completed", expected), (number, kind)
    assert night(dry_run=True).kept() == expected
