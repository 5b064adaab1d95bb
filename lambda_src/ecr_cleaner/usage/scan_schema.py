"""The scan of one target as a document: read strictly, with a checksum, so that nothing of it can get lost unseen."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from ecr_cleaner import schema
from ecr_cleaner.model.result import Finding, FindingKind, Severity
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, TargetScan
from ecr_cleaner.model.usage import Reference, ReferenceScope, ScanTarget, Usage, UsageKind
from ecr_cleaner.schema import Strict

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(ge=0)]


class ReferenceDocument(Strict):
    """As `model.Reference`; what is empty is left out."""

    text: str
    account: str | None = None
    region: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    breadth: ReferenceScope = ReferenceScope.IMAGE


class UsageDocument(Strict):
    """As `model.Usage`, without the target: that of the scan holds."""

    reference: ReferenceDocument
    source: _Text
    consumer: str
    evidence: UsageKind = UsageKind.CONFIGURED
    failure: str = ""
    cluster: str | None = None


class OutcomeDocument(Strict):
    """As `model.SourceOutcome`, without the target: that of the scan holds."""

    source: _Text
    status: SourceStatus
    usages: _Count = 0
    detail: str = ""
    notes: list[str] = Field(default_factory=list)
    cluster: str | None = None


class FindingDocument(Strict):
    """As `model.Finding`."""

    kind: FindingKind
    severity: Severity
    subject: str
    detail: str
    bytes: int | None = None


class TargetScanDocument(Strict):
    """As `model.TargetScan`."""

    account_id: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    region: _Text
    run_id: _Text
    settings_sha256: _Sha256
    catalog_sha256: _Sha256
    usages: list[UsageDocument]
    outcomes: list[OutcomeDocument]
    findings: list[FindingDocument]
    calls: _Count
    started_at: AwareDatetime
    finished_at: AwareDatetime


def write_scan(scan: TargetScan) -> bytes:
    """A scan as a document.

    Raises:
        ValueError: A usage or an outcome belongs to another target.
    """
    targets = {usage.target for usage in scan.usages} | {outcome.target for outcome in scan.outcomes}
    if targets - {scan.target}:
        message = f"the scan of {scan.target} holds usages or outcomes of other targets"
        raise ValueError(message)
    return schema.seal(
        TargetScanDocument(
            account_id=scan.target.account_id,
            region=scan.target.region,
            run_id=scan.run_id,
            settings_sha256=scan.settings_sha256,
            catalog_sha256=scan.catalog_sha256,
            usages=[_usage_document(usage) for usage in scan.usages],
            outcomes=[
                OutcomeDocument(
                    source=outcome.source,
                    status=outcome.status,
                    usages=outcome.usages,
                    detail=outcome.detail,
                    notes=list(outcome.notes),
                    cluster=outcome.cluster,
                )
                for outcome in scan.outcomes
            ],
            findings=[
                FindingDocument(
                    kind=finding.kind,
                    severity=finding.severity,
                    subject=finding.subject,
                    detail=finding.detail,
                    bytes=finding.bytes,
                )
                for finding in scan.findings
            ],
            calls=scan.calls,
            started_at=scan.started_at,
            finished_at=scan.finished_at,
        )
    )


def read_scan(body: bytes, place: str) -> TargetScan:
    """A scan from its document.

    Args:
        body: The document.
        place: Where it lies, for the error.

    Raises:
        NotWholeError: It is no such document, or not what was written.
    """
    document = schema.unseal(TargetScanDocument, body, place)
    target = ScanTarget(document.account_id, document.region)
    return TargetScan(
        target=target,
        run_id=document.run_id,
        settings_sha256=document.settings_sha256,
        catalog_sha256=document.catalog_sha256,
        usages=tuple(_usage(usage, target) for usage in document.usages),
        outcomes=tuple(
            SourceOutcome(
                target,
                outcome.source,
                outcome.status,
                usages=outcome.usages,
                detail=outcome.detail,
                notes=tuple(outcome.notes),
                cluster=outcome.cluster,
            )
            for outcome in document.outcomes
        ),
        findings=tuple(
            Finding(finding.kind, finding.severity, finding.subject, finding.detail, finding.bytes)
            for finding in document.findings
        ),
        calls=document.calls,
        started_at=document.started_at,
        finished_at=document.finished_at,
    )


def _usage_document(usage: Usage) -> UsageDocument:
    reference = usage.reference
    return UsageDocument(
        reference=ReferenceDocument(
            text=reference.text,
            account=reference.account,
            region=reference.region,
            repository=reference.repository,
            tag=reference.tag,
            digest=reference.digest,
            breadth=reference.breadth,
        ),
        source=usage.source,
        consumer=usage.consumer,
        evidence=usage.evidence,
        failure=usage.failure,
        cluster=usage.cluster,
    )


def _usage(document: UsageDocument, target: ScanTarget) -> Usage:
    named = document.reference
    return Usage(
        reference=Reference(
            named.text, named.account, named.region, named.repository, named.tag, named.digest, named.breadth
        ),
        source=document.source,
        consumer=document.consumer,
        evidence=document.evidence,
        failure=document.failure,
        target=target,
        cluster=document.cluster,
    )
