"""Plan steps as JSON and back. The steps lie flat in one list and name each other by their place
in it: two hundred nested blocks must not become four hundred nested lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

from server.bal.expression_nodes import Expr, Joined, ListOf, Literal, ObjectOf, Read
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
    PlanUnreadable,
    ProcessorStep,
    RouteStep,
    SelectStep,
    Steps,
    TryStep,
    UseStep,
    WhenStep,
    all_steps,
)

TYPES: dict[str, type[AnyStep]] = {
    kind.type: kind
    for kind in (
        CallStep,
        UseStep,
        ChainStep,
        ParallelStep,
        IfStep,
        GateStep,
        LoopStep,
        MapStep,
        FilterStep,
        SelectStep,
        MergeStep,
        ProcessorStep,
        TryStep,
        RouteStep,
        WhenStep,
    )
}

Place = Callable[[AnyStep], int]
At = Callable[[list[int]], Steps]


def steps_to_json(root: Steps) -> dict[str, Any]:
    ordered = list(all_steps(root))
    places = {id(step): place for place, step in enumerate(ordered)}
    rows = [_row(step, lambda inner: places[id(inner)]) for step in ordered]
    return {"root": [places[id(step)] for step in root], "rows": rows}


def steps_from_json(data: dict[str, Any]) -> Steps:
    """Containers stand before what is inside them, so the rows are built from the last one on."""
    rows: list[dict[str, Any]] = data["rows"]
    built: list[AnyStep | None] = [None] * len(rows)

    def at(places: list[int]) -> Steps:
        steps = tuple(step for place in places if (step := built[place]) is not None)
        if len(steps) != len(places):
            raise PlanUnreadable("A step of the stored plan comes before its container.")
        return steps

    for place in range(len(rows) - 1, -1, -1):
        built[place] = _step(rows[place], at)
    return at(data["root"])


def _row(step: AnyStep, place: Place) -> dict[str, Any]:
    row: dict[str, Any] = {"type": step.type}
    for spec in fields(step):
        value = getattr(step, spec.name)
        if spec.default is MISSING or value != spec.default:
            encode = ENCODERS.get(spec.name)
            row[spec.name] = value if encode is None or value is None else encode(value, place)
    return row


def _step(row: dict[str, Any], at: At) -> AnyStep:
    kind = TYPES.get(row["type"])
    if kind is None:
        raise PlanUnreadable(f"`{row['type']}` is no step that is known here.")
    values: dict[str, Any] = {}
    for name, value in row.items():
        decode = DECODERS.get(name)
        values[name] = value if decode is None or value is None else decode(value, at)
    del values["type"]
    return kind(**values)


# --- fields of steps -----------------------------------------------------------------------


def _places(steps: Steps, place: Place) -> list[int]:
    return [place(step) for step in steps]


def _named(parts: Any, place: Place) -> list[list[Any]]:
    """Branches and arms: `[name, [places]]`."""
    rows: list[list[Any]] = []
    for part in parts:
        name = part.name if isinstance(part, BranchPlan) else part.key
        rows.append([name, _places(part.body, place)])
    return rows


def _cases(cases: tuple[CasePlan, ...], place: Place) -> list[list[Any]]:
    return [[case.condition.text, _places(case.body, place)] for case in cases]


def _formula_text(formula: Formula, place: Place) -> str:
    return formula.text


def _call_place(call: CallStep, place: Place) -> int:
    return place(call)


def _expr_rows(expr: Expr, place: Place) -> list[Any]:
    return expr_to_json(expr)


def _on_error(plan: OnErrorPlan, place: Place) -> list[Any]:
    return [plan.action, plan.value]


def _branches_back(rows: list[Any], at: At) -> tuple[BranchPlan, ...]:
    return tuple(BranchPlan(name, at(places)) for name, places in rows)


def _arms_back(rows: list[Any], at: At) -> tuple[ArmPlan, ...]:
    return tuple(ArmPlan(key, at(places)) for key, places in rows)


def _cases_back(rows: list[Any], at: At) -> tuple[CasePlan, ...]:
    return tuple(CasePlan(Formula.read(text), at(places)) for text, places in rows)


def _call_back(place: int, at: At) -> AnyStep:
    return at([place])[0]


def _steps_back(places: list[int], at: At) -> Steps:
    return at(places)


def _formula_back(text: str, at: At) -> Formula:
    return Formula.read(text)


def _expr_back(rows: list[Any], at: At) -> Expr:
    return expr_from_json(rows)


def _on_error_back(row: list[Any], at: At) -> OnErrorPlan:
    return OnErrorPlan(row[0], row[1])


ENCODERS: dict[str, Callable[[Any, Place], Any]] = {
    **dict.fromkeys(("body", "otherwise", "catch", "final"), _places),
    **dict.fromkeys(("condition", "until", "source", "formula"), _formula_text),
    **dict.fromkeys(("context", "arguments", "shape"), _expr_rows),
    **dict.fromkeys(("branches", "arms"), _named),
    **dict.fromkeys(("classifier", "call"), _call_place),
    "cases": _cases,
    "on_error": _on_error,
}
DECODERS: dict[str, Callable[[Any, At], Any]] = {
    **dict.fromkeys(("body", "otherwise", "catch", "final"), _steps_back),
    **dict.fromkeys(("condition", "until", "source", "formula"), _formula_back),
    **dict.fromkeys(("context", "arguments", "shape"), _expr_back),
    **dict.fromkeys(("classifier", "call"), _call_back),
    "branches": _branches_back,
    "arms": _arms_back,
    "cases": _cases_back,
    "on_error": _on_error_back,
}


# --- shapes: what select, merge and with build ---------------------------------------------


def expr_to_json(root: Expr) -> list[Any]:
    """Flat like the steps: the first row is the whole, parts are places of later rows."""
    ordered: list[Expr] = [root]
    rows: list[Any] = []
    for expr in ordered:
        first = len(ordered)
        match expr:
            case Literal(value):
                rows.append(["value", value])
            case Read(path, parts, slot):
                rows.append(["slot" if slot else "path", path, *parts])
            case ListOf(items) | Joined(items):
                ordered.extend(items)
                kind = "list" if isinstance(expr, ListOf) else "joined"
                rows.append([kind, *range(first, first + len(items))])
            case ObjectOf(entries):
                ordered.extend(value for _, value in entries)
                rows.append(["object", *([key, first + n] for n, (key, _) in enumerate(entries))])
            case _:
                raise TypeError(f"{type(expr).__name__} is no part of a shape")
    return rows


def expr_from_json(rows: list[Any]) -> Expr:
    built: dict[int, Expr] = {}
    for place in range(len(rows) - 1, -1, -1):
        kind, *rest = rows[place]
        match kind:
            case "value":
                built[place] = Literal(rest[0])
            case "path" | "slot":
                built[place] = Read(rest[0], tuple(rest[1:]), kind == "slot")
            case "list":
                built[place] = ListOf(tuple(built[inner] for inner in rest))
            case "joined":
                built[place] = Joined(tuple(built[inner] for inner in rest))
            case "object":
                built[place] = ObjectOf(tuple((key, built[inner]) for key, inner in rest))
            case _:
                raise PlanUnreadable(f"`{kind}` is no part of a shape that is known here.")
    return built[0]


# --- entities ------------------------------------------------------------------------------


LISTS = ("fallbacks", "tools", "can_request", "output_to")


def entity_to_json(entity: EntityPlan) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for spec in fields(entity):
        value = getattr(entity, spec.name)
        if spec.default is MISSING or value != spec.default:
            row[spec.name] = list(value) if spec.name in LISTS else value
    return row


def entity_from_json(row: dict[str, Any]) -> EntityPlan:
    values = dict(row)
    for name in LISTS:
        values[name] = tuple(row.get(name, ()))
    return EntityPlan(**values)
