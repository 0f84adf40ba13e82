"""The tree that the parser builds. Nodes know nobody: not the parser, not the printer.

Two nodes are equal when they mean the same; where they stand (`span`) does not count, so
`parse(print(tree)) == tree` holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from server.bal.span import NOWHERE, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- values: what stands after a key -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A quoted text, escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    value: int | float


@dataclass(frozen=True, slots=True)
class Bool(Node):
    value: bool


@dataclass(frozen=True, slots=True)
class Null(Node):
    pass


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A bare name used as a value (its text is the value), a capture or a reference."""

    value: str


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """`$name`; `name` is without the dollar."""

    name: str


@dataclass(frozen=True, slots=True)
class ListValue(Node):
    items: tuple[Value, ...]
    braces: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """`key: value` in an object; `key.span` is the key alone, `span` the whole entry."""

    key: Text | Name
    value: Value


@dataclass(frozen=True, slots=True)
class ObjectValue(Node):
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`root.part[0]['odd key']`; a variable's root starts with `$`. A part is a name or odd key
    (text) or an index (int)."""

    root: str
    parts: tuple[str | int, ...] = ()


Value: TypeAlias = Text | Number | Bool | Null | Name | ListValue | ObjectValue
FieldValue: TypeAlias = "Text | Number | Bool | Null | Path | FieldList | Fields"


@dataclass(frozen=True, slots=True)
class FieldList(Node):
    items: tuple[FieldValue, ...]


@dataclass(frozen=True, slots=True)
class Field(Node):
    key: Text | Name
    value: FieldValue


@dataclass(frozen=True, slots=True)
class Fields(Node):
    """What select, merge and with build."""

    fields: tuple[Field, ...]


# --- definitions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Property(Node):
    key: Text | Name
    value: Value


@dataclass(frozen=True, slots=True)
class Entity(Node):
    name: Name
    properties: tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Defaults(Node):
    value: ObjectValue


@dataclass(frozen=True, slots=True)
class Analytics(Node):
    value: ObjectValue


@dataclass(frozen=True, slots=True)
class Run(Node):
    value: Value


# --- steps ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition(Node):
    """The quoted text of an expression; `text.span` includes the quotes."""

    text: Text


@dataclass(frozen=True, slots=True)
class OnError(Node):
    """`action` is stop, skip, pause or continue; `value` only with continue."""

    action: str
    value: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNode(Node):
    """What every step may carry after its own form: `=> capture` and `on_error …`."""

    capture: Name | Variable | None = None
    on_error: OnError | None = None


@dataclass(frozen=True, slots=True)
class Block(Node):
    """`{ step step … }`; several steps are a chain."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Call(StepNode):
    """An entity stands as a step: `writer` or `writer with { … }`."""

    entity: Name
    context: Fields | None = None


@dataclass(frozen=True, slots=True)
class Use(StepNode):
    """`use tool with { … }`: a tool called without a model."""

    tool: Name
    arguments: Fields | None = None


@dataclass(frozen=True, slots=True)
class Chain(StepNode):
    body: Block


@dataclass(frozen=True, slots=True)
class Branch(Node):
    label: Text | None
    step: Step


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`key: value` inside the parentheses of loop, map, parallel and try."""

    key: Text | Name
    value: Value | Condition


@dataclass(frozen=True, slots=True)
class Parallel(StepNode):
    """Settings: concurrency (int), errors (stop, wait, collect)."""

    branches: tuple[Branch, ...]
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class If(StepNode):
    condition: Condition
    then: Block
    otherwise: Block | If | None = None


@dataclass(frozen=True, slots=True)
class Gate(StepNode):
    condition: Condition
    body: Block


@dataclass(frozen=True, slots=True)
class Loop(StepNode):
    """Settings: until (Condition), max (int)."""

    settings: tuple[Setting, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class Map(StepNode):
    """Settings: concurrency (int), errors (stop, skip, collect)."""

    source: Path | Text
    body: Block
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter(StepNode):
    condition: Condition
    body: Block


@dataclass(frozen=True, slots=True)
class Select(StepNode):
    fields: Fields


@dataclass(frozen=True, slots=True)
class Merge(StepNode):
    fields: Fields


@dataclass(frozen=True, slots=True)
class Processor(StepNode):
    label: Text
    expression: Condition


@dataclass(frozen=True, slots=True)
class Try(StepNode):
    """Settings: retries (int), delay (ms)."""

    body: Block
    settings: tuple[Setting, ...] = ()
    catch: Block | None = None
    final: Block | None = None


@dataclass(frozen=True, slots=True)
class Arm(Node):
    """`key: step` of route and when; a block arm keeps its braces as a Chain-like Block."""

    key: Text | Name
    body: Step | Block


@dataclass(frozen=True, slots=True)
class Route(StepNode):
    """`classifier` is an entity's name or a condition."""

    classifier: Name | Condition
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class When(StepNode):
    entity: Name
    arms: tuple[Arm, ...]


Step: TypeAlias = (
    Call
    | Use
    | Chain
    | Parallel
    | If
    | Gate
    | Loop
    | Map
    | Filter
    | Select
    | Merge
    | Processor
    | Try
    | Route
    | When
)
Definition: TypeAlias = Entity | Defaults | Analytics | Run


# --- the program ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """`text` is the whole comment with its mark (`#` or `//`), without the line end."""

    text: str


@dataclass(frozen=True, slots=True)
class Program(Node):
    """`items` in written order: definitions and top-level steps (one implicit chain).
    `comments` in written order; the printer hands each to the node it precedes or trails."""

    items: tuple[Definition | Step, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False, repr=False)

    @property
    def entities(self) -> tuple[Entity, ...]:
        return tuple(item for item in self.items if isinstance(item, Entity))

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(item for item in self.items if isinstance(item, StepNode))  # type: ignore[misc]

    @property
    def run(self) -> Run | None:
        return next((item for item in self.items if isinstance(item, Run)), None)

    @property
    def defaults(self) -> Defaults | None:
        return next((item for item in self.items if isinstance(item, Defaults)), None)

    @property
    def analytics(self) -> Analytics | None:
        return next((item for item in self.items if isinstance(item, Analytics)), None)
