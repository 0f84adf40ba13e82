"""What every pass of the checker gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from server.bal.findings import Findings
from server.bal.nodes import Entity, Program
from server.bal.properties import DefaultsSpec, EntitySpec


@dataclass(frozen=True, slots=True)
class Ability:
    """What a model can do; `context`: how many tokens it reads, when that is known."""

    tools: bool
    context: int | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the workspace has. None is unknown: then nothing is said about it. `ability` tells what
    the model of a name can do."""

    tools: frozenset[str] | None = None
    models: frozenset[str] | None = None
    connections: frozenset[str] | None = None
    ability: Callable[[str], Ability | None] | None = None


OPEN = Catalogue()


@dataclass(slots=True)
class Context:
    """`specs` and `entities` hold the first definition of each name."""

    program: Program
    catalogue: Catalogue
    findings: Findings
    defaults: DefaultsSpec = field(default_factory=DefaultsSpec)
    specs: dict[str, EntitySpec] = field(default_factory=dict[str, EntitySpec])
    entities: dict[str, Entity] = field(default_factory=dict[str, Entity])
