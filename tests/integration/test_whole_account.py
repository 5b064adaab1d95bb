"""Two nights over a whole account: three regions, four clusters, and a region that the organization has closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.usage.catalog import SOURCES
from tests.fake_aws import Fault
from tests.integration.runner import REGION
from tests.integration.test_kubernetes import HOST, LISTS, Clusters, clusters, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

__all__ = ["clusters"]

IRELAND, LONDON, MUMBAI = "eu-west-1", "eu-west-2", "ap-south-1"
ROLLOUTS: Final = f"custom_resources:arn:aws:eks:{IRELAND}:123456789012:cluster/custom"
NEEDED: Final = ("home", "london", "listed", "custom", "service", "text")
"""Images, by what needs them; each is a tag."""


def account(run: Runner, sandbox: Sandbox, clusters: Clusters) -> None:
    """Two clusters have the same name, in two regions; all have an old certificate authority."""
    run.opted_in("app")
    for name in (*NEEDED, "unneeded"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    sandbox.seed({"regions": dict.fromkeys([IRELAND, LONDON, MUMBAI], "ENABLED_BY_DEFAULT")})
    for region, name in ((REGION, "home"), (LONDON, "london")):
        template = {"template": {"spec": spec(f"{HOST}/app:{name}")}}
        clusters.add("prod", region).add("deployments", "api", spec=template)
    sandbox.seed({"region": IRELAND, "eks": {"clusters": ["private"]}})
    custom = clusters.add("custom", IRELAND)
    custom.add("jobs", "once", spec={"template": {"spec": spec(f"{HOST}/app:custom")}})
    custom.define("argoproj.io", "v1alpha1", "rollouts", "Rollout", {"type": "object"})
    custom.denied.add(("argoproj.io", "rollouts"))
    definition = {"app:1": {"image": "{home}/app:service"}}
    services = {"app": {"task_definition": "app:1"}}
    sandbox.seed(
        {"region": LONDON, "ecs": {"task_definitions": definition, "clusters": {"prod": {"services": services}}}}
    )
    text = {"StartAt": "A", "States": {"A": {"Type": "Task", "Parameters": {"Image": "{home}/app:text"}, "End": True}}}
    sandbox.seed({"region": IRELAND, "stepfunctions": {"machines": {"m": {"definition": text}}}})
    for service in {field.service for one in SOURCES for field in one.fields} - {"lightsail", "s3"}:
        sandbox.inject(Fault(service=service, kind="denied_by_organization", region=MUMBAI))


def test_nothing_needed_goes_and_what_nobody_needs_does(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], clusters: Clusters
) -> None:
    """The night is refused that a denied custom resource was not accepted in; the closed region stops neither."""
    account(run, sandbox, clusters)
    settings: dict[str, Any] = {"regions": "enabled", "used_images": LISTS}

    def is_listed() -> None:
        sandbox.seed({"s3": {"lists": {f"inventories/eks/{IRELAND}/private.json": {"json": [f"{HOST}/app:listed"]}}}})

    is_listed()
    first = night(**settings)
    assert (first.status, first.gone) == ("refused", {})
    assert f"source eks in 123456789012/{IRELAND} cluster custom: it cannot be read" in first.causes
    assert f'accepted_gaps = {{ "{ROLLOUTS}" = "<reason>" }}' in first.causes
    assert MUMBAI not in first.causes
    past.passes(days=1)
    is_listed()
    second = night(**settings, accepted_gaps={ROLLOUTS: "they use images of another registry"})
    assert (second.status, second.causes) == ("completed", "")
    assert second.gone == {"app": run.ids("unneeded")}
    assert any(MUMBAI in line for line in second.told["unprotected"])
    kept = {name: second.kept()[sandbox.digest(name)][1] for name in NEEDED}
    assert kept["home"] == "EKS cluster prod: Deployment shop/api"
    assert kept["london"] == f"{LONDON} EKS cluster prod: Deployment shop/api"
    assert kept["listed"].startswith("inventory inventories/eks/")
    assert kept["custom"].startswith(f"{IRELAND} EKS cluster custom: ")
    assert f"{LONDON} ecs service prod/app" in kept["service"]
    assert f"{IRELAND} state machine m" in kept["text"]
