"""How long sources take by AWS's published rates, on a virtual clock: their own code, and answers made up here.

A scan that takes longer than its usages are valid is refused, every night. Two things are shown apart: how long the
calls take if as many as may be are under way at any time, and that so many are.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.client import AwsClients, connect
from ecr_cleaner.aws.pacing import Pacer
from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import catalog
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources.eks import CLUSTERS_AT_ONCE, reading
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from ecr_cleaner.usage.workers import AT_ONCE, Workers
from tests.builders import ACCOUNT, HOST, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Answers = Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]

LATENCY: Final = 0.06
"""Seconds that AWS takes for an answer."""

LIMIT: Final = 30
"""Seconds after which a thread that waits for others gives up; never reached unless something is broken."""

SOURCES: Final = {source.name: source for source in catalog.SOURCES}
IMAGE: Final = f"{HOST}/app:v1"
DIGEST: Final = f"sha256:{'0' * 64}"


class World(AwsClients):
    """Clients of AWS whose calls are answered by functions, at once, on a clock that only sleeping moves."""

    def __init__(self, answers: Answers, share: int, meanwhile: Callable[[str], None] = lambda _: None) -> None:
        self.now = 0.0
        self.made: Counter[str] = Counter()
        self.answers, self.meanwhile = answers, meanwhile
        super().__init__(connect(REGION, None).session, Pacer(lambda: self.now, self.sleep), region=REGION)
        self.account_id = ACCOUNT
        self.pacer.share = share / 100

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def client(self, service: str) -> Any:
        """What answers for a service, with the real one's model."""
        meta = super().client(service).meta
        methods = {
            method: self._method(meta.service_model.service_id.hyphenize(), operation)
            for method, operation in meta.method_to_api_mapping.items()
            if operation in self.answers
        }
        return SimpleNamespace(meta=meta, **methods)

    def _method(self, service: str, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**asked: Any) -> dict[str, Any]:
            self.pacer.wait(service, operation)
            # As many as may be are under way, so that each takes its part of the time of all.
            self.now += LATENCY / AT_ONCE
            self.made[operation] += 1
            self.meanwhile(operation)
            return self.answers[operation](asked)

        return call


def page(
    items: Sequence[Any], asked: dict[str, Any], size: int, result: str, gives: str = "nextToken"
) -> dict[str, Any]:
    """A page of a listing."""
    start = int(asked.get("Marker") or asked.get("nextToken") or 0)
    following = {gives: str(start + size)} if start + size < len(items) else {}
    return {result: items[start : start + size], **following}


def lambdas(functions: int, versions: int) -> Answers:
    """Functions of images, each with published versions and the latest one."""
    listed = [
        {
            "FunctionName": f"f{name}",
            "Version": str(number or "$LATEST"),
            "PackageType": "Image",
            "CodeSha256": "0" * 64,
        }
        for name in range(functions)
        for number in range(versions + 1)
    ]
    return {
        "ListFunctions": lambda asked: page(listed, asked, 50, "Functions", "NextMarker"),
        "GetFunction": lambda _: {"Code": {"ImageUri": IMAGE}, "Configuration": {}},
    }


