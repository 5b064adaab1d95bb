"""Pure: kinds of objects, which of them are never read, and without which of them no cluster was seen."""

from dataclasses import dataclass
from typing import Final

NEVER_READ: Final = {
    ("", "secrets"): "they are secret",
    ("", "events"): "they tell of the past",
    ("events.k8s.io", "events"): "they tell of the past",
    ("coordination.k8s.io", "leases"): "they change all the time and name no image",
    ("", "endpoints"): "addresses",
    ("discovery.k8s.io", "endpointslices"): "addresses",
    ("", "nodes"): "what lies on a node needs no registry",
    ("apiextensions.k8s.io", "customresourcedefinitions"): "a default stands in every object that has it",
}
"""Group and resource, with the reason."""

METRICS_GROUPS: Final = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
"""Their kinds are numbers. Their servers often do not answer."""

PODS: Final = ("", "pods")

WORKLOADS: Final = (
    ("", "replicationcontrollers"),
    ("apps", "controllerrevisions"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    PODS,
)
"""What every cluster has: a discovery without one of them is not complete, and nobody can accept that one is denied."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of objects that a cluster lists.

    Attributes:
        group: Of the API; empty: the core group.
        resource: Plural, as in paths and in RBAC.
        version: In which it is read.
        name: As in ``kind`` of its objects.
    """

    group: str
    resource: str
    version: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """Group and resource, by which RBAC knows it."""
        return self.group, self.resource

    @property
    def group_path(self) -> str:
        """Path of group and version, without a slash before it."""
        return f"apis/{self.group}/{self.version}" if self.group else f"api/{self.version}"

    @property
    def path(self) -> str:
        """Path of the list of all its objects."""
        return f"/{self.group_path}/{self.resource}"

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


def is_read(kind: Kind) -> bool:
    """Whether objects of a kind are ever read."""
    return kind.key not in NEVER_READ and kind.group not in METRICS_GROUPS


def in_order(kinds: list[Kind]) -> list[Kind]:
    """Templates before pods, so that what is made while they are read is seen."""
    return sorted(kinds, key=lambda kind: (kind.key == PODS, kind))


def rules(kinds: list[Kind]) -> list[dict[str, list[str]]]:
    """The rules of a ClusterRole by which these kinds can be listed, one for each group."""
    groups = sorted({kind.group for kind in kinds})
    return [
        {
            "apiGroups": [group],
            "resources": sorted({kind.resource for kind in kinds if kind.group == group}),
            "verbs": ["list"],
        }
        for group in groups
    ]
