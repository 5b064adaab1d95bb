"""How messages write entries of ``accepted_gaps``."""

from collections.abc import Iterable


def entries(gaps: Iterable[str]) -> str:
    """The line of Terraform that accepts gaps, sorted, to be pasted: only the reasons have to be filled in.

    Args:
        gaps: Keys of ``accepted_gaps``, e.g. ``source:sagemaker``.
    """
    pairs = ", ".join(f'"{gap}" = "<reason>"' for gap in sorted(set(gaps)))
    return f"accepted_gaps = {{ {pairs} }}"
