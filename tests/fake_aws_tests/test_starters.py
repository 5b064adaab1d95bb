"""The sandbox's daemons, Express services, families, pipes and state machines page, batch and fail as AWS does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox

ECS = "arn:aws:ecs:us-east-1:123456789012"
AGENT = f"{ECS}:daemon/prod/agent"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:train"


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """An empty account."""
    running.reset()
    return running


def refused(call: Callable[..., Any], **parameters: Any) -> str:
    """The error code of a call that must fail."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def families(sandbox: Sandbox, **definitions: str) -> Any:
    """Task definitions by family and revision, with their status; an ECS client."""
    told = {name.replace("_", ":"): {"image": "nginx", "status": status} for name, status in definitions.items()}
    sandbox.seed({"ecs": {"task_definitions": told}})
    return sandbox.client("ecs")


def test_families_are_listed_by_status(sandbox: Sandbox) -> None:
    """Also those without an active revision, unless asked."""
    client = families(sandbox, api_1="INACTIVE", api_2="ACTIVE", old_1="INACTIVE")
    assert client.list_task_definition_families()["families"] == ["api", "old"]
    assert client.list_task_definition_families(status="ACTIVE")["families"] == ["api"]
    assert client.list_task_definition_families(status="INACTIVE")["families"] == ["old"]
    assert client.list_task_definition_families(familyPrefix="a")["families"] == ["api"]
    first = client.list_task_definition_families(maxResults=1)
    assert client.list_task_definition_families(maxResults=1, nextToken=first["nextToken"])["families"] == ["old"]
    assert refused(client.list_task_definition_families, maxResults=101) == "InvalidParameterException"


def test_revisions_are_sorted_as_numbers(sandbox: Sandbox) -> None:
    """Ascending unless asked; a family is that one and none that only begins alike."""
    client = families(sandbox, **dict.fromkeys(("api_9", "api_10", "api_100", "apis_1"), "ACTIVE"))

    def listed(**asked: Any) -> list[str]:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            answer = client.list_task_definitions(familyPrefix="api", maxResults=2, **asked, **token)
            found += [arn.rpartition(":")[2] for arn in answer["taskDefinitionArns"]]
            if "nextToken" not in answer:
                return found
            token = {"nextToken": answer["nextToken"]}

    assert listed() == ["9", "10", "100"]
    assert listed(sort="DESC") == ["100", "10", "9"]


def daemons(sandbox: Sandbox, count: int = 1, **told: Any) -> Any:
    """Cluster ``prod`` with daemons; an ECS client."""
    revisions = [
        {"task_definition": "agent:2", "deployed": "1h", "status": "ROLLBACK_IN_PROGRESS"},
        {"task_definition": "agent:1", "digest": f"sha256:{'1' * 64}", "deployed": "2d"},
    ]
    names = ["agent", *(f"agent-{number}" for number in range(1, count))]
    sandbox.seed(
        {
            "ecs": {
                "daemon_task_definitions": {f"agent:{n}": {"image": f"{{registry}}/agent:v{n}"} for n in (1, 2)},
                "clusters": {
                    "prod": {"daemons": {name: {"revisions": revisions} | told for name in names}},
                    "empty": {},
                },
            }
        }
    )
    return sandbox.client("ecs")


def test_daemons_are_listed_by_cluster(sandbox: Sandbox) -> None:
    """100 a page."""
    client = daemons(sandbox, 101)
    first = client.list_daemons(clusterArn="prod")
    second = client.list_daemons(clusterArn=f"{ECS}:cluster/prod", maxResults=100)
    assert len(first["daemonSummariesList"]) == len(second["daemonSummariesList"]) == 100
    assert client.list_daemons(clusterArn="empty")["daemonSummariesList"] == []
    assert refused(client.list_daemons, clusterArn="nowhere") == "ClusterNotFoundException"


def test_a_daemon_tells_its_revisions_and_deployments(sandbox: Sandbox) -> None:
    """Current is what was deployed last with success; a rollback says where it goes."""
    client = daemons(sandbox)
    (current,) = client.describe_daemon(daemonArn=AGENT)["daemon"]["currentRevisions"]
    (revision,) = client.describe_daemon_revisions(daemonRevisionArns=[current["arn"]])["daemonRevisions"]
    assert revision["daemonTaskDefinitionArn"] == f"{ECS}:daemon-task-definition/agent:1"
    assert revision["containerImages"][0]["imageDigest"] == f"sha256:{'1' * 64}"
    listed = client.list_daemon_deployments(daemonArn=AGENT)["daemonDeployments"]
    assert {item["status"] for item in listed} == {"SUCCESSFUL", "ROLLBACK_IN_PROGRESS"}
    (under_way,) = client.list_daemon_deployments(daemonArn=AGENT, status=["ROLLBACK_IN_PROGRESS"])["daemonDeployments"]
    assert "finishedAt" not in under_way
    arns = [under_way["daemonDeploymentArn"]]
    (told,) = client.describe_daemon_deployments(daemonDeploymentArns=arns)["daemonDeployments"]
    assert told["rollback"]["rollbackTargetDaemonRevisionArn"] == current["arn"]
    assert told["sourceDaemonRevisions"] == [{"arn": current["arn"]}]


