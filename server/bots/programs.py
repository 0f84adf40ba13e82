"""What a text says about its bot: the plan, the face on a card, the input that it wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.bal.checker import check
from server.bal.errors import Diagnostic
from server.bal.nodes import Program, Text
from server.bal.plan import Plan
from server.bal.plan_steps import CallStep, ChainStep, Steps
from server.bal.planner import plan as make_plan
from server.bal.triggers import TriggerMistake, parse_trigger
from server.bal.types import Type, TypeMistake, parse_type, to_json_schema
from server.core.errors import BalInvalid, TooLarge

SOURCE_LIMIT = 512 * 1024
DESCRIPTION_LIMIT = 160


class ProgramRefused(BalInvalid):
    """The program has mistakes."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        mistakes = [one for one in diagnostics if one.severity == "error"]
        first = mistakes[0]
        more = f" ({len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        place = f"line {first.span.line}, column {first.span.column}"
        super().__init__(f"{first.message} At {place}{more}.", hint=first.hint, path=["source"])


@dataclass(frozen=True, slots=True)
class Face:
    """What a card shows of a bot."""

    name: str = ""
    description: str = ""
    icon: str = ""
    valid: bool = False
    entities: tuple[dict[str, Any], ...] = ()
    triggers: tuple[str, ...] = ()

    @property
    def summary(self) -> dict[str, Any]:
        return {"valid": self.valid, "entities": self.entities, "triggers": self.triggers}


def read_program(source: str) -> Plan:
    """The plan of a text without mistakes; ProgramRefused with all of them otherwise."""
    refuse_too_large(source)
    report = check(source)
    if not report.ok:
        raise ProgramRefused(tuple(report.diagnostics))
    return make_plan(report.program)


def refuse_too_large(source: str) -> None:
    if len(source.encode("utf-8", "replace")) > SOURCE_LIMIT:
        limit = SOURCE_LIMIT // 1024
        raise TooLarge(f"A program may have {limit} KiB; this one has more.", path=["source"])


def read_face(source: str) -> Face:
    """Also of a text with mistakes: a draft is shown while it is being written."""
    report = check(source)
    if not report.ok:
        return Face()
    plan = make_plan(report.program)
    first = next(iter(plan.entities.values()), None)
    if first is None:
        return Face(valid=True)
    return Face(
        name=_title(first.name),
        description=first.description or _first_sentence(first.goal),
        icon=_icon(report.program),
        valid=True,
        entities=tuple(
            {"name": one.name, "goal": one.goal, "model": one.model}
            for one in plan.entities.values()
        ),
        triggers=_trigger_words(plan),
    )


def input_type(plan: Plan) -> Type | None:
    """What the first step takes, where its entity says so."""
    entity = _first_entity(plan.root)
    text = plan.entities[entity].input if entity in plan.entities else None
    parsed = parse_type(text) if text else None
    return None if isinstance(parsed, TypeMistake) else parsed


def input_schema(plan: Plan) -> dict[str, Any] | None:
    wanted = input_type(plan)
    return None if wanted is None else dict(to_json_schema(wanted))


def _first_entity(root: Steps) -> str:
    first = root[0] if root else None
    while isinstance(first, ChainStep):
        first = first.body[0] if first.body else None
    return first.entity if isinstance(first, CallStep) else ""


def _trigger_words(plan: Plan) -> tuple[str, ...]:
    given = [*plan.triggers, *(one for entry in plan.entries for one in entry.triggers)]
    specs = [parse_trigger(text) for text in given if isinstance(text, str)]
    return tuple(spec.words for spec in specs if not isinstance(spec, TriggerMistake))


def _title(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _first_sentence(goal: str) -> str:
    sentence = goal.strip().partition("\n")[0].partition(". ")[0]
    if len(sentence) <= DESCRIPTION_LIMIT:
        return sentence
    return sentence[: DESCRIPTION_LIMIT - 1] + "…"


def _icon(program: Program) -> str:
    given = [item for entity in program.entities for item in entity.properties]
    icons = [item.value for item in given if item.key.value == "icon"]
    return icons[0].value[:64] if icons and isinstance(icons[0], Text) else ""
