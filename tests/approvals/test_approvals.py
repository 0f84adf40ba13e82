"""A step waits for a person: asks once, holds no worker, and goes on as was decided."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer, ApprovalFilter
from server.core.errors import AlreadyDecided, Denied, Invalid, InvalidState, NotFound
from server.core.ids import new_uuid
from server.executions import service as executions
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ApprovalStatus, ExecutionStatus, Role, WaitingReason
from server.models.tables import Approval, Execution, Workspace
from server.workspaces.access import ROLE_SCOPES
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

USE = """
chain { use echo with { text: "{{result}}" } }
"""
MAPPED = 'map (result) { use echo with { text: "{{item}}" } }'
LOOPED = 'loop ("until": "false", "max": 2) { use echo with { text: "round" } }'
PAUSES = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
chain { a b on_error pause a }
"""
WAITING, DONE = ExecutionStatus.WAITING, ExecutionStatus.COMPLETED
APPROVE, REJECT = Answer("approve"), Answer("reject", note="Not today.")
BROKEN = ModelError(ModelErrorKind.BAD_REQUEST, "No.")


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
def echo() -> Counted:
    return Counted(needs_approval=True)


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[echo.tool]
    ) as home:
        yield home


async def pending(home: Home) -> list[Approval]:
    return (await approvals.list_approvals(home.owner)).rows[::-1]


async def _asked_by(home: Home, execution: Execution, *, with_started: bool = False) -> list[UUID]:
    where = ApprovalFilter(execution_id=execution.id, with_started=with_started)
    return [row.id for row in (await approvals.list_approvals(home.owner, where=where)).rows]


async def decide(home: Home, row: Approval, answer: Answer) -> Approval:
    return await approvals.decide(home.owner, home.rooms.engine, row.id, answer)


async def waiting(home: Home, source: str, value: Any = "hello") -> tuple[Execution, Approval]:
    execution = await home.until(await home.start(await home.bot(source), value), WAITING)
    rows = await pending(home)
    return execution, rows[0]


# --- asking ----------------------------------------------------------------------------------


async def test_a_tool_waits_for_a_person_and_holds_no_worker(home: Home, echo: Counted) -> None:
    execution, row = await waiting(home, USE)
    assert execution.waiting_reason is WaitingReason.APPROVAL
    assert execution.owner is None
    await until(lambda: home.rooms.engine.runner.running == 0)
    assert (row.tool, row.arguments) == ("echo", {"text": "hello"})
    assert row.expires_at - row.created_at == timedelta(days=7)
    steps = {step.name: step.status for step in await executions.steps(home.owner, execution.id)}
    assert steps["echo"] == "waiting"
    assert echo.calls == []
    decided = await decide(home, row, APPROVE)
    assert (decided.status, decided.decided_by) == (ApprovalStatus.APPROVED, home.owner.name)
    assert decided.decided_at is not None
    assert (await home.ended(execution)).status is DONE
    assert echo.arguments == [{"text": "hello"}]
    kinds = [event["type"] for event in await home.events(execution)]
    assert kinds.count("approval.requested") == kinds.count("approval.decided") == 1
    assert await pending(home) == []


async def test_changed_arguments_are_those_that_are_used(home: Home, echo: Counted) -> None:
    execution, row = await waiting(home, USE)
    await decide(home, row, Answer("modify", arguments={"text": "softer"}, note="Too loud."))
    assert (await home.ended(execution)).status is DONE
    assert echo.arguments == [{"text": "softer"}]


async def test_a_refusal_fails_the_step_with_its_reason(home: Home, echo: Counted) -> None:
    execution, row = await waiting(home, USE)
    long = "x" * 4001
    for answer, path in (
        (Answer("reject", long), ["reject", "reason"]),
        (Answer("approve", long), ["approve", "note"]),
    ):
        with pytest.raises(Invalid, match="at most 4000") as refused:
            await decide(home, row, answer)
        assert list(refused.value.path or ()) == path
    await decide(home, row, REJECT)
    ended = await home.ended(execution)
    assert (ended.status, ended.error["kind"]) == (ExecutionStatus.FAILED, "approval_denied")
    assert "Not today." in ended.error["message"]
    assert echo.calls == []


