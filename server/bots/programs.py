"""What a text says about its bot: the plan, the face on a card, the input that it wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.bal.checker import Report, check
from server.bal.errors import Diagnostic
from server.bal.plan import Plan
from server.bal.plan_steps import CallStep, ChainStep, Steps
from server.bal.planner import plan as make_plan
from server.bal.properties import entity_spec
from server.bal.types import Type, TypeMistake, parse_type, to_json_schema
from server.core.errors import BalInvalid, TooLarge

SOURCE_LIMIT = 512 * 1024
DESCRIPTION_LIMIT = 160
ICON_LIMIT = 64


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
        return {
            "valid": self.valid,
            "entities": list(self.entities),
            "triggers": list(self.triggers),
        }


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
    return face_of(check(source))


def face_of(report: Report) -> Face:
    if not report.ok:
        return Face()
    program = report.program
    specs = [entity_spec(entity, program.defaults) for entity in program.entities]
    if not specs:
        return Face(valid=True)
    first = specs[0]
    return Face(
        name=_title(first.name),
        description=first.description or _first_sentence(first.goal),
        icon=next((spec.icon for spec in specs if spec.icon), "")[:ICON_LIMIT],
        valid=True,
        entities=tuple(
            {"name": spec.name, "goal": spec.goal, "model": spec.model} for spec in specs
        ),
        triggers=tuple(trigger.words for spec in specs for trigger in spec.triggers),
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


def _title(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _first_sentence(goal: str) -> str:
    sentence = goal.strip().partition("\n")[0].partition(". ")[0]
    if len(sentence) <= DESCRIPTION_LIMIT:
        return sentence
    return sentence[: DESCRIPTION_LIMIT - 1] + "…"
