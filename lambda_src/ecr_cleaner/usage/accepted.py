"""Pure: takes out the wide usages of consumers that a person accepts as unprotected, and says so."""

from collections import Counter
from collections.abc import Iterable

from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.settings.loader import Settings


def without_accepted(usages: Iterable[Usage], settings: Settings) -> tuple[tuple[Usage, ...], Counter[str]]:
    """The usages that count, and how many each entry ``usage:<ARN>`` took out.

    Complete references of a consumer stay whatever a person accepts.
    """
    counted: list[Usage] = []
    ignored: Counter[str] = Counter()
    for usage in usages:
        gap = f"usage:{usage.consumer_arn}"
        if usage.may_be_ignored and gap in settings.accepted_gaps:
            ignored[gap] += 1
        else:
            counted.append(usage)
    return tuple(counted), ignored


def beside_sources(settings: Settings, scan: UsageScan | None) -> tuple[str, ...]:
    """What a person left unprotected although every source is asked that could be, with the reasons.

    Args:
        settings: Of the run.
        scan: The latest one; None: there was none.
    """
    ignored = scan.ignored if scan else Counter[str]()
    counted = {
        f"{gap}: {reason}": f"; it took out {ignored[gap]} usages that are wider than an image"
        for gap, reason in settings.accepted_gaps.items()
        if gap.startswith("usage:")
    }
    return tuple(f"{told}{counted.get(told, '')}" for told in settings.gaps_beside_sources)