def test_daemon_task_definitions_are_kept_apart(sandbox: Sandbox) -> None:
    """By name or by family; the other call does not know them."""
    client = daemons(sandbox)
    for name in ("agent", "agent:2", f"{ECS}:daemon-task-definition/agent:2"):
        told = client.describe_daemon_task_definition(daemonTaskDefinition=name)["daemonTaskDefinition"]
        assert told["containerDefinitions"][0]["image"].endswith("/agent:v2")
    assert refused(client.describe_daemon_task_definition, daemonTaskDefinition="agent:9") == "ClientException"
    assert refused(client.describe_task_definition, taskDefinition="agent:1") == "ClientException"
    assert client.list_task_definition_families()["families"] == []


def test_batches_of_daemons_have_their_limits(sandbox: Sandbox) -> None:
    """20 deployments, 20 revisions, none of them none; what is unknown is a failure."""
    client = daemons(sandbox)
    calls = (
        (client.describe_daemon_deployments, "daemonDeploymentArns", "daemonDeployments"),
        (client.describe_daemon_revisions, "daemonRevisionArns", "daemonRevisions"),
    )
    for call, member, result in calls:
        for count in (0, 21):
            assert refused(call, **{member: ["x"] * count}) == "InvalidParameterException"
        answer = call(**{member: ["arn:gone"]})
        assert (answer[result], answer["failures"]) == ([], [{"arn": "arn:gone", "reason": "MISSING"}])
    for call in (client.describe_daemon, client.list_daemon_deployments):
        assert refused(call, daemonArn="arn:gone") == "DaemonNotFoundException"


def test_an_express_service_is_a_service_and_more(sandbox: Sandbox) -> None:
    """It names its image itself; no other service is described as one."""
    services = {"fast": {"express": ["{registry}/a:1", "{registry}/a:2"]}, "slow": {}}
    sandbox.seed({"ecs": {"clusters": {"prod": {"services": services}}}})
    client = sandbox.client("ecs")
    (arn,) = client.list_services(cluster="prod", resourceManagementType="ECS")["serviceArns"]
    (service,) = client.describe_services(cluster="prod", services=[arn])["services"]
    assert service["resourceManagementType"] == "ECS"
    told = client.describe_express_gateway_service(serviceArn=arn)["service"]["activeConfigurations"]
    assert [one["primaryContainer"]["image"].rpartition("/")[2] for one in told] == ["a:1", "a:2"]
    slow = arn.replace("fast", "slow")
    assert refused(client.describe_express_gateway_service, serviceArn=slow) == "ResourceNotFoundException"
    sandbox.seed({"ecs": {"clusters": {"prod": {"services": {"fast": {}}}}}})
    assert refused(client.describe_express_gateway_service, serviceArn=arn) == "ResourceNotFoundException"


def test_pipes_tell_their_targets_one_by_one(sandbox: Sandbox) -> None:
    """100 a page, without parameters."""
    pipes = {f"p{number:03}": {"task_definition": "import:1"} for number in range(101)}
    pipes["queue"] = {"arn": "arn:aws:sqs:{region}:{account}:queue", "state": "STOPPED"}
    pipes["p000"] = {"task_definition": "$.definition"}
    sandbox.seed({"pipes": {"pipes": pipes}})
    client = sandbox.client("pipes")
    first = client.list_pipes()
    second = client.list_pipes(NextToken=first["NextToken"])
    assert [len(first["Pipes"]), len(second["Pipes"])] == [100, 2]
    assert "TargetParameters" not in first["Pipes"][0]
    parameters = [client.describe_pipe(Name=name).get("TargetParameters") for name in ("p000", "p001", "queue")]
    assert parameters[0]["EcsTaskParameters"]["TaskDefinitionArn"] == "$.definition"
    assert parameters[1]["EcsTaskParameters"]["TaskDefinitionArn"] == f"{ECS}:task-definition/import:1"
    assert parameters[2] is None
    assert refused(client.describe_pipe, Name="none") == "NotFoundException"
    assert refused(client.list_pipes, NextToken="other") == "ValidationException"


