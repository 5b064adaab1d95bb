"""How a run must end for each thing that goes wrong with one of its calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ecr_cleaner.usage import catalog
from tests.integration.cells import TOOK_EFFECT
from tests.integration.fault_account import ABROAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.cells import Api, Cell
    from tests.integration.runner import Outcome, Runner

MAY_BE_PULLED: Final = frozenset({"app", "mirror/tools"})
"""Repositories that the other account of `fault_account.seed_abroad` may pull from, by its id or its organization."""

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
    for name, digests in outcome.went.items():
        if name == but:
            continue
        if lost := digests - unused.get(name, set()):
            yield f"{name} lost {len(lost)} images that are needed"
    if (outcome.status in {"completed", "degraded"}) is not (outcome.causes == ""):
        yield f"it is {outcome.status}, and its causes are {outcome.causes!r}"
    if outcome.summary is not None:
        yield from _accounts(outcome, but)
    elif outcome.went:
        yield "something is gone, and there is no summary"


def _accounts(outcome: Outcome, but: str) -> Iterator[str]:
    """Every image that was to go has one ending, and gone is what is told to be gone."""
    for name, told in outcome.repositories.items():
        if name == but:
            continue
        gone = len(outcome.went.get(name, ()))
        if (told["removed"], told["archived"]) != (
            len(outcome.gone.get(name, ())),
            len(outcome.archived.get(name, ())),
        ):
            yield f"{name}: {told['removed']} are told to be removed, {told['archived']} to be archived, {gone} went"
        ended = sum(told["removals"].values())
        if told["status"] == "evaluated" and outcome.status != "refused" and ended != told["removable"]:
            yield f"{name}: {told['removable']} images were to go, the end of {ended} is told"


def refused(outcome: Outcome, run: Runner) -> Iterator[str]:
    """Nothing went, and nothing was asked to go."""
    if (outcome.status, outcome.went) != ("refused", {}):
        yield f"it is {outcome.status}, {_count(outcome.went)} images are gone"
    if {("ecr", "BatchDeleteImage"), ("ecr", "UpdateImageStorageClass")} & run.asked():
        yield "ECR was asked to remove"


def cleaned(outcome: Outcome, unused: Digests, but: str = "") -> Iterator[str]:
    """Everything that may go is gone, but for one repository."""
    for name in unused.keys() - {but}:
        if outcome.went.get(name) != unused[name]:
            yield f"{name} was not cleaned"


def completed(outcome: Outcome, unused: Digests) -> Iterator[str]:
    """As if nothing had gone wrong."""
    if outcome.status != "completed":
        yield f"it is {outcome.status}: {outcome.causes}"
    yield from cleaned(outcome, unused)


NOTES: Final = {"crosscheck": "not every cluster is known", "index": "the index of tags could not be read"}
"""How a note begins on what a run can do without."""


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
            yield from _repository(cell, outcome, unused)
        case "removal":
            yield from _removal(cell, outcome, unused)
        case "own":
            yield from _own(cell, run, outcome, unused)
        case "crosscheck" | "index" as stage:
            yield from completed(outcome, unused)
            if not any(note.startswith(NOTES[stage]) for note in outcome.told["notes"]):
                yield f"nothing is told of the {stage}"
        case "finding":
            yield from completed(outcome, unused)
            yield from _findings(outcome)


def elsewhere(group: list[Cell], run: Runner, outcome: Outcome) -> Iterator[str]:
    """What fails in another region stops removal: by source and region, with the way out that is the region's."""
    yield from refused(outcome, run)
    region = group[0].region
    failed = {
        one["source"] for one in outcome.told["sources"] if one["outcome"] == "failed" and one["region"] == region
    }
    if any(one["outcome"] == "failed" and one["region"] != region for one in outcome.told["sources"]):
        yield "something else has failed too"
    there = {source.name for source in catalog.SOURCES if not source.home_only}
    for cell in group:
        askers = askers_of(cell.api) & there
        # Of several that may ask, only those do that have something there.
        if not askers & failed:
            yield f"{cell}: {sorted(askers)} ask, {sorted(failed)} have failed"
        if (f"{cell.api.action} (source " in outcome.causes) is not (cell.kind == "access_denied"):
            yield f"{cell}: the permission is named, or not, in: {outcome.causes}"
    if failed - frozenset().union(*(askers_of(cell.api) for cell in group)):
        yield f"{sorted(failed)} have failed"
    proposed = any(cell.kind != "access_denied" for cell in group)
    if (f'accepted_gaps = {{ "region:{region}" = ' in outcome.causes) is not proposed or '"source:' in outcome.causes:
        yield f"the causes do not help with {region}: {outcome.causes}"
    yield from (f"{name} in {region} is not named" for name in failed if not _is_named(name, region, outcome.causes))


