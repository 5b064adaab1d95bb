"""What a run says of the saved plan that it wrote or carried out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SHOWN: Final = 100
"""Images of a plan that stay, in a result; the log names all of them."""


@dataclass(frozen=True, slots=True)
class Stay:
    """An image of a saved plan that stays.

    Attributes:
        repository: Its name.
        digest: Of the image.
        tags: As the plan has them.
        reason: A `Reason` that keeps, ``gone``, ``tags_changed``, ``reason_changed``, or the status of a repository
            that was not judged.
        detail: What a person reads.
    """

    repository: str
    digest: str
    tags: tuple[str, ...]
    reason: str
    detail: str = ""


@dataclass(slots=True)
class PlanSummary:
    """One saved plan.

    Attributes:
        state: ``awaits_approval``: this run wrote it. ``applied``: this run carried it out, as far as it could.
        id: Names it.
        expires_at: From then on it is too old.
        images: That it names.
        bytes: At most what they take up: layers may be shared.
        command: Ready to paste, carries it out; empty if this run did.
        stays: What of it stays, and why; by repository and digest.
    """

    state: Literal["awaits_approval", "applied"]
    id: str
    expires_at: datetime
    images: int
    bytes: int
    command: str = ""
    stays: Mapping[tuple[str, str], Stay] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON-native values."""
        stays = [self.stays[key] for key in sorted(self.stays)]
        return {
            "state": self.state,
            "id": self.id,
            "expires_at": self.expires_at.isoformat(),
            "images": self.images,
            "bytes": self.bytes,
            "command": self.command,
            "stays": dict(sorted(Counter(stay.reason for stay in stays).items())),
            "stays_shown": [stay_json(stay) for stay in stays[:SHOWN]],
        }


def stay_json(stay: Stay) -> dict[str, Any]:
    """An image of a plan that stays."""
    return {
        "repository": stay.repository,
        "digest": stay.digest,
        "tags": list(stay.tags),
        "reason": stay.reason,
        "detail": stay.detail,
    }
