"""Lightsail container services: what runs, what is being deployed, and earlier deployments."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant
from ecr_cleaner.usage.texts.search import Grammar

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
                    grammar=Grammar.VARIABLES,
                ),
                Call(
                    "GetContainerServiceDeployments",
                    items="deployments[]",
                    params_from={"serviceName": "containerServiceName"},
                    images=(Images("image", at="containers{}"),),
                    grammar=Grammar.VARIABLES,
                ),
            ),
        ),
    ),
)
