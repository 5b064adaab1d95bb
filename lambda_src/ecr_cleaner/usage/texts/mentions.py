"""Pure: the hosts of registries in a text, and the images that what stands behind each of them names.

Every look behind or before a host is at a part of the text of a fixed size, so that the work grows with the text and
not with its square.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import DOMAIN, PATH, REPOSITORY, named

LONGEST_HOST: Final = 255
LONGEST_PATH: Final = 512
LONGEST_END: Final = 256
_EDGE: Final = 8
"""As many characters an expression may look at behind what it matched."""

# In a text, anything may stand where a placeholder is: account, region, repository, tag.
_HOSTS: Final = re.compile(r"(?:(?<![0-9])(?P<account>[0-9]{12})\.)?(?P<name>dkr[.-]ecr)", re.IGNORECASE)
_IN_MARKS: Final = r"\{\{[^{}/\"'`\r\n]{0,80}+\}\}|<[$\w.-]{1,80}+>"
"""A placeholder of a template, or of an input transformer of EventBridge: the first may have blanks in it."""
_PLACE: Final = re.compile(rf"""(?:\$\([^/\s"'`()]*+\)|{_IN_MARKS}|[^/\s"'`\\,;|&<>()\[\]])*+""")
_REST: Final = re.compile(r"""[^\s"'`\\,;|&<>()\[\]]*+""")
_DOMAIN: Final = re.compile(DOMAIN)
# The last part of a host is a word or one placeholder: anything else may hold the beginning of the path as well.
_HOST_ENDS: Final = re.compile(
    rf".*\.(?:[a-z0-9-]+|\$?\{{[^{{}}]*\}}|\$\w+|\$\([^()]*\)|%\w|{_IN_MARKS})(?::(?:[0-9]+|\$?\{{[^{{}}]*\}}|\$\w+))?",
    re.IGNORECASE,
)
# A host in which nothing is missing: placeholders stand for account and region alone.
_WHOLE_HOST: Final = re.compile(
    rf"(?:-fips)?\.(?:[a-z0-9-]+|\$?\{{[^{{}}.]*\}}|\$\w+|\$\([^()]*\)|{_IN_MARKS})\.[a-z0-9][a-z0-9.-]*[a-z](?::[0-9]+)?",
    re.IGNORECASE,
)
_ACCOUNT_ENDS: Final = re.compile(r"[\w})>*]\.\Z")
_BEGINNING: Final = re.compile(REPOSITORY)
_SEPARATOR: Final = re.compile(r"__|-+|[/_.]")
# A registry's own API, e.g. in a script that asks it: the repository stands in the middle.
_API: Final = re.compile(r"v2/(?P<name>.*?)/(?:manifests|blobs|tags|referrers)\b")
# What stands here has ended for certain, and nothing can be put behind it: the string's end; a closing bracket; another
# member of an object; the end of a block of a template; the next image of a list; blanks, unless an operator, a further
# string or the next item of a list stands behind them. In JSON within JSON, a line's end has several backslashes.
_NEXT: Final = r"""\\*["'`]?(?:https?://|docker://)?[0-9]{12}\.(?i:dkr[.-]ecr)"""
_ENDS: Final = re.compile(
    rf"""
    (?P<quote>\\*["'`])?
    (?:
        (?:(?:\s|\\+[nrt])*[)\]}}])++ (?:\s|\\+[nrt])* (?:\Z|[,;:>]|\\*["']|</|/>|%\}})
    |
        (?:\s|\\+[nrt])* (?:\Z|[;:>]|</|/>|%\}}|&&|(?(quote)(?!)|\|\|)
            |,(?:\s|\\+[nrt])*(?:[)\]}}]|(?P<key>\\*["'])[^"'\\]*(?P=key)\s*:|{_NEXT}))
    |
        (?:\s|\\+[nrt])++ (?!-\s) (?(quote)(?![&+~$%{{|.<*\\"'`,)\]}}]|[A-Za-z]{{1,2}}["'`])|(?![,)\]}}]))
    )
    """,
    re.VERBOSE,
)
# An argument of a call; and how a call begins that puts its arguments into another text.
_ARGUMENT_ENDS: Final = re.compile(rf"""\\*["'`](?:\s|\\+[nrt])*(?:\)|,(?:\s|\\+[nrt])*{_NEXT})""")
_FORMATS: Final = re.compile(r"""(?P<template>["'`]\s*\.\s*)?(?:format|printf)\s*\(|["'`]\s*%\s*\(?""", re.IGNORECASE)
_DEPTHS: Final = {"(": 1, ")": -1}
_STRINGS: Final = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")
_GOES_ON: Final = ("$", "%", "{", "`", "+", "@", "#", "(", "!")
"""What, behind a tag, stands for more of the tag, or for a digest."""


EVERYTHING: Final = named("", breadth=ReferenceScope.PREFIX)
"""Every image of whichever registry."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A registry's host in a text, and what stands behind it.

    Attributes:
        text: All of it.
        start: Where the host begins.
        end: Where host and path end.
        host: As written, from ``dkr`` on, without what may end a sentence.
        path: Behind the slash, up to what no name has in it; None if no slash follows.
        account: Of the registry; None, together with `region`, if one of them is not written.
        region: Of the registry.
        can_have_path: Whether the host ends where the path begins: no placeholder may hold a part of both.
    """

    text: str
    start: int
    end: int
    host: str
    path: str | None
    account: str | None
    region: str | None
    can_have_path: bool

    def named(
        self,
        repository: str = "",
        breadth: ReferenceScope = ReferenceScope.PREFIX,
        tag: str | None = None,
        digest: str | None = None,
    ) -> Reference:
        """A reference to the registry, by default to all of it."""
        host = f"{self.account}.{self.host.lower().partition(':')[0].rstrip('.}')}" if self.account else ""
        return named(
            repository,
            host=host,
            account=self.account,
            region=self.region,
            tag=tag,
            digest=digest,
            breadth=breadth,
        )

    @property
    def key(self) -> str:
        """Host and path as written, without the account."""
        return f"{self.host}/{self.path}"

    @property
    def is_whole_host(self) -> bool:
        """Whether it is a host from its account to its domain, with nothing behind it."""
        before = window(self.text, max(self.start - 2, 0), min(self.start, 2))
        has_account = self.account is not None or _ACCOUNT_ENDS.search(before) is not None
        return self.path is None and has_account and _WHOLE_HOST.fullmatch(self.host, 7) is not None


def window(text: str, start: int, size: int) -> str:
    """A part of a text; every look at what stands around a host is one at such a part."""
    return text[start : start + size]


def count_of(text: str) -> int:
    """How many registries' hosts a text has."""
    return sum(1 for _ in _HOSTS.finditer(text))


def mentions(text: str) -> Iterator[Mention]:
    """Every registry's host in a text, in its order; a host within what stands behind another one too."""
    for match in _HOSTS.finditer(text):
        place = _matched(_PLACE, window(text, match.end(), LONGEST_HOST))
        end = match.end() + len(place)
        path = None
        if text[end : end + 1] == "/":
            path = _matched(_REST, window(text, end + 1, LONGEST_PATH))
            end += 1 + len(path)
        # A host may end a sentence or a group.
        host = place.rstrip(".:")
        domain = _DOMAIN.fullmatch(host.lower().rstrip("}"))
        account, region = (match["account"], domain["region"]) if domain and match["account"] else (None, None)
        can_have_path = domain is not None or _HOST_ENDS.fullmatch(host) is not None
        start = match.start() if account else match.start("name")
        yield Mention(text, start, end, match["name"] + host, path, account, region, can_have_path)


def unknown(mention: Mention) -> Iterator[Reference]:
    """What a mention names in a text of unknown grammar: a definition, a template, a script.

    What cannot be known for a placeholder or a missing part is widened instead: to any registry; to every image of a
    repository, if the tag may go on or none follows the name; to every repository of a beginning, if the name may go
    on; to all of the registry, if something may be put behind the host. A host by itself names no image.
    """
    ended = has_ended(mention)
    if not (ended and mention.is_whole_host):
        yield from widened(mention, ended=ended)


def has_ended(mention: Mention) -> bool:
    """Whether nothing can be put behind what a mention names, in a text of unknown grammar."""
    seen = window(mention.text, mention.end, LONGEST_END)
    match = _ENDS.match(seen)
    cut = mention.end + len(seen) < len(mention.text)
    if match is None or (cut and match.end() > len(seen) - _EDGE):
        return False
    if not _ARGUMENT_ENDS.match(seen):
        return True
    # Nobody knows what a call puts behind a host; behind the name of an image, only some put anything.
    start = max(mention.start - LONGEST_END, 0)
    return mention.path is not None and not _is_formatted(window(mention.text, start, mention.start - start))


def _is_formatted(before: str) -> bool:
    """Whether what stands before a string begins a call that puts it into another text, maybe by calls within it."""
    for match in _FORMATS.finditer(before):
        rest = _STRINGS.sub("", before[match.end() :])
        depths = accumulate((_DEPTHS.get(character, 0) for character in rest), initial=1)
        if min(depths) > 0 and ("," in rest or match["template"] or "%" in match[0]):
            return True
    return False


def complete(mention: Mention) -> tuple[Reference, ...]:
    """The image of a mention with repository and tag or digest, whatever account and region are.

    Where a placeholder stands behind the tag, or one for a digest, it is not complete.
    """
    image = PATH.match(mention.path or "") if mention.can_have_path else None
    if image is None or not (image["tag"] or image["digest"]):
        return ()
    after = window(mention.text, mention.end - len(mention.path or "") + image.end(), 2)
    if after.startswith(_GOES_ON) or (after.startswith("<") and after != "</"):
        return ()
    return tuple(_readings(mention, image))


def widened(mention: Mention, *, ended: bool) -> Iterator[Reference]:
    """What a mention may name.

    Args:
        mention: In which a part may be missing.
        ended: Whether nothing can be put behind it.
    """
    path = mention.path or ""
    if api := _API.match(path):
        called = _BEGINNING.match(api["name"])
        yield mention.named(called[0] if called else "")
    beginning = _BEGINNING.match(path)
    if beginning is None or not mention.can_have_path:
        yield mention.named()
        return
    repository, rest = beginning[0], path[beginning.end() :]
    image = PATH.fullmatch(path) if len(path) < LONGEST_PATH else None
    if rest and image and (image["digest"] or ended):
        yield from _readings(mention, image)
    elif rest[:1] in {":", "@"} or (ended and not rest):
        yield mention.named(repository, ReferenceScope.REPOSITORY)
    else:
        yield from _longer(mention, repository, rest, ended=ended)


def _longer(mention: Mention, repository: str, rest: str, *, ended: bool) -> Iterator[Reference]:
    """The repositories whose names begin like that, up to a name's boundary where there is one."""
    mark = _SEPARATOR.match(rest)
    boundary = mark[0] if mark and rest[mark.end() : mark.end() + 1] not in {*"._/-"} else ""
    if ended and boundary == rest:
        # It may belong to the sentence.
        yield mention.named(repository, ReferenceScope.REPOSITORY)
    elif "." in boundary:
        boundary = ""
    yield mention.named(repository + boundary)


def _readings(mention: Mention, image: re.Match[str]) -> Iterator[Reference]:
    # Full stops and dashes behind a tag may belong to the sentence.
    tag = image["tag"] or ""
    written = mention.named(image["repository"], ReferenceScope.IMAGE, image["tag"], image["digest"])
    yield written
    for length in range(len(tag) - 1, max(len(tag.rstrip("._-")), 1) - 1, -1):
        yield replace(written, tag=tag[:length])


def _matched(expression: re.Pattern[str], text: str) -> str:
    match = expression.match(text)
    return match[0] if match else ""
