"""The images of ECS managed daemons, of which one task runs on every instance of a capacity provider.

They are not services and have task definitions of their own, so no other source reads them. Like a service, a daemon
starts its tasks by the digest that its revision resolved
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.responses import described, in_batches
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, usages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model.usage import Usage

_NAME: Final = "ecs_daemons"
_CLUSTER_GONE: Final = "ClusterNotFoundException"
_DAEMON_GONE: Final = "DaemonNotFoundException"
_SUCCESSFUL: Final = "SUCCESSFUL"
_ENDED: Final = frozenset({_SUCCESSFUL, "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
_ROLLBACK_DEPTH: Final = 2
"""Successful deployments before the current one whose revisions are protected as rollback targets."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every daemon of every cluster.

    Yields:
        Usages of the kinds ``configured`` and ``rollback``.

    Raises:
        SourceError: ECS left something out of an answer.
    """
    for cluster in _clusters(context):
        try:
            # All of the cluster before the first usage, so that a cluster that is deleted meanwhile is noticed.
            usages = list(_of_cluster(context, cluster))
        except errors.AwsError as error:
            if errors.code_of(error) == _CLUSTER_GONE and cluster not in set(_clusters(context)):
                continue
            raise
        yield from usages


def _clusters(context: SourceContext) -> Iterator[str]:
    return responses.paged(context.aws.client("ecs"), "ListClusters", "clusterArns", maxResults=100)


def _of_cluster(context: SourceContext, cluster: str) -> Iterator[Usage]:
    ecs = context.aws.client("ecs")
    for summary in responses.paged(ecs, "ListDaemons", "daemonSummariesList", clusterArn=cluster, maxResults=100):
        arn = responses.member(summary, "daemonArn", "ListDaemons")
        try:
            answer = ecs.describe_daemon(daemonArn=arn)
        except errors.AwsError as error:
            if errors.code_of(error) == _DAEMON_GONE:  # deleted since it was listed
                continue
            raise
        daemon = responses.member(answer, "daemon", "DescribeDaemon")
        # Absent until the first deployment placed something.
        current = {responses.member(r, "arn", "DescribeDaemon") for r in daemon.get("currentRevisions", ())}
        yield from _resolved(ecs, arn, current)


def _resolved(ecs: Any, daemon: str, current: set[str]) -> Iterator[Usage]:
    in_progress, earlier = _deployed(ecs, daemon, current)
    for some in in_batches(sorted(current | in_progress | earlier), 20):
        answer = ecs.describe_daemon_revisions(daemonRevisionArns=some)
        for revision in described(answer, "DescribeDaemonRevisions", "daemonRevisions", some):
            arn = responses.member(revision, "daemonRevisionArn", "DescribeDaemonRevisions")
            consumer = f"ecs daemon {daemon.partition('daemon/')[2]}, daemon revision {arn.rpartition('/')[2]}"
            evidence = UsageKind.CONFIGURED if arn in current | in_progress else UsageKind.ROLLBACK
            # Absent as long as ECS could not resolve anything, e.g. before the first task.
            for container in revision.get("containerImages", ()):
                image = responses.member(container, "image", "DescribeDaemonRevisions")
                digest = container.get("imageDigest")
                yield from usages_of(image, source=_NAME, consumer=consumer, digest=digest, evidence=evidence)
            definition = responses.member(revision, "daemonTaskDefinitionArn", "DescribeDaemonRevisions")
            for image in _defined(ecs, definition):
                named = f"{consumer}, daemon task definition {definition.rpartition('/')[2]}"
                yield from usages_of(image, source=_NAME, consumer=named, evidence=evidence)


def _defined(ecs: Any, name: str) -> Iterator[str]:
    """The images that a daemon task definition names."""
    answer = ecs.describe_daemon_task_definition(daemonTaskDefinition=name)
    definition = responses.member(answer, "daemonTaskDefinition", "DescribeDaemonTaskDefinition")
    for container in responses.member(definition, "containerDefinitions", "DescribeDaemonTaskDefinition"):
        yield responses.member(container, "image", "DescribeDaemonTaskDefinition")


def _deployed(ecs: Any, daemon: str, current: set[str]) -> tuple[set[str], set[str]]:
    """Revisions of the deployments in progress, and those of the last successful ones before the current."""
    deployments = sorted(
        responses.paged(ecs, "ListDaemonDeployments", "daemonDeployments", daemonArn=daemon, maxResults=100),
        key=lambda deployment: responses.member(deployment, "createdAt", "ListDaemonDeployments"),
        reverse=True,
    )
    by_status = [(responses.member(d, "status", "ListDaemonDeployments"), d) for d in deployments]
    earlier = [
        target
        for status, deployment in by_status
        if status == _SUCCESSFUL
        and (target := responses.member(deployment, "targetDaemonRevisionArn", "ListDaemonDeployments")) not in current
    ]
    started = [
        responses.member(deployment, "daemonDeploymentArn", "ListDaemonDeployments")
        for status, deployment in by_status
        if status not in _ENDED
    ]
    in_progress: set[str] = set()
    for some in in_batches(started, 20):
        answer = ecs.describe_daemon_deployments(daemonDeploymentArns=some)
        for deployment in described(answer, "DescribeDaemonDeployments", "daemonDeployments", some):
            in_progress.update(_revisions(deployment))
    return in_progress, set(earlier[:_ROLLBACK_DEPTH]) - in_progress


def _revisions(deployment: dict[str, Any]) -> Iterator[str]:
    """What a deployment in progress replaces, deploys, and rolls back to; each is absent in some stages."""
    for source in deployment.get("sourceDaemonRevisions", ()):
        yield responses.member(source, "arn", "DescribeDaemonDeployments")
    if "targetDaemonRevision" in deployment:
        yield responses.member(deployment["targetDaemonRevision"], "arn", "DescribeDaemonDeployments")
    # A rollback that has just begun may have no target yet.
    if target := deployment.get("rollback", {}).get("rollbackTargetDaemonRevisionArn"):
        yield target


_OF_DAEMONS: Final = "arn:{partition}:ecs:{region}:{account}:daemon*"

SOURCES: Final = (
    Source(
        name=_NAME,
        title="Amazon ECS managed daemons, in every cluster",
        protects="The current daemon revisions, those of the last two successful deployments before them and of"
        " deployments under way, each with the digests ECS resolved and with its daemon task definition",
        service="ecs",
        grants=(
            Grant("ListEcsDaemons", ("ecs:ListClusters", "ecs:ListDaemons")),
            Grant(
                "ReadEcsDaemons",
                (
                    "ecs:DescribeDaemon",
                    "ecs:DescribeDaemonDeployments",
                    "ecs:DescribeDaemonRevisions",
                    "ecs:DescribeDaemonTaskDefinition",
                    "ecs:ListDaemonDeployments",
                ),
                _OF_DAEMONS,
            ),
        ),
        fields=(
            RequiredField("ecs", "ListDaemons", "daemonSummariesList[].daemonArn"),
            RequiredField("ecs", "DescribeDaemon", "daemon.currentRevisions[].arn"),
            RequiredField("ecs", "ListDaemonDeployments", "daemonDeployments[].targetDaemonRevisionArn"),
            RequiredField("ecs", "DescribeDaemonDeployments", "daemonDeployments[].sourceDaemonRevisions[].arn"),
            RequiredField("ecs", "DescribeDaemonDeployments", "daemonDeployments[].targetDaemonRevision.arn"),
            RequiredField(
                "ecs", "DescribeDaemonDeployments", "daemonDeployments[].rollback.rollbackTargetDaemonRevisionArn"
            ),
            RequiredField("ecs", "DescribeDaemonRevisions", "daemonRevisions[].daemonTaskDefinitionArn"),
            RequiredField("ecs", "DescribeDaemonRevisions", "daemonRevisions[].containerImages[].image"),
            RequiredField("ecs", "DescribeDaemonRevisions", "daemonRevisions[].containerImages[].imageDigest"),
            RequiredField("ecs", "DescribeDaemonTaskDefinition", "daemonTaskDefinition.containerDefinitions[].image"),
        ),
        collect=collect,
    ),
)
