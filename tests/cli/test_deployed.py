"""The command line with the settings of a deployed function: it says what the function would, and writes nothing."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner import __version__
from tests.cli.conftest import NAME, in_this_process
from tests.cli.test_plan import READING
from tests.fake_aws import Fault
from tests.integration.past import BUCKET, PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome


def shop(sandbox: Sandbox, image: str) -> None:
    """A repository with two old images, of which one is in use."""
    sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
    sandbox.push("app", id="one", tags=["v1"], pushed="90d")
    sandbox.push("app", id="two", tags=["v2"], pushed="80d")
    use(sandbox, image)


def use(sandbox: Sandbox, image: str) -> None:
    """Let the one consumer there is run another image."""
    sandbox.seed({"apprunner": {"services": {"web": {"image": "{registry}/" + image}}}})


def test_what_was_in_use_until_yesterday_stays_as_the_function_would_say(
    command: Command, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], deploy: Callable[..., Any]
) -> None:
    """The history of the function is read, and neither it nor anything else is written."""
    shop(sandbox, "app:v1")
    deploy(storage=past.place | {"history": True}, accepted_gaps={})
    night(dry_run=True)
    past.passes(days=3)
    use(sandbox, "app:v2")
    before = past.objects()
    sandbox.clear_calls()
    ended = command("plan", "--function", NAME, "--format", "json")
    assert ended.code == 0, ended.err
    assert {call.operation for call in sandbox.calls if not call.operation.startswith(READING)} == set()
    assert "GetObject" in {call.operation for call in sandbox.calls}
    assert past.objects() == before
    one, two = sandbox.digest("one"), sandbox.digest("two")
    assert ended.verdicts == {one: ("keep", "recently_in_use"), two: ("keep", "in_use")}
    told = night(dry_run=True).kept()
    evidence = {image["digest"]: (image["reason"], "; ".join(image["evidence"])) for image in ended.plan["images"]}
    assert evidence == told
    assert not any("history is off" in note for note in ended.plan["notes"])


def test_what_is_in_grace_is_told_with_when_it_goes(
    command: Command, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], deploy: Callable[..., Any]
) -> None:
    """As the function knows it; a look from here counts for nothing."""
    shop(sandbox, "app:v1")
    deploy(storage=past.place | {"history": True}, grace_days=1)
    two = sandbox.digest("two")
    for _ in range(2):
        ended = command("plan", "--function", NAME, "--format", "json")
        assert ended.verdicts[two] == ("keep", "in_grace")
        past.passes(days=1)
    night(dry_run=True, grace_days=1)
    past.passes(hours=5)
    before = past.objects()
    (image,) = [
        one for one in command("plan", "--function", NAME, "--format", "json").plan["images"] if one["digest"] == two
    ]
    since = datetime.fromisoformat(past.content("repositories/app.json")["images"][two]["unneeded_since"])
    assert datetime.fromisoformat(image["goes_after"]) == since + timedelta(hours=22)
    ended = command("plan", "--function", NAME)
    assert "in grace" in ended.out
    assert "1 removable" in ended.out
    assert "1 of them in grace" in ended.out
    ended = command("explain", "--function", NAME, "app:v2")
    assert "reason   in_grace" in ended.out
    assert f"found unneeded since {since:%Y-%m-%d %H:%M} UTC" in ended.out
    assert f"it goes with the first run from {since + timedelta(hours=22):%Y-%m-%d %H:%M} UTC on" in ended.out
    assert past.objects() == before
    past.passes(hours=17)
    assert command("plan", "--function", NAME, "--format", "json").verdicts[two] == ("remove", "old_and_unused")


def test_a_copy_leads_to_the_history_too(
    command: Command, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """It names the place, and what was in use is kept by it."""
    shop(sandbox, "app:v1")
    night(dry_run=True)
    use(sandbox, "app:v2")
    copy = json.dumps({"schema_version": 1, "storage": past.place | {"history": True}})
    ended = command.with_pipes("plan", "--format", "json", "--settings", "-", stdin=copy)
    assert ended.code == 0, ended.err
    assert ended.verdicts[sandbox.digest("one")] == ("keep", "recently_in_use")


def test_without_its_history_the_same_image_would_go(
    command: Command, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], deploy: Callable[..., Any]
) -> None:
    """So the test above proves what it says."""
    shop(sandbox, "app:v1")
    deploy()
    night(dry_run=True)
    use(sandbox, "app:v2")
    del past
    ended = command("plan", "--function", NAME, "--format", "json", "--detailed-exitcode")
    assert ended.code == 4
    assert ended.verdicts[sandbox.digest("one")] == ("remove", "old_and_unused")


def test_a_history_that_has_not_begun_is_not_begun(
    command: Command, sandbox: Sandbox, past: Past, deploy: Callable[..., Any]
) -> None:
    """The marker stays as Terraform wrote it; the plan says what is not known."""
    shop(sandbox, "app:v1")
    deploy(storage=past.place | {"history": True})
    before = past.objects()
    ended = command("plan", "--function", NAME, "--format", "json")
    assert ended.code == 0, ended.err
    assert past.objects() == before
    assert any("what was in use before is not known" in note for note in ended.plan["notes"])


def test_a_history_that_a_killed_run_has_begun_is_found(
    command: Command, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], deploy: Callable[..., Any]
) -> None:
    """It wrote the repository's object and did not come to note that it exists: the next run finds it all the same."""
    shop(sandbox, "app:v1")
    deploy(storage=past.place | {"history": True})
    sandbox.repository("empty", tags={"BoxCleanerEnabled": "true"})
    writes = Fault(service="s3", operation="PutObject", kind="access_denied", after=4)
    sandbox.inject(writes)
    assert night(dry_run=True).status != "completed"
    sandbox.clear_faults()
    assert "repositories" not in past.content("state.json")
    assert past.content("repositories/app.json")
    use(sandbox, "app:v2")
    ended = command("plan", "--function", NAME, "--format", "json")
    assert ended.verdicts[sandbox.digest("one")] == ("keep", "recently_in_use")


