"""How documents from outside are read: nothing is guessed, and every problem is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pydantic import ValidationError


class Strict(BaseModel):
    """A document from outside: unknown keys, other types and later changes are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def sentences(place: str, error: ValidationError) -> list[str]:
    """One for each problem: the place, the rule, and the value."""
    return [
        f"{': '.join([place, *map(str, problem['loc'])])}: {problem['msg']}, got {problem['input']!r}"
        for problem in error.errors(include_url=False)
    ]
