"""The steps of a plan: every construct of the language, made ready to run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from server.bal.expression_nodes import Expr
from server.bal.expressions import ExpressionError, parse_expression


class PlanUnreadable(ValueError):
    """The stored plan was not written by a release that this one knows."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A condition or expression: its text, and the tree that the text means."""

    text: str
    tree: Expr = field(compare=False, repr=False)

    @classmethod
    def read(cls, text: str) -> Formula:
        tree = parse_expression(text)
        if isinstance(tree, ExpressionError):
            raise PlanUnreadable(f"The expression `{text}` cannot be read: {tree.message}")
        return cls(text, tree)


@dataclass(frozen=True, slots=True)
class EntityPlan:
    """What the engine needs to call an entity; `input` and `output` are type texts.
    `no_fallbacks`: it wants none, not even those of its workspace. `on_tool_error` is tell or
    pause."""

    name: str
    goal: str
    description: str | None = None
    model: str | None = None
    fallbacks: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    can_request: tuple[str, ...] = ()
    input: str | None = None
    output: str | None = None
    history: str = "inherit"
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning: bool | str | None = None
    stop_when: str | None = None
    retries: int | None = None
    timeout: float | None = None
    budget: float | None = None
    idempotent: bool = True
    output_to: tuple[str, ...] = ()
    cache: float | None = None
    no_fallbacks: bool = False
    on_tool_error: str = "tell"


@dataclass(frozen=True, slots=True)
class OnErrorPlan:
    """`action` is skip, pause or continue; stop is no plan at all."""

    action: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """`key` is the stable key, `tail` what it adds to the key of its container; `pure` steps call
    neither a model nor a tool. `line` is where the step stands in the text."""

    type: ClassVar[str] = ""
    key: str
    tail: str
    line: int = 0
    capture: str | None = None
    on_error: OnErrorPlan | None = None
    pure: bool = True
    reads_run: bool = False

    @property
    def name(self) -> str:
        return self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep(PlanStep):
    type: ClassVar[str] = "entity"
    entity: str
    context: Expr | None = None

    @property
    def name(self) -> str:
        return self.entity


@dataclass(frozen=True, slots=True, kw_only=True)
class UseStep(PlanStep):
    type: ClassVar[str] = "use"
    tool: str
    arguments: Expr | None = None

    @property
    def name(self) -> str:
        return self.tool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep(PlanStep):
    type: ClassVar[str] = "chain"
    body: Steps


@dataclass(frozen=True, slots=True)
class BranchPlan:
    name: str
    body: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelStep(PlanStep):
    """`concurrency` 0: all branches at once."""

    type: ClassVar[str] = "parallel"
    branches: tuple[BranchPlan, ...]
    concurrency: int = 0
    errors: str = "stop"


@dataclass(frozen=True, slots=True)
class CasePlan:
    condition: Formula
    body: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class IfStep(PlanStep):
    """The first case whose condition holds; `otherwise` is null when there is no else."""

    type: ClassVar[str] = "if"
    cases: tuple[CasePlan, ...]
    otherwise: Steps | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStep(PlanStep):
    type: ClassVar[str] = "gate"
    condition: Formula
    body: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStep(PlanStep):
    type: ClassVar[str] = "loop"
    until: Formula | None
    max: int
    body: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStep(PlanStep):
    """`concurrency` 0: the default."""

    type: ClassVar[str] = "map"
    source: Formula
    body: Steps
    concurrency: int = 0
    errors: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterStep(PlanStep):
    type: ClassVar[str] = "filter"
    condition: Formula
    body: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectStep(PlanStep):
    type: ClassVar[str] = "select"
    shape: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeStep(PlanStep):
    type: ClassVar[str] = "merge"
    shape: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorStep(PlanStep):
    type: ClassVar[str] = "processor"
    label: str
    formula: Formula

    @property
    def name(self) -> str:
        return self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class TryStep(PlanStep):
    """`delay` in milliseconds."""

    type: ClassVar[str] = "try"
    body: Steps
    retries: int = 0
    delay: int = 0
    catch: Steps | None = None
    final: Steps | None = None


@dataclass(frozen=True, slots=True)
class ArmPlan:
    key: str
    body: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStep(PlanStep):
    """Either `classifier` or `condition`."""

    type: ClassVar[str] = "route"
    arms: tuple[ArmPlan, ...]
    classifier: CallStep | None = None
    condition: Formula | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenStep(PlanStep):
    type: ClassVar[str] = "when"
    call: CallStep
    arms: tuple[ArmPlan, ...]


AnyStep: TypeAlias = (
    CallStep
    | UseStep
    | ChainStep
    | ParallelStep
    | IfStep
    | GateStep
    | LoopStep
    | MapStep
    | FilterStep
    | SelectStep
    | MergeStep
    | ProcessorStep
    | TryStep
    | RouteStep
    | WhenStep
)
Steps: TypeAlias = tuple[AnyStep, ...]


def steps_inside(step: AnyStep) -> Iterator[Steps]:
    """The blocks directly inside a step."""
    match step:
        case ChainStep() | GateStep() | LoopStep() | MapStep() | FilterStep():
            yield step.body
        case ParallelStep():
            yield from (branch.body for branch in step.branches)
        case IfStep():
            yield from (case.body for case in step.cases)
            yield from () if step.otherwise is None else (step.otherwise,)
        case TryStep():
            yield step.body
            yield from (block for block in (step.catch, step.final) if block is not None)
        case RouteStep():
            yield from () if step.classifier is None else ((step.classifier,),)
            yield from (arm.body for arm in step.arms)
        case WhenStep():
            yield (step.call,)
            yield from (arm.body for arm in step.arms)
        case _:
            return


def all_steps(steps: Steps) -> Iterator[AnyStep]:
    """Every step, containers before what is inside them."""
    waiting: list[AnyStep] = list(reversed(steps))
    while waiting:
        step = waiting.pop()
        yield step
        for inside in reversed(list(steps_inside(step))):
            waiting.extend(reversed(inside))
