"""Every example is applied by a real Terraform, and the handler runs in the environment that this made."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from ecr_cleaner import cli
from ecr_cleaner.restore import restorer
from tests.consistency.markdown import Page, codes
from tests.examples import together
from tests.examples.together import Part, Together
from tests.fake_aws import Fault
from tests.fake_aws.aws import ACCOUNT
from tests.terraform.attached import attached
from tests.terraform.fixtures import REPOSITORY
from tools.aged import age_bucket
from tools.processes import Children
from tools.stack import CREDENTIALS, Invocation, TerraformError, function_environment, invoke_from_source
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fake_aws import Sandbox

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

BUCKET: Final = "archive-of-somebody"
"""Made by the test, because the provider waits a minute for one of the module's own."""

OTHER, IN_UNIT, MANAGEMENT = "222233334444", "333344445555", "999988887777"
ORGANIZATION, UNIT = "o-a1b2c3d4e5", "ou-a1b2-c3d4e5f6"

OTHER_ACTIONS: Final = {"iam:GetUser", "sns:GetSubscriptionAttributes", "sns:Subscribe"}
"""The provider asks a user of credentials that it is not to check, and one example subscribes to its topic."""

SIDE_BY_SIDE: Final = {f"TF_CLI_ARGS_{command}": "-parallelism=100" for command in ("apply", "destroy", "plan")}
"""The provider mostly waits until what it made can be used."""


@dataclass(frozen=True, slots=True)
class Applied:
    """An example after the apply of all.

    Attributes:
        name: The example's.
        stack: All of them.
        account: Where they were applied.
    """

    name: str
    stack: Together
    account: Sandbox

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """The values of the example's resources of a type."""
        inside = f"module.{self.name}."
        found = (one for one in self.stack.resources() if f"{one['module']}.".startswith(inside))
        return [one["values"] for one in found if one["type"] == kind]

    def outputs(self) -> dict[str, Any]:
        """The example's outputs."""
        found: dict[str, Any] = self.stack.outputs()[self.name]
        return found

    def functions(self) -> dict[str, dict[str, Any]]:
        """Lambda's configuration of each function, by region."""
        arns = [one["arn"] for one in self.resources("aws_lambda_function")]
        return {
            arn.split(":")[3]: self.account.client("lambda", region=arn.split(":")[3]).get_function_configuration(
                FunctionName=arn
            )
            for arn in arns
        }

    def invoke(self, event: dict[str, Any] | None = None, region: str = "us-east-1") -> Invocation:
        """Runs the handler from source in the environment of the region's function."""
        environment = function_environment(self.functions()[region], self.account.endpoint, region)
        return invoke_from_source(environment, event or {})

    def first_night(self) -> None:
        """Runs as above a day before: what it finds unneeded for the first time is in grace, so nothing goes."""
        ended = self.invoke()
        assert ended.error == {}
        assert ended.result is not None
        totals = ended.result["totals"]
        assert (totals["in_grace"], totals["removed"], totals["archived"]) == (totals["removable"], 0, 0)
        assert totals["in_grace"] > 0
        s3 = self.account.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            age_bucket(s3, bucket["Name"], timedelta(days=1))


