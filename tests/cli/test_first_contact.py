"""The first commands of a person who has no deployment, no tag, and credentials that only read."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from ecr_cleaner.cli.exit_codes import ExitCode
from tests.cli.conftest import FEW, NAME
from tests.cli.test_plan import READING
from tests.fake_aws import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past


@pytest.fixture
def untagged(sandbox: Sandbox) -> Sandbox:
    """Two repositories that nobody opted in, one of them with a tag that almost does."""
    sandbox.repository("shop/api")
    sandbox.push("shop/api", id="old", tags=["v1"], pushed="90d", size=3 * 1024**2)
    sandbox.push("shop/api", id="used", tags=["v2"], pushed="80d", size=5 * 1024**2)
    sandbox.repository("shop/web", tags={"BoxCleanerEnabled": "True"})
    sandbox.push("shop/web", id="web", pushed="90d", size=1024**2)
    sandbox.seed({"apprunner": {"services": {"web": {"image": "{registry}/shop/api:v2"}}}})
    return sandbox


def test_a_plan_without_any_tag_says_how_much_there_is_and_how_to_go_on(command: Command, untagged: Sandbox) -> None:
    """Not only that nothing would go."""
    del untagged
    ended = command("plan", *FEW)
    assert ended.code == 0
    first, second, *_ = ended.out.split("\n")
    assert first == (
        "account 123456789012, region us-east-1: 2 repositories with 3 images, 9.0 MiB; 0 opted in (tag"
        " BoxCleanerEnabled = true)"
    )
    assert "`ecr-cleaner opt-in GLOB`" in second
    assert ended.out.endswith("next: see what would be removed: ecr-cleaner plan --as-if-opted-in '*'\n")
    nowhere = command("plan", *FEW, env={"AWS_REGION": "eu-west-3"})
    assert "region eu-west-3: 0 repositories" in nowhere.out
    assert "There is no repository here: --region and --profile name another registry." in nowhere.out


def test_one_command_says_what_would_go_and_what_stands_in_the_way(command: Command, untagged: Sandbox) -> None:
    """As if everything had opted in; it writes nothing, and says that it is only as if."""
    ended = command("plan", "--as-if-opted-in", "*")
    assert ended.code == 0
    assert re.search(r"remove +│ shop/api:v1 ", ended.out)
    assert re.search(r"remove +│ shop/web@sha256:[0-9a-f]{12} ", ended.out)
    assert "shop/api:v2" not in ended.out
    assert "note: 2 repositories did not opt in and are judged as if they had" in ended.out
    assert ended.out.endswith("next: print the calls that opt repositories in: ecr-cleaner opt-in '*'\n")
    assert {call.operation for call in untagged.calls if not call.operation.startswith(READING)} == set()
    one = command("plan", *FEW, "--as-if-opted-in", "shop/w*", "--format", "json")
    assert set(one.verdicts) == {untagged.digest("web")}
    assert (one.plan["as_if_opted_in"], one.plan["registry"]["opted_in"]) == (["shop/w*"], 0)
    untagged.inject(Fault(service="apprunner", operation="ListServices", kind="access_denied"))
    refused = command("plan", "--as-if-opted-in", "*")
    assert refused.code == ExitCode.REFUSED
    assert "apprunner:ListServices (source apprunner)" in " ".join(refused.out.split())
    assert refused.out.endswith("next: see what is missing and what mends it: ecr-cleaner doctor\n")


def test_what_is_only_judged_as_if_never_reaches_a_removal(
    command: Command, untagged: Sandbox, past: Past, deploy: Callable[..., Any], tmp_path: Path
) -> None:
    """It is no option of apply, and cannot be saved."""
    deploy(storage=past.place | {"history": True}, require_approval=True)
    saved = command("plan", "--function", NAME, "--as-if-opted-in", "*", "--save", str(tmp_path))
    assert (saved.code, list(tmp_path.iterdir())) == (2, [tmp_path / "home"])
    assert "--save and --as-if-opted-in exclude each other" in saved.err
    assert command("apply", "0" * 64, "--function", NAME, "--as-if-opted-in", "*").code == 2
    assert {call.operation for call in untagged.calls if not call.operation.startswith(READING)} == set()


def test_images_that_cannot_be_counted_are_told(command: Command, untagged: Sandbox) -> None:
    """The plan of the others is whole all the same."""
    untagged.inject(Fault(service="ecr", operation="DescribeImages", kind="access_denied"))
    ended = command("plan", *FEW)
    assert ended.code == 0
    assert "2 repositories with 0 images" in ended.out
    assert "The images of 2 repositories are not counted: access denied: your credentials lack the" in ended.out


def test_the_calls_that_opt_in_are_printed_and_not_made(command: Command, untagged: Sandbox) -> None:
    """Each is a command of the AWS command line; what IAM could not tell from our tag is taken off first."""
    untagged.repository("shop/odd", tags={"boxcleanerenabled": "true"})
    untagged.repository("shop/done", tags={"BoxCleanerEnabled": "true"})
    untagged.clear_calls()
    ended = command("opt-in", "shop/*", "--region", "us-east-1")
    assert ended.code == 0
    assert "Opted in already: shop/done" in ended.err
    where = ["--region", "us-east-1", "--resource-arn", "arn:aws:ecr:us-east-1:123456789012:repository/shop/{}"]
    tag = ["aws", "ecr", "tag-resource", *where, "--tags", "Key=BoxCleanerEnabled,Value=true"]
    untag = ["aws", "ecr", "untag-resource", *where, "--tag-keys", "boxcleanerenabled"]
    expected = [(tag, "api"), (untag, "odd"), (tag, "odd"), (tag, "web")]
    calls = [shlex.split(line) for line in ended.out.splitlines()]
    assert calls == [[word.format(name) for word in words] for words, name in expected]
    assert {call.operation for call in untagged.calls if not call.operation.startswith(READING)} == set()
    nothing = command("opt-in", "shpo/*")
    assert (nothing.code, nothing.out) == (ExitCode.NOT_FOUND, "")
    assert "No repository in us-east-1 matches shpo/*." in nothing.err


def test_doctor_says_what_works(command: Command, company: Sandbox) -> None:
    """And that a run would not be refused."""
    ended = command("doctor")
    assert ended.code == 0, ended.out
    assert ended.out.startswith("account 123456789012, region us-east-1: 17 repositories, 14 opted in\n")
    assert re.search(r"\nsources: \d+ complete", ended.out)
    assert "Repositories that are left alone:" in ended.out
    assert ended.out.endswith("status: completed\n")
    assert "DescribeImages" not in {call.operation for call in company.calls}, "nothing is judged"
    assert {call.operation for call in company.calls if not call.operation.startswith(READING)} == set()


def test_doctor_names_the_permission_before_what_may_be_accepted(command: Command, sandbox: Sandbox) -> None:
    """With whose it is; never an entry for Lambda, whoever denies it, nor for what can be mended in the account."""
    sandbox.inject(Fault(service="apprunner", operation="ListServices", kind="denied_by_organization"))
    sandbox.inject(Fault(service="lambda", operation="ListFunctions", kind="denied_by_organization"))
    sandbox.inject(Fault(service="batch", operation="DescribeJobDefinitions", kind="access_denied"))
    ended = command("doctor")
    assert ended.code == ExitCode.REFUSED
    denied, accepted = "Permissions that are missing:", "What may be accepted of it, at your own risk:"
    assert ended.out.index(denied) < ended.out.index(accepted) < ended.out.index("Why a run would remove nothing")
    lines = ended.out[ended.out.index(denied) : ended.out.index("Why a run would remove nothing")].splitlines()
    whose = re.escape("arn:aws:") + r"\S+ is denied by a service control policy"
    assert any(
        re.match(rf"  apprunner:ListServices in us-east-1: {whose}.*; sources apprunner$", line) for line in lines
    ), lines
    assert any(line.startswith("  batch:DescribeJobDefinitions in us-east-1: ") for line in lines)
    offers = [line for line in lines if "accepted_gaps" in line]
    assert [re.findall(r'"(.*?)" =', line) for line in offers] == [["source:apprunner"]]
    assert "leaves unprotected: " in offers[0]
    document = command("doctor", "--format", "json").plan
    assert document["status"] == "refused"
    assert {one["source"] for one in document["sources"] if one["outcome"] == "failed"} >= {
        "apprunner",
        "batch",
        "lambda",
    }


def test_doctor_shows_clusters_and_stale_lists(command: Command, sandbox: Sandbox) -> None:
    """What no permission mends, with what mends it."""
    sandbox.seed(
        {
            "eks": {"clusters": ["prod"]},
            "s3": {"lists": {"in/use/a.json": {"json": ["app:v1"], "modified": "30h"}}},
        }
    )
    ended = command("doctor", "--used-images-uri", "s3://lists/in/use/")
    assert ended.code == ExitCode.REFUSED
    assert "s3://lists/in/use/a.json was written 30.0 hours ago" in ended.out
    assert "it cannot be read, and its pods may use any image" in ended.out
    assert "cluster/prod" in ended.out


@pytest.mark.parametrize("words", [["plan", "--all"], ["usage"]])
def test_whoever_closes_the_pipe_does_not_make_a_run_fail(command: Command, company: Sandbox, words: list[str]) -> None:
    """As head does: that has an exit code of its own."""
    del company
    pipe = subprocess.PIPE
    with command.start(*words, *FEW, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == ExitCode.PIPE_CLOSED


def test_a_table_for_spreadsheets(command: Command, company: Sandbox) -> None:
    """One row for each image, the same that the JSON document has."""
    del company
    ended = command("plan", *FEW, "--format", "csv")
    assert ended.code == 0
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    images = command("plan", *FEW, "--format", "json").plan["images"]
    assert [(row["repository"], row["digest"], row["verdict"], row["bytes"]) for row in rows] == [
        (one["repository"], one["digest"], one["verdict"], str(one["bytes"])) for one in images
    ]
    assert rows[0]["tags"] == "; ".join(images[0]["tags"])


def test_a_dry_run_that_was_meant_otherwise_is_told(
    command: Command, sandbox: Sandbox, deploy: Callable[..., Any]
) -> None:
    """It stays one, and the value is named."""
    sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
    deploy(dry_run="False")
    ended = command("plan", "--function", NAME)
    assert ended.code == 0
    said = "DRY_RUN is 'False', and that is a dry run: only the exact text false turns removal on"
    assert f"note: {said}" in ended.out
    assert said in json.loads(command("doctor", "--function", NAME, "--format", "json").out)["notes"]
