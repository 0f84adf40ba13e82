"""Changing an entity for the rest of one execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.bal.plan_steps import EntityPlan
from server.bal.suggest import closest
from server.core.errors import Invalid, InvalidState
from server.engine.control import Target
from server.engine.engine import Engine
from server.engine.modified import FIELDS, PREFIX, free_tools
from server.executions import service
from server.models.enums import FINAL_STATUSES
from server.models.tables import Execution, Step
from server.workspaces.access import Viewer, require

TEXT_LIMIT = 20_000
MODEL_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Changes:
    """What is None stays as it is."""

    goal: str | None = None
    description: str | None = None
    tools: list[str] | None = None
    notes: str | None = None
    model: str | None = None

    def given(self) -> dict[str, Any]:
        named = {
            "goal": self.goal,
            "description": self.description,
            "model": self.model,
            "tools": None if self.tools is None else list(dict.fromkeys(self.tools)),
            "notes": self.notes,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class EntityNow:
    """As its next call will find it. `changed`: which of its parts a person has set."""

    name: str
    goal: str
    description: str | None
    model: str | None
    tools: Sequence[str]
    notes: str | None
    changed: Sequence[str]


async def entities(viewer: Viewer, engine: Engine, row: Execution) -> list[EntityNow]:
    """Of its version, with what people changed for the rest of it; none when that is gone."""
    require(viewer, "executions:read")
    plan = await engine.runner.plans.get(row.version_id)
    if plan is None:
        return []
    rows = await Step.filter(execution_id=row.id, key__startswith=PREFIX).only("key", "output")
    changes: dict[str, dict[str, Any]] = {}
    for kept in rows:
        name, _, part = kept.key.removeprefix(PREFIX).rpartition("/")
        changes.setdefault(name, {})[part] = kept.output
    return [_now(entity, changes.get(entity.name, {})) for entity in plan.entities.values()]


def _now(entity: EntityPlan, given: Mapping[str, Any]) -> EntityNow:
    return EntityNow(
        name=entity.name,
        goal=given.get("goal", entity.goal),
        description=given.get("description", entity.description),
        model=given.get("model", entity.model),
        tools=free_tools(entity, given["tools"]) if "tools" in given else entity.tools,
        notes=given.get("notes"),
        changed=[part for part in FIELDS if part in given],
    )


async def modify(
    viewer: Viewer, engine: Engine, execution_id: UUID, entity: str, changes: Changes
) -> Execution:
    """Holds from the next call of this entity on; what it answered before stays."""
    require(viewer, "executions:control")
    row = await service.one(viewer, execution_id)
    given = _checked(changes)
    plan = await engine.runner.plans.get(row.version_id)
    if plan is None or entity not in plan.entities:
        raise Invalid(f"This execution has no entity `{entity}`.", path=["entity"])
    if row.status in FINAL_STATUSES:
        raise InvalidState(f"This execution is {row.status.value} already; nothing was changed.")
    if "model" in given:
        check_model(given["model"], "model")
    await _check_tools(engine, row.workspace_id, given.get("tools", ()))
    target = Target(row.workspace_id, row.id)
    done = await engine.control.modify(target, entity, given, viewer.email)
    row = await service.one(viewer, execution_id)
    if not done:
        raise InvalidState(f"This execution is {row.status.value} already; nothing was changed.")
    return row


def check_model(name: str, *path: str) -> None:
    """As in a program: whether it can be reached is known when it is asked."""
    if not name or len(name) > MODEL_LIMIT or any(mark.isspace() for mark in name):
        raise Invalid("A model is named `provider:model`.", path=path)


async def _check_tools(engine: Engine, workspace_id: UUID, names: Sequence[str]) -> None:
    """What the run would not find when it is called is said to whoever asks for it."""
    known = (await engine.catalogues(workspace_id)).names
    for name in names:
        if name not in known:
            hint = closest(name, sorted(known)) or "`tools` of the API lists what there is."
            raise Invalid(f"There is no tool `{name}` here. {hint}", path=["tools"])


def _checked(changes: Changes) -> dict[str, Any]:
    given = changes.given()
    if not given:
        raise Invalid("Say what to change: goal, description, model, tools or notes.")
    for name in ("goal", "description", "notes"):
        if len(given.get(name, "")) > TEXT_LIMIT:
            raise Invalid(f"A text has at most {TEXT_LIMIT} characters.", path=[name])
    if "goal" in given and not given["goal"].strip():
        raise Invalid("A goal says what the entity is to do; it cannot be empty.", path=["goal"])
    return given
