"""What may be left out although a KMS key kept it from being read, and what may not."""

from ecr_cleaner.errors import SourceError
from ecr_cleaner.usage.source import SourceContext


def require_readable(context: SourceContext) -> None:
    """Note what of a source may be left out, and fail because of what may not.

    Raises:
        SourceError: Things could not be read, and nobody has accepted that.
    """
    refused = {arn: cause for arn, cause in context.unreadable.items() if not _is_accepted(context, arn)}
    if refused:
        told = ", ".join(f"{arn} ({cause})" for arn, cause in sorted(refused.items()))
        message = (
            f"what is encrypted with a KMS key that the function may not use cannot be read: {told}; to mend this,"
            f" let {context.aws.caller} use kms:Decrypt in the policy of that key, and the key be enabled"
        )
        raise SourceError(message, (f"unreadable:{arn}" for arn in refused))


def _is_accepted(context: SourceContext, arn: str) -> bool:
    gap = f"unreadable:{arn}"
    reason = context.settings.accepted_gaps.get(gap)
    if reason is None:
        return False
    context.accepted.append(gap)
    context.notes.append(f"not read, so what it uses is not protected: {arn} ({context.unreadable[arn]}): {reason}")
    return True
