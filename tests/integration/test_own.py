"""What people say is in use: by reference, and in inventories, which let clusters of Kubernetes pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws import Fault, s3
from tests.integration import accounts

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

KEY: Final = "inventories/nomad.json"


def put(sandbox: Sandbox, key: str, **content: Any) -> None:
    """Write an inventory."""
    sandbox.seed({"s3": {"lists": {key: content}}})


def app(run: Runner, sandbox: Sandbox, *names: str) -> None:
    """An opted-in repository ``app`` with old images, each with its name as its tag."""
    run.opted_in("app")
    for name in names:
        sandbox.push("app", id=name, tags=[name], pushed="90d")


@pytest.mark.parametrize("way", ["protected_images", f"inventory {KEY}"])
@pytest.mark.parametrize("form", ["app:old", "{registry}/app:old", "app@{digest}", "app:*", "{registry}/app:*"])
def test_a_reference_protects_in_every_form(run: Runner, sandbox: Sandbox, form: str, way: str) -> None:
    """Given by a person, or found in an inventory; what it does not name goes."""
    app(run, sandbox, "old", "older")
    text = form.format(registry=sandbox.state.ecr_host("us-east-1"), digest=sandbox.digest("old"))
    put(sandbox, KEY, json=["nginx" if way == "protected_images" else text])
    outcome = run(protected_images=[text] if way == "protected_images" else [])
    assert outcome.status == "completed"
    assert outcome.gone == ({} if form.endswith("*") else {"app": run.ids("older")})
    assert outcome.kept()[sandbox.digest("old")] == ("in_use", way)


def test_a_reference_to_another_registry_protects_nothing_and_is_told(run: Runner, sandbox: Sandbox) -> None:
    """Its image of the same name is another one."""
    app(run, sandbox, "old")
    outcome = run(protected_images=["123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:old"])
    assert outcome.gone == {"app": run.ids("old")}
    assert any("protects nothing here" in note for note in outcome.told["notes"])


@pytest.mark.parametrize("reference", ["App:v1", "app@sha256:12", "app:v1:*", "localhost:5000/app:v1"])
def test_a_reference_that_cannot_be_read_fails_the_run_before_it_begins(
    run: Runner, sandbox: Sandbox, reference: str
) -> None:
    """Terraform would not have let it pass."""
    accounts.seed(sandbox)
    sandbox.clear_calls()
    outcome = run(protected_images=["app:extra", reference])
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert f"got '{reference}'" in outcome.causes
    assert not sandbox.calls


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ({"json": ["app:inventory"], "modified": "24h+90s"}, "used_images_max_age_hours is 24"),
        ({"text": '["app:inventory", "app:'}, f"s3://lists/{KEY} is no JSON, or was cut short"),
        ({"json": {"images": []}}, f"s3://lists/{KEY} must be a JSON array of image references"),
        ({"json": []}, f"s3://lists/{KEY} is empty"),
        ({"json": ["app:inventory", 1]}, f"item 2 of s3://lists/{KEY} must be an image reference, got 1"),
    ],
)
def test_an_inventory_that_is_stale_or_corrupt_stops_all_removal(
    run: Runner, sandbox: Sandbox, content: dict[str, Any], cause: str
) -> None:
    """Nobody knows what it would have protected; mended, the very same account is cleaned."""
    accounts.seed(sandbox)
    put(sandbox, KEY, **content)
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert outcome.sources["used_images_objects"]["outcome"] == "failed"
    assert cause in outcome.causes
    assert KEY in outcome.causes
    assert 'accepted_gaps = { "source:used_images_objects" = "<reason>" }' in outcome.causes
    put(sandbox, KEY, json=["app:inventory"])
    assert run().gone == {"app": run.ids("unused")}


def test_an_inventory_that_is_missing_stops_all_removal(run: Runner, sandbox: Sandbox) -> None:
    """Somebody said that there are some, and none is there."""
    app(run, sandbox, "old")
    sandbox.seed({"s3": {"lists": {"elsewhere/a.json": {"json": ["app:old"]}}}})
    outcome = run(protected_images=[])
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "s3://lists/inventories/ has no inventory" in outcome.causes


def test_without_inventories_s3_is_not_asked(run: Runner, sandbox: Sandbox) -> None:
    """Neither for them nor for clusters."""
    accounts.seed(sandbox)
    sandbox.clear_calls()
    outcome = run(used_images=None)
    assert outcome.sources["used_images_objects"]["detail"] == ""
    assert (outcome.sources["used_images_objects"]["outcome"], outcome.sources["used_images_objects"]["usages"]) == (
        "complete",
        0,
    )
    assert run.asked("s3") == set()
    assert "or have a list of used images written: used_images_uri + eks/us-east-1/shop.json" in outcome.causes


def test_inventories_may_be_more_than_a_page(run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one counts as much as the first."""
    monkeypatch.setattr(s3, "PAGE_SIZE", 10)
    app(run, sandbox, "old", "unused")
    objects = {f"inventories/{number:04}.json": {"json": ["nginx"]} for number in range(11)}
    sandbox.seed({"s3": {"lists": objects | {"inventories/last.json": {"json": ["app:old"]}}}})
    outcome = run(protected_images=[])
    assert outcome.gone == {"app": run.ids("unused")}
    listings = [call for call in sandbox.calls if call.operation == "ListObjectsV2"]
    assert len(listings) == 2


@pytest.mark.parametrize("kind", ["clusters", "connected"])
def test_a_cluster_passes_with_its_own_fresh_inventory_only(run: Runner, sandbox: Sandbox, kind: str) -> None:
    """Missing: named with the key. Stale: told. Fresh: the run goes on, and what it lists is kept."""
    accounts.seed(sandbox)
    sandbox.seed({"eks": {kind: ["data"]}})
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "cluster data: it cannot be read, and its pods may use any image" in outcome.causes
    assert "s3://lists/inventories/eks/us-east-1/data.json" in outcome.causes
    assert 'accepted_gaps = { "eks:arn:aws:eks:us-east-1:123456789012:cluster/data" = "<reason>" }' in outcome.causes
    assert outcome.sources["used_images_objects"]["outcome"] == "complete"
    put(sandbox, "inventories/eks/us-east-1/data.json", json=["app:unused"], modified="25h")
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert {name for name, told in outcome.sources.items() if told["outcome"] == "failed"} == {
        "eks",
        "used_images_objects",
    }
    put(sandbox, "inventories/eks/us-east-1/data.json", json=["app:unused"])
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {})


def test_inventories_that_nobody_reads_let_no_cluster_pass(run: Runner, sandbox: Sandbox) -> None:
    """Their images are not protected then."""
    accounts.seed(sandbox)
    outcome = run(accepted_gaps={"source:used_images_objects": "known"})
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert 'as long as accepted_gaps has "source:used_images_objects", no list of used images counts' in outcome.causes


def test_a_denied_listing_names_the_permission_that_it_takes(run: Runner, sandbox: Sandbox) -> None:
    """Which IAM does not call by the operation's name."""
    accounts.seed(sandbox)
    sandbox.inject(Fault(service="s3", operation="ListObjectsV2", kind="access_denied"))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "s3:ListBucket (source eks, source used_images_objects)" in outcome.causes
