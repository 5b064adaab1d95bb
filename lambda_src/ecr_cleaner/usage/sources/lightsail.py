"""Lightsail container services: what runs, what is being deployed, and earlier deployments."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, Images, source
from ecr_cleaner.usage.source import Grant

SOURCES: Final = (
    source(
        "lightsail",
        "Lightsail container services, disabled ones too",
        "The images of every deployment that Lightsail still lists",
        "lightsail",
        (Grant("ReadLightsail", ("lightsail:GetContainerServices", "lightsail:GetContainerServiceDeployments")),),
        Chain(
            "lightsail container service {containerServiceName}",
            (
                Call(
                    "GetContainerServices",
                    items="containerServices[]",
                    images=(
                        Images("image", at="currentDeployment.containers{}"),
                        Images("image", at="nextDeployment.containers{}"),
                    ),
                ),
                Call(
                    "GetContainerServiceDeployments",
                    items="deployments[]",
                    params_from={"serviceName": "containerServiceName"},
                    images=(Images("image", at="containers{}"),),
                ),
            ),
        ),
    ),
)
