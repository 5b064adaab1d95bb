"""Collects the findings of a run. Some need calls of ECR, which must not cost the run anything.

A call that fails is itself a finding, and after a few of them no more are made. None is made when time is short, and
none is repeated before the removals: these come first.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.decision import coverage, matching, wide_usages
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.findings import gaps, lifecycle_policy, rules
from ecr_cleaner.findings.wide_usages import WideUsages
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.image import Image, RemovedImage
from ecr_cleaner.model.pull_access import lets_pull
from ecr_cleaner.model.repository import Repository, RepositorySnapshot, SkipReason
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryStatus
from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.registry import config, pull_times
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.registry.pull_access import RegistryFacts, pull_scopes
from ecr_cleaner.registry.repositories import RegistryListing
from ecr_cleaner.settings.loader import Settings

SPARE_SECONDS: Final = 300.0
"""With less time left before the removals no call is made for a finding: a third of a run's time limit."""

SPARE_SECONDS_AT_THE_END: Final = 150.0
"""The same after the removals: enough for the call in progress and for the report."""

MAX_FAILURES: Final = 3
"""Failed calls after which no more are made: each may take half a minute."""

NOTHING_THERE: Final = frozenset({"LifecyclePolicyNotFoundException", "RepositoryNotFoundException"})
"""Codes that are not failures: there is no policy, or the repository was deleted."""

UNASKED: Final = "no image is old, so no source was called: findings on usages are missing"

NO_TIME: Final = "time is short: lifecycle policies, repository policies and other repositories were not read any more"

FAILING: Final = f"{MAX_FAILURES} calls failed: no more were made for findings"

_T = TypeVar("_T")


