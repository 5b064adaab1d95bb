"""What AWS says of a denied call: to whom, which action, and by what policy.

The form of the messages:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html and
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
"""

import re
from typing import Final

from ecr_cleaner.aws import errors
from ecr_cleaner.model.scan import Denial, PolicyType

_WHO: Final = re.compile(
    r"User: (?P<principal>\S+) is not authorized to perform: (?P<action>[A-Za-z0-9-]+:[A-Za-z0-9]+)"
)
_POLICIES: Final = "|".join(re.escape(policy.value) for policy in PolicyType)
_EXPLICIT: Final = re.compile(
    rf"with an explicit deny in (?:an? |the )?(?P<policy>{_POLICIES})(?:: (?P<arn>arn:[^\s,;]+))?", re.IGNORECASE
)
_IMPLICIT: Final = re.compile(rf"because no (?P<policy>{_POLICIES}) allows", re.IGNORECASE)
_SESSION: Final = re.compile(r"(?P<role>arn:[^:]+:sts::[0-9]{12}:assumed-role/[^/]+)/.*")
_TYPES: Final = {policy.value.lower(): policy for policy in PolicyType}


def denial_of(error: Exception, permission: str) -> Denial:
    """What a failed call was denied; without `gap` and `unprotected`, which are its source's.

    Args:
        error: Of the call; one for which `errors.is_denied` is true.
        permission: What its operation needs, in case that AWS does not name the action.
    """
    message = errors.message_of(error)
    who, explicit = _WHO.search(message), _EXPLICIT.search(message)
    decided = explicit or _IMPLICIT.search(message)
    principal = who["principal"] if who else ""
    session = _SESSION.fullmatch(principal)
    return Denial(
        permission=who["action"] if who else permission,
        principal=session["role"] if session else principal,
        policy=_TYPES[decided["policy"].lower()] if decided else PolicyType.UNKNOWN,
        is_explicit=explicit is not None,
        policy_arn=((explicit["arn"] or "").rstrip(".") if explicit else ""),
    )
