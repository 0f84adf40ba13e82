"""An entity as a person changed it for the rest of one execution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from server.bal.plan import EntityPlan, Plan
from server.engine.store import RecordedStep, StepRow
from server.models.enums import StepStatus

PREFIX: Final = "#entity/"
REMEMBERED: Final = "remembered"
EDITED: Final = "#edited"
# Beside an edited result: what stands inside the step is not gone through for it.
PASSED: Final = "#passed"
FIELDS: Final = ("goal", "description", "model", "tools", "notes")


class Modified:
    """Kept as one remembered value per entity and field, so that two people who change different
    things do not undo each other."""

    def __init__(self, recorded: Mapping[str, RecordedStep]) -> None:
        self._changes: dict[str, dict[str, Any]] = {}
        for key, row in recorded.items():
            if key.startswith(PREFIX):
                name, _, field = key.removeprefix(PREFIX).rpartition("/")
                self._changes.setdefault(name, {})[field] = row.output

    def apply(self, data: Mapping[str, Any]) -> None:
        given = {field: data[field] for field in FIELDS if data.get(field) is not None}
        self._changes.setdefault(str(data.get("name")), {}).update(given)

    def entity(self, entity: EntityPlan) -> EntityPlan:
        changes = self._changes.get(entity.name)
        if not changes:
            return entity
        goal = changes.get("goal", entity.goal)
        if notes := changes.get("notes"):
            goal = f"{goal}\n\nNotes for this run:\n{notes}"
        tools = changes.get("tools")
        return replace(
            entity,
            goal=goal,
            description=changes.get("description", entity.description),
            model=changes.get("model", entity.model),
            tools=entity.tools if tools is None else free_tools(entity, tools),
        )

    def models(self, plan: Plan) -> list[str | None]:
        """Those that a run may ask, None for the default one; a model in the place of which a
        person has put another one is not among them."""
        needs = plan.needs
        models: list[str | None] = [*needs.models, *([None] if needs.default_model else [])]
        if not any("model" in given for given in self._changes.values()):
            return models
        now = [self.entity(one) for one in plan.entities.values()]
        asked = {model for one in now for model in (one.model, *one.fallbacks)}
        return [model for model in models if model in asked]


def free_tools(entity: EntityPlan, given: Sequence[str]) -> tuple[str, ...]:
    """What the program lets it use only after a question is not made free by naming it: the
    question stays with the tool."""
    asks = set(entity.can_request) - set(entity.tools)
    return tuple(name for name in dict.fromkeys(given) if name not in asks)


def rows_of(name: str, changes: Mapping[str, Any]) -> Iterable[StepRow]:
    for field in FIELDS:
        if changes.get(field) is not None:
            key = f"{PREFIX}{name}/{field}"
            yield StepRow(
                key=key,
                type=REMEMBERED,
                name=key,
                status=StepStatus.COMPLETED,
                output=changes[field],
            )
