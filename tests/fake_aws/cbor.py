"""The wire format of smithy-rpc-v2-cbor (RFC 8949), as far as the sandbox's services need it."""

from __future__ import annotations

import datetime as dt
import struct
from typing import Any, Final

from botocore.parsers import ResponseParserError, RpcV2CBORParser

PROTOCOL: Final = "smithy-rpc-v2-cbor"
HEADERS: Final = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}

_READER: Final = RpcV2CBORParser()


def read(body: bytes) -> dict[str, Any]:
    """A request's parameters; none if it cannot be understood."""
    try:
        found = _READER.parse_data_item(_READER.get_peekable_stream_from_bytes(body))
    except ResponseParserError:
        return {}
    return found if isinstance(found, dict) else {}


def written(value: Any) -> bytes:  # noqa: PLR0911 - one for each type
    """A value as the wire has it; members that are None are absent."""
    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case dt.datetime():
            return _head(6, 1) + written(value.timestamp())
        case bytes():
            return _head(2, len(value)) + value
        case str():
            text = value.encode()
            return _head(3, len(text)) + text
        case list() | tuple():
            return _head(4, len(value)) + b"".join(map(written, value))
        case dict():
            members = {key: item for key, item in value.items() if item is not None}
            return _head(5, len(members)) + b"".join(written(key) + written(item) for key, item in members.items())
    message = f"cbor has no form for {value!r} here"
    raise TypeError(message)


def _head(kind: int, number: int) -> bytes:
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 24:
            return bytes([kind << 5 | number])
        if number < 1 << 8 * size:
            return bytes([kind << 5 | code]) + number.to_bytes(size)
    message = f"{number} is too large"
    raise OverflowError(message)
