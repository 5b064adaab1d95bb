"""How the sources are asked side by side, and what is said of each that did not answer in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.model.scan import Denial, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.excluded import excluded
from tests.aws_calls.consumers import APP, anywhere, defines, definition, tagged, undefined, written
from tests.aws_calls.sources import (
    FIRST_CALLS,
    NAMES,
    SOURCES,
    TITLES,
    collected,
    excluding,
    mend,
    outcome,
    quiet,
    scanned,
)
from tests.builders import ACCOUNT, HOST, NOW, REGION, TARGET

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

COMPLETE, FAILED, DISABLED = SourceStatus.COMPLETE, SourceStatus.FAILED, SourceStatus.DISABLED
FUNCTION: Final = {"FunctionName": "api", "Version": "7", "PackageType": "Image", "CodeSha256": APP[7:]}
BUS: Final = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"


# Complete


def test_every_source_answers_also_that_there_is_nothing(script: Script) -> None:
    """By name, with the moment before the first call."""
    quiet(script)
    outcomes = tuple(SourceOutcome(TARGET, name, COMPLETE) for name in NAMES)
    assert collected(script) == UsageScan((), outcomes, NOW, account_id=ACCOUNT)


def test_usages_of_all_sources_come_together_without_doubles(script: Script) -> None:
    """Each source counts what it found; a consumer that names the same thing twice uses it once."""
    quiet(script, "lambda")
    service, method, result, asked = FIRST_CALLS["lambda"]
    script.answer(service, method, {result: [FUNCTION, FUNCTION]}, **asked)
    for _ in range(2):
        code = {"ImageUri": tagged("v1"), "ResolvedImageUri": tagged("v1")}
        script.answer("lambda", "get_function", {"Code": code}, FunctionName="api", Qualifier="7")
    scan = collected(script)
    assert outcome(scan, "lambda") == SourceOutcome(TARGET, "lambda", COMPLETE, usages=6)
    consumer = "lambda function api, version 7"
    assert set(scan.usages) == {
        Usage(anywhere(), "lambda", consumer, target=TARGET),
        Usage(written(), "lambda", consumer, target=TARGET),
    }
    assert len(scan.usages) == 2


def rule(script: Script, name: str) -> None:
    """EventBridge has a rule that names a task definition."""
    script.answer("events", "list_event_buses", {"EventBuses": [{"Arn": BUS}]}, Limit=100)
    script.answer("events", "list_rules", {"Rules": [{"Name": "nightly"}]}, EventBusName=BUS, Limit=100)
    target = {"Id": "1", "Arn": "arn:cluster", "EcsParameters": {"TaskDefinitionArn": name}}
    asked = {"Rule": "nightly", "EventBusName": BUS, "Limit": 100}
    script.answer("events", "list_targets_by_rule", {"Targets": [target]}, **asked)


def schedule(script: Script, name: str) -> None:
    """Scheduler has a schedule that names a task definition."""
    listed = {"Schedules": [{"Name": "hourly", "GroupName": "default"}]}
    script.answer("scheduler", "list_schedules", listed, MaxResults=100)
    target = {"Arn": "arn:cluster", "RoleArn": "arn:role", "EcsParameters": {"TaskDefinitionArn": name}}
    script.answer("scheduler", "get_schedule", {"Target": target}, GroupName="default", Name="hourly")


def test_a_task_definition_is_read_once_for_all_sources(script: Script) -> None:
    """Each of them uses it."""
    quiet(script, "ecs", "eventbridge", "scheduler")
    rule(script, "report:3")
    schedule(script, "report:3")
    defines(script, "report", tagged("v1"), arn=definition("report:3"))  # of each family, the newest one is asked for
    scan = collected(script, "ecs")
    assert {(found.source, found.reference, found.evidence) for found in scan.usages} == {
        ("eventbridge", written(), UsageKind.SCHEDULED),
        ("scheduler", written(), UsageKind.SCHEDULED),
    }


def test_what_protects_nothing_is_noted(script: Script) -> None:
    """A rule that names a task definition which is gone does not fail the run."""
    quiet(script, "eventbridge", "ecs")
    rule(script, "gone:1")
    script.refuse("ecs", "describe_task_definition", "ClientException", taskDefinition="gone")
    undefined(script, "gone:1")
    note = "eventbridge rule default/nightly names task definition gone:1, which does not exist any more"
    assert outcome(collected(script, "ecs"), "eventbridge") == SourceOutcome(
        TARGET, "eventbridge", COMPLETE, notes=(note,)
    )


# Disabled


@pytest.mark.parametrize("name", NAMES)
def test_an_excluded_source_is_not_asked_and_always_told(script: Script, name: str) -> None:
    """With what is unprotected, and why."""
    quiet(script, name)
    scan = collected(script, name)
    assert scan.unprotected == excluded(TARGET, excluding(name), SOURCES) == (outcome(scan, name),)
    detail = f"excluded by accepted_gaps (known), so not protected is what only these use: {TITLES[name]}"
    assert scan.unprotected == (SourceOutcome(TARGET, name, DISABLED, detail=detail),)


def test_without_any_source_nobody_is_asked(script: Script) -> None:
    """And all of them are told."""
    scan = collected(script, *NAMES)
    assert [(ended.source, ended.status) for ended in scan.outcomes] == [(name, DISABLED) for name in NAMES]
    assert excluded(TARGET, excluding(), catalog.SOURCES) == ()


# Failed


@pytest.mark.parametrize(
    ("name", "permission", "gap"),
    [
        ("ecs", "ecs:ListClusters", ""),
        ("lambda", "lambda:ListFunctions", ""),
        ("apprunner", "apprunner:ListServices", "source:apprunner"),
        ("eventbridge", "events:ListEventBuses", "source:eventbridge"),
        ("scheduler", "scheduler:ListSchedules", "source:scheduler"),
        ("eks", "eks:ListClusters", ""),
    ],
)
def test_a_denied_call_names_its_permission(script: Script, name: str, permission: str, gap: str) -> None:
    """Word for word; the other sources are asked all the same. No message proposes to exclude ECS, Lambda or EKS."""
    quiet(script, name)
    service, method, _, asked = FIRST_CALLS[name]
    script.refuse(service, method, "AccessDeniedException", **asked)
    operation = permission.partition(":")[2]
    detail = (
        f"{operation} failed with AccessDeniedException; "
        f"An error occurred (AccessDeniedException) when calling the {operation} operation: as scripted; "
        f"the caller needs the permission {permission}"
    )
    scan = collected(script)
    denial = Denial(permission, gap=gap, unprotected=TITLES[name])
    assert outcome(scan, name) == SourceOutcome(TARGET, name, FAILED, detail=detail, denial=denial)
    assert scan.failures == (outcome(scan, name),)


def test_no_source_is_proposed_for_what_a_run_asks_anyway(script: Script) -> None:
    """Without ECS's clusters every run is refused: to exclude what also lists them would only take protection away."""
    daemons = next(source for source in catalog.SOURCES if source.name == "ecs_daemons")
    script.refuse("ecs", "list_clusters", "AccessDeniedException")
    cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/prod"
    script.answer("ecs", "list_clusters", {"clusterArns": [cluster]}, maxResults=100)
    script.refuse("ecs", "list_daemons", "AccessDeniedException")
    told = [scanned(script.aws, Settings(), (daemons,)).outcomes[0].denial for _ in range(2)]
    assert [(one.permission, one.gap) for one in told if one] == [
        ("ecs:ListClusters", ""),
        ("ecs:ListDaemons", "source:ecs_daemons"),
    ]


