"""MH4GF, puemos, trek10: what their rules lose in an account, a run of ours on the same account keeps."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.aws import client as aws_client
from ecr_cleaner.removal import batch
from tests.fake_aws import Fault
from tests.prior_art import faulty_ecs
from tests.prior_art.listing import account, hazard, keeps, left, named, refuses, seen, service, with_control

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

REQUIREMENTS = Path(aws_client.__file__).parents[2] / "requirements.txt"


@hazard("MH-2")
@pytest.mark.usefixtures("pair_deletes")
def test_no_call_names_more_than_it_takes(run: Runner, sandbox: Sandbox) -> None:
    """All go, in as many calls as it needs."""
    run.opted_in("app")
    for number in range(120):
        sandbox.push("app", id=f"unused-{number}", tags=[f"v{number}"] if number % 2 else [], pushed="90d")
    sandbox.push("app", id="used", tags=["used"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:used"))
    ids = faulty_ecs.one_call(image for image in seen(sandbox) if image.tags != ("used",))
    with pytest.raises(ClientError, match="InvalidParameter"):
        sandbox.client("ecr").batch_delete_image(repositoryName="app", imageIds=ids)
    assert len(left(sandbox)) == 121
    sandbox.clear_calls()
    keeps(run, sandbox, "used")
    named_ids = [len(c.parameters["imageIds"]) for c in sandbox.calls if c.operation == "BatchDeleteImage"]
    assert (sum(named_ids), max(named_ids) <= 100) == (120, True)


@hazard("MH-3", "MH-4")
def test_each_listing_has_tokens_of_its_own(run: Runner, sandbox: Sandbox) -> None:
    """The tasks of the second cluster count, however many pages the first one had."""
    with_control(run)
    for name in ("first", "second"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
        definitions = {f"{name}:1": {"image": f"{{registry}}/app:{name}"}}
        tasks = [{"task_definition": f"{name}:1", "count": 2}]
        sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {name: {"tasks": tasks}}}})
    client = sandbox.client("ecs")
    found = faulty_ecs.tasks_of(client.list_clusters()["clusterArns"], client.list_tasks)
    assert len(found) == 2, "an answer that the token of another listing spoiled is no answer"
    known = account(sandbox)
    running = {task["taskDefinitionArn"] for task in known.tasks if task["taskArn"] in found}
    texts = {text for arn in running for text in known.definitions[arn]}
    assert named(sandbox, faulty_ecs.lost_by_texts(known.images, texts)) == {"second", "unused"}
    sandbox.inject(Fault(service="ecs", operation="ListTasks", kind="short_page", times=1))
    sandbox.clear_calls()
    keeps(run, sandbox, "first", "second")
    asked = [call.parameters for call in sandbox.calls if call.operation == "ListTasks"]
    assert ["nextToken" in parameters for parameters in asked[:3]] == [False, True, False]


@hazard("MH-4")
def test_a_cluster_that_cannot_be_read_stops_the_run(run: Runner, sandbox: Sandbox) -> None:
    """What it runs is unknown."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    sandbox.inject(Fault(service="ecs", operation="ListTasks", kind="access_denied"))
    client = sandbox.client("ecs")
    assert faulty_ecs.tasks_of(client.list_clusters()["clusterArns"], client.list_tasks) == []
    assert named(sandbox, faulty_ecs.lost_by_texts(seen(sandbox), set())) == {"used", "unused"}
    refuses(run, "ecs:ListTasks (source ecs)")
    sandbox.clear_faults()
    keeps(run, sandbox, "used")


@hazard("PU-1")
def test_every_task_definition_is_waited_for(run: Runner, sandbox: Sandbox) -> None:
    """However many there are, and whichever is answered first."""
    with_control(run)
    names = [f"web-{number}" for number in range(6)]
    for name in names:
        sandbox.push("app", id=name, tags=[name], pushed="90d")
        sandbox.seed(service(name, f"{{registry}}/app:{name}"))
    found = account(sandbox)
    lost = named(sandbox, faulty_ecs.lost_by_texts(found.images, faulty_ecs.first_definition(found)))
    assert (len(lost), lost - {"unused"} < {*names}) == (6, True)
    keeps(run, sandbox, *names)


@hazard("PU-2")
def test_a_listing_ends(run: Runner, sandbox: Sandbox) -> None:
    """With the page that has no token; and one that gives the same token for ever is no listing."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    client = sandbox.client("ecr")

    def ask(token: str | None) -> dict[str, object]:
        answer: dict[str, object] = client.describe_repositories(**({"nextToken": token} if token else {}))
        return answer

    names = [page["repositories"] for page in islice(faulty_ecs.pages(ask), 5)]
    assert names == [names[0]] * 5
    sandbox.inject(Fault(service="ecs", operation="ListClusters", kind="empty_page_with_token"))
    refuses(run, "it repeats a page token")
    sandbox.clear_faults()
    sandbox.clear_calls()
    keeps(run, sandbox, "used")
    assert Counter(call.operation for call in sandbox.calls)["DescribeRepositories"] == 1


@hazard("PU-4")
@pytest.mark.parametrize(
    ("kind", "tries"), [("access_denied", 1), ("internal_error", batch.MAX_ATTEMPTS), ("reset", batch.MAX_ATTEMPTS)]
)
def test_a_removal_that_fails_ends(run: Runner, sandbox: Sandbox, kind: str, tries: int) -> None:
    """After some tries if it may pass by itself, and the run says that it failed."""
    with_control(run)
    assert not faulty_ecs.settled([kind])
    sandbox.clear_calls()
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind=kind))  # type: ignore[arg-type]
    outcome = run()
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert "repository app: 1 images could not be removed" in outcome.causes
    assert Counter(call.operation for call in sandbox.calls)["BatchDeleteImage"] == tries
    sandbox.clear_faults()
    keeps(run, sandbox)


@hazard("TR-1")
def test_an_sdk_that_was_not_tried_is_noticed(run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ships is locked by hash; and one that lacks what safety depends on refuses."""
    with_control(run)
    sandbox.push("app", id="used", pushed="90d")
    revision = {"task_definition": "web:1", "digests": {"web": "{used}"}, "deployed": "2d"}
    sandbox.seed(service("web", "{registry}/app:v1", desired=0, revisions=[revision]))
    with pytest.raises(TypeError, match="exists already"):
        faulty_ecs.loaded(["send", "sendAsync"])
    locked = [line for line in REQUIREMENTS.read_text().splitlines() if line[:1] not in {"#", " ", ""}]
    assert [line for line in locked if "==" in line and line.endswith("\\")] == locked
    assert any(line.startswith("botocore==") for line in locked)
    with monkeypatch.context() as older:
        older.setattr(aws_client.AwsClients, "knows", lambda *asked: not asked[-1].endswith("imageDigest"))
        refuses(run, "the loaded botocore does not know")
    keeps(run, sandbox, "used")


@hazard("TR-2")
def test_an_answer_without_what_was_asked_for_is_a_failure(run: Runner, sandbox: Sandbox) -> None:
    """Nothing to do is what a whole answer says, never one that lacks its list."""
    with_control(run)
    answer = sandbox.client("ecr").describe_images(repositoryName="app")
    assert (len(answer["imageDetails"]), faulty_ecs.listed_images(answer)) == (1, [])
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind="missing_member"))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert "Incomplete response from DescribeImages: field 'imageDetails' is missing" in outcome.causes
    sandbox.clear_faults()
    keeps(run, sandbox)