@pytest.fixture(scope="module")
def stack(
    sandbox: Sandbox,
    image_uri: Callable[[str], str],
    terraform: Terraform,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Together]:
    """All examples in one account."""
    virginia, ireland = image_uri("us-east-1"), image_uri("eu-west-1")
    sandbox.seed({"regions": {"eu-west-1": "ENABLED_BY_DEFAULT"}})
    for region in ("us-east-1", "eu-west-1"):
        sandbox.repository("shop/api", tags={"BoxCleanerEnabled": "true"}, region=region)
        sandbox.push("shop/api", tags=["old"], pushed="100d", region=region)
        sandbox.push("shop/api", tags=["older-than-a-month"], pushed="40d", region=region)
        sandbox.push("shop/api", tags=["young"], pushed="2d", region=region)
    # The provider waits a minute for a bucket of the module's own: one example shows it, test_history.py has the rest.
    quick = {"history_enabled": False}
    sandbox.client("s3").create_bucket(Bucket=BUCKET)
    # Nothing runs there yet, so that no run of an example has to read them.
    made = {name: {"status": "CREATING"} for name in ("prod", "staging")}
    sandbox.seed({"eks": {"clusters": [*made], "described": made}})
    sandbox.seed(
        {
            "organization": {"id": ORGANIZATION, "management": MANAGEMENT, "delegates": [ACCOUNT]},
            "accounts": {
                MANAGEMENT: {},
                OTHER: {"holds": [{"eks": {"clusters": [*made], "described": made}}]},
                IN_UNIT: {"unit": UNIT},
            },
        }
    )
    image = {"image_uri": virginia}
    parts = {
        # Names of their own: one account holds them all.
        "minimal": Part(arguments={"name": "minimal"} | image | quick),
        "approval": Part(image, {"force_destroy_bucket": True}),
        "complete": Part(image, {"force_destroy_bucket": True}),
        "archive": Part(image | {"bucket_name": BUCKET}),
        "alerts": Part(image, {"name": "told"} | quick),
        "eks": Part(arguments={"name": "reads-eks"} | image | quick),
        "inventory": Part(image | {"name": "listed"}, quick),
        "existing-image": Part(image, {"name": "existing"} | quick),
        "accounts": Part(arguments={"name": "abroad", "bucket_name": BUCKET} | image | quick),
        "organization": Part(
            {"organization_id": ORGANIZATION, "organizational_unit_ids": [UNIT]},
            {"name": "everywhere", "bucket_name": BUCKET} | image | quick,
        ),
        "two-regions": Part({"image_uris": {"us-east-1": virginia, "eu-west-1": ireland}}, {"name": "twice"} | quick),
    }
    assert sorted(parts) == together.NAMES, "every example is applied here"
    with Children() as children:
        stack = Together(
            tmp_path_factory.mktemp("examples"),
            sandbox.endpoint,
            terraform,
            terraform_environment | SIDE_BY_SIDE,
            children=children,
            parts=parts,
        )
        stack.init()
        with attached(stack.folder, stack.environment) as stack.environment:
            try:
                stack.apply()
            except TerraformError as error:
                # The provider tries again what it believes to have failed, and tells only of the last time.
                failed = {c.operation for c in sandbox.calls if c.error and c.operation.startswith("Create")}
                told = (c for c in sandbox.calls if c.error or c.operation in failed)
                answers = (f"{c.region} {c.service} {c.operation} {c.resources}: {c.error or 'ok'}" for c in told)
                error.add_note("What the sandbox answered to calls that failed at least once:\n" + "\n".join(answers))
                raise
            yield stack
        assert not stack.resources(), "the last test destroys"


@pytest.fixture(scope="module")
def applied(stack: Together, sandbox: Sandbox) -> dict[str, Applied]:
    """Each example."""
    return {name: Applied(name, stack, sandbox) for name in stack.parts}


def test_an_apply_takes_the_permissions_that_the_page_lists(stack: Together, sandbox: Sandbox) -> None:
    """Every action of the services that the module itself needs; it stands first, before anything else asks."""
    assert stack.resources()
    rows = Page(ROOT / "docs" / "permissions.md").table("Service", "Actions", "On").rows
    listed: set[str] = set()
    for _, actions, _ in rows:
        first, *others = codes(actions)
        prefix = first.partition(":")[0]
        listed |= {first, *(f"{prefix}:{action}" for action in others)}
    services = {action.partition(":")[0] for action in listed}
    asked = {call.action for call in sandbox.calls}
    assert {action for action in asked if action.partition(":")[0] in services} - OTHER_ACTIONS <= listed