async def test_each_item_and_each_round_asks_for_itself(home: Home, echo: Counted) -> None:
    execution = await home.until(await home.start(await home.bot(MAPPED), ["a", "b"]), WAITING)
    first, second = await pending(home)
    await decide(home, first, APPROVE)
    await home.until(execution, WAITING)
    await decide(home, second, Answer("modify", arguments={"text": "B"}))
    assert (await home.ended(execution)).status is DONE
    used = {given["text"] for given in echo.arguments}
    assert used == {first.arguments["text"], "B"}

    looped = await home.until(await home.start(await home.bot(LOOPED, "Loop"), "x"), WAITING)
    await decide(home, (await pending(home))[0], APPROVE)
    async with asyncio.timeout(20):
        while not (rows := await pending(home)):
            await home.until(looped, WAITING)
    await decide(home, rows[0], APPROVE)
    assert (await home.ended(looped)).status is DONE
    assert len(echo.calls) == 4


async def test_a_sub_bot_asks_and_its_parent_waits_for_it(home: Home, echo: Counted) -> None:
    await home.bot(USE, "Child")
    source = 'use spawn_baleybot with { baleybot: "Child", input: "from above" }'
    parent = await home.start(await home.bot(source, "Parent"), "x")
    await home.until(parent, WAITING)
    rows = await until(lambda: pending(home))
    await home.until(await home.start(await home.bot(USE, "Other"), "x"), WAITING)
    assert await _asked_by(home, parent) == []
    assert await _asked_by(home, parent, with_started=True) == [rows[0].id]
    outside = replace(home.owner, workspace_id=new_uuid())
    below = ApprovalFilter(execution_id=parent.id, with_started=True)
    assert (await approvals.list_approvals(outside, where=below)).rows == []
    await decide(home, rows[0], APPROVE)
    assert (await home.ended(parent)).status is DONE
    assert echo.arguments == [{"text": "from above"}]


