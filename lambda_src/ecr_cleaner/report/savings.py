"""What storage costs, told as what it is at most.

ECR bills each layer of a repository once and says of an image only the sum of its layers: what images share is counted
here as often as images have it, so that no sum says less than the truth. Which layers are shared stands in manifests
that a run does not read.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

BYTES_PER_GB: Final = 10**9
"""The smaller reading of a GB: with it no sum is too low."""

_CENT: Final = Decimal("0.01")


def per_month(size_bytes: int, price: float) -> float:
    """What it costs at most to keep some bytes for a month.

    Args:
        size_bytes: An upper bound.
        price: US dollars for a GB and month.

    Returns:
        US dollars, rounded up to the cent.
    """
    cost = Decimal(size_bytes) * Decimal(str(price)) / BYTES_PER_GB
    return float(cost.quantize(_CENT, ROUND_CEILING))


def savings(totals: Mapping[str, int], price: float, removal: Literal["delete", "archive"]) -> dict[str, Any]:
    """What is stored, what could go and what went, in bytes and in money, as JSON-native values.

    ECR asks the same for a GB in its archive (below 150 TB a month,
    https://aws.amazon.com/ecr/pricing/), so what is moved there saves nothing, and what lies there costs.

    Args:
        totals: Of a run's summary; they count no index, whose size is that of its largest manifest.
        price: US dollars for a GB and month, in either storage class.
        removal: What removing means.
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
    told = {
        part: {"bytes_at_most": size, "usd_per_month_at_most": per_month(size, price)} for part, size in sizes.items()
    }
    return {"currency": "USD", "price_per_gb_month": price, "layers": "shared_layers_counted_repeatedly", **told}