@dataclass(slots=True)
class FindingsCollector:
    """The findings of one run, collected at its stages. Those on a repository may be asked for by several threads.

    Attributes:
        clients: Of the account and region.
        settings: Of the run.
        seconds_left: Until the run is ended.
        restore: The command that restores an image, with ``{}`` for its name.
        images: Lists the images of a repository.
        wide: The usages that cover more than an image.
    """

    clients: AwsClients
    settings: Settings
    seconds_left: Callable[[], float]
    restore: str
    images: Callable[..., Iterable[Image]] = registry_images.images
    wide: WideUsages = field(default_factory=WideUsages)
    _new: list[Finding] = field(init=False, default_factory=list)
    _named: dict[str | None, tuple[Usage, ...]] | None = None
    _digests: frozenset[str] = frozenset()
    _facts: RegistryFacts | None = None
    _scan: UsageScan | None = None
    _is_shared: bool = False  # whether others may pull from a repository that was evaluated
    _looked_at: set[str] = field(default_factory=set)
    _not_open: set[str] = field(default_factory=set)
    _failures: int = 0
    _spare_seconds: float = SPARE_SECONDS

    def listed(self, listing: RegistryListing) -> list[Finding]:
        """Findings on the tags of all repositories."""
        self._facts = listing.facts
        for name, outcome in listing.left_alone:
            if outcome.status is RepositoryStatus.MISCONFIGURED:
                self._add(FindingKind.MISCONFIGURED_TAG, Severity.PROBLEM, name, outcome.detail)
        for name, problem in listing.near_misses:
            self._add(FindingKind.MISCONFIGURED_TAG, Severity.WARNING, name, problem)
        for repository in listing.repositories:
            for problem in (*repository.notes, *repository.misspelled):
                self._add(FindingKind.MISCONFIGURED_TAG, Severity.WARNING, repository.name, problem)
        return self._take()

    def uncovered(self, skipped: Mapping[str, RepositoryOutcome], scan: UsageScan) -> list[Finding]:
        """Findings on who may pull and was not looked at; on the registry's policy also where that is accepted.

        Args:
            skipped: The repositories that are skipped because of that, by name.
            scan: The latest one.
        """
        for name, outcome in skipped.items():
            self._add(FindingKind.OPEN_TO_OTHER_ACCOUNTS, Severity.WARNING, name, outcome.detail)
        scopes = self._facts.pull_scopes if self._facts else ()
        if unseen := coverage.unseen(scopes, scan):
            accepted = f"{SkipReason.OTHER_ACCOUNTS.value}:*" in self.settings.accepted_gaps
            severity = Severity.INFO if accepted else Severity.WARNING
            detail = f"the registry's policy lets {lets_pull(unseen, 'from every repository')}"
            self._add(FindingKind.OPEN_TO_OTHER_ACCOUNTS, severity, rules.REGISTRY, detail)
        return self._take()

    def scanned(self, usages: Iterable[Usage], scan: UsageScan | None = None) -> None:
        """Take the usages of this registry, and how its sources ended."""
        self._scan = scan
        usages = tuple(usages)
        self._named = matching.by_repository(usages)
        self.wide = WideUsages(wide_usages.by_consumer(usages))
        self._digests = frozenset(usage.reference.digest for usage in usages if usage.reference.digest)

    def has_seen(self, name: str) -> bool:
        """Whether there are findings on the images of a repository already."""
        return name in self._looked_at

    def repository(
        self,
        repository: Repository,
        contents: RepositorySnapshot,
        now: datetime,
        gone: Mapping[str, RemovedImage],
        *,
        read: bool,
    ) -> list[Finding]:
        """Findings on the images of a repository that is evaluated; none when it is evaluated again.

        Args:
            repository: The one.
            contents: All of it.
            now: The moment of the judgement.
            gone: What earlier runs removed from it, by digest.
            read: Whether it is known what its indexes list.
        """
        name = repository.name
        if self.has_seen(name):
            return []
        found = list(self._contents(name, contents, now, gone, read=read))
        if repository.pull_scopes:
            self._is_shared = True
        gap = registry_images.accepting(self.settings, SkipReason.OTHER_ACCOUNTS, name)
        if gap is not None:
            open_to, problems = self._ask(name, lambda: self._pullers(name, gap))
            found += [*(open_to or ()), *problems]
            if open_to == ():
                self._not_open.add(name)
        return found

    def _contents(
        self, name: str, contents: RepositorySnapshot, now: datetime, gone: Mapping[str, RemovedImage], *, read: bool
    ) -> Iterator[Finding]:
        self._looked_at.add(name)
        yield from rules.orphans(contents, self._digests)
        if self._named is None:
            return
        resolved = matching.resolve(contents.images, self._named.get(name, ()), self._named.get(None, ()))
        # A pull-through cache fetches missing images at a pull.
        if self._facts is None or self._facts.cached_under(name) is None:
            yield from rules.dangling(name, resolved, gone, self.restore)
        yield from rules.archived_in_use(contents.images, resolved.used, gone, self.restore)
        if resolved.used:
            on_policy, problems = self._ask(name, lambda: self._lifecycle(name, contents, resolved, now, read=read))
            yield from (*(on_policy or ()), *problems)

    def _lifecycle(
        self, name: str, contents: RepositorySnapshot, resolved: matching.Resolved, now: datetime, *, read: bool
    ) -> Iterator[Finding]:
        answer = self.clients.client_without_retries("ecr").get_lifecycle_policy(repositoryName=name)
        policy = lifecycle_policy.read(str(responses.member(answer, "lifecyclePolicyText", "GetLifecyclePolicy")))
        return rules.lifecycle(contents, resolved.used, policy, now, read=read)

    def _pullers(self, name: str, gap: str) -> Iterator[Finding]:
        """A finding for each repository that an entry of ``accepted_gaps`` includes by a glob."""
        ecr = self.clients.client_without_retries("ecr")
        policy = config.policy_text(ecr, "GetRepositoryPolicy", repositoryName=name)
        if policy is None or self._facts is None:
            return
        pullers = pull_scopes(policy, self._facts.account, f"the policy of {name}")
        if pullers:
            detail = f"accepted_gaps accepts by {gap} that its policy lets {lets_pull(pullers)}"
            yield Finding(FindingKind.OPEN_TO_OTHER_ACCOUNTS, Severity.INFO, name, detail)

    def _own_pulls(self) -> Iterator[Finding]:
        """A finding if the run's own reading of indexes counts as pulls, which keep what others may pull."""
        principal = pull_times.recorded_principal(self.clients)
        if principal is not None:
            yield rules.own_pulls_recorded(principal)

    def end(self, listing: RegistryListing, now: datetime, only: frozenset[str] | None) -> list[Finding]:
        """Findings that need the whole run: on repositories that were not evaluated, and on those that do not exist.

        Args:
            listing: Of all repositories.
            now: The moment of the run.
            only: The repositories that the run was confined to; None means all of them.
        """
        self._spare_seconds = SPARE_SECONDS_AT_THE_END
        if self._is_shared:
            own, problems = self._ask(rules.REGISTRY, self._own_pulls)
            self._new += [*(own or ()), *problems]
        if self._named is None:
            self._new.append(rules.not_determined(rules.REGISTRY, UNASKED))
        else:
            named: dict[str | None, tuple[Usage, ...]] = {
                name: usages
                for name, usages in self._named.items()
                if name and listing.facts.cached_under(name) is None and (only is None or name in only)
            }
            self._new += rules.dangling_repositories(named, listing.names)
            self._new += self.wide.findings()
        if only is None:
            may_be_open = listing.opted_in if listing.facts.pull_scopes else listing.opted_in - self._not_open
            accepted = self.settings.accepted_gaps
            self._new += gaps.unused(accepted, listing.facts, listing.opted_in, may_be_open, self._scan)
            others = sorted(listing.names - self._looked_at)
            unmanaged = [name for name in others if name not in listing.opted_in]
            if self.settings.report_unmanaged_repositories:
                self._report_unmanaged(others, unmanaged, now)
            elif unmanaged:
                what = f"{len(unmanaged)} repositories did not opt in"
                detail = f"{what}; report_unmanaged_repositories = true reports their images"
                self._add(FindingKind.UNMANAGED_STORAGE, Severity.INFO, rules.REGISTRY, detail)
        return self._take()

    def _report_unmanaged(self, others: Iterable[str], unmanaged: Collection[str], now: datetime) -> None:
        sizes: dict[str, tuple[int, int]] = {}
        for name in others:
            images, problems = self._ask(name, partial(self.images, self.clients, name))
            self._new += problems
            if images is None:
                continue
            self._new += self._contents(name, RepositorySnapshot(images), now, {}, read=False)
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

    def _ask(self, name: str, look: Callable[[], Iterable[_T]]) -> tuple[tuple[_T, ...] | None, list[Finding]]:
        """Look, if there is time for it.

        Returns:
            What was found, None if it is not known; and a finding on why it is not.
        """
        if self._failures >= MAX_FAILURES:
            return None, []
        # Perhaps not for the first time: `rules.ordered` leaves doubles out.
        no_time = [rules.not_determined(rules.REGISTRY, NO_TIME)]
        if self.seconds_left() < self._spare_seconds:
            return None, no_time
        try:
            return tuple(look()), []
        except OutOfTimeError:
            return None, no_time
        except (CleanerError, *errors.AwsError) as error:
            if errors.code_of(error) in NOTHING_THERE:
                return None, []
            self._failures += 1
            problems = [rules.not_determined(name, errors.sentence(error))]
            if self._failures >= MAX_FAILURES:
                problems.append(rules.not_determined(rules.REGISTRY, FAILING))
            return None, problems
