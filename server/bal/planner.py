"""Program to plan. The program must be free of errors: the checker is asked first."""

from __future__ import annotations

from typing import Any

from server.bal.collector import collector_paused
from server.bal.entity_plans import defaults_of, entity_plan, plain, trigger_rows
from server.bal.expression_nodes import Expr, paths
from server.bal.keys import (
    StepKeys,
    arm_key,
    arm_steps,
    branch_names,
    child_key,
    else_ifs,
    groups,
    step_keys,
)
from server.bal.literals import path_text
from server.bal.nodes import (
    Arm,
    Block,
    Call,
    Chain,
    Condition,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Merge,
    Name,
    Number,
    Parallel,
    Processor,
    Program,
    Route,
    Select,
    Setting,
    Step,
    Text,
    Try,
    Use,
    When,
)
from server.bal.plan import EntryPoint, Needs, Plan
from server.bal.plan_steps import (
    AnyStep,
    ArmPlan,
    BranchPlan,
    CallStep,
    CasePlan,
    ChainStep,
    EntityPlan,
    FilterStep,
    Formula,
    GateStep,
    IfStep,
    LoopStep,
    MapStep,
    MergeStep,
    OnErrorPlan,
    ParallelStep,
    ProcessorStep,
    RouteStep,
    SelectStep,
    Steps,
    TryStep,
    UseStep,
    WhenStep,
    all_steps,
)
from server.bal.properties import entity_spec, property_of
from server.bal.shapes import shape_of

DEFAULT_ROUNDS = 10


def plan(program: Program) -> Plan:
    with collector_paused():
        return _plan(program)


def _plan(program: Program) -> Plan:
    defaults = program.defaults
    specs = [entity_spec(entity, defaults) for entity in program.entities]
    entities = {spec.name: entity_plan(spec) for spec in specs}
    root = _root(program, entities)
    inside = {step.entity for step in all_steps(root) if isinstance(step, CallStep)}
    rows = {spec.name: trigger_rows(spec.triggers) for spec in specs if spec.triggers}
    return Plan(
        entities=entities,
        root=root,
        entries=tuple(EntryPoint(name, rows[name]) for name in rows if name not in inside),
        triggers=tuple(row for name in rows if name in inside for row in rows[name]),
        run=() if program.run is None else (plain(program.run.value),),
        analytics=_analytics(program),
        defaults=defaults_of(program),
        needs=_needs(root, entities),
    )


def _analytics(program: Program) -> Any:
    """The block of the program, else the one of the first entity that has one."""
    if program.analytics is not None:
        return plain(program.analytics.value)
    properties = (property_of(entity, "analytics") for entity in program.entities)
    return next((plain(one.value) for one in properties if one is not None), None)


def _root(program: Program, entities: dict[str, EntityPlan]) -> Steps:
    if program.steps:
        return _Builder(step_keys(program)).build(program.steps)
    first = next(iter(entities), None)
    return () if first is None else (CallStep(key=first, tail=first, entity=first, pure=False),)


def _needs(root: Steps, entities: dict[str, EntityPlan]) -> Needs:
    models: dict[str, None] = {}
    tools: dict[str, None] = {}
    default_model = False
    for step in all_steps(root):
        if isinstance(step, UseStep):
            tools[step.tool] = None
        elif isinstance(step, CallStep) and step.entity in entities:
            entity = entities[step.entity]
            default_model = default_model or entity.model is None
            models.update(dict.fromkeys(filter(None, (entity.model, *entity.fallbacks))))
            tools.update(dict.fromkeys((*entity.tools, *entity.can_request)))
    return Needs(tuple(models), tuple(tools), default_model)


