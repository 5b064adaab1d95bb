"""What to do after a plan, with the command for it."""

import shlex

from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection, DryRun
from ecr_cleaner.model.run_status import RunStatus


def again(connection: Connection, *words: str, known: KnownSettings | None = None) -> str:
    """A command for the same account, region and function."""
    named = (
        ("--region", connection.region),
        ("--profile", connection.profile),
        ("--function", known.name if known and known.source == "function" else None),
    )
    options = [word for option, value in named if value is not None for word in (option, value)]
    return shlex.join(["ecr-cleaner", *words[:1], *options, *words[1:]])


def next_step(run: DryRun, connection: Connection, known: KnownSettings, *, everything: bool) -> str:
    """One sentence, and the command if there is one."""
    result, look = run.collected.result, run.look
    if result.status is RunStatus.REFUSED:
        return f"see what is missing and what mends it: {again(connection, 'doctor', known=known)}"
    if result.status is RunStatus.FAILED:
        return "mend what failed, and plan again"
    if look.names and not (look.opted_in or look.as_if_opted_in):
        return f"see what would be removed: {again(connection, 'plan', '--as-if-opted-in', '*', known=known)}"
    if any(one.removable for one in result.repositories.values()):
        return _removal(run, connection, known)
    shown = "" if everything else f"; see why every image is kept: {again(connection, 'plan', '--all', known=known)}"
    return f"nothing would be removed{shown}"


def _removal(run: DryRun, connection: Connection, known: KnownSettings) -> str:
    """What makes a run remove what a plan shows."""
    if run.look.assumed:
        return f"print the calls that opt repositories in: {again(connection, 'opt-in', *run.look.as_if_opted_in)}"
    if known.source != "function":
        first = next(one for plan in run.collected.plans.values() for one in plan.verdicts if one.unneeded)
        why = again(connection, "explain", first.image.name)
        return f"ask why one of them would be removed: {why}; or deploy the module, which starts as a dry run"
    if known.value.dry_run:
        return f"set dry_run = false in the module of {known.name} when this is right"
    if known.value.require_approval:
        return f"approve the plan of the next run: {again(connection, 'apply', 'ID', known=known)}"
    return f"nothing to do: the next runs of {known.name} remove them"
