"""Every kind of consumer keeps its image, and what cannot be seen is said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.aws import client
from ecr_cleaner.usage import catalog
from tests.fake_aws.aws import ACCOUNT
from tests.fake_aws.faults import Fault
from tests.integration import accounts, cells
from tests.integration.runner import REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_cleaner.usage.source import Source
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Outcome, Runner


def test_each_consumer_keeps_its_image_and_is_named(run: Runner, sandbox: Sandbox) -> None:
    """However many ways there are to be in use, only what nobody uses goes."""
    accounts.seed(sandbox)
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("unused")}
    kept = {line.digest: line for line in outcome.lines if line.getMessage() == "Kept image"}  # type: ignore[attr-defined]
    for name in accounts.CONSUMERS:
        line = kept[sandbox.digest(name)]
        assert line.reason == "in_use", name  # type: ignore[attr-defined]
        assert line.evidence, name  # type: ignore[attr-defined]


EXCLUDABLE: Final = [source for source in catalog.SOURCES if source.name != "eks"]


@pytest.mark.parametrize("disabled", [EXCLUDABLE[::2], EXCLUDABLE[1::2]], ids=["one half", "the other half"])
def test_disabled_sources_are_not_asked_and_always_reported(
    run: Runner, sandbox: Sandbox, disabled: list[Source]
) -> None:
    """Their images go, by a person's own word, and every run says so of each."""
    accounts.seed(sandbox)
    sandbox.clear_calls()
    names = {source.name for source in disabled}
    gaps = {f"source:{name}": f"{name} is retired" for name in names}
    if "used_images_objects" in names:
        # Without the source that reads them, no inventory lets a cluster pass.
        names, gaps = names | {"eks"}, gaps | {"eks:*": "known"}
    outcome = run(dry_run=True, accepted_gaps=gaps)
    assert outcome.status == "completed"
    assert outcome.summary
    assert {name for name, source in outcome.sources.items() if source["outcome"] == "disabled"} == names
    unprotected = outcome.summary["unprotected"]
    for source in disabled:
        assert any(source.title in line and f"{source.name} is retired" in line for line in unprotected)
    asking = {action for source in catalog.SOURCES if source.name not in names for action in source.permissions}
    asked = {call.action for call in sandbox.calls}
    assert asked.isdisjoint({action for source in disabled for action in source.permissions} - asking)


def test_a_disabled_source_is_reported_even_if_nothing_is_old(run: Runner) -> None:
    """Every run, not only those that scan."""
    run.opted_in("app")
    outcome = run(accepted_gaps={"source:lambda": "known"})
    assert outcome.summary
    assert len(outcome.summary["unprotected"]) == 1


def test_without_candidates_nobody_is_asked(run: Runner, sandbox: Sandbox) -> None:
    """No candidate, no scan."""
    run.opted_in("app")
    sandbox.push("app", id="young", tags=["v1"], pushed="1d")
    sandbox.clear_calls()
    assert run().status == "completed"
    assert {c.service for c in sandbox.calls} == {"ecr", "resourcegroupstaggingapi"}


def test_clusters_of_kubernetes_stop_all_removal(run: Runner, sandbox: Sandbox) -> None:
    """While they cannot be read and nobody accepts that; the message names each one."""
    accounts.seed(sandbox)
    sandbox.seed({"eks": {"clusters": ["platform", "data"]}})
    outcome = run()
    assert outcome.gone == {}
    assert outcome.status == "refused"
    told = [f"cluster {name}: it cannot be read, and its pods may use any image: " for name in ("data", "platform")]
    assert all(one in outcome.causes for one in told)
    arn = f"eks:arn:aws:eks:{REGION}:{ACCOUNT}:cluster/"
    assert all(f'accepted_gaps = {{ "{arn}{name}" = "<reason>" }}' in outcome.causes for name in ("data", "platform"))
    assert run(accepted_gaps={f"{arn}data": "known", f"{arn}platform": "known"}).gone == {"app": run.ids("unused")}
    run.sandbox.reset()
    accounts.seed(sandbox)
    sandbox.seed({"eks": {"clusters": ["platform", "data"]}})
    accepted = run(accepted_gaps={"eks:*": "known"})
    assert accepted.gone == {"app": run.ids("unused")}
    assert accepted.summary
    assert any("Kubernetes" in line for line in accepted.summary["unprotected"])


