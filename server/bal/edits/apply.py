"""Edits as JSON: what the diagram and "apply this suggestion" send."""

from __future__ import annotations

import json
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
    if not isinstance(kind, str) or kind not in EDITS:
        raise EditRefused(f"There is no edit `{kind}`. Edits are: {', '.join(EDITS)}.")
    return EDITS[kind](source, _Given(kind, edit))


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """One after the other, all or none."""
    for edit in edits:
        source = apply_edit(source, edit).text
    return source


class _Given:
    """What an edit carries, each part asked for in the form it must have."""

    def __init__(self, kind: str, edit: Edit) -> None:
        self._kind = kind
        self._edit = edit

    def text(self, name: str) -> str:
        value = self.value(name)
        if not isinstance(value, str):
            raise EditRefused(f"`{name}` of the edit `{self._kind}` is a text.")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._edit.get(name) is None else self.text(name)

    def object(self, name: str) -> dict[str, Any]:
        value = self.value(name)
        if not isinstance(value, dict):
            raise EditRefused(f"`{name}` of the edit `{self._kind}` is an object.")
        return cast("dict[str, Any]", value)

    def value(self, name: str) -> Any:
        if name not in self._edit:
            raise EditRefused(f"The edit `{self._kind}` needs `{name}`.")
        value = self._edit[name]
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, TypeError, RecursionError):
            message = f"`{name}` of the edit `{self._kind}` cannot be written down."
            raise EditRefused(message) from None
        return value

    def target(self) -> Target:
        if self._edit.get("to") is None:
            return Target()
        to = _Given(self._kind, self.object("to"))
        before, after, into, place = map(to.optional_text, ("before", "after", "into", "place"))
        return Target(before, after, into, place or "")

    def settings(self) -> dict[str, Any]:
        return {} if self._edit.get("settings") is None else self.object("settings")


EDITS: Final[dict[str, Callable[[str, _Given], EditResult]]] = {
    "set_property": lambda s, e: set_property(s, e.text("entity"), e.text("key"), e.value("value")),
    "remove_property": lambda s, e: remove_property(s, e.text("entity"), e.text("key")),
    "set_trigger": lambda s, e: set_trigger(s, e.text("entity"), e.value("value")),
    "set_default": lambda s, e: set_default(s, e.text("key"), e.value("value")),
    "set_run": lambda s, e: set_run(s, e.value("value")),
    "add_entity": lambda s, e: add_entity(s, e.text("entity"), e.object("properties")),
    "rename_entity": lambda s, e: rename_entity(s, e.text("entity"), e.text("name")),
    "delete_entity": lambda s, e: delete_entity(s, e.text("entity")),
    "add_step": lambda s, e: add_step(s, e.text("text"), e.target()),
    "delete_step": lambda s, e: delete_step(s, e.text("step")),
    "move_step": lambda s, e: move_step(s, e.text("step"), e.target()),
    "replace_step": lambda s, e: replace_step(s, e.text("step"), e.text("text")),
    "wrap_step": lambda s, e: wrap_step(
        s, e.text("step"), e.text("in"), e.settings(), e.optional_text("last") or ""
    ),
    "unwrap_step": lambda s, e: unwrap_step(s, e.text("step")),
    "set_step": lambda s, e: set_step(s, e.text("step"), e.text("setting"), e.value("value")),
}
