"""The object in which what is found of executions is kept, as the tests of sources script it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from botocore.response import StreamingBody

from ecr_cleaner import schema
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.executions import Document, ExecutionMemory
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PREFIX: Final = "cleaner/"


def key_of(source: str) -> str:
    """Of the object of a source."""
    return f"{PREFIX}history/executions/{ACCOUNT}/{REGION}/{source}.json"


def remembering(script: Script, *, read_only: bool = False) -> SourceContext:
    """What a source is handed where there is a history."""
    memory = ExecutionMemory(script.aws, "history", PREFIX, read_only=read_only)
    return SourceContext(script.aws, Settings(), TaskDefinitions(script.aws), now=NOW, memory=memory)


def nothing_is_known(script: Script, source: str) -> None:
    """There is no object yet, which S3 tells as denied."""
    script.refuse("s3", "get_object", "AccessDenied", Bucket="history", Key=key_of(source))


def is_known(script: Script, source: str, told: Document | bytes) -> None:
    """An earlier run left an object."""
    body = told if isinstance(told, bytes) else schema.seal(told)
    answer = {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentLength": len(body), "ETag": '"1"'}
    script.answer("s3", "get_object", answer, Bucket="history", Key=key_of(source))


def is_stored(script: Script, source: str, document: Document, *, instead_of: str | None = None) -> None:
    """The object is written."""
    condition: dict[str, Any] = {"IfNoneMatch": "*"} if instead_of is None else {"IfMatch": instead_of}
    script.answer(
        "s3",
        "put_object",
        {"ETag": '"2"'},
        Bucket="history",
        Key=key_of(source),
        Body=schema.seal(document),
        ContentType="application/json",
        **condition,
    )
