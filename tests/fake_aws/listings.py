"""EventBridge and EventBridge Scheduler: moto keeps them, the listings are paged here as AWS pages them.

Scenario sections::

    events:
      buses: [orders]                                   # beside the default bus
      rules:
        nightly: {schedule: "rate(1 day)", bus: default, state: ENABLED, targets: [{task_definition: "..."}]}
    scheduler:
      groups: [reports]
      schedules:
        weekly: {group: reports, schedule: "rate(7 days)", task_definition: "report:3"}

``task_definition`` is ``family:revision``, a bare family, or a whole ARN; a target may be ``{arn: ...}`` instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account


class Listings:
    """Handlers by service and operation, and the readers of the sections."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, dict[str, Callable[[Request], dict[str, Any]]]]:
        """The operations that are not left to moto."""
        return {
            "events": {
                "ListEventBuses": self.list_event_buses,
                "ListRules": self.list_rules,
                "ListTargetsByRule": self.list_targets_by_rule,
            },
            "scheduler": {"ListSchedules": self.list_schedules},
        }

    # Reading scenarios

    def load_events(self, region: str, told: Mapping[str, Any], _: dt.datetime) -> None:
        """Add buses and rules."""
        backend = self._account.moto("events", region)
        for bus in told.get("buses") or []:
            backend.create_event_bus(name=bus, event_source_name=None, tags=[])
        for name, rule in (told.get("rules") or {}).items():
            bus = rule.get("bus", "default")
            backend.put_rule(
                name=name,
                event_bus_arn=bus,
                scheduled_expression=rule.get("schedule"),
                event_pattern=None if rule.get("schedule") else '{"source": ["sandbox"]}',
                state=rule.get("state", "ENABLED"),
                tags=[],
            )
            targets = [
                {"Id": f"target-{number}", **self._target(region, target)}
                for number, target in enumerate(rule.get("targets") or [])
            ]
            backend.event_buses[bus].rules[name].put_targets(targets)

    def load_scheduler(self, region: str, told: Mapping[str, Any], _: dt.datetime) -> None:
        """Add groups and schedules."""
        backend = self._account.moto("scheduler", region)
        for group in told.get("groups") or []:
            backend.create_schedule_group(name=group, tags=[])
        for name, schedule in (told.get("schedules") or {}).items():
            backend.create_schedule(
                description=None,
                end_date=None,
                flexible_time_window={"Mode": "OFF"},
                group_name=schedule.get("group", "default"),
                kms_key_arn=None,
                name=name,
                schedule_expression=schedule.get("schedule", "rate(1 day)"),
                schedule_expression_timezone="UTC",
                start_date=None,
                state=schedule.get("state", "ENABLED"),
                target=self._target(region, schedule),
                action_after_completion=None,
            )

    # Operations

    def list_event_buses(self, request: Request) -> dict[str, Any]:
        """100 a page."""
        prefix = request.get("NamePrefix", "")
        buses = self._account.moto("events", request.region).event_buses
        items = [
            {"Name": bus.name, "Arn": bus.arn, "Policy": bus.policy}
            for bus in buses.values()
            if bus.name.startswith(prefix)
        ]
        shown, token = page(request, items, lambda item: item["Name"], size=100, token="NextToken", limit="Limit")
        return {"EventBuses": shown, "NextToken": token}

    def list_rules(self, request: Request) -> dict[str, Any]:
        """100 a page, of one bus."""
        prefix = request.get("NamePrefix", "")
        rules = [rule.describe() for rule in self._bus(request).rules.values() if rule.name.startswith(prefix)]
        shown, token = page(request, rules, lambda rule: rule["Name"], size=100, token="NextToken", limit="Limit")
        return {"Rules": shown, "NextToken": token}

    def list_targets_by_rule(self, request: Request) -> dict[str, Any]:
        """100 a page."""
        bus, name = self._bus(request), request.get("Rule")
        if name not in bus.rules:
            raise AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus.name}.")
        targets = bus.rules[name].targets
        shown, token = page(request, targets, lambda item: item["Id"], size=100, token="NextToken", limit="Limit")
        return {"Targets": shown, "NextToken": token}

    def list_schedules(self, request: Request) -> dict[str, Any]:
        """100 a page; targets with their ARN alone."""
        backend = self._account.moto("scheduler", request.region)
        group, state = request.get("GroupName"), request.get("State")
        if group and group not in backend.schedule_groups:
            raise AwsError("ResourceNotFoundException", f"Schedule group {group} does not exist.", 404)
        items = [
            schedule
            for each in backend.schedule_groups.values()
            for schedule in each.schedules.values()
            if group in {None, each.name}
            and state in {None, schedule.state}
            and schedule.name.startswith(request.get("NamePrefix", ""))
        ]
        shown, token = page(request, items, lambda item: item.arn, size=100, token="NextToken", limit="MaxResults")
        keys = ("Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate", "Target")
        listed = [{key: item.to_dict(short=True)[key] for key in keys} for item in shown]
        return {"Schedules": listed, "NextToken": token}

    def _bus(self, request: Request) -> Any:
        name = str(request.get("EventBusName", "default")).rpartition(":event-bus/")[2]
        buses = self._account.moto("events", request.region).event_buses
        if name not in buses:
            raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.")
        return buses[name]

    def _target(self, region: str, told: Mapping[str, Any]) -> dict[str, Any]:
        role = f"arn:aws:iam::{self._account.id}:role/starts-tasks"
        if "task_definition" not in told:
            return {"Arn": told["arn"], "RoleArn": role}
        name = str(told["task_definition"])
        definition = name if name.startswith("arn:") else self._account.arn("ecs", region, f"task-definition/{name}")
        return {
            "Arn": self._account.arn("ecs", region, f"cluster/{told.get('cluster', 'default')}"),
            "RoleArn": role,
            "EcsParameters": {"TaskDefinitionArn": definition, "TaskCount": 1, "LaunchType": "FARGATE"},
        }
