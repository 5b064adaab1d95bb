"""CodeDeploy: revisions that are deployed, were deployed before, or are being deployed: the ends of a rollback.

A revision of ECS names a task definition. One of Lambda names versions of a function, which the source ``lambda``
protects. One that lies in S3 or GitHub cannot be read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.each import each, of_each
from ecr_cleaner.usage.responses import Missing, in_batches, listed_again
from ecr_cleaner.usage.scheduled import usages_named
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.texts.named import named_in

_NAME: Final = "codedeploy"
_GROUP: Final = "BatchGetDeploymentGroups"
_GROUPS_A_CALL: Final = 100
_DEPLOYMENTS_A_CALL: Final = 25

_UNENDED: Final = ("Created", "Queued", "InProgress", "Baking", "Ready")
_LAST: Final = ("lastSuccessfulDeployment", "lastAttemptedDeployment")
_CONTENTS: Final = {"AppSpecContent": "appSpecContent", "String": "string"}


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that a deployment may return to, or is about to deploy.

    Yields:
        Usages of the kind ``rollback``.

    Raises:
        SourceError: CodeDeploy names a group, deployment or revision and does not describe it.
    """
    reading = _Reading(context, context.aws.client("codedeploy"))
    yield from reading.groups()
    yield from reading.under_way()


@dataclass(slots=True)
class _Reading:
    """Reads deployment groups and deployments, each revision once."""

    context: SourceContext
    client: Any
    read: set[str] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def groups(self) -> Iterator[Usage]:
        """The target revisions of all groups, and what their last deployments deployed."""
        deployments: dict[str, str] = {}
        with listed_again(lambda: map("/".join, self._names())) as missing:
            described = each(self.context, lambda _, some: self._described(*some, missing), self._batches())
            for application, group in described:
                key = f"{application}/{group['deploymentGroupName']}"
                deployments |= dict.fromkeys(_last(group), key)
                yield from missing.unless_gone(key, partial(self._target, application, key, group))
            yield from self._deployed(deployments, missing)

    def under_way(self) -> Iterator[Usage]:
        """What is being deployed, or waits for it."""
        listing = partial(
            self.context.listed, _NAME, "ListDeployments", "deployments", includeOnlyStatuses=list(_UNENDED)
        )
        with listed_again(listing) as missing:
            yield from self._deployed({number: number for number in listing() if number not in self.read}, missing)

    def _names(self) -> Iterator[tuple[str, str]]:
        """Application and name of every group."""
        applications = partial(self.context.listed, _NAME, "ListApplications", "applications")
        return of_each(self.context, applications, self._names_of)

    @staticmethod
    def _names_of(context: SourceContext, application: str) -> Iterator[tuple[str, str]]:
        for name in context.listed(_NAME, "ListDeploymentGroups", "deploymentGroups", applicationName=application):
            yield application, name

    def _batches(self) -> Iterator[tuple[str, list[str]]]:
        """Application and names of as many of its groups as are described at once."""
        for application, pairs in groupby(self._names(), key=itemgetter(0)):
            for names in in_batches((name for _, name in pairs), _GROUPS_A_CALL):
                yield application, names

    def _described(self, application: str, names: list[str], missing: Missing) -> list[tuple[str, dict[str, Any]]]:
        """Groups of one application; those that are left out are missing, all of them if the application is."""
        try:
            answer = self.client.batch_get_deployment_groups(applicationName=application, deploymentGroupNames=names)
        except errors.AwsError as error:
            if not errors.may_not_exist(error):
                raise
            missing.errors |= dict.fromkeys((f"{application}/{name}" for name in names), error)
            return []
        groups: list[dict[str, Any]] = responses.member(answer, "deploymentGroupsInfo", _GROUP)
        left_out = set(names) - {responses.member(group, "deploymentGroupName", _GROUP) for group in groups}
        missing.add((f"{application}/{name}" for name in left_out), _GROUP)
        return [(application, group) for group in groups]

    def _target(self, application: str, key: str, group: dict[str, Any]) -> Iterator[Usage]:
        return self.usages(application, group.get("targetRevision"), f"codedeploy group {key}, target revision", group)

    def _deployed(self, deployments: Mapping[str, str], missing: Missing) -> Iterator[Usage]:
        """What deployments deploy, and what was deployed before it.

        Args:
            deployments: Ids, each with what is listed and names it: a group, or the deployment itself.
            missing: Takes down what is not found.
        """
        operation = "BatchGetDeployments"
        for numbers in in_batches(deployments, _DEPLOYMENTS_A_CALL):
            self.read.update(numbers)
            found = responses.member(
                self.client.batch_get_deployments(deploymentIds=numbers), "deploymentsInfo", operation
            )
            left_out = set(numbers) - {responses.member(one, "deploymentId", operation) for one in found}
            missing.add((deployments[number] for number in left_out), operation)
            for one in found:
                key = deployments[one["deploymentId"]]
                yield from missing.unless_gone(key, partial(self._of_deployment, key, one))

    def _of_deployment(self, key: str, deployment: dict[str, Any]) -> Iterator[Usage]:
        number = deployment["deploymentId"]
        namer = f"codedeploy deployment {number}" if key == number else f"codedeploy group {key}, deployment {number}"
        application = responses.member(deployment, "applicationName", "BatchGetDeployments")
        for member in ("revision", "previousRevision"):  # the latter absent at the first deployment
            yield from self.usages(application, deployment.get(member), namer, deployment)

    def usages(
        self, application: str, revision: Mapping[str, Any] | None, namer: str, deployed: Mapping[str, Any]
    ) -> Iterator[Usage]:
        """The usages of one revision; each revision counts once, under the first name that has it."""
        if revision is None:
            return
        member = _CONTENTS.get(str(revision.get("revisionType")))
        if member is None:
            self._note(revision, namer, deployed)
            return
        content = self._content(application, dict(revision), member, namer)
        if (application, content) not in self.seen:
            self.seen.add((application, content))
            arn = self.context.arn("codedeploy", f"application:{application}")
            found, evidence = named_in(content), UsageKind.ROLLBACK
            yield from usages_named(self.context, found, source=_NAME, namer=namer, evidence=evidence, consumer_arn=arn)

    def _content(self, application: str, revision: dict[str, Any], member: str, namer: str) -> str:
        """The text of a revision; CodeDeploy may tell only its checksum, and then tells the text if asked."""
        content = revision.get(member, {}).get("content")
        if content is None:
            answer = self.client.get_application_revision(applicationName=application, revision=revision)
            content = responses.member(answer, "revision", "GetApplicationRevision").get(member, {}).get("content")
        if content is None:
            message = f"CodeDeploy does not tell the revision of {namer}"
            raise SourceError(message)
        return str(content)

    def _note(self, revision: Mapping[str, Any], namer: str, deployed: Mapping[str, Any]) -> None:
        """Tell that a revision cannot be read, if it may name a task definition."""
        if deployed.get("computePlatform") == "ECS":
            self.context.notes.append(
                f"the revision of {namer} lies in {revision.get('revisionType', 'an unknown place')} and is not read:"
                " only what its ECS service runs is protected"
            )


