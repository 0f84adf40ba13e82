"""Names that a text defines, found even while it is being typed and does not parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.bal.entity_plans import plain
from server.bal.nodes import Entity, ObjectValue, Program
from server.bal.parser import parse
from server.bal.vocabulary import RESERVED, canonical_key

_DEFINITION: Final = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)[ \t]*\{", re.MULTILINE)
_CAPTURE: Final = re.compile(r"=>\s*\$?([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class EntityWord:
    name: str
    goal: str = ""
    model: str = ""


def entity_words(source: str) -> list[EntityWord]:
    """From the tree, and from line starts where a missing quote hides the rest of the tree."""
    found = {entity.name.value: _word(entity) for entity in parse(source).program.entities}
    for match in _DEFINITION.finditer(source):
        name = match.group(1)
        if name not in RESERVED and name not in ("analytics", "defaults"):
            found.setdefault(name, EntityWord(name))
    return list(found.values())


def captures(source: str) -> list[tuple[str, int]]:
    """Each kept name with the line it is first kept in."""
    found: dict[str, int] = {}
    for match in _CAPTURE.finditer(source):
        found.setdefault(match.group(1), source.count("\n", 0, match.start()) + 1)
    return list(found.items())


def output_fields(program: Program) -> Iterator[tuple[str, str]]:
    """Fields that some entity of the program gives, each with where it comes from."""
    for entity in program.entities:
        for prop in entity.properties:
            if canonical_key(prop.key.value) == "output" and isinstance(prop.value, ObjectValue):
                for entry in prop.value.entries:
                    yield entry.key.value, f"output of {entity.name.value}"


def _word(entity: Entity) -> EntityWord:
    held = {canonical_key(prop.key.value): prop.value for prop in entity.properties}
    goal, model = held.get("goal"), held.get("model")
    return EntityWord(
        entity.name.value,
        str(plain(goal)) if goal is not None else "",
        str(plain(model)) if model is not None else "",
    )
