"""What keeps the images of some repositories, as a rule of the settings says it."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

from ecr_cleaner.schema import Strict, refuse

REPOSITORY_GLOB: Final = r"[a-z0-9._/*?-]+"


def _not_below_minimum(days: int, info: ValidationInfo) -> int:
    minimum = (info.context or {}).get("minimum_keep_days", 1)
    if days < minimum:
        refuse(f"must be at least minimum_keep_days, which is {minimum}")
    return days


def _not_empty(globs: tuple[str, ...]) -> tuple[str, ...]:
    # pydantic's own length counts the valid ones alone, and would tell one problem twice.
    if not globs:
        refuse("must name at least one repository")
    return globs


Number = Annotated[int, Field(ge=1, le=99_999)]

_KeepDays = Annotated[Number, AfterValidator(_not_below_minimum)]

# A glob that no name can fit would keep nothing, unnoticed: "v[0-9]*" is refused.
_RepositoryGlob = Annotated[str, Field(pattern=rf"^{REPOSITORY_GLOB}$")]

_TagGlob = Annotated[str, Field(pattern=r"^[A-Za-z0-9._*?-]+$")]


class RetentionRule(Strict):
    """What keeps images of some repositories; the first rule that matches a repository holds for it.

    Attributes:
        repositories: Globs on whole names: ``*`` any characters, ``/`` too, ``?`` any one; case matters.
        keep_days: Whole days; None: the default.
        keep_days_untagged: Whole days, for untagged images; None: like tagged ones.
        keep_newest: How many of the tagged images pushed last stay at any age.
        keep_tags: Globs on tags; an image with a matching one stays.
        keep_pulled_within_days: An image pulled at most so many days ago stays.
        remove_artifacts: Whether what is no container image may go as well.
    """

    repositories: Annotated[tuple[_RepositoryGlob, ...], AfterValidator(_not_empty)]
    keep_days: _KeepDays | None = None
    keep_days_untagged: _KeepDays | None = None
    keep_newest: Number | None = None
    keep_tags: tuple[_TagGlob, ...] = ()
    keep_pulled_within_days: Number | None = None
    remove_artifacts: bool = False