async def test_a_model_may_ask_for_a_tool_and_hears_of_a_refusal(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    heard: list[str] = []
    gateway.answers["one"] = [
        asks(("echo", {"text": "hi"})),
        lambda asked: heard.append(asked.messages[-1].content) or "as you say",
    ]
    source = 'a { "goal": "Be kind", "model": "one", "can_request": ["echo"] }'
    execution, row = await waiting(home, source)
    assert (row.entity, row.goal, row.tool) == ("a", "Be kind", "echo")
    await decide(home, row, REJECT)
    ended = await home.ended(execution)
    assert (ended.status, ended.output) == (DONE, "as you say")
    assert "Not today." in heard[0]
    assert gateway.calls == {"one": 2}
    assert echo.calls == []


async def test_the_step_shows_the_arguments_that_a_person_put_in_place(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["one"] = [asks(("echo", {"text": "hi"})), "done"]
    source = 'a { "goal": "Be kind", "model": "one", "can_request": ["echo"] }'
    execution, row = await waiting(home, source)
    await decide(home, row, Answer("modify", arguments={"text": "softer"}))
    ended = await home.ended(execution)
    steps = {step.name: step.input for step in await executions.steps(home.owner, execution.id)}
    assert steps["echo"] == {"text": "softer"}
    state = await home.rooms.engine.snapshots.at(execution.id, ended.last_seq)
    assert [one.input for one in state.steps.values() if one.name == "echo"] == [steps["echo"]]


async def test_it_survives_a_restart(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> None:
    given: Any = {"gateway": gateway, "database_url": database_url, "tools": [echo.tool]}
    async with open_home(tmp_path, **given) as home:
        execution, row = await waiting(home, USE)
    async with open_home(tmp_path, **given) as home:
        await decide(home, row, APPROVE)
        assert (await home.ended(execution)).status is DONE
    assert len(echo.calls) == 1


# --- deciding --------------------------------------------------------------------------------


async def test_of_fifty_at_once_one_wins(home: Home, echo: Counted) -> None:
    execution, row = await waiting(home, USE)
    answers = await asyncio.gather(
        *[decide(home, row, APPROVE if n % 2 else REJECT) for n in range(50)],
        return_exceptions=True,
    )
    won = [answer for answer in answers if isinstance(answer, Approval)]
    late = [answer for answer in answers if isinstance(answer, AlreadyDecided)]
    assert (len(won), len(late)) == (1, 49)
    assert all(home.owner.name in answer.message for answer in late)
    assert all(" UTC" in answer.message for answer in late)
    ended = await home.ended(execution)
    approved = won[0].status is ApprovalStatus.APPROVED
    assert (ended.status is DONE) == approved == bool(echo.calls)
    decided = [e for e in await home.events(execution) if e["type"] == "approval.decided"]
    assert len(decided) == 1


async def test_what_nobody_decides_expires(home: Home, echo: Counted) -> None:
    execution, row = await waiting(home, USE)
    past = home.rooms.clock.now() - timedelta(seconds=1)
    await Approval.filter(id=row.id).update(expires_at=past)
    with pytest.raises(InvalidState, match="expired on"):
        await decide(home, row, APPROVE)
    ended = await home.ended(execution)
    assert ended.error["kind"] == "approval_timeout"
    assert echo.calls == []
    kinds = [event["type"] for event in await home.events(execution)]
    assert kinds.count("approval.expired") == 1


async def test_the_tick_closes_what_is_too_late_and_tells_what_was_not_told(
    home: Home, echo: Counted
) -> None:
    execution, row = await waiting(home, USE)
    lost = {"status": ApprovalStatus.APPROVED, "decided_at": home.rooms.clock.now()}
    decision = {"verdict": "approved", "hash": row.arguments_hash}
    await Approval.filter(id=row.id).update(decision=decision, **lost)
    await home.rooms.tidy()
    assert (await home.ended(execution)).status is DONE
    late, other = await waiting(home, USE)
    past = home.rooms.clock.now() - timedelta(seconds=1)
    await Approval.filter(id=other.id).update(expires_at=past)
    await home.rooms.tidy()
    assert (await home.ended(late)).error["kind"] == "approval_timeout"


async def test_with_the_execution_its_questions_end(home: Home) -> None:
    execution, row = await waiting(home, USE)
    await home.control(execution, "cancel")
    assert await pending(home) == []
    assert (await approvals.get(home.owner, row.id)).status is ApprovalStatus.WITHDRAWN
    with pytest.raises(InvalidState, match="cancelled"):
        await decide(home, row, APPROVE)
    await home.rooms.tidy()
    everything = ApprovalFilter(statuses=list(ApprovalStatus), execution_id=execution.id)
    (seen,) = (await approvals.list_approvals(home.owner, where=everything)).rows
    assert seen.status is ApprovalStatus.WITHDRAWN


async def test_a_decision_while_paused_counts_when_it_goes_on(home: Home, echo: Counted) -> None:
    execution, row = await waiting(home, USE)
    await home.control(execution, "pause")
    await decide(home, row, APPROVE)
    assert (await executions.get(home.owner, execution.id)).status is ExecutionStatus.PAUSED
    await home.control(execution, "resume")
    assert (await home.ended(execution)).status is DONE
    assert len(echo.calls) == 1


async def test_who_may_not_and_who_is_elsewhere_decides_nothing(home: Home) -> None:
    _, row = await waiting(home, USE)
    viewer = replace(home.owner, role=Role.VIEWER, scopes=ROLE_SCOPES[Role.VIEWER])
    elsewhere = await Workspace.create(name="Elsewhere")
    stranger = replace(home.owner, workspace_id=elsewhere.id)
    with pytest.raises(Denied):
        await approvals.decide(viewer, home.rooms.engine, row.id, APPROVE)
    with pytest.raises(NotFound):
        await approvals.decide(stranger, home.rooms.engine, row.id, APPROVE)
    assert (await approvals.list_approvals(stranger)).rows == []
    lists, misfits = (Answer("modify", arguments=given) for given in ([1], {"word": "x"}))
    for wrong in (lists, misfits, Answer("choose", action="retry")):
        with pytest.raises(Invalid):
            await decide(home, row, wrong)
    assert [one.id for one in await pending(home)] == [row.id]


# --- on_error pause --------------------------------------------------------------------------


async def failed_step(home: Home, gateway: ScriptedGateway) -> tuple[Execution, Approval]:
    gateway.answers["two"] = [BROKEN, "mended"]
    return await waiting(home, PAUSES)


async def test_a_failed_step_waits_with_its_diagnosis_and_is_tried_again(
    home: Home, gateway: ScriptedGateway
) -> None:
    execution, row = await failed_step(home, gateway)
    assert row.reason == "No."
    assert row.diagnosis["class"] == "ai"
    assert [one["action"] for one in row.diagnosis["actions"]] == ["edit_and_retry", "other_model"]
    step = {one.key: one for one in await executions.steps(home.owner, execution.id)}[row.step_key]
    assert (step.status, step.error["message"]) == ("waiting", "No.")
    await decide(home, row, Answer("choose", action="retry"))
    ended = await home.ended(execution)
    assert (ended.status, ended.output) == (DONE, "mended")
    assert gateway.calls == {"one": 2, "two": 2}
    steps = {one.key: one for one in await executions.steps(home.owner, execution.id)}
    assert (steps[row.step_key].status, steps[row.step_key].error) == ("completed", None)
    assert "repair.tried" in [event["type"] for event in await home.events(execution)]


async def test_a_second_failure_asks_a_second_time(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["two"] = [BROKEN, BROKEN, "mended"]
    execution, row = await waiting(home, PAUSES)
    await decide(home, row, APPROVE)
    async with asyncio.timeout(20):
        while not (rows := await pending(home)):
            await home.until(execution, WAITING)
    assert rows[0].id != row.id
    await decide(home, rows[0], APPROVE)
    assert (await home.ended(execution)).output == "mended"
    assert gateway.calls == {"one": 2, "two": 3}


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        (Answer("choose", action="skip"), "hello"),
        (Answer("choose", action="continue", value={"by": "hand"}), '{"by":"hand"}'),
    ],
)
async def test_a_failed_step_is_passed_by(
    home: Home, gateway: ScriptedGateway, answer: Answer, output: str
) -> None:
    execution, row = await failed_step(home, gateway)
    await decide(home, row, answer)
    ended = await home.ended(execution)
    assert ended.status is DONE
    assert str(ended.output).replace(" ", "") == output
    assert gateway.calls == {"one": 2, "two": 1}


async def test_who_lets_it_fail_lets_it_fail(home: Home, gateway: ScriptedGateway) -> None:
    execution, row = await failed_step(home, gateway)
    with pytest.raises(Invalid, match="Choose one of"):
        await decide(home, row, Answer("choose", action="dance"))
    await decide(home, row, REJECT)
    ended = await home.ended(execution)
    assert (ended.status, ended.error["message"]) == (ExecutionStatus.FAILED, "No.")


async def test_a_failed_block_is_done_again_without_what_was_finished_in_it(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["two"] = [BROKEN, "mended"]
    source = PAUSES.replace(
        "chain { a b on_error pause a }", "chain { chain { a b a } on_error pause }"
    )
    execution, row = await waiting(home, source)
    await decide(home, row, APPROVE)
    ended = await home.ended(execution)
    assert (ended.status, ended.output) == (DONE, "mended")
    assert gateway.calls == {"one": 2, "two": 2}
    steps = await executions.steps(home.owner, execution.id)
    assert {step.status.value for step in steps} == {"completed"}
