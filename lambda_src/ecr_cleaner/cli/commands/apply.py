"""``ecr-cleaner apply``: carries out a saved plan."""

import sys
from typing import Final

import click

from ecr_cleaner import compose
from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.plan import SavedPlan
from ecr_cleaner.approval.store import PlanStore
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.cli import applying, exit_codes, known_settings, options, output, plan_files, texts
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.plan_files import NamedPlan
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import ApprovalError, NoPlanError
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.settings.loader import refusals_to_apply

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
    *, connection: Connection, plan: NamedPlan, function: str, dry_run: bool, local: bool, output_format: str
) -> None:
    """Carry out a plan that awaits approval.

    PLAN is the id of the plan, or a file that `plan --save` wrote, with the id in its name. By default the id is
    submitted to the function. It evaluates everything anew and removes the images of the plan that it still selects.
    The command waits for the result, up to 15 minutes, and never repeats the request. The function reads plans from
    its own bucket: a plan in a file has to be uploaded there first.
    """
    clients = connection.clients
    known, store = _deployed(clients, function)
    # What the function would refuse is refused before it is invoked, and before a number is asked for.
    if local:
        saved = plan.plan or store.read(plan.id)
        approval_plan.check(saved, known.binding, utc_now())
        if not dry_run:
            _ask_for_number(saved)
        result = applying.locally(
            connection,
            known.value,
            saved,
            dry_run=dry_run,
            check_again=lambda: approval_plan.check(saved, _deployed(clients, function)[0].binding, utc_now()),
        )
    else:
        if plan.plan is not None:
            approval_plan.check(plan.plan, known.binding, utc_now())
            _require_in_bucket(plan, store)
        result = applying.by_function(connection, function, plan.id, dry_run=dry_run)
    output.emit(output_format, lambda: result, lambda console: applying.print_result(result, console))
    sys.exit(exit_codes.BY_STATUS[RunStatus(result["status"])])


def _deployed(clients: AwsClients, function: str) -> tuple[KnownSettings, PlanStore]:
    """Current settings of the function, and the store of its plans.

    Raises:
        ApprovalError: No plan can be carried out with these settings.
        AwsError: The function could not be read.
        CleanerError: It is not an ecr-cleaner, or its settings are invalid.
    """
    known = known_settings.of_function(clients, function)
    store = compose.plan_store(clients, known.value)
    refusals = refusals_to_apply(known.value)
    if refusals or store is None:
        raise ApprovalError("; ".join(refusal.removeprefix("event: action: apply: ") for refusal in refusals))
    return known, store


def _require_in_bucket(plan: NamedPlan, store: PlanStore) -> None:
    """Refuse a plan that the function cannot read, and say how to upload it.

    Raises:
        NoPlanError: It is not in the function's bucket.
        HistoryError: The bucket could not be read.
    """
    try:
        store.read(plan.id)
    except NoPlanError:
        place = store.plan_uri(plan.id)
        message = (
            "the function reads plans from its own bucket, and this one is not there, or you lack the permission to"
            f" read it: {place}; upload it and apply it again: aws s3 cp {plan.file} {place}"
        )
        raise NoPlanError(message) from None


def _ask_for_number(plan: SavedPlan) -> None:
    """Ask the operator to type the number of images.

    Raises:
        click.ClickException: Standard input is not a terminal, or another number was typed.
    """
    if not sys.stdin.isatty():
        message = "--local asks for confirmation, and standard input is not a terminal"
        raise click.ClickException(message)
    action = "archives or deletes" if plan.removal == "archive" else "deletes"
    output.echo(
        f"This {action} up to {plan.images} images of {len(plan.repositories)} repositories in account {plan.account},"
        f" {plan.region}, from this machine and with your credentials. A deletion cannot be reversed.",
        err=True,
    )
    typed = click.prompt("Type the number of images to continue", default="", show_default=False, err=True)
    if typed.strip() != str(plan.images):
        message = "the number differs: nothing was removed"
        raise click.ClickException(message)
