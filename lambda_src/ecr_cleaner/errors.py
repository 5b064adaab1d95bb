"""Everything this package raises on purpose, as one small tree.

::

    CleanerError
    ├── SettingsError               settings or event not understood: nothing is done
    ├── UnreadableReferenceError    looks like a private ECR image, cannot be parsed
    ├── IncompleteAnswerError       AWS answered 200 without a member that must be there
    ├── NoSuchImageError            no image is what a person on the command line asked for
    ├── RepositoryError             one repository cannot be handled; the others go on
    ├── SourceError                 one usage source could not give a full answer
    │   ├── MissingError            AWS does not find what it listed itself
    │   └── ClusterError            a Kubernetes cluster did not give a full answer
    ├── HistoryError                what is known of the past cannot be read, trusted or written
    │   ├── AbsentError             an object is not there, or may not be read
    │   ├── NotWholeError           an object is not what was written
    │   └── ReplacedError           an object was written by somebody else meanwhile
    ├── WrongAccountError           credentials are of another account than they should be
    ├── ApprovalError               a saved plan cannot be written, trusted or carried out
    │   └── NoPlanError             there is no such plan, or it may not be read
    ├── OutOfTimeError              no time is left for one more call
    ├── LockHeldError               another run is under way
    ├── NightError                  the rounds of a night of the state machine do not fit together
    ├── AnnouncementError           the ended run could not be told to those who were not there
    └── RunFailedError              what the handler raises: one line of JSON
"""

import json
from collections.abc import Iterable
from typing import Final

_QUOTED: Final = 300
"""Characters of a text from outside that a message quotes."""


class CleanerError(Exception):
    """Base of every error that the package raises itself."""


class SettingsError(CleanerError):
    """The settings or the event cannot be understood.

    Attributes:
        problems: One sentence for every problem found, so that all are mended at once.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class UnreadableReferenceError(CleanerError):
    """A text that names a private ECR registry, yet is no image reference.

    Attributes:
        text: As it was found.
        rule: What it would have to be.
    """

    def __init__(self, text: str, rule: str) -> None:
        self.text = text
        self.rule = rule
        super().__init__(f"image reference {text[:_QUOTED]!r} looks like Amazon ECR but cannot be read: {rule}")


class IncompleteAnswerError(CleanerError):
    """AWS returned success, but a member that such a response always has is missing.

    botocore turns a truncated body into a response that merely lacks members; read with a default, it would mean
    "nothing is in use".

    Attributes:
        operation: As AWS writes it.
    """

    def __init__(self, operation: str, member: str) -> None:
        """Say what is incomplete.

        Args:
            operation: As AWS writes it.
            member: The missing member, or a description of what else is wrong.
        """
        self.operation = operation
        problem = f"field {member!r} is missing" if member.isidentifier() else member
        super().__init__(f"Incomplete response from {operation}: {problem} (possibly truncated)")


class RepositoryError(CleanerError):
    """One repository cannot be handled; nothing in it is removed and the run fails at its end."""


class NoSuchImageError(CleanerError):
    """No image is what a person asked for, wherever it could be looked for."""


class SourceError(CleanerError):
    """A usage source did not give a full answer, for a cause that it states itself.

    Attributes:
        gaps: The entries of ``accepted_gaps`` that would accept it, where these are narrower than the whole source.
    """

    def __init__(self, message: str, gaps: Iterable[str] = ()) -> None:
        self.gaps = tuple(gaps)
        super().__init__(message)


class MissingError(SourceError):
    """AWS does not find something that it named itself; perhaps it was deleted in between."""


class ClusterError(SourceError):
    """A Kubernetes cluster did not give a full answer.

    Attributes:
        status: HTTP status of its answer; None: there was none, or it was not complete.
        is_unreachable: Whether no connection could be made.
    """

    def __init__(
        self, message: str, status: int | None = None, gaps: Iterable[str] = (), *, is_unreachable: bool = False
    ) -> None:
        super().__init__(message, gaps)
        self.status = status
        self.is_unreachable = is_unreachable


class HistoryError(CleanerError):
    """What is known of the past cannot be read, trusted or written. Forgotten is not unused."""


class AbsentError(HistoryError):
    """An object does not exist, or may not be read: without ``s3:ListBucket`` S3 does not tell which."""


class NotWholeError(HistoryError):
    """An object was read, and is not what this package wrote."""


class ReplacedError(HistoryError):
    """An object is not the one any more that was to be replaced."""


class WrongAccountError(CleanerError):
    """Credentials are of another account than they should be: what they see would be taken for that account's."""

    def __init__(self, what: str, account_id: str, found: str) -> None:
        super().__init__(f"{what} is in account {found or 'unknown'}, not in {account_id}")


class ApprovalError(CleanerError):
    """A saved plan cannot be written, trusted or carried out: nothing is removed."""


class NoPlanError(ApprovalError):
    """There is no such plan, or it may not be read: S3 does not tell which."""


class OutOfTimeError(CleanerError):
    """There is not enough time left for one more call and for the report."""

    def __init__(self, operation: str, slowest: str = "") -> None:
        super().__init__(f"time ran out before {operation}{slowest}")
        self.operation = operation


class LockHeldError(CleanerError):
    """Another run holds the lock."""


class NightError(CleanerError):
    """The rounds of a night of the state machine do not fit together."""


class AnnouncementError(CleanerError):
    """An event of the ended run was not accepted."""


class RunFailedError(CleanerError):
    """The run did less than it should; the report is already written.

    The message is one line of JSON with ``run_id``, ``status`` and ``causes``, so that the error a
    person finds in the queue or the console says what to do.
    """

    def __init__(self, run_id: str, status: str, causes: Iterable[str]) -> None:
        self.status = status
        self.causes = tuple(causes)
        super().__init__(json.dumps({"run_id": run_id, "status": status, "causes": self.causes}))
