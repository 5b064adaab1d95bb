"""What ECS deploys in revisions: services and daemons, whose operations and members differ by that word.

A deployment in progress may end with what it deploys, or go back to what it replaces.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, searched, searches
from ecr_cleaner.usage.responses import Missing, described, in_batches, last_of, listed_again
from ecr_cleaner.usage.source import RequiredField, SourceContext, usages_of
from ecr_cleaner.usage.sources.ecs.known import Revision, ServiceFacts
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

_SUCCESSFUL: Final = "SUCCESSFUL"
_ENDED: Final = frozenset({_SUCCESSFUL, "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
_ROLLBACK_DEPTH: Final = 2
"""Successful deployments before the current one whose revisions are protected as rollback targets."""


def of_every_cluster(context: SourceContext, read: Callable[[SourceContext, str], Iterator[Usage]]) -> Iterator[Usage]:
    """What `read` yields of each cluster; nothing of a cluster that is deleted meanwhile.

    Args:
        context: What the source reads from.
        read: Yields the usages of the cluster with an ARN.
    """
    clusters = partial(context.paged, "ecs", "ListClusters", "clusterArns", maxResults=100)
    return of_each(context, clusters, read)


CLUSTER_FIELDS: Final = (RequiredField("ecs", "ListClusters", "clusterArns[]"),)
"""What `of_every_cluster` reads."""


def revisions_texts(word: str) -> FreeText:
    """How the texts of a revision are searched.

    Args:
        word: ``Service`` or ``Daemon``.
    """
    images = ("containerImages[].image", "containerImages[].imageDigest")
    return FreeText("ecs", f"Describe{word}Revisions", f"{word.lower()}Revisions[]", Grammar.VARIABLES, images=images)


class Deployed(NamedTuple):
    """The revisions of one service.

    Attributes:
        in_use: ARNs of the current ones, and of those of deployments under way.
        earlier: Of the last successful deployments before.
        have_ended: Whether no deployment is under way.
    """

    in_use: set[str]
    earlier: set[str]
    have_ended: bool


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of a service, or of a daemon.

    Attributes:
        ecs: The client.
        source: Name of the source.
        word: ``Service`` or ``Daemon``, as the operations have it.
        rollback_target: The revision of the member ``rollback`` of a deployment; None: it is not determined yet.
        definition_of: The task definition of a revision; empty: it has none.
        definition: The usages of a task definition, for a consumer.
        known: What is known already; None: nothing is, and nothing is remembered.
    """

    ecs: Any
    source: str
    word: str
    rollback_target: Callable[[dict[str, Any]], str | None]
    definition_of: Callable[[dict[str, Any]], str]
    definition: Callable[[str, str, UsageKind], Iterator[Usage]]
    known: ServiceFacts | None = None

    def deployed(self, current: set[str], deployments: dict[str, str] | None) -> Deployed:
        """The current revisions, those in progress, and those before them.

        Args:
            current: ARNs of the revisions that it runs.
            deployments: What its deployments are listed by; None: it has none.
        """
        if not deployments:
            return Deployed(current, set(), have_ended=False)
        in_progress, earlier, have_ended = self._deployed(current, deployments)
        return Deployed(current | in_progress, earlier - current, have_ended)

    def unknown(self, deployed: Deployed) -> list[str]:
        """ARNs of the revisions that have to be described."""
        wanted = sorted(deployed.in_use | deployed.earlier)
        return [arn for arn in wanted if not (self.known and self.known.revisions.known(arn))]

    def usages(
        self, consumer: str, deployed: Deployed, described_before: Mapping[str, Revision] = MappingProxyType({})
    ) -> Iterator[Usage]:
        """The usages of revisions.

        Args:
            consumer: As reports name it.
            deployed: Its revisions.
            described_before: What was described together with those of others.
        """
        unknown = self.unknown(deployed)
        wanted = sorted((deployed.in_use | deployed.earlier).difference(unknown))
        facts = {arn: known for arn in wanted if self.known and (known := self.known.revisions.known(arn))}
        found = {arn: described_before[arn] for arn in unknown if arn in described_before}
        asked = self.described([arn for arn in unknown if arn not in found])
        for arn, revision in chain(facts.items(), found.items(), asked):
            evidence = UsageKind.CONFIGURED if arn in deployed.in_use else UsageKind.ROLLBACK
            yield from self._usages(arn, revision, consumer, evidence)
            if self.known and deployed.have_ended and arn not in facts:
                self.known.learn(arn, revision)

    def described(self, wanted: Iterable[str], missing: Missing | None = None) -> Iterator[tuple[str, Revision]]:
        """What revisions name, each with its ARN.

        Args:
            wanted: ARNs, of whatever services.
            missing: Takes down what ECS does not find; None: that is an error.
        """
        describing, member = f"Describe{self.word}Revisions", self._member("RevisionArn")
        for some in in_batches(wanted, 20):
            answer = responses.called(self.ecs, describing, **{f"{member}s": some})
            for revision in described(answer, describing, self._member("Revisions"), some, missing):
                # Absent as long as ECS could not resolve anything, e.g. before the first task.
                containers = revision.get("containerImages", ())
                images = [
                    (responses.member(one, "image", describing), one.get("imageDigest") or "") for one in containers
                ]
                texts = searches(revisions_texts(self.word), revision, self.ecs)
                arn = responses.member(revision, member, describing)
                yield arn, Revision(tuple(images), texts, self.definition_of(revision))

    def _usages(self, arn: str, revision: Revision, consumer: str, evidence: UsageKind) -> Iterator[Usage]:
        named = f"{consumer}, {self.word.lower()} revision {arn.rpartition('/')[2]}"
        for image, digest in revision.images:
            yield from usages_of(image, source=self.source, consumer=named, digest=digest or None, evidence=evidence)
        for found in revision.texts:
            yield from searched(found, like(self.source, named, evidence))
        if revision.definition:
            yield from self.definition(revision.definition, named, evidence)

    def _deployed(self, current: set[str], listed_by: dict[str, str]) -> tuple[set[str], set[str], bool]:
        """Revisions of the deployments in progress; of the last successful ones before; whether all have ended."""
        if self.known and (known := self.known.earlier()) is not None:
            return set(), known, True
        listing, describing = f"List{self.word}Deployments", f"Describe{self.word}Deployments"
        items, arn = self._member("Deployments"), self._member("DeploymentArn")
        asked = {"maxResults": 100, **listed_by}
        deployments = sorted(
            responses.paged(self.ecs, listing, items, **asked),
            key=lambda deployment: responses.member(deployment, "createdAt", listing),
            reverse=True,
        )
        by_status = [(responses.member(deployment, "status", listing), deployment) for deployment in deployments]
        targets = [
            (responses.member(deployment, f"target{self.word}RevisionArn", listing), deployment["createdAt"])
            for status, deployment in by_status
            if status == _SUCCESSFUL
        ]
        started = [
            responses.member(deployment, arn, listing) for status, deployment in by_status if status not in _ENDED
        ]
        in_progress: set[str] = set()
        again = partial(responses.paged, self.ecs, listing, items, **asked)
        with listed_again(lambda: (last_of(responses.member(one, arn, listing)) for one in again())) as missing:
            for some in in_batches(started, 20):
                answer = responses.called(self.ecs, describing, **{f"{arn}s": some})
                for deployment in described(answer, describing, items, some, missing):
                    in_progress.update(self._of_deployment(deployment, describing))
        earlier = [(target, at) for target, at in targets if target not in current][:_ROLLBACK_DEPTH]
        if self.known and not started:
            self.known.learn_earlier(earlier)
        return in_progress, {target for target, _ in earlier} - in_progress, not started

    def _of_deployment(self, deployment: dict[str, Any], operation: str) -> Iterator[str]:
        """What a deployment in progress replaces, deploys, and rolls back to; each is absent in some stages."""
        target = deployment.get(f"target{self.word}Revision")
        for revision in [*deployment.get(f"source{self.word}Revisions", ()), *([] if target is None else [target])]:
            yield responses.member(revision, "arn", operation)
        if "rollback" in deployment and (arn := self.rollback_target(deployment["rollback"])):
            yield arn

    def _member(self, ending: str) -> str:
        return f"{self.word.lower()}{ending}"
