"""The only wall clock of the package: whoever needs the time is given this function, or a moment."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, with a timezone, whichever zone the machine is in; goes on while a machine sleeps, and may be put back."""
    return datetime.now(UTC)
