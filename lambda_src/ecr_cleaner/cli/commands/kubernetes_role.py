"""``ecr-cleaner kubernetes-role``: the role that a cluster has to give the function."""

import json
from typing import Final

import click

from ecr_cleaner.aws import responses
from ecr_cleaner.cli import options, output, texts
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes import clusters, discovery, schemas
from ecr_cleaner.kubernetes.kinds import WORKLOADS, is_read, rules

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner kubernetes-role --cluster prod > role.yaml
  kubectl apply --filename role.yaml
"""

_NAME: Final = "ecr-cleaner"


@click.command("kubernetes-role", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@click.option("--cluster", required=True, metavar="NAME", help="Name of the EKS cluster.")
@click.option("--group", default=_NAME, show_default=True, help="Group of the access entry that the role is bound to.")
def command(*, connection: Connection, cluster: str, group: str) -> None:
    """Print the ClusterRole and its binding by which the function can read an EKS cluster.

    It lists exactly the kinds of this cluster whose objects may name images, by its own OpenAPI document: never
    Secrets. Nothing is changed. The cluster has to know you, by an access entry or the ConfigMap aws-auth.
    """
    client = connection.clients.client("eks")
    described = responses.member(client.describe_cluster(name=cluster), "cluster", "DescribeCluster")
    try:
        lines = _manifest(connection, {**described, "name": cluster}, group)
    except ClusterError as error:
        message = f"EKS cluster {cluster}: {error}"
        raise ClusterError(message) from None
    for line in lines:
        output.echo(line)


def _manifest(connection: Connection, cluster: dict[str, object], group: str) -> list[str]:
    made = clusters.connect(connection.clients, cluster)
    try:
        with connection.progress():
            kinds = [kind for kind in discovery.kinds(made) if is_read(kind)]
            named = schemas.may_name_images(made, kinds)
    finally:
        made.close()
    listed = rules([kind for kind in kinds if kind in named or kind.key in WORKLOADS])
    lines = [
        f"# What the function may list in the EKS cluster {cluster['name']}: kinds whose objects may name images.",
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: ClusterRole",
        "metadata:",
        f"  name: {_NAME}",
        "rules:",
    ]
    for rule in listed:
        lines += [f"  {'-' if member == 'apiGroups' else ' '} {member}: {json.dumps(rule[member])}" for member in rule]
    api = "rbac.authorization.k8s.io"
    return [
        *lines,
        "---",
        f"apiVersion: {api}/v1",
        "kind: ClusterRoleBinding",
        "metadata:",
        f"  name: {_NAME}",
        "roleRef:",
        f"  {{apiGroup: {api}, kind: ClusterRole, name: {_NAME}}}",
        "subjects:",
        f"  - {{apiGroup: {api}, kind: Group, name: {json.dumps(group)}}}",
    ]
