"""The document of a run: all usages, verdicts and removals, as one JSON object.

``docs/report.schema.json`` is its schema. It is written during the run: the images go into a temporary file, one on a
line, so that they are not in memory; how their removals ended is added at the end.
"""

import json
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any, Final

from ecr_cleaner import __version__
from ecr_cleaner.model.calls import RunCalls
from ecr_cleaner.model.finding import FindingKind
from ecr_cleaner.model.plan import Removal, RepositoryPlan
from ecr_cleaner.model.report import Changes
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.printable import printable
from ecr_cleaner.report import changes
from ecr_cleaner.report.changes import Earlier
from ecr_cleaner.report.next_step import next_step
from ecr_cleaner.report.remedies import WHAT_TO_DO
from ecr_cleaner.report.reporter import Reporter, verdict_json
from ecr_cleaner.report.savings import as_csv, by_repository, by_tag, savings
from ecr_cleaner.report.summary import run_json
from ecr_cleaner.schema import NotNegative, Strict

SCHEMA_VERSION: Final = 1

_AS_IN_THE_SUMMARY: Final = (
    "headline",
    "causes",
    "notes",
    "unprotected",
    "deferred",
    "changes",
    "findings",
    "sources",
    "source_totals",
    "slowest_sources",
    "other_accounts",
    "repositories",
)


class TrendPoint(Strict):
    """What later runs remember of one run; the numbers are its totals."""

    run_id: str
    started_at: str
    status: str
    dry_run: bool
    images: NotNegative
    removable: NotNegative
    removed: NotNegative
    bytes_total: NotNegative
    bytes_removable: NotNegative
    bytes_removed: NotNegative


