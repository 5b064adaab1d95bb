"""The sandbox's ECS, Lambda, App Runner, EventBridge, Scheduler and EKS page, batch and fail as AWS does."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fake_aws import Fault, Sandbox

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
OTHER = f"sha256:{'1' * 64}"


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """An account with two images of one repository."""
    running.reset()
    running.repository("shop/api")
    running.push("shop/api", id="one", tags=["v1"])
    running.push("shop/api", id="two", tags=["v2"])
    return running


def seed_ecs(sandbox: Sandbox, **cluster: Any) -> Any:
    """Cluster ``prod`` with what is told, and task definitions 1 and 2; an ECS client."""
    definitions = {f"api:{number}": {"image": f"{{registry}}/shop/api:v{number}"} for number in (1, 2)}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": cluster}}})
    return sandbox.client("ecs")


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """The error code of a failed call."""
    return str(error.value.response["Error"]["Code"])


def test_services_come_ten_a_page(sandbox: Sandbox) -> None:
    """ListServices: 10 by default, 100 at most, without INACTIVE ones."""
    services = {f"s{number:03}": {"task_definition": "api:1"} for number in range(101)}
    services["gone"] = {"task_definition": "api:1", "status": "INACTIVE"}
    client = seed_ecs(sandbox, services=services)
    assert len(client.list_services(cluster="prod")["serviceArns"]) == 10
    first = client.list_services(cluster="prod", maxResults=100)
    second = client.list_services(cluster="prod", maxResults=100, nextToken=first["nextToken"])
    assert [len(first["serviceArns"]), len(second["serviceArns"])] == [100, 1]
    with pytest.raises(ClientError) as error:
        client.list_services(cluster="prod", maxResults=101)
    assert code(error) == "InvalidParameterException"


def test_batches_have_their_limits(sandbox: Sandbox) -> None:
    """10 services, 100 tasks, 20 deployments, 20 revisions."""
    client = seed_ecs(sandbox)
    calls: tuple[tuple[Any, str, int, dict[str, str]], ...] = (
        (client.describe_services, "services", 10, {"cluster": "prod"}),
        (client.describe_tasks, "tasks", 100, {"cluster": "prod"}),
        (client.describe_service_deployments, "serviceDeploymentArns", 20, {}),
        (client.describe_service_revisions, "serviceRevisionArns", 20, {}),
    )
    for call, member, limit, options in calls:
        answer = call(**{member: ["x"] * limit}, **options)
        assert {failure["reason"] for failure in answer["failures"]} == {"MISSING"}
        with pytest.raises(ClientError) as error:
            call(**{member: ["x"] * (limit + 1)}, **options)
        assert code(error) == "InvalidParameterException"


def test_unknown_names_are_errors(sandbox: Sandbox) -> None:
    """Cluster, service, task definition: each has its own."""
    client = seed_ecs(sandbox)
    for call, options, expected in (
        (client.list_services, {"cluster": "none"}, "ClusterNotFoundException"),
        (client.list_tasks, {"cluster": "none"}, "ClusterNotFoundException"),
        (client.list_service_deployments, {"cluster": "prod", "service": "none"}, "ServiceNotFoundException"),
        (client.describe_task_definition, {"taskDefinition": "none:1"}, "ClientException"),
    ):
        with pytest.raises(ClientError) as error:
            call(**options)
        assert code(error) == expected


def test_task_definitions_by_family_and_status(sandbox: Sandbox) -> None:
    """A family is its newest ACTIVE revision; INACTIVE ones are described, and listed while something uses them."""
    services = {"old": {"task_definition": "api:3"}}
    definitions = {f"api:{number}": {"image": "x", "status": "INACTIVE"} for number in (3, 4)}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": services}}}})
    client = seed_ecs(sandbox)
    assert client.describe_task_definition(taskDefinition="api")["taskDefinition"]["revision"] == 2
    assert client.describe_task_definition(taskDefinition="api:4")["taskDefinition"]["status"] == "INACTIVE"
    active = client.list_task_definitions()["taskDefinitionArns"]
    inactive = client.list_task_definitions(status="INACTIVE")["taskDefinitionArns"]
    assert [arn.rpartition("/")[2] for arn in active] == ["api:1", "api:2"]
    assert [arn.rpartition("/")[2] for arn in inactive] == ["api:3"]


def test_who_names_the_task_definition(sandbox: Sandbox) -> None:
    """Deployments of ECS's own controller; task sets of the others, whose services may name none."""
    services = {
        "rolling": {"task_definition": "api:2", "deployments": [{"task_definition": "api:1"}]},
        "blue": {"controller": "CODE_DEPLOY", "task_sets": [{"task_definition": "api:1", "status": "PRIMARY"}]},
        "own": {"controller": "EXTERNAL", "task_sets": [{"task_definition": "api:2"}]},
    }
    client = seed_ecs(sandbox, services=services)
    answer = client.describe_services(cluster="prod", services=list(services))["services"]
    rolling, blue, own = answer
    assert [item["status"] for item in rolling["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert "taskSets" not in rolling
    assert "taskDefinition" not in blue
    assert (blue["deployments"], blue["taskSets"][0]["startedBy"]) == ([], "CODE_DEPLOY")
    assert own["deploymentController"] == {"type": "EXTERNAL"}


def test_service_revisions_hold_the_digests(sandbox: Sandbox) -> None:
    """From the deployments to the revisions to the digest that a moved tag no longer tells."""
    revisions = [
        {"task_definition": "api:2", "digests": {"api": "{two}"}, "deployed": "1d"},
        {"task_definition": "api:1", "digests": {"api": "{one}"}, "deployed": "9d", "status": "ROLLBACK_FAILED"},
        {"task_definition": "api:1", "deployed": "91d"},
    ]
    client = seed_ecs(sandbox, services={"api": {"task_definition": "api:2", "desired": 0, "revisions": revisions}})
    listed = client.list_service_deployments(cluster="prod", service="api")["serviceDeployments"]
    assert {item["status"] for item in listed} == {"SUCCESSFUL", "ROLLBACK_FAILED"}, "90 days are listed"
    arns = [item["serviceDeploymentArn"] for item in listed]
    deployments = client.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    targets = [item["targetServiceRevision"]["arn"] for item in deployments]
    (failed,) = [item for item in deployments if item["status"] == "ROLLBACK_FAILED"]
    assert failed["rollback"]["serviceRevisionArn"] == failed["sourceServiceRevisions"][0]["arn"]
    found = client.describe_service_revisions(serviceRevisionArns=[*targets, failed["rollback"]["serviceRevisionArn"]])
    images = [item["containerImages"][0] for item in found["serviceRevisions"]]
    assert {image.get("imageDigest") for image in images} == {sandbox.digest("one"), sandbox.digest("two"), None}
    (service,) = client.describe_services(cluster="prod", services=["api"])["services"]
    assert service["currentServiceRevisions"][0]["arn"] in targets
    wanted = client.list_service_deployments(cluster="prod", service="api", status=["SUCCESSFUL"])
    assert len(wanted["serviceDeployments"]) == 1


def test_tasks_run_or_have_stopped(sandbox: Sandbox) -> None:
    """RUNNING unless asked; nothing has the desired status PENDING; the digest comes with the container."""
    tasks = [
        {"task_definition": "api:1", "status": "PENDING"},
        {"task_definition": "api:2", "count": 101, "digests": {"api": "{two}"}},
        {"task_definition": "api:1", "status": "STOPPED", "stopped": "20m"},
    ]
    client = seed_ecs(sandbox, tasks=tasks)
    first = client.list_tasks(cluster="prod")
    second = client.list_tasks(cluster="prod", nextToken=first["nextToken"])
    assert [len(first["taskArns"]), len(second["taskArns"])] == [100, 2]
    assert client.list_tasks(cluster="prod", desiredStatus="PENDING")["taskArns"] == []
    (stopped,) = client.list_tasks(cluster="prod", desiredStatus="STOPPED")["taskArns"]
    (task,) = client.describe_tasks(cluster="prod", tasks=[stopped])["tasks"]
    assert "imageDigest" not in task["containers"][0]
    running = client.describe_tasks(cluster="prod", tasks=first["taskArns"])["tasks"]
    assert sandbox.digest("two") in {task["containers"][0].get("imageDigest") for task in running}


def test_functions_come_50_a_page_with_all_versions(sandbox: Sandbox) -> None:
    """Whatever MaxItems says; without ALL only $LATEST; without the state."""
    versions = {str(number): {"image": "{registry}/shop/api:v1"} for number in range(1, 61)}
    versions["$LATEST"] = {"image": "{registry}/shop/api:v2"}
    sandbox.seed({"lambda": {"functions": {"resize": {"versions": versions}}}})
    client = sandbox.client("lambda")
    first = client.list_functions(FunctionVersion="ALL", MaxItems=1000)
    second = client.list_functions(FunctionVersion="ALL", Marker=first["NextMarker"])
    assert [len(first["Functions"]), len(second["Functions"])] == [50, 11]
    (latest,) = client.list_functions()["Functions"]
    assert latest["CodeSha256"] == sandbox.digest("two").removeprefix("sha256:")
    assert "State" not in latest
    assert "ImageUri" not in latest


def test_a_function_keeps_the_digest_its_tag_had(sandbox: Sandbox) -> None:
    """The code tells the reference as written and as it was resolved."""
    versions = {"$LATEST": {"image": "{registry}/shop/api:v1", "digest": OTHER}}
    sandbox.seed({"lambda": {"functions": {"resize": {"versions": versions}}}})
    answer = sandbox.client("lambda").get_function(FunctionName="resize")
    assert answer["Code"]["ImageUri"] == f"{HOST}/shop/api:v1"
    assert answer["Code"]["ResolvedImageUri"] == f"{HOST}/shop/api@{OTHER}"
    with pytest.raises(ClientError) as error:
        sandbox.client("lambda").get_function(FunctionName="resize", Qualifier="7")
    assert code(error) == "ResourceNotFoundException"


def make_function(sandbox: Sandbox, reference: str, **options: Any) -> Any:
    """CreateFunction, with a role."""
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}
    iam = sandbox.client("iam")
    if not iam.list_roles()["Roles"]:
        iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(trust))
    return sandbox.client("lambda").create_function(
        FunctionName="made",
        Role="arn:aws:iam::123456789012:role/function",
        PackageType="Image",
        Code={"ImageUri": f"{HOST}/{reference}"},
        **options,
    )


