"""A real cluster of a kubeconfig, with a namespace, a role and a few objects that are removed in the end."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import uuid
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.kubernetes import tls
from ecr_cleaner.kubernetes.connection import Connection
from tests.kubernetes.contract import GROUP, MAPS, OBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE: Final = "ECR_CLEANER_TEST_KUBECONFIG"
"""The file whose current context is used."""


def kubectl(*arguments: str, given: str | None = None) -> str:
    """What kubectl prints."""
    command = ["kubectl", "--kubeconfig", os.environ[VARIABLE], *arguments]
    return subprocess.run(command, input=given, check=True, capture_output=True, text=True, timeout=120).stdout


class AnyCluster:
    """The cluster; everything in it bears the namespace's name."""

    def __init__(self) -> None:
        self.namespace = f"ecr-cleaner-test-{uuid.uuid4().hex[:8]}"
        self._made: list[Connection] = []
        config = json.loads(kubectl("config", "view", "--minify", "--raw", "--output", "json"))["clusters"][0][
            "cluster"
        ]
        self._endpoint = config["server"]
        self._authority = base64.b64decode(config["certificate-authority-data"]).decode()
        kubectl(
            "apply", "--filename", "-", given=json.dumps({"kind": "List", "apiVersion": "v1", "items": self._kinds()})
        )
        kubectl("wait", "--for=condition=Established", f"crd/widgets.{self.namespace}.{GROUP}", "--timeout=60s")
        kubectl(
            "apply", "--filename", "-", given=json.dumps({"kind": "List", "apiVersion": "v1", "items": self._objects()})
        )
        self._token = kubectl("create", "token", "reader", "--namespace", self.namespace).strip()

    @property
    def group(self) -> str:
        """Of the custom resource."""
        return f"{self.namespace}.{GROUP}"

    def connect(self, *, token: Callable[[], str] | None = None) -> Connection:
        """A connection with the rights of the role."""
        made = Connection(self._endpoint, tls.trusting(self._authority), token or (lambda: self._token))
        self._made.append(made)
        return made

    def close(self) -> None:
        """Remove everything."""
        for one in self._made:
            one.close()
        name = self.namespace
        kubectl(
            "delete", "--ignore-not-found", f"clusterrolebinding/{name}", f"clusterrole/{name}", f"namespace/{name}"
        )
        kubectl("delete", "--ignore-not-found", f"crd/widgets.{self.group}")

    def _kinds(self) -> list[Any]:
        reads = ["configmaps", "pods", "deployments", "widgets"]
        rule = {"apiGroups": ["", "apps", self.group], "resources": reads, "verbs": ["get", "list"]}
        schema = {
            "type": "object",
            "properties": {"spec": {"type": "object", "properties": {"engineImage": {"type": "string"}}}},
        }
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": self.namespace}
        subject = {"kind": "ServiceAccount", "name": "reader", "namespace": self.namespace}
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": self.namespace}}
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": self._named("reader")},
            {**rbac, "kind": "ClusterRole", "rules": [rule]},
            {**rbac, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]},
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"widgets.{self.group}"},
                "spec": {"group": self.group, "names": names, "scope": "Namespaced", "versions": [version]},
            },
        ]

    def _objects(self) -> list[Any]:
        widget = {
            "apiVersion": f"{self.group}/v1",
            "kind": "Widget",
            "metadata": self._named("one"),
            **OBJECTS["widgets"],
        }
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": self._named("api")}
        maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": self._named(name)} for name in MAPS]
        return [widget, {**deployment, **OBJECTS["deployments"]}, *maps]

    def _named(self, name: str) -> dict[str, str]:
        return {"name": name, "namespace": self.namespace}
