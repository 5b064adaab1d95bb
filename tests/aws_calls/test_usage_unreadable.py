"""Things that are encrypted with a key that the function may not use: all are told at once, by their ARNs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.scan import SourceOutcome, SourceStatus
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.declarative import Call, Chain, Images, source
from tests.aws_calls.consumers import tagged, written
from tests.aws_calls.sources import scanned
from tests.builders import ACCOUNT, NOW, REGION, TARGET

if TYPE_CHECKING:
    from ecr_cleaner.model.scan import UsageScan
    from ecr_cleaner.usage.source import Source
    from tests.aws_calls.script import Script

MACHINES: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"
BUS: Final = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/"
KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
DENIED: Final = (
    f"User: arn:aws:sts::{ACCOUNT}:assumed-role/cleaner/run is not authorized to perform: kms:Decrypt on resource:"
    f" {KEY} because no resource-based policy allows the kms:Decrypt action"
)
APPLICATIONS: Final = f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/"
EMR: Final = source(
    "emr_serverless",
    "applications",
    "their images",
    "emr-serverless",
    (),
    Chain(
        "application {name}",
        (
            Call("ListApplications", items="applications[]"),
            Call(
                "GetApplication",
                items="application",
                params_from={"applicationId": "id"},
                images=(Images("imageConfiguration.imageUri"),),
            ),
        ),
    ),
)


def asked(script: Script, one: Source | str, *accepted: str) -> UsageScan:
    """Ask one source."""
    (found,) = [s for s in catalog.SOURCES if s.name == one] if isinstance(one, str) else (one,)
    return scanned(script.aws, Settings(accepted_gaps=dict.fromkeys(accepted, "not ours")), (found,))


def refused(scan: UsageScan, *arns: str) -> bool:
    """Whether the source failed because of exactly these things, with what mends it and what accepts it."""
    (outcome,) = scan.outcomes
    entries = ", ".join(f'"unreadable:{arn}" = "<reason>"' for arn in arns)
    return (
        outcome.status is SourceStatus.FAILED
        and scan.usages == ()
        and outcome.denial is None
        and all(f"{arn} (" in outcome.detail for arn in arns)
        and "; to mend this, let the function's role use kms:Decrypt in the policy of that key" in outcome.detail
        and outcome.detail.endswith(f": accepted_gaps = {{ {entries} }}")
    )


def machines(script: Script, *names: str) -> None:
    """The state machines that there are."""
    common = {"type": "STANDARD", "creationDate": NOW}
    listed = [{"stateMachineArn": f"{MACHINES}{name}", "name": name, **common} for name in names]
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": listed}, maxResults=1000)


def machine(script: Script, name: str, *versions: int, code: str = "", message: str = "as scripted") -> None:
    """A state machine is described, or cannot be; then its versions are listed."""
    arn = f"{MACHINES}{name}"
    if code:
        script.refuse("stepfunctions", "describe_state_machine", code, message, stateMachineArn=arn)
    else:
        described(script, arn)
    told = [{"stateMachineVersionArn": f"{arn}:{number}", "creationDate": NOW} for number in versions]
    asked_for = {"stateMachineArn": arn, "maxResults": 1000}
    script.answer("stepfunctions", "list_state_machine_versions", {"stateMachineVersions": told}, **asked_for)


def described(script: Script, arn: str, tag: str = "v1") -> None:
    """A definition that names an image."""
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": tagged(tag), "End": True}}})
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    told = {"stateMachineArn": arn, "name": "m", "type": "STANDARD", "roleArn": role, "creationDate": NOW}
    script.answer("stepfunctions", "describe_state_machine", told | {"definition": definition}, stateMachineArn=arn)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("KmsAccessDeniedException", "API caller does not have the required permissions."),
        ("KmsInvalidStateException", "as scripted"),
        ("AccessDeniedException", DENIED),
    ],
)
def test_every_state_machine_that_cannot_be_read_is_named(script: Script, code: str, message: str) -> None:
    """Not the first one; what the others use is of no use alone."""
    machines(script, "payments", "train", "audit")
    machine(script, "payments", code=code, message=message)
    machine(script, "train")
    machine(script, "audit", code=code, message=message)
    assert refused(asked(script, "stepfunctions"), f"{MACHINES}audit", f"{MACHINES}payments")


def test_a_machine_that_a_person_accepts_is_left_out_with_a_note(script: Script) -> None:
    """Its published versions have keys of their own, and count if they can be read; so do all other machines."""
    machines(script, "payments", "train")
    machine(script, "payments", 2, 1, code="KmsAccessDeniedException")
    described(script, f"{MACHINES}payments:2", "v2")
    script.refuse(
        "stepfunctions", "describe_state_machine", "KmsAccessDeniedException", stateMachineArn=f"{MACHINES}payments:1"
    )
    machine(script, "train")
    gap = f"unreadable:{MACHINES}payments"
    scan = asked(script, "stepfunctions", gap)
    cause = "DescribeStateMachine failed with KmsAccessDeniedException"
    note = f"not read, so what it uses is not protected: {MACHINES}payments ({cause}): not ours"
    assert scan.outcomes == (
        SourceOutcome(TARGET, "stepfunctions", SourceStatus.COMPLETE, usages=2, notes=(note,), accepted=(gap,)),
    )
    assert {usage.reference for usage in scan.usages} == {written(), written(tagged("v2"), "v2")}


def test_of_a_machine_that_cannot_be_read_no_execution_is_tried_after_the_first(script: Script) -> None:
    """A person accepts them with the machine."""

    def tell() -> None:
        machines(script, "payments")
        arn = f"{MACHINES}payments"
        names = [f"arn:aws:states:{REGION}:{ACCOUNT}:execution:payments:{name}" for name in ("e1", "e2")]
        told = [
            {"executionArn": one, "stateMachineArn": arn, "name": one[-2:], "status": "RUNNING", "startDate": NOW}
            for one in names
        ]
        asked_for = {"stateMachineArn": arn, "statusFilter": "RUNNING", "maxResults": 1000}
        script.answer("stepfunctions", "list_executions", {"executions": told}, **asked_for)
        script.refuse("stepfunctions", "describe_state_machine", "KmsAccessDeniedException", stateMachineArn=arn)

    tell()
    assert refused(asked(script, "stepfunctions_executions"), f"{MACHINES}payments")
    tell()
    gap = f"unreadable:{MACHINES}payments"
    (outcome,) = asked(script, "stepfunctions_executions", gap).outcomes
    assert (outcome.status, outcome.usages, outcome.accepted) == (SourceStatus.COMPLETE, 0, (gap,))


def test_an_entry_for_another_thing_accepts_nothing(script: Script) -> None:
    """Names are compared whole."""
    machines(script, "payments")
    machine(script, "payments", code="KmsAccessDeniedException")
    assert refused(asked(script, "stepfunctions", f"unreadable:{MACHINES}pay"), f"{MACHINES}payments")


def test_an_entry_that_is_not_needed_takes_nothing_out(script: Script) -> None:
    """The thing is asked for all the same, and the outcome does not name the entry."""
    machines(script, "train")
    machine(script, "train")
    (outcome,) = asked(script, "stepfunctions", f"unreadable:{MACHINES}train").outcomes
    assert (outcome.usages, outcome.notes, outcome.accepted) == (1, (), ())


def test_pipes_and_schedules_are_named_by_their_arns(script: Script) -> None:
    """Their listings are readable without the key."""
    script.answer("pipes", "list_pipes", {"Pipes": [{"Name": "orders"}]}, Limit=100)
    script.refuse("pipes", "describe_pipe", "AccessDeniedException", DENIED, Name="orders")
    assert refused(asked(script, "pipes"), f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/orders")
    listed = {"Schedules": [{"Name": "nightly", "GroupName": "jobs"}]}
    script.answer("scheduler", "list_schedules", listed, MaxResults=100)
    script.refuse("scheduler", "get_schedule", "AccessDeniedException", DENIED, GroupName="jobs", Name="nightly")
    assert refused(asked(script, "scheduler"), f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/jobs/nightly")


@pytest.mark.parametrize(("bus", "resource"), [("default", "rule/nightly"), ("shop", "rule/shop/nightly")])
def test_rules_are_named_with_their_bus(script: Script, bus: str, resource: str) -> None:
    """As AWS writes their ARNs: the default bus is not in them."""
    script.answer("events", "list_event_buses", {"EventBuses": [{"Arn": BUS + bus}]}, Limit=100)
    script.answer("events", "list_rules", {"Rules": [{"Name": "nightly"}]}, EventBusName=BUS + bus, Limit=100)
    wanted: dict[str, Any] = {"Rule": "nightly", "EventBusName": BUS + bus, "Limit": 100}
    script.refuse("events", "list_targets_by_rule", "AccessDeniedException", DENIED, **wanted)
    assert refused(asked(script, "eventbridge"), f"arn:aws:events:{REGION}:{ACCOUNT}:{resource}")


def applications(script: Script, *names: str) -> None:
    """The applications that there are."""
    common = {"state": "STOPPED", "releaseLabel": "emr-7", "type": "spark", "createdAt": NOW, "updatedAt": NOW}
    listed = [{"id": name, "arn": APPLICATIONS + name, **common} for name in names]
    script.answer("emr-serverless", "list_applications", {"applications": listed})


def test_whatever_the_table_describes_is_named_by_the_arn_of_its_listing(script: Script) -> None:
    """No row has to say anything of keys."""
    applications(script, "a1", "a2")
    for name in ("a1", "a2"):
        script.refuse("emr-serverless", "get_application", "AccessDeniedException", DENIED, applicationId=name)
    assert refused(asked(script, EMR), f"{APPLICATIONS}a1", f"{APPLICATIONS}a2")


def test_what_is_denied_without_a_word_of_a_key_is_denied(script: Script) -> None:
    """A permission of the service itself is missing, and no entry for one thing may hide that."""
    applications(script, "a1")
    script.refuse("emr-serverless", "get_application", "AccessDeniedException", "no", applicationId="a1")
    (outcome,) = asked(script, EMR, f"unreadable:{APPLICATIONS}a1").outcomes
    assert outcome.status is SourceStatus.FAILED
    assert outcome.denial is not None
