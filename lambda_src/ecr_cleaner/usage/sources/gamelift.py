"""GameLift container group definitions, in all their versions.

GameLift copies the images when a definition is created, so a fleet works without them; a new definition created from
an old one does not.
"""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of
from ecr_cleaner.usage.texts.search import Grammar

SOURCES: Final = (
    source(
        "gamelift",
        "GameLift container group definitions",
        "The images of game server and support containers in every version, as written and as resolved",
        "gamelift",
        (
            Grant("ListGameLift", ("gamelift:ListContainerGroupDefinitions",)),
            Grant(
                "ReadGameLift",
                ("gamelift:ListContainerGroupDefinitionVersions",),
                arn_of("gamelift", "containergroupdefinition/*"),
            ),
        ),
        Chain(
            "gamelift container group definition {Name}:{VersionNumber}",
            (
                Call("ListContainerGroupDefinitions", items="ContainerGroupDefinitions[]"),
                Call(
                    "ListContainerGroupDefinitionVersions",
                    items="ContainerGroupDefinitions[]",
                    params_from={"Name": "Name"},
                    images=(
                        Images("ImageUri", at="GameServerContainerDefinition", digest="ResolvedImageDigest"),
                        Images("ImageUri", at="SupportContainerDefinitions[]", digest="ResolvedImageDigest"),
                    ),
                    grammar=Grammar.VARIABLES,
                ),
            ),
        ),
    ),
)
