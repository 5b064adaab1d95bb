"""The sandbox's services of which only the form is known: as strict as botocore's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.usage.catalog import SOURCES
from tests.fake_aws import Fault
from tests.fake_aws.resources import TEMPLATES
from tests.fake_aws.tables import SERVICES
from tests.integration.fixtures import running_sandbox, sandbox

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import Source
    from tests.fake_aws import Sandbox

__all__ = ["running_sandbox", "sandbox"]

RUNTIMES = {"lambda-core": {"ListRuntimes": [{"items": [{"Name": f"r{number}"} for number in range(120)]}]}}


def services_of(source: Source) -> set[str]:
    """What a source asks, by botocore's names."""
    return {field.service for field in source.fields}


def test_every_row_of_the_table_has_its_service() -> None:
    """Else moto would be asked, which does not know it; of ECS, task definitions are read beside."""
    asked = {name for source in SOURCES if source.proof == "model" for name in services_of(source)}
    assert asked - {"ecs"} <= set(SERVICES)
    assert set(TEMPLATES) <= set(SERVICES)


def test_what_is_not_told_is_empty_or_not_there(sandbox: Sandbox) -> None:
    """By the operation's own code."""
    assert sandbox.client("gamelift").list_container_group_definitions()["ContainerGroupDefinitions"] == []
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        sandbox.client("codepipeline").get_pipeline(name="none")


def test_what_is_told_is_completed(sandbox: Sandbox) -> None:
    """Clients see what the model demands, times and bytes included."""
    answer = {"recipe": "{}", "recipeOutputFormat": "JSON"}
    sandbox.seed({"tables": {"greengrassv2": {"GetComponent": [{"when": {"arn": "a/b:c"}, "answer": answer}]}}})
    told = sandbox.client("greengrassv2").get_component(arn="a/b:c")
    assert (told["recipe"], told["recipeOutputFormat"]) == (b"{}", "JSON")
    sandbox.seed({"tables": RUNTIMES})
    first = sandbox.client("lambda-core").list_runtimes()["Items"][0]
    assert set(first) == {"Arn", "Created", "LastModified", "Name"}


def test_two_services_may_sign_alike(sandbox: Sandbox) -> None:
    """The route tells them apart."""
    sandbox.seed({"tables": RUNTIMES})
    sandbox.client("lambda-core").list_runtimes()
    sandbox.client("lambda").list_functions()
    assert [(call.service, call.action) for call in sandbox.calls] == [
        ("lambda-core", "lambda:ListRuntimes"),
        ("lambda", "lambda:ListFunctions"),
    ]


def test_cbor_is_spoken(sandbox: Sandbox) -> None:
    """Of two services that sign alike and have an operation of one name, the path tells which is meant."""
    arn = "arn:aws:events:us-east-1:123456789012:subscriber/s{}/0123456789abcdefghijklmno"
    items = [{"SubscriberArn": arn.format(n), "Revoked": n == 2, "State": "STOPPED"} for n in range(3)]
    sandbox.seed({"tables": {"eventbridgev2": {"ListSubscribers": [{"items": items}]}}})
    client = sandbox.client("eventbridgev2")
    first = client.list_subscribers(MaxResults=2)
    rest = client.list_subscribers(MaxResults=2, NextToken=first["NextToken"])
    assert [one["Revoked"] for one in (*first["Subscribers"], *rest["Subscribers"])] == [False, False, True]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.describe_subscriber(SubscriberArn=arn.format(7))
    assert client.list_event_buses()["EventBuses"] == []
    assert [bus["Name"] for bus in sandbox.client("events").list_event_buses()["EventBuses"]] == ["default"]
    sandbox.inject(Fault(service="eventbridgev2", kind="missing_member"))
    assert "Subscribers" not in client.list_subscribers()
    assert {call.action for call in sandbox.calls if call.operation == "ListSubscribers"} == {"events:ListSubscribers"}


def test_pages_are_as_large_as_the_model_allows(sandbox: Sandbox) -> None:
    """And no larger."""
    sandbox.seed({"tables": RUNTIMES})
    client = sandbox.client("lambda-core")
    first = client.list_runtimes(MaxResults=100)
    rest = client.list_runtimes(MaxResults=100, NextToken=first["NextToken"])
    assert (len(first["Items"]), len(rest["Items"]), "NextToken" in rest) == (100, 20, False)
    with pytest.raises(ClientError, match="between 1 and 100"):
        client.list_runtimes(MaxResults=101)


