"""CodePipeline: ECR source actions, and all other images that a pipeline's structure names."""

from collections.abc import Iterator
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.aws.response_paths import values
from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import named, shown
from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.source import Grant, arn_of

_ACTIONS: Final = "stages[].actions[]"
_RULES: Final = ("beforeEntry", "onSuccess", "onFailure")
COMMANDS: Final = (
    f"{_ACTIONS}.commands",
    *(f"stages[].{condition}.conditions[].rules[].commands" for condition in _RULES),
)
"""Paths in a pipeline to the commands of builds."""

# The second one is of an action that starts CodeBuild.
VARIABLES: Final = (f"{_ACTIONS}.environmentVariables", f"{_ACTIONS}.configuration.EnvironmentVariables")
"""Paths in a pipeline to the variables of builds."""

_VARIABLE: Final = "#{"


def watched(pipeline: Any) -> Iterator[Reference]:
    """What the ECR source actions of a pipeline watch: a tag of a repository, ``latest`` if the action has none.

    An action may run with the role of another account, so the reference is to the repository in any registry. Where a
    variable is part of a name, the reference covers every value.

    Raises:
        IncompleteAnswerError: An action names no repository.
    """
    for action in values(pipeline, _ACTIONS):
        if action["actionTypeId"]["provider"] != "ECR":
            continue
        configuration = action.get("configuration", {})  # a map: nothing of it is modelled
        repository = responses.member(configuration, "RepositoryName", "GetPipeline")
        tag = configuration.get("ImageTag") or None
        if _VARIABLE in repository:
            yield named(repository.partition(_VARIABLE)[0], host=None, breadth=ReferenceScope.PREFIX)
        elif tag and _VARIABLE in tag:
            yield named(repository, host=None, breadth=ReferenceScope.REPOSITORY)
        else:
            yield Reference(shown(f"{repository}:{tag or 'latest'}"), repository=repository, tag=tag)


SOURCES: Final = (
    source(
        "codepipeline",
        "CodePipeline pipelines",
        "What ECR source actions watch, and images that the structure names: commands, variables, configurations",
        "codepipeline",
        (
            Grant("ListCodePipelines", ("codepipeline:ListPipelines",)),
            Grant("ReadCodePipelines", ("codepipeline:GetPipeline",), arn_of("codepipeline", "*")),
        ),
        Chain(
            "codepipeline {name}",
            (
                Call("ListPipelines", items="pipelines[]"),
                Call(
                    "GetPipeline",
                    items="pipeline",
                    params_from={"name": "name"},
                    references=watched,
                    extra_fields=(f"{_ACTIONS}.actionTypeId.provider", f"{_ACTIONS}.configuration"),
                    texts=("stages", "variables"),
                    builds=COMMANDS,
                    variables=VARIABLES,
                ),
            ),
            "codepipeline:{name}",
        ),
    ),
)
