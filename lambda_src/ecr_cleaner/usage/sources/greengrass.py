"""Greengrass components: devices pull the images that a recipe names, perhaps after months without a network."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.source import Grant, arn_of

SOURCES: Final = (
    source(
        "greengrass",
        "Greengrass components of your own",
        "Images that the recipe of any version names; what a deployment's configuration puts in is not seen",
        "greengrassv2",
        (
            Grant("ListGreengrass", ("greengrass:ListComponents",)),
            Grant(
                "ReadGreengrass",
                ("greengrass:GetComponent", "greengrass:ListComponentVersions"),
                arn_of("greengrass", "components:*"),
            ),
        ),
        Chain(
            "greengrass component {arn}",
            (
                Call("ListComponents", items="components[]", params={"scope": "PRIVATE", "maxResults": 100}),
                Call(
                    "ListComponentVersions",
                    items="componentVersions[]",
                    params_from={"arn": "arn"},
                    params={"maxResults": 100},
                ),
                Call(
                    "GetComponent",
                    required_member="recipe",
                    params_from={"arn": "arn"},
                    params={"recipeOutputFormat": "JSON"},
                    texts=("recipe",),
                ),
            ),
            "greengrass:components:{componentName}",  # every version stays, and nobody accepts each one
        ),
    ),
)
