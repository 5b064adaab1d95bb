"""Upper bounds of storage costs.

ECR bills each layer of a repository once and returns only the sum of the layers of an image: a layer that images share
is counted here once for each of them, so that no sum is too low. Only manifests, which a run does not read, say which
layers are shared.
"""

from collections.abc import Mapping
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