def test_a_created_function_resolves_its_image_once(sandbox: Sandbox) -> None:
    """The digest stays when the tag moves, and changes with UpdateFunctionCode."""
    hexes = [sandbox.digest(name).removeprefix("sha256:") for name in ("one", "two")]
    assert make_function(sandbox, "shop/api:v1", Publish=True)["CodeSha256"] == hexes[0]
    client = sandbox.client("lambda")
    client.publish_version(FunctionName="made")
    sandbox.tag("shop/api", sandbox.digest("two"), "v1")
    listed = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert {item["CodeSha256"] for item in listed} == {hexes[0]}
    client.update_function_code(FunctionName="made", ImageUri=f"{HOST}/shop/api:v1", Architectures=["arm64"])
    listed = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert {item["Version"]: item["CodeSha256"] for item in listed} == {"$LATEST": hexes[1], "1": hexes[0]}
    assert client.get_function_configuration(FunctionName="made")["Architectures"] == ["arm64"]


def test_a_try_whose_answer_was_lost_is_answered_again(sandbox: Sandbox) -> None:
    """By the id that the SDK gives every try of a call; another call for the same name is refused."""
    with pytest.raises(ClientError):
        make_function(sandbox, "shop/api:none")  # makes the role
    sandbox.inject(Fault(service="lambda", operation="CreateFunction", kind="lost_answer", times=1))
    sandbox.clear_calls()
    client = boto3.client(
        "lambda", "us-east-1", endpoint_url=sandbox.endpoint, config=Config(retries={"total_max_attempts": 2})
    )
    made = client.create_function(
        FunctionName="made",
        Role="arn:aws:iam::123456789012:role/function",
        PackageType="Image",
        Code={"ImageUri": f"{HOST}/shop/api:v1"},
    )
    client.close()
    assert made["FunctionName"] == "made"
    assert [call.error for call in sandbox.calls] == ["lost_answer", None]
    with pytest.raises(ClientError) as error:
        make_function(sandbox, "shop/api:v1")
    assert code(error) == "ResourceConflictException"