def machines(count: int) -> Answers:
    """State machines without versions, of which nothing is under way."""
    arns = [f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m{number}" for number in range(count)]
    return {
        "ListStateMachines": lambda _: {
            "stateMachines": [{"stateMachineArn": arn, "type": "STANDARD"} for arn in arns]
        },
        "DescribeStateMachine": lambda _: {"definition": "{}", "creationDate": NOW},
        "ListStateMachineVersions": lambda _: {"stateMachineVersions": []},
        "ListExecutions": lambda _: {"executions": []},
    }


def ecs(services: int, families: int) -> Answers:
    """Services, each in its third deployment, and families beside them."""
    arns = [f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/prod/s{number}" for number in range(services)]
    names = [f"family{number}" for number in range(families)]

    def revision(arn: str) -> dict[str, Any]:
        containers = [{"image": IMAGE, "imageDigest": DIGEST}]
        return {"serviceRevisionArn": arn, "taskDefinition": f"td/{arn}", "containerImages": containers}

    def deployment(service: str, number: int) -> dict[str, Any]:
        target = f"{service}/r{number}"
        return {"createdAt": number, "status": "SUCCESSFUL", "targetServiceRevisionArn": target}

    def service(arn: str) -> dict[str, Any]:
        told = {
            "serviceArn": arn,
            "serviceName": arn.rpartition("/")[2],
            "clusterArn": "c",
            "taskDefinition": f"td/{arn}/r3",
        }
        return told | {"currentServiceRevisions": [{"arn": f"{arn}/r3"}]}

    return {
        "ListClusters": lambda _: {"clusterArns": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/prod"]},
        "ListServices": lambda asked: page(arns, asked, 100, "serviceArns"),
        "DescribeServices": lambda asked: {"services": [service(arn) for arn in asked["services"]]},
        "ListServiceDeployments": lambda asked: {
            "serviceDeployments": [deployment(asked["service"], number) for number in (1, 2, 3)]
        },
        "DescribeServiceRevisions": lambda asked: {
            "serviceRevisions": [revision(arn) for arn in asked["serviceRevisionArns"]]
        },
        "ListTasks": lambda _: {"taskArns": []},
        "ListTaskDefinitionFamilies": lambda asked: page(names, asked, 100, "families"),
        "DescribeTaskDefinition": lambda _: {"taskDefinition": {"containerDefinitions": [{"image": IMAGE}]}},
    }


def read(world: World, *names: str, workers: Workers | None = None) -> None:
    """Read sources one after the other: those that take from one bucket wait for each other."""
    context = SourceContext(world, Settings(), TaskDefinitions(world), now=NOW, workers=workers or Workers())
    for name in names:
        for _ in SOURCES[name].collect(context):
            pass


@pytest.mark.parametrize(
    ("answers", "names", "share", "part"),
    [
        pytest.param(ecs(50, 300), ("ecs", "ecs_families"), 50, 10, id="500 services and 3,000 families"),
        pytest.param(ecs(0, 590), ("ecs_families",), 50, 10, id="5,900 families"),
        pytest.param(lambdas(140, 20), ("lambda",), 50, 10, id="1,400 functions of 20 versions"),
        pytest.param(lambdas(150, 20), ("lambda",), 60, 10, id="1,500 functions of 20 versions"),
        pytest.param(machines(345), ("stepfunctions",), 50, 1, id="345 state machines"),
        pytest.param(machines(500), ("stepfunctions",), 80, 1, id="500 state machines"),
        pytest.param(machines(500), ("stepfunctions_executions",), 50, 1, id="executions of 500 state machines"),
    ],
)
def test_a_scan_ends_while_its_usages_are_valid(answers: Answers, names: Sequence[str], share: int, part: int) -> None:
    """At the share of AWS's published rates that it takes; docs/limits.md says what does not.

    Of some accounts a part is read, which has to end in that part of the time.
    """
    world = World(answers, share)
    read(world, *names)
    assert world.made.total() * part > 500
    assert world.now < FRESHNESS.total_seconds() / part, dict(world.made)


@pytest.mark.parametrize(
    ("answers", "names", "part"),
    [
        pytest.param(ecs(0, 620), ("ecs_families",), 10, id="6,200 families"),
        pytest.param(lambdas(150, 20), ("lambda",), 10, id="1,500 functions of 20 versions"),
        pytest.param(machines(360), ("stepfunctions",), 1, id="360 state machines"),
    ],
)
def test_what_takes_more_takes_another_share(answers: Answers, names: Sequence[str], part: int) -> None:
    """AWS's own rates let no run be faster that leaves half of them to others; one that takes all of them is."""
    half, whole = World(answers, 50), World(answers, 100)
    for world in (half, whole):
        read(world, *names)
    assert whole.now < FRESHNESS.total_seconds() / part < half.now


@pytest.mark.parametrize(
    ("answers", "name", "operation"),
    [
        pytest.param(lambdas(AT_ONCE, 0), "lambda", "GetFunction", id="functions"),
        pytest.param(machines(AT_ONCE), "stepfunctions", "DescribeStateMachine", id="state machines"),
        pytest.param(machines(AT_ONCE), "stepfunctions", "ListStateMachineVersions", id="their versions"),
        pytest.param(ecs(0, AT_ONCE), "ecs_families", "DescribeTaskDefinition", id="task definitions"),
        pytest.param(ecs(AT_ONCE * 10, 0), "ecs", "ListServiceDeployments", id="deployments"),
        pytest.param(ecs(AT_ONCE * 10, 0), "ecs", "DescribeServiceRevisions", id="revisions"),
    ],
)
def test_as_many_calls_are_under_way_as_may_be(answers: Answers, name: str, operation: str) -> None:
    """Of what costs a call for each: none is answered before all of them are made."""
    together = threading.Barrier(AT_ONCE)

    def meanwhile(made: str) -> None:
        if made == operation:
            together.wait(LIMIT)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        read(World(answers, 100, meanwhile), name, workers=Workers(pool))


@pytest.mark.parametrize("clusters", [CLUSTERS_AT_ONCE, CLUSTERS_AT_ONCE + 3])
def test_clusters_are_read_side_by_side(monkeypatch: pytest.MonkeyPatch, clusters: int) -> None:
    """Four at a time, and each may take half of the time that usages are valid; outcomes and notes keep their order."""
    together, lock, under_way = threading.Barrier(CLUSTERS_AT_ONCE), threading.Lock(), Counter[str]()

    def usages(context: SourceContext, name: str) -> Iterator[Any]:
        with lock:
            under_way["now"] += 1
            under_way["most"] = max(under_way["most"], under_way["now"])
        if int(name) < CLUSTERS_AT_ONCE:
            together.wait(LIMIT)
        context.notes.append(name)
        with lock:
            under_way["now"] -= 1
        yield from ()

    monkeypatch.setattr(reading, "usages", usages)
    names = [str(number) for number in range(clusters)]
    world = World({"ListClusters": lambda _: {"clusters": names[::-1]}}, 100)
    with ThreadPoolExecutor(16) as pool:
        context = SourceContext(world, Settings(), TaskDefinitions(world), now=NOW, workers=Workers(pool))
        assert list(SOURCES["eks"].collect(context)) == []
    assert under_way["most"] == CLUSTERS_AT_ONCE
    assert (context.notes, list(context.clusters)) == (names, names)
