"""The document of a run: all usages, verdicts and removals, as one JSON object.

``docs/report.schema.json`` is its schema. It is written during the run: the images go into a temporary file, one on a
line, so that they are not in memory; how their removals ended is added at the end.
"""

import json
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import IO, Any, Final, Literal

from ecr_cleaner import __version__
from ecr_cleaner.model.plan import Removal, RepositoryPlan
from ecr_cleaner.model.result import RepositoryResult, RunResult
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.report.reporter import verdict_json
from ecr_cleaner.report.savings import savings
from ecr_cleaner.report.summary import run_json

SCHEMA_VERSION: Final = 1

_TREND_TOTALS: Final = ("images", "removable", "removed", "bytes_total", "bytes_removable", "bytes_removed")

_TOTALS: Final = (
    *(*_TREND_TOTALS, "kept", "in_use", "bytes_in_use", "deferred", "failed", "partly_untagged"),
    *("archived", "bytes_archived", "bytes_in_archive", "bytes_removable_from_archive"),
)

_REPOSITORY: Final = (
    *("name", "status", "detail", "setting", "keep_days", "rule"),
    *(*_TOTALS, "reasons", "removals", "failure_codes"),
)
"""The members in the schema; the summary may have more."""


@dataclass(frozen=True, slots=True)
class ReportedSettings:
    """The settings that a document contains or uses.

    Attributes:
        shown: All settings as JSON-native values.
        storage_price_per_gb_month: US dollars.
        removal_mode: Whether images are deleted or archived.
    """

    shown: Mapping[str, Any]
    storage_price_per_gb_month: float
    removal_mode: Literal["delete", "archive"]


class DocumentReporter:
    """Records the run for the document; `close` it once the document is written.

    Attributes:
        started_at: When recording started; UTC.
        failure: Why the document is incomplete; the run goes on all the same.
    """

    def __init__(self, settings: ReportedSettings, clock: Callable[[], datetime]) -> None:
        self.started_at = clock()
        self.failure: OSError | None = None
        self._settings = settings
        self._clock = clock
        self._images: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the run has ended, however it does
        weakref.finalize(self, self._images.close)
        self._endings: dict[tuple[str, str], dict[str, Any]] = {}  # only of images to be removed

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

    def repository(self, result: RepositoryResult) -> None:
        """Part of the run's."""

    def run(self, result: RunResult) -> None:
        """Written before the run has a result."""

    def close(self) -> None:
        """Delete the temporary file."""
        self._images.close()

    def write(self, target: IO[bytes], result: RunResult, former: Iterable[dict[str, Any]] = ()) -> None:
        """Write the document.

        Args:
            target: Where to.
            result: Of the ended run.
            former: `trend_of` former runs, the oldest first.

        Raises:
            OSError: It could not be written.
        """
        head = self._head(result)
        head["trend"] = [*former, self.trend_of(result)]
        target.write(json.dumps(head, separators=(",", ":"))[:-1].encode())
        _write_list(target, "usages", (_line(usage_json(one)) for one in (result.scan.usages if result.scan else ())))
        _write_list(target, "images", self._ended_images())
        target.write(b"}\n")

    def trend_of(self, result: RunResult) -> dict[str, Any]:
        """The totals that the trend of later runs shows, as JSON-native values."""
        totals = run_json(result)["totals"]
        return {
            "run_id": result.run_id,
            "started_at": self.started_at.isoformat(),
            "status": result.status.value,
            "dry_run": result.dry_run,
            **{name: totals[name] for name in _TREND_TOTALS},
        }

    def _head(self, result: RunResult) -> dict[str, Any]:
        summary = run_json(result)
        price = self._settings.storage_price_per_gb_month
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
                "settings": dict(self._settings.shown),
            },
            "totals": _picked(summary["totals"], _TOTALS),
            "savings": savings(summary["totals"], price, self._settings.removal_mode),
            "causes": summary["causes"],
            "notes": summary["notes"],
            "unprotected": summary["unprotected"],
            "deferred": summary["deferred"],
            "findings": [asdict(finding) for finding in result.findings],
            "sources": summary["sources"],
            "repositories": [_picked(one, _REPOSITORY) for one in summary["repositories"]],
        }

    def _end(self, repository: str, digest: str, status: str, codes: Sequence[str] = (), detail: str = "") -> None:
        self._endings[repository, digest] = {"status": status, "codes": list(codes), "detail": detail}

    def _ended_images(self) -> Iterator[bytes]:
        self._images.seek(0)
        for line in self._images:
            image = json.loads(line)
            yield _line({**image, "removal": self._endings.get((image["repository"], image["digest"]))})


def usage_json(usage: Usage) -> dict[str, Any]:
    """One usage as JSON-native values."""
    reference = usage.reference
    return {
        "source": usage.source,
        "consumer": usage.consumer,
        "evidence": usage.evidence.value,
        "reference": reference.text,
        "account_id": reference.account,
        "region": reference.region,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": reference.digest,
        "breadth": reference.breadth.value,
        "failure": usage.failure,
        "found_in": _found_in(usage),
    }


def _found_in(usage: Usage) -> dict[str, str | None] | None:
    """The account, region and cluster of its consumer."""
    if usage.target is None:
        return None
    return {"account_id": usage.target.account_id, "region": usage.target.region, "cluster": usage.cluster}


def _picked(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values[name] for name in names}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _write_list(target: IO[bytes], name: str, lines: Iterable[bytes]) -> None:
    """A member that is a list, one item on a line."""
    target.write(f',"{name}":['.encode())
    separator = b"\n"
    for line in lines:
        target.write(separator + line.rstrip(b"\n"))
        separator = b",\n"
    target.write(b"\n]")