def abroad(group: list[Cell], outcome: Outcome, unused: Digests) -> Iterator[str]:
    """What fails in another account keeps what that account may pull, and nothing else: by source, with the way out.

    Where the organization's accounts cannot be listed, none of the others is known.
    """
    if outcome.status != "degraded":
        yield f"it is {outcome.status}: {outcome.causes}"
    yield from cleaned(outcome, {name: unused[name] for name in unused.keys() - MAY_BE_PULLED})
    if went := MAY_BE_PULLED & outcome.went.keys():
        yield f"something is gone that the account may pull: {sorted(went)}"
    is_listed = not any(cell.api.service == "organizations" for cell in group)
    listing = "the accounts of the organization cannot be listed"
    said = f"account {ABROAD} was not looked at completely" if is_listed else listing
    for name in MAY_BE_PULLED:
        told = outcome.repositories[name]
        if (told["status"], told["setting"]) != ("skipped", f"other_accounts:{name}") or said not in told["detail"]:
            yield f"{name} is {told['status']}: {told['detail']}"
    if is_listed:
        yield from _account(group, outcome)
    elif listing not in outcome.told["other_accounts"]["organization_problem"]:
        yield f"of the organization is told: {outcome.told['other_accounts']}"


def _account(group: list[Cell], outcome: Outcome) -> Iterator[str]:
    """Who asked there has failed, nobody else has, and a permission is named if it lacks."""
    (account,) = outcome.told["other_accounts"]["accounts"]
    failures = [one for one in outcome.told["sources"] if one["outcome"] == "failed"]
    failed = {one["source"] for one in failures if one["account_id"] == ABROAD}
    if len(failures) != len([one for one in failures if one["account_id"] == ABROAD]):
        yield "something has failed in the registry's account too"
    if (account["account_id"], account["status"]) != (ABROAD, "failed") or not account["missing"]:
        yield f"of the account is told: {account}"
    for cell in group:
        askers = {"sts": {"accounts"}, "account": {"regions"}}.get(cell.api.service) or askers_of(cell.api)
        if not askers & failed:
            yield f"{cell}: {sorted(askers)} ask, {sorted(failed)} have failed"
        permission = cell.api.action if cell.kind == "access_denied" else ""
        if cell.api.service != "sts" and permission not in str(account["missing"]):
            yield f"{cell}: {permission} is not named in {account['missing']}"


def _is_named(source: str, region: str, causes: str) -> bool:
    return re.search(rf"source {source}\b", causes) is not None and f"/{region}" in causes


def _repository(cell: Cell, outcome: Outcome, unused: Digests) -> Iterator[str]:
    """What cannot be read of a repository keeps it, and no other one; the last that is read is for the journal."""
    if cell.api.operation == "BatchGetImage" and cell.reach == "the last call":
        yield from _unjournalled(outcome, unused)
        return
    yield from cleaned(outcome, unused, but="site")
    if (outcome.status, outcome.repositories["site"]["status"]) != ("failed", "failed"):
        yield f"it is {outcome.status}, site is {outcome.repositories['site']['status']}"
    if "repository site: " not in outcome.causes:
        yield f"the causes do not name site: {outcome.causes}"


def askers_of(api: Api) -> frozenset[str]:
    """The sources that make a call, in the account of every consumer."""
    alone = ASKED_BY_ONE_ALONE.get(api.action)
    return api.askers if alone is None else api.askers & {alone}


def _sources(cell: Cell, outcome: Outcome, others: frozenset[str]) -> Iterator[str]:
    """Who asked has failed, nobody else has, and the cause says what a person can do."""
    failed = {name for name, source in outcome.sources.items() if source["outcome"] == "failed"} - others
    action, askers = cell.api.action, askers_of(cell.api)
    # Some of what several sources ask for is asked once for all of them, the last time for who knows which.
    if not (failed == askers if cell.reach == "every call" else failed and failed <= askers):
        yield f"{sorted(askers)} ask, {sorted(failed)} have failed"
    gaps = {source.name: source.proposed_gap for source in catalog.SOURCES}
    for name in failed:
        # What the role's own policy lacks is mended there; nobody is told to exclude the source.
        proposed = bool(gaps[name]) and cell.kind != "access_denied"
        told = f'accepted_gaps = {{ "{gaps[name]}" = ' in outcome.causes
        if not re.search(rf"source {name}\b", outcome.causes) or proposed is not told:
            yield f"the causes do not help with {name}: {outcome.causes}"
    if (f"{action} (source " in outcome.causes) is not (cell.kind == "access_denied"):
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