class DocumentReporter(Reporter):
    """Records the run for the document, which contains the settings; `close` it once the document is written.

    Attributes:
        started_at: When recording started; UTC.
        failure: Why the document is incomplete; the run goes on all the same.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        clock: Callable[[], datetime],
        function_name: str = "ecr-cleaner",
        calls: Callable[[], RunCalls] = RunCalls,
    ) -> None:
        self.started_at = clock()
        self.failure: OSError | None = None
        self._settings = settings
        self._clock = clock
        self._function = function_name
        self._calls = calls
        self._images: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the run has ended, however it does
        weakref.finalize(self, self._images.close)
        self._endings: dict[bytes, bytes] = {}  # only of images to be removed

    def evaluated(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:  # noqa: ARG002 - the run's own words
        """Record the verdicts of one repository."""
        try:
            for verdict in plan.verdicts:
                image = {**verdict_json(verdict), "index": verdict.image.is_index}
                image |= {"active": verdict.image.active, "storage_class": verdict.image.storage_class}
                self._images.write(_line(image))
        except OSError as error:  # the disk is full: the run goes on, and says so at its end
            self.failure = self.failure or error

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """Record the images that are kept because of a limit; none of a refused run."""
        for verdict in () if refused else plan.removals:
            self._end(verdict.image.repository, verdict.image.digest, "withheld")

    def removal(self, removal: Removal) -> None:
        """Record how one removal ended."""
        image = removal.verdict.image
        self._end(image.repository, image.digest, removal.status.value, removal.codes, removal.detail)

    def close(self) -> None:
        """Delete the temporary file."""
        self._images.close()

    def write(self, target: IO[bytes], result: RunResult, former: Iterable[TrendPoint] = ()) -> None:
        """Write the document.

        Args:
            target: Where to.
            result: Of the ended run.
            former: `trend_of` former runs, the oldest first.

        Raises:
            OSError: It could not be written.
        """
        head = self._head(result, [*former, self.trend_of(result)])
        target.write(json.dumps(printable(head), separators=(",", ":"))[:-1].encode())
        _write_list(target, "usages", (_line(_usage_json(one)) for one in (result.scan.usages if result.scan else ())))
        _write_list(target, "images", self._ended_images())
        target.write(b"}\n")

    def savings_csv(self, result: RunResult) -> bytes:
        """The savings of each repository, for a spreadsheet."""
        price, removal_mode = self._settings["storage_price_per_gb_month"], self._settings["removal_mode"]
        rows = by_repository(run_json(result)["repositories"], price, removal_mode)
        return as_csv(printable(rows), self._settings["savings_tag_key"]).encode()

    def compared(self, before: Earlier, result: RunResult) -> Changes:
        """What is otherwise than in an earlier run."""
        self._images.seek(0)
        return changes.compared(
            before, printable(run_json(result, everything=True)), (json.loads(line) for line in self._images)
        )

    def trend_of(self, result: RunResult) -> TrendPoint:
        """What the trend of later runs shows."""
        summary = run_json(result)
        known = {**summary, **summary["totals"], "started_at": self.started_at.isoformat()}
        return TrendPoint(**{name: known[name] for name in TrendPoint.model_fields})

    def _head(self, result: RunResult, trend: Iterable[TrendPoint]) -> dict[str, Any]:
        summary = run_json(result, everything=True)
        tag_key = self._settings["savings_tag_key"]
        found, step = summary["findings"], next_step(summary, self._function)
        price, removal_mode = self._settings["storage_price_per_gb_month"], self._settings["removal_mode"]
        return {
            "schema_version": SCHEMA_VERSION,
            "run": {
                "id": result.run_id,
                "account_id": result.account_id,
                "region": result.region,
                "started_at": self.started_at.isoformat(),
                "ended_at": self._clock().isoformat(),
                "duration_seconds": summary["duration_seconds"],
                "status": summary["status"],
                "dry_run": result.dry_run,
                "version": __version__,
                "settings": dict(self._settings),
            },
            "totals": summary["totals"],
            "savings": {
                **savings(summary["totals"], price, removal_mode),
                "by_repository": by_repository(summary["repositories"], price, removal_mode),
                "by_tag": {"key": tag_key, "values": by_tag(summary["repositories"], price, removal_mode)}
                if tag_key is not None
                else None,
            },
            "calls": self._calls().as_json(),
            **{name: summary[name] for name in _AS_IN_THE_SUMMARY},
            "what_to_do": {kind: WHAT_TO_DO[FindingKind(kind)] for kind in sorted({one["kind"] for one in found})},
            "next_step": {"sentence": step[0], "command": step[1]} if step else None,
            "trend": [point.model_dump() for point in trend],
        }

    def _end(self, repository: str, digest: str, status: str, codes: Sequence[str] = (), detail: str = "") -> None:
        begin = _line({"repository": repository, "digest": digest}).removesuffix(b"}\n")
        self._endings[begin] = _line({"status": status, "codes": list(codes), "detail": detail}).rstrip()

    def _ended_images(self) -> Iterator[bytes]:
        """The images, each with how its removal ended, without reading what was written: there may be millions."""
        self._images.seek(0)
        for line in self._images:
            # As `verdict_json` begins. Within a string, the quotation marks would be escaped.
            begin = line[: line.index(b',"tags":')]
            yield b"".join((line.removesuffix(b"}\n"), b',"removal":', self._endings.get(begin, b"null"), b"}"))


def _usage_json(usage: Usage) -> dict[str, Any]:
    """One usage as JSON-native values."""
    reference = usage.reference
    return {
        "source": usage.source,
        "consumer": usage.consumer,
        "consumer_arn": usage.consumer_arn,
        "evidence": usage.evidence.value,
        "reference": reference.text,
        "account_id": reference.account,
        "region": reference.region,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": reference.digest,
        "breadth": reference.breadth.value,
        "failure": usage.failure,
        "found_in": asdict(usage.target) | {"cluster": usage.cluster} if usage.target else None,
    }


_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode


def _line(value: dict[str, Any]) -> bytes:
    text = _encoded(value)
    # JSON escapes whatever is no printable character of ASCII, so most lines need no second look.
    return (_encoded(printable(value)) if "\\" in text else text).encode() + b"\n"


def _write_list(target: IO[bytes], name: str, lines: Iterable[bytes]) -> None:
    """A member that is a list, one item on a line."""
    target.write(f',"{name}":['.encode())
    separator = b"\n"
    for line in lines:
        target.write(separator + line.rstrip(b"\n"))
        separator = b",\n"
    target.write(b"\n]")
