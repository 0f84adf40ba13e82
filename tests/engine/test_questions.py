"""A bot asks a person: the answer is the tool's result, whoever is meant hears of it, and nothing
runs meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.core.errors import AlreadyDecided, Denied, Invalid
from server.models.enums import ApprovalKind, ExecutionStatus, Priority, Role, WaitingReason
from server.models.tables import Approval, Execution, Member, Notification, User
from server.workspaces.access import Viewer, scopes_of
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.waiting import until

WAITING, COMPLETED = ExecutionStatus.WAITING, ExecutionStatus.COMPLETED
ORDER = (
    'use ask with { message: "How many?", fields: { count: "integer(min: 1)", why: "?string" } }'
)


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, database_url=database_url) as home:
        yield home


async def asked(home: Home, source: str, input: Any = "x") -> tuple[Execution, Approval]:
    row = await home.until(await home.start(await home.bot(source), input), WAITING)
    assert row.waiting_reason is WaitingReason.APPROVAL
    return row, await Approval.get(execution_id=row.id)


async def answer(home: Home, question: Approval, values: Any, by: Viewer | None = None) -> Approval:
    said = Answer("answer", value=values)
    return await approvals.decide(by or home.owner, home.rooms.engine, question.id, said)


async def operator(home: Home, name: str) -> Viewer:
    user = await User.create(email=f"{name}@example.org", name=name)
    where = home.owner.workspace_id
    await Member.create(workspace_id=where, user_id=user.id, role=Role.OPERATOR)
    role = Role.OPERATOR
    return replace(
        home.owner,
        user_id=user.id,
        role=role,
        name=name,
        email=user.email,
        scopes=scopes_of(role),
    )


async def test_what_a_person_answers_is_the_result(home: Home) -> None:
    row, question = await asked(home, ORDER)
    assert question.kind is ApprovalKind.QUESTION
    assert question.arguments["fields"] == {"count": "integer(min: 1)", "why": "?string"}
    await until(lambda: home.rooms.engine.runner.running == 0)
    decided = await answer(home, question, {"count": "3"})
    assert decided.decided_by == home.owner.email or decided.decided_by == home.owner.name
    ended = await home.ended(row)
    assert (ended.status, ended.output) == (COMPLETED, {"count": 3})
    with pytest.raises(AlreadyDecided):
        await answer(home, question, {"count": 4})


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"count": "many"}, ["answer", "values", "count"]),
        ({"count": 0}, ["answer", "values", "count"]),
        ({}, ["answer", "values", "count"]),
        ({"count": 1, "more": 2}, ["answer", "values"]),
        ("three", ["answer", "values"]),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays(
    home: Home, values: Any, path: list[str]
) -> None:
    row, question = await asked(home, ORDER)
    with pytest.raises(Invalid) as refused:
        await answer(home, question, values)
    assert list(refused.value.path) == path
    await answer(home, question, {"count": 1})
    assert (await home.ended(row)).status is COMPLETED


async def test_a_plain_yes_is_no_answer(home: Home) -> None:
    _, question = await asked(home, ORDER)
    with pytest.raises(Invalid, match="answer it with count, why"):
        await approvals.decide(home.owner, home.rooms.engine, question.id, Answer("approve"))


async def test_who_does_not_want_to_answer_says_so(home: Home) -> None:
    row, question = await asked(home, ORDER)
    said = Answer("reject", "ask later")
    await approvals.decide(home.owner, home.rooms.engine, question.id, said)
    ended = await home.ended(row)
    assert ended.error["kind"] == "approval_denied"
    assert "ask later" in ended.error["message"]


async def test_a_choice_is_made_by_its_name(home: Home) -> None:
    row, question = await asked(
        home, 'use ask with { message: "Colour?", choices: ["red", "blue"] }'
    )
    with pytest.raises(Invalid):
        await approvals.decide(
            home.owner, home.rooms.engine, question.id, Answer("choose", action="green")
        )
    said = Answer("choose", action="Blue")
    await approvals.decide(home.owner, home.rooms.engine, question.id, said)
    assert (await home.ended(row)).output == {"answer": "blue"}


@pytest.mark.parametrize(
    ("more", "status", "output"),
    [
        ("", ExecutionStatus.FAILED, None),
        (', on_timeout: "fail"', ExecutionStatus.FAILED, None),
        (', on_timeout: "nobody"', COMPLETED, {"answer": "nobody"}),
    ],
)
async def test_nobody_answers_in_time(
    home: Home, more: str, status: ExecutionStatus, output: Any
) -> None:
    row, question = await asked(home, f'use ask with {{ message: "Well?", timeout: 60{more} }}')
    assert question.expires_at - question.created_at == timedelta(seconds=60)
    await Approval.filter(id=question.id).update(expires_at=question.created_at)
    await home.rooms.tidy()
    ended = await home.ended(row)
    assert (ended.status, ended.output) == (status, output)
    if status is ExecutionStatus.FAILED:
        assert ended.error["kind"] == "approval_timeout"


async def test_it_waits_through_a_restart(tmp_path: Path, database_url: str) -> None:
    async with open_home(tmp_path, database_url=database_url) as home:
        row, question = await asked(home, ORDER)
    async with open_home(tmp_path, database_url=database_url) as home:
        await answer(home, question, {"count": 2, "why": "two"})
        assert (await home.ended(row)).output == {"count": 2, "why": "two"}
        assert await Approval.all().count() == 1


async def test_only_who_is_meant_may_answer_and_hears_of_it(home: Home) -> None:
    ada, bob = await operator(home, "Ada"), await operator(home, "Bob")
    row, question = await asked(home, 'use ask with { message: "Ready?", to: "ada@example.org" }')
    told = await Notification.all()
    assert [(one.user_id, one.source["approvalId"] is not None) for one in told] == [
        (ada.user_id, True)
    ]
    with pytest.raises(Denied, match="asked of ada"):
        await answer(home, question, {"answer": "no"}, bob)
    await answer(home, question, {"answer": "yes"}, ada)
    assert (await home.ended(row)).output == {"answer": "yes"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('message: "?", to: "nobody@example.org"', "nobody@example.org"),
        ('message: "?", fields: { a: "thing" }', "fields.a"),
        ('message: "?", fields: {}', "1 to 50"),
        ('message: "?", choices: []', "at least one"),
        ('message: "?", fields: { a: "string" }, choices: ["x"]', "either"),
        ('message: "?", choices: ["x"], on_timeout: "y"', "on_timeout"),
    ],
)
async def test_a_question_that_cannot_be_asked_fails_in_words(
    tmp_path: Path, arguments: str, words: str
) -> None:
    async with open_home(tmp_path) as home:
        ended = await home.run(f"use ask with {{ {arguments} }}", "x")
    assert (ended.status, ended.error["kind"]) == (ExecutionStatus.FAILED, "invalid_arguments")
    assert words in ended.error["message"]


async def test_a_model_asks_too(tmp_path: Path) -> None:
    gateway = ScriptedGateway(
        answers={"m": [asks(("ask", {"message": "Which one?"})), "It is the red one."]}
    )
    async with open_home(tmp_path, gateway=gateway) as home:
        source = 'helper { "goal": "Help", "model": "m", "tools": ["ask"] }'
        row, question = await asked(home, source)
        assert (question.entity, question.goal) == ("helper", "Help")
        await answer(home, question, {"answer": "the red one"})
        assert (await home.ended(row)).output == "It is the red one."


async def test_questions_in_a_map_wait_side_by_side(home: Home) -> None:
    source = 'map (input, errors: collect) { use ask with { message: "{{item}}?" } }'
    row = await home.until(await home.start(await home.bot(source), ["a", "b"]), WAITING)
    questions = {one.reason: one for one in await Approval.filter(execution_id=row.id)}
    assert set(questions) == {"a?", "b?"}
    await answer(home, questions["b?"], {"answer": "B"})
    await answer(home, questions["a?"], {"answer": "A"})
    ended = await home.ended(row)
    assert ended.output == [{"answer": "A"}, {"answer": "B"}]


NOTE = 'use send_notification with { title: "Done", message: "All of it", priority: "high" }'


async def test_a_notification_reaches_each_member_once(home: Home) -> None:
    ada = await operator(home, "Ada")
    ended = await home.run(NOTE, "x")
    rows = await Notification.all()
    assert {row.user_id for row in rows} == {ada.user_id, home.owner.user_id}
    assert {(row.title, row.message, row.priority) for row in rows} == {
        ("Done", "All of it", Priority.HIGH)
    }
    assert ended.output["sent"] is True
    assert ended.output["notification_id"].startswith("ntf_")


async def test_a_failed_step_that_waits_tells_what_helps(tmp_path: Path) -> None:
    """S0-7.4c: a tool failure pauses, diagnoses and notifies with actions."""
    async with open_home(tmp_path) as home:
        source = "use shared_storage with { action: 'write', key: '' } on_error pause"
        await home.until(await home.start(await home.bot(source), "x"), WAITING)
        (told,) = await Notification.filter(user_id=home.owner.user_id)
    assert told.priority is Priority.HIGH
    assert "What helps:" in told.message
    assert told.source["diagnosis"]["actions"]
    assert told.source["choices"] == ["retry", "skip", "continue", "fail"]