@pytest.mark.parametrize(
    ("code", "denied"),
    [
        ("AccessDenied", True),
        ("UnauthorizedOperation", True),
        ("AuthorizationError", True),
        ("ThrottlingException", False),
        ("ServiceException", False),
    ],
)
def test_only_a_denied_call_asks_for_a_permission(script: Script, code: str, *, denied: bool) -> None:
    """Whatever the service calls it."""
    quiet(script, "apprunner")
    script.refuse("apprunner", "list_services", code)
    detail = outcome(collected(script), "apprunner").detail
    assert detail.startswith(f"ListServices failed with {code}; An error occurred ({code}) when calling the ")
    assert detail.endswith("; the caller needs the permission apprunner:ListServices") is denied
    assert detail.endswith(f"{mend('apprunner')}") is not denied
    assert ("; the next run asks again; " in detail) is (code == "ThrottlingException")


def test_a_service_that_does_not_know_the_operation_denies_nothing(script: Script) -> None:
    """It authorizes before it looks for the operation; no policy mends that, so no permission is named."""
    quiet(script, "apprunner")
    message = "Unable to determine service/operation name to be authorized"
    script.refuse("apprunner", "list_services", "AccessDeniedException", message)
    ended = outcome(collected(script), "apprunner")
    assert (ended.status, ended.denial) == (FAILED, None)
    assert ended.detail.endswith(f"{message}{mend('apprunner')}")


