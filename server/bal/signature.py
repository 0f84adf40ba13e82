"""The parameters of the tool or function whose arguments are being written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from server.bal.completion import NOTHING, Known
from server.bal.place import Place, place_at
from server.bal.vocabulary import FUNCTIONS

_WORD: Final = re.compile(r"([A-Za-z]\w*)\s*\Z")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str = ""
    doc: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Signature:
    """`active` is the place of the parameter at the cursor, -1 for none of them."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    active: int

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "doc": self.doc,
            "active": self.active,
            "parameters": [
                {"name": one.name, "type": one.type, "doc": one.doc, "required": one.required}
                for one in self.parameters
            ],
        }


def signature(source: str, offset: int, known: Known = NOTHING) -> Signature | None:
    place = place_at(source, offset)
    if place.quoted:
        return _function(place.text)
    return _tool(place, known)


def _tool(place: Place, known: Known) -> Signature | None:
    used = [frame for frame in place.frames if frame.word.startswith("use ")]
    tool = known.tool(used[0].word.removeprefix("use ")) if used else None
    if tool is None:
        return None
    required = tool.parameters.get("required", ())
    parameters = tuple(
        Parameter(
            name,
            str(schema.get("type", "")),
            str(schema.get("description", "")),
            name in required,
        )
        for name, schema in tool.parameters.get("properties", {}).items()
    )
    names = [one.name for one in parameters]
    key = used[0].key if place.is_value or place.frame is not used[0] else ""
    active = names.index(key) if key in names else -1
    return Signature(tool.name, tool.description, parameters, active)


def _function(text: str) -> Signature | None:
    """Back to the parenthesis that is still open, counting commas of its level."""
    depth = commas = 0
    for place in range(len(text) - 1, -1, -1):
        mark = text[place]
        if mark in ")]}":
            depth += 1
        elif mark in "([{" and depth:
            depth -= 1
        elif mark == "," and not depth:
            commas += 1
        elif mark == "(":
            return _named(text[:place], commas)
    return None


def _named(before: str, commas: int) -> Signature | None:
    match = _WORD.search(before)
    word = next((one for one in FUNCTIONS if match and one.name == match.group(1)), None)
    if word is None:
        return None
    inside = word.form[word.form.index("(") + 1 : -1]
    parameters = tuple(Parameter(name) for name in inside.split(", "))
    return Signature(word.name, word.doc, parameters, min(commas, len(parameters) - 1))
