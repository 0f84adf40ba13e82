"""The plan: a program made ready to run, as data. It is stored with each version of a bot and read
by later releases, so its JSON carries a number and keeps loading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from server.bal.estimates import Calls, calls_of
from server.bal.plan_json import entity_from_json, entity_to_json, steps_from_json, steps_to_json
from server.bal.plan_steps import CallStep, ChainStep, EntityPlan, PlanUnreadable, Steps

__all__ = ["VERSION", "EntityPlan", "EntryPoint", "Needs", "Plan", "PlanUnreadable"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A second way in: an entity outside the composition with triggers of its own."""

    name: str
    triggers: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a run may call, known before it starts. `default_model`: an entity names no model."""

    models: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    default_model: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`root` is the composition, or the call of the first entity. `run` is empty without a run
    statement, else holds its one value with the slots still in it. `triggers` start the root."""

    entities: dict[str, EntityPlan]
    root: Steps
    entries: tuple[EntryPoint, ...] = ()
    triggers: tuple[Any, ...] = ()
    run: tuple[Any, ...] = ()
    analytics: Any = None
    defaults: dict[str, Any] = field(default_factory=dict[str, Any])
    needs: Needs = field(default_factory=Needs)

    @property
    def pure(self) -> bool:
        """No step calls a model or a tool: the whole run is a calculation."""
        return all(step.pure for step in self.root)

    @property
    def calls(self) -> Calls:
        """How often a run asks entities, at least and at most."""
        return calls_of(self.root)

    @property
    def strict(self) -> bool:
        return self.defaults.get("strict") is True

    @property
    def input(self) -> str | None:
        """The type text of what a run takes: the input block of the entity that starts."""
        first = _end(self.root, 0)
        return None if first is None else self.entities[first].input

    @property
    def output(self) -> str | None:
        """The type text of what a run gives: the output block of the last entity of a chain, or
        of the only one; null for every other end."""
        last = _end(self.root, -1)
        return None if last is None else self.entities[last].output

    def entry(self, name: str | None) -> Steps:
        """What runs: the composition, or the one entity that was triggered."""
        if name is None:
            return self.root
        if name not in self.entities:
            raise KeyError(name)
        return (CallStep(key=name, tail=name, entity=name, pure=False),)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "entities": [entity_to_json(entity) for entity in self.entities.values()],
            "steps": steps_to_json(self.root),
            "entries": [[entry.name, list(entry.triggers)] for entry in self.entries],
            "triggers": list(self.triggers),
            "run": list(self.run),
            "analytics": self.analytics,
            "defaults": self.defaults,
            "needs": {
                "models": list(self.needs.models),
                "tools": list(self.needs.tools),
                "default_model": self.needs.default_model,
            },
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Raises PlanUnreadable for what no known release has written."""
        if data.get("version") != VERSION:
            raise PlanUnreadable(f"A plan of version {data.get('version')} is not known here.")
        try:
            return cls._read(data)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise PlanUnreadable(f"The stored plan is damaged: {error!r}") from error

    @classmethod
    def _read(cls, data: dict[str, Any]) -> Plan:
        entities = [entity_from_json(entity) for entity in data["entities"]]
        needs = data["needs"]
        return cls(
            entities={entity.name: entity for entity in entities},
            root=steps_from_json(data["steps"]),
            entries=tuple(EntryPoint(name, tuple(rows)) for name, rows in data["entries"]),
            triggers=tuple(data["triggers"]),
            run=tuple(data["run"]),
            analytics=data["analytics"],
            defaults=data["defaults"],
            needs=Needs(tuple(needs["models"]), tuple(needs["tools"]), needs["default_model"]),
        )


def _end(steps: Steps, place: int) -> str | None:
    """The entity that stands first or last in the chain, if one does."""
    while steps:
        step = steps[place]
        if isinstance(step, CallStep):
            return step.entity
        steps = step.body if isinstance(step, ChainStep) else ()
    return None
