"""What to do next after a run that did nothing, with the command."""

from collections.abc import Mapping
from typing import Any, Final

_PARTITIONS: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def next_step(summary: Mapping[str, Any], function: str) -> tuple[str, str] | None:
    """One sentence and one command; None after a run that needs nobody.

    Args:
        summary: Of the run.
        function: Its name.
    """
    region = summary["region"]
    if summary["status"] in {"refused", "failed", "degraded"}:
        look = "Mend what the causes name; this dry run then shows whether that was all:"
        return look, dry_run_command(function, region)
    if summary["status"] == "completed" and not summary["repositories"]:
        account = summary["account_id"] or "ACCOUNT"
        partition = next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
        arn = f"arn:{partition}:ecr:{region}:{account}:repository/NAME"
        tag = "Key=BoxCleanerEnabled,Value=true"
        return (
            "No repository of this region opted in. This opts one in, with its name in place of NAME:",
            f"aws ecr tag-resource --region {region} --tags {tag} --resource-arn {arn}",
        )
    return None


def dry_run_command(function: str, region: str) -> str:
    """Starts the function as a dry run and prints its result; as the module's output ``dry_run_command``."""
    payload = '{"action":"run","dry_run":true,"schema_version":1}'
    return (
        f"aws lambda invoke --region {region} --function-name {function} --cli-binary-format raw-in-base64-out"
        f" --cli-read-timeout 0 --payload '{payload}' /dev/stdout"
    )
