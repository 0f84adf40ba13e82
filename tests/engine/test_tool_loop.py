"""An entity with tools: what the model asks for is done once, in its own step, within limits."""

from __future__ import annotations

from asyncio import Event
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.engine.store import Commit, Committed
from server.executions import service as executions
from server.llm import verdict
from server.llm.messages import ChatRequest
from server.models.enums import ExecutionStatus
from server.models.tables import Step
from server.tools.base import ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted

WRITER = 'writer { "goal": "Write", "model": "m", "tools": ["echo"] }'


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[echo.tool]
    ) as home:
        yield home


def told(gateway: ScriptedGateway, number: int = -1) -> list[str]:
    """What the tools answered, as the model saw it in its request of this number."""
    request: ChatRequest = gateway.requests[number]
    return [message.content for message in request.messages if message.role == "tool"]


async def test_the_model_asks_the_tool_answers_and_the_answer_goes_back(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "pong"})), "It said pong."]
    execution = await home.run(WRITER, "ping")
    assert execution.output == "It said pong."
    assert told(gateway) == ["pong"]
    assert gateway.requests[0].tools[0].name == "echo"
    assert gateway.requests[0].tools[0].parameters["required"] == ["text"]
    steps = {step.key: step for step in await executions.steps(home.owner, execution.id)}
    tool = steps["writer/turn[1]/echo"]
    assert (tool.type, tool.name, tool.parent_key) == ("tool", "echo", "writer")
    assert (tool.input, tool.output, tool.status) == ({"text": "pong"}, "pong", "completed")


async def test_a_step_shows_the_cost_of_all_its_turns(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "a"})), asks(("echo", {"text": "b"})), "done"]
    execution = await home.run(WRITER, "x")
    step = await Step.get(execution_id=execution.id, key="writer")
    assert (step.input_tokens, step.cost_nano) == (30, 6_000)
    assert execution.cost_nano == 6_000


async def test_tool_calls_appear_in_the_timeline(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "a"})), "done"]
    events = await home.events(await home.start(await home.bot(WRITER), "x"))
    kinds = [(one["type"], one["stepKey"]) for one in events if one["type"] != "step.delta"]
    started = kinds.index(("step.started", "writer/turn[1]/echo"))
    ended = kinds.index(("step.completed", "writer/turn[1]/echo"))
    assert kinds.index(("model.answered", "writer")) < started < ended
    assert ended < kinds.index(("step.completed", "writer"))