def test_state_machines_and_versions_are_described_alike(sandbox: Sandbox) -> None:
    """By ARN; listings tell no definition."""
    versions = {str(number): {"StartAt": f"S{number}"} for number in range(1, 103)}
    sandbox.seed({"stepfunctions": {"machines": {"train": {"definition": "{}", "versions": versions}}}})
    client = sandbox.client("stepfunctions")
    (machine,) = client.list_state_machines(maxResults=1000)["stateMachines"]
    arn = machine["stateMachineArn"]
    assert machine["type"] == "STANDARD"
    assert "definition" not in machine
    first = client.list_state_machine_versions(stateMachineArn=arn)
    second = client.list_state_machine_versions(stateMachineArn=arn, nextToken=first["nextToken"])
    assert [len(first["stateMachineVersions"]), len(second["stateMachineVersions"])] == [100, 2]
    assert client.describe_state_machine(stateMachineArn=arn)["definition"] == "{}"
    assert "S7" in client.describe_state_machine(stateMachineArn=f"{arn}:7")["definition"]
    assert refused(client.describe_state_machine, stateMachineArn=f"{arn}:200") == "StateMachineDoesNotExist"
    assert refused(client.list_state_machines, nextToken="other") == "ValidationException"


def test_executions_keep_what_they_were_started_with(sandbox: Sandbox) -> None:
    """Whatever their state machine becomes; the newest is listed first, and express ones are not."""
    executions = {
        "old": {"started": "3d", "updated": "9d", "input": {"a": 1}},
        "new": {"started": "1h", "version": "1"},
        "over": {"status": "FAILED"},
    }
    told = {"train": {"definition": "{}", "executions": executions}, "quick": {"definition": "{}", "type": "EXPRESS"}}
    sandbox.seed({"stepfunctions": {"machines": told}})
    client = sandbox.client("stepfunctions")
    before = client.describe_state_machine(stateMachineArn=MACHINE)
    sandbox.seed({"stepfunctions": {"machines": {"train": {"definition": "{ }"}}}})
    asked = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING", "maxResults": 1}
    first = client.list_executions(**asked)
    rest = client.list_executions(**asked, nextToken=first["nextToken"])
    assert [one["name"] for one in (*first["executions"], *rest["executions"])] == ["new", "old"]
    assert "nextToken" not in rest
    assert first["executions"][0]["stateMachineVersionArn"] == f"{MACHINE}:1"
    assert "stateMachineVersionArn" not in rest["executions"][0]
    (old,) = rest["executions"]
    started = client.describe_state_machine_for_execution(executionArn=old["executionArn"])
    assert (started["definition"], started["revisionId"]) == ("{}", before["revisionId"])
    assert started["updateDate"] < old["startDate"]
    assert json.loads(client.describe_execution(executionArn=old["executionArn"])["input"]) == {"a": 1}
    present = client.describe_state_machine(stateMachineArn=MACHINE)
    assert present["revisionId"] != before["revisionId"]
    assert present["creationDate"] == before["creationDate"]
    quick = MACHINE.replace("train", "quick")
    assert refused(client.list_executions, stateMachineArn=quick) == "StateMachineTypeNotSupported"
    assert refused(client.list_executions, stateMachineArn=f"{MACHINE}x") == "StateMachineDoesNotExist"
    for call in (client.describe_execution, client.describe_state_machine_for_execution):
        assert refused(call, executionArn=f"{old['executionArn']}x") == "ExecutionDoesNotExist"


@pytest.mark.parametrize(
    "scenario",
    [
        {"pipes": {"pipes": {"p": {"image": "a"}}}},
        {"pipes": {"names": {}}},
        {"stepfunctions": {"machines": {"m": {"text": "{}"}}}},
        {"stepfunctions": {"machines": {"m": {"definition": "{}", "executions": {"e": {"text": "{}"}}}}}},
        {"ecs": {"clusters": {"prod": {"daemons": {"d": {"image": "a"}}}}}},
        {"ecs": {"daemon_task_definitions": {"a:1": {"images": "a"}}}},
    ],
)
def test_a_scenario_with_a_key_that_means_nothing_is_refused(sandbox: Sandbox, scenario: dict[str, Any]) -> None:
    """A misspelled consumer would protect nothing."""
    with pytest.raises(ValueError, match=" has no "):
        sandbox.seed(scenario)
