"""How the table walks: what ends a way, and what makes the whole an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError

from ecr_cleaner.aws.client import connect
from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import agentcore, braket, cleanrooms_ml, emr_containers, gamelift, greengrass
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from ecr_cleaner.usage.texts.mentions import EVERYTHING
from tests.aws_calls.consumers import told as is_told
from tests.aws_calls.script import Script
from tests.aws_calls.sources import scanned
from tests.builders import ACCOUNT, HOST, digest
from tests.fake_aws.shapes import filled

if TYPE_CHECKING:
    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.usage.source import Source

JOBS: Final[dict[str, Any]] = {"filters": [], "maxResults": 100}
SAMPLE: Final = "0123456789" * 5


def used(script: Script, source: Source, chain: int = 0) -> list[Usage]:
    """What one chain of a source finds."""
    account = SourceContext(script.aws, Settings.model_construct(), TaskDefinitions(script.aws))
    rows: Any = source.collect
    return list(type(rows)(rows.name, rows.service, rows.chains[chain : chain + 1])(account))


def answer(script: Script, service: str, method: str, told: dict[str, Any], **asked: Any) -> None:
    """Answer with what is told and whatever else the model demands."""
    client = script.aws.client(service)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    script.answer(service, method, filled(model.output_shape, told), **asked)


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCELLED"])
def test_what_is_over_is_not_asked_for(script: Script, status: str) -> None:
    """Its image is pulled no more."""
    answer(script, "braket", "search_jobs", {"jobs": [{"jobArn": "arn", "status": status}]}, **JOBS)
    assert used(script, braket.SOURCES[0]) == []


@pytest.mark.parametrize("status", ["QUEUED", "RUNNING", "CANCELLING", "WAITING_FOR_SOMETHING_NEW"])
def test_what_is_not_known_to_be_over_counts(script: Script, status: str) -> None:
    """A state that botocore does not know yet, too."""
    shape = script.aws.client("braket").meta.service_model.operation_model("SearchJobs").output_shape
    listing = filled(shape, {"jobs": [{"jobArn": "arn"}]})
    listing["jobs"][0]["status"] = status
    script.answer("braket", "search_jobs", listing, **JOBS)
    told = {"algorithmSpecification": {"containerImage": {"uri": f"{HOST}/app:v1"}}, "jobName": "anneal"}
    answer(script, "braket", "get_job", told, jobArn="arn")
    (found,) = used(script, braket.SOURCES[0])
    assert (found.consumer, found.evidence) == ("braket job anneal", UsageKind.RUNNING)


def test_what_has_vanished_since_it_was_listed_is_left_out(script: Script) -> None:
    """It can start nothing; the next one still counts."""
    listing = {"jobs": [{"jobArn": "gone", "status": "QUEUED"}, {"jobArn": "arn", "status": "QUEUED"}]}
    answer(script, "braket", "search_jobs", listing, **JOBS)
    script.refuse("braket", "get_job", "ResourceNotFoundException", jobArn="gone")
    told = {"algorithmSpecification": {"containerImage": {"uri": f"{HOST}/app:v1"}}}
    answer(script, "braket", "get_job", told, jobArn="arn")
    # One that has ended by then is not listed any more as far as its image is concerned.
    again = {"jobs": [{"jobArn": "gone", "status": "COMPLETED"}, {"jobArn": "arn", "status": "QUEUED"}]}
    answer(script, "braket", "search_jobs", again, **JOBS)
    assert len(used(script, braket.SOURCES[0])) == 1


def test_an_image_that_cannot_be_read_stops_nothing(script: Script) -> None:
    """It names nothing, and is told."""
    answer(script, "braket", "search_jobs", {"jobs": [{"jobArn": "arn", "status": "QUEUED"}]}, **JOBS)
    told = {"algorithmSpecification": {"containerImage": {"uri": f"{HOST}/App:v1"}}}
    answer(script, "braket", "get_job", told, jobArn="arn")
    assert is_told(used(script, braket.SOURCES[0]), f"{HOST}/App:v1", ())


def test_models_from_before_there_were_versions_are_read_without_one(script: Script) -> None:
    """They have no version to ask for."""
    answer(script, "cleanrooms", "list_memberships", {"membershipSummaries": [{"id": SAMPLE}]}, status="ACTIVE")
    listed = {"trainedModels": [{"trainedModelArn": SAMPLE, "membershipIdentifier": SAMPLE}]}
    asked = {"membershipIdentifier": SAMPLE}
    answer(script, "cleanroomsml", "list_trained_models", listed, **asked)
    asked |= {"trainedModelArn": SAMPLE}
    answer(script, "cleanroomsml", "list_trained_model_versions", listed, **asked)
    answer(script, "cleanroomsml", "get_trained_model", {"trainingContainerImageDigest": digest("a")}, **asked)
    assert [one.reference.digest for one in used(script, cleanrooms_ml.SOURCES[0])] == [digest("a")]


def test_a_digest_that_is_none_may_be_of_any_image(script: Script) -> None:
    """The model says no more than that it is a text."""
    answer(script, "cleanrooms", "list_memberships", {"membershipSummaries": [{"id": SAMPLE}]}, status="ACTIVE")
    listed = {"trainedModelInferenceJobs": [{"trainedModelInferenceJobArn": SAMPLE, "membershipIdentifier": SAMPLE}]}
    asked = {"membershipIdentifier": SAMPLE}
    answer(script, "cleanroomsml", "list_trained_model_inference_jobs", listed, **asked)
    asked |= {"trainedModelInferenceJobArn": SAMPLE}
    told = {"inferenceContainerImageDigest": "md5:1234"}
    answer(script, "cleanroomsml", "get_trained_model_inference_job", told, **asked)
    (found,) = used(script, cleanrooms_ml.SOURCES[0], chain=1)
    assert (found.reference, "'md5:1234'" in found.problem) == (EVERYTHING, True)


def test_a_digest_in_capitals_is_the_one_that_ecr_writes_small(script: Script) -> None:
    """GameLift's model allows both."""
    answer(
        script,
        "gamelift",
        "list_container_group_definitions",
        {"ContainerGroupDefinitions": [{"Name": "game"}]},
    )
    capitals = "sha256:" + digest("a").removeprefix("sha256:").upper()
    told = {"ImageUri": f"{HOST}/app:v1", "ResolvedImageDigest": capitals}
    listed = {"ContainerGroupDefinitions": [{"Name": "game", "GameServerContainerDefinition": told}]}
    answer(script, "gamelift", "list_container_group_definition_versions", listed, Name="game")
    references = [one.reference for one in used(script, gamelift.SOURCES[0])]
    assert [(one.tag, one.digest) for one in references] == [("v1", None), (None, digest("a"))]


