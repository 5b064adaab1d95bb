"""Stores the documents and pages of runs.

::

    <prefix>reports/<YYYY>/<MM>/<DD>/<run id>.json   the document of a run, by the day in UTC on which it began
    <prefix>reports/<YYYY>/<MM>/<DD>/<run id>.html   its page
    <prefix>reports/<YYYY>/<MM>/<DD>/<run id>.csv    the savings of each repository
    <prefix>reports/latest.json, latest.html, .csv   those of the last run
    <prefix>reports/trend.json                       totals of the last runs; of which accounts people were told

No decision depends on these objects.
"""

import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import IO, Final, Literal, Protocol

from pydantic import ValidationError

from ecr_cleaner.aws import errors, s3
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import AbsentError, CleanerError, ReplacedError
from ecr_cleaner.model.report import Changes, StoredReport
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.report import html_page
from ecr_cleaner.report.changes import AccountsNotification, earlier, with_accounts
from ecr_cleaner.report.document import DocumentReporter, TrendPoint
from ecr_cleaner.schema import Strict

TREND_RUNS: Final = 90
"""Number of runs in the trend."""

_HTML: Final = "text/html; charset=utf-8"

_CSV: Final = "text/csv; charset=utf-8"

_JSON: Final = "application/json"

FAILURES: Final = (CleanerError, OSError, *errors.AwsError)
"""Exceptions that storing a report may raise."""


class ReportKeeper(Protocol):
    """Keeps the reports of ended runs."""

    def keep(self, document: DocumentReporter, result: RunResult) -> StoredReport:
        """Keep document and page of an ended run, or some of them.

        Raises:
            CleanerError: They cannot be kept.
            OSError: Likewise.
        """


class Trend(Strict):
    """What runs remember for later reports.

    Attributes:
        runs: The totals of the last runs, the oldest first.
        accounts_notification: When people were told last of other accounts, and of which; None: never.
    """

    schema_version: Literal[1]
    runs: list[TrendPoint]
    accounts_notification: AccountsNotification | None = None


@dataclass(frozen=True, slots=True)
class ReportStore:
    """The reports of one instance of the module.

    Attributes:
        clients: Of the run.
        bucket: Where they lie.
        prefix: Of all keys; ends with a slash.
    """

    clients: AwsClients
    bucket: str
    prefix: str

    def keep(self, document: DocumentReporter, result: RunResult) -> StoredReport:
        """Write document and page of an ended run, and remember its totals.

        Raises:
            HistoryError: Something could not be read.
            OSError: The disk is full.
        """
        trend, etag, notes = self._trend(result.run_id)
        former = trend.runs
        changes, notification = with_accounts(
            self._changes(document, result, former),
            trend.accounts_notification,
            result.other_accounts,
            document.started_at,
        )
        result = replace(result, notes=(*result.notes, *notes), changes=changes)
        name = f"{document.started_at:%Y/%m/%d}/{result.run_id}"
        location = None
        try:
            with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as html:
                document.write(file, result, former)
                file.seek(0)
                html_page.write(file, html)
                savings = BytesIO(document.savings_csv(result))
                for where in (name, "latest"):
                    self._put(f"{where}.json", file, _JSON)
                    self._put(f"{where}.html", html, _HTML)
                    self._put(f"{where}.csv", savings, _CSV)
            # A page that cannot be written is not named.
            location = self._uri(f"{name}.html")
            self._replace(
                Trend(schema_version=1, runs=[*former, document.trend_of(result)], accounts_notification=notification),
                etag,
            )
        except FAILURES as error:
            return StoredReport(location, notes, (problem_of(error),), changes)
        return StoredReport(location, notes, changes=changes)

    def _changes(self, document: DocumentReporter, result: RunResult, former: list[TrendPoint]) -> Changes:
        """What is otherwise than in the last run that knew what is in use; that it is not known is no failure."""
        last = next((one for one in reversed(former) if one.status != RunStatus.REFUSED), None)
        if last is None:
            return Changes(unknown="there is no earlier report of a run that was not refused")
        name = f"{last.started_at[:10].replace('-', '/')}/{last.run_id}.json"
        try:
            with tempfile.TemporaryFile() as file:
                s3.fetch(self.clients, self.bucket, self._key(name), file)
                file.seek(0)
                before = earlier(file)
            return document.compared(before, result)
        except FAILURES as error:
            return Changes(unknown=f"the last report could not be read: {errors.sentence(error)}")
        except (ValueError, LookupError, TypeError, AttributeError):
            return Changes(unknown=f"the last report was not understood: {self._uri(name)}")

    def _put(self, name: str, file: IO[bytes], content_type: str) -> None:
        s3.put(self.clients, self.bucket, self._key(name), file, content_type)

    def _trend(self, run_id: str) -> tuple[Trend, str | None, tuple[str, ...]]:
        """What former runs remembered; what names the object that a write replaces, None: there is none; and notes."""
        try:
            stored = s3.read(self.clients, self.bucket, self._key("trend.json"))
        except AbsentError:
            # There is none yet, or it may not be read: then the write, on the condition that there is none, fails.
            return Trend(schema_version=1, runs=[]), None, ()
        notes: tuple[str, ...] = ()
        try:
            trend = Trend.model_validate_json(stored.body)
        except ValidationError:
            where = self._uri("trend.json")
            notes = (f"the totals of former runs were not understood and begin anew: {where}",)
            trend = Trend(schema_version=1, runs=[])
        former = [one for one in trend.runs if one.run_id != run_id][1 - TREND_RUNS :]
        return trend.model_copy(update={"runs": former}), stored.etag, notes

    def _replace(self, trend: Trend, etag: str | None) -> None:
        body = trend.model_dump_json(exclude_none=True).encode() + b"\n"
        try:
            s3.write(self.clients, self.bucket, self._key("trend.json"), body, etag)
        except ReplacedError:
            # By this run's own first try, whose answer got lost: the same bytes. Anybody else's stay.
            if s3.read(self.clients, self.bucket, self._key("trend.json")).body != body:
                raise

    def _key(self, name: str) -> str:
        return f"{self.prefix}reports/{name}"

    def _uri(self, name: str) -> str:
        return f"s3://{self.bucket}/{self._key(name)}"


@dataclass(frozen=True, slots=True)
class LocalPage:
    """The page of a run as a file on this machine.

    Attributes:
        path: Of the file; replaced if there is one.
    """

    path: Path

    def keep(self, document: DocumentReporter, result: RunResult) -> StoredReport:
        """Write the page of an ended run.

        Raises:
            OSError: It cannot be written.
        """
        with tempfile.TemporaryFile() as file, self.path.open("wb") as html:
            document.write(file, result)
            file.seek(0)
            html_page.write(file, html)
        return StoredReport(str(self.path))


def store(keeper: ReportKeeper, document: DocumentReporter, result: RunResult) -> StoredReport:
    """Have the report of an ended run kept; that it cannot be is a problem of the run, and no error."""
    with closing(document):
        try:
            if document.failure is not None:
                raise document.failure
            return keeper.keep(document, result)
        except FAILURES as error:
            return StoredReport(problems=(problem_of(error),))


def problem_of(error: Exception) -> str:
    """One sentence for a report that could not be written."""
    return f"the report could not be written: {errors.sentence(error)}"
