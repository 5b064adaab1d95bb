"""Options that several commands share: each decorator adds options and passes them on as one value."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, BinaryIO, Final

import click
from click.core import ParameterSource
from pydantic import ValidationError

from ecr_cleaner.cli import known_settings
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.compose import KNOWN_SOURCES
from ecr_cleaner.errors import SettingsError
from ecr_cleaner.printable import printable
from ecr_cleaner.schema import sentences
from ecr_cleaner.settings.gaps import ACCOUNT
from ecr_cleaner.settings.loader import DEFAULT_KEEP_DAYS, Settings

Command = Callable[..., Any]


def connection(command: Command) -> Command:
    """``--region``, ``--profile`` and ``--quiet``, passed on as ``connection``, a `Connection`."""

    @click.option("--region", help="AWS region; default: that of the AWS configuration.")
    @click.option("--profile", help="Profile of the AWS configuration.")
    @click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
    @wraps(command)
    def with_connection(region: str | None, profile: str | None, *, quiet: bool, **others: Any) -> Any:
        return command(connection=Connection(region, profile, quiet=quiet), **others)

    return with_connection


_SETTINGS: Final[dict[str, Callable[[Command], Command]]] = {
    "function": click.option(
        "--function", metavar="NAME", help="Use the settings of this deployed function, and its bucket."
    ),
    "copy": click.option(
        "--settings",
        "copy",
        type=click.File("rb"),
        metavar="FILE",
        help="Use a copy of the settings: the JSON document, or the environment of the function; - reads"
        " standard input.",
    ),
    "keep_days": click.option(
        "--keep-days",
        type=click.IntRange(1, 99_999),
        default=DEFAULT_KEEP_DAYS,
        show_default=True,
        help="Age limit of repositories without the tag BoxCleanerKeepDays.",
    ),
    "accepted_gaps": click.option(
        "--accept-gap",
        "accepted_gaps",
        multiple=True,
        metavar="KIND:NAME",
        help="A key of accepted_gaps; may be repeated.",
    ),
    "protected_images": click.option(
        "--protected-image",
        "protected_images",
        multiple=True,
        metavar="IMAGE",
        help="As in protected_images; may be repeated.",
    ),
    "used_images_uri": click.option("--used-images-uri", metavar="URI", help="As in used_images_uri."),
    "used_images_max_age_hours": click.option(
        "--used-images-max-age-hours",
        type=click.IntRange(1, 99_999),
        default=24,
        show_default=True,
        help="As in used_images_max_age_hours.",
    ),
}


def settings(command: Command) -> Command:
    """The settings, and accounts that are looked at beside those of the settings, passed on as by `deployed`."""

    @click.option(
        "--accounts",
        multiple=True,
        callback=_profiles,
        metavar="ID[=PROFILE]",
        help="Also look at the consumers of this account: by the role of the settings, or by a profile of yours; may be"
        " repeated.",
    )
    @wraps(command)
    def with_accounts(
        connection: Connection, settings: KnownSettings, accounts: dict[str, str | None], **options: Any
    ) -> Any:
        connection.profiles.update({one: profile for one, profile in accounts.items() if profile is not None})
        # All accounts of an organization are looked at anyway.
        more = () if settings.value.organization else accounts
        named = tuple(dict.fromkeys([*settings.value.accounts, *more]))
        value = settings.value.model_copy(update={"accounts": named})
        return command(connection=connection, settings=replace(settings, value=value), **options)

    return _with_settings(with_accounts, tuple(_SETTINGS))


def _profiles(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str | None]:
    """Account ids to profiles, None where there is none; the callback of an option.

    Raises:
        click.BadParameter: One is not that, or an account is there twice.
    """
    found: dict[str, str | None] = {}
    for value in values:
        account, _, profile = value.partition("=")
        if not re.fullmatch(ACCOUNT, account) or value.endswith("="):
            message = f"{value!r} is not ID or ID=PROFILE, such as 222233334444=shop"
            raise click.BadParameter(message)
        if account in found:
            message = f"{account} is there twice"
            raise click.BadParameter(message)
        found[account] = profile or None
    return found


def _with_settings(command: Command, names: Sequence[str]) -> Command:
    for name in reversed(names):
        command = _SETTINGS[name](command)

    @wraps(command)
    def with_settings(connection: Connection, **options: Any) -> Any:
        values = {name: options.pop(name) for name in names}
        return command(connection=connection, settings=_read(connection, **values), **options)

    return with_settings


def deployed(command: Command) -> Command:
    """The settings, passed on as ``settings``, a `KnownSettings`; to be used below `connection`.

    Without those of single options, for commands that only need to find history and journal.
    """
    return _with_settings(command, ("function", "copy"))


def _read(
    connection: Connection,
    function: str | None,
    copy: BinaryIO | None,
    keep_days: int = DEFAULT_KEEP_DAYS,
    **single: Any,
) -> KnownSettings:
    try:
        if copy is not None:
            # click names standard input in full; "-" would be unclear in messages.
            content = known_settings.read_copy(copy.name, copy.read())
            # Only the document does not contain the default age limit.
            _must_not_contradict(keep_days_too=not isinstance(content, str))
            return known_settings.of_copy(copy.name, content, lambda: connection.clients, keep_days)
        _must_not_contradict()
        if function is None:
            return KnownSettings(_of_options(keep_days, **single))
    except SettingsError as error:
        raise click.UsageError("\n".join(map(printable, error.problems))) from None
    except ValidationError as error:
        raise click.UsageError("\n".join(map(printable, sentences("settings", error)))) from None
    return known_settings.of_function(connection.clients, function)


def _must_not_contradict(*, keep_days_too: bool = True) -> None:
    """Refuse settings from more than one origin.

    Raises:
        click.UsageError: Names the options.
    """
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in _SETTINGS
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        and (keep_days_too or parameter.name != "keep_days")
    ]
    if len(given) > 1 and {"--function", "--settings"} & set(given):
        message = f"{', '.join(given[:-1])} and {given[-1]} exclude each other: settings come from one place"
        raise click.UsageError(message)


def _of_options(
    keep_days: int,
    accepted_gaps: tuple[str, ...] = (),
    protected_images: tuple[str, ...] = (),
    used_images_uri: str | None = None,
    used_images_max_age_hours: int | None = None,
) -> Settings:
    location = None
    if used_images_uri is not None:
        match = re.fullmatch(r"s3://(?P<bucket>[^/]+)/(?P<prefix>.+/)", used_images_uri)
        if match is None:
            message = f"{used_images_uri!r} is no place of used images: write s3://bucket/prefix/"
            raise click.UsageError(message)
        location = {**match.groupdict(), "max_age_hours": used_images_max_age_hours}
    return Settings.model_validate(
        {
            "default_keep_days": keep_days,
            "regions": "enabled",
            "accepted_gaps": dict.fromkeys(accepted_gaps, "accepted on the command line"),
            "protected_images": frozenset(protected_images),
            "used_images": location,
        },
        context={"sources": KNOWN_SOURCES},
    )