def _last(group: dict[str, Any]) -> list[str]:
    """The last deployments of a group; none before the first."""
    return [responses.member(group[last], "deploymentId", _GROUP) for last in _LAST if last in group]


SOURCES: Final = (
    Source(
        name=_NAME,
        title="CodeDeploy deployment groups",
        protects="Images and task definitions that a revision names (an AppSpec file as text): the target revision of a"
        " group, that of its last successful and its last attempted deployment and of deployments under way, and"
        " the one deployed before each, so that a rollback finds its images",
        service="codedeploy",
        grants=(
            Grant("ListCodeDeploy", ("codedeploy:ListApplications", "codedeploy:ListDeployments")),
            Grant(
                "ReadCodeDeployApplications",
                ("codedeploy:GetApplicationRevision", "codedeploy:ListDeploymentGroups"),
                arn_of("codedeploy", "application:*"),
            ),
            Grant(
                "ReadCodeDeployGroups",
                ("codedeploy:BatchGetDeploymentGroups", "codedeploy:BatchGetDeployments"),
                arn_of("codedeploy", "deploymentgroup:*"),
            ),
            Grant("ReadTaskDefinitionsOfCodeDeploy", task_definitions.PERMISSIONS),
        ),
        fields=(
            *(
                RequiredField("codedeploy", _GROUP, f"deploymentGroupsInfo[].{path}")
                for path in (
                    "deploymentGroupName",
                    *(f"{last}.deploymentId" for last in _LAST),
                    *(f"targetRevision.{member}.content" for member in _CONTENTS.values()),
                )
            ),
            *(
                RequiredField("codedeploy", "BatchGetDeployments", f"deploymentsInfo[].{revision}.{member}.content")
                for revision in ("revision", "previousRevision")
                for member in _CONTENTS.values()
            ),
            RequiredField("codedeploy", "GetApplicationRevision", "revision.appSpecContent.content"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(task_definitions.TEXTS,),
        proof="model",
    ),
)
