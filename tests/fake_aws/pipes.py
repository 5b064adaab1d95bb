"""EventBridge Pipes: the two calls that tell where pipes end.

A scenario's ``pipes`` section::

    pipes:
      orders: {task_definition: "import:3", state: STOPPED}    # or a whole ARN, or a path such as $.definition
      audit: {arn: "arn:aws:sqs:{region}:{account}:audit"}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .ecs_state import known
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_BRIEF = ("Name", "Arn", "DesiredState", "CurrentState", "CreationTime", "LastModifiedTime", "Source", "Target")


@dataclass(slots=True)
class Pipes:
    """Pipes by name, as DescribePipe shows them."""

    pipes: dict[str, dict[str, Any]] = field(default_factory=dict)


class PipesApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {"DescribePipe": self.describe_pipe, "ListPipes": self.list_pipes}

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add the pipes of a section; one told again is replaced."""
        known(told, {"pipes"}, "the pipes section")
        store = self._account.store(region, Pipes)
        for name, pipe in told["pipes"].items():
            known(pipe, {"task_definition", "arn", "state", "cluster"}, f"pipe {name}")
            state = pipe.get("state", "RUNNING")
            store.pipes[name] = {
                "Name": name,
                "Arn": f"arn:aws:pipes:{region}:{self._account.id}:pipe/{name}",
                "DesiredState": state,
                "CurrentState": state,
                "Source": f"arn:aws:sqs:{region}:{self._account.id}:{name}",
                "Target": pipe.get("arn")
                or self._account.arn("ecs", region, f"cluster/{pipe.get('cluster', 'default')}"),
                "TargetParameters": self._parameters(region, pipe),
                "RoleArn": f"arn:aws:iam::{self._account.id}:role/starts-tasks",
                "CreationTime": now,
                "LastModifiedTime": now,
            }

    def list_pipes(self, request: Request) -> dict[str, Any]:
        """100 a page; without parameters of targets."""
        pipes = self._account.store(request.region, Pipes).pipes
        names = [name for name in pipes if name.startswith(request.get("NamePrefix", ""))]
        shown, token = page(request, names, str, size=100, token="NextToken", limit="Limit")
        return {"Pipes": [{key: pipes[name][key] for key in _BRIEF} for name in shown], "NextToken": token}

    def describe_pipe(self, request: Request) -> dict[str, Any]:
        """One pipe."""
        name = str(request.get("Name"))
        pipe = self._account.store(request.region, Pipes).pipes.get(name)
        if pipe is None:
            raise AwsError("NotFoundException", f"Pipe {name} does not exist.", 404)
        return pipe

    def _parameters(self, region: str, told: Mapping[str, Any]) -> dict[str, Any] | None:
        if "task_definition" not in told:
            return None
        name = str(told["task_definition"])
        definition = (
            name if name.startswith(("arn:", "$")) else self._account.arn("ecs", region, f"task-definition/{name}")
        )
        return {"EcsTaskParameters": {"TaskDefinitionArn": definition, "TaskCount": 1, "LaunchType": "FARGATE"}}
