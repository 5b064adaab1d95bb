"""EC2 Image Builder container recipes: the parent images of later builds."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of

SOURCES: Final = (
    source(
        "imagebuilder",
        "EC2 Image Builder container recipes",
        "The parent image of every recipe of the account, and what its Dockerfile template names",
        "imagebuilder",
        (
            Grant("ListImageBuilderRecipes", ("imagebuilder:ListContainerRecipes",)),
            Grant(
                "ReadImageBuilderRecipes",
                ("imagebuilder:GetContainerRecipe",),
                arn_of("imagebuilder", "container-recipe/*"),
            ),
        ),
        Chain(
            "image builder container recipe {arn}",
            (
                Call(
                    "ListContainerRecipes",
                    items="containerRecipeSummaryList[]",
                    params={"owner": "Self", "maxResults": 100},
                ),
                # Its instance configuration names a machine image, never a container.
                Call(
                    "GetContainerRecipe",
                    items="containerRecipe",
                    params_from={"containerRecipeArn": "arn"},
                    images=(Images("parentImage"),),
                    texts=("dockerfileTemplateData",),
                ),
            ),
        ),
    ),
)
