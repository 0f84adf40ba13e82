"""What a kind of connection is: a form to fill in, and a way to try it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

FieldType = Literal["text", "number", "url", "secret"]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One line of the form. `param` is its name inside the call of the library."""

    name: str
    label: str
    type: FieldType = "text"
    required: bool = False
    help: str = ""
    param: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """`family`: what a default is chosen among. `provider`: the name before a model's colon."""

    name: str
    label: str
    family: str
    fields: tuple[FieldSpec, ...]
    provider: str | None = None
    help: str = ""

    @property
    def secrets(self) -> tuple[FieldSpec, ...]:
        return tuple(one for one in self.fields if one.type == "secret")

    @property
    def settings(self) -> tuple[FieldSpec, ...]:
        return tuple(one for one in self.fields if one.type != "secret")


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection ready for use, in memory only: its secrets never show in a repr. `workspace_id`
    and `user_id`: who pays for a test of it."""

    id: UUID
    kind: Kind
    name: str
    settings: Values
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    is_default: bool = False
    workspace_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """`models`: what it offers, where it can say so. `problem` names what to do next."""

    ok: bool
    message: str
    models: tuple[str, ...] | None = None
    duration_ms: int = 0


class Tester(Protocol):
    async def __call__(self, way: Opened) -> Tested:
        """One real call. Never raises for what the other side says."""
        ...