def test_a_history_that_may_not_be_read_refuses(
    command: Command, sandbox: Sandbox, past: Past, deploy: Callable[..., Any]
) -> None:
    """What it would keep is not known; the sentence says what the caller lacks."""
    shop(sandbox, "app:v1")
    deploy(storage=past.place | {"history": True})
    sandbox.inject(Fault(service="s3", operation="GetObject", kind="access_denied"))
    ended = command("plan", "--function", NAME)
    assert ended.code == 5
    assert "your credentials lack s3:GetObject on it" in " ".join(ended.out.split())
    assert "terraform apply" not in ended.out


def test_the_plan_is_a_dry_run_whatever_the_function_does(
    command: Command, sandbox: Sandbox, deploy: Callable[..., Any]
) -> None:
    """Its DRY_RUN is false, and nothing goes."""
    shop(sandbox, "app:v1")
    deploy(keep_days="85", dry_run="false")
    ended = command("plan", "--function", NAME, "--format", "json")
    assert (ended.code, ended.plan["dry_run"]) == (0, True)
    assert ended.plan["settings"]["values"]["default_keep_days"] == 85
    assert ended.verdicts[sandbox.digest("two")] == ("keep", "too_young")
    assert {image.digest for image in sandbox.images("app")} == {sandbox.digest("one"), sandbox.digest("two")}


def test_the_plan_says_which_settings_it_used(command: Command, deploy: Callable[..., Any], tmp_path: Path) -> None:
    """Equal settings have one hash, whether they come from the function, from its environment, or from the document."""
    environment = deploy(
        keep_days="45", keep_recently_used_days=3, accepted_gaps={"eks:*": "known", "other_accounts:*": "known"}
    )
    forms = {
        "environment": environment,
        "answer": {"FunctionName": NAME, "Environment": {"Variables": environment}},
        "document": json.loads(environment["ECR_CLEANER_SETTINGS"]),
    }
    for name, content in forms.items():
        (tmp_path / name).write_text(json.dumps(content))
    function = command("plan", "--function", NAME, "--format", "json").plan["settings"]
    assert (function["source"], function["name"]) == ("function", NAME)
    for name in forms:
        days = ["--keep-days", "45"] if name == "document" else []
        copy = command("plan", "--settings", str(tmp_path / name), "--format", "json", *days).plan["settings"]
        assert copy == function | {"source": "file", "name": str(tmp_path / name)}
    ended = command.with_pipes("plan", "--settings", "-", stdin=json.dumps(environment))
    assert f"settings: file <stdin> (sha256 {function['sha256'][:12]})" in ended.out
    assert f"settings: function {NAME} (sha256 {function['sha256'][:12]})" in command("plan", "--function", NAME).out


def test_explain_uses_the_deployed_settings(command: Command, sandbox: Sandbox, deploy: Callable[..., Any]) -> None:
    """Rules too, which no option tells."""
    shop(sandbox, "app:v1")
    deploy(retention_rules=[{"repositories": ["app"], "tags": ["v*"], "keep": True}])
    ended = command("explain", "--function", NAME, "app:v2")
    assert ended.code == 0, ended.err
    assert f"settings: function {NAME}" in ended.out
    assert "KEEP  app:v2" in ended.out
    assert "retention_rules[0]" in ended.out


