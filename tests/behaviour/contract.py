"""How a run must end for each thing that goes wrong with one of its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner import usage
from tests.behaviour.cells import TOOK_EFFECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.behaviour.cells import Api, Cell
    from tests.behaviour.runner import Outcome, Runner

Digests = dict[str, set[str]]
"""By repository."""

ASKED_BY_ONE_ALONE: Final = {"ecs:ListTaskDefinitions": "scheduler"}
"""What several sources may ask for, and in this account only one does: a schedule names what is gone."""


def always(outcome: Outcome, unused: Digests, but: str = "") -> Iterator[str]:
    """Whatever went wrong: nothing needed is gone, and everything that went is accounted for.

    Args:
        outcome: How the run ended.
        unused: What may go.
        but: A repository that somebody else changed meanwhile.

    Yields:
        What is not so.
    """
    for name, digests in outcome.gone.items():
        if name == but:
            continue
        if lost := digests - unused.get(name, set()):
            yield f"{name} lost {len(lost)} images that are needed"
    if (outcome.status == "completed") is not (outcome.causes == ""):
        yield f"it is {outcome.status}, and its causes are {outcome.causes!r}"
    if outcome.summary is not None:
        yield from _accounts(outcome, but)
    elif outcome.gone:
        yield "something is gone, and there is no summary"


def _accounts(outcome: Outcome, but: str) -> Iterator[str]:
    """Every image that was to go has one ending, and gone is what is told to be gone."""
    for name, told in outcome.repositories.items():
        if name == but:
            continue
        gone = len(outcome.gone.get(name, ()))
        if told["removed"] != gone:
            yield f"{name}: {told['removed']} images are told to be removed, {gone} are"
        ended = sum(told["removals"].values())
        if told["status"] == "judged" and outcome.status != "refused" and ended != told["removable"]:
            yield f"{name}: {told['removable']} images were to go, the end of {ended} is told"


def refused(outcome: Outcome, run: Runner) -> Iterator[str]:
    """Nothing went, and nothing was asked to go."""
    if (outcome.status, outcome.gone) != ("refused", {}):
        yield f"it is {outcome.status}, {_count(outcome.gone)} images are gone"
    if ("ecr", "BatchDeleteImage") in run.asked():
        yield "ECR was asked to remove"


def cleaned(outcome: Outcome, unused: Digests, but: str = "") -> Iterator[str]:
    """Everything that may go is gone, but for one repository."""
    for name in unused.keys() - {but}:
        if outcome.gone.get(name) != unused[name]:
            yield f"{name} was not cleaned"


def completed(outcome: Outcome, unused: Digests) -> Iterator[str]:
    """As if nothing had gone wrong."""
    if outcome.status != "completed":
        yield f"it is {outcome.status}: {outcome.causes}"
    yield from cleaned(outcome, unused)


def holds(cell: Cell, run: Runner, outcome: Outcome, unused: Digests, others: frozenset[str]) -> Iterator[str]:
    """The contract of one call that fails for good, beside what holds `always`.

    Args:
        cell: What went wrong.
        run: Ran.
        outcome: How that ended.
        unused: What may go.
        others: Sources with which something else went wrong.

    Yields:
        What is not as it should be.
    """
    if cell.reach == "the second page" and not any(map(cell.is_later_page, run.sandbox.calls)):
        yield "no second page was asked for"
    match cell.api.stage:
        case "usage":
            yield from refused(outcome, run)
            yield from _sources(cell, outcome, others)
        case "registry":
            yield from refused(outcome, run)
        case "repository":
            yield from cleaned(outcome, unused, but="site")
            if (outcome.status, outcome.repositories["site"]["status"]) != ("failed", "failed"):
                yield f"it is {outcome.status}, site is {outcome.repositories['site']['status']}"
            if "repository site: " not in outcome.causes:
                yield f"the causes do not name site: {outcome.causes}"
        case "removal":
            yield from _removal(cell, outcome, unused)
        case "own":
            yield from _own(cell, run, outcome, unused)


def askers_of(api: Api) -> frozenset[str]:
    """The sources that make a call, in the account of every consumer."""
    alone = ASKED_BY_ONE_ALONE.get(api.action)
    return api.askers if alone is None else api.askers & {alone}


def _sources(cell: Cell, outcome: Outcome, others: frozenset[str]) -> Iterator[str]:
    """Who asked has failed, nobody else has, and the cause says what a person can do."""
    failed = {name for name, source in outcome.told["sources"].items() if source["outcome"] == "failed"} - others
    action, askers = cell.api.action, askers_of(cell.api)
    # Some of what several sources ask for is asked once for all of them, the last time for who knows which.
    if not (failed == askers if cell.reach == "every call" else failed and failed <= askers):
        yield f"{sorted(askers)} ask, {sorted(failed)} have failed"
    settings = {source.name: source.setting for source in usage.SOURCES}
    for name in failed:
        if f"source {name}: " not in outcome.causes or f'{settings[name]} = ["{name}"]' not in outcome.causes:
            yield f"the causes do not help with {name}: {outcome.causes}"
    if (f"permission {action}" in outcome.causes) is not (cell.kind == "access_denied"):
        yield f"the permission {action} is named, or not, in: {outcome.causes}"


def _removal(cell: Cell, outcome: Outcome, unused: Digests) -> Iterator[str]:
    """What took effect is found by looking; the rest has failed, and no other repository suffers."""
    if cell.kind in {*TOOK_EFFECT, "lost_answer"}:
        yield from completed(outcome, unused)
        return
    yield from cleaned(outcome, unused, but="site")
    if outcome.status != "failed" or not outcome.repositories["site"]["failed"]:
        yield f"it is {outcome.status}, and of site {outcome.repositories['site']['failed']} removals have failed"
    if "repository site: " not in outcome.causes:
        yield f"the causes do not name site: {outcome.causes}"


def _own(cell: Cell, run: Runner, outcome: Outcome, unused: Digests) -> Iterator[str]:
    """Without the lock nothing is begun, and where it cannot be given back the run has failed and has cleaned.

    Without the history that a repository has, nothing of it goes; without the one that all have, nothing at all.
    """
    if outcome.status == "completed" and cell.kind in TOOK_EFFECT:
        yield from cleaned(outcome, unused)
        return
    match cell.api.service, cell.api.operation, outcome.status:
        case "dynamodb", "PutItem", "failed":
            if outcome.gone or run.asked("ecr"):
                yield "ECR was asked although the lock was not held"
        case "dynamodb", "DeleteItem", "failed":
            yield from cleaned(outcome, unused)
        case "s3", _, "refused":
            yield from refused(outcome, run)
        case "s3", _, "failed":
            without = {name for name, told in outcome.repositories.items() if told["status"] == "failed"}
            if without & outcome.gone.keys():
                yield "something of a repository is gone whose history failed"
            yield from cleaned(outcome, {name: unused[name] for name in unused.keys() - without})
        case service, operation, status:
            yield f"it is {status}: nobody has said that a run may end so when {operation} of {service} fails"


def is_untouched(api: Api, outcome: Outcome) -> bool:
    """Whether the account is as it was before the run, so that the next one may use it."""
    return not outcome.gone and api.stage in {"usage", "registry"}


def _count(gone: Digests) -> int:
    return sum(map(len, gone.values()))
