"""Keeps the documents and pages of runs.

::

    <prefix>reports/<YYYY>/<MM>/<DD>/<run id>.json   the document of a run, by the day in UTC on which it began
    <prefix>reports/<YYYY>/<MM>/<DD>/<run id>.html   its page
    <prefix>reports/latest.json, latest.html         those of the last run
    <prefix>reports/trend.json                       the totals of the last runs

Nothing here is ever read to decide something.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from ecr_cleaner.aws import s3
from ecr_cleaner.errors import AbsentError, ReplacedError
from ecr_cleaner.report import html_page
from ecr_cleaner.schema import Strict

if TYPE_CHECKING:
    from pathlib import Path

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.report.document import DocumentReporter
    from ecr_cleaner.report.summary import RunSummary

TREND_RUNS: Final = 90
"""Of how many runs the totals are kept."""


_HTML: Final = "text/html; charset=utf-8"


_JSON: Final = "application/json"


class TrendPoint(Strict):
    """What is remembered of one run; as `DocumentReporter.trend_of` says it."""

    run_id: str
    started_at: str
    status: str
    dry_run: bool
    images: Annotated[int, Field(ge=0)]
    removable: Annotated[int, Field(ge=0)]
    removed: Annotated[int, Field(ge=0)]
    bytes_total: Annotated[int, Field(ge=0)]
    bytes_removable: Annotated[int, Field(ge=0)]
    bytes_removed: Annotated[int, Field(ge=0)]


class Trend(Strict):
    """The totals of the last runs, the oldest first."""

    schema_version: Literal[1]
    runs: list[TrendPoint]


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

    def keep(self, recorder: DocumentReporter, summary: RunSummary) -> None:
        """Write document and page of an ended run, and tell its summary where the page lies.

        Raises:
            HistoryError: Something could not be read or written.
            OSError: The disk is full.
        """
        former, etag = self._trend(summary)
        name = f"{recorder.started_at:%Y/%m/%d}/{summary.run_id}"
        # A page that cannot be written is not named; the summary in the document names it as it will be.
        with tempfile.TemporaryFile() as document, tempfile.TemporaryFile() as html:
            recorder.write(document, summary, former)
            document.seek(0)
            html_page.write(document, html)
            for where in (name, "latest"):
                self._put(f"{where}.json", document, _JSON)
                self._put(f"{where}.html", html, _HTML)
        summary.report = self._uri(f"{name}.html")
        self._append(former, etag, recorder.trend_of(summary))

    def _put(self, name: str, file: IO[bytes], content_type: str) -> None:
        s3.put(self.clients, self.bucket, self._key(name), file, content_type)

    def _trend(self, summary: RunSummary) -> tuple[list[dict[str, Any]], str | None]:
        """The totals of former runs, and what names the object that a write replaces; None: there is none."""
        try:
            stored = s3.read(self.clients, self.bucket, self._key("trend.json"))
        except AbsentError:
            # There is none yet, or it may not be read: then the write, on the condition that there is none, fails.
            return [], None
        try:
            runs = Trend.model_validate_json(stored.body).runs
        except ValidationError:
            where = self._uri("trend.json")
            summary.notes.append(f"the totals of former runs were not understood and begin anew: {where}")
            runs = []
        return [point.model_dump() for point in runs if point.run_id != summary.run_id][1 - TREND_RUNS :], stored.etag

    def _append(self, former: list[dict[str, Any]], etag: str | None, point: dict[str, Any]) -> None:
        body = json.dumps({"schema_version": 1, "runs": [*former, point]}, separators=(",", ":")).encode() + b"\n"
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

    def keep(self, recorder: DocumentReporter, summary: RunSummary) -> None:
        """Write the page of an ended run.

        Raises:
            OSError: It cannot be written.
        """
        with tempfile.TemporaryFile() as document, self.path.open("wb") as html:
            recorder.write(document, summary)
            document.seek(0)
            html_page.write(document, html)
        summary.report = str(self.path)