def test_a_permission_of_another_service_is_named_in_full(script: Script) -> None:
    """Rules need ECS's task definitions."""
    quiet(script, "eventbridge", "ecs")
    rule(script, "report:3")
    script.refuse("ecs", "describe_task_definition", "AccessDeniedException")
    detail = outcome(collected(script, "ecs"), "eventbridge").detail
    assert detail.endswith("; the caller needs the permission ecs:DescribeTaskDefinition")


def test_what_a_failed_source_had_found_is_dropped(script: Script) -> None:
    """Half an answer is none: its usages count for nothing, so that nobody relies on them."""
    quiet(script, "lambda")
    service, method, result, asked = FIRST_CALLS["lambda"]
    script.answer(service, method, {result: [FUNCTION]}, **asked)
    script.refuse("lambda", "get_function", "ServiceException")
    scan = collected(script)
    assert (scan.usages, outcome(scan, "lambda").status) == ((), FAILED)
    assert outcome(scan, "lambda").usages == 0


def test_an_answer_that_was_cut_short_fails_its_source(script: Script) -> None:
    """It names the call and what is missing."""
    quiet(script, "lambda")
    script.cut_short("lambda", "list_functions", {}, **FIRST_CALLS["lambda"][3])
    detail = "Incomplete response from ListFunctions: field 'Functions' is missing (possibly truncated)"
    assert outcome(collected(script), "lambda") == SourceOutcome(TARGET, "lambda", FAILED, detail=detail)


def test_an_image_that_cannot_be_read_is_told_with_its_consumer(script: Script) -> None:
    """And fails nothing: no runtime can pull it."""
    quiet(script, "lambda")
    service, method, result, asked = FIRST_CALLS["lambda"]
    script.answer(service, method, {result: [FUNCTION]}, **asked)
    script.answer("lambda", "get_function", {"Code": {"ImageUri": f"{HOST}/App"}}, FunctionName="api", Qualifier="7")
    scan = collected(script)
    ended = outcome(scan, "lambda")
    assert (ended.status, ended.usages, scan.findings) == (COMPLETE, 1, ())
    (note,) = ended.notes
    assert note.startswith(f"lambda function api, version 7: image name '{HOST}/App': no runtime can pull it: ")
    assert note.endswith("; mend it there, or delete what names it")


def test_a_cluster_that_cannot_be_read_has_an_outcome_of_its_own(script: Script) -> None:
    """Its entry names this cluster, and not all that there will ever be."""
    quiet(script, "eks")
    listing = {"maxResults": 100, "include": ["all"]}
    script.answer("eks", "list_clusters", {"clusters": ["shop"]}, **listing)
    script.answer("eks", "describe_cluster", {"cluster": {"name": "shop", "status": "FAILED"}}, name="shop")
    script.answer("eks", "list_clusters", {"clusters": ["shop"]}, **listing)
    detail = (
        "it cannot be read, and its pods may use any image: its status is FAILED; "
        "or have a list of used images written: used_images_uri + eks/us-east-1/shop.json; "
        "or accept, at your own risk, that what only these use is not protected: "
        f'accepted_gaps = {{ "eks:arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop" = "<reason>" }}'
    )
    whole, shop = [one for one in collected(script).outcomes if one.source == "eks"]
    assert whole == SourceOutcome(TARGET, "eks", COMPLETE)
    assert shop == SourceOutcome(TARGET, "eks", FAILED, detail=detail, cluster="shop")
