"""What the invocations of one night tell each other, in S3.

::

    <prefix>runs/<night>/night.json                                how far it came
    <prefix>runs/<night>/<round>/targets.json                      which scans the round demands
    <prefix>runs/<night>/<round>/items.json                        the same as events of the function
    <prefix>runs/<night>/<round>/scans/<account>/<region>.json.gz  one scan

Every object but the first is written once: of two invocations that do the same the first one counts. What is there is
read from here alone; nobody asks Step Functions what came of its children.
"""

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ecr_cleaner import schema
from ecr_cleaner.aws import s3
from ecr_cleaner.errors import AbsentError, NightError, NotWholeError, ReplacedError
from ecr_cleaner.model.night import Night
from ecr_cleaner.model.requested_scans import RequestedScans
from ecr_cleaner.model.scan import TargetScan
from ecr_cleaner.model.usage import ScanTarget

FOLDER: Final = "runs/"

LARGEST_SCAN: Final = 256 * 2**20
"""Bytes of a scan as JSON at most: far more than that of the largest account."""

_NIGHT: Final = "night.json"


@dataclass(slots=True)
class NightStore(s3.Folder):
    """One night; its prefix is that of the night.

    Attributes:
        name: Of the execution of the state machine.
    """

    name: str

    def begin_round(self, now: datetime) -> Night:
        """Begin the first round, or the next one.

        Raises:
            HistoryError: It could not be read or written.
            NightError: The night is over, or another invocation begins the same round.
        """
        try:
            found = self.get_object(_NIGHT)
        except AbsentError:
            night, etag = Night(self.name, now), None
        else:
            night, etag = schema.unseal(Night, found.body, self.uri(_NIGHT)), found.etag
            if night.is_over:
                message = f"the night {self.name} is over, after {night.round} rounds"
                raise NightError(message)
            night = replace(night, round=night.round + 1)
        self.write(night, etag)
        return night

    def read(self, number: int) -> tuple[Night, str]:
        """The night in one of its rounds, and its ETag.

        Raises:
            HistoryError: It could not be read.
            NightError: It is not in this round, or over.
        """
        found = self.get_object(_NIGHT)
        night = schema.unseal(Night, found.body, self.uri(_NIGHT))
        if (night.name, night.round) != (self.name, number) or night.is_over:
            ended = " and is over" if night.is_over else ""
            message = f"round {number} of the night {self.name} is to be ended, which is in round {night.round}{ended}"
            raise NightError(message)
        return night, found.etag

    def write(self, night: Night, etag: str | None) -> None:
        """Write down how far the night came.

        Raises:
            HistoryError: It could not be written.
            NightError: Another invocation did so meanwhile.
        """
        try:
            self.ensure_object(_NIGHT, schema.seal(night), etag)
        except ReplacedError:
            message = f"another invocation goes on with the night {self.name}"
            raise NightError(message) from None

    def write_requested(self, number: int, requested: RequestedScans) -> str:
        """Write down which scans a round demands.

        Returns:
            The key of the list for the state machine.

        Raises:
            HistoryError: It could not be written.
        """
        of_all = {"schema_version": 1, "action": "scan", "night": self.name, "round": number}
        items = [
            of_all | {"account_id": target.account_id, "region": target.region} for target in requested.request.targets
        ]
        self.ensure_object(f"{number}/targets.json", schema.seal(requested), None)
        self.ensure_object(f"{number}/items.json", json.dumps(items).encode(), None)
        return f"{self.prefix}{number}/items.json"

    def read_requested(self, number: int) -> RequestedScans:
        """Which scans a round demands.

        Raises:
            HistoryError: They could not be read.
        """
        name = f"{number}/targets.json"
        return schema.unseal(RequestedScans, self.get_object(name).body, self.uri(name))

    def write_scan(self, number: int, scan: TargetScan) -> bool:
        """Write a scan down, unless there is one of the same target already.

        Returns:
            Whether it was written.

        Raises:
            HistoryError: It could not be written.
        """
        try:
            body = gzip.compress(schema.seal(scan), mtime=0)
            self.put_object(_name(number, scan.target), body, None, "application/gzip")
        except ReplacedError:
            return False
        return True

    def read_scan(self, number: int, target: ScanTarget) -> TargetScan:
        """The scan of a target.

        Raises:
            AbsentError: There is none.
            HistoryError: It could not be read, or is damaged.
        """
        name = _name(number, target)
        packed = self.get_object(name).body
        unpacked = zlib.decompressobj(wbits=31)
        try:
            body = unpacked.decompress(packed, LARGEST_SCAN)
        except zlib.error:
            body = b""
        if not unpacked.eof:
            message = f"{self.uri(name)} was cut short, changed, or has more than {LARGEST_SCAN} bytes"
            raise NotWholeError(message)
        return schema.unseal(TargetScan, body, self.uri(name))


def _name(number: int, target: ScanTarget) -> str:
    return f"{number}/scans/{target.account_id}/{target.region}.json.gz"
