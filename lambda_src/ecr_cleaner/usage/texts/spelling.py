"""Pure: other ways to write the characters of a text: by number as in JSON, as in a URL, in pieces as in a shell."""

import re
from typing import Final
from urllib.parse import unquote

# From the first of several backslashes on, so that a long run of them is looked at once.
_SLASH: Final = re.compile(r"(?<!\\)\\++/")
_NUMBER: Final = re.compile(r"(?<!\\)\\++(?:u00|x)(?P<code>[2-7][0-9A-Fa-f])")
_SEAM: Final = re.compile(r"""\\\r?\n[ \t]*|(?<=[\w./-])["'](?=["']?[\w./:@-])|(?<=[/:@])["'](?=\w)""")
"""Within a word: the end of a line that goes on in the next one, and quotes that neither begin nor end it."""


def with_slashes(text: str) -> str:
    """A text in which slashes are written as in JSON, however often it was put into another text, with plain ones."""
    return _SLASH.sub("/", text)


def decoded_text(text: str) -> str:
    """A text with the ASCII characters that are written by number, as in JSON, in program texts or in a URL."""
    text = _NUMBER.sub(lambda match: chr(int(match["code"], 16)), text)
    return unquote(text) if "%2" in text or "%3" in text else text


def joined(text: str) -> str:
    """A text as a shell puts its words together."""
    return _SEAM.sub("", text)
