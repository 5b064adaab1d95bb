"""The images of ECS managed daemons, of which one task runs on every instance of a capacity provider.

They are not services and have task definitions of their own, so no other source reads them. Like a service, a daemon
starts its tasks by the digest that its revision resolved
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons.html).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of, usages_of
from ecr_cleaner.usage.sources.ecs.revisions import CLUSTER_FIELDS, Revisions, of_every_cluster, revisions_texts
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

_NAME: Final = "ecs_daemons"
_TEXTS: Final = FreeText(
    "ecs",
    "DescribeDaemonTaskDefinition",
    "daemonTaskDefinition",
    Grammar.VARIABLES,
    images=("containerDefinitions[].image",),
)


def collect(context: SourceContext) -> Iterator[Usage]:
    """Every daemon of every cluster.

    Returns:
        Usages of the kinds ``configured`` and ``rollback``.

    Raises:
        SourceError: ECS left something out of an answer.
    """
    return of_every_cluster(context, _of_cluster)


def _of_cluster(context: SourceContext, cluster: str) -> Iterator[Usage]:
    asked = {"clusterArn": cluster, "maxResults": 100}
    listing = partial(context.named, "ecs", "ListDaemons", "daemonSummariesList", "daemonArn", **asked)
    return of_each(context, listing, _of_daemon)


def _of_daemon(context: SourceContext, arn: str) -> Iterator[Usage]:
    ecs = context.aws.client("ecs")
    daemon = responses.member(ecs.describe_daemon(daemonArn=arn), "daemon", "DescribeDaemon")
    # Absent until the first deployment placed something.
    current = {responses.member(r, "arn", "DescribeDaemon") for r in daemon.get("currentRevisions", ())}
    revisions = Revisions(
        ecs,
        _NAME,
        "Daemon",
        lambda rollback: rollback.get("rollbackTargetDaemonRevisionArn"),  # absent when it has just begun
        lambda revision: responses.member(revision, "daemonTaskDefinitionArn", "DescribeDaemonRevisions"),
        partial(_defined, ecs),
    )
    deployed = revisions.deployed(current, {"daemonArn": arn})
    yield from revisions.usages(f"ecs daemon {arn.partition('daemon/')[2]}", deployed)


def _defined(ecs: Any, name: str, consumer: str, evidence: UsageKind) -> Iterator[Usage]:
    answer = ecs.describe_daemon_task_definition(daemonTaskDefinition=name)
    named = f"{consumer}, daemon task definition {name.rpartition('/')[2]}"
    operation = "DescribeDaemonTaskDefinition"
    texts = like(_NAME, named, evidence)
    yield from usages_of_texts(_TEXTS, responses.member(answer, "daemonTaskDefinition", operation), ecs, texts)
    for container in responses.member(answer, "daemonTaskDefinition.containerDefinitions", operation):
        image = responses.member(container, "image", operation)
        yield from usages_of(image, source=_NAME, consumer=named, evidence=evidence)


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
                arn_of("ecs", "daemon*"),
            ),
        ),
        fields=(
            *CLUSTER_FIELDS,
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
        texts=(_TEXTS, revisions_texts("Daemon")),
    ),
)
