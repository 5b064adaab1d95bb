"""Reads one cluster: every object of every kind that may be listed."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes import clusters, discovery, listing, schemas
from ecr_cleaner.kubernetes.connection import Connection
from ecr_cleaner.kubernetes.kinds import WORKLOADS, Kind, in_order, is_read
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage.found import like
from ecr_cleaner.usage.kubernetes_objects import usages_of_object
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources.eks import remedies

FIELDS: Final = ("status", "endpoint", "certificateAuthority.data", "outpostConfig", "connectorConfig", "id")
"""Of DescribeCluster."""

_READ: Final = frozenset({"ACTIVE", "UPDATING"})


def usages(context: SourceContext, name: str) -> Iterator[Usage]:
    """The usages of all objects of a cluster.

    Raises:
        ClusterError: It could not be read completely; the message says what to do.
        AwsError: It could not be described.
        IncompleteAnswerError: The description is incomplete.
    """
    client = context.aws.client("eks")
    cluster = responses.member(client.describe_cluster(name=name), "cluster", "DescribeCluster")
    status = responses.member(cluster, "status", "DescribeCluster")
    cluster = {**cluster, "name": name}
    if status == "CREATING":
        context.notes.append(f"EKS cluster {name} is being created, and nothing runs there yet: it is not read")
        return
    try:
        yield from _usages(context, cluster, status)
    except ClusterError as error:
        raise remedies.failed(context, cluster, error) from None


def _usages(context: SourceContext, cluster: Mapping[str, Any], status: str) -> Iterator[Usage]:
    name, arn = cluster["name"], context.arn("eks", f"cluster/{cluster['name']}")
    if cluster.get("connectorConfig"):
        message = "it runs elsewhere and is only connected to EKS, through which its objects cannot be listed"
        raise ClusterError(message)
    if status not in _READ:
        message = f"its status is {status}"
        raise ClusterError(message)
    usage = like("eks", f"EKS cluster {name}", arn=arn)
    connection = clusters.connect(context.aws, cluster, lambda: context.aws.pace("before-send.kubernetes.GET"))
    try:
        for kind, item in _objects(context, connection, name):
            yield from usages_of_object(kind.key, kind.name, item, usage)
    finally:
        connection.close()


def _objects(context: SourceContext, connection: Connection, cluster: str) -> Iterator[tuple[Kind, Mapping[str, Any]]]:
    """Every object of every kind, each with its kind."""
    denied: list[Kind] = []
    gone: set[Kind] = set()
    for kind in in_order([kind for kind in discovery.kinds(connection) if is_read(kind)]):
        try:
            yield from ((kind, item) for item in listing.objects(connection, kind))
        except ClusterError as error:
            if error.status == HTTPStatus.FORBIDDEN:
                denied.append(kind)
            elif error.status == HTTPStatus.NOT_FOUND:
                gone.add(kind)
            else:
                raise
    if gone and (lost := gone & set(discovery.kinds(connection))):
        message = f"it does not find the list of {', '.join(map(str, sorted(lost)))}, which it names itself"
        raise ClusterError(message)
    if denied:
        _require_listed(context, connection, cluster, denied)


def _require_listed(context: SourceContext, connection: Connection, cluster: str, denied: list[Kind]) -> None:
    """Fail because of denied kinds that may name images. A person may accept that, but not for workloads."""
    workloads = {kind for kind in denied if kind.key in WORKLOADS}
    others = schemas.may_name_images(connection, [kind for kind in denied if kind not in workloads])
    if not workloads and not others:
        return
    gap = f"custom_resources:{context.arn('eks', f'cluster/{cluster}')}"
    reason = context.settings.accepted_gaps.get(gap)
    if reason is not None:
        context.accepted.append(gap)
        if not workloads:
            names = ", ".join(map(str, sorted(others)))
            context.notes.append(
                f"not listed in EKS cluster {cluster}, so what only these name is not protected: {names}: {reason}"
            )
            return
    raise ClusterError(
        remedies.denied(context, cluster, workloads | others), HTTPStatus.FORBIDDEN, () if workloads else (gap,)
    )