def test_settings_that_outgrew_the_environment_are_read_from_the_bucket(
    command: Command, past: Past, deploy: Callable[..., Any]
) -> None:
    """As long as they are what Terraform wrote."""
    body = json.dumps({"schema_version": 1, "keep_recently_used_days": 5}).encode()
    past.write(f"{PREFIX}settings.json", body)
    pointer = {"bucket": BUCKET, "key": f"{PREFIX}settings.json", "sha256": hashlib.sha256(body).hexdigest()}
    deploy(settings_object=pointer)
    assert (
        command("plan", "--function", NAME, "--format", "json").plan["settings"]["values"]["keep_recently_used_days"]
        == 5
    )
    past.write(f"{PREFIX}settings.json", body.replace(b"5", b"0"))
    ended = command("plan", "--function", NAME, "--format", "json")
    assert (ended.code, ended.out) == (1, "")
    assert "is not what Terraform wrote: its sha256 is" in ended.err


def test_limits_of_a_whole_run_are_not_held_against_some_repositories(
    command: Command, sandbox: Sandbox, deploy: Callable[..., Any]
) -> None:
    """Half of one repository may be little of all."""
    shop(sandbox, "app:v1")
    sandbox.repository("big", tags={"BoxCleanerEnabled": "true"})
    for number in range(8):
        sandbox.push("big", tags=[f"v{number}"], pushed="1d")
    deploy(max_removal_percent_per_run=20, max_removals_per_repository=1)
    assert command("plan", "--function", NAME).code == 0
    assert command("plan", "--function", NAME, "--repository", "app").code == 0
    assert command("explain", "--function", NAME, "app:v2").code == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--function", "f", "--settings", "FILE"], "--function and --settings exclude each other"),
        (["--function", "f", "--keep-days", "9"], "--function and --keep-days exclude each other"),
        (
            ["--function", "f", "--accept-gap", "eks:*", "--used-images-uri", "s3://a/b/", "--settings", "FILE"],
            "--function, --settings, --accept-gap and --used-images-uri exclude each other",
        ),
        (["--settings", "FILE", "--keep-days", "9"], "--settings and --keep-days exclude each other"),
    ],
)
@pytest.mark.parametrize("command_words", [["plan"], ["explain", "app:v1"]], ids=["plan", "explain"])
def test_settings_come_from_one_place(tmp_path: Path, command_words: list[str], words: list[str], named: str) -> None:
    """One error names everything that contradicts, and nobody is asked anything."""
    copy = tmp_path / "environment"
    copy.write_text(json.dumps({"DEFAULT_KEEP_DAYS": "30", "ECR_CLEANER_SETTINGS": '{"schema_version":1}'}))
    ended = in_this_process(*command_words, *(str(copy) if word == "FILE" else word for word in words))
    assert ended.code == 2
    assert f"Error: {named}: settings come from one place\n" in ended.err


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a copy of the settings: it contains no JSON object"),
        ('{"Environment": {}}', "is not a copy of the settings: it contains no JSON object"),
        ("{}", "schema_version: must be 1, got nothing"),
        ('{"schema_version": 1, "rolback_days": 3}', "rolback_days: is not known, got 3"),
        ('{"schema_version": 1, "minimum_keep_days": 90}', "the default age limit must be at least minimum_keep_days"),
        ('{"DRY_RUN": true}', "DRY_RUN: must be a string, got True"),
        ('{"DEFAULT_KEEP_DAYS": "90d"}', "DEFAULT_KEEP_DAYS must be a whole number of days from 1 to 99999, got '90d'"),
    ],
)
def test_a_copy_that_is_not_understood_is_wrong_usage(tmp_path: Path, content: str, named: str) -> None:
    """The sentence names the file."""
    copy = tmp_path / "copy.json"
    copy.write_text(content)
    ended = in_this_process("plan", "--settings", str(copy))
    assert ended.code == 2
    assert str(copy) in ended.err
    assert named in ended.err


def test_a_function_that_is_none_is_told(command: Command, sandbox: Sandbox, deploy: Callable[..., Any]) -> None:
    """A name with a slip, and a function of something else."""
    ended = command("plan", "--function", "ecr-cleanr")
    assert (ended.code, ended.err) == (1, "Error: there is no function ecr-cleanr in us-east-1\n")
    deploy()
    sandbox.client("lambda").update_function_configuration(FunctionName=NAME, Environment={"Variables": {"A": "b"}})
    ended = command("plan", "--function", NAME)
    message = f"function {NAME} is not an ecr-cleaner: its environment has no ECR_CLEANER_SETTINGS"
    assert (ended.code, ended.err) == (1, f"Error: {message}\n")


def test_settings_of_a_function_that_are_not_understood_are_told_all_at_once(
    command: Command, deploy: Callable[..., Any]
) -> None:
    """Such as those of a newer version of the module."""
    deploy(keep_days="0", of_tomorrow=True)
    ended = command("plan", "--function", NAME)
    assert ended.code == 1
    assert f"function {NAME}: DEFAULT_KEEP_DAYS must be" in ended.err
    assert f"function {NAME}: ECR_CLEANER_SETTINGS: of_tomorrow: is not known" in ended.err
    assert ended.err.endswith(f"this is ecr-cleaner {__version__}; is function {NAME} of the same version?\n")