def test_the_query_protocol_is_spoken(sandbox: Sandbox) -> None:
    """Numbers come as numbers, answers and errors as XML."""
    versions = [{"VersionLabel": f"v{n}", "Process": True, "ImageSource": {"Uri": f"a<b&{n}"}} for n in range(3)]
    sandbox.seed({"tables": {"elasticbeanstalk": {"DescribeApplicationVersions": [{"items": versions}]}}})
    client = sandbox.client("elasticbeanstalk")
    told = client.describe_application_versions(MaxRecords=2)
    assert [version["ImageSource"]["Uri"] for version in told["ApplicationVersions"]] == ["a<b&0", "a<b&1"]
    assert told["ApplicationVersions"][0]["Process"] is True
    rest = client.describe_application_versions(MaxRecords=2, NextToken=told["NextToken"])
    assert len(rest["ApplicationVersions"]) == 1
    with pytest.raises(ClientError, match="between 1 and 1000"):
        client.describe_application_versions(MaxRecords=1001)
    sandbox.inject(Fault(service="elasticbeanstalk", kind="missing_member"))
    assert "ApplicationVersions" not in client.describe_application_versions()


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"ecs": {"ListTasks": []}}, "no table for ecs"),
        ({"braket": {"ListJobs": []}}, "no table for braket ListJobs"),
        ({"braket": {"SearchJobs": [{"items": [{"name": "x"}]}]}}, r"jobs\[\] has no name"),
        ({"braket": {"SearchJobs": [{"items": [{"status": "BUSY"}]}]}}, "is none of QUEUED"),
        ({"braket": {"SearchJobs": [{"items": [{"jobName": 5}]}]}}, "is int, not str"),
        ({"braket": {"GetJob": [{"items": []}]}}, "GetJob has no single list|GetJob lists nothing"),
        ({"braket": {"GetJob": [{"when": {"id": "x"}, "answer": {}}]}}, "cannot be asked for id"),
        ({"braket": {"GetJob": [{"answers": {}}]}}, "has no answers"),
    ],
)
def test_what_the_model_does_not_know_cannot_be_told(sandbox: Sandbox, tables: dict[str, Any], problem: str) -> None:
    """A scenario that means nothing would prove nothing."""
    with pytest.raises(ValueError, match=problem):
        sandbox.seed({"tables": tables})


def test_faults_and_records_know_iam_s_names(sandbox: Sandbox) -> None:
    """As the permissions of sources are written."""
    sandbox.inject(Fault(service="cleanrooms-ml", operation="ListTrainedModels", kind="access_denied"))
    with pytest.raises(ClientError, match="cleanrooms-ml:ListTrainedModels"):
        sandbox.client("cleanroomsml").list_trained_models(membershipIdentifier="0" * 36)
    (call,) = sandbox.calls
    assert call.resources == ("*",)
    with pytest.raises(ClientError):
        sandbox.client("omics").get_run_task(id="1", taskId="2")
    omics = "arn:aws:omics:us-east-1:123456789012"
    assert sandbox.calls[-1].resources == (f"{omics}:run/1", f"{omics}:task/2")


def test_inspector_filters_as_it_is_asked(sandbox: Sandbox) -> None:
    """By type and by number; what the sandbox does not know is refused."""
    sandbox.repository("app")
    used, unused = sandbox.push("app", tags=["a"]), sandbox.push("app", tags=["b"])
    sandbox.seed({"inspector": {"in_use": {"app": [used]}, "not_in_use": {"app": [unused]}}})
    configuration = sandbox.client("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
    assert configuration["scanType"] == "ENHANCED"
    client = sandbox.client("inspector2")

    def covered(**criteria: Any) -> set[str]:
        resources = client.list_coverage(filterCriteria=criteria)["coveredResources"]
        return {resource["resourceId"].rpartition("/")[2] for resource in resources}

    assert covered() == {used, unused}
    assert covered(ecrImageInUseCount=[{"lowerInclusive": 1}]) == {used}
    assert covered(resourceType=[{"comparison": "EQUALS", "value": "AWS_EC2_INSTANCE"}]) == set()
    with pytest.raises(ClientError, match="does not filter by accountId"):
        covered(accountId=[{"comparison": "EQUALS", "value": "123456789012"}])
    with pytest.raises(ClientError, match="between 1 and 200"):
        client.list_coverage(maxResults=201)
