"""The images of ECS task definitions, each read once for all sources."""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import SourceError
from ecr_cleaner.usage.side_by_side import Once
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar, SearchResult, search

PERMISSIONS: Final = ("ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions")
"""IAM actions of reading; listing proves that a task definition does not exist."""

TEXTS: Final = FreeText(
    "ecs",
    "DescribeTaskDefinition",
    "taskDefinition",
    Grammar.VARIABLES,
    images=("containerDefinitions[].image",),
)
"""How its texts are searched: variables, commands, labels."""

_STATUSES: Final = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS")
_UNKNOWN: Final = "ClientException"


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """What a task definition names.

    Attributes:
        images: Those of its containers, as written.
        texts: What its other texts name.
    """

    images: tuple[str, ...]
    texts: SearchResult


@dataclass(slots=True)
class TaskDefinitions:
    """Reads task definitions, each once; thread-safe.

    Attributes:
        clients: Of the scan target.
    """

    clients: AwsClients
    _read: Once[str, TaskDefinition | None] = field(default_factory=Once)

    def read(self, name: str) -> TaskDefinition | None:
        """What a task definition names.

        Args:
            name: ARN, ``family:revision``, or a family, which means its newest active revision.

        Returns:
            None if the task definition is proven not to exist any more, so that nothing can be
            started from it.

        Raises:
            SourceError: ECS refuses to describe it, yet lists it.
            AwsError: A call failed.
        """
        return self._read.get(name, partial(self._described, name))

    def _described(self, name: str) -> TaskDefinition | None:
        ecs = self.clients.client("ecs")
        try:
            answer = ecs.describe_task_definition(taskDefinition=name)
        except errors.AwsError as error:
            if errors.code_of(error) != _UNKNOWN:
                raise
            # The code means "does not exist" and other things; only the listings distinguish these.
            if self._is_listed(name):
                message = f"task definition {name} is listed but cannot be described: {error}"
                raise SourceError(message) from None
            return None
        containers = responses.member(answer, "taskDefinition.containerDefinitions", "DescribeTaskDefinition")
        images = tuple(responses.member(container, "image", "DescribeTaskDefinition") for container in containers)
        output = ecs.meta.service_model.operation_model(TEXTS.operation).output_shape
        ((grammar, value),) = TEXTS.parts(answer["taskDefinition"], output)
        return TaskDefinition(images, search(value, grammar))

    def _is_listed(self, name: str) -> bool:
        family, _, revision = name.rpartition("/")[2].partition(":")
        # A family alone means its newest active revision, so revisions in another state do not count.
        for status in _STATUSES if revision else _STATUSES[:1]:
            for arn in responses.paged(
                self.clients.client("ecs"),
                "ListTaskDefinitions",
                "taskDefinitionArns",
                familyPrefix=family,
                status=status,
                maxResults=100,
            ):
                listed_family, _, listed_revision = arn.rpartition("/")[2].partition(":")
                if listed_family == family and revision in {"", listed_revision}:
                    return True
        return False