def test_a_name_that_no_runtime_can_pull_is_a_note(run: Runner, sandbox: Sandbox) -> None:
    """It protects nothing, and stops nothing."""
    accounts.seed(sandbox)
    sandbox.seed({"apprunner": {"services": {"odd": {"image": "{registry}/App:v1"}}}})
    outcome = run()
    assert outcome.gone == {"app": run.ids("unused")}
    assert any("app runner service odd" in note and "/App:v1" in note for note in outcome.told["notes"])


def test_a_name_that_may_be_of_ecr_and_cannot_be_read_keeps_its_repository(run: Runner, sandbox: Sandbox) -> None:
    """A finding says so, with the consumer and the rule that the name breaks."""
    accounts.seed(sandbox)
    sandbox.seed({"apprunner": {"services": {"odd": {"image": "x{registry}/app:v1"}}}})
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {})
    (found,) = [one for one in outcome.found("wide_usage").values() if "app runner service odd" in one["detail"]]
    assert outcome.found("unreadable_reference") == {}
    assert "the host is not <account>.dkr.ecr.<region>.<domain>" in found["detail"]


def test_a_service_that_is_deployed_while_the_run_reads_is_seen(run: Runner, sandbox: Sandbox) -> None:
    """Inventory comes before usage."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")

    def deploy(_: object) -> None:
        sandbox.seed({"apprunner": {"services": {"late": {"image": "{registry}/app:v1"}}}})

    sandbox.after("ecr", "DescribeImages", deploy)
    assert run().gone == {}


def test_a_schedule_that_names_a_deleted_task_definition_is_a_note(run: Runner, sandbox: Sandbox) -> None:
    """It protects nothing because it can start nothing; that is proven by the listings, not by an error text."""
    accounts.seed(sandbox)
    outcome = run()
    assert outcome.gone == {"app": run.ids("unused")}
    assert outcome.summary
    assert any("gone:3" in note for note in outcome.summary["notes"])


def test_a_service_not_offered_in_the_region_is_no_failure(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only if the metadata says so and nobody answers; the metadata alone is incomplete."""
    accounts.seed(sandbox)
    monkeypatch.setattr(client.AwsClients, "offered_in_region", lambda _, service, *_regions: service != "apprunner")
    assert run(dry_run=True).sources["apprunner"]["outcome"] == "complete"
    monkeypatch.setenv("AWS_ENDPOINT_URL_APPRUNNER", "http://127.0.0.1:9")
    assert run(dry_run=True).sources["apprunner"]["outcome"] == "not_offered"
    monkeypatch.setattr(client.AwsClients, "offered_in_region", lambda *_: True)
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})


FORBIDDEN: Final = (
    *("apprunner", "batch", "bedrock-agentcore-control", "braket", "cleanrooms", "cleanroomsml", "elasticbeanstalk"),
    *("emr-containers", "emr-serverless", "gamelift", "greengrassv2", "imagebuilder", "iotsitewise", "lambda-core"),
    *("lightsail", "omics", "pipes", "sagemaker"),
)


def test_services_that_an_organization_forbids_are_one_cause_with_one_entry(run: Runner, sandbox: Sandbox) -> None:
    """It names every permission, and its line is what it takes: with it the run goes on."""
    accounts.seed(sandbox)
    for service in FORBIDDEN:
        sandbox.inject(Fault(service=service, kind="denied_by_organization"))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert " | " not in outcome.causes
    assert "apprunner:ListServices (source apprunner)" in outcome.causes
    (entries,) = re.findall(r"accepted_gaps = \{ (.*) \}$", outcome.causes)
    gaps = dict.fromkeys(re.findall(r'"(source:[a-z_]+)" = "<reason>"', entries), "forbidden here")
    failed = {f"source:{name}" for name, told in outcome.sources.items() if told["outcome"] == "failed"}
    assert failed == gaps.keys()
    assert len(gaps) >= 16
    assert run(accepted_gaps=gaps).status == "completed"


