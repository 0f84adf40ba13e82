"""Edits as JSON: what the diagram and "apply this suggestion" send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

from server.bal.edits.draft import EditRefused, EditResult
from server.bal.edits.entities import add_entity, delete_entity, rename_entity
from server.bal.edits.properties import (
    remove_property,
    set_default,
    set_property,
    set_run,
    set_trigger,
)
from server.bal.edits.settings import set_step
from server.bal.edits.steps import (
    Target,
    add_step,
    delete_step,
    move_step,
    replace_step,
    unwrap_step,
    wrap_step,
)

Edit: TypeAlias = Mapping[str, Any]


def apply_edit(source: str, edit: Edit) -> EditResult:
    """`{"edit": "set_property", "entity": "writer", "key": "goal", "value": "…"}`."""
    kind = edit.get("edit")
    if kind not in EDITS:
        raise EditRefused(f"There is no edit `{kind}`. Edits are: {', '.join(EDITS)}.")
    try:
        return EDITS[kind](source, edit)
    except KeyError as missing:
        raise EditRefused(f"The edit `{kind}` needs {missing}.") from missing


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """One after the other, all or none."""
    for edit in edits:
        source = apply_edit(source, edit).text
    return source


def _target(edit: Edit) -> Target:
    to = cast("Mapping[str, Any]", edit.get("to") or {})
    return Target(to.get("before"), to.get("after"), to.get("into"), str(to.get("place") or ""))


EDITS: Final[dict[str, Callable[[str, Edit], EditResult]]] = {
    "set_property": lambda s, e: set_property(s, e["entity"], e["key"], e["value"]),
    "remove_property": lambda s, e: remove_property(s, e["entity"], e["key"]),
    "set_trigger": lambda s, e: set_trigger(s, e["entity"], e["value"]),
    "set_default": lambda s, e: set_default(s, e["key"], e["value"]),
    "set_run": lambda s, e: set_run(s, e["value"]),
    "add_entity": lambda s, e: add_entity(s, e["entity"], e["properties"]),
    "rename_entity": lambda s, e: rename_entity(s, e["entity"], e["name"]),
    "delete_entity": lambda s, e: delete_entity(s, e["entity"]),
    "add_step": lambda s, e: add_step(s, e["text"], _target(e)),
    "delete_step": lambda s, e: delete_step(s, e["step"]),
    "move_step": lambda s, e: move_step(s, e["step"], _target(e)),
    "replace_step": lambda s, e: replace_step(s, e["step"], e["text"]),
    "wrap_step": lambda s, e: wrap_step(
        s, e["step"], e["in"], e.get("settings"), e.get("last") or ""
    ),
    "unwrap_step": lambda s, e: unwrap_step(s, e["step"]),
    "set_step": lambda s, e: set_step(s, e["step"], e["setting"], e["value"]),
}
