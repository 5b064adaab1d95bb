"""How Lightsail is read: what a container service runs, what it is about to run, and what it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_cleaner.model.usage import Reference, Usage
from ecr_cleaner.usage.sources import lightsail
from tests.aws_calls.consumers import account, tagged, written

if TYPE_CHECKING:
    from tests.aws_calls.script import Script


def deployment(*texts: str, state: str = "ACTIVE") -> dict[str, Any]:
    """A deployment of containers with these images."""
    return {"state": state, "containers": {f"c{number}": {"image": text} for number, text in enumerate(texts)}}


def serves(script: Script, name: str = "shop", **more: Any) -> None:
    """There is one container service."""
    told = {"containerServiceName": name, "isDisabled": True, **more}
    script.answer("lightsail", "get_container_services", {"containerServices": [told]})


def deployed(script: Script, *deployments: dict[str, Any], name: str = "shop") -> None:
    """The deployments that Lightsail still lists."""
    told = {"deployments": list(deployments)}
    script.answer("lightsail", "get_container_service_deployments", told, serviceName=name)


def used(script: Script) -> list[Usage]:
    """What Lightsail uses."""
    (source,) = lightsail.SOURCES
    return list(source.collect(account(script)))


def usage(reference: Reference) -> Usage:
    """A usage by the container service."""
    return Usage(reference, "lightsail", "lightsail container service shop")


def test_without_services_nothing_is_used(script: Script) -> None:
    """An answer all the same."""
    script.answer("lightsail", "get_container_services", {"containerServices": []})
    assert used(script) == []


def test_every_deployment_uses_its_images(script: Script) -> None:
    """The current one, the next one, and the earlier ones; also of a service that is disabled."""
    serves(script, currentDeployment=deployment(tagged("v2"), "nginx"), nextDeployment=deployment(tagged("v3")))
    deployed(script, deployment(tagged("v2")), deployment(tagged("v1"), tagged("v0"), state="INACTIVE"))
    assert used(script) == [usage(written(tagged(tag), tag)) for tag in ("v2", "v3", "v2", "v1", "v0")]


def test_a_service_without_deployments_uses_nothing(script: Script) -> None:
    """It was made a moment ago."""
    serves(script)
    deployed(script)
    assert used(script) == []


def test_a_service_deleted_since_it_was_listed_uses_what_it_was_listed_with(script: Script) -> None:
    """Its deployments are not found any more; that is no failure."""
    serves(script, currentDeployment=deployment(tagged("v1")))
    script.refuse("lightsail", "get_container_service_deployments", "NotFoundException", serviceName="shop")
    script.answer("lightsail", "get_container_services", {"containerServices": []})
    assert used(script) == [usage(written())]
