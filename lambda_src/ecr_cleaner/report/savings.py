"""Upper bounds of storage costs.

ECR bills each layer of a repository once and returns only the sum of the layers of an image: a layer that images share
is counted here once for each of them, so that no sum is too low. Only manifests, which a run does not read, say which
layers are shared.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final, Literal

BYTES_PER_GB: Final = 10**9
"""The smaller definition of a GB: with it no sum is too low."""

_CENT: Final = Decimal("0.01")


def per_month(size_bytes: int, price: float) -> float:
    """Upper bound of the monthly storage cost.

    Args:
        size_bytes: An upper bound.
        price: US dollars for a GB and month.

    Returns:
        US dollars, rounded up to the cent.
    """
    cost = Decimal(size_bytes) * Decimal(str(price)) / BYTES_PER_GB
    return float(cost.quantize(_CENT, ROUND_CEILING))


def savings(totals: Mapping[str, int], price: float, removal: Literal["delete", "archive"]) -> dict[str, Any]:
    """What is stored, removable and removed, in bytes and in US dollars, as JSON-native values.

    ECR charges the same for a GB in its archive (below 150 TB a month,
    https://aws.amazon.com/ecr/pricing/), so archiving saves nothing.

    Args:
        totals: Of a run's summary; they count no index, whose size is that of its largest manifest.
        price: US dollars for a GB and month, in either storage class.
        removal: Whether images are deleted or archived.
    """
    deleted = totals["bytes_removable" if removal == "delete" else "bytes_removable_from_archive"]
    sizes = {
        "total": totals["bytes_total"],
        "removable": deleted,
        "removed": totals["bytes_removed"],
        "in_archive": totals["bytes_in_archive"],
        "archivable": totals["bytes_removable"] - deleted,
        "archived": totals["bytes_archived"],
    }
    parts = {
        part: {"bytes_at_most": size, "usd_per_month_at_most": per_month(size, price)} for part, size in sizes.items()
    }
    return {"currency": "USD", "price_per_gb_month": price, "layers": "shared_layers_counted_repeatedly", **parts}


_SUMMED: Final = ("images", "removable", "removed", "archived")

_STORED: Final = ("total", "removable", "removed")
"""Parts of the savings that are told of each repository and of each value of a tag."""


def by_repository(
    repositories: Iterable[Mapping[str, Any]], price: float, removal: Literal["delete", "archive"]
) -> list[dict[str, Any]]:
    """The savings of each repository that was evaluated, as JSON-native values; the largest first."""
    evaluated = [one for one in repositories if one["keep_days"] is not None]
    rows = [{"repository": one["name"], "tag": one["savings_tag"], **_row([one], price, removal)} for one in evaluated]
    return sorted(rows, key=_largest)


def by_tag(
    repositories: Iterable[Mapping[str, Any]], price: float, removal: Literal["delete", "archive"]
) -> list[dict[str, Any]]:
    """The savings by the value of the repositories' tag; None has those without it. The largest first."""
    found: dict[str | None, list[Mapping[str, Any]]] = {}
    for one in repositories:
        if one["keep_days"] is not None:
            found.setdefault(one["savings_tag"], []).append(one)
    rows = [{"tag": value, "repositories": len(some), **_row(some, price, removal)} for value, some in found.items()]
    return sorted(rows, key=_largest)


def as_csv(rows: Iterable[Mapping[str, Any]], tag_key: str | None) -> str:
    """The rows of `by_repository` for a spreadsheet, with a line of titles.

    Args:
        rows: Of each repository.
        tag_key: Key of the tag; None: there is no such column.
    """
    columns = [name for name in _COLUMNS if name != "tag" or tag_key is not None]
    titles = [f"tag {tag_key}" if name == "tag" else name for name in columns]
    lines = [titles, *([row[name] for name in columns] for row in rows)]
    return "".join(f"{','.join(map(_cell, line))}\r\n" for line in lines)


_COLUMNS: Final = (
    "repository",
    "tag",
    *_SUMMED,
    *(f"bytes_{part}" for part in _STORED),
    *(f"usd_per_month_{part}" for part in _STORED),
)


def _row(
    repositories: Sequence[Mapping[str, Any]], price: float, removal: Literal["delete", "archive"]
) -> dict[str, Any]:
    names = ("bytes_total", "bytes_removable", "bytes_removable_from_archive", "bytes_removed")
    stored = {name: sum(one[name] for one in repositories) for name in (*names, "bytes_in_archive", "bytes_archived")}
    parts = savings(stored, price, removal)
    return {
        **{name: sum(one[name] for one in repositories) for name in _SUMMED},
        **{f"bytes_{part}": parts[part]["bytes_at_most"] for part in _STORED},
        **{f"usd_per_month_{part}": parts[part]["usd_per_month_at_most"] for part in _STORED},
    }


def _largest(row: Mapping[str, Any]) -> tuple[Any, ...]:
    # Of a real run what went, of a dry run what would go.
    return (
        -row["bytes_removed"],
        -row["bytes_removable"],
        -row["bytes_total"],
        row.get("repository", ""),
        row["tag"] or "",
    )


def _cell(value: object) -> str:
    """A cell (https://www.rfc-editor.org/rfc/rfc4180) that no spreadsheet takes for a formula.

    The value of a tag may begin with any of these signs.
    """
    if not isinstance(value, str):
        return "" if value is None else str(value)
    plain = f"'{value}" if value.startswith(("=", "+", "-", "@")) else value
    return '"{}"'.format(plain.replace('"', '""'))
