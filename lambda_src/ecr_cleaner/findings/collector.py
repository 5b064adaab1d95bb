"""Looks for what a person should know and nothing depends on: reads ECR for findings, never at a run's expense.

A call that fails here is a finding itself, and after a few of them none is made any more. None is made either when time
gets short, and none is repeated before everything is removed: what removal needs comes first.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.decision import matching
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.findings import lifecycle_policy, rules
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.image import Image, RemovedImage
from ecr_cleaner.model.repository import Repository, RepositorySnapshot, SkipReason
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.registry import config, pull_access
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.registry.repositories import RegistryListing
from ecr_cleaner.settings.loader import Settings

SPARE_SECONDS: Final = 300.0
"""With less than this left before removal no call is made for a finding: a third of what Lambda gives a run."""

SPARE_SECONDS_AT_THE_END: Final = 150.0
"""When everything else is done: enough for the call that is under way and for the report."""

MAX_FAILURES: Final = 3
"""So many calls may fail, each within half a minute; then there is something wrong that a run need not wait for."""

NOTHING_THERE: Final = frozenset({"LifecyclePolicyNotFoundException", "RepositoryNotFoundException"})
"""Answers as good as any: there is no policy, or by now no repository."""

UNASKED: Final = "nothing is old, so nobody was asked who uses images: findings on usages are missing"

NO_TIME: Final = (
    "time is short: what lifecycle policies, policies and other repositories hold was not looked at any more"
)

FAILING: Final = f"{MAX_FAILURES} calls have failed: no more were made for findings"

_T = TypeVar("_T")


@dataclass(slots=True)
class FindingsCollector:
    """The findings of one run, made as the run comes to know things.

    Attributes:
        clients: Of the account and region.
        settings: What the run is told.
        seconds_left: Until the run is cut off.
        restore: The command that brings an image back, with ``{}`` for its name.
        images: Lists the images of a repository.
    """

    clients: AwsClients
    settings: Settings
    seconds_left: Callable[[], float]
    restore: str = rules.RESTORE
    images: Callable[..., Iterable[Image]] = registry_images.images
    _new: list[Finding] = field(init=False, default_factory=list)
    _named: dict[str | None, tuple[Usage, ...]] | None = None
    _digests: frozenset[str] = frozenset()
    _facts: RegistryFacts | None = None
    _looked_at: set[str] = field(default_factory=set)
    _failures: int = 0
    _out_of_time: bool = False
    _spare_seconds: float = SPARE_SECONDS

    def listed(self, survey: RegistryListing) -> list[Finding]:
        """What the tags and policies of all repositories say."""
        self._facts = survey.facts
        for name, told in survey.left_alone:
            if told.status is RepositoryStatus.MISCONFIGURED:
                self._add(FindingKind.MISCONFIGURED_TAG, Severity.PROBLEM, name, told.detail)
            elif told.setting.startswith(f"{SkipReason.OTHER_ACCOUNTS.value}:"):
                self._add(FindingKind.OPEN_TO_OTHER_ACCOUNTS, Severity.WARNING, name, told.detail)
        for name, problem in survey.near_misses:
            self._add(FindingKind.MISCONFIGURED_TAG, Severity.WARNING, name, problem)
        for repository in survey.repositories:
            for problem in (*repository.notes, *repository.misspelled):
                self._add(FindingKind.MISCONFIGURED_TAG, Severity.WARNING, repository.name, problem)
        if survey.facts.foreign_pullers:
            detail = f"the registry's policy lets {', '.join(survey.facts.foreign_pullers)} pull from every repository"
            accepted = f"{SkipReason.OTHER_ACCOUNTS.value}:*" in self.settings.accepted_gaps
            severity = Severity.INFO if accepted else Severity.WARNING
            self._add(FindingKind.OPEN_TO_OTHER_ACCOUNTS, severity, rules.REGISTRY, detail)
        return self._take()

    def scanned(self, usages: Iterable[Usage]) -> None:
        """Who uses what; those of this registry."""
        usages = tuple(usages)
        self._named = matching.by_repository(usages)
        self._digests = frozenset(usage.reference.digest for usage in usages if usage.reference.digest)

    def repository(
        self,
        repository: Repository,
        contents: RepositorySnapshot,
        now: datetime,
        gone: Mapping[str, RemovedImage],
        *,
        read: bool,
    ) -> list[Finding]:
        """What lies in a repository that is judged. The second look at it is none of ours.

        Args:
            repository: The one.
            contents: All of it.
            now: The moment of the judgement.
            gone: What earlier runs removed from it, by digest.
            read: Whether it is known what its indexes list.
        """
        if repository.name in self._looked_at:
            return []
        self._contents(repository.name, contents, now, gone, read=read)
        gap = registry_images.accepting(self.settings, SkipReason.OTHER_ACCOUNTS, repository.name)
        if gap is not None:
            self._new += self._ask(repository.name, lambda: self._pullers(repository.name, gap)) or ()
        return self._take()

    def _contents(
        self, name: str, contents: RepositorySnapshot, now: datetime, gone: Mapping[str, RemovedImage], *, read: bool
    ) -> None:
        self._looked_at.add(name)
        self._new += rules.orphans(contents, self._digests)
        if self._named is None:
            return
        resolved = matching.resolve(contents.images, self._named.get(name, ()), self._named.get(None, ()))
        # What is missing from a pull-through cache is fetched when somebody pulls it.
        if self._facts is None or self._facts.cached_under(name) is None:
            self._new += rules.dangling(name, resolved, gone, self.restore)
        self._new += rules.archived_in_use(contents.images, resolved.used, gone, self.restore)
        if resolved.used:
            self._new += self._ask(name, lambda: self._lifecycle(name, contents, resolved, now, read=read)) or ()

    def _lifecycle(
        self, name: str, contents: RepositorySnapshot, resolved: matching.Resolved, now: datetime, *, read: bool
    ) -> Iterator[Finding]:
        answer = self.clients.client_without_retries("ecr").get_lifecycle_policy(repositoryName=name)
        policy = lifecycle_policy.read(str(responses.member(answer, "lifecyclePolicyText", "GetLifecyclePolicy")))
        return rules.lifecycle(contents, resolved.used, policy, now, read=read)

    def _pullers(self, name: str, gap: str) -> Iterator[Finding]:
        """What a person accepted by a glob is worth a word for each repository that it fits."""
        ecr = self.clients.client_without_retries("ecr")
        policy = config.policy_text(ecr, "GetRepositoryPolicy", repositoryName=name)
        if policy is None or self._facts is None:
            return
        pullers = pull_access.foreign_pullers(policy, self._facts.account, f"the policy of {name}")
        if pullers:
            detail = f"its policy lets {', '.join(pullers)} pull, which accepted_gaps accepts by {gap}"
            yield Finding(FindingKind.OPEN_TO_OTHER_ACCOUNTS, Severity.INFO, name, detail)

    def end(self, survey: RegistryListing, now: datetime, only: frozenset[str] | None) -> list[Finding]:
        """What can only be said when everything else is done: of the repositories that nobody looked at, and of none.

        Args:
            survey: Of all repositories.
            now: The moment of the run.
            only: The repositories that the run was confined to; None means all of them.
        """
        self._spare_seconds = SPARE_SECONDS_AT_THE_END
        if self._named is None:
            self._new.append(rules.not_determined(rules.REGISTRY, UNASKED))
        else:
            named: dict[str | None, tuple[Usage, ...]] = {
                name: usages
                for name, usages in self._named.items()
                if name and survey.facts.cached_under(name) is None and (only is None or name in only)
            }
            self._new += rules.dangling_repositories(named, survey.names)
        if only is None:
            others = sorted(survey.names - self._looked_at)
            unmanaged = [name for name in others if name not in survey.opted_in]
            report_all = self.settings.report_unmanaged_repositories
            self._survey(others, unmanaged, now) if report_all else self._count(unmanaged)
        return self._take()

    def _count(self, unmanaged: Collection[str]) -> None:
        if unmanaged:
            detail = (
                f"{len(unmanaged)} repositories did not opt in;"
                " what they hold is told with report_unmanaged_repositories = true"
            )
            self._add(FindingKind.UNMANAGED_STORAGE, Severity.INFO, rules.REGISTRY, detail)

    def _survey(self, others: Iterable[str], unmanaged: Collection[str], now: datetime) -> None:
        sizes: dict[str, tuple[int, int]] = {}
        for name in others:
            images = self._ask(name, lambda name=name: self.images(self.clients, name))  # type: ignore[misc]
            if images is None:
                continue
            self._contents(name, RepositorySnapshot(images), now, {}, read=False)
            if name in unmanaged:
                sizes[name] = (len(images), sum(image.size_bytes for image in images if not image.is_index))
                self._new.append(rules.unmanaged(name, *sizes[name]))
        if sizes:
            self._new.append(rules.unmanaged_total(sizes))

    def _take(self) -> list[Finding]:
        """What is new since the last time."""
        new, self._new = self._new, []
        return new

    def _add(self, kind: FindingKind, severity: Severity, subject: str, detail: str) -> None:
        self._new.append(Finding(kind, severity, subject, detail))

    def _ask(self, name: str, look: Callable[[], Iterable[_T]]) -> tuple[_T, ...] | None:
        """Look, if there is time for it.

        Returns:
            What was found; None if it is not known.
        """
        if self._failures >= MAX_FAILURES:
            return None
        if self.seconds_left() < self._spare_seconds:
            self._stop()
            return None
        try:
            return tuple(look())
        except OutOfTimeError:
            self._stop()
        except (CleanerError, *errors.AwsError) as error:
            if errors.code_of(error) not in NOTHING_THERE:
                self._failed(name, error)
        return None

    def _stop(self) -> None:
        if not self._out_of_time:
            self._out_of_time = True
            self._new.append(rules.not_determined(rules.REGISTRY, NO_TIME))

    def _failed(self, name: str, error: Exception) -> None:
        self._failures += 1
        self._new.append(rules.not_determined(name, errors.sentence(error)))
        if self._failures == MAX_FAILURES:
            self._new.append(rules.not_determined(rules.REGISTRY, FAILING))