async def test_calls_of_one_turn_run_side_by_side_and_share_a_commit(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    echo.together = 5
    gateway.answers["m"] = [asks(*[("echo", {"text": str(n)}) for n in range(5)]), "done"]
    execution = await home.run(WRITER, "x")
    assert execution.output == "done"
    assert told(gateway) == ["0", "1", "2", "3", "4"]
    keys = [step.key for step in await executions.steps(home.owner, execution.id)]
    assert keys[1:3] == ["writer/turn[1]/echo", "writer/turn[1]/echo~2"]


@pytest.mark.parametrize("calls", [1, 5])
async def test_a_turn_costs_one_commit_and_so_do_its_tools(
    tmp_path: Path, gateway: ScriptedGateway, calls: int
) -> None:
    echo = Counted(together=calls)
    gateway.answers["m"] = [asks(*[("echo", {"text": str(n)}) for n in range(calls)]), "done"]
    async with open_home(tmp_path, gateway=gateway, tools=[echo.tool]) as home:
        store: Any = home.rooms.engine.store
        commits: list[Commit] = []
        real = store.commit

        async def commit(one: Commit) -> Committed:
            commits.append(one)
            return await real(one)

        store.commit = commit
        assert (await home.run(WRITER, "x")).output == "done"
    assert len(commits) == 4


async def test_no_more_than_twenty_calls_at_once(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(*[("echo", {"text": str(n)}) for n in range(30)]), "done"]
    execution = await home.run(WRITER, "x")
    assert execution.output == "done"
    assert len(echo.calls) == 20
    assert "At most 20 calls at once" in told(gateway)[20]


async def test_a_failing_tool_is_told_to_the_model_and_not_the_end(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    echo.failures = [ToolFailed("The line is dead.")]
    gateway.answers["m"] = [asks(("echo", {"text": "a"})), "I could not."]
    execution = await home.run(WRITER, "x")
    assert execution.output == "I could not."
    assert told(gateway) == ["Failed (tool_failed): The line is dead."]
    step = await Step.get(execution_id=execution.id, key="writer/turn[1]/echo")
    assert step.status == "failed"


async def test_a_tool_that_hangs_is_given_up(tmp_path: Path, gateway: ScriptedGateway) -> None:
    slow = Counted(timeout=0.05, gate=Event(), idempotent=False)
    gateway.answers["m"] = [asks(("echo", {"text": "a"})), "I could not."]
    async with open_home(tmp_path, gateway=gateway, tools=[slow.tool]) as home:
        execution = await home.run(WRITER, "x")
    assert execution.output == "I could not."
    assert told(gateway) == ["Failed (timeout): `echo` gave no answer within 0.05 s."]


async def test_the_time_of_an_entity_runs_on_while_only_one_of_its_tools_waits(
    tmp_path: Path, gateway: ScriptedGateway
) -> None:
    slow = Counted("slow", gate=Event())
    source = 'writer { "goal": "Write", "model": "m", "tools": ["wait", "slow"], "timeout": 1 }'
    gateway.answers["m"] = [asks(("wait", {"seconds": 60}), ("slow", {"text": "a"})), "done"]
    async with open_home(tmp_path, gateway=gateway, tools=[slow.tool]) as home:
        execution = await home.run(source, "x")
    assert execution.error is not None
    assert execution.error["message"] == "`writer` took longer than 1 s."


async def test_a_tool_that_stumbles_is_called_again_with_the_same_key(
    home: Home, echo: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.01)
    echo.failures = [ToolFailed("busy", retryable=True), ToolFailed("busy", retryable=True)]
    started = await home.start(await home.bot("use echo"), {"text": "a"})
    events = await home.events(started)
    assert (await executions.get(home.owner, started.id)).output == "a"
    assert (len(echo.calls), len(set(echo.calls))) == (3, 1)
    told = [event["data"] for event in events if event["type"] == "tool.failed"]
    assert [(one["tryNumber"], one["message"]) for one in told] == [(1, "busy"), (2, "busy")]


@pytest.mark.parametrize(("idempotent", "calls"), [(True, 3), (False, 1)])
async def test_after_three_attempts_it_has_failed_and_an_unsafe_one_after_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idempotent: bool, calls: int
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.01)
    echo = Counted(idempotent=idempotent)
    echo.failures = [ToolFailed("busy", "upstream_failed", retryable=True)] * 5
    async with open_home(tmp_path, gateway=ScriptedGateway(), tools=[echo.tool]) as home:
        execution = await home.run("use echo", {"text": "a"})
    assert execution.error["kind"] == "upstream_failed"
    assert len(echo.calls) == calls


# --- refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (("ehco", {"text": "a"}), "There is no tool `ehco` for you. You can call `echo`."),
        (("wait", {"seconds": 1}), "There is no tool `wait` for you."),
        (("echo", {"text": 7}), "The arguments do not fit `echo`: text: Expected text"),
        (("echo", {"text": "a", "hidden": 1}), "The arguments do not fit `echo`: Fields that"),
        (("echo", '{"text": "ha'), "The arguments of `echo` are not a JSON object."),
    ],
)
async def test_what_is_refused_is_told_to_the_model_and_never_run(
    tmp_path: Path,
    gateway: ScriptedGateway,
    echo: Counted,
    call: tuple[str, object],
    reason: str,
) -> None:
    gateway.answers["m"] = [asks(call), "Well then."]
    async with open_home(tmp_path, gateway=gateway, tools=[echo.tool]) as home:
        execution = await home.start(await home.bot(WRITER), "x")
        events = await home.events(execution)
        ended = await executions.get(home.owner, execution.id)
    assert ended.output == "Well then."
    assert told(gateway)[0].startswith(f"Refused: {reason}")
    assert echo.calls == []
    assert [event["data"]["tool"] for event in events if event["type"] == "tool.refused"] == [
        call[0]
    ]