def test_what_almost_every_account_uses_is_never_proposed(run: Runner, sandbox: Sandbox) -> None:
    """An organization that forbids the function to read ECS does not mean that nothing runs there."""
    accounts.seed(sandbox)
    for service in ("ecs", "eks", "lambda", "omics"):
        sandbox.inject(Fault(service=service, kind="denied_by_organization"))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    names = ("lambda_runtimes", "omics")
    entries = ", ".join(f'"source:{name}" = "<reason>"' for name in names)
    assert outcome.causes.endswith(f"accepted_gaps = {{ {entries} }}")


def test_a_listing_that_the_region_does_not_offer_stops_nothing(run: Runner, sandbox: Sandbox) -> None:
    """Every other consumer keeps its image; the run says what was not there."""
    accounts.seed(sandbox)
    for operation in ("ListOptimizationJobs", "ListInferenceComponents", "ListPipelineVersions"):
        sandbox.inject(Fault(service="sagemaker", operation=operation, kind="not_offered"))
    outcome = run(dry_run=True)
    assert (outcome.status, outcome.causes) == ("completed", "")
    told = {name: source["outcome"] for name, source in outcome.sources.items() if source["outcome"] != "complete"}
    assert told.pop("sagemaker_optimization") == told.pop("sagemaker_inference_components") == "not_offered"
    assert set(told) <= {"sagemaker_studio"}
    assert any("ListOptimizationJobs" in note for note in outcome.told["notes"])


ALSO_LISTINGS: Final = frozenset(
    {
        *(
            "DescribeApplicationVersions",
            "DescribeJobDefinitions",
            "DescribeJobQueues",
            "GetContainerServiceDeployments",
        ),
        *("GetContainerServices", "SearchJobs"),
    }
)
"""Beside what begins with List."""
IN_EVERY_REGION: Final = frozenset({"ecs", "eks", "lambda", "s3"})


def test_every_listing_of_every_source_may_not_be_offered_and_nothing_else(run: Runner, sandbox: Sandbox) -> None:
    """What describes something that is there never: nor a listing of what is wherever ECR is, daemons left out."""
    apis = [api for api in cells.made(run, whole=True) if api.stage == "usage"]
    groups = cells.of_different_sources([cells.Cell(api, "not_offered", "every call", 1) for api in apis], len(apis))
    wrong: list[str] = []
    for group in groups:
        sandbox.reset()
        accounts.seed(sandbox)
        for cell in group:
            cell.inject(sandbox)
        outcome = run(dry_run=True)
        for cell in group:
            operation = cell.api.operation
            is_listing = operation.startswith("List") or operation in ALSO_LISTINGS
            passes = is_listing and (cell.api.service not in IN_EVERY_REGION or operation == "ListDaemons")
            ended = {outcome.sources[name]["outcome"] for name in cell.api.askers} - {"complete"}
            wrong += [] if ended == {"not_offered" if passes else "failed"} else [f"{cell}: {ended}"]
    assert not wrong


def test_what_answered_once_is_not_believed_to_be_gone(night: Callable[..., Outcome], sandbox: Sandbox) -> None:
    """Another night the same answer means that something stands in between; mended, the run goes on."""
    assert night(dry_run=True).status == "completed"
    sandbox.inject(Fault(service="sagemaker", operation="ListOptimizationJobs", kind="not_offered"))
    outcome = night()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "api.sagemaker:ListOptimizationJobs answered here" in outcome.causes
    sandbox.clear_faults()
    assert night(dry_run=True).status == "completed"
