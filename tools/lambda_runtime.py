"""Invokes the function's handler from source, as Lambda would: same environment, same events, same log lines.

For where no container engine is there to run the image. ``python -m tools.lambda_runtime EVENT`` writes one JSON
document on each line: what the handler logged in the form of Lambda's JSON logging, and at last ``{"result": ...}``
or ``{"error": ...}``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
import uuid
from datetime import UTC, datetime
from typing import Final

from tools.terraform import ROOT

TIMEOUT_SECONDS: Final = 900.0

_LEVELS: Final = {"TRACE": logging.DEBUG, "FATAL": logging.CRITICAL, "WARN": logging.WARNING}
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message"}


class JsonLines(logging.Formatter):
    """Log records as AWS's runtime writes them: what came as ``extra`` lies beside the rest."""

    def __init__(self, request_id: str) -> None:
        super().__init__()
        self._request_id = request_id

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line."""
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": self._request_id,
        }
        extra = {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info:
            extra["stackTrace"] = self.formatException(record.exc_info)
        return json.dumps(line | extra, default=str)


class Context:
    """What Lambda tells a handler of its invocation.

    Attributes:
        aws_request_id: Of the invocation.
    """

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._ends = time.monotonic() + TIMEOUT_SECONDS

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the invocation."""
        return int((self._ends - time.monotonic()) * 1000)


def main(event: str) -> int:
    """Invokes once; returns 0 if the handler returned, 1 if it raised."""
    context = Context()
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(JsonLines(context.aws_request_id))
    root = logging.getLogger()
    root.handlers = [output]
    name = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
    root.setLevel(_LEVELS.get(name, name))

    sys.path.insert(0, str(ROOT / "lambda_src"))
    try:
        from ecr_cleaner.handler import handler  # noqa: PLC0415 - an import that fails is an answer too

        # Exactly what Lambda would send back, so what is not JSON is found here as there.
        line = json.dumps({"result": handler(json.loads(event), context)})
    except Exception as error:  # noqa: BLE001 - the rim: whatever the handler raises is the answer
        told = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": traceback.format_exc()}
        line = json.dumps({"error": told})
    sys.stdout.write(line + "\n")
    return 0 if line.startswith('{"result"') else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
