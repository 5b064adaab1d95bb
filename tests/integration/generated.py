"""Accounts that are made by chance, of what never changes once it is there, and what happens to them in between."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.fake_aws.ecs_state import Ecs
from tests.integration import under_way

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox

IMAGES: Final = tuple(f"i{number:02}" for number in range(24))
IMAGE: Final = "{registry}/app:"


@dataclass
class Generated:
    """An account, and what it is made of.

    Attributes:
        sandbox: Where it is.
        chance: What decides.
    """

    sandbox: Sandbox
    chance: random.Random
    families: dict[str, int] = field(default_factory=dict)
    services: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    machines: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    events: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, sandbox: Sandbox, seed: int) -> Generated:
        """An account with one repository, whose images are used in every way, or in none."""
        made = cls(sandbox, random.Random(seed))  # noqa: S311 - no secret
        tagged = [{"id": name, "pushed": "90d", "tags": [name]} for name in IMAGES]
        sandbox.seed({"repositories": {"app": {"tags": {"BoxCleanerEnabled": "true"}, "images": tagged}}})
        for _ in range(4):
            made.new_family()
            made.new_function()
        for _ in range(3):
            made.new_service()
            made.new_machine()
            made.new_model()
        made.names_a_revision()
        made.events.clear()
        return made

    def happens(self, times: int) -> list[str]:
        """What a day brings."""
        for _ in range(times):
            getattr(self, self.chance.choice(EVENTS))()
        return self.events

    # ECS

    def new_family(self) -> None:
        """A family with a few revisions."""
        name = f"family{len(self.families)}"
        self.families[name] = 0
        for _ in range(self.chance.randint(1, 3)):
            self.new_revision(name)

    def new_revision(self, family: str = "") -> str:
        """One more revision, which is the newest of its family."""
        family = family or self.chance.choice(list(self.families))
        self.families[family] += 1
        name = f"{family}:{self.families[family]}"
        self.sandbox.seed({"ecs": {"task_definitions": {name: {"image": self._image()}}}})
        self.events.append(f"revision {name}")
        return name

    def deregistered(self) -> None:
        """A revision can start nothing new any more."""
        definition = self._existing()
        told = self.sandbox.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
        image = told["containerDefinitions"][0]["image"]
        self.sandbox.seed({"ecs": {"task_definitions": {definition: {"image": image, "status": "INACTIVE"}}}})
        self.events.append(f"{definition} is deregistered")

    def deleted(self) -> None:
        """A revision that no service has does not exist any more, whoever else names it."""
        definition = self._existing()
        held = {one["task_definition"] for revisions in self.services.values() for one in revisions[:2]}
        if definition not in held:
            self.sandbox.state.store("us-east-1", Ecs).task_definitions.pop(definition, None)
            self.gone.add(definition)
            self.events.append(f"{definition} is deleted")

    def new_service(self, name: str = "") -> None:
        """A service, or one that is made again under the same name."""
        name = name or f"service{len(self.services)}"
        self.services[name] = []
        self.created[name] = self.created.get(name, 0) + 1
        for _ in range(self.chance.randint(1, 4)):
            self._deployed(name)
        self._tell(name)

    def again(self) -> None:
        """A service was deleted and made again."""
        self.new_service(self.chance.choice(list(self.services)))

    def deployed(self) -> None:
        """A service has another revision; in one case of three it is still being deployed."""
        name = self.chance.choice(list(self.services))
        self._deployed(name, self.chance.choice(["SUCCESSFUL", "SUCCESSFUL", "IN_PROGRESS"]))
        self._tell(name)

    def names_a_revision(self) -> None:
        """A rule starts tasks of some revision, by its ARN."""
        definition = self._existing()
        targets = [{"task_definition": definition}]
        self.sandbox.seed({"events": {"rules": {"nightly": {"schedule": "rate(1 day)", "targets": targets}}}})
        self.events.append(f"rule {definition}")

    # The others

    def new_function(self) -> None:
        """A function of an image, with a version or two."""
        name = f"function{len(self.functions)}"
        self.functions[name] = {"$LATEST": self._code()}
        self.published(name)

    def updated(self) -> None:
        """A function has another image; its versions keep theirs."""
        name = self.chance.choice(list(self.functions))
        self.functions[name]["$LATEST"] = self._code()
        self._tell_function(name)

    def published(self, name: str = "") -> None:
        """A function has one more version."""
        name = name or self.chance.choice(list(self.functions))
        self.functions[name][str(len(self.functions[name]))] = self.functions[name]["$LATEST"]
        self._tell_function(name)

    def new_machine(self) -> None:
        """A state machine with a version and an execution."""
        name = f"machine{len(self.machines)}"
        self.machines[name] = {"definition": self._definition(), "versions": {}, "executions": {}}
        self.changed(name)

    def changed(self, name: str = "") -> None:
        """A state machine has another definition, one more version and one more execution; one may have ended."""
        name = name or self.chance.choice(list(self.machines))
        machine = self.machines[name]
        started = {"definition": machine["definition"], "input": {"image": self._image()}, "started": "2d"}
        machine["definition"] = self._definition()
        machine["versions"] = {str(len(machine["versions"]) + 1): self._definition()} | machine["versions"]
        number = len(machine["executions"])
        machine["executions"][f"e{number}"] = started | {"status": "RUNNING"}
        new = {"versions": {k: v for k, v in machine["versions"].items() if int(k) == len(machine["versions"])}}
        new["executions"] = {f"e{number}": machine["executions"][f"e{number}"]}
        if number and self.chance.random() < 0.5:
            new["executions"]["e0"] = machine["executions"]["e0"] | {"status": "SUCCEEDED"}
        self.sandbox.seed({"stepfunctions": {"machines": {name: {"definition": machine["definition"], **new}}}})
        self.events.append(f"state machine {name}")

    def new_model(self) -> None:
        """A model, or one that is made again under the same name."""
        name = self.chance.choice(["fraud", "churn", "price", "rank"])
        self.sandbox.seed({"sagemaker": {"models": {name: {"PrimaryContainer": {"Image": self._image()}}}}})
        self.events.append(f"model {name}")

    def _image(self) -> str:
        return IMAGE + self.chance.choice(IMAGES)

    def _code(self) -> dict[str, str]:
        name = self.chance.choice(IMAGES)
        return {"image": IMAGE + name, "digest": f"{{{name}}}"}

    def _definition(self) -> dict[str, Any]:
        if self.chance.random() < 0.5:
            return under_way.machine(TaskDefinition=self._existing())
        return under_way.machine(TrainingImage=self._image())

    def _existing(self) -> str:
        all_of_them = [f"{family}:{number + 1}" for family, last in self.families.items() for number in range(last)]
        return self.chance.choice([one for one in all_of_them if one not in self.gone])

    def _deployed(self, name: str, status: str = "SUCCESSFUL") -> None:
        definition = self._existing()
        family = definition.partition(":")[0]
        digests = {} if self.chance.random() < 0.2 else {family: f"{{{self.chance.choice(IMAGES)}}}"}
        days = 60 - len(self.services[name])
        revision = {"task_definition": definition, "digests": digests, "deployed": f"{days}d", "status": status}
        self.services[name].insert(0, revision)

    def _tell(self, name: str) -> None:
        revisions = self.services[name]
        told = {"task_definition": revisions[0]["task_definition"], "revisions": revisions}
        told["created"] = f"{100 - self.created[name]}d"
        if revisions[0]["status"] != "SUCCESSFUL" and len(revisions) > 1:
            told["deployments"] = [{"task_definition": revisions[1]["task_definition"], "status": "ACTIVE"}]
        self.sandbox.seed({"ecs": {"clusters": {"prod": {"services": {name: told}}}}})
        self.events.append(f"service {name}: {revisions[0]}")

    def _tell_function(self, name: str) -> None:
        self.sandbox.seed({"lambda": {"functions": {name: {"versions": self.functions[name]}}}})
        self.events.append(f"function {name}")


EVENTS: Final = (
    *("new_family", "new_revision", "deregistered", "deleted", "new_service", "again", "deployed", "deployed"),
    *("names_a_revision", "new_function", "updated", "published", "new_machine", "changed", "new_model"),
)