class _Builder:
    """Builds from the innermost steps outwards, so that deep programs need no deep stack."""

    def __init__(self, keys: StepKeys) -> None:
        self.keys = keys
        self.built: dict[int, AnyStep] = {}
        self.captures_run = False

    def build(self, steps: tuple[Step, ...]) -> Steps:
        found = _outermost_first(steps)
        self.captures_run = any(_capture(step) == "run" for step in found)
        for step in reversed(found):
            self.built[id(step)] = self.step(step)
        return self.block(steps)

    def reads_run(self, expr: Expr | None) -> bool:
        """`$run` is the run's own cost and time, unless a step keeps its value under that name."""
        if expr is None or self.captures_run:
            return False
        return any(path.root == "$run" for path in paths(expr))

    def block(self, steps: tuple[Step, ...]) -> Steps:
        return tuple(self.built[id(step)] for step in steps)

    def step(self, step: Step) -> AnyStep:
        common = self.common(step)
        match step:
            case Call():
                return self.call(step, common)
            case Use():
                shape = None if step.arguments is None else shape_of(step.arguments, "slots")
                common |= {"pure": False, "reads_run": self.reads_run(shape)}
                return UseStep(**common, tool=step.tool.value, arguments=shape)
            case Select():
                shape = shape_of(step.fields, "paths")
                return SelectStep(**common, shape=shape, reads_run=self.reads_run(shape))
            case Merge():
                shape = shape_of(step.fields, "paths")
                return MergeStep(**common, shape=shape, reads_run=self.reads_run(shape))
            case Processor():
                formula = _formula(step.expression)
                common["reads_run"] = self.reads_run(formula.tree)
                return ProcessorStep(**common, label=step.label.value, formula=formula)
            case _:
                return self.container(step, common)

    def call(self, step: Call, common: dict[str, Any]) -> CallStep:
        shape = None if step.context is None else shape_of(step.context, "literal")
        common |= {"pure": False, "reads_run": self.reads_run(shape)}
        return CallStep(**common, entity=step.entity.value, context=shape)

    def container(self, step: Step, common: dict[str, Any]) -> AnyStep:
        common["pure"] = all(
            self.built[id(inner)].pure for _, steps in _blocks(step) for inner in steps
        )
        match step:
            case Chain():
                return ChainStep(**common, body=self.block(step.body.steps))
            case Parallel():
                return self.parallel(step, common)
            case If():
                return self.branching(step, common)
            case Try():
                return self.attempt(step, common)
            case Route():
                return self.route(step, common)
            case When():
                call = self.judge(step, step.entity.value)
                common["pure"] = False
                return WhenStep(**common, call=call, arms=self.arms(step.arms))
            case _:
                return self.repeated(step, common)

    def repeated(self, step: Step, common: dict[str, Any]) -> AnyStep:
        match step:
            case Gate() | Filter():
                condition = _formula(step.condition)
                kind = GateStep if isinstance(step, Gate) else FilterStep
                common["reads_run"] = self.reads_run(condition.tree)
                return kind(**common, condition=condition, body=self.block(step.body.steps))
            case Loop():
                return self.loop(step, common)
            case Map():
                return self.map(step, common)
            case _:
                raise TypeError(f"{type(step).__name__} is no container")

    def parallel(self, step: Parallel, common: dict[str, Any]) -> ParallelStep:
        settings = _settings(step.settings)
        branches = zip(branch_names(step), step.branches, strict=True)
        return ParallelStep(
            **common,
            branches=tuple(BranchPlan(name, self.block((b.step,))) for name, b in branches),
            concurrency=settings.get("concurrency", 0),
            errors=settings.get("errors", "stop"),
        )

    def branching(self, step: If, common: dict[str, Any]) -> IfStep:
        others, last = else_ifs(step)
        cases = tuple(
            CasePlan(_formula(one.condition), self.block(one.then.steps)) for one in (step, *others)
        )
        common["reads_run"] = any(self.reads_run(case.condition.tree) for case in cases)
        return IfStep(
            **common, cases=cases, otherwise=None if last is None else self.block(last.steps)
        )

    def loop(self, step: Loop, common: dict[str, Any]) -> LoopStep:
        settings = {setting.key.value: setting.value for setting in step.settings}
        until = settings.get("until")
        rounds = settings.get("max")
        formula = _formula(until) if isinstance(until, Condition) else None
        common["reads_run"] = formula is not None and self.reads_run(formula.tree)
        return LoopStep(
            **common,
            until=formula,
            max=int(rounds.value) if isinstance(rounds, Number) else DEFAULT_ROUNDS,
            body=self.block(step.body.steps),
        )

    def map(self, step: Map, common: dict[str, Any]) -> MapStep:
        settings = _settings(step.settings)
        text = step.source.value if isinstance(step.source, Text) else path_text(step.source)
        source = Formula.read(text)
        common["reads_run"] = self.reads_run(source.tree)
        return MapStep(
            **common,
            source=source,
            body=self.block(step.body.steps),
            concurrency=settings.get("concurrency", 0),
            errors=settings.get("errors", "stop"),
        )

    def attempt(self, step: Try, common: dict[str, Any]) -> TryStep:
        settings = _settings(step.settings)
        return TryStep(
            **common,
            body=self.block(step.body.steps),
            retries=settings.get("retries", 0),
            delay=settings.get("delay", 0),
            catch=self.optional(step.catch),
            final=self.optional(step.final),
        )

    def route(self, step: Route, common: dict[str, Any]) -> RouteStep:
        arms = self.arms(step.arms)
        if isinstance(step.classifier, Name):
            common["pure"] = False
            return RouteStep(
                **common, arms=arms, classifier=self.judge(step, step.classifier.value)
            )
        condition = _formula(step.classifier)
        common["reads_run"] = self.reads_run(condition.tree)
        return RouteStep(**common, arms=arms, condition=condition)

    def judge(self, step: Route | When, entity: str) -> CallStep:
        """The entity that route and when ask is a step of its own inside them."""
        key = child_key(self.keys[step], entity)
        return CallStep(key=key, tail=entity, line=step.span.line, entity=entity, pure=False)

    def arms(self, arms: tuple[Arm, ...]) -> tuple[ArmPlan, ...]:
        return tuple(ArmPlan(arm_key(arm), self.block(arm_steps(arm))) for arm in arms)

    def optional(self, block: Block | None) -> Steps | None:
        return None if block is None else self.block(block.steps)

    def common(self, step: Step) -> dict[str, Any]:
        return {
            "key": self.keys[step],
            "tail": self.keys.tail(step),
            "line": step.span.line,
            "capture": _capture(step),
            "on_error": _on_error(step),
        }


def _blocks(step: Step) -> list[tuple[str, tuple[Step, ...]]]:
    """Every block inside, those of an `else if` among them."""
    if not isinstance(step, If):
        return groups(step)
    others, last = else_ifs(step)
    inside = [("", one.then.steps) for one in (step, *others)]
    return inside if last is None else [*inside, ("", last.steps)]


def _outermost_first(steps: tuple[Step, ...]) -> list[Step]:
    found = list(steps)
    for step in found:
        for _, inside in _blocks(step):
            found.extend(inside)
    return found


def _capture(step: Step) -> str | None:
    match step.capture:
        case None:
            return None
        case Name(value=name):
            return name
        case variable:
            return variable.name


def _on_error(step: Step) -> OnErrorPlan | None:
    given = step.on_error
    if given is None or given.action == "stop":
        return None
    return OnErrorPlan(given.action, None if given.value is None else plain(given.value))


def _formula(condition: Condition) -> Formula:
    return Formula.read(condition.text.value)


def _settings(settings: tuple[Setting, ...]) -> dict[str, Any]:
    return {
        setting.key.value: plain(setting.value)
        for setting in settings
        if not isinstance(setting.value, Condition)
    }
