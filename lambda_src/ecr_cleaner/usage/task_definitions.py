"""The images of ECS task definitions, each read once for all sources."""

import threading
from dataclasses import dataclass, field
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import SourceError

PERMISSIONS: Final = ("ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions")
"""IAM actions of reading; listing proves that a task definition does not exist."""

_STATUSES: Final = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS")
_UNKNOWN: Final = "ClientException"


@dataclass(slots=True)
class TaskDefinitions:
    """Reads task definitions, each once; thread-safe.

    Attributes:
        clients: Of the scan target.
    """

    clients: AwsClients
    _images: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    # Held while reading: pacing makes the calls one after the other anyway.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def images(self, name: str) -> tuple[str, ...] | None:
        """The images that a task definition names, as written.

        Args:
            name: ARN, ``family:revision``, or a family, which means its newest active revision.

        Returns:
            The images; None if the task definition is proven not to exist any more, so that nothing can be
            started from it.

        Raises:
            SourceError: ECS refuses to describe it, yet lists it.
            AwsError: A call failed.
        """
        with self._lock:
            if name not in self._images:
                self._images[name] = self._read(name)
            return self._images[name]

    def _read(self, name: str) -> tuple[str, ...] | None:
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
        return tuple(responses.member(container, "image", "DescribeTaskDefinition") for container in containers)

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
