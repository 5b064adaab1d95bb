"""How time and memory of reading an EKS cluster grow with its objects.

Reads as a run does, in a process of its own for each size, from the imitation of a cluster on loopback. The memory is
what the process takes above a bare interpreter. Quote the ratios of one run, not the seconds.

    .venv/bin/python -m benchmarks.cluster_size [OBJECTS ...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Final

from tests.fake_kubernetes import FakeCluster, FakeServer
from tools.loopback import FOLDER

SIZES: Final = (3_000, 30_000)
_HOST: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com"

_CHILD: Final = """
def peak():
    # Not ru_maxrss, which a process has from its parent.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
bare = peak()
import json, sys, time
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources.eks import reading
from ecr_cleaner.usage.task_definitions import TaskDefinitions
cluster = json.loads(sys.argv[1])
clients = AwsClients(region="us-east-1")
clients.account_id = "123456789012"
context = SourceContext(clients, Settings(), TaskDefinitions(clients))
started, cpu = time.perf_counter(), time.process_time()
usages = set(reading._usages(context, cluster, "ACTIVE"))
print(json.dumps({
    "seconds": round(time.perf_counter() - started, 1),
    "cpu_seconds": round(time.process_time() - cpu, 1),
    "requests": clients.calls,
    "usages": len(usages),
    "mib_above_interpreter": round(peak() - bare),
}))
"""


def metadata(number: int, owner: str = "") -> dict[str, Any]:
    """As real objects have it: labels, annotations, and who set which field."""
    fields: dict[str, Any] = {f"f:field-{n}": {"f:name": {}, "f:value": {}, ".": {}} for n in range(40)}
    owners = {"ownerReferences": [{"kind": owner, "name": f"app-{number // 5}", "controller": True}]} if owner else {}
    return {
        "labels": {f"example.com/label-{n}": f"value-{number}" for n in range(6)},
        "annotations": {f"example.com/annotation-{n}": "x" * 60 for n in range(4)},
        "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": fields}],
        **owners,
    }


def pod(number: int) -> dict[str, Any]:
    """A pod's specification."""
    env = [{"name": f"VARIABLE_{n}", "value": f"https://service-{n}.shop.svc.cluster.local:8080/"} for n in range(15)]
    container = {"name": "main", "image": f"{_HOST}/team/app-{number % 200}:v{number % 40}", "env": env}
    return {"containers": [container, {"name": "proxy", "image": "docker.io/envoyproxy/envoy:v1"}]}


def fill(cluster: FakeCluster, objects: int) -> None:
    """Three pods of five, and a Deployment, a ReplicaSet and a ConfigMap for each five."""
    for number in range(objects * 6 // 10):
        digest = f"{_HOST}/team/app-{number % 200}@sha256:{number % 8000:064x}"
        statuses = [{"name": "main", "image": "x", "imageID": digest, "state": {"running": {}}}]
        status = {"containerStatuses": statuses}
        cluster.add("pods", f"p{number}", metadata=metadata(number, "ReplicaSet"), spec=pod(number), status=status)
    for number in range(objects * 4 // 30):
        template = {"replicas": number % 2, "template": {"spec": pod(number)}}
        cluster.add("deployments", f"d{number}", metadata=metadata(number), spec=template)
        cluster.add("replicasets", f"r{number}", metadata=metadata(number, "Deployment"), spec=template)
        cluster.add("configmaps", f"c{number}", metadata=metadata(number), data={"a.yaml": "key: value\n" * 100})


def measure(objects: int) -> dict[str, Any]:
    """One reading."""
    cluster = FakeCluster()
    fill(cluster, objects)
    environment = os.environ | {
        "PYTHONPATH": f"lambda_src:{FOLDER}",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    with FakeServer(cluster):
        words = [sys.executable, "-c", _CHILD, json.dumps(cluster.described())]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a line for each size."""
    for objects in [int(word) for word in sys.argv[1:]] or SIZES:
        print(f"{objects:>7,} objects: {measure(objects)}")  # noqa: T201


if __name__ == "__main__":
    main()