def test_a_region_that_knows_no_such_things_has_none(script: Script) -> None:
    """The service says so itself; any other refusal is an error."""
    script.refuse("gamelift", "list_container_group_definitions", "UnsupportedRegionException")
    assert used(script, gamelift.SOURCES[0]) == []
    script.refuse("gamelift", "list_container_group_definitions", "NotFoundException")
    with pytest.raises(AwsError, match="NotFoundException"):
        used(script, gamelift.SOURCES[0])


def test_bytes_are_read_as_text(script: Script) -> None:
    """Even if some of them are none."""
    components = {"components": [{"arn": "c"}]}
    answer(script, "greengrassv2", "list_components", components, scope="PRIVATE", maxResults=100)
    versions = {"componentVersions": [{"arn": "c:1"}]}
    answer(script, "greengrassv2", "list_component_versions", versions, arn="c", maxResults=100)
    recipe = b'\xff {"Uri": "docker:' + HOST.encode() + b'/app:v1"}'
    told = {"recipe": recipe}
    answer(script, "greengrassv2", "get_component", told, arn="c:1", recipeOutputFormat="JSON")
    (found,) = used(script, greengrass.SOURCES[0])
    assert (found.reference.repository, found.reference.tag) == ("app", "v1")
    assert found.consumer == "greengrass component c:1"


def test_a_consumer_is_named_with_its_version(script: Script) -> None:
    """Which one keeps the image."""
    runtime = {"agentRuntimeId": "r", "agentRuntimeName": "chat", "agentRuntimeVersion": "3"}
    listed = {"agentRuntimes": [runtime]}
    answer(script, "bedrock-agentcore-control", "list_agent_runtimes", listed)
    answer(script, "bedrock-agentcore-control", "list_agent_runtime_versions", listed, agentRuntimeId="r")
    told = runtime | {"agentRuntimeArtifact": {"containerConfiguration": {"containerUri": f"{HOST}/app:v1"}}}
    asked = {"agentRuntimeId": "r", "agentRuntimeVersion": "3"}
    answer(script, "bedrock-agentcore-control", "get_agent_runtime", told, **asked)
    assert [one.consumer for one in used(script, agentcore.SOURCES[0])] == ["bedrock agentcore runtime chat:3"]


def test_an_item_that_cannot_be_asked_for_is_an_error(script: Script) -> None:
    """It was listed without what tells it from others."""
    answer(script, "emr-containers", "list_job_templates", {"templates": [{}]})
    with pytest.raises(SourceError, match="DescribeJobTemplate cannot be called: no earlier response had id"):
        used(script, emr_containers.SOURCES[0], chain=2)


@pytest.mark.parametrize(("region", "status"), [("ap-southeast-3", "not_offered"), ("us-east-1", "failed")])
def test_a_service_of_unknown_regions_is_where_its_source_says(region: str, status: str) -> None:
    """Botocore's metadata has none for it; that nobody answers decides only where it is not said to be."""
    with Script(connect(region, None)) as script:
        client = script.aws.client("bedrock-agentcore-control")
        nobody = EndpointConnectionError(endpoint_url=f"{client.meta.endpoint_url}/runtimes/", error="as scripted")
        script.break_off("bedrock-agentcore-control", "ListAgentRuntimes", nobody)
        settings = Settings(accepted_gaps={s.gap: "known" for s in catalog.SOURCES if s.name != "agentcore"})
        script.aws.account_id = ACCOUNT
        scan = scanned(script.aws, settings)
    assert {outcome.status for outcome in scan.outcomes if outcome.source == "agentcore"} == {status}


def test_what_an_item_should_tell_nothing_before_it_tells_in_its_place(script: Script) -> None:
    """A job run without an id is half an answer; asked for by its cluster's it would look gone."""
    states = ["RUNNING", "TERMINATING", "ARRESTED"]
    answer(script, "emr-containers", "list_virtual_clusters", {"virtualClusters": [{"id": "vc"}]}, states=states)
    asked = {"virtualClusterId": "vc", "states": ["PENDING", "SUBMITTED", "RUNNING", "CANCEL_PENDING"]}
    answer(script, "emr-containers", "list_job_runs", {"jobRuns": [{"virtualClusterId": "vc"}]}, **asked)
    with pytest.raises(SourceError, match="DescribeJobRun cannot be called"):
        used(script, emr_containers.SOURCES[0])