@pytest.mark.parametrize("name", together.NAMES)
def test_an_example_is_a_root_of_its_own(
    terraform: Terraform, terraform_environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    """As it is written, with its providers; Terraform reads all of it before it initialises anything."""
    # Where `source = "../../"` is the module.
    folder = tmp_path / "examples" / name
    shutil.copytree(together.FOLDER / name, folder)
    for path in ROOT.iterdir():
        others = {"usage_sources.json", "time_zones.txt", "lambda_src", "modules", "scripts"}
        if path.suffix in {".tf", ".tftpl"} or path.name in others:
            (tmp_path / path.name).symlink_to(path)
    told = terraform.run("init", "-no-color", folder=folder, environment=terraform_environment)
    assert told.returncode == 0, told.stdout


def test_an_inventory_keeps_what_it_names_and_its_absence_everything(
    applied: dict[str, Applied], sandbox: Sandbox
) -> None:
    """The function may look where the example's bucket is, and only a written inventory lets it go on."""
    one = applied["inventory"]
    assert "has no inventory" in one.invoke().error["errorMessage"]
    bucket, _, key = one.outputs()["inventory"].removeprefix("s3://").partition("/")
    sandbox.client("s3").put_object(Bucket=bucket, Key=key, Body=b'["shop/api:old"]')
    run = one.invoke()
    assert run.error == {}
    assert run.result is not None
    assert (run.result["status"], run.result["totals"]["removable"]) == ("completed", 1)


def test_people_and_programs_are_told(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """Through nothing but what Terraform made: the topic, the bus, the rule, and the role's way to them."""
    one = applied["alerts"]
    sqs = sandbox.client("sqs")
    mailbox = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    (topic,) = (found["arn"] for found in one.resources("aws_sns_topic"))
    arn = "arn:aws:sqs:us-east-1:123456789012:mailbox"
    sandbox.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    run = one.invoke()
    assert run.error == {}
    assert run.result is not None
    (mail,) = sqs.receive_message(QueueUrl=mailbox)["Messages"]
    told = json.loads(mail["Body"])
    assert told["Subject"].startswith("told us-east-1: dry run: 2 images (at most ")
    assert "\n  shop/api  2 of 3 images, " in told["Message"]
    (metrics,) = (line for line in run.lines if "_aws" in line)
    assert (metrics["FunctionName"], metrics["ImagesRemovable"]) == ("told", 2)

    problems = one.outputs()["problems_queue_url"]
    assert "Messages" not in sqs.receive_message(QueueUrl=problems), "all was well"
    sandbox.inject(Fault(service="apprunner", kind="access_denied", region="us-east-1"))
    assert one.invoke().result is None
    sandbox.clear_faults()
    (event,) = sqs.receive_message(QueueUrl=problems)["Messages"]
    detail = json.loads(event["Body"])["detail"]
    assert (detail["function_name"], detail["status"]) == ("told", "refused")
    here = {"account_id": ACCOUNT, "region": "us-east-1"}
    assert detail["sources_failed"] == [{**here, "source": "apprunner", "cluster": None}]
    sqs.delete_queue(QueueUrl=mailbox)


def test_alarms_and_dashboard_look_at_what_the_function_writes(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """As CloudWatch has them; every alarm tells the topic, whose policy lets them."""
    one = applied["alerts"]
    client = sandbox.client("cloudwatch")
    found = client.describe_alarms(AlarmNamePrefix="told-", AlarmTypes=["CompositeAlarm", "MetricAlarm"])
    alarms = [one for one in (*found["CompositeAlarms"], *found["MetricAlarms"]) if one["AlarmActions"]]
    names = ["told-failed", "told-not-run", "told-undelivered"]
    assert sorted(alarm["AlarmName"] for alarm in alarms) == names, "without a history there is no tripwire"
    (topic,) = {action for alarm in alarms for action in alarm["AlarmActions"]}
    policy = json.loads(sandbox.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    (allowed,) = (statement for statement in policy["Statement"] if statement["Effect"] == "Allow")
    assert allowed["Condition"]["ArnLike"]["aws:SourceArn"].endswith(":alarm:told-*")
    body = json.loads(client.get_dashboard(DashboardName=one.outputs()["dashboard_name"])["DashboardBody"])
    (shown,) = (widget["properties"]["alarms"] for widget in body["widgets"] if widget["type"] == "alarm")
    assert sorted(shown) == sorted(alarm["AlarmArn"] for alarm in alarms)


def test_a_dry_run_names_what_a_real_run_then_removes(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """From the module's inputs to the registry, through nothing but what Terraform wrote into the function."""
    dry = applied["minimal"].invoke()
    assert dry.error == {}
    assert dry.result is not None
    assert (dry.result["status"], dry.result["dry_run"]) == ("completed", True)
    assert dry.result["totals"]["removable"] == 2
    assert len(sandbox.images("shop/api")) == 3

    applied["complete"].first_night()
    real = applied["complete"].invoke()  # dry_run = false, default_keep_days = 60
    assert real.error == {}
    assert real.result is not None
    assert (real.result["status"], real.result["dry_run"]) == ("completed", False)
    assert real.result["totals"]["removed"] == 1
    assert sorted(tag for image in sandbox.images("shop/api") for tag in image.tags) == ["older-than-a-month", "young"]
    assert any("the history began" in note for note in real.result["notes"])


def test_the_command_for_a_first_look_is_a_dry_run_whatever_the_setting(
    applied: dict[str, Applied], sandbox: Sandbox
) -> None:
    """Its payload is an event that the handler understands, and that tightens."""
    words = shlex.split(applied["complete"].outputs()["dry_run_command"])
    looked = applied["complete"].invoke(json.loads(words[words.index("--payload") + 1]))
    assert looked.error == {}
    assert looked.result is not None
    assert looked.result["dry_run"] is True
    assert len(sandbox.images("shop/api")) == 2


def test_two_instances_in_two_regions_share_an_account(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """IAM is global: the roles' names differ. Each function looks after its own region."""
    functions = applied["two-regions"].functions()
    assert sorted(functions) == ["eu-west-1", "us-east-1"]
    assert len({function["Role"] for function in functions.values()}) == 2
    run = applied["two-regions"].invoke(region="eu-west-1")
    assert run.result is not None
    assert (run.result["region"], run.result["totals"]["removable"]) == ("eu-west-1", 2)
    assert len(sandbox.images("shop/api", region="eu-west-1")) == 3


def role_session(sandbox: Sandbox, function: dict[str, Any]) -> dict[str, str]:
    """The credentials that a function has in Lambda: those of its own role."""
    made = sandbox.role(function["Role"].partition(":role/")[2])
    return {
        "AWS_ACCESS_KEY_ID": made.access_key,
        "AWS_SECRET_ACCESS_KEY": made.secret_key,
        "AWS_SESSION_TOKEN": made.token,
    }


def test_a_consumer_in_another_account_keeps_its_image(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """By the role that the example makes there, which nobody but the function may assume."""
    one = applied["accounts"]
    function = one.functions()["us-east-1"]
    assert one.outputs() == {"reader_role_arn": f"arn:aws:iam::{OTHER}:role/ecr-cleaner-reader"}
    digest = sandbox.push("shop/api", tags=["abroad"], pushed="100d")
    environment = function_environment(function, sandbox.endpoint)
    as_somebody = invoke_from_source(environment, {})
    environment |= role_session(sandbox, function)
    before = invoke_from_source(environment, {})
    assert before.error == {}
    sandbox.seed(
        {
            "ecs": {
                "task_definitions": {"web:1": {"image": "{home}/shop/api:abroad"}},
                "clusters": {"prod": {"services": {"web": {"task_definition": "web:1"}}}},
            }
        },
        account=OTHER,
    )
    after = invoke_from_source(environment, {})
    sandbox.client("ecr").batch_delete_image(repositoryName="shop/api", imageIds=[{"imageDigest": digest}])
    assert after.error == {}
    assert before.result is not None
    assert after.result is not None
    assert before.result["totals"]["removable"] - after.result["totals"]["removable"] == 1
    assert "sts:AssumeRole" in json.dumps(as_somebody.error or as_somebody.result or as_somebody.lines)


def test_the_role_is_in_the_accounts_of_the_unit(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """For the function of the organization, by the stack set; the template has nothing of one account in it."""
    one = applied["organization"]
    function = one.functions()["us-east-1"]
    made = sandbox.client("iam", account=IN_UNIT).get_role(RoleName="ecr-cleaner-reader")["Role"]
    assert made["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": [function["Role"]]},
        "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
    }
    assert sandbox.client("iam", account=MANAGEMENT).list_roles()["Roles"] == []
    assert IN_UNIT not in one.outputs()["template"]


def test_an_image_goes_once_a_person_approves_of_it(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """The night names what to send, and the output is that command but for the id."""
    one = applied["approval"]
    sandbox.push("shop/api", tags=["forgotten"], pushed="90d")
    one.first_night()
    night = one.invoke()
    assert night.error == {}
    assert night.result is not None
    plan = night.result["plan"]
    assert (night.result["status"], night.result["totals"]["removed"], plan["images"]) == ("completed", 0, 2)
    assert len(sandbox.images("shop/api")) == 3

    told, pasted = (shlex.split(text) for text in (plan["command"], one.outputs()["approve_command"]))
    at = told.index("--payload") + 1
    event = json.loads(told[at])
    assert json.loads(pasted[at].replace("PLAN", plan["id"])) == event
    assert told[:at] + told[at + 1 :] == pasted[:at] + pasted[at + 1 :]
    assert told[told.index("--function-name") + 1] == one.functions()["us-east-1"]["FunctionName"]

    approved = one.invoke(event)
    assert approved.error == {}
    assert approved.result is not None
    assert approved.result["totals"]["removed"] == 2
    assert [image.tags for image in sandbox.images("shop/api")] == [["young"]]
    assert "was carried out" in one.invoke(event).error["errorMessage"]


def test_what_is_archived_comes_back_by_the_functions_name(
    applied: dict[str, Applied], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that a failed run tells finds history and journal by the deployed settings."""
    digest = sandbox.push("shop/api", tags=["attic"], pushed="100d")
    applied["archive"].first_night()
    run = applied["archive"].invoke()
    assert run.error == {}
    assert run.result is not None
    assert (run.result["totals"]["archived"], run.result["totals"]["removed"]) == (1, 0)
    assert {i.digest: i.status for i in sandbox.images("shop/api")}[digest] == "ARCHIVED"
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": sandbox.endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(restorer.time, "sleep", lambda _: None)
    words = ["--region", "us-east-1", "--function", "ecr-archiver", f"shop/api@{digest}"]
    told = CliRunner().invoke(cli.main, ["history", *words])
    assert (told.exit_code, "was about to archive it" in told.output) == (0, True), told.output
    restored = CliRunner().invoke(cli.main, ["restore", *words])
    assert (restored.exit_code, "can be pulled" in restored.output) == (0, True), restored.output
    assert {i.digest: i.status for i in sandbox.images("shop/api")}[digest] == "ACTIVE"


def test_a_second_plan_is_empty_even_if_the_image_has_gone(stack: Together, sandbox: Sandbox) -> None:
    """What Terraform made is what it reads back; what the functions wrote is none of its business."""
    for region in ("us-east-1", "eu-west-1"):
        sandbox.client("ecr", region=region).delete_repository(repositoryName=REPOSITORY, force=True)
    assert stack.changes() == ""


def test_every_cluster_lets_the_function_look(applied: dict[str, Applied], sandbox: Sandbox) -> None:
    """In the group that the printed role is bound to, with Amazon's policy for viewing and no other one."""
    role = applied["eks"].functions()["us-east-1"]["Role"]
    assert applied["eks"].outputs() == {"clusters": ["prod", "staging"]}
    eks = sandbox.client("eks")
    for name in ("prod", "staging"):
        entry = eks.describe_access_entry(clusterName=name, principalArn=role)["accessEntry"]
        assert (entry["kubernetesGroups"], entry["type"]) == (["ecr-cleaner"], "STANDARD")
        found = eks.list_associated_access_policies(clusterName=name, principalArn=role)["associatedAccessPolicies"]
        assert [(one["policyArn"].rpartition("/")[2], one["accessScope"]["type"]) for one in found] == [
            ("AmazonEKSViewPolicy", "cluster")
        ]


def test_destroy_leaves_nothing(stack: Together, sandbox: Sandbox) -> None:
    """But what a function wrote into a bucket that was given."""
    stack.destroy(refresh=False)  # the plan before has just looked
    # What the function wrote into somebody's bucket is theirs to keep.
    s3 = sandbox.client("s3")
    kept = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert any(key.endswith(".json.gz") for key in kept)
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in kept]})
    s3.delete_bucket(Bucket=BUCKET)
    assert {region: _left(sandbox, region) for region in ("us-east-1", "eu-west-1")} == {
        "us-east-1": [],
        "eu-west-1": [],
    }


def _left(sandbox: Sandbox, region: str) -> list[str]:
    """Everything in a region of the kinds that the module makes."""

    def ask(service: str, operation: str, key: str, name: str, **arguments: str) -> list[str]:
        answer = getattr(sandbox.client(service, region=region), operation)(**arguments)
        return [one if isinstance(one, str) else str(one[name]) for one in answer.get(key, [])]

    return [
        *ask("lambda", "list_functions", "Functions", "FunctionName"),
        *ask("iam", "list_roles", "Roles", "RoleName"),
        *ask("dynamodb", "list_tables", "TableNames", ""),
        *ask("sqs", "list_queues", "QueueUrls", ""),
        *ask("logs", "describe_log_groups", "logGroups", "logGroupName"),
        *ask("scheduler", "list_schedules", "Schedules", "Name"),
        *(name for name in ask("scheduler", "list_schedule_groups", "ScheduleGroups", "Name") if name != "default"),
        *ask("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        *ask("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        *ask("events", "list_rules", "Rules", "Name"),
        *ask("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
        *ask("sns", "list_topics", "Topics", "TopicArn"),
        *(ask("s3", "list_buckets", "Buckets", "Name") if region == "us-east-1" else []),
        *(name for name in ask("ecr", "describe_repositories", "repositories", "repositoryName") if name != "shop/api"),
    ]
