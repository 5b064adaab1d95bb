"""One run from settings to result: the order of everything.

Images are read after the usages, repository by repository, when they are evaluated: only a few repositories lie in
memory, besides what is to be removed; and what is pushed and deployed while the run reads is too young to go. Which
repositories there are, and what their tags and policies say, does not depend on the usages. With a history every run
scans, so that no day is missing in it; without one, nothing is scanned where nothing is old. Nothing is removed before
what was seen is written down.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.policy import ApprovalPolicy, NoApproval
from ecr_cleaner.aws import errors
from ecr_cleaner.errors import ApprovalError, CleanerError, HistoryError, OutOfTimeError
from ecr_cleaner.model.plan import RepositoryPlan
from ecr_cleaner.model.repository import Repository
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.registry.repositories import RegistryListing
from ecr_cleaner.run import record
from ecr_cleaner.run.application import ApplicationState
from ecr_cleaner.run.context import RunContext, limits_of
from ecr_cleaner.run.evaluate import has_old_images
from ecr_cleaner.run.evaluate_all import evaluated, first_plan, may_reveal_pull_failures
from ecr_cleaner.run.remove import remove_and_evaluate
from ecr_cleaner.run.side_by_side import SideBySide
from ecr_cleaner.run.state import RunState
from ecr_cleaner.run.time_budget import EvaluationBudget
from ecr_cleaner.settings import loader


def run(ctx: RunContext) -> RunResult:
    """Run once.

    Returns:
        What happened. Nothing that AWS answers raises; a bug does.
    """
    started = time.monotonic()
    state = RunState(ctx)
    # Until something is removed, a call that is too late is not made: what is known by then is reported.
    ctx.clients.deadline_exceeded = ctx.is_deadline_exceeded
    try:
        _stages(ctx, state)
    except OutOfTimeError as error:
        state.cut_off_all(str(error))
    except (CleanerError, *errors.AwsError) as error:
        state.errors.append(errors.sentence(error))
    finally:
        ctx.clients.deadline_exceeded = None
    if ctx.facts is not None:
        ctx.facts.save()  # however the run ended, the next one begins further on
        state.notes += dict.fromkeys(ctx.facts.notes)
    for name in sorted(state.repositories):
        ctx.reporter.repository(state.repositories[name])
    price = ctx.settings.storage_price_per_gb_month
    result = replace(state.result(), seconds=time.monotonic() - started, began_at=ctx.now, price=price)
    if ctx.ended is not None:
        result = ctx.ended(result)
    if ctx.store_report is not None:
        stored = ctx.store_report(result)
        notes, problems = (*result.notes, *stored.notes), (*result.problems, *stored.problems)
        result = replace(result, report=stored.location, notes=notes, problems=problems, changes=stored.changes)
    ctx.reporter.run(result)
    return result


def _stages(ctx: RunContext, state: RunState) -> None:
    if ctx.history is not None:
        ctx.history.open(ctx.now)
    state.notes += ctx.what_is_off
    facts = ctx.registry.facts(ctx.clients)
    state.account_id = facts.account
    loader.refuse_own_account(ctx.settings, facts.account)
    binding = approval_plan.binding(facts.account, ctx.clients.region, ctx.function_name, ctx.settings)
    if ctx.application is not None:
        state.application = ApplicationState(ctx.application.begin(binding, ctx.now))
    listing, is_scanned = _listed_and_scanned(ctx, state, facts)
    turn = _in_turn(ctx, state, listing.repositories)
    first, others = turn, list[Repository]()
    if is_scanned and _may_remove_early(ctx, state):
        first, others = _showing_failures(ctx, state, turn)
    plans = list(_plans(ctx, state, first))
    if others:
        state.hold([])  # what stays because of it is reported below
    if state.is_refused():
        plans += _plans(ctx, state, others)
        others = []
    unjudged = tuple(state.left)
    _save_before_removal(ctx, state, unjudged, others)
    record.save_uses(ctx, state, [*unjudged, *record.uncovered(state)])
    state.hold(plans)
    record.save_verdicts(ctx, state)
    # What nobody asked the sources about may not go, whatever a second listing shows.
    # Nor what goes from a repository whose verdicts could not be written down.
    may_go = [one for one in plans if is_scanned and not state.is_refused() and state.may_go_on(one.repository)]
    policy = state.application.approved if state.application else ctx.approval
    # A plan that waits for approval names what one run removes; of an approved one, a part goes if it is too much.
    chosen = may_go if state.application else state.limit(may_go)
    selection = policy.select(chosen, binding, ctx.now)
    state.proposed = selection.proposed
    ctx.clients.deadline_exceeded = None

    def permit(fresh: RepositoryPlan) -> RepositoryPlan:
        (permitted,) = policy.select([fresh], binding, ctx.now).permitted
        (plan,) = state.limit([state.permit(permitted)])
        return plan

    permitted = [state.permit(one) for one in selection.permitted]
    if permitted or others:
        _require_approval(ctx, policy)
    remove_and_evaluate(ctx, state, [] if state.is_refused() else state.limit(permitted), others, permit)
    _remember_who_waits(ctx, state, turn, unjudged, told=not others)
    if ctx.application is not None and state.application is not None:
        is_done = state.application.end(state.repositories)
        if is_done and not state.is_refused():
            state.problems += ctx.application.finish()
    # Nothing is left that needs the time.
    ctx.clients.deadline_exceeded = ctx.is_deadline_exceeded
    state.add_final_findings()


def _listed_and_scanned(ctx: RunContext, state: RunState, facts: RegistryFacts) -> tuple[RegistryListing, bool]:
    """List the repositories, and scan: side by side, if it is sure that a scan is needed.

    Returns:
        The repositories, and whether anybody was asked who uses what.
    """
    known = ctx.history.repositories if ctx.history is not None else ()
    listed = partial(ctx.registry.list_repositories, ctx.clients, ctx.settings, facts, ctx.only, known=known)

    def scanned() -> UsageScan:
        return ctx.scanner.scan(ctx.clock())

    with SideBySide(ctx.workers) as threads:
        under_way = threads.begin(listed)
        scan = threads.begin(scanned) if ctx.history is not None else None
        listing = under_way.result()
        state.add_listing(listing)
        if scan is None and _some_are_old(ctx, state, listing.repositories):
            scan = threads.begin(scanned)
        found = ctx.scanner.scan_nothing(ctx.clock()) if scan is None else scan.result()
        state.add_scan(found, is_scanned=scan is not None)
    return listing, scan is not None


def _some_are_old(ctx: RunContext, state: RunState, repositories: Iterable[Repository]) -> bool:
    """Whether anything could go; every repository is looked at, so that each one that cannot be read is told."""
    found = []
    with SideBySide(ctx.workers) as threads:
        for repository, attempt in threads.each(partial(has_old_images, ctx), filter(state.may_go_on, repositories)):
            found.append(state.end(repository.name, attempt))
    return any(found)


def _in_turn(ctx: RunContext, state: RunState, repositories: Iterable[Repository]) -> list[Repository]:
    """Those first that failing consumers name, for these may refuse everything, then those that the last run left."""
    failing = state.basis.pull_failures.repositories if state.basis else frozenset()
    left = {name: place for place, name in enumerate(ctx.history.left)} if ctx.history is not None else {}
    return sorted(repositories, key=lambda one: (one.name not in failing, left.get(one.name, len(left))))


def _may_remove_early(ctx: RunContext, state: RunState) -> bool:
    """Whether removal may begin before everything is evaluated: nothing that goes depends on all repositories."""
    settings = ctx.settings
    return not (
        settings.dry_run
        or settings.require_approval
        or state.application is not None
        or settings.max_removals_per_run is not None
        or settings.max_removal_percent_per_run is not None
    )


def _showing_failures(
    ctx: RunContext, state: RunState, turn: Iterable[Repository]
) -> tuple[list[Repository], list[Repository]]:
    """The repositories whose evaluation may stop the run, and the others."""
    found: dict[bool, list[Repository]] = {True: [], False: []}
    with SideBySide(ctx.workers) as threads:
        for repository, may_stop in threads.each(partial(may_reveal_pull_failures, ctx, state), turn):
            found[may_stop].append(repository)
    return found[True], found[False]


def _save_before_removal(ctx: RunContext, state: RunState, unjudged: Sequence[str], others: list[Repository]) -> None:
    """Write down what was seen, and who waits.

    If the run is killed, the next one begins with what is second in turn now: no repository keeps all others waiting.

    Raises:
        HistoryError: It cannot be written. What else there is to see was seen before.
    """
    try:
        record.save_history(ctx, state, [*unjudged, *(one.name for one in [*others[1:], *others[:1]])])
    except HistoryError:
        list(_plans(ctx, state, others))
        raise


def _remember_who_waits(
    ctx: RunContext, state: RunState, turn: Sequence[Repository], unjudged: Sequence[str], *, told: bool
) -> None:
    """What was judged and had to wait comes first in the next run, or it might wait in every run.

    Only what was judged first comes last: it had all the time there was, and would keep all others waiting.

    Args:
        ctx: What the run was given.
        state: What became of it.
        turn: Repositories in the order in which they were evaluated.
        unjudged: Names of those that there was no time for, as far as what uses them is written down.
        told: Whether the history knows already that those wait and no others.
    """
    order = {one.name: place for place, one in enumerate(turn)}
    late = [name for name in state.left if state.repositories[name].is_unread and name not in unjudged]
    cut_off = sorted(set(state.left) - {*unjudged, *late}, key=order.__getitem__)
    if told and not cut_off:
        return
    try:
        record.save_uses(ctx, state, late)
        last = turn[0].name
        waiting = [*cut_off, *unjudged, *late]
        record.save_history(ctx, state, sorted(waiting, key=lambda name: name == last and name in cut_off))
    except CleanerError as error:
        state.problems.append(str(error))


def _plans(ctx: RunContext, state: RunState, repositories: Sequence[Repository]) -> Iterator[RepositoryPlan]:
    """What is to go from each repository that may lose something, if anything is to be done about it."""
    waiting = [*filter(state.may_go_on, repositories)]
    budget = EvaluationBudget(ctx, state, len(waiting))
    # The next round has newer usages, for it finds in facts what took this one too long.
    waits = ctx.next_round_rescans and state.stop.is_for_time

    def in_time() -> Iterator[Repository]:
        for repository in waiting:
            if not waits and budget.may_go_on():
                yield repository
            else:
                state.cut_off(repository.name)

    ctx.clients.deadline_exceeded = lambda: ctx.is_deadline_exceeded() or not budget.may_finish()
    for _, plan in evaluated(ctx, state, in_time()):
        budget.add(removes=bool(plan and plan.removals))
        to_remove = first_plan(ctx, state, plan) if plan is not None else None
        if to_remove is not None and not _is_report_only(ctx, state):
            yield to_remove
    ctx.clients.deadline_exceeded = ctx.is_deadline_exceeded


def _is_report_only(ctx: RunContext, state: RunState) -> bool:
    """Whether plans are for the report alone, so that they need not be in memory: there may be very many images."""
    limits = limits_of(ctx.settings)
    is_limited = limits.removals_per_repository is not None or limits.removals_per_run is not None
    return bool(state.stop.uncertain) or (ctx.settings.dry_run and state.application is None and not is_limited)


def _require_approval(ctx: RunContext, policy: ApprovalPolicy) -> None:
    """Whatever went wrong where the run was put together: nothing goes unapproved.

    Raises:
        ApprovalError: Approval is required, and nobody was asked.
    """
    if ctx.settings.require_approval and not ctx.settings.dry_run and isinstance(policy, NoApproval):
        message = "require_approval is true, and nobody was asked"
        raise ApprovalError(message)
