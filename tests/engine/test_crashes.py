"""A process is killed in the middle of a turn or of a tool: what is finished is never done again,
and what must not be repeated waits for a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.engine.log import WireEvent
from server.executions import service as executions
from server.models.enums import ApprovalKind, ExecutionStatus, StepStatus, WaitingReason
from server.models.tables import Approval, Execution, Step, Usage
from tests.support.dying import WAITS, Diary, dies, gateway, tools
from tests.support.rooms import Home, open_home
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TWO_TOOLS = 'a { "goal": "Do", "model": "m", "tools": ["safe", "unsafe"] }'
SCRIPT = {"m": [[["safe", {"text": "one"}]], [["safe", {"text": "two"}]], "Done."]}


@dataclass
class Installation:
    folder: Path
    url: str

    async def dies(self, at: str, source: str, script: dict[str, Any], **others: str) -> Diary:
        """`others`: more bots, by name."""
        await dies(
            {
                "folder": str(self.folder),
                "url": self.url,
                "source": source,
                "script": script,
                "others": others,
                "input": {"text": "x"},
                "die_at": at,
            }
        )
        return Diary(self.folder / "diary")

    @asynccontextmanager
    async def again(self, script: dict[str, Any]) -> AsyncIterator[Home]:
        diary = Diary(self.folder / "diary")
        async with open_home(
            self.folder, gateway=gateway(diary, script), database_url=self.url, tools=tools(diary)
        ) as home:
            yield home


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    return Installation(tmp_path, database_url)


async def the_end(home: Home) -> Execution:
    return await home.ended(await Execution.get(parent_id=None))


async def waits_for_a_person(home: Home) -> Approval:
    row = await until(Approval.first)
    assert row is not None
    await until(lambda: not home.rooms.engine.runner.running)
    return row


async def events_of(home: Home, asked: Approval) -> list[WireEvent]:
    return await executions.events(home.owner, home.rooms.engine, asked.execution_id)


async def test_equal_calls_before_a_kill_are_counted_after_it(installation: Installation) -> None:
    source = 'a { "goal": "Do", "model": "m", "tools": ["safe"] }'
    script = {"m": [*[[["safe", {"text": "one"}]]] * 3, "Done."]}
    diary = await installation.dies("model m 3", source, script)
    async with installation.again(script) as home:
        assert (await the_end(home)).output == "Done."
    assert (diary.count("model m 3"), diary.count("safe one")) == (2, 2)


async def test_what_was_started_before_a_kill_counts_for_the_entity(
    installation: Installation,
) -> None:
    """Five questions, then three: each costs 2,000 of the 20,000, and its own two as well."""
    spawn = [["spawn_baleybot", {"baleybot": "Spender", "input": "x"}]]
    script = {"boss": [spawn, spawn, "Done."], "m": ["Well."]}
    entity = '"goal": "Ask", "model": "boss", "budget": 0.00002, "tools": ["spawn_baleybot"]'
    names = "abcde"
    spender = "".join(f'{name} {{ "goal": "Spend", "model": "m" }}\n' for name in names)
    others = {"Spender": f"{spender} chain {{ {' '.join(names)} }}"}
    diary = await installation.dies("model boss 2", f"boss {{ {entity} }}", script, **others)
    async with installation.again(script) as home:
        assert (await the_end(home)).output == "Done."
    assert (diary.count("model boss 2"), diary.count("model m 1")) == (2, 8)


async def test_finished_turns_and_tools_are_not_done_again(installation: Installation) -> None:
    diary = await installation.dies("model m 3", TWO_TOOLS, SCRIPT)
    async with installation.again(SCRIPT) as home:
        ended = await the_end(home)
        assert await Usage.filter(execution_id=ended.id).count() == 3
    assert (ended.status, ended.output) == (ExecutionStatus.COMPLETED, "Done.")
    assert (diary.count("safe one"), diary.count("safe two")) == (1, 1)
    assert [diary.count(f"model m {turn}") for turn in (1, 2, 3)] == [1, 1, 2]
    assert ended.input_tokens == 30


async def test_the_tool_in_flight_is_called_once_more_with_the_same_key(
    installation: Installation,
) -> None:
    diary = await installation.dies("safe two", TWO_TOOLS, SCRIPT)
    async with installation.again(SCRIPT) as home:
        ended = await the_end(home)
    assert ended.output == "Done."
    assert (diary.count("safe one"), diary.count("safe two")) == (1, 2)
    keys = diary.lines("key ")
    assert (len(keys), len(set(keys))) == (3, 2)
    assert [diary.count(f"model m {turn}") for turn in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("action", "value", "output", "calls"),
    [
        ("retry", None, "did x", 2),
        ("skip", None, {"text": "x"}, 1),
        ("done", "By hand", "By hand", 1),
    ],
)
async def test_an_unsafe_tool_in_flight_waits_for_a_person(
    installation: Installation, action: str, value: Any, output: Any, calls: int
) -> None:
    diary = await installation.dies("unsafe x", "use unsafe", {})
    async with installation.again({}) as home:
        asked = await waits_for_a_person(home)
        row = await executions.get(home.owner, asked.execution_id)
        assert row.status is ExecutionStatus.WAITING
        assert row.waiting_reason is WaitingReason.OUTCOME_UNKNOWN
        assert asked.kind is ApprovalKind.OUTCOME
        assert asked.choices == ["retry", "skip", "done"]
        assert asked.arguments == {"text": "x"}  # for whoever looks whether it came
        assert diary.count("unsafe x") == 1
        answer = approvals.Answer("choose", action=action, value=value)
        await approvals.decide(home.owner, home.rooms.engine, asked.id, answer)
        ended = await the_end(home)
    assert (ended.status, ended.output) == (ExecutionStatus.COMPLETED, output)
    assert diary.count("unsafe x") == calls


async def test_an_unsafe_tool_of_a_model_waits_too(installation: Installation) -> None:
    script = {"m": [[["unsafe", {"text": "x"}], ["safe", {"text": "y"}]], "Done."]}
    diary = await installation.dies("unsafe x", TWO_TOOLS, script)
    async with installation.again(script) as home:
        asked = await waits_for_a_person(home)
        answer = approvals.Answer("choose", action="done", value="It was done.")
        await approvals.decide(home.owner, home.rooms.engine, asked.id, answer)
        ended = await the_end(home)
    assert ended.output == "Done."
    assert (diary.count("unsafe x"), diary.count("model m 1")) == (1, 1)
    assert diary.count("safe y") == 1


async def test_a_model_is_told_that_nobody_knows_of_a_call_that_a_person_goes_on_without(
    installation: Installation,
) -> None:
    script = {"m": [[["unsafe", {"text": "x"}]], "Done."]}
    diary = await installation.dies("unsafe x", TWO_TOOLS, script)
    async with installation.again(script) as home:
        asked = await waits_for_a_person(home)
        answer = approvals.Answer("choose", action="skip")
        await approvals.decide(home.owner, home.rooms.engine, asked.id, answer)
        ended = await the_end(home)
        gateway: Any = home.rooms.gateway
        (told,) = [one.content for one in gateway.requests[-1].messages if one.role == "tool"]
        step = await Step.get(execution_id=ended.id, key=asked.step_key)
    assert ended.output == "Done."
    assert told.startswith("Failed (outcome_unknown): It is not known whether `unsafe` was done")
    assert (step.status, diary.count("unsafe x")) == ("failed", 1)


@pytest.mark.parametrize(
    ("answer", "heard", "calls"),
    [
        (approvals.Answer("choose", action="retry"), "did x", 2),
        (approvals.Answer("modify", arguments={"text": "y"}), "did y", 2),
        (approvals.Answer("choose", action="skip"), "Failed (tool_failed): Not yet.", 1),
        (approvals.Answer("choose", action="continue", value="By hand"), "By hand", 1),
    ],
    ids=["retry", "edit", "skip", "continue"],
)
async def test_a_failed_tool_that_waits_for_a_person_waits_on(
    installation: Installation, answer: approvals.Answer, heard: str, calls: int
) -> None:
    """Killed while it waits: the tool is not called again before the person has said so."""
    source = 'a { "goal": "Do", "model": "m", "tools": ["failing"], "on_tool_error": "pause" }'
    script = {"m": [[["failing", {"text": "x"}]], "Done."]}
    diary = await installation.dies(WAITS, source, script)
    async with installation.again(script) as home:
        asked = await waits_for_a_person(home)
        assert (asked.kind, asked.arguments["given"]) == (ApprovalKind.REMEDY, {"text": "x"})
        assert len(diary.lines("failing")) == 1
        await approvals.decide(home.owner, home.rooms.engine, asked.id, answer)
        ended = await the_end(home)
        assert await Approval.all().count() == 1
        gateway: Any = home.rooms.gateway
        messages = gateway.requests[-1].messages
    assert (ended.status, ended.output) == (ExecutionStatus.COMPLETED, "Done.")
    assert [one.content for one in messages if one.role == "tool"] == [heard]
    assert (len(diary.lines("failing")), diary.count("model m 1")) == (calls, 1)


async def test_an_unsafe_tool_that_has_ended_is_not_asked_about(
    installation: Installation,
) -> None:
    source = 'b { "goal": "Next", "model": "m" }\nchain { use unsafe b }'
    diary = await installation.dies("model m 1", source, {"m": ["Done."]})
    async with installation.again({"m": ["Done."]}) as home:
        ended = await the_end(home)
        assert await Approval.all().count() == 0
    assert ended.output == "Done."
    assert diary.count("unsafe x") == 1


async def test_a_model_call_that_must_not_be_repeated_waits(installation: Installation) -> None:
    source = 'a { "goal": "Do", "model": "m", "idempotent": false }'
    diary = await installation.dies("model m 1", source, {"m": ["Done."]})
    async with installation.again({"m": ["Done."]}) as home:
        asked = await waits_for_a_person(home)
        assert diary.count("model m 1") == 1
        assert (asked.step_key, asked.arguments) == ("a", {"text": "x"})
        (step,) = await executions.steps(home.owner, asked.execution_id)
        assert (step.key, step.status) == ("a", StepStatus.WAITING)
        waits = [e for e in await events_of(home, asked) if e["type"] == "step.waiting"]
        assert [(e["stepKey"], e["data"]["reason"]) for e in waits] == [("a", "outcome_unknown")]
        answer = approvals.Answer("choose", action="retry")
        await approvals.decide(home.owner, home.rooms.engine, asked.id, answer)
        assert (await the_end(home)).output == "Done."


@pytest.mark.parametrize("at", ["model boss 1", "model other 1", "model boss 2"])
async def test_a_child_is_born_once(installation: Installation, at: str) -> None:
    boss = 'a { "goal": "Do", "model": "boss", "tools": ["spawn_baleybot"] }'
    other = 'b { "goal": "Do", "model": "other" }'
    call = ["spawn_baleybot", {"baleybot": "Other", "input": "x"}]
    script = {"boss": [[call], "Done."], "other": ["Hello."]}
    diary = await installation.dies(at, boss, script, Other=other)
    async with installation.again(script) as home:
        ended = await the_end(home)
        children = await Execution.filter(parent_id=ended.id)
    assert ended.output == "Done."
    assert [child.status for child in children] == [ExecutionStatus.COMPLETED]
    calls = {line: diary.count(line) for line in ("model boss 1", "model other 1", "model boss 2")}
    assert calls == {line: 2 if line == at else 1 for line in calls}
