"""How managed daemons are read: what they run, what is being deployed, and what a rollback would return to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources import ecs_daemons
from tests.aws_calls.consumers import APP, ARN, CLUSTER, account, every_form, tagged, written
from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.aws_calls.script import Script

AGENT: Final = f"{ARN}:daemon/prod/agent"
DEFINITION: Final = f"{ARN}:daemon-task-definition/agent:7"
CONFIGURED, ROLLBACK = UsageKind.CONFIGURED, UsageKind.ROLLBACK
ENDED: Final = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
UNDER_WAY: Final = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_IN_PROGRESS")
OF_CLUSTER: Final = {"clusterArn": CLUSTER, "maxResults": 100}
OF_DAEMON: Final = {"daemonArn": AGENT, "maxResults": 100}


def revision(number: int) -> str:
    """The ARN of a daemon revision."""
    return f"{ARN}:daemon-revision/prod/agent/{number}"


def deployment(number: int, status: str = "SUCCESSFUL") -> dict[str, Any]:
    """A deployment of the revision with this number, as it is listed; a greater number is later."""
    return {
        "daemonDeploymentArn": f"{ARN}:daemon-deployment/prod/agent/{number}",
        "targetDaemonRevisionArn": revision(number),
        "createdAt": NOW + timedelta(days=number),
        "status": status,
    }


def clusters(script: Script, *pages: list[str]) -> None:
    """The clusters."""
    script.pages("ecs", "list_clusters", "clusterArns", *(pages or ([CLUSTER],)), maxResults=100)


def daemon(script: Script, *current: int, **told: Any) -> None:
    """The one daemon of the one cluster, with its current revisions by number."""
    clusters(script)
    script.pages("ecs", "list_daemons", "daemonSummariesList", [{"daemonArn": AGENT}], **OF_CLUSTER)
    if current:
        told["currentRevisions"] = [{"arn": revision(number)} for number in current]
    script.answer("ecs", "describe_daemon", {"daemon": {"daemonArn": AGENT, **told}}, daemonArn=AGENT)


def history(script: Script, *pages: list[dict[str, Any]]) -> None:
    """The deployments of the daemon."""
    script.pages("ecs", "list_daemon_deployments", "daemonDeployments", *(pages or ([],)), **OF_DAEMON)


def deploys(script: Script, numbers: Iterable[int], *told: dict[str, Any], **more: Any) -> None:
    """The deployments under way are asked for, by number."""
    arns = [deployment(number)["daemonDeploymentArn"] for number in numbers]
    answer = {"daemonDeployments": list(told), **more}
    script.answer("ecs", "describe_daemon_deployments", answer, daemonDeploymentArns=arns)


def resolved(script: Script, *numbers: int, text: str | None = None, **more: Any) -> None:
    """Revisions are asked for, by number; each resolved an image of that tag, and has a task definition without one."""
    arns = sorted(map(revision, numbers))
    told = [
        {
            "daemonRevisionArn": arn,
            "daemonTaskDefinitionArn": DEFINITION,
            "containerImages": [{"image": text or tagged(arn.rpartition("/")[2]), "imageDigest": APP}],
        }
        | more
        for arn in arns
    ]
    script.answer("ecs", "describe_daemon_revisions", {"daemonRevisions": told}, daemonRevisionArns=arns)
    for _ in arns:
        defines(script)


def defines(script: Script, *images: str) -> None:
    """The daemon task definition names these images."""
    told = {"containerDefinitions": [{"image": image} for image in images]}
    answer = {"daemonTaskDefinition": told}
    script.answer("ecs", "describe_daemon_task_definition", answer, daemonTaskDefinition=DEFINITION)


def used(script: Script) -> list[Usage]:
    """What daemons use."""
    return list(ecs_daemons.collect(account(script)))


def usage(reference: Reference, number: int = 1, more: str = "", evidence: UsageKind = CONFIGURED) -> Usage:
    """A usage by a revision of the daemon."""
    return Usage(reference, "ecs_daemons", f"ecs daemon prod/agent, daemon revision {number}{more}", evidence)


def revisions_of(usages: list[Usage]) -> dict[int, UsageKind]:
    """Numbers of the revisions that are used, and how."""
    return {int(u.consumer.rpartition(" ")[2]): u.evidence for u in usages}


def test_a_revision_is_used_by_name_digest_and_task_definition(script: Script) -> None:
    """The digest is what the next instance starts, wherever the tag points by then."""
    daemon(script, 1)
    history(script)
    arns = [revision(1)]
    told = {
        "daemonRevisionArn": revision(1),
        "daemonTaskDefinitionArn": DEFINITION,
        "containerImages": [{"image": tagged("v1"), "imageDigest": APP}, {"image": "nginx"}],
    }
    script.answer("ecs", "describe_daemon_revisions", {"daemonRevisions": [told]}, daemonRevisionArns=arns)
    defines(script, tagged("v2"), "nginx")
    assert used(script) == [
        usage(written()),
        usage(written(tagged("v1"), None, APP)),
        usage(written(tagged("v2"), "v2"), more=", daemon task definition agent:7"),
    ]


@every_form
def test_every_form_of_an_image(script: Script, text: str, references: tuple[Reference, ...]) -> None:
    """As the daemon task definition names it."""
    daemon(script, 1)
    history(script)
    told = {"daemonRevisionArn": revision(1), "daemonTaskDefinitionArn": DEFINITION}
    script.answer("ecs", "describe_daemon_revisions", {"daemonRevisions": [told]}, daemonRevisionArns=[revision(1)])
    defines(script, text)
    assert used(script) == [usage(one, more=", daemon task definition agent:7") for one in references]


def test_nothing_is_used_where_nothing_is(script: Script) -> None:
    """A cluster without daemons; a daemon that was never deployed."""
    clusters(script, [CLUSTER])
    script.pages("ecs", "list_daemons", "daemonSummariesList", [], **OF_CLUSTER)
    assert used(script) == []
    daemon(script)
    history(script)
    assert used(script) == []


def test_the_last_two_successful_deployments_are_rollback_targets(script: Script) -> None:
    """Before the current one, by time, over two pages; failed ones are none."""
    daemon(script, 9)
    failed = [deployment(5 + place, status) for place, status in enumerate(ENDED[1:])]
    history(script, [*map(deployment, (1, 4)), *failed], [*map(deployment, (9, 3, 2))])
    resolved(script, 3, 4, 9)
    assert revisions_of(used(script)) == {3: ROLLBACK, 4: ROLLBACK, 9: CONFIGURED}


def test_every_status_is_either_ended_or_under_way(script: Script) -> None:
    """A new one has to be thought about; until then it counts as under way."""
    model = script.aws.client("ecs").meta.service_model
    assert {*ENDED, *UNDER_WAY} == set(model.shape_for("DaemonDeploymentStatus").enum)


@pytest.mark.parametrize("status", [*UNDER_WAY, "SOMETHING_NEW"])
def test_a_deployment_under_way_uses_where_it_comes_from_and_goes_to(script: Script, status: str) -> None:
    """And what it rolls back to: each of these may start tasks at any moment."""
    daemon(script, 1)
    history(script, [deployment(3, status)])
    under_way = {
        "sourceDaemonRevisions": [{"arn": revision(1)}, {"arn": revision(2)}],
        "targetDaemonRevision": {"arn": revision(3)},
        "rollback": {"rollbackTargetDaemonRevisionArn": revision(4)},
    }
    deploys(script, [3], under_way)
    resolved(script, 1, 2, 3, 4)
    assert revisions_of(used(script)) == dict.fromkeys((1, 2, 3, 4), CONFIGURED)


@pytest.mark.parametrize(
    "told",
    [
        {"sourceDaemonRevisions": [{"arn": revision(2)}], "rollback": {"reason": "has just begun"}},
        {"targetDaemonRevision": {"arn": revision(2)}},
        {"rollback": {"rollbackTargetDaemonRevisionArn": revision(2)}},
    ],
)
def test_a_deployment_under_way_may_know_only_some_of_it(script: Script, told: dict[str, Any]) -> None:
    """What it knows is used, and what it does not know is not missed."""
    daemon(script)
    history(script, [deployment(2, "PENDING")])
    deploys(script, [2], told)
    resolved(script, 2)
    assert revisions_of(used(script)) == {2: CONFIGURED}


def test_twenty_deployments_and_twenty_revisions_are_described_at_once(script: Script) -> None:
    """ECS refuses more."""
    numbers = list(range(31, 10, -1))
    daemon(script)
    history(script, [deployment(number, "IN_PROGRESS") for number in numbers])
    for some in (numbers[:20], numbers[20:]):
        deploys(script, some, *({"targetDaemonRevision": {"arn": revision(number)}} for number in some))
    resolved(script, *range(11, 31))
    resolved(script, 31)
    assert set(revisions_of(used(script))) == set(range(11, 32))


def test_clusters_and_daemons_are_read_page_by_page(script: Script) -> None:
    """A daemon that was deleted since it was listed is passed over."""
    other = f"{ARN}:cluster/test"
    script.answer("ecs", "list_clusters", {"clusterArns": [CLUSTER], "nextToken": "more"}, maxResults=100)
    gone = f"{ARN}:daemon/prod/gone"
    told = {"daemonSummariesList": [{"daemonArn": gone}], "nextToken": "more"}
    script.answer("ecs", "list_daemons", told, **OF_CLUSTER)
    script.refuse("ecs", "describe_daemon", "DaemonNotFoundException", daemonArn=gone)
    script.answer(
        "ecs", "list_daemons", {"daemonSummariesList": [{"daemonArn": AGENT}]}, **OF_CLUSTER, nextToken="more"
    )
    current = [{"arn": revision(1)}]
    script.answer("ecs", "describe_daemon", {"daemon": {"currentRevisions": current}}, daemonArn=AGENT)
    history(script)
    resolved(script, 1)
    script.pages("ecs", "list_daemons", "daemonSummariesList", [{"daemonArn": AGENT}], **OF_CLUSTER)
    script.answer("ecs", "list_clusters", {"clusterArns": [other]}, maxResults=100, nextToken="more")
    script.pages("ecs", "list_daemons", "daemonSummariesList", [], **OF_CLUSTER | {"clusterArn": other})
    assert revisions_of(used(script)) == {1: CONFIGURED}


def test_a_cluster_that_vanishes_is_passed_over_only_if_it_is_listed_no_more(script: Script) -> None:
    """Otherwise ECS contradicts itself."""
    for left in ([], [CLUSTER]):
        clusters(script, [CLUSTER])
        script.refuse("ecs", "list_daemons", "ClusterNotFoundException", **OF_CLUSTER)
        clusters(script, left)
        if left:
            with pytest.raises(AwsError, match="ClusterNotFoundException"):
                used(script)
        else:
            assert used(script) == []


FAILURE: Final = {"failures": [{"arn": revision(3), "reason": "ACCESS_DENIED"}]}


def test_what_is_left_out_is_an_error(script: Script) -> None:
    """Of deployments and of revisions, with or without a word."""
    for more in (FAILURE, {}):
        daemon(script, 1)
        history(script, [deployment(3, "PENDING")])
        deploys(script, [3], **more)
        with pytest.raises(SourceError, match="DescribeDaemonDeployments"):
            used(script)
        daemon(script, 3)
        history(script)
        answer = {"daemonRevisions": [], **more}
        script.answer("ecs", "describe_daemon_revisions", answer, daemonRevisionArns=[revision(3)])
        with pytest.raises(SourceError, match="DescribeDaemonRevisions"):
            used(script)


def test_a_deployment_that_does_not_say_of_what_is_no_answer(script: Script) -> None:
    """It may be what a rollback returns to."""
    daemon(script)
    told = {"createdAt": NOW, "status": "SUCCESSFUL"}
    script.cut_short("ecs", "list_daemon_deployments", {"daemonDeployments": [told]}, **OF_DAEMON)
    with pytest.raises(
        IncompleteAnswerError,
        match="Incomplete response from ListDaemonDeployments: field 'targetDaemonRevisionArn' is missing",
    ):
        used(script)
