"""Pure: the usages of a registry, by what they name, so that no repository goes through those of all others."""

from collections import defaultdict
from collections.abc import Iterable

from ecr_cleaner.decision.graph import subjects_of
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.usage import Usage


class UsageIndex:
    """The usages of a registry.

    Attributes:
        all: In their order.
    """

    def __init__(self, usages: Iterable[Usage]) -> None:
        """Go through them once."""
        self.all = tuple(usages)
        self._of_repository: dict[str, list[int]] = defaultdict(list)  # places in `all`
        self._of_digest: dict[str, list[int]] = defaultdict(list)
        self._wide: list[int] = []
        for place, usage in enumerate(self.all):
            reference = usage.reference
            if reference.is_wide:
                self._wide.append(place)
            if reference.repository is not None:
                self._of_repository[reference.repository].append(place)
            if reference.digest is not None:
                self._of_digest[reference.digest].append(place)

    def of(self, repository: str, images: Iterable[Image]) -> tuple[Usage, ...]:
        """Every usage that may concern a repository, in their order.

        Those that name it; that name a digest which it has, or which something in it refers to, in whichever
        repository; and all that cover more than an image.

        Args:
            repository: Its name.
            images: All of its images.
        """
        places = {*self._wide, *self._of_repository.get(repository, ())}
        for image in images:
            for digest in (image.digest, *subjects_of(image)):
                places.update(self._of_digest.get(digest, ()))
        return tuple(self.all[place] for place in sorted(places))
