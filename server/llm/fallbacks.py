"""The workspace's own chain: the models that are tried, in this order, where a program names no
fallbacks of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.errors import Invalid
from server.llm.catalogue import catalogue
from server.llm.errors import ModelError
from server.llm.gateway import Gateway
from server.llm.workspace_models import FALLBACKS, WorkspaceModels, fallbacks_of, is_demo
from server.models.tables import Workspace
from server.workspaces import audit
from server.workspaces.access import Viewer, require

MOST = 10
SMALL_WINDOW = 32_000


@dataclass(frozen=True, slots=True)
class Chain:
    """`warnings`: what somebody should know of a model in it."""

    models: tuple[str, ...]
    warnings: tuple[str, ...] = ()


async def chain_of(viewer: Viewer, models: WorkspaceModels, gateway: Gateway) -> Chain:
    require(viewer, "connections:read")
    names = fallbacks_of(await Workspace.get(id=viewer.workspace_id).only("id", "settings"))
    found: list[str] = []
    for name in names:
        try:
            found += await _remarks(viewer, models, gateway, name)
        except ModelError as error:
            found.append(f"{name} cannot be asked now: {error.message}")
    return Chain(names, tuple(found))


async def set_chain(
    viewer: Viewer, models: WorkspaceModels, gateway: Gateway, given: Sequence[str]
) -> Chain:
    """Refused as a whole when one of them could not be asked. An empty list takes it away."""
    require(viewer, "connections:write")
    names = _checked(given)
    remarks: list[str] = []
    for place, name in enumerate(names):
        try:
            remarks += await _remarks(viewer, models, gateway, name)
        except ModelError as error:
            path = ["models", str(place)]
            raise Invalid(error.message, hint=error.hint, path=path) from error
    workspace = await Workspace.get(id=viewer.workspace_id)
    before = list(fallbacks_of(workspace))
    workspace.settings = {**(workspace.settings or {}), FALLBACKS: list(names)}
    await workspace.save(update_fields=["settings"])
    models.forget(viewer.workspace_id)
    subject = audit.Subject("workspace", workspace.id, workspace.name)
    change = audit.Change({FALLBACKS: before}, {FALLBACKS: list(names)})
    await audit.record(viewer, "workspace.fallbacks_changed", subject, change)
    return Chain(names, tuple(remarks))


def _checked(given: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in given))
    if len(names) > MOST:
        raise Invalid(f"A chain has at most {MOST} models.", path=["models"])
    for place, name in enumerate(names):
        if not name or len(name) > 200 or any(mark.isspace() for mark in name):
            message = "A model is named `provider:model`, as in openai:gpt-4o-mini."
            raise Invalid(message, path=["models", str(place)])
    return names


async def _remarks(
    viewer: Viewer, models: WorkspaceModels, gateway: Gateway, name: str
) -> list[str]:
    """Raises ModelError when it could go nowhere."""
    if is_demo(name):
        return [f"{name} only pretends: a run that falls back to it seems to have worked."]
    way, access = await models.way(viewer.workspace_id, name)
    route = gateway.route(way, access)
    facts = None if route.provider is None else catalogue().find(route.provider, route.model)
    if facts is None:
        return []
    remarks: list[str] = []
    if not facts.tools:
        remarks.append(f"{name} knows no tools: entities with tools fail on it.")
    if facts.context is not None and facts.context < SMALL_WINDOW:
        remarks.append(f"{name} reads at most {facts.context:,} tokens.")
    return remarks
