"""How far an approved plan was carried out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ecr_cleaner.approval.policy import ApprovedPlan
from ecr_cleaner.model.plan import PlanSummary, RemovalStatus, RepositoryPlan, RetainedImage
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus


@dataclass(slots=True)
class ApplicationState:
    """What became of the images that an approved plan names.

    Attributes:
        approved: The plan.
    """

    approved: ApprovedPlan
    _retained: dict[tuple[str, str], RetainedImage] = field(default_factory=dict)  # by repository and digest
    _evaluated: set[str] = field(default_factory=set)
    _permitted: set[tuple[str, str]] = field(default_factory=set)

    def add_evaluation(self, repository: str, retained: Iterable[RetainedImage]) -> None:
        """Take over what an evaluation of a repository keeps."""
        for image in retained:
            # What was removed between two evaluations was not retained.
            if not (repository in self._evaluated and image.reason == "gone"):
                self._retained[repository, image.digest] = image
        self._evaluated.add(repository)

    def add_permitted(self, plan: RepositoryPlan) -> None:
        """Take over what may be removed; how that ends is reported by itself."""
        self._permitted |= {(plan.repository.name, verdict.image.digest) for verdict in plan.verdicts}

    def end(self, repositories: Mapping[str, RepositoryResult]) -> bool:
        """Take over which repositories were not evaluated.

        Returns:
            Whether nothing of the plan is left in any repository.
        """
        approved = self.approved.plan.approved
        for name, images in approved.items():
            result = repositories.get(name)
            if result is not None and result.status is RepositoryStatus.EVALUATED:
                continue
            reason = result.status.value if result else "not_opted_in"
            detail = result.detail if result else "the repository did not opt in, or does not exist"
            for digest, image in images.items():
                if (name, digest) not in self._permitted:
                    retained = RetainedImage(name, digest, image.tags, reason, detail)
                    self._retained.setdefault((name, digest), retained)
        planned = [result for name, result in repositories.items() if name in approved]
        waits = RemovalStatus.LIMITED.value
        return not any(result.is_left or result.removals[waits] or result.problems for result in planned)

    def summary(self) -> PlanSummary:
        """What the run says of the plan."""
        plan = self.approved.plan
        stays = dict(self._retained)
        return PlanSummary("applied", plan.id, plan.expires_at, plan.images, plan.size_bytes, stays=stays)
