"""What a person can do about a cluster that cannot be read: the words of its failure."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes.kinds import Kind, rules
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.used_images_objects import SOURCE as INVENTORIES
from ecr_cleaner.usage.used_images_objects import SUFFIX

EVERYWHERE = frozenset({"0.0.0.0/0"})


def key_of(context: SourceContext, cluster: str) -> str:
    """Key of a cluster's list of used images below the prefix.

    Two regions, and two accounts, may have clusters of the same name.
    """
    account = f"{context.aws.account_id}/" if context.aws.is_foreign else ""
    return f"eks/{account}{context.aws.region}/{cluster}{SUFFIX}"


def gap_of(context: SourceContext, cluster: str) -> str:
    """The entry of ``accepted_gaps`` for all of a cluster. Without an account this is that of no cluster."""
    return f"eks:{context.arn('eks', f'cluster/{cluster}')}"


def failed(context: SourceContext, cluster: Mapping[str, Any], error: ClusterError) -> ClusterError:
    """The failure with what mends it."""
    name = str(cluster["name"])
    told = [str(error), *_mended(context, cluster, error), _listed(context, name)]
    message = f"it cannot be read, and its pods may use any image: {'; '.join(told)}"
    return ClusterError(message, error.status, error.gaps or (gap_of(context, name),))


def denied(context: SourceContext, cluster: str, kinds: Iterable[Kind]) -> str:
    """Which kinds may not be listed, and the rules by which they could be."""
    kinds = sorted(kinds)
    names = ", ".join(map(str, kinds))
    found = json.dumps(rules(kinds))
    return (
        f"it denies to list kinds whose objects may name images: {names}; to mend this, bind a ClusterRole with these"
        f" rules to {context.aws.caller}, as `ecr-cleaner kubernetes-role --cluster {cluster}` prints it: {found}"
    )


def _mended(context: SourceContext, cluster: Mapping[str, Any], error: ClusterError) -> Iterable[str]:
    """What mends the access, by how it failed."""
    mode = (cluster.get("accessConfig") or {}).get("authenticationMode")
    if error.status == HTTPStatus.UNAUTHORIZED:
        module = "usage-reader" if context.aws.is_foreign else "eks-access"
        yield f"to mend this, give {context.aws.caller} an access entry (module modules/{module})"
    if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and mode == "CONFIG_MAP":
        yield (
            "its authentication mode is CONFIG_MAP, in which access entries have no effect: switch it to"
            " API_AND_CONFIG_MAP, or map the role in the ConfigMap aws-auth"
        )
    if error.is_unreachable:
        network = cluster.get("resourcesVpcConfig") or {}
        cidrs = network.get("publicAccessCidrs") or []
        if not network.get("endpointPublicAccess"):
            yield "its endpoint is private: only a function in its network reaches it (vpc_subnet_ids)"
        elif not EVERYWHERE & set(cidrs):
            yield f"its endpoint lets in only {', '.join(cidrs)}, and outside a VPC the function has no fixed address"


def _listed(context: SourceContext, cluster: str) -> str:
    if f"source:{INVENTORIES}" in context.settings.accepted_gaps:
        return f'as long as accepted_gaps has "source:{INVENTORIES}", no list of used images counts'
    place = context.settings.used_images
    start = place.uri() if place else "used_images_uri + "
    return f"or have a list of used images written: {start}{key_of(context, cluster)}"
