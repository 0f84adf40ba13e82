"""An ended execution as one looks at it before it is done again: what failed in it, what kept a
failure from going on, and which questions to its models are answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from tortoise.queryset import QuerySet

from server.bal.plan import Plan
from server.bal.plan_steps import AnyStep, MapStep, ParallelStep, Steps, TryStep, steps_inside
from server.core.errors import NotFound
from server.engine.blobs import Blobs
from server.engine.decisions import GIVEN, REMEDIES_TRIED, REMEDY
from server.engine.forking import plan_key
from server.engine.modified import PREFIX, REMEMBERED
from server.engine.tool_loop import StopWhen
from server.engine.tool_steps import TYPE as TOOL
from server.engine.toolbox import keys_of_calls
from server.llm.messages import ToolCall
from server.models.enums import StepStatus
from server.models.large import Large
from server.models.tables import Execution, Step

ENTITY: Final = "entity"
CALLS: Final = frozenset({ENTITY, "use", TOOL})
FINISHED: Final = frozenset({StepStatus.COMPLETED, StepStatus.FAILED})
# Of these kinds some pass everything that catches failures, and end the execution.
UNCATCHABLE: Final = frozenset({"budget_exceeded", "approval_required"})
# Came of what the model asked for in its last turn: that turn is of no use to another try.
OF_LAST_TURN: Final = "entity_failed"

# Of these more is read than how they ended.
_LOOKED_INTO: Final = (TOOL, REMEMBERED)
_ENDED_HOW: Final = (
    *("id", "key", "parent_key", "type", "name", "position", "status", "error"),
    *("input_tokens", "output_tokens", "cost_nano", "unpriced", "duration_ms"),
)
STEPS_AT_ONCE: Final = 1_000

# Marks the answer of a turn that an earlier execution was asked for, and has paid.
REUSED: Final = "reused"

_TURN = re.compile(r"/turn\[(\d+)\](?:~(\d+))?$")
# What is remembered of a step has a name behind its key; a long label ends with a digest.
_NAME = re.compile(r"(?<=.)#(?![0-9a-f]{8}(?:[/\[~#]|$)).*", re.S)

CaughtBy = Literal["nobody", "on_error", "collected", "program", "model"]
# What is done again by a retry, and what when all that failed shall get another chance.
UNCAUGHT: Final = frozenset[CaughtBy]({"nobody"})
GIVEN_UP: Final = frozenset[CaughtBy]({"nobody", "on_error", "collected"})


@dataclass(frozen=True, slots=True)
class _Guard:
    """What becomes of a step's failure: by its own `on_error`, and in the block it stands in."""

    on_error: str
    around: CaughtBy | None


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer of a model that called tools: `asked` are their arguments by the keys of their
    steps, None where the model wrote no object."""

    number: int
    row: Step
    asked: Mapping[str, Any]


class Earlier:
    """`plan` is the program that ran, `error` how the execution ended."""

    def __init__(self, rows: Iterable[Step], plan: Plan, error: Mapping[str, Any] | None) -> None:
        self.steps: dict[str, Step] = {}
        self.notes: dict[str, Step] = {}
        for row in rows:
            if row.type != REMEMBERED:
                self.steps[row.key] = row
            elif row.status is StepStatus.COMPLETED:
                self.notes[row.key] = row
        self._error = error or {}
        self._guards = _guards(plan)
        self._entities = plan.entities
        self._turns = self._turns_by_entity()

    # --- what failed

    def failures(self, caught_by: frozenset[CaughtBy]) -> list[Step]:
        """The innermost ones, in the order in which they began."""
        failed = (row for row in self.steps.values() if row.status is StepStatus.FAILED)
        found = {row.key: row for row in failed if self.caught_by(row) in caught_by}
        outer = {above.key for row in found.values() for above in self.above(row)}
        rows = [row for key, row in found.items() if key not in outer]
        return sorted(rows, key=lambda row: (row.position, row.key))

    def caught_by(self, failed: Step) -> CaughtBy:
        """What kept its failure from being that of the execution."""
        if failed.type == TOOL and not self._failed_its_entity(failed):
            return "model"
        if self._ended_all(failed):
            return "nobody"
        row = failed
        while True:
            guard = self._guards.get(plan_key(row.key))
            if self.handled(row) is not None:
                return "on_error"
            above = self.steps.get(row.parent_key or "")
            if above is None:
                return "nobody"
            if guard is not None and guard.around is not None:
                return guard.around
            if above.status is StepStatus.COMPLETED:
                return "program"
            row = above

    def handled(self, row: Step) -> str | None:
        """What `on_error`, or a person, made of its failure: skip or continue."""
        if row.status is not StepStatus.FAILED:
            return None
        action = self._remedy(row.key)
        if action is None and not self._ended_all(row):
            guard = self._guards.get(plan_key(row.key))
            action = None if guard is None else guard.on_error
        return action if action in ("skip", "continue") else None

    def _failed_its_entity(self, tool: Step) -> bool:
        """No model has heard of its failure. Tools of one server that is down all fail with the
        same words, so these alone do not tell."""
        entity = self.steps.get(tool.parent_key or "")
        if entity is None:
            return True
        if self.handled(tool) is not None or not _passed_on(tool, entity):
            return False
        turns = self.turns(entity.key)
        return not turns or tool.key in turns[-1].asked

    def _remedy(self, key: str) -> str | None:
        """What a person decided about the failure that it ended with; those before it, each with a
        number of its own, led to another try."""
        tried = self.notes.get(key + REMEDIES_TRIED)
        number = 1 if tried is None else tried.output + 1
        decided = self.notes.get(f"{key}{REMEDY}{number}]")
        return None if decided is None else decided.output.get("action")

    def _ended_all(self, row: Step) -> bool:
        error = row.error or {}
        return error.get("kind") in UNCATCHABLE and _failure(error) == _failure(self._error)

    def above(self, row: Step) -> Iterator[Step]:
        above = self.steps.get(row.parent_key or "")
        while above is not None:
            yield above
            above = self.steps.get(above.parent_key or "")

    # --- what models were asked

    def turns(self, entity: str) -> list[Turn]:
        """The answered ones from the first on; what was asked with an input that a person has
        edited since is not among them."""
        found = self._turns.get(entity, {})
        turns = list[Turn]()
        while (turn := found.get(len(turns) + 1)) is not None and turn.asked:
            turns.append(turn)
        return turns

    def question_keys(self, entity: Step) -> list[str]:
        """Of those that its model was asked about this input, also of the last one, which it
        answered without calling a tool, or not at all."""
        turns = self.turns(entity.key)
        keys = [turn.row.key for turn in turns]
        if not turns or not self._ended_with(entity, turns[-1]):
            edit = self._edit_of(entity.key)
            again = f"~{edit + 1}" if edit else ""
            keys.append(f"{entity.key}/turn[{len(keys) + 1}]{again}")
        return keys

    def _ended_with(self, entity: Step, turn: Turn) -> bool:
        """What came of its calls was not told to the model any more."""
        tools = [self.steps[key] for key in turn.asked if key in self.steps]
        failed = [tool for tool in tools if tool.status is StepStatus.FAILED]
        if entity.status is not StepStatus.COMPLETED:
            left = any(tool.status not in FINISHED for tool in tools)
            refused = (entity.error or {}).get("kind") == OF_LAST_TURN
            return left or refused or any(self._failed_its_entity(tool) for tool in failed)
        stop = StopWhen.read(self._entities[entity.name].stop_when)
        named = [tool for tool in tools if tool.name == stop.tool]
        done = any(tool not in failed or self.handled(tool) == "continue" for tool in named)
        return done or turn.number >= stop.turns

    def turn_of(self, tool: Step) -> Turn | None:
        """The answer that asked for this call."""
        turns = self.turns(tool.parent_key or "")
        return next((turn for turn in turns if tool.key in turn.asked), None)

    def _turns_by_entity(self) -> dict[str, dict[int, Turn]]:
        found = dict[str, dict[int, Turn]]()
        for key, row in self.notes.items():
            match = _TURN.search(key)
            if match is None or isinstance(row.output, Large):
                continue
            entity = key[: match.start()]
            if int(match[2] or 1) == self._edit_of(entity) + 1:
                number = int(match[1])
                found.setdefault(entity, {})[number] = Turn(number, row, _asked(key, row))
        return found

    def _edit_of(self, entity: str) -> int:
        given = self.notes.get(entity + GIVEN)
        return 0 if given is None else given.output["number"]


async def read_earlier(source: Execution, ran: Plan) -> Earlier:
    """A large map has a hundred thousand steps. Of most it is enough to know how they ended; what
    a tool was given and what was remembered is looked into."""
    steps = Step.filter(execution_id=source.id)
    rows = [row async for row in _by_portions(steps.exclude(type__in=_LOOKED_INTO), _ENDED_HOW)]
    async for row in _by_portions(steps.filter(type__in=_LOOKED_INTO)):
        looked_into = row.key.endswith(GIVEN) or is_turn(row.key) or REMEDY in row.key
        if row.type == REMEMBERED and isinstance(row.output, Large) and looked_into:
            row.output = await Blobs().whole(row.output)
        rows.append(row)
    return await asyncio.to_thread(Earlier, rows, ran, source.error)


async def read_whole(rows: Mapping[str, Step]) -> dict[str, Step]:
    """With all columns and values, by the same keys: who takes them over needs them even when the
    earlier execution is gone. Raises NotFound when it is being deleted just now: what is missing
    would be paid once more."""
    whole, found = Blobs().whole, dict[str, Step]()
    ids = [row.id for row in rows.values()]
    for place in range(0, len(ids), STEPS_AT_ONCE):
        for row in await Step.filter(id__in=ids[place : place + STEPS_AT_ONCE]):
            row.input, row.output = await whole(row.input), await whole(row.output)
            found[row.key] = row
    if len(found) < len(rows):
        raise NotFound.of("execution")
    return found


def is_turn(key: str) -> bool:
    return _TURN.search(key) is not None


def turns_block(turn_key: str) -> str:
    """What is before the number, as the block of which turns are the rounds."""
    return turn_key[: turn_key.rindex("[")]


def note_owner(key: str) -> str:
    """The step, round or turn that a remembered value belongs to."""
    if key.startswith(PREFIX):
        return ""
    return _NAME.sub("", key)


# --- inside ---------------------------------------------------------------------------------


async def _by_portions(rows: QuerySet[Step], columns: Sequence[str] = ()) -> AsyncIterator[Step]:
    """By their keys, which have an index. With `columns`, rows have only these."""
    last: str | None = ""
    while last is not None:
        some = rows.filter(key__gt=last).order_by("key").limit(STEPS_AT_ONCE)
        found = await (Step.glances(some, columns) if columns else some)
        for row in found:
            yield row
        last = found[-1].key if len(found) == STEPS_AT_ONCE else None


def _asked(key: str, row: Step) -> dict[str, Any]:
    calls = tuple(ToolCall(**call) for call in row.output["answer"]["tool_calls"])
    keys = keys_of_calls(key, calls)
    return dict(zip(keys, (call.read_arguments() for call in calls), strict=True))


def _passed_on(tool: Step, entity: Step) -> bool:
    """Whether the entity's failure can be the tool's: it names the one that failed."""
    named = (tool.error or {}).get("entity")
    names = (None, (entity.error or {}).get("entity"))
    return _failure(tool.error) == _failure(entity.error) and named in names


def _failure(error: Mapping[str, Any] | None) -> tuple[Any, Any]:
    return ((error or {}).get("kind"), (error or {}).get("message"))


def _guards(plan: Plan) -> dict[str, _Guard]:
    found = dict[str, _Guard]()
    waiting: list[tuple[Steps, CaughtBy | None]] = [(plan.root, None)]
    while waiting:
        steps, around = waiting.pop()
        for step in steps:
            action = "stop" if step.on_error is None else step.on_error.action
            found[step.key] = _Guard(action, around)
            waiting.extend((inside, _catches(step, inside)) for inside in steps_inside(step))
    return found


def _catches(step: AnyStep, inside: Steps) -> CaughtBy | None:
    match step:
        case TryStep() if step.catch is not None and inside is step.body:
            return "program"
        case MapStep(errors="skip" | "collect") | ParallelStep(errors="collect"):
            return "collected"
        case _:
            return None
