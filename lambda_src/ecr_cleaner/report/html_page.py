"""The page of a run: its document with scripts and styles in one HTML file.

The file works from disk and loads nothing. It contains the document compressed, as base64, so that the name of a
repository, a tag or a consumer cannot be markup, and the page's script only writes text. The content security policy
allows the page's own scripts and styles by their hashes and nothing else.
"""

import base64
import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from ecr_cleaner import DOCUMENTATION

_ASSETS: Final = Path(__file__).with_name("assets")

_STYLES: Final = (("tabulator.LICENSE", "tabulator_simple.min.css"), (None, "page.css"))

_SCRIPTS: Final = (
    ("tabulator.LICENSE", "tabulator.min.js"),
    ("chart.LICENSE", "chart.umd.min.js"),
    (None, "page_values.js"),
    (None, "page_tables.js"),
    (None, "page_pictures.js"),
    (None, "page.js"),
)

_CHUNK: Final = 2**18

_LEVEL: Final = 6

_GZIP: Final = 16 + zlib.MAX_WBITS
"""The format, without a time: the page of a document is always the same."""


def write(document: IO[bytes], target: IO[bytes]) -> None:
    """Write the page of a document.

    Args:
        document: As `Recorder.write` writes it; read to its end.
        target: Where to.

    Raises:
        OSError: One of them failed.
    """
    head, tail = _frame().split("{{document}}")
    target.write(head.encode())
    compressor, rest = zlib.compressobj(_LEVEL, wbits=_GZIP), b""
    while chunk := document.read(_CHUNK):
        rest += compressor.compress(chunk)
        whole = len(rest) - len(rest) % 3  # base64 takes three bytes at a time
        target.write(base64.b64encode(rest[:whole]))
        rest = rest[whole:]
    target.write(base64.b64encode(rest + compressor.flush()))
    target.write(tail.encode())


def _frame() -> str:
    """The page without a document."""
    style, script = _together(_STYLES), _together(_SCRIPTS)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    frame = _read("page.html")
    parts = {"documentation": DOCUMENTATION, "policy": policy, "style": style, "script": script}
    for name, text in parts.items():
        frame = frame.replace(f"{{{{{name}}}}}", text)
    return frame


def _together(parts: Iterable[tuple[str | None, str]]) -> str:
    """Assets one after the other, each after the licence that it comes with."""
    return "\n".join(f"/*!\n{_read(licence)}*/\n{_read(name)}" if licence else _read(name) for licence, name in parts)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
