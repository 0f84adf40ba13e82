"""Makes the recorded histories anew, from real executions: `python -m tests.engine.recording`.

What is committed in `histories/` was made by the engine of its day and stays as it is: a new engine
has to agree with it. Add a program here for a new construct, and record that one alone by name.

`whole` ones keep every row in the order in which it was committed, and all events: from there a
real run is gone on with, cut off after any of its rows."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.bal.checker import check
from server.bal.planner import plan
from server.engine.facts import failure_of
from server.engine.host import Outcome, Recorded
from server.engine.replay import CALLS, Command, History
from server.engine.store import UNSET, Commit, Committed, StepRow
from server.executions.happenings import Emitting, emit
from server.llm import verdict
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest
from server.models.enums import ExecutionStatus, StepStatus
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import Answer as Said
from tests.support.scripted_gateway import Said as Words
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted

FOLDER = Path(__file__).parent / "histories"
ENTITIES = "".join(f'{name} {{ "goal": "Do {name}", "model": "{name}" }}\n' for name in "abc")
BROKEN = ModelError(ModelErrorKind.BAD_REQUEST, "No.")
AWAY = ModelError(ModelErrorKind.PROVIDER_UNAVAILABLE, "Away.")
NO_KEY = {"action": "write", "key": "", "value": 7}
SHORT_SECONDS = 0.01
SHOWN = (
    "key", "type", "name", "status", "parent_key", "position", "attempt", "input", "output", "error"
)  # fmt: skip


def turns(*said: Words) -> list[Said]:
    """What is said depends on how far the talk is, not on how often was asked: who comes into the
    middle of it hears the same."""

    def answer(asked: ChatRequest) -> Words:
        return said[sum(message.role == "assistant" for message in asked.messages)]

    return [answer]


@dataclass(frozen=True)
class Told:
    """A program with its input and what its models say; `remedy` answers a failed step, `event` is
    told when it waits, and `Greeter` is the bot `child`. `idempotent` is its tool `echo`."""

    source: str
    input: Any = "x"
    answers: dict[str, list[Said]] = field(default_factory=dict)
    remedy: Answer | None = None
    event: Emitting | None = None
    child: str | None = None
    entities: str = ENTITIES
    idempotent: bool = True
    whole: bool = False

    @property
    def text(self) -> str:
        return self.entities + self.source


STORIES = {
    "chain": Told("chain { a b => first c with { was: $first, text: result } }"),
    "parallel": Told('parallel { "left": chain { a b } "right": c select { n: 1 } }'),
    "choice": Told(
        'chain { if ("result.n > 1") { a } else { b } '
        'route (a) { "x": { b } default: { c } } when b { "pass": c "fail": a } }',
        {"n": 2},
        {"a": ["x"], "b": ["pass"]},
    ),
    "loop": Told(
        'loop ("until": "result.done", "max": 5) { a processor ("round") '
        '{ "{ done: iteration == 3, said: result }" } }'
    ),
    "map": Told(
        "chain { map (result.items, concurrency: 3, errors: collect) { a => one b } "
        "filter (\"item != 'b'\") { c } }",
        {"items": ["a", "b", "c"]},
        {"b": [lambda asked: "b" if asked.messages[-1].content == "a" else "other"]},
    ),
    "try": Told(
        'try ("retries": 2, "delay": 1) { a b } catch { c } finally { a }',
        answers={"b": [BROKEN, BROKEN, "mended"]},
    ),
    "failed": Told("chain { a b c }", answers={"b": [BROKEN]}),
    "handled": Told(
        "chain { a on_error continue with { n: 1 } b on_error skip use echo with "
        '{ text: "{{result.n}}" } gate ("result") { c } }',
        answers={"a": [BROKEN], "b": [BROKEN]},
    ),
    "remedy": Told(
        "chain { a b on_error pause c }",
        answers={"b": [BROKEN]},
        remedy=Answer("choose", action="skip"),
    ),
    "asked": Told(
        'chain { use ask with { message: "How many?", fields: { n: "integer" } } => $told '
        'if ("$told.n > 2") { a } else { b } use wait with { seconds: 0 } }',
        remedy=Answer("answer", value={"n": 3}),
    ),
    "event": Told(
        'chain { a use wait with { event: "order.paid", seconds: 3600 } => paid '
        'if ("$paid.event.data.n > 1") { b } else { c } }',
        event=Emitting("order.paid", {"n": 2}),
    ),
    "gathered": Told(
        'chain { parallel { "left": a "right": chain { b => inner c } } merge { l: result.left, '
        "r: result.right, i: $inner } select { both: [result.l, result.r], i: result.i } }",
    ),
    "errors": Told(
        'chain { map (result.items, errors: skip) { b } => kept parallel { "one": a "two": '
        'loop ("until": "iteration == 2", "max": 3) { c gate ("true") { a } } } '
        "select { kept: $kept, rest: result } }",
        {"items": ["x", "y", "z"]},
        {"b": [lambda asked: BROKEN if asked.messages[-1].content == "y" else "fine"]},
    ),
    "stopped": Told(
        "try { map (result.items, concurrency: 1) { b } } catch { chain { "
        'processor ("why") { "{ kind: error.kind, got: result }" } c } }',
        {"items": ["x", "y", "z"]},
        {"b": ["one", BROKEN]},
    ),
    "spawned": Told(
        'chain { a use spawn_baleybot with { baleybot: "Greeter", input: "{{result}}" } => child '
        "select { said: $child.output } b }",
        child='processor ("hello") { "\'Hello \' + result" }',
    ),
    "waited": Told(
        "chain { map (result, concurrency: 2) { chain { use wait with { seconds: 0 } "
        'use echo with { text: "{{item}}" } } } c }',
        ["x", "y", "z"],
    ),
    "tools": Told(
        "chain { a b }",
        answers={
            "a": turns(asks(("echo", {"text": "1"}), ("echo", {"text": "2"})), "One and two.")
        },
        entities='a { "goal": "Count", "model": "a", "tools": ["echo"] }\n'
        'b { "goal": "Say", "model": "b" }\n',
        whole=True,
    ),
    "permitted": Told(
        "chain { a b }",
        answers={"a": turns(asks(("echo", {"text": "pay 5"})), "Paid.")},
        remedy=Answer("approve"),
        entities='a { "goal": "Pay", "model": "a", "can_request": ["echo"] }\n'
        'b { "goal": "Say", "model": "b" }\n',
        whole=True,
    ),
    "mended": Told(
        "chain { a b }",
        answers={"a": turns(asks(("shared_storage", NO_KEY)), "Kept.")},
        remedy=Answer("modify", arguments={**NO_KEY, "key": "price"}),
        entities='a { "goal": "Keep", "model": "a", "tools": ["shared_storage"], '
        '"on_tool_error": "pause" }\nb { "goal": "Say", "model": "b" }\n',
        whole=True,
    ),
    "retried": Told(
        "chain { a c }",
        answers={"a": [AWAY], "b": ["Instead."]},
        entities='a { "goal": "Try", "model": "a", "fallbacks": ["b"] }\n'
        'c { "goal": "Say", "model": "c" }\n',
        whole=True,
    ),
    "once": Told(
        'chain { use echo with { text: "{{result}}" } a }',
        answers={"a": turns(asks(("echo", {"text": "pay 5"})), "Paid.")},
        entities='a { "goal": "Pay", "model": "a", "tools": ["echo"] }\n',
        idempotent=False,
        whole=True,
    ),
    "run_facts": Told("chain { a select { spent: $run.tokens, who: $user.name } b }"),
}


async def record(name: str, told: Told) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        gateway = ScriptedGateway(answers=dict(told.answers))
        echo = Counted(idempotent=told.idempotent).tool
        async with open_home(Path(folder), gateway=gateway, tools=[echo]) as home:
            rows = _listening(home)
            if told.child is not None:
                await home.bot(told.child, "Greeter")
            execution = await home.start(await home.bot(told.text), told.input)
            if told.remedy is not None:
                await home.until(execution, ExecutionStatus.WAITING)
                (asked,) = (await approvals.list_approvals(home.owner)).rows
                await approvals.decide(home.owner, home.rooms.engine, asked.id, told.remedy)
            if told.event is not None:
                await home.until(execution, ExecutionStatus.WAITING)
                await emit(home.owner, home.rooms.engine, told.event)
            row = await home.ended(execution)
            data = (await _history(home, row, told)).to_json()
            return {**data, **await _whole(home, row, rows)} if told.whole else data


def _listening(home: Home) -> list[StepRow]:
    """Every row of a step, in the order in which it is committed."""
    store: Any = home.rooms.engine.store
    plain, rows = store.commit, list[StepRow]()

    async def commit(one: Commit) -> Committed:
        done = await plain(one)
        rows.extend(one.steps)
        return done

    store.commit = commit
    return rows


async def _whole(home: Home, row: Any, rows: list[StepRow]) -> dict[str, Any]:
    events = await home.rooms.engine.store.events(row.id, 0, 100_000)
    return {
        "rows": [
            {name: value for name in SHOWN if (value := getattr(one, name)) not in (None, UNSET)}
            for one in rows
        ],
        "events": [event.to_json() for event in events],
        "end": {
            "seq": row.last_seq,
            "cost": row.cost_nano,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
        },
    }


async def _history(home: Home, row: Any, told: Told) -> History:
    store = home.rooms.engine.store
    steps = await store.steps(row.id)
    events = await store.events(row.id, 0, 100_000)
    begun = [event for event in events if event.type == "step.started"]
    finished = (StepStatus.COMPLETED, StepStatus.FAILED)
    return History(
        plan=plan(check(told.text).program).to_json(),
        input=row.input,
        trigger=row.trigger,
        recorded={
            key: Recorded(step.output, failure_of(step.error))
            for key, step in steps.items()
            if step.status in finished and step.type in {*CALLS, "remembered"}
        },
        commands={
            event.step_key or "": Command(
                event.data["type"], event.data["name"], event.data.get("input")
            )
            for event in begun
            if event.data["type"] in CALLS
        },
        outcome=Outcome(row.status.value, row.output, failure_of(row.error)),
    )


async def main(names: list[str]) -> None:
    verdict.BASE_SECONDS = SHORT_SECONDS
    for name in names or STORIES:
        data = {"source": STORIES[name].text, **await record(name, STORIES[name])}
        text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=False)
        (FOLDER / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
