"""What a run makes of one repository: read, remember, evaluate. What was seen counts even where reading fails later."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from ecr_cleaner.approval.policy import ApprovedPlan
from ecr_cleaner.decision import grace, graph, rules, wide_usages
from ecr_cleaner.decision.pull_failures import PullFailureMonitor
from ecr_cleaner.decision.usage_index import UsageIndex
from ecr_cleaner.decision.wide_usages import KeptAlone
from ecr_cleaner.findings import retention
from ecr_cleaner.findings import rules as finding_rules
from ecr_cleaner.findings.collector import FindingsCollector
from ecr_cleaner.history import index_lists, unneeded, uses
from ecr_cleaner.history import model as past
from ecr_cleaner.history.model import History
from ecr_cleaner.model.finding import Finding
from ecr_cleaner.model.image import Image, RemovedImage
from ecr_cleaner.model.plan import RepositoryPlan, RetainedImage
from ecr_cleaner.model.repository import Repository, RepositorySnapshot, Retention
from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.run.context import RunContext
from ecr_cleaner.run.side_by_side import Attempt, ImageMemoryLimit, attempted
from ecr_cleaner.run.verdicts import Verdicts

IS_EVALUATING: Final = ContextVar("is_evaluating", default=False)
"""Whether this thread evaluates a repository, which may end at any call, and does not remove from one."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What evaluations rest on.

    Attributes:
        scan: The latest one.
        usages: Those of this registry.
        is_believed: Whether what the scan does not show is not in use: no source failed, and no drop waits for
            confirmation.
        pull_failures: The consumers that did not get their image.
        collector: Reads what is for findings alone.
        approved: The plan that an operator sent; None: nobody sent one.
    """

    scan: UsageScan
    usages: UsageIndex
    is_believed: bool
    pull_failures: PullFailureMonitor
    collector: FindingsCollector
    approved: ApprovedPlan | None


@dataclass(slots=True)
class Evaluation:
    """What was found of one repository; what was found on the way to its verdicts holds even if a later step fails.

    Attributes:
        repository: The one.
        plan: Every verdict, if it came so far.
        failing: One sentence for each consumer that fails because of an image removed from it; None if its images
            could not be listed.
        findings: What an operator should know of it.
        retained: What an approved plan names and this evaluation keeps.
        unneeded: What the history may have to learn of unneeded images; None: nothing.
    """

    repository: Repository
    plan: Attempt[RepositoryPlan] = field(default_factory=Attempt)
    failing: tuple[str, ...] | None = None
    findings: Sequence[Finding] = ()
    retained: tuple[RetainedImage, ...] = ()
    unneeded: Verdicts | None = None


def pull_failure_monitor(
    usages: tuple[Usage, ...], ctx: RunContext, removed: Mapping[str, Mapping[str, RemovedImage]]
) -> PullFailureMonitor:
    """Who fails because of images that were removed.

    Args:
        usages: Those of this registry.
        ctx: What the run was given.
        removed: By repository and digest, what this run itself removed so far.
    """
    monitor = PullFailureMonitor(usages, ctx.restore_command, partial(ctx.consumer_state, ctx.clients))
    # It is not listed again: by name, whoever asks for it now asks in vain.
    for repository, images in removed.items():
        monitor.note(repository, monitor.sentences_of(repository, (), images))
    return monitor


def has_old_images(ctx: RunContext, repository: Repository) -> Attempt[bool]:
    """Whether anything in a repository could go."""

    def look() -> bool:
        found = ctx.registry.images(ctx.clients, repository.name)
        return rules.depends_on_indexes(found, repository.retention, ctx.now)

    return attempted(look, ctx.is_deadline_exceeded)


def evaluate(ctx: RunContext, basis: Basis, room: ImageMemoryLimit, repository: Repository) -> Evaluation:
    """Read a repository and decide over each of its images. Several threads may do so, each for another repository.

    Args:
        ctx: What the run was given.
        basis: What evaluations rest on.
        room: For the images of all repositories.
        repository: The one.
    """
    evaluation = Evaluation(repository)
    under_way = IS_EVALUATING.set(True)
    try:
        evaluation.plan = attempted(lambda: _plan(ctx, basis, room, evaluation), ctx.is_deadline_exceeded)
    finally:
        IS_EVALUATING.reset(under_way)
    return evaluation


def _plan(ctx: RunContext, basis: Basis, room: ImageMemoryLimit, evaluation: Evaluation) -> RepositoryPlan:
    """Every verdict.

    Raises:
        AwsError: The repository could not be read.
        CleanerError: Likewise, or what is known of its past; or time ran out.
    """
    now, repository = ctx.now, evaluation.repository
    images = room.take(repository.name, ctx.registry.images(ctx.clients, repository.name))
    usages = basis.usages.of(repository.name, images)
    # Before anything else can fail: no day may be missing, and whoever fails holds back every repository.
    known = ctx.history.remember(_observed(basis, repository, images, usages)) if ctx.history is not None else None
    removed: Mapping[str, RemovedImage] = known.removed if known else {}
    evaluation.failing = basis.pull_failures.sentences_of(repository.name, images, removed)
    snapshot = RepositorySnapshot(images)
    lists_are_read = rules.depends_on_indexes(images, repository.retention, now)
    if lists_are_read:
        stored = index_lists.lists(known, [image.digest for image in images if image.is_index])
        # An archived index cannot be read, and reading any other one is a pull: each is read once.
        unknown = [image for image in images if image.is_index and image.digest not in stored]
        read = ctx.registry.children(ctx.clients, repository.name, unknown, ctx.own_pulls)
        snapshot = RepositorySnapshot(images, {**stored, **read.children}, read.unread)
        proven = {digest: children for digest, children in read.children.items() if digest in read.proven}
        if ctx.history is not None and any(proven.values()):
            ctx.history.learn(repository.name, proven)
    is_first = not basis.collector.has_seen(repository.name)
    evaluation.findings = basis.collector.repository(repository, snapshot, now, removed, read=lists_are_read)
    # What began to be used after its source was asked shows as a pull here, and as a change from here on.
    begun = past.pulled_since(images, basis.scan.started_at)
    days = ctx.settings.keep_recently_used_days
    recent = past.recent(known, usages, now, days) if known else {}
    kept = {**begun, **recent}
    plan = rules.evaluate(repository, snapshot, usages, now, kept)
    basis.collector.wide.add(repository.name, _kept_alone(ctx, basis, snapshot, plan, known))
    if is_first:
        evaluation.findings = (*evaluation.findings, *finding_rules.pulled_elsewhere(plan))
    if is_first and basis.is_believed:

        def by(other: Retention) -> RepositoryPlan:
            return rules.evaluate(replace(repository, retention=other), snapshot, usages, now, kept)

        on_rule = (*retention.without_rule(plan, by), *retention.fewer_than_newest(plan, snapshot))
        evaluation.findings = (*evaluation.findings, *on_rule)
    if known is not None:
        before, lasts = unneeded.since(known), ctx.settings.grace_days
        # Without grace nothing is recorded, and what was is forgotten: it would be out of date when there is one again.
        since = grace.unneeded_since(plan, before, now) if lasts else {}
        evaluation.unneeded = Verdicts(frozenset(since), frozenset(before)) if since != before else None
        plan = grace.apply(plan, since, now, lasts)
    if basis.approved is not None:
        evaluation.retained = basis.approved.retained(plan)
    if ctx.journal is not None:
        ctx.journal.knows(plan, known.images if known else {})
    return plan


def _kept_alone(
    ctx: RunContext, basis: Basis, snapshot: RepositorySnapshot, plan: RepositoryPlan, known: History | None
) -> KeptAlone | None:
    """What the only consumer with wide usages of a repository keeps by them; None: no single one covers it."""
    repository, now = plan.repository, ctx.now
    found = wide_usages.without_only_consumer(basis.usages.of(repository.name, snapshot.images), repository.name)
    if found is None:
        return None
    wide, others = found
    recent: Mapping[str, tuple[str, ...]] = {}
    if known is not None:
        of_others = uses.without(known, {usage.consumer for usage in wide})
        recent = past.recent(of_others, others, now, ctx.settings.keep_recently_used_days)
    begun = past.pulled_since(snapshot.images, basis.scan.started_at)
    without = rules.evaluate(repository, snapshot, others, now, {**begun, **recent})
    return wide_usages.kept_alone(wide_usages.consumer_of(wide[0]), plan, without)


def _observed(basis: Basis, repository: Repository, images: tuple[Image, ...], usages: tuple[Usage, ...]) -> History:
    """What is in use now."""
    used = graph.resolve(graph.build(RepositorySnapshot(images)), repository.name, usages)
    return past.observe(repository.name, images, used, basis.scan.started_at, complete=basis.is_believed)
