"""``ecr-cleaner apply``: carries out a saved plan."""

import sys
from dataclasses import replace
from typing import Final

import click

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval import policy
from ecr_cleaner.approval.store import PlanStore
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.cli import applying, known_settings, options, output, plan_files, session, texts
from ecr_cleaner.cli.plan_files import NamedPlan, PlanTarget
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import ApprovalError, NoPlanError
from ecr_cleaner.settings.loader import Settings, refusals_to_apply

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner apply --function ecr-cleaner 2f0c...   the id, from the function's result or log
  ecr-cleaner apply --function ecr-cleaner plans/2f0c....json --dry-run
"""


@click.command("apply", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@click.argument("plan", callback=plan_files.named)
@click.option("--function", required=True, metavar="NAME", help="The function that the plan was made for.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed; remove nothing.")
@click.option(
    "--local",
    is_flag=True,
    help="Remove from this machine, with your own credentials and the function's settings; asks for a number.",
)
@output.formats
def command(  # noqa: PLR0913 - the options of the command line
    *, connection: Connection, plan: NamedPlan, function: str, dry_run: bool, local: bool, output_format: str | None
) -> None:
    """Carry out a plan that awaits approval.

    PLAN is the id of the plan, or a file that `plan --save` wrote, with the id in its name. By default the id is
    submitted to the function. It evaluates everything anew and removes the images of the plan that it still selects.
    The command waits for the result, up to 15 minutes, and never repeats the request. The function reads plans from
    its own bucket: a plan in a file has to be uploaded there first.
    """
    clients = connection.clients
    settings = _settings(clients, function)
    target = plan_files.target_of(clients, function)
    store = policy.store_of(clients, settings)
    if plan.plan is not None:
        _check_plan(plan.plan, target, clients.region, settings)
    if local:
        if plan.plan is None and store is not None:
            plan = plan_files.NamedPlan(plan.id, store.read(plan.id))
            _check_plan(plan.plan, target, clients.region, settings)
        if not dry_run:
            _ask_for_number(plan, target)
        result = applying.locally(
            connection,
            settings,
            target.function,
            plan,
            dry_run=dry_run,
            check_again=lambda: _check_plan(plan.plan, target, clients.region, _settings(clients, function)),
        )
    else:
        if plan.file is not None and store is not None:
            _require_in_bucket(plan, store)
        result = applying.by_function(connection, function, plan.id, dry_run=dry_run)
    output.emit(output_format, result.as_json, lambda console: applying.print_result(result, console))
    sys.exit(session.EXIT_CODES[result.status])


def _settings(clients: AwsClients, function: str) -> Settings:
    """Current settings of the function.

    Raises:
        ApprovalError: No plan can be carried out with them.
        AwsError: The function could not be read.
        CleanerError: It is not an ecr-cleaner, or its settings are invalid.
    """
    settings = known_settings.of_function(clients, function).value
    if refusals := refusals_to_apply(settings):
        raise ApprovalError("; ".join(refusal.removeprefix("event: action: apply: ") for refusal in refusals))
    return settings


def _check_plan(plan: approval_plan.SavedPlan | None, target: PlanTarget, region: str, settings: Settings) -> None:
    """Refuse what the function would refuse, before it is invoked.

    Raises:
        ApprovalError: The plan is expired, or was made for something else.
    """
    if plan is not None:
        approval_plan.check(plan, replace(target, region=region).binding(settings), utc_now())


def _require_in_bucket(plan: NamedPlan, store: PlanStore) -> None:
    """Refuse a plan that the function cannot read, and say how to upload it.

    Raises:
        NoPlanError: It is not in the function's bucket.
        HistoryError: The bucket could not be read.
    """
    try:
        store.read(plan.id)
    except NoPlanError:
        place = store.place(store.key(plan.id))
        message = (
            "the function reads plans from its own bucket, and this one is not there, or you lack the permission to"
            f" read it: {place}; upload it and apply it again: aws s3 cp {plan.file} {place}"
        )
        raise NoPlanError(message) from None


def _action(plan: approval_plan.SavedPlan | None) -> str:
    """What carrying out a plan does to its images."""
    return "archives or deletes up to" if plan is not None and plan.removal == "archive" else "deletes up to"


def _ask_for_number(plan: NamedPlan, target: PlanTarget) -> None:
    """Ask the operator to type the number of images.

    Raises:
        click.ClickException: Standard input is not a terminal, or another number was typed.
    """
    if not sys.stdin.isatty():
        message = "--local asks for confirmation, and standard input is not a terminal"
        raise click.ClickException(message)
    images = plan.plan.images if plan.plan else 0
    repositories = len(plan.plan.repositories) if plan.plan else 0
    click.echo(
        f"This {_action(plan.plan)} {images} images of {repositories} repositories in account {target.account},"
        f" {target.region}, from this machine and with your credentials. A deletion cannot be reversed.",
        err=True,
    )
    typed = click.prompt("Type the number of images to continue", default="", show_default=False, err=True)
    if typed.strip() != str(images):
        message = "the number differs: nothing was removed"
        raise click.ClickException(message)
