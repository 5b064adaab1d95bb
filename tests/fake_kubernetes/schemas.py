"""Kinds that every cluster has, and schemas of their objects, in short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects.

    Attributes:
        group: Empty: the core group.
        version: Of the API.
        name: In paths.
        kind: Of objects.
        schema: Of objects in OpenAPI.
        namespaced: Whether objects are in namespaces.
        verbs: What can be done.
    """

    group: str
    version: str
    name: str
    kind: str
    schema: Any
    namespaced: bool = True
    verbs: tuple[str, ...] = ("create", "delete", "get", "list", "watch")

    @property
    def key(self) -> tuple[str, str]:
        """Group and name."""
        return self.group, self.name

    @property
    def group_version(self) -> str:
        """As ``apiVersion`` has it."""
        return f"{self.group}/{self.version}" if self.group else self.version


def strings(*names: str) -> dict[str, Any]:
    """An object with strings."""
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


def of(**properties: Any) -> dict[str, Any]:
    """An object with parts."""
    return {"type": "object", "properties": {"metadata": {"$ref": META}, **properties}}


META: Final = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
POD: Final = "#/components/schemas/io.k8s.api.core.v1.PodSpec"
_MAP: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_TEMPLATE: Final = of(spec={"$ref": POD})
_WORKLOAD: Final = of(spec=of(template=_TEMPLATE, selector={"type": "object", "properties": {"matchLabels": _MAP}}))

SHARED: Final[dict[str, Any]] = {
    META.rpartition("/")[2]: {**strings("name", "namespace"), "properties": {"annotations": _MAP, "labels": _MAP}},
    POD.rpartition("/")[2]: of(
        containers={"type": "array", "items": strings("image", "name", "imagePullPolicy")}, nodeSelector=_MAP
    ),
}

RESOURCES: Final = (
    Resource("", "v1", "configmaps", "ConfigMap", of(data=_MAP)),
    Resource("", "v1", "endpoints", "Endpoints", of()),
    Resource("", "v1", "events", "Event", of(message={"type": "string"})),
    Resource("", "v1", "namespaces", "Namespace", of(spec=strings("phase")), namespaced=False),
    Resource("", "v1", "nodes", "Node", of(status=strings("image")), namespaced=False),
    Resource("", "v1", "persistentvolumes", "PersistentVolume", of(spec=of(csi=of(volumeAttributes=_MAP))), False),  # noqa: FBT003
    Resource("", "v1", "pods", "Pod", of(spec={"$ref": POD})),
    Resource("", "v1", "pods/log", "Pod", of(), verbs=("get",)),
    Resource("", "v1", "podtemplates", "PodTemplate", of(template=_TEMPLATE)),
    Resource("", "v1", "replicationcontrollers", "ReplicationController", _WORKLOAD),
    Resource("", "v1", "secrets", "Secret", of(data=_MAP)),
    Resource("", "v1", "services", "Service", of(spec=of(selector=_MAP))),
    Resource("apps", "v1", "controllerrevisions", "ControllerRevision", of(data={"type": "object"})),
    Resource("apps", "v1", "daemonsets", "DaemonSet", _WORKLOAD),
    Resource("apps", "v1", "deployments", "Deployment", _WORKLOAD),
    Resource("apps", "v1", "deployments/scale", "Scale", of(), verbs=("get",)),
    Resource("apps", "v1", "replicasets", "ReplicaSet", _WORKLOAD),
    Resource("apps", "v1", "statefulsets", "StatefulSet", _WORKLOAD),
    Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", of(), verbs=("create",)),
    Resource("batch", "v1", "cronjobs", "CronJob", of(spec=of(jobTemplate=_WORKLOAD))),
    Resource("batch", "v1", "jobs", "Job", _WORKLOAD),
    Resource("coordination.k8s.io", "v1", "leases", "Lease", of(spec=strings("holderIdentity"))),
    Resource("networking.k8s.io", "v1", "ingresses", "Ingress", of(spec=strings("ingressClassName"))),
)
"""Enough of what a cluster has from its first day."""
