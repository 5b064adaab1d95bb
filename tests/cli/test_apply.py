"""Plans are saved and carried out from a laptop: by the function, or from here after a number was typed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import subprocess
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import pytest

from ecr_cleaner.cli import applying
from ecr_cleaner.cli.commands import apply as apply_command
from ecr_cleaner.settings.schema import SettingsDocument
from tests.cli.conftest import NAME, Ended
from tests.cli.test_plan import READING
from tests.fake_aws import Fault
from tests.fake_aws.lambda_state import Functions
from tests.integration.runner import Context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

LOCK: Final = "cleaner-lock"


class Deployed:
    """A function that requires approval, and answers when it is invoked.

    Attributes:
        context: Of its runs.
        events: What it was sent.
    """

    def __init__(self, run: Runner, past: Past, deploy: Callable[..., dict[str, str]]) -> None:
        self._run, self._past = run, past
        self._around = dict(os.environ)
        self.prefix = f"{past.place['prefix']}plans/"
        self.settings: dict[str, Any] = {
            "require_approval": True,
            "storage": past.place | {"history": True, "journal": True},
            "lock_table": LOCK,
        }
        self.environment = deploy(**self.settings)
        self.context = Context()
        self.events: list[dict[str, Any]] = []
        run.sandbox.state.store("us-east-1", Functions).run = self._invoked

    def night(self) -> str:
        """A scheduled run; returns the id of its plan."""
        outcome = self._run(environment=self.environment)
        assert (outcome.status, outcome.gone) == ("completed", {})
        plan_id: str = outcome.told["plan"]["id"]
        return plan_id

    def upload(self, file: Path) -> None:
        """As the command says."""
        self._past.write(f"{self.prefix}{file.name}", file.read_bytes())

    def _invoked(self, name: str, event: dict[str, Any]) -> tuple[Any, bool]:
        assert name == NAME
        self.events.append(event)
        # Neither the environment nor the streams of the command that invokes it.
        with mock.patch.dict(os.environ, self._around, clear=True), redirect_stdout(io.StringIO()):
            outcome: Outcome = self._run(environment=self.environment, event=event, context=self.context)
        if outcome.error is None:
            return outcome.result, False
        return {"errorMessage": str(outcome.error), "errorType": "RunFailedError", "stackTrace": []}, True


@pytest.fixture
def deployed(run: Runner, past: Past, deploy: Callable[..., dict[str, str]], sandbox: Sandbox) -> Deployed:
    """Deployed, over a repository with two old images and a young one."""
    sandbox.client("dynamodb").create_table(
        TableName=LOCK,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    run.opted_in("app")
    for name, pushed in (("one", "90d"), ("two", "80d"), ("young", "1d")):
        sandbox.push("app", id=name, tags=[name], pushed=pushed)
    return Deployed(run, past, deploy)


def left(sandbox: Sandbox) -> list[str]:
    """The tags that are still there."""
    return sorted(tag for image in sandbox.images("app") for tag in image.tags)


def apply(command: Command, plan: object, *words: str) -> Ended:
    """The command, as people type it."""
    return command("apply", "--function", NAME, str(plan), *words)


def use(sandbox: Sandbox, image: str) -> None:
    """Something starts to run an image."""
    sandbox.seed({"apprunner": {"services": {"web": {"image": "{registry}/" + image}}}})


def test_the_function_carries_out_what_it_proposed(command: Command, deployed: Deployed, sandbox: Sandbox) -> None:
    """It is sent the id and nothing else, once."""
    plan_id = deployed.night()
    ended = apply(command, plan_id)
    assert (ended.code, ended.err) == (0, "")
    assert left(sandbox) == ["young"]
    assert deployed.events == [{"schema_version": 1, "action": "apply", "plan": plan_id}]
    assert f"plan {plan_id}: 2 images" in ended.out
    assert "2 removed, 0 of the plan kept" in ended.out
    assert "status: completed" in ended.out


def test_what_stays_is_told_with_its_reason(command: Command, deployed: Deployed, sandbox: Sandbox) -> None:
    """As the function says."""
    plan_id = deployed.night()
    sandbox.tag("app", sandbox.digest("one"), "keep")
    ended = apply(command, plan_id)
    assert ended.code == 0
    assert left(sandbox) == ["keep", "one", "young"]
    assert "1 removed, 1 of the plan kept" in ended.out
    assert "kept: app one: tags changed: its tags changed from ['one'] to ['keep', 'one']" in ended.out


def test_the_result_is_json_for_programs(command: Command, deployed: Deployed, sandbox: Sandbox) -> None:
    """Whether it went well or not; a dry run removes nothing."""
    plan_id = deployed.night()
    looked = apply(command, plan_id, "--dry-run", "--format", "json")
    assert (looked.code, looked.plan["dry_run"], looked.plan["totals"]["removed"]) == (0, True, 0)
    assert deployed.events[0]["dry_run"] is True
    done = apply(command, plan_id, "--format", "json")
    assert (done.code, done.plan["totals"]["removed"]) == (0, 2)
    assert left(sandbox) == ["young"]
    again = apply(command, plan_id, "--format", "json")
    assert (again.code, again.plan["status"]) == (5, "refused")
    assert "was carried out" in again.plan["causes"][0]


def test_a_run_that_runs_out_of_time_ends_as_such(command: Command, deployed: Deployed, sandbox: Sandbox) -> None:
    """And the same id goes on."""
    plan_id = deployed.night()
    sandbox.after("s3", "GetObject", lambda _: setattr(deployed.context, "seconds", 5))
    sandbox.before("lambda", "Invoke", lambda _: None)
    ended = apply(command, plan_id)
    assert (ended.code, left(sandbox)) == (3, ["one", "two", "young"])
    assert "status: incomplete" in ended.out
    deployed.context = Context()
    assert apply(command, plan_id).code == 0
    assert left(sandbox) == ["young"]


@pytest.mark.parametrize("kind", ["lost_answer", "reset", "internal_error"])
def test_nothing_is_sent_twice(command: Command, deployed: Deployed, sandbox: Sandbox, kind: Any) -> None:
    """Nobody knows how the run ended, and the command says so."""
    plan_id = deployed.night()
    sandbox.inject(Fault(service="lambda", operation="Invoke", kind=kind))
    ended = apply(command, plan_id)
    assert ended.code == 1
    assert "it is unknown how the run ended" in ended.err
    assert [call.operation for call in sandbox.calls].count("Invoke") == 1


@pytest.mark.parametrize("kind", ["access_denied", "throttled"])
def test_what_did_not_begin_is_told_as_such(command: Command, deployed: Deployed, sandbox: Sandbox, kind: Any) -> None:
    """Lambda refused."""
    plan_id = deployed.night()
    sandbox.inject(Fault(service="lambda", operation="Invoke", kind=kind))
    ended = apply(command, plan_id)
    assert (ended.code, left(sandbox)) == (1, ["one", "two", "young"])
    assert "it is unknown" not in ended.err
    assert "Invoke" in ended.err


def test_a_function_that_is_ended_says_so(command: Command, deployed: Deployed, sandbox: Sandbox) -> None:
    """Lambda's own words, which are no JSON."""
    plan_id = deployed.night()
    told = {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: 1 Error: Task timed out after 900.00 seconds"}
    sandbox.state.store("us-east-1", Functions).run = lambda *_: (told, True)
    ended = apply(command, plan_id)
    assert ended.code == 1
    assert "the function ended with Sandbox.Timedout: RequestId: 1 Error: Task timed out" in " ".join(ended.out.split())


# Files


def saved(command: Command, folder: Path, *words: str) -> Path:
    """A plan that a laptop saved into a folder that there was not."""
    assert not folder.exists()
    ended = command("plan", "--function", NAME, "--save", str(folder), *words)
    assert ended.code == 0, ended.err
    (file,) = folder.iterdir()
    assert f"saved: {file}" in ended.err
    return file


def test_a_saved_plan_is_the_same_document(
    command: Command, deployed: Deployed, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Called after its hash; once it lies in the function's bucket it can be applied, before, the way is told."""
    file = saved(command, tmp_path / "plans")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
    content = json.loads(file.read_bytes())
    assert (content["function"], content["account"], content["region"]) == (NAME, "123456789012", "us-east-1")
    digests = [image["digest"] for one in content["repositories"] for image in one["images"]]
    assert set(digests) == {sandbox.digest("one"), sandbox.digest("two")}
    ended = apply(command, file)
    assert ended.code == 1
    assert f"aws s3 cp {file} s3://history/{deployed.prefix}{file.name}" in " ".join(ended.err.split())
    assert deployed.events == []
    deployed.upload(file)
    assert apply(command, file).code == 0
    assert left(sandbox) == ["young"]


def test_some_repositories_can_be_saved_alone(
    command: Command, deployed: Deployed, run: Runner, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Then nothing of the others goes."""
    run.opted_in("web")
    sandbox.push("web", id="web", tags=["v1"], pushed="90d")
    file = saved(command, tmp_path / "plans", "--repository", "app")
    deployed.upload(file)
    assert apply(command, file).code == 0
    assert (left(sandbox), len(sandbox.images("web"))) == (["young"], 1)


def test_what_nobody_could_carry_out_is_not_saved(
    command: Command, deployed: Deployed, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A plan of no function, one that rests on half of the answers, and one of nothing."""
    ended = command("plan", "--save", str(tmp_path))
    assert ended.code == 2
    assert "--save needs --function" in ended.err
    sandbox.inject(Fault(service="apprunner", operation="ListServices", kind="access_denied"))
    ended = command("plan", "--function", NAME, "--save", str(tmp_path))
    sandbox.clear_faults()
    assert ended.code == 1
    assert "no plan was saved" in ended.err
    assert apply(command, deployed.night()).code == 0
    ended = command("plan", "--function", NAME, "--save", str(tmp_path))
    assert (ended.code, ended.err.strip()) == (0, "no plan was saved, because nothing would be removed")
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.usefixtures("deployed")
def test_a_folder_that_cannot_be_made_is_named(command: Command, tmp_path: Path) -> None:
    """In one sentence, and nothing else is written."""
    (tmp_path / "file").write_text("")
    ended = command("plan", "--function", NAME, "--save", str(tmp_path / "file" / "plans"))
    assert ended.code == 1
    assert f"--save: {tmp_path / 'file' / 'plans'} cannot be made: Not a directory" in " ".join(ended.err.split())


def edited(file: Path) -> Path:
    """One byte."""
    file.write_bytes(file.read_bytes().replace(b'"bytes":', b'"bytes":1', 1))
    return file


def forged(**changes: Any) -> Callable[[Path], Path]:
    """Another content, under its own name."""

    def forge(file: Path) -> Path:
        body = json.dumps(json.loads(file.read_bytes()) | changes, sort_keys=True, separators=(",", ":")).encode()
        other = file.with_name(f"{hashlib.sha256(body).hexdigest()}.json")
        other.write_bytes(body)
        return other

    return forge


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (edited, "was changed: it is not the plan"),
        (forged(account="210987654321"), "it is for account 210987654321"),
        (forged(region="eu-west-1"), "it is for region eu-west-1"),
        (forged(function="other"), "it is for function other"),
        (forged(settings_sha256="0" * 64), "the settings have changed"),
        (forged(created_at="2026-01-01T00:00:00Z", expires_at="2026-01-02T00:00:00Z"), "it expired"),
        (
            forged(more=1, removal="drop"),
            "plan: removal: must be 'delete' or 'archive', got 'drop'; plan: more: is not known, got 1",
        ),
    ],
    ids=["edited", "account", "region", "function", "settings", "expired", "more"],
)
def test_a_file_that_does_not_fit_is_refused_before_anything_is_asked(  # noqa: PLR0917 - what differs, and fixtures
    command: Command,
    deployed: Deployed,
    sandbox: Sandbox,
    tmp_path: Path,
    change: Callable[[Path], Path],
    cause: str,
) -> None:
    """The function is not invoked, and with --local nobody is asked for a number."""
    file = change(saved(command, tmp_path / "plans"))
    ended = apply(command, file, "--local")
    assert ended.code == 1
    assert cause in " ".join(ended.err.split())
    assert (deployed.events, left(sandbox)) == ([], ["one", "two", "young"])


@pytest.mark.usefixtures("deployed")
def test_what_is_neither_an_id_nor_a_file_is_wrong_usage(command: Command, tmp_path: Path) -> None:
    """Nor is a file that is not called after its content."""
    for word in ("0" * 63, "F" * 64, str(tmp_path / "nowhere.json"), str(tmp_path)):
        assert apply(command, word).code == 2
    renamed = tmp_path / "plan.json"
    renamed.write_bytes(b"{}")
    ended = apply(command, renamed)
    assert ended.code == 2
    assert "is not named after a plan's id" in " ".join(ended.err.split())
    assert command("apply", "0" * 64).code == 2
    ended = command("apply", "--function", "nowhere", "0" * 64)
    assert (ended.code, ended.err) == (1, "Error: there is no function nowhere in us-east-1\n")


@pytest.mark.parametrize(
    ("settings", "cause"),
    [({"dry_run": "true"}, "dry_run is true"), ({"require_approval": False}, "require_approval is false")],
    ids=["dry_run", "approval"],
)
def test_a_function_that_carries_no_plan_out_is_told(
    command: Command, past: Past, deploy: Callable[..., dict[str, str]], settings: dict[str, Any], cause: str
) -> None:
    """Before it is asked."""
    deploy(**({"require_approval": True, "storage": past.place | {"history": True}} | settings))
    ended = apply(command, "0" * 64)
    assert ended.code == 1
    assert cause in ended.err


# From here


def typing(command: Command, text: str, *words: str) -> Ended:
    """Run it with a terminal to type at, and pipes to read from."""
    ours, theirs = pty.openpty()
    pipe = subprocess.PIPE
    try:
        with command.start("apply", "--function", NAME, *words, stdin=theirs, stdout=pipe, stderr=pipe) as process:
            os.write(ours, f"{text}\n".encode())
            out, err = process.communicate(timeout=120)
    finally:
        os.close(ours)
        os.close(theirs)
    return Ended(process.returncode, out, err)


def test_from_here_a_number_has_to_be_typed(command: Command, deployed: Deployed, sandbox: Sandbox, past: Past) -> None:
    """That of the images, at a terminal; the same fresh look, the same mark."""
    plan_id = deployed.night()
    use(sandbox, "app:one")
    for wrong in ("", "1", "yes", "3"):
        ended = typing(command, wrong, plan_id, "--local")
        assert (ended.code, left(sandbox)) == (1, ["one", "two", "young"]), wrong
        assert "nothing was removed" in ended.err
    assert command("apply", "--function", NAME, plan_id, "--local", stdin="2\n").code == 1
    ended = typing(command, "2", plan_id, "--local")
    assert ended.code == 0, ended.err
    assert left(sandbox) == ["one", "young"]
    assert [key for key in past.objects() if "/app/" in key and key.endswith(".json.gz")], "it is written down"
    assert "deletes up to 2 images of 1 repositories in account 123456789012" in ended.err
    assert "1 removed, 1 of the plan kept" in ended.out
    assert "app one: in use: app runner service web" in ended.out.replace("apprunner", "app runner")
    assert deployed.events == []
    again = apply(command, plan_id)
    assert again.code == 5
    assert "was carried out" in " ".join(again.out.split())


def test_from_here_a_file_need_not_lie_in_the_bucket(
    command: Command, deployed: Deployed, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Only the mark does, so that the function does not carry it out as well."""
    file = saved(command, tmp_path / "plans")
    sandbox.clear_calls()
    looked = apply(command, file, "--local", "--dry-run")
    assert (looked.code, left(sandbox)) == (0, ["one", "two", "young"])
    assert "at most 2 would be removed, 0 of the plan kept" in looked.out
    assert {call.operation for call in sandbox.calls if not call.operation.startswith(READING)} == set()
    ended = typing(command, "2", str(file), "--local")
    assert ended.code == 0, ended.err
    assert left(sandbox) == ["young"]
    deployed.upload(file)
    assert apply(command, file).code == 5


def test_from_here_the_functions_lock_holds(command: Command, deployed: Deployed, sandbox: Sandbox) -> None:
    """Two runs at once: one does nothing."""
    plan_id = deployed.night()
    sandbox.client("dynamodb").put_item(
        TableName=LOCK, Item={"id": {"S": "run"}, "run_id": {"S": "night"}, "expires_at": {"N": str(2**40)}}
    )
    ended = typing(command, "2", plan_id, "--local")
    assert (ended.code, left(sandbox)) == (1, ["one", "two", "young"])
    assert "another run is under way" in ended.err


def dry_run(environment: dict[str, str]) -> dict[str, str]:
    """Somebody stops the cleaner."""
    return environment | {"DRY_RUN": "true"}


def named(environment: dict[str, str]) -> dict[str, str]:
    """Somebody names what they need."""
    document = json.loads(environment["ECR_CLEANER_SETTINGS"])
    document["protected_images"] = ["123456789012.dkr.ecr.us-east-1.amazonaws.com/app:one"]
    return environment | {"ECR_CLEANER_SETTINGS": json.dumps(document)}


@pytest.mark.parametrize(
    ("change", "cause"), [(dry_run, "dry_run is true"), (named, "the settings have changed")], ids=["dry_run", "named"]
)
def test_from_here_settings_that_change_until_the_lock_is_held_hold(
    command: Command,
    deployed: Deployed,
    sandbox: Sandbox,
    change: Callable[[dict[str, str]], dict[str, str]],
    cause: str,
) -> None:
    """While the question for the number waits, say: nothing goes, the plan is not used up, and the lock is free."""
    plan_id = deployed.night()

    def configure(environment: dict[str, str]) -> None:
        told = {"Variables": environment}
        sandbox.client("lambda").update_function_configuration(FunctionName=NAME, Environment=told)

    sandbox.after("dynamodb", "PutItem", lambda _: configure(change(deployed.environment)))
    ended = typing(command, "2", plan_id, "--local")
    assert (ended.code, left(sandbox)) == (1, ["one", "two", "young"])
    assert cause in " ".join(ended.err.split())
    configure(deployed.environment)
    ended = typing(command, "2", plan_id, "--local")
    assert (ended.code, left(sandbox)) == (0, ["young"]), ended.err


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for a number."""
    monkeypatch.setattr(apply_command, "_ask_for_number", lambda *_: None)


@pytest.fixture
def one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repositories are removed from one by one, for a test that lets time pass by calls."""
    run = applying.pipeline.run
    monkeypatch.setattr(applying.pipeline, "run", lambda ctx: run(replace(ctx, workers=1)))


@pytest.mark.usefixtures("here", "one_after_the_other")
def test_from_here_the_time_that_the_machine_sleeps_counts(
    command: Command, deployed: Deployed, run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it wakes the lock has expired, and may be another run's: nothing more goes, and the same plan goes on."""
    run.opted_in("web")
    sandbox.push("web", id="web", tags=["web"], pushed="90d")
    plan_id = deployed.night()
    slept = [timedelta()]
    monkeypatch.setattr(applying, "utc_now", lambda: datetime.now(UTC) + slept[0])

    def sleep(_: object) -> None:
        slept[0] = timedelta(minutes=20)
        sandbox.client("dynamodb").put_item(
            TableName=LOCK, Item={"id": {"S": "run"}, "run_id": {"S": "night"}, "expires_at": {"N": str(2**40)}}
        )

    sandbox.after("ecr", "BatchDeleteImage", sleep)
    ended = apply(command, plan_id, "--local")
    assert (ended.code, "status: incomplete" in ended.out) == (3, True)
    assert (left(sandbox), len(sandbox.images("web"))) == (["young"], 1)
    (lock,) = sandbox.client("dynamodb").scan(TableName=LOCK)["Items"]
    assert lock["run_id"] == {"S": "night"}, "it is not ours to release"
    sandbox.client("dynamodb").delete_item(TableName=LOCK, Key={"id": {"S": "run"}})
    slept[0] = timedelta()
    ended = apply(command, plan_id, "--local")
    assert (ended.code, sandbox.images("web")) == (0, [])


@pytest.mark.usefixtures("here", "one_after_the_other")
def test_from_here_nothing_goes_when_the_plan_has_expired(
    command: Command, deployed: Deployed, run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it was carried out in part by then."""
    run.opted_in("web")
    sandbox.push("web", id="web", tags=["web"], pushed="90d")
    plan_id = deployed.night()
    passed = [timedelta()]
    began = datetime.now(UTC)
    monkeypatch.setattr(applying, "utc_now", lambda: began + passed[0])
    hours = timedelta(hours=SettingsDocument().plan_expiry_hours)
    passed[0] = hours - timedelta(minutes=5)
    sandbox.after("ecr", "BatchDeleteImage", lambda _: passed.__setitem__(0, hours))
    ended = apply(command, plan_id, "--local")
    assert (ended.code, left(sandbox), len(sandbox.images("web"))) == (3, ["young"], 1)


def test_from_here_a_run_goes_on_when_nobody_reads_what_it_tells(
    command: Command, deployed: Deployed, run: Runner, sandbox: Sandbox
) -> None:
    """As with ``2>&1 | head``: a run that broke off would not know what went, nor note that the plan is used up."""
    run.opted_in("web")
    sandbox.push("web", id="web", tags=["web"], pushed="90d")
    plan_id = deployed.night()
    ours, theirs = pty.openpty()
    pipe = subprocess.PIPE
    words = ("apply", "--function", NAME, plan_id, "--local")
    with command.start(*words, stdin=theirs, stdout=pipe, stderr=pipe) as process:
        out, err = process.stdout, process.stderr
        assert out is not None
        assert err is not None
        sandbox.before("ecr", "BatchDeleteImage", lambda _: err.close())
        os.write(ours, b"3\n")
        told = out.read()
        assert process.wait(120) == 0
    os.close(ours)
    os.close(theirs)
    assert (left(sandbox), sandbox.images("web")) == (["young"], [])
    assert "3 removed, 0 of the plan kept" in told
    assert "was carried out" in " ".join(apply(command, plan_id).out.split())
