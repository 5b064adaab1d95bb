"""What the tests of the sources share: image texts with their meaning, ECS's names, and how a source is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import ACCOUNT, HOST, REGION, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecr_cleaner.model.usage import Usage
    from tests.aws_calls.script import Script

ARN: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
CLUSTER: Final = f"{ARN}:cluster/prod"
APP: Final = digest("app")
EVERY: Final = Reference("*/app:*", repository="app", breadth=ReferenceScope.REPOSITORY)
"""Every image of the repository, in whichever registry."""


def account(script: Script) -> SourceContext:
    """What a source is handed, with no task definition read yet."""
    return SourceContext(script.aws, Settings(), TaskDefinitions(script.aws))


def written(
    text: str = f"{HOST}/app:v1", tag: str | None = "v1", of: str | None = None, repository: str = "app"
) -> Reference:
    """The reference that a text is read as."""
    return Reference(text, ACCOUNT, REGION, repository, tag, of)


def anywhere(of: str = APP) -> Reference:
    """The reference to a digest that a text or a service names without a private registry, in whichever repository."""
    return Reference(of, digest=of)


def tagged(tag: str, repository: str = "app") -> str:
    """An image text."""
    return f"{HOST}/{repository}:{tag}"


def definition(name: str) -> str:
    """The ARN of a task definition, by ``family:revision``."""
    return f"{ARN}:task-definition/{name}"


def defines(script: Script, name: str, *images: str, arn: str | None = None) -> None:
    """Answer the question for a task definition that names these images."""
    told: dict[str, Any] = {"containerDefinitions": [{"image": image} for image in images]}
    told |= {} if arn is None else {"taskDefinitionArn": arn}
    script.answer("ecs", "describe_task_definition", {"taskDefinition": told}, taskDefinition=name)


def undefined(script: Script, name: str) -> None:
    """Refuse the question for a task definition, and list none of its family in any state."""
    script.refuse("ecs", "describe_task_definition", "ClientException", taskDefinition=name)
    family = name.rpartition("/")[2].partition(":")[0]
    for status in ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"):
        asked = {"familyPrefix": family, "status": status, "maxResults": 100}
        script.answer("ecs", "list_task_definitions", {"taskDefinitionArns": []}, **asked)


_FORMS: Final = {
    "tag": written(),
    "digest": written(f"{HOST}/app@{APP}", None, APP),
    "tag and digest": written(f"{HOST}/app:v1@{APP}", "v1", APP),
    "no tag": written(f"{HOST}/app", None),
    "folders": written(f"{HOST}/shop/app:v1", repository="shop/app"),
    "dual-stack": written(f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws/app:v1"),
    "fips": written(f"{ACCOUNT}.dkr.ecr-fips.{REGION}.amazonaws.com/app:v1"),
}

every_form: Final = pytest.mark.parametrize(
    ("text", "references"),
    [
        *(pytest.param(reference.text, (reference,), id=name) for name, reference in _FORMS.items()),
        pytest.param(f"proxy.example.com/shop/app:v1@{APP}", (anywhere(),), id="a digest behind another name"),
        pytest.param(f"public.ecr.aws/nginx/nginx@{APP}", (anywhere(),), id="a digest of ECR Public"),
        pytest.param("public.ecr.aws/nginx/nginx:1", (), id="ECR Public"),
        pytest.param("nginx", (), id="Docker Hub"),
        pytest.param("ghcr.io/shop/app:v1", (), id="elsewhere"),
    ],
)
"""Each form of an image text, and what has to come of it."""

unreadable: Final = pytest.mark.parametrize(
    ("text", "references"),
    [
        pytest.param(f"{HOST}/app@sha256:12", (), id="half a digest"),
        pytest.param(f"{HOST}/App:v1", (), id="no repository's name"),
        pytest.param(HOST, (), id="no repository"),
        pytest.param(f"x{HOST}/app:v1", (EVERY,), id="no account"),
    ],
)
"""Texts that look like ECR's and are no image's name, and what they protect."""


def told(usages: Iterable[Usage], text: str, references: Sequence[Reference]) -> bool:
    """Whether usages protect exactly this, and every one that has to be told names the text that is wrong."""
    found = list(usages)
    protects = [usage.reference for usage in found if not usage.reference.names_nothing]
    problems = [usage.problem for usage in found if usage.problem]
    about = f"image name '{text}': "
    return protects == [*references] and bool(problems) and all(problem.startswith(about) for problem in problems)
