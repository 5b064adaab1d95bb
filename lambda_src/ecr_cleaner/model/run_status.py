"""How a run ends. The words stand in logs, reports and metrics."""

from enum import StrEnum


class RunStatus(StrEnum):
    """How a run ended.

    ``refused``: it could not be sure, so it removed nothing more. ``incomplete``: time ran out.
    ``failed``: something else did not go as it should. ``degraded``: all of this account went as it should; what other
    accounts may pull that could not be looked at completely was skipped. ``continued``: another invocation of the same
    night goes on with what is left.
    """

    COMPLETED = "completed"
    DEGRADED = "degraded"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"
    FAILED = "failed"
    CONTINUED = "continued"
