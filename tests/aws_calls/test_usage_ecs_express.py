"""What an Express service is configured with, beside what is read of it as a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import SourceError
from tests.aws_calls.consumers import defines, definition, tagged, undefined, written
from tests.aws_calls.services import API, LISTING, serves, service, usage, used

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

EXPRESS: Final = "express configuration"


def express(script: Script) -> None:
    """The one service of the cluster is managed by ECS."""
    serves(script, service(resourceManagementType="ECS"))


def configured(script: Script, *configurations: dict[str, Any]) -> None:
    """The Express service is asked for."""
    told = {"service": {"serviceArn": API, "activeConfigurations": list(configurations)}}
    script.answer("ecs", "describe_express_gateway_service", told, serviceArn=API)


def container(image: str, **more: Any) -> dict[str, Any]:
    """A configuration."""
    return {"primaryContainer": {"image": image}, **more}


def test_every_active_configuration_is_used(script: Script) -> None:
    """While one is deployed there are two; its task definition counts where ECS names one."""
    express(script)
    configured(script, container(tagged("v1")), container(tagged("v2"), taskDefinitionArn=definition("api:42")))
    defines(script, definition("api:42"), tagged("v3"))
    assert used(script) == [
        usage(written(), EXPRESS),
        usage(written(tagged("v2"), "v2"), EXPRESS),
        usage(written(tagged("v3"), "v3"), "task definition api:42"),
    ]


@pytest.mark.parametrize("managed", [{}, {"resourceManagementType": "CUSTOMER"}])
def test_other_services_are_not_asked_for(script: Script, managed: dict[str, str]) -> None:
    """ECS would refuse it."""
    serves(script, service(**managed))
    assert used(script) == []


def test_one_that_was_deleted_meanwhile_uses_nothing(script: Script) -> None:
    """Its tasks are read by themselves; while it is listed as a service, it is an error."""
    for left in ([], [API]):
        serves(script, service(resourceManagementType="ECS", taskDefinition=definition("api:42")))
        defines(script, definition("api:42"), tagged("v1"))
        script.refuse("ecs", "describe_express_gateway_service", "ResourceNotFoundException", serviceArn=API)
        script.pages("ecs", "list_services", "serviceArns", left, **LISTING)
        if not left:
            assert used(script) == []
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        used(script)


def test_a_task_definition_that_is_gone_is_an_error(script: Script) -> None:
    """The service needs it now."""
    express(script)
    configured(script, container("nginx", taskDefinitionArn=definition("api:42")))
    undefined(script, definition("api:42"))
    script.pages("ecs", "list_services", "serviceArns", [API], **LISTING)
    with pytest.raises(SourceError, match="which ECS does not find"):
        used(script)
