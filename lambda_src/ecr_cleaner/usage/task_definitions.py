"""The images of ECS task definitions, each read once for all sources.

What a revision is never changes, and no other one ever has its number: ECS retains the name of a family whose revisions
were deleted, and goes on counting (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/delete-task-definition-v2.html).
Whether it still exists, whether it is active and which one is the newest of its family may change every day.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import IncompleteAnswerError, SourceError
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.facts.store import Facts
from ecr_cleaner.schema import stored
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar, SearchResult, search
from ecr_cleaner.usage.workers import Once

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

LISTED_FOR_A_FACT: Final = 25
"""Active revisions that are listed at most for each fact: a page has 100, so listing costs a quarter of asking."""


@stored
@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """What a task definition names.

    Attributes:
        images: Those of its containers, as written.
        texts: What its other texts name.
    """

    images: tuple[str, ...]
    texts: SearchResult


FACTS: Final = FactKind("task_definitions", "ecs", TaskDefinition)
"""By ARN."""


@dataclass(slots=True)
class TaskDefinitions:
    """Reads task definitions, each once; thread-safe.

    Attributes:
        clients: Of the scan target.
        facts: What earlier runs read.
        asks_family_first: Whether the newest active revision of each family is read in any case: then it is asked for
            before any other one of its family, for most services have that one, and it is described once for both.
    """

    clients: AwsClients
    facts: Facts[TaskDefinition] = field(default_factory=lambda: Facts(FACTS))
    asks_family_first: bool = False
    _read: Once[str, TaskDefinition | None] = field(default_factory=Once)
    _newest: Once[str, TaskDefinition | None] = field(default_factory=Once)
    _active: Once[str, Mapping[str, tuple[str, ...]]] = field(default_factory=Once)

    def read(self, name: str, *, is_held: bool = False) -> TaskDefinition | None:
        """What a task definition names.

        Args:
            name: ARN, ``family:revision``, or a family, which means its newest active revision.
            is_held: Whether it exists because of what names it: ECS deletes none that a service or task has. Else what
                is known counts only of one that is listed as active.

        Returns:
            None if the task definition is proven not to exist any more, so that nothing can be
            started from it.

        Raises:
            SourceError: ECS refuses to describe it, yet lists it.
            AwsError: A call failed.
        """
        return self._read.get(name, partial(self._find, name, is_held=is_held))

    def _find(self, name: str, *, is_held: bool) -> TaskDefinition | None:
        return self._known(name, is_held=is_held) or self._as_newest(name) or self._described(name)

    def _arn(self, name: str) -> str:
        """The ARN of a revision in this account and region; the name itself if it is an ARN already."""
        target, resource = self.clients.target, name.rpartition("/")[2]
        own = f"arn:{self.clients.partition}:ecs:{target.region}:{target.account_id}:task-definition/{resource}"
        return name if name.startswith("arn:") else own

    def _as_newest(self, name: str) -> TaskDefinition | None:
        """What a revision names if it turns out to be the newest active one of its family, or a family; else None."""
        family, _, revision = name.rpartition("/")[2].partition(":")
        if not (self.asks_family_first and self._arn(name) == self._arn(name.rpartition("/")[2])):
            return None
        newest = self._newest.get(family, partial(self._describe_newest, family))
        return self._read.known(self._arn(name)) if revision else newest

    def _describe_newest(self, family: str) -> TaskDefinition | None:
        found = self._describe(family)
        # If not, whoever asked asks for its own one, and proves what that means.
        return found if isinstance(found, TaskDefinition) else None

    def _known(self, name: str, *, is_held: bool) -> TaskDefinition | None:
        """What is known of a revision that exists; None if it has to be asked for."""
        resource = name.rpartition("/")[2]
        family, _, revision = resource.partition(":")
        active = self._listed().get(family, ())
        if not revision:
            newest = next(iter(active), None)
            return None if newest is None else self._read.known(newest) or self.facts.known(newest)
        arn = self._arn(name)
        # What was described in this scan exists.
        return self._read.known(arn) or (self.facts.known(arn) if is_held or arn in active else None)

    def _listed(self) -> Mapping[str, tuple[str, ...]]:
        """The ARNs of active revisions by family, the newest first, as far as listing them takes fewer calls.

        Where not all are listed, the oldest ones of one family are missing, and all of the families that follow.
        """
        return self._active.get("", self._list)

    def _list(self) -> Mapping[str, tuple[str, ...]]:
        listed = responses.paged(
            self.clients.client("ecs"),
            "ListTaskDefinitions",
            "taskDefinitionArns",
            status="ACTIVE",
            sort="DESC",
            maxResults=100,
        )
        try:
            found: dict[str, list[str]] = {}
            for family, arn in newest_first(islice(listed, LISTED_FOR_A_FACT * len(self.facts))):
                found.setdefault(family, []).append(arn)
        except (IncompleteAnswerError, SourceError, *errors.AwsError):
            return {}  # each one is asked for then, and whoever may not do that fails
        return {family: tuple(arns) for family, arns in found.items()}

    def _described(self, name: str) -> TaskDefinition | None:
        found = self._describe(name)
        if isinstance(found, TaskDefinition):
            return found
        # The code means "does not exist" and other things; only the listings distinguish these.
        if self._is_listed(name):
            message = f"task definition {name} is listed but cannot be described: {found}"
            raise SourceError(message)
        return None

    def _describe(self, name: str) -> TaskDefinition | str:
        """What ECS describes, or why it refuses to."""
        ecs = self.clients.client("ecs")
        try:
            answer = ecs.describe_task_definition(taskDefinition=name)
        except errors.AwsError as error:
            if errors.code_of(error) != _UNKNOWN:
                raise
            return str(error)
        containers = responses.member(answer, "taskDefinition.containerDefinitions", "DescribeTaskDefinition")
        images = tuple(responses.member(container, "image", "DescribeTaskDefinition") for container in containers)
        output = ecs.meta.service_model.operation_model(TEXTS.operation).output_shape
        ((grammar, value),) = TEXTS.parts(answer["taskDefinition"], output)
        definition = TaskDefinition(images, search(value, grammar))
        self._remember(answer["taskDefinition"], definition)
        return definition

    def _remember(self, described: dict[str, Any], definition: TaskDefinition) -> None:
        arn = described.get("taskDefinitionArn")
        if arn is not None:
            self._read.keep(arn, definition)
            self.facts.learn(arn, definition)

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


def newest_first(arns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The ARNs of revisions, each after its family, checked to come newest first: only then may the rest be left out.

    Raises:
        SourceError: Those of a family come in another order.
    """
    last: dict[str, int] = {}
    for arn in arns:
        family, _, revision = arn.rpartition("/")[2].rpartition(":")
        if family in last and int(revision) >= last[family]:
            message = (
                f"ListTaskDefinitions gave revision {revision} of {family} after {last[family]}, not the newest first"
            )
            raise SourceError(message)
        last[family] = int(revision)
        yield family, arn
