"""What a draft wants as input. Remembered by text: a page asks for it each time it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from server.bots.programs import ProgramRefused, input_schema, read_program
from server.llm.demo_values import ValueMaker
from server.templates.service import list_templates

_REMEMBERED = 64
_EXAMPLE = "A short example text."


@dataclass(frozen=True, slots=True)
class DraftInput:
    schema: dict[str, Any] | None
    sample: Any


@lru_cache(maxsize=_REMEMBERED)
def draft_input(source: str) -> DraftInput:
    """A text with mistakes wants nothing in particular."""
    try:
        schema = input_schema(read_program(source))
    except ProgramRefused:
        schema = None
    shipped = next((one for one in list_templates() if one.source == source), None)
    if shipped is not None:
        return DraftInput(schema, shipped.sample_input)
    return DraftInput(schema, None if schema is None else ValueMaker(_EXAMPLE).fill(schema))
