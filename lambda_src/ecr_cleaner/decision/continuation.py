"""Pure: whether another invocation goes on with what one night left, and what it has to know."""

from dataclasses import replace

from ecr_cleaner.model.night import Night, RepositoryCounts
from ecr_cleaner.model.plan import RemovalStatus
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult


def why_not(night: Night, result: RunResult, most: int, *, approval: bool) -> str:
    """Why a night ends although something is left; empty if another round goes on.

    Args:
        night: Before this round.
        result: Of this round, with something left.
        most: How many continuations a night may have.
        approval: Whether a person approves each removal, or approved of this one.
    """
    if approval:
        return "a person approves each removal, so no round follows: the next night begins with what is left"
    if result.dry_run and not result.is_unsure_for_time:
        return "a dry run is not continued: its report would be in pieces"
    if night.continuations >= most:
        return f"max_continuations = {most} allows no more rounds: the next night begins with what is left"
    if not _gained(night, result):
        return "this round gained nothing, so another one would not either: the next night begins with what is left"
    return ""


def next_round_rescans(night: Night, most: int, *, approval: bool) -> bool:
    """Whether another round follows for sure if nothing but time is missing: the first scan leaves facts to the second.

    Args:
        night: Before this round.
        most: How many continuations a night may have.
        approval: Whether a person approves each removal, or approved of this one.
    """
    return not approval and night.continuations == 0 < most


def _gained(night: Night, result: RunResult) -> bool:
    """Whether the next round begins further on."""
    if result.is_unsure_for_time:
        return night.continuations == 0 or facts_used(result) > night.facts
    evaluated = {name for name, one in result.repositories.items() if one.keep_days is not None}
    return any(map(_went, result.repositories.values())) or not evaluated <= night.repositories.keys()


def facts_used(result: RunResult) -> int:
    """How often the scan of a run took what it needed from facts."""
    return sum(one.facts for one in result.scan.outcomes) if result.scan else 0


def _went(one: RepositoryResult) -> int:
    return one.removals[RemovalStatus.REMOVED.value] + one.removals[RemovalStatus.ARCHIVED.value]


def after(night: Night, result: RunResult, *, continues: bool) -> Night:
    """The night after a round.

    Args:
        night: Before it.
        result: Of it.
        continues: Whether another one follows.
    """
    repositories = dict(night.repositories)
    for name, one in result.repositories.items():
        if one.keep_days is not None:
            before = repositories.get(name, RepositoryCounts())
            deleted = before.deleted + one.removals[RemovalStatus.REMOVED.value]
            archived = before.archived + one.removals[RemovalStatus.ARCHIVED.value]
            # More than a limit in percent allows: nothing of it is to go.
            due = 0 if one.status is RepositoryStatus.OVER_LIMIT else one.due
            images = before.deleted + one.images
            repositories[name] = RepositoryCounts(images, before.went + due, deleted, archived)
    went = sum(one.bytes_removed + one.bytes_archived for one in result.repositories.values())
    return replace(
        night,
        continuations=night.continuations + continues,
        is_over=not continues,
        facts=facts_used(result),
        bytes_removed=night.bytes_removed + went,
        repositories=repositories,
        problems=tuple(dict.fromkeys((*night.problems, *result.failures))),
    )


def former_rounds(night: Night) -> list[str]:
    """What the report of a round says of those before it: one sentence, if there are any."""
    if night.continuations == 0:
        return []
    went = sum(one.went for one in night.repositories.values())
    gone = f"{went} images ({night.bytes_removed} bytes) went in its former rounds, each with a report of its own"
    return [f"this is round {night.round} of the night {night.name}: {gone}"]