async def test_arguments_are_refused_three_times_and_no_more(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": 7}))]
    execution = await home.run(WRITER, "x")
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error["kind"] == "entity_failed"
    assert "was refused 4 times. Lastly: The arguments do not fit" in execution.error["message"]
    assert gateway.calls["m"] == 4
    assert echo.calls == []


async def test_the_third_call_that_is_just_the_same_is_refused(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [
        asks(("echo", {"text": "a", "more": [1]})),
        asks(("echo", '{"more": [1], "text": "a"}')),
        asks(("echo", {"text": "a", "more": [1]})),
        "Enough.",
    ]
    execution = await home.run(WRITER, "x")
    assert execution.output == "Enough."
    assert len(echo.calls) == 2
    assert "was called 2 times with just these arguments" in told(gateway)[-1]


# --- limits --------------------------------------------------------------------------------


async def test_an_endless_loop_ends_after_25_turns_with_a_reason(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [lambda request: asks(("echo", {"text": str(len(request.messages))}))]
    execution = await home.run(WRITER, "x")
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error["kind"] == "budget_exceeded"
    assert "`writer` asked for tools 25 times" in execution.error["message"]
    assert (gateway.calls["m"], len(echo.calls)) == (25, 24)


@pytest.mark.parametrize(
    ("stop", "turns", "output"),
    [("stepCount:2", 2, "r2"), ("hasToolResult:echo", 1, "r1"), ("noToolCalls", 4, "end")],
)
async def test_stop_when(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, stop: str, turns: int, output: str
) -> None:
    gateway.answers["m"] = [*[asks(("echo", {"text": f"r{n}"})) for n in (1, 2, 3)], "end"]
    source = WRITER.replace('"goal"', f'"stopWhen": "{stop}", "goal"')
    async with open_home(tmp_path, gateway=gateway, tools=[echo.tool]) as home:
        execution = await home.run(source, "x")
    assert execution.output == output
    assert gateway.calls["m"] == turns


async def test_what_the_model_says_beside_its_last_calls_is_the_answer(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "r"}), text="Here it is.")]
    source = WRITER.replace('"goal"', '"stopWhen": "stepCount:1", "goal"')
    async with open_home(tmp_path, gateway=gateway, tools=[echo.tool]) as home:
        assert (await home.run(source, "x")).output == "Here it is."


async def test_a_tool_that_vanished_is_a_typed_error(home: Home, gateway: ScriptedGateway) -> None:
    execution = await home.run(WRITER.replace('["echo"]', '["echo", "gone"]'), "x")
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error["kind"] == "tool_not_found"
    assert execution.error["entity"] == "writer"
    assert "give `writer` other tools" in execution.error["message"]
    assert "what is finished is kept" in execution.error["hint"]
    assert gateway.calls["m"] == 0


@pytest.mark.parametrize("last", ["use gone", "other"])
async def test_for_a_tool_that_vanished_nothing_is_paid_before(
    home: Home, gateway: ScriptedGateway, echo: Counted, last: str
) -> None:
    other = 'other { "goal": "Do", "model": "o", "can_request": ["gone"] }\n'
    execution = await home.run(f"{other}{WRITER}chain {{ use echo writer {last} }}", {"text": "x"})
    assert (execution.status, execution.error["kind"]) == (ExecutionStatus.FAILED, "tool_not_found")
    assert "`gone`" in execution.error["message"]
    assert "Take it out of the program" in execution.error["hint"]
    assert (echo.calls, gateway.calls["m"]) == ([], 0)
    assert not await Step.filter(execution_id=execution.id).exists()
    caught = f'{other}chain {{ use echo {last} on_error continue with "none" }}'
    assert (await home.run(caught, {"text": "x"})).output == "none"


# --- use -----------------------------------------------------------------------------------


async def test_use_calls_a_tool_without_a_model(home: Home, echo: Counted) -> None:
    execution = await home.run('use echo with { text: "{{input.word}}!" }', {"word": "hey"})
    assert execution.output == "hey!"
    assert len(echo.calls) == 1


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("use gone", "tool_not_found", "There is no tool `gone` here."),
        ("use echo", "invalid_arguments", "The arguments do not fit `echo`"),
    ],
)
async def test_use_fails_in_words(
    tmp_path: Path, echo: Counted, source: str, kind: str, message: str
) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway(), tools=[echo.tool]) as home:
        execution = await home.run(source, {})
    assert execution.error["kind"] == kind
    assert execution.error["message"].startswith(message)
    assert execution.error["entity"] in ("gone", "echo")
    assert echo.calls == []


async def test_on_error_of_use_handles_a_failing_tool(home: Home, echo: Counted) -> None:
    echo.failures = [ToolFailed("The line is dead.")]
    source = 'use echo with { text: "a" } on_error continue with "nothing"'
    execution = await home.run(source, {})
    assert (execution.status, execution.output) == (ExecutionStatus.COMPLETED, "nothing")


async def test_the_idempotency_key_names_execution_step_and_round(
    home: Home, echo: Counted
) -> None:
    execution = await home.run('map input { use echo with { text: "{{item}}" } }', ["a", "b"])
    assert execution.output == ["a", "b"]
    first, second = sorted(echo.calls)
    assert first.endswith(":0")
    assert second.endswith(":1")
    assert first.rpartition(":")[0] == second.rpartition(":")[0]
