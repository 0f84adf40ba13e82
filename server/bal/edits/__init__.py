"""Changes of a program's text, each touching only the bytes it must. Text in, text out."""

from server.bal.edits.apply import EDITS, apply_edit, apply_edits
from server.bal.edits.draft import EditRefused, EditResult, Replacement
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

__all__ = [
    "EDITS",
    "EditRefused",
    "EditResult",
    "Replacement",
    "Target",
    "add_entity",
    "add_step",
    "apply_edit",
    "apply_edits",
    "delete_entity",
    "delete_step",
    "move_step",
    "remove_property",
    "rename_entity",
    "replace_step",
    "set_default",
    "set_property",
    "set_run",
    "set_step",
    "set_trigger",
    "unwrap_step",
    "wrap_step",
]
