"""Greengrass components: devices pull the images that a recipe names, perhaps after months without a network."""

from typing import Final

from ecr_cleaner.usage.declarative import PAGES, Call, Chain, source
from ecr_cleaner.usage.source import Grant

_COMPONENTS: Final = "arn:{partition}:greengrass:{region}:{account}:components:*"

SOURCES: Final = (
    source(
        "greengrass",
        "Greengrass components of your own",
        "Images that the recipe of any version names; what a deployment's configuration puts in is not seen",
        "greengrassv2",
        (
            Grant("ListGreengrass", ("greengrass:ListComponents",)),
            Grant("ReadGreengrass", ("greengrass:GetComponent", "greengrass:ListComponentVersions"), _COMPONENTS),
        ),
        Chain(
            "greengrass component",
            "arn",
            (
                Call(
                    "ListComponents",
                    items="components[]",
                    params={"scope": "PRIVATE", "maxResults": 100},
                    token=PAGES,
                ),
                Call(
                    "ListComponentVersions",
                    items="componentVersions[]",
                    params_from={"arn": "arn"},
                    params={"maxResults": 100},
                    token=PAGES,
                ),
                Call(
                    "GetComponent",
                    required_member="recipe",
                    params_from={"arn": "arn"},
                    params={"recipeOutputFormat": "JSON"},
                    texts=("recipe",),
                ),
            ),
        ),
    ),
)
