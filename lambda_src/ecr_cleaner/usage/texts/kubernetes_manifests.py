"""Pure: the images that an object of Kubernetes names: in fields of containers, in texts, in parts that stand apart.

Charts and operators write registry, repository and tag into members beside each other. So a repository without a tag is
joined with the tag beside it; where there is none, all of it counts. Only in a container's field it means ``latest``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.reference import PATH
from ecr_cleaner.usage.texts.mentions import EVERYTHING, Mention, complete, mentions, unknown
from ecr_cleaner.usage.texts.search import MOST_REFERENCES
from ecr_cleaner.usage.texts.spelling import decoded_text, joined, with_slashes
from ecr_cleaner.usage.texts.values import unpacked

_LEVELS: Final = 4
_MOST_EXPANDED: Final = 10_000
_VARIABLE: Final = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")

_CONTAINER: Final = frozenset({"name", "command", "args", "env", "resources", "script", "source", "imagePullPolicy"})
"""Beside one of these, ``image`` is the field of a container."""
_VOLUME: Final = frozenset({"reference", "pullPolicy"})
"""An image volume."""

_TAG_NAME: Final = re.compile(r".*(?:tag|digest|targetrevision|sha)|version", re.IGNORECASE)
"""What holds a tag or digest: ``tag``, ``imageTag``, ``IMAGE_TAG``, ``version``; not ``appVersion``."""
_TAG: Final = re.compile(r"[:@]?(?:sha256:(?P<hex>[0-9a-f]{64})|(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}))")
_REPOSITORY_NAME: Final = re.compile(r".*(?:repository|repo|image|image[_-]?name)", re.IGNORECASE)
_ENDINGS: Final = re.compile(
    r"(?:[0-9_.-]|repository|repo|image|name|ur[il]|registry|prefix|tag|digest|targetrevision|version|sha|chart)++\Z",
    re.IGNORECASE,
)
_LONGEST_NAME: Final = 100
_REGISTRY_NAME: Final = re.compile(r"registry|host", re.IGNORECASE)
_ADDRESS_NAME: Final = re.compile(r".*ur[il]|repo|(?P<several>.*(?:registry|prefix|mirror))", re.IGNORECASE)
"""What may hold the address under which several repositories are: ``url``, ``repoURL``, ``imageRegistry``."""
_PARTS: Final = ("repository", "image", "imageName")
"""What may hold a repository whose registry stands elsewhere in the object."""
_LINE: Final = re.compile(
    r"""(?m)^[ \t-]*(?:repository|image|imageName):[ \t]*["']?(?P<path>[a-z0-9][a-z0-9._/-]{0,255})["']?[ \t]*$"""
)
"""The same in a text that is YAML, such as the values of a chart."""
_ODD: Final = re.compile(r"[\s{}\"'\\,;]")
_OCI: Final = re.compile(r"\s*oci://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ManifestImages:
    """What an object names.

    Attributes:
        names: As fields of containers and volumes have them, without doubles.
        references: By all other texts, without doubles.
        problem: Why `EVERYTHING` is one of them; empty: all was searched.
    """

    names: tuple[str, ...]
    references: tuple[Reference, ...]
    problem: str = ""


def images_in(value: Any) -> ManifestImages:
    """Every image that an object, or a part of one, names.

    Args:
        value: As its JSON has it.
    """
    search = _Search()
    search.walk(value)
    search.join_hosts()
    if len(search.references) > MOST_REFERENCES:
        problem = f"it names more than {MOST_REFERENCES:,} images"
        return ManifestImages(tuple(search.names), (EVERYTHING, *search.references), problem)
    return ManifestImages(tuple(search.names), tuple(search.references))


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag or a digest, and what it is one of, by its name; empty: of whatever stands beside it."""

    stem: str
    tag: str | None = None
    digest: str | None = None


@dataclass(slots=True)
class _Search:
    """What was found so far; dictionaries keep the order and no doubles.

    Attributes:
        names: Of fields.
        references: Of texts.
        hosts: Registries that stand alone.
        parts: Repositories without a registry, with what stands beside each.
    """

    names: dict[str, None] = field(default_factory=dict)
    references: dict[Reference, None] = field(default_factory=dict)
    hosts: list[Mention] = field(default_factory=list)
    parts: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    _known: dict[int, tuple[Mapping[str, Any], list[_Tag]]] = field(default_factory=dict)

    def walk(self, value: Any) -> None:
        """Find everything but what is joined over the whole object; nothing here calls itself."""
        waiting: list[tuple[str, Any, Mapping[str, Any], Mapping[str, str], int]] = [("", value, {}, {}, _LEVELS)]
        while waiting and len(self.references) <= MOST_REFERENCES:
            name, part, beside, variables, levels = waiting.pop()
            if isinstance(part, str):
                text = expanded(part, variables) if "$" in part else part
                if not _is_hot(text):
                    continue
                inner = unpacked(text) if levels else text
                if inner is not text:
                    waiting.append((name, inner, {}, variables, levels - 1))
                else:
                    self._text(name, text, beside)
            elif isinstance(part, dict):
                env = part.get("env")
                known = variables_of(env, variables) if isinstance(env, list) else variables
                waiting += self._members(part, known, levels)
            elif isinstance(part, list):
                pairs, others = _pairs(part)
                waiting += [(pair, text, pairs, variables, levels) for pair, text in pairs.items()]
                waiting += [(name, one, {}, variables, levels) for one in others]

    def _members(
        self, part: dict[str, Any], variables: Mapping[str, str], levels: int
    ) -> Iterator[tuple[str, Any, Mapping[str, Any], Mapping[str, str], int]]:
        field_name = _field_of(part)
        for repository in (part.get(name) for name in _PARTS if name != field_name):
            if isinstance(repository, str) and not _is_hot(repository):
                self.parts.append((repository, part))
        for name, member in part.items():
            if _is_hot(name):
                self._text("", name, {})
            if name == field_name:
                self.names[str(member)] = None
            # What cannot be a name may be a text that names something.
            if isinstance(member, str) and name == field_name and not _ODD.search(member):
                continue
            if isinstance(member, str | dict | list) and name != "managedFields":
                yield name, member, part, variables, levels

    def _text(self, name: str, text: str, beside: Mapping[str, Any]) -> None:
        text = decoded_text(with_slashes(text))
        self.parts += [(match["path"], {}) for match in _LINE.finditer(text) if not _is_hot(match["path"])]
        for mention in mentions(text):
            self.references.update(dict.fromkeys(self._of(mention, name, beside)))
        # As a shell puts its words together.
        whole = joined(text)
        for mention in mentions(whole) if whole != text else ():
            self.references.update(dict.fromkeys(complete(mention)))

    def _of(self, mention: Mention, name: str, beside: Mapping[str, Any]) -> Iterator[Reference]:
        is_alone = not mention.text[mention.end :].strip()
        if is_alone and mention.is_whole_host:
            joined = [one for path in _repositories(beside, name) for one in self._joined(mention, path, name, beside)]
            if not joined and _OCI.match(mention.text):
                joined = [mention.named()]
            self.hosts += [] if joined else [mention]
            yield from joined
            return
        if mention.is_whole_host:
            self.hosts.append(mention)
        image = PATH.fullmatch(mention.path or "") if is_alone and mention.can_have_path else None
        if image is None or image["tag"] or image["digest"]:
            yield from unknown(mention)
        elif within := _part(beside.get("chart")):
            yield from self._joined(mention, f"{image['repository']}/{within}", name, beside)
        else:
            yield from self._joined(mention, image["repository"], name, beside)
            if address := _ADDRESS_NAME.fullmatch(name):
                others = list(_repositories(beside, name))
                for path in others:
                    yield from self._joined(mention, f"{image['repository']}/{path}", name, beside)
                if not others and (address["several"] or not self._tags(beside)):
                    yield mention.named(f"{image['repository']}/")

    def _joined(self, mention: Mention, path: str, name: str, beside: Mapping[str, Any]) -> Iterator[Reference]:
        """The images of a repository in the registry of a mention, by the tags beside it.

        Without a tag that is its own by its name, as ``apiTag`` is beside ``apiImage``, all of them.
        """
        image = PATH.fullmatch(path)
        if image is None:
            return
        if image["tag"] or image["digest"]:
            yield mention.named(image["repository"], ReferenceScope.IMAGE, image["tag"], image["digest"])
            return
        tags = self._tags(beside)
        for tag in tags:
            yield mention.named(image["repository"], ReferenceScope.IMAGE, tag.tag, tag.digest)
        if not any(tag.stem == _stem(name) for tag in tags):
            yield mention.named(image["repository"], ReferenceScope.REPOSITORY)

    def _tags(self, beside: Mapping[str, Any]) -> list[_Tag]:
        """Of a mapping once, whatever it holds; it is kept, so that no other one gets its id."""
        if id(beside) not in self._known:
            self._known[id(beside)] = beside, list(_tags(beside))
        return self._known[id(beside)][1]

    def join_hosts(self) -> None:
        """Where a registry stands alone, it may be that of every repository that the object names without one."""
        for host in {host.key: host for host in self.hosts}.values():
            for repository, beside in self.parts:
                if PATH.fullmatch(repository) and len(self.references) <= MOST_REFERENCES:
                    self.references.update(dict.fromkeys(self._joined(host, repository, "", beside)))


def _field_of(part: Mapping[str, Any]) -> str:
    """The member that names one image as runtimes read it; empty if there is none, or if its tag stands beside it."""
    if isinstance(part.get("image"), str) and not _CONTAINER.isdisjoint(part) and not any(_tags(part)):
        return "image"
    return "reference" if isinstance(part.get("reference"), str) and part.keys() <= _VOLUME else ""


def _repositories(beside: Mapping[str, Any], host: str) -> Iterator[str]:
    """Repositories that stand beside a registry's host."""
    for name, text in beside.items():
        if _REPOSITORY_NAME.fullmatch(name) or name == "chart" or (name == "name" and _REGISTRY_NAME.search(host)):
            yield from filter(None, [_part(text)])


def _part(text: Any) -> str:
    """A repository that stands without its registry; empty if it is none."""
    path = text.strip("/") if isinstance(text, str) and not _is_hot(text) else ""
    return path if PATH.fullmatch(path) else ""


def _tags(beside: Mapping[str, Any]) -> Iterator[_Tag]:
    """Tags and digests that stand beside a repository, also in a member ``ref``; a version may lack its ``v``."""
    within = beside.get("ref")
    for name, value in [*beside.items(), *(within.items() if isinstance(within, dict) else ())]:
        is_value = isinstance(value, str | int | float) and not isinstance(value, bool)
        match = _TAG.fullmatch(str(value).strip()) if is_value and _TAG_NAME.fullmatch(name) else None
        if match is None:
            continue
        if match["hex"]:
            yield _Tag(_stem(name), digest=f"sha256:{match['hex']}")
            continue
        # A chart's version may have a plus, and its tag has a line below instead.
        tag = match["tag"].replace("+", "_")
        yield _Tag(_stem(name), tag)
        if name.lower() in {"version", "targetrevision"} and tag[0].isdigit():
            yield _Tag(_stem(name), f"v{tag}")


def _stem(name: str) -> str:
    return _ENDINGS.sub("", name[-_LONGEST_NAME:]).lower()


def _pairs(items: list[Any]) -> tuple[dict[str, str], list[Any]]:
    """The texts of a list that have names: variables, parameters, arguments; and whatever else it holds."""
    found: dict[str, str] = {}
    others: list[Any] = []
    before = ""
    for number, item in enumerate(items):
        name, text = "", ""
        if isinstance(item, dict):
            given, value = item.get("name"), item.get("value")
            if isinstance(given, str) and isinstance(value, str):
                name, text = given, value
                others.append({key: member for key, member in item.items() if key != "value"})
        elif isinstance(item, str) and item.startswith("-") and "=" in item:
            name, _, text = item.partition("=")
        elif isinstance(item, str) and before.startswith("-") and "=" not in before:
            name, text = before, item
        if name:
            name = name.lstrip("-")
            found[f"{number}.{name}" if name in found else name] = text
        if not name:
            others.append(item)
        before = item if isinstance(item, str) else ""
    return found, others


def _is_hot(text: str) -> bool:
    """Whether a text may name a registry; JSON and programs may write any character by its number."""
    lower = text.lower()
    return "dkr" in lower or "\\u00" in lower or "\\x" in lower


def variables_of(env: Iterable[Any], outer: Mapping[str, str]) -> dict[str, str]:
    """The variables of a container whose values are known, each with those before it put in."""
    found = dict(outer)
    for variable in env:
        value = variable.get("value") if isinstance(variable, dict) else None
        if isinstance(value, str):
            found[str(variable.get("name"))] = expanded(value, found)
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text with the values of variables, as Kubernetes (``$(NAME)``) and shells replace them."""
    if len(text) > _MOST_EXPANDED or not variables:
        return text
    return _VARIABLE.sub(lambda match: variables.get(match[match.lastindex or 0], match[0]), text)[:_MOST_EXPANDED]
