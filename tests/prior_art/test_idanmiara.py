"""idanmiara/ecr-cleanup-lambda: what its rules lose in an account, a run of ours on the same account keeps."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.auth import SigV4Auth

from ecr_cleaner.aws import client
from tests.fake_aws import Fault
from tests.prior_art import faulty_ecs
from tests.prior_art.listing import (
    HOST,
    SEEN_BY_A_PERSON,
    account,
    hazard,
    keeps,
    named,
    pods_count,
    refuses,
    seen,
    service,
    with_control,
)

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

EVERYWHERE: Final[dict[str, Any]] = {"repositories": ["*"]}
SIGNING: Final = {name: getattr(SigV4Auth, name) for name in ("canonical_request", "signature")}
"""What `run` does without."""


@hazard("IM-1")
def test_the_newest_stay(run: Runner, sandbox: Sandbox) -> None:
    """How many stay is counted from the newest on."""
    with_control(run)
    names = ["newest", "second", "third"]
    for place, name in enumerate(names):
        sandbox.push("app", id=name, tags=[name], pushed=f"{50 + place}d")
    assert named(sandbox, faulty_ecs.beyond_newest(seen(sandbox), keep=3)) == {"newest"}
    assert named(sandbox, faulty_ecs.beyond_newest(seen(sandbox), keep=1)) == {*names}
    keeps(run, sandbox, *names, retention_rules=[EVERYWHERE | {"keep_newest": 3}])
    keeps(run, sandbox, "newest", retention_rules=[EVERYWHERE | {"keep_newest": 1}])


@hazard("IM-2")
def test_a_tag_that_is_to_be_kept_is_kept(run: Runner, sandbox: Sandbox) -> None:
    """Alone or among others."""
    with_control(run)
    for name, tags in {"alone": ["latest"], "among-others": ["v1", "latest-stable"]}.items():
        sandbox.push("app", id=name, tags=tags, pushed="90d")
    assert not faulty_ecs.keeps_latest(["latest"], protect=True)
    assert faulty_ecs.keeps_latest(["latest"], protect=False)
    keeps(run, sandbox, "alone", "among-others", retention_rules=[EVERYWHERE | {"tags": ["latest*"], "keep": True}])


@hazard("IM-3")
@pytest.mark.parametrize("dry_run", [True, False])
def test_clusters_are_asked_for_in_every_run(run: Runner, sandbox: Sandbox, *, dry_run: bool) -> None:
    """A dry run tells what a run would do, which is nothing."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    pods = {f"{HOST}/app:v1"}
    known = pods if faulty_ecs.asks_kubernetes(dry_run=dry_run) else set()
    lost = named(sandbox, faulty_ecs.lost_by_texts(seen(sandbox), known))
    assert ("used" in lost) is not dry_run
    sandbox.seed({"eks": {"clusters": ["platform"]}})
    refuses(run, "cluster platform: it cannot be read", dry_run=dry_run)
    pods_count(run, sandbox, *pods)
    keeps(run, sandbox, "used", **SEEN_BY_A_PERSON)


@hazard("IM-4")
def test_a_service_beyond_the_first_page_counts(run: Runner, sandbox: Sandbox) -> None:
    """Ten are listed at once unless more are asked for."""
    with_control(run)
    names = [f"web-{number}" for number in range(12)]
    for name in names:
        sandbox.push("app", id=name, tags=[name], pushed="90d")
        sandbox.seed(service(name, f"{{registry}}/app:{name}"))
    page = faulty_ecs.first_page(sandbox.client("ecs").list_services(cluster="prod"), "serviceArns")
    found = account(sandbox)
    texts = {text for s in found.services if s["serviceArn"] in page for text in found.definitions[s["taskDefinition"]]}
    lost = named(sandbox, faulty_ecs.lost_by_texts(found.images, texts))
    assert (len(lost), lost - {"unused"} < {*names}) == (3, True)
    keeps(run, sandbox, *names)


@hazard("IM-4")
def test_a_cluster_beyond_the_first_page_stops_the_run(run: Runner, sandbox: Sandbox) -> None:
    """A page may be empty and have a token for the next."""
    with_control(run)
    sandbox.seed({"eks": {"clusters": ["platform"]}})
    page = Fault(service="eks", operation="ListClusters", kind="empty_page_with_token", times=1)
    sandbox.inject(page)
    assert faulty_ecs.first_page(sandbox.client("eks").list_clusters(), "clusters") == []
    sandbox.clear_faults()
    sandbox.inject(page)
    refuses(run, "cluster platform: it cannot be read")
    keeps(run, sandbox, **SEEN_BY_A_PERSON)


@hazard("IM-4")
def test_a_source_that_is_left_out_is_told_as_unprotected(run: Runner, sandbox: Sandbox) -> None:
    """The others are asked all the same."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    with pytest.raises(TypeError, match="unsupported operand"):
        faulty_ecs.sources_without(["lambda"])
    outcome = keeps(run, sandbox, "used", accepted_gaps={"source:lambda": "known"})
    assert ("lambda", "ListFunctions") not in run.asked()
    assert any(told.startswith("lambda in 123456789012/us-east-1: ") for told in outcome.told["unprotected"])


@hazard("IM-5")
def test_an_untagged_image_has_to_be_old_as_well(run: Runner, sandbox: Sandbox) -> None:
    """CI may tag what it pushed a moment ago."""
    run.opted_in("app")
    sandbox.push("app", id="young", pushed="1m")
    sandbox.push("app", id="unused", pushed="90d")
    assert named(sandbox, faulty_ecs.untagged_of_any_age(seen(sandbox))) == {"young", "unused"}
    keeps(run, sandbox, "young")


@hazard("IM-5")
def test_nothing_that_opens_a_door_is_logged(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even with everything logged that there is."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    caplog.set_level(logging.DEBUG)
    for name, signs in SIGNING.items():
        monkeypatch.setattr(SigV4Auth, name, signs)
    sent: list[str] = []

    def note(_: object, request: Any, **_more: object) -> None:
        header = request.headers["Authorization"]
        sent.append(header.decode() if isinstance(header, bytes) else header)

    monkeypatch.setattr(client.AwsClients, "pace", note)
    keeps(run, sandbox, "used")
    signatures = {header.rpartition("Signature=")[2] for header in sent}
    assert len(signatures) > 10
    assert all(signature in faulty_ecs.logged({"Authorization": signature}) for signature in signatures)
    everything = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "Run summary" in everything
    assert not [signature for signature in signatures if signature in everything]
    assert "Authorization" not in everything
