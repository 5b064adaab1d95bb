"""What keeps the images of some repositories, as a rule of the settings says it.

A rule names repositories, selects some of their images, and says how long or how many of these stay:

=======================================  ===========================================================================
selectors                                select
=======================================  ===========================================================================
none                                     every container image
``tags``                                 the tagged images all of whose tags match
``tags``, ``except_tags``                of these, the ones none of whose tags match ``except_tags``
``except_tags``                          the tagged images none of whose tags match
``untagged = true``                      the untagged images
``tags``, ``untagged = true``            either kind; with ``except_tags``, which narrows the tagged ones
``except_tags``, ``untagged = true``     refused: it may mean either of the two rows above
``artifact_types``                       the artifacts of these types, tagged or not, and no container image
``artifact_types`` and others            of what the others select, the artifacts of these types
=======================================  ===========================================================================

Without ``artifact_types`` it selects container images alone, and with ``keep = true`` artifacts too. It says
``keep_days``, ``keep_newest`` and ``keep_pulled_within_days``, at least one of them, or ``keep = true`` alone.

An image with several tags of which only some match ``tags`` is not selected. What the rule keeps it keeps all the same:
the rule holds for it in addition to whatever else does, and so never lets it go sooner.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

from ecr_cleaner.model.image import CONTAINER_CONFIG_MEDIA_TYPES
from ecr_cleaner.schema import Strict, refuse

REPOSITORY_GLOB: Final = r"[a-z0-9._/*?-]+"

_CLASS: Final = r"\[!?([A-Za-z0-9._]|[0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z])+\]"

SAID_NOW: Final = {
    "keep_days_untagged": "a rule with untagged = true and keep_days",
    "keep_tags": "a rule with these tags and keep = true",
    "remove_artifacts": 'a rule with artifact_types, such as ["*"], and keep_days',
}
"""Names that no rule has, and what says what they seem to mean."""


def _not_below_minimum(days: int, info: ValidationInfo) -> int:
    minimum = (info.context or {}).get("minimum_keep_days", 1)
    if days < minimum:
        refuse(f"must be at least minimum_keep_days, which is {minimum}")
    return days


def _not_empty(globs: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    # pydantic's own length counts the valid ones alone, and would tell one problem twice.
    if not globs:
        one = {"repositories": "repository", "artifact_types": "type of artifacts"}.get(info.field_name or "", "tag")
        refuse(f"must name at least one {one}")
    return globs


def _leaves_some(globs: tuple[str, ...]) -> tuple[str, ...]:
    if "*" in globs:
        refuse("must leave tags for the rule: * excepts all of them")
    return globs


def _ascending(glob: str) -> str:
    for at, sign in enumerate(glob[1:-1], 1):
        # Between letters and digits of a class; elsewhere a - is a character.
        inside = glob.rfind("[", 0, at) > glob.rfind("]", 0, at)
        if sign == "-" and inside and glob[at - 1] > glob[at + 1]:
            refuse("must not have a range that begins after its end")
    return glob


def _selects_artifacts(glob: str) -> str:
    if glob in CONTAINER_CONFIG_MEDIA_TYPES:
        refuse("must be a type of artifacts: this one is of container images, which artifact_types never selects")
    return glob


def _said_clearly(untagged: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - as pydantic calls it
    if untagged and info.data.get("except_tags") and info.data.get("tags") == ():
        refuse('must not be beside except_tags without tags: add tags = ["*"] to select tagged images too')
    return untagged


_CONDITIONS: Final = ("keep_days", "keep_newest", "keep_pulled_within_days")


def _says_something(keep: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - as pydantic calls it
    # One that is invalid, and told as such, is not in the data: it was said all the same.
    said = [name for name in _CONDITIONS if info.data.get(name, "invalid") is not None]
    if keep and said:
        refuse(f"must stand alone: it keeps for ever, whatever {' and '.join(said)} says")
    if not keep and not said:
        refuse(f"must be true, or the rule must say one of {', '.join(_CONDITIONS)}")
    return keep


Number = Annotated[int, Field(ge=1, le=99_999)]

_KeepDays = Annotated[Number, AfterValidator(_not_below_minimum)]

# A glob that no name can fit would keep nothing, unnoticed.
_RepositoryGlob = Annotated[str, Field(pattern=rf"^{REPOSITORY_GLOB}$")]

TAG_GLOB: Final = rf"^([A-Za-z0-9._*?-]|{_CLASS})+$"

TYPE_GLOB: Final = rf"^([A-Za-z0-9._+/*?-]|{_CLASS})+$"

_TagGlob = Annotated[str, Field(pattern=TAG_GLOB), AfterValidator(_ascending)]

_TypeGlob = Annotated[str, Field(pattern=TYPE_GLOB), AfterValidator(_ascending), AfterValidator(_selects_artifacts)]

_Globs = AfterValidator(_not_empty)


class RetentionRule(Strict):
    """What keeps some images of some repositories; see the table above.

    Attributes:
        repositories: Globs on whole names: ``*`` any characters, ``/`` too, ``?`` any one; case matters.
        tags: Globs, also with classes such as ``[0-9]`` and ``[!a-z]``; all tags of an image have to match one of them.
        except_tags: Likewise; none of its tags may match.
        untagged: Whether it selects untagged images: no manifest of an index, and nothing that refers to an image.
        artifact_types: Globs on the types of artifacts. What is no container image goes only by such a rule.
        keep_days: Whole days that these images stay; None: as many as without a rule.
        keep_newest: How many of them, those pushed last, stay at any age; without a selector, of the tagged ones.
        keep_pulled_within_days: One that was pulled at most so many days ago stays.
        keep: Whether they all stay.
    """

    repositories: Annotated[tuple[_RepositoryGlob, ...], _Globs]
    tags: Annotated[tuple[_TagGlob, ...], _Globs] = ()
    except_tags: Annotated[tuple[_TagGlob, ...], _Globs, AfterValidator(_leaves_some)] = ()
    untagged: Annotated[bool, AfterValidator(_said_clearly)] = False
    artifact_types: Annotated[tuple[_TypeGlob, ...], _Globs] = ()
    keep_days: _KeepDays | None = None
    keep_newest: Number | None = None
    keep_pulled_within_days: Number | None = None
    keep: Annotated[bool, AfterValidator(_says_something)] = Field(default=False, validate_default=True)

    @property
    def has_selector(self) -> bool:
        """Whether it selects only some of the images."""
        return bool(self.tags or self.except_tags or self.untagged or self.artifact_types)

    @property
    def selected(self) -> str:
        """What it selects, in words: ``v* but *-rc*``, ``untagged artifacts application/vnd.buildkit.*``."""
        tags = " ".join(self.tags or (["tagged"] if self.except_tags else []))
        if self.except_tags:
            tags += f" but {' '.join(self.except_tags)}"
        either = " and ".join([*([tags] if tags else []), *(["untagged"] if self.untagged else [])])
        artifacts = f"artifacts {' '.join(self.artifact_types)}" if self.artifact_types else ""
        return f"{either} {artifacts}".strip() or "images"


def unknown_member(name: str) -> str:
    """What is wrong with a member that no rule has, and what says what it seems to mean."""
    hint = f"; instead, write {SAID_NOW[name]}" if name in SAID_NOW else ""
    return f"is not known: a rule may have {', '.join(RetentionRule.model_fields)}{hint}"