def _findings(outcome: Outcome) -> Iterator[str]:
    """What could not be found out is a finding, and all others are there; the run ends as if nothing had been."""
    told = outcome.told["findings"]
    of_site = {finding["kind"] for finding in told if finding["subject"].partition(":")[0] == "site"}
    if of_site != {"not_determined"}:
        yield f"of site is told: {sorted(of_site)}"
    if not any(finding["kind"] == "unmanaged_storage" and finding["subject"] == "other" for finding in told):
        yield "nothing is told of what did not opt in"


def _unjournalled(outcome: Outcome, unused: Digests) -> Iterator[str]:
    """What could not be written down has stayed and has failed; all the rest is gone."""
    without = {name for name, told in outcome.repositories.items() if told["removals"].get("not_journalled")}
    if not without or outcome.status != "failed":
        yield f"it is {outcome.status}, and everything is in the journal"
    for name in without:
        kept, gone = outcome.repositories[name]["failed"], len(outcome.went.get(name, ()))
        held = outcome.repositories[name]["removals"].get("holder_kept", 0)
        if kept + held + gone != len(unused[name]):
            yield f"{name}: {kept} images could not be written down, {held} wait for them, {gone} are gone"
        if f"repository {name}: " not in outcome.causes:
            yield f"the causes do not name {name}: {outcome.causes}"
    yield from cleaned(outcome, {name: unused[name] for name in unused.keys() - without})


def _own(cell: Cell, run: Runner, outcome: Outcome, unused: Digests) -> Iterator[str]:
    """Without the lock nothing is begun, and where it cannot be given back the run has failed and has cleaned.

    So it has where nobody could be told of it, and its cause says who was not. Without the history that a repository
    has, nothing of it goes; without the one that all have, nothing at all.
    """
    if outcome.status == "completed" and cell.kind in TOOK_EFFECT:
        yield from cleaned(outcome, unused)
        return
    if cell.api.of_reports:
        yield from _reported(outcome, unused)
        return
    match cell.api.service, cell.api.operation, outcome.status:
        case "dynamodb", "PutItem", "failed":
            if outcome.went or run.asked("ecr"):
                yield "ECR was asked although the lock was not held"
        case "dynamodb", "DeleteItem", "failed":
            yield from cleaned(outcome, unused)
        case ("sns", "Publish", "failed") | ("events", "PutEvents", "failed"):
            yield from cleaned(outcome, unused)
            yield from _untold(cell, run, outcome)
        case "s3", _, ("refused" | "failed"):
            yield from _forgotten(outcome, run, unused)
        case service, operation, status:
            yield f"it is {status}: nobody has said that a run may end so when {operation} of {service} fails"


def _forgotten(outcome: Outcome, run: Runner, unused: Digests) -> Iterator[str]:
    """Without the history that all repositories have nothing goes; without that of one, nothing of that one."""
    if outcome.status == "refused":
        yield from refused(outcome, run)
        return
    without = {name for name, told in outcome.repositories.items() if told["status"] == "failed"}
    if without & outcome.went.keys():
        yield "something of a repository is gone whose history failed"
    known = {name: unused[name] for name in unused.keys() - without}
    if any(told["removals"].get("not_journalled") for told in outcome.repositories.values()):
        yield from _unjournalled(outcome, known)
        return
    yield from cleaned(outcome, known)


def _untold(cell: Cell, run: Runner, outcome: Outcome) -> Iterator[str]:
    """The run's own report is whole, the cause says who was not told, and the others were told."""
    if outcome.told["status"] != "completed":
        yield f"the run itself is {outcome.told['status']}"
    published = cell.api.operation == "Publish"
    if (
        "notification could not be sent to " if published else "event of the run could not be put "
    ) not in outcome.causes:
        yield f"the causes do not say who was not told: {outcome.causes}"
    if (f"permission {cell.api.action}" in outcome.causes) is not (cell.kind == "access_denied"):
        yield f"the permission {cell.api.action} is named, or not, in: {outcome.causes}"
    other = ("events", "PutEvents") if published else ("sns", "Publish")
    if other not in run.asked():
        yield f"{other} was not tried"


def _reported(outcome: Outcome, unused: Digests) -> Iterator[str]:
    """A report that cannot be written comes after everything else, and is the one cause."""
    yield from cleaned(outcome, unused)
    if outcome.status != "failed" or not outcome.causes.startswith("the report could not be written: s3://"):
        yield f"it is {outcome.status}: {outcome.causes}"
    if " | " in outcome.causes:
        yield f"there are other causes: {outcome.causes}"


def is_untouched(api: Api, outcome: Outcome) -> bool:
    """Whether the account is as it was before the run, so that the next one may use it."""
    return not outcome.went and api.stage in {"usage", "registry"}


def _count(gone: Digests) -> int:
    return sum(map(len, gone.values()))