@pytest.mark.parametrize("reference", ["shop/api:none", "shop/api", f"shop/api@{OTHER}", "shop/api:index"])
def test_a_function_is_refused_without_a_proper_image(sandbox: Sandbox, reference: str) -> None:
    """The image must be there, and an index will not do."""
    sandbox.push("shop/api", tags=["index"], kind="index", platforms=["linux/amd64"])
    with pytest.raises(ClientError) as error:
        make_function(sandbox, reference)
    assert code(error) == "InvalidParameterValueException"


def test_a_function_remembers_its_logging(sandbox: Sandbox) -> None:
    """What moto forgets, and Terraform would find missing in its next plan."""
    made = make_function(sandbox, "shop/api:v1", LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})
    expected = {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "WARN",
        "LogGroup": "/aws/lambda/made",
    }
    client = sandbox.client("lambda")
    assert made["LoggingConfig"] == expected
    assert client.get_function(FunctionName="made")["Configuration"]["LoggingConfig"] == expected
    dead = {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}
    client.update_function_configuration(FunctionName="made", DeadLetterConfig=dead)
    assert client.get_function_configuration(FunctionName="made")["DeadLetterConfig"] == dead


def test_app_runner_services_come_20_a_page(sandbox: Sandbox) -> None:
    """With the image in the description only."""
    sandbox.seed({"apprunner": {"services": {f"s{number:02}": {"image": "x:1"} for number in range(21)}}})
    client = sandbox.client("apprunner")
    first = client.list_services()
    second = client.list_services(NextToken=first["NextToken"])
    assert [len(first["ServiceSummaryList"]), len(second["ServiceSummaryList"])] == [20, 1]
    arn = second["ServiceSummaryList"][0]["ServiceArn"]
    source = client.describe_service(ServiceArn=arn)["Service"]["SourceConfiguration"]
    assert source["ImageRepository"]["ImageIdentifier"] == "x:1"
    with pytest.raises(ClientError) as error:
        client.describe_service(ServiceArn=f"{arn}x")
    assert code(error) == "ResourceNotFoundException"


