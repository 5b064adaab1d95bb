"""``ecr-cleaner apply``: carries a saved plan out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval import policy
from ecr_cleaner.cli import applying, known_settings, options, output, plan_files, session, texts
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import ApprovalError, NoPlanError
from ecr_cleaner.settings.loader import refusals_to_apply

if TYPE_CHECKING:
    from ecr_cleaner.approval.store import PlanStore
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.cli.plan_files import NamedPlan, Place
    from ecr_cleaner.cli.session import Connection
    from ecr_cleaner.settings.loader import Settings

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner apply --function ecr-cleaner 2f0c...   the id, as the function's result or its log tells it
  ecr-cleaner apply --function ecr-cleaner plans/2f0c....json --dry-run
"""


@click.command("apply", epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}")
@options.connection
@click.argument("plan", callback=plan_files.named)
@click.option("--function", required=True, metavar="NAME", help="The function whose plan it is.")
@click.option("--dry-run", is_flag=True, help="Say what would go.")
@click.option(
    "--local",
    is_flag=True,
    help="Remove from here, with your own credentials and the function's settings; asks you to type a number.",
)
@output.formats
def command(  # noqa: PLR0913 - the options of the command line
    *,
    connection: Connection,
    plan: NamedPlan,
    function: str,
    dry_run: bool,
    local: bool,
    output_format: str | None,
) -> None:
    """Carry out a plan that waits for approval.

    PLAN is its id, or a file that `plan --save` wrote, still called after it. By default its id is sent to the
    function, which looks at everything anew and removes what the plan names and it would remove by itself; this
    command waits for the end, up to a quarter of an hour, and sends nothing twice. The function knows the plans in
    its own bucket: one from a file has to lie there as well.
    """
    clients = connection.clients
    settings = _settings(clients, function)
    place = plan_files.place_of(clients, function)
    store = policy.store_of(clients, settings)
    if plan.plan is not None:
        _must_fit(plan.plan, place, clients.region, settings)
    if local:
        if plan.plan is None and store is not None:
            plan = plan_files.NamedPlan(plan.id, store.read(plan.id))
            _must_fit(plan.plan, place, clients.region, settings)
        if not dry_run:
            _must_be_typed(plan, place)
        applied = applying.from_here(
            connection,
            settings,
            place.function,
            plan,
            dry_run=dry_run,
            # Whoever changed a setting meanwhile meant it.
            still_fits=lambda: _must_fit(plan.plan, place, clients.region, _settings(clients, function)),
        )
    else:
        if plan.file is not None and store is not None:
            _must_lie_there(plan, store)
        applied = applying.by_function(connection, function, plan.id, dry_run=dry_run)
    output.emit(output_format, applied.as_json, lambda console: applying.show(applied, console))
    sys.exit(session.EXIT_CODES[applied.status])


def _settings(clients: AwsClients, function: str) -> Settings:
    """What holds now.

    Raises:
        ApprovalError: No plan can be carried out with it.
        AwsError: The function may not be read.
        CleanerError: It is no cleaner, or its settings are not understood.
    """
    settings = known_settings.of_function(clients, function).value
    if refusals := refusals_to_apply(settings):
        raise ApprovalError("; ".join(one.removeprefix("event: action: apply: ") for one in refusals))
    return settings


def _must_fit(plan: approval_plan.SavedPlan | None, place: Place, region: str, settings: Settings) -> None:
    """Refuse what the function would refuse, before anything is asked of it.

    Raises:
        ApprovalError: The plan is too old, or for something else.
    """
    if plan is not None:
        approval_plan.check(
            plan,
            account=place.account,
            region=region,
            function=place.function,
            removal=settings.removal_mode,
            settings_sha256=settings.sha256,
            now=utc_now(),
        )


def _must_lie_there(plan: NamedPlan, store: PlanStore) -> None:
    """Refuse a file that the function could not read, and say how it gets there.

    Raises:
        NoPlanError: It does not lie in the function's bucket.
        HistoryError: The bucket does not answer.
    """
    try:
        store.read(plan.id)
    except NoPlanError:
        place = store.place(store.key(plan.id))
        message = (
            "the function knows the plans in its own bucket, and this one is not there, or you may not read it:"
            f" {place}; put it there and apply it again: aws s3 cp {plan.file} {place}"
        )
        raise NoPlanError(message) from None


def _does(plan: approval_plan.SavedPlan | None) -> str:
    """What carrying a plan out does to its images at most."""
    return "archives or deletes up to" if plan is not None and plan.removal == "archive" else "deletes up to"


def _must_be_typed(plan: NamedPlan, place: Place) -> None:
    """Ask a person for the number of images.

    Raises:
        click.ClickException: Nobody is there to be asked, or the number is another one.
    """
    if not sys.stdin.isatty():
        message = "--local asks a person at a terminal, and standard input is none"
        raise click.ClickException(message)
    images = plan.plan.images if plan.plan else 0
    repositories = len(plan.plan.repositories) if plan.plan else 0
    click.echo(
        f"This {_does(plan.plan)} {images} images of {repositories} repositories in account {place.account},"
        f" {place.region}, from here and with your credentials. Deleted images do not come back.",
        err=True,
    )
    typed = click.prompt("Type the number of images to go on", default="", show_default=False, err=True)
    if typed.strip() != str(images):
        message = "that is another number: nothing was removed"
        raise click.ClickException(message)