def test_rules_and_targets_come_in_pages(sandbox: Sandbox) -> None:
    """100 rules of one bus; targets of a rule that is there."""
    rules: dict[str, Any] = {f"r{number:03}": {"schedule": "rate(1 day)"} for number in range(101)}
    rules["placed"] = {"bus": "orders", "state": "DISABLED", "targets": [{"task_definition": "api:1"}]}
    sandbox.seed({"events": {"buses": ["orders"], "rules": rules}})
    client = sandbox.client("events")
    assert [bus["Name"] for bus in client.list_event_buses()["EventBuses"]] == ["default", "orders"]
    first = client.list_rules()
    second = client.list_rules(NextToken=first["NextToken"])
    assert [len(first["Rules"]), len(second["Rules"])] == [100, 1]
    assert client.list_rules(EventBusName="orders")["Rules"][0]["State"] == "DISABLED"
    (target,) = client.list_targets_by_rule(Rule="placed", EventBusName="orders")["Targets"]
    assert target["EcsParameters"]["TaskDefinitionArn"].endswith(":task-definition/api:1")
    for wrong in ({"Rule": "placed"}, {"Rule": "placed", "EventBusName": "none"}):
        with pytest.raises(ClientError) as error:
            client.list_targets_by_rule(**wrong)
        assert code(error) == "ResourceNotFoundException"


def test_schedules_tell_their_task_definition_one_by_one(sandbox: Sandbox) -> None:
    """ListSchedules has only the target's ARN, GetSchedule the rest, in whatever group."""
    schedules = {f"s{number:03}": {"group": "data", "task_definition": "api"} for number in range(101)}
    sandbox.seed({"scheduler": {"groups": ["data"], "schedules": schedules}})
    client = sandbox.client("scheduler")
    first = client.list_schedules()
    second = client.list_schedules(NextToken=first["NextToken"])
    assert [len(first["Schedules"]), len(second["Schedules"])] == [100, 1]
    assert set(second["Schedules"][0]["Target"]) == {"Arn"}
    target = client.get_schedule(GroupName="data", Name="s000")["Target"]
    assert target["EcsParameters"]["TaskDefinitionArn"].endswith(":task-definition/api")


def test_kubernetes_clusters_come_in_pages(sandbox: Sandbox) -> None:
    """100 names a page."""
    sandbox.seed({"eks": {"clusters": [f"k{number:03}" for number in range(101)]}})
    client = sandbox.client("eks")
    first = client.list_clusters()
    assert len(first["clusters"]) == 100
    assert client.list_clusters(nextToken=first["nextToken"])["clusters"] == ["k100"]


def test_the_lock_table_is_conditional(sandbox: Sandbox) -> None:
    """A conditional put of a second run fails until the first one's item is gone."""
    client = sandbox.client("dynamodb")
    client.create_table(
        TableName="lock",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    put = {
        "TableName": "lock",
        "Item": {"id": {"S": "run"}, "run_id": {"S": "a"}, "expires_at": {"N": "200"}},
        "ConditionExpression": "attribute_not_exists(id) OR expires_at < :now",
        "ExpressionAttributeValues": {":now": {"N": "100"}},
    }
    client.put_item(**put)
    with pytest.raises(ClientError) as error:
        client.put_item(**put)
    assert code(error) == "ConditionalCheckFailedException"
    release = {"TableName": "lock", "Key": {"id": {"S": "run"}}, "ConditionExpression": "run_id = :mine"}
    with pytest.raises(ClientError) as error:
        client.delete_item(**release, ExpressionAttributeValues={":mine": {"S": "b"}})
    assert code(error) == "ConditionalCheckFailedException"
    client.delete_item(**release, ExpressionAttributeValues={":mine": {"S": "a"}})
    client.put_item(**put)


def test_a_task_says_why_it_could_not_start(sandbox: Sandbox) -> None:
    """On Fargate of itself, on EC2 of its container; what was not pulled has no digest and was never started."""
    unpulled = {"app": "CannotPullContainerError: not found"}
    told = [
        {"task_definition": "app:1", "status": "STOPPED", "unpulled": unpulled, "digests": {"app": OTHER}},
        {"task_definition": "app:1", "status": "STOPPED", "unpulled": unpulled, "launch_type": "EC2"},
        {"task_definition": "app:1", "status": "STOPPED", "reason": "Essential container in task exited"},
    ]
    definitions = {"app:1": {"image": "{registry}/app:v1"}}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"tasks": told}}}})
    ecs = sandbox.client("ecs")
    listed = ecs.list_tasks(cluster="prod", desiredStatus="STOPPED")["taskArns"]
    found = {
        (task["stopCode"], task["stoppedReason"], task["containers"][0].get("reason"), "startedAt" in task)
        for task in ecs.describe_tasks(cluster="prod", tasks=listed)["tasks"]
        if "imageDigest" not in task["containers"][0]
    }
    assert found == {
        ("TaskFailedToStart", "CannotPullContainerError: not found", None, False),
        ("TaskFailedToStart", "Task failed to start", "CannotPullContainerError: not found", False),
        ("EssentialContainerExited", "Essential container in task exited", None, True),
    }
    with pytest.raises(ValueError, match="has not stopped"):
        sandbox.seed({"ecs": {"clusters": {"prod": {"tasks": [{"task_definition": "app:1", "reason": "x"}]}}}})


def test_an_idle_function_fails_without_its_image(sandbox: Sandbox) -> None:
    """As GetFunction tells; a listing never does. One that is not idle has its copy of the image."""
    sandbox.client("ecr").create_repository(repositoryName="app")
    sandbox.push("app", id="v1", tags=["v1"])
    versions = {"1": {"image": "{registry}/app:v1", "idle": True}, "2": {"image": "{registry}/app:v1"}}
    sandbox.seed({"lambda": {"functions": {"f": {"versions": versions}}}})
    client = sandbox.client("lambda")

    def states() -> list[str | None]:
        told = [client.get_function(FunctionName="f", Qualifier=v)["Configuration"] for v in ("1", "2")]
        assert [one["State"] for one in told] == ["Failed" if "StateReasonCode" in one else "Active" for one in told]
        return [one.get("StateReasonCode") for one in told]

    assert states() == [None, None]
    image = sandbox.images("app")[0]
    image.status = "ARCHIVED"
    assert states() == ["ImageDeleted", None]
    image.status = "ACTIVE"
    sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": image.digest}])
    assert states() == ["ImageDeleted", None]
    listed = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert not any("State" in key or "LastUpdate" in key for one in listed for key in one)
    with pytest.raises(ValueError, match="has no asleep"):
        sandbox.seed({"lambda": {"functions": {"f": {"versions": {"1": {"image": "x", "asleep": True}}}}}})
