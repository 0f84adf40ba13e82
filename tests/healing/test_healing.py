"""What failed is diagnosed, what was tried is counted, and a person can close it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.core.errors import Invalid, InvalidState, NotFound
from server.engine.caps import Caps
from server.engine.writer import workspace_topic
from server.healing import service
from server.healing.diagnosis import KINDS, LABELS, diagnosis
from server.healing.service import IncidentFilter, Same
from server.healing.strategies import priority
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ExecutionStatus, FailureClass
from server.models.tables import AuditEntry, Execution, Incident, Workspace
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

AWAY = ModelError(ModelErrorKind.PROVIDER_UNAVAILABLE, "Away.", retry_after=0)
DOWN = ModelError(ModelErrorKind.PROVIDER_FAILED, "Down.", retry_after=0, status=503)
BROKEN = ModelError(ModelErrorKind.BAD_REQUEST, "No.")
ONE = 'a { "goal": "Do", "model": "one" }\nchain { a }'


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


def test_every_kind_has_a_cause_and_two_or_three_actions() -> None:
    for kind in [*KINDS, "never heard of"]:
        found = diagnosis(kind)
        assert found.cause.endswith(".")
        assert 2 <= len(found.actions) <= 3
        assert set(found.actions) <= LABELS.keys()
    of_tools = ("not_found", "bal_invalid", "conflict", "too_large", "unavailable", "not_storable")
    for kind in (*(one.value for one in ModelErrorKind), *of_tools):
        assert kind in KINDS


async def kept(home: Home) -> list[tuple[str, str, bool, bool]]:
    """The step's name, the action, automatic, healed; in the order of their names."""
    rows = await Incident.all().order_by("name", "action")
    return [(row.name, row.action, row.automatic, row.healed) for row in rows]


async def until_kept(home: Home, count: int) -> list[tuple[str, str, bool, bool]]:
    await home.rooms.engine.runner.drain(20)
    found = await kept(home)
    assert len(found) == count, found
    return found


async def test_priorities_are_the_order_in_which_the_engine_tried(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Asked again, then the next model, then `on_error`, then the `try` around it."""
    gateway.answers["one"] = [AWAY, AWAY, AWAY]
    gateway.answers["two"] = [AWAY, AWAY, AWAY]
    source = (
        'a { "goal": "Do", "model": "one", "fallbacks": ["two"] }\nb { "goal": "Do" }\n'
        "chain { a on_error skip try { chain { a } } catch { chain { b } } }"
    )
    row = await home.run(source, "x")
    assert row.status is ExecutionStatus.COMPLETED
    await home.rooms.engine.runner.drain(20)
    rates = await service.rates(home.owner, home.rooms.clock)
    tried = sorted(rates, key=lambda rate: rate.priority)
    assert [(rate.priority, rate.action) for rate in tried] == [
        (1, "retry"), (2, "fallback"), (3, "skip"), (4, "try"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("failed", "action", "place"),
    [("AUTH", "fallback", 1), ("PROGRAM", "skip", 1), ("PROGRAM", "retry", 1), ("TOOL", "try", 3)],
)
def test_what_cannot_help_a_class_takes_no_place(failed: str, action: str, place: int) -> None:
    assert priority(FailureClass[failed], action) == place


@pytest.mark.parametrize(
    ("failure", "told_as"),
    [(AWAY, FailureClass.NETWORK), (DOWN, FailureClass.SERVER)],
    ids=["not reached", "failed itself"],
)
async def test_a_retry_that_helped(
    home: Home, gateway: ScriptedGateway, failure: ModelError, told_as: FailureClass
) -> None:
    gateway.answers["one"] = [failure, "fine"]
    row = await home.run(ONE, "x")
    assert row.status is ExecutionStatus.COMPLETED
    assert await until_kept(home, 1) == [("a", "retry", True, True)]
    (rate,) = await service.rates(home.owner, home.rooms.clock)
    assert (rate.failure_class, rate.count, rate.success_rate) == (told_as, 1, 100.0)


async def test_a_list_of_incidents_hears_of_a_new_one(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept after the end is told: a list that was read at the end lacks it."""
    read, keep = asyncio.Event(), service._keep  # pyright: ignore[reportPrivateUsage]

    async def late(*given: Any) -> None:
        await read.wait()
        await keep(*given)

    monkeypatch.setattr(service, "_keep", late)
    gateway.answers["one"] = [BROKEN]
    with home.rooms.bus.notices.subscribe(workspace_topic(home.owner.workspace_id)) as changes:
        row = await home.run(ONE, "x")
        await changes.next(10)
        read.set()
        (told,) = (await changes.next(10)).notices
    assert told.data == {"executionId": str(row.id)}
    assert await Incident.all().count() == 1


async def test_a_fallback_a_skip_and_a_failure(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["one"] = gateway.answers["bad"] = [BROKEN]
    source = (
        'a { "goal": "Do", "model": "one", "fallbacks": ["two"] }\n'
        'b { "goal": "Do", "model": "bad" }\nc { "goal": "Do", "model": "bad" }\n'
        "chain { a b on_error skip chain { c } }"
    )
    row = await home.run(source, "x")
    assert row.status is ExecutionStatus.FAILED
    assert await until_kept(home, 3) == [
        ("a", "fallback", True, True),
        ("b", "skip", True, True),
        ("c", "none", True, False),
    ]


async def test_what_the_program_caught_itself(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["bad"] = [BROKEN]
    source = (
        'again { "goal": "Do", "model": "bad" }\n'
        'caught { "goal": "Do", "model": "bad" }\n'
        'lost { "goal": "Do", "model": "bad" }\n'
        'passed { "goal": "Do", "model": "bad" }\n'
        "chain {\n"
        '  parallel { "x": passed } on_error skip\n'
        '  try { chain { caught } } catch { select { "sorry": "input" } }\n'
        '  try (retries: 1) { again } finally { select { "done": "input" } }\n'
        "  lost\n"
        "}"
    )
    row = await home.run(source, "x")
    assert row.status is ExecutionStatus.FAILED
    assert await until_kept(home, 4) == [
        ("again", "none", True, False),
        ("again", "try", True, False),
        ("caught", "try", True, True),
        ("passed", "skip", True, True),
    ]


async def test_more_than_are_kept_at_once(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "KEPT_AT_ONCE", 2)
    gateway.answers["one"] = [BROKEN]
    source = ONE.replace("chain { a }", "map (result, errors: collect) { a }")
    await home.run(source, [1, 2, 3, 4, 5])
    assert await until_kept(home, 5) == [("a", "collect", True, True)] * 5


async def test_what_a_person_chose(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["one"] = [BROKEN, "fine"]
    source = 'a { "goal": "Do", "model": "one" }\nchain { a on_error pause }'
    execution = await home.until(
        await home.start(await home.bot(source), "x"), ExecutionStatus.WAITING
    )
    (asked,) = (await approvals.list_approvals(home.owner)).rows
    await approvals.decide(home.owner, home.rooms.engine, asked.id, Answer("approve"))
    assert (await home.ended(execution)).status is ExecutionStatus.COMPLETED
    assert await until_kept(home, 1) == [("a", "retry", False, True)]
    assert await classed() == [("a", "AI", "bad_request", "retry")]


async def classed() -> list[tuple[str, str, str, str]]:
    rows = await Incident.all().order_by("name", "action")
    return [(row.name, row.failure_class.name, row.kind, row.action) for row in rows]


@pytest.mark.parametrize(("choice", "helped"), [("retry", True), ("skip", True), ("fail", False)])
async def test_what_a_person_chose_for_a_block_is_about_what_failed_in_it(
    home: Home, gateway: ScriptedGateway, choice: str, helped: bool
) -> None:
    gateway.answers["one"] = [BROKEN, "fine"]
    source = 'a { "goal": "Do", "model": "one" }\nchain { chain { a } on_error pause }'
    execution = await home.until(
        await home.start(await home.bot(source), "x"), ExecutionStatus.WAITING
    )
    (asked,) = (await approvals.list_approvals(home.owner)).rows
    await approvals.decide(home.owner, home.rooms.engine, asked.id, Answer("choose", action=choice))
    await home.ended(execution)
    found = ("a", "none", True, False) if choice == "fail" else ("a", choice, False, helped)
    assert await until_kept(home, 1) == [found]


async def test_a_failure_that_no_step_tells_of(home: Home, gateway: ScriptedGateway) -> None:
    """Nothing had begun: it is an incident all the same, and three of them are a pattern."""
    no_key = ModelError(ModelErrorKind.PROVIDER_AUTH, "There is no key for `one`.", hint="Add it.")
    gateway.unreachable["one"] = no_key
    bot = await home.bot(ONE)
    for _ in range(3):
        row = await home.ended(await home.start(bot, "x"))
        assert row.status is ExecutionStatus.FAILED
    assert await until_kept(home, 3) == [("the whole execution", "none", True, False)] * 3
    (pattern,) = await service.patterns(home.owner, home.rooms.clock)
    assert (pattern.count, pattern.kind) == (3, "provider_auth")
    assert pattern.failure_class is FailureClass.AUTH


async def test_time_that_was_up_is_an_incident(tmp_path: Path, gateway: ScriptedGateway) -> None:
    """Of the whole execution: in its work, and in the queue where no worker is."""
    gateway.hold("one")
    async with open_home(tmp_path, gateway=gateway, caps=Caps(seconds=0.2)) as home:
        row = await home.run(ONE, "x")
        assert row.status is ExecutionStatus.TIMED_OUT
        assert await until_kept(home, 1) == [("the whole execution", "none", True, False)]
    async with open_home(tmp_path, gateway=gateway, worker=False) as home:
        home.rooms.engine.runner._inline = False  # pyright: ignore[reportPrivateUsage]
        waiting = await home.start(await home.bot(ONE, "Other"), "x", queue_seconds=60)
        past = home.rooms.clock.now() - timedelta(seconds=1)
        await Execution.filter(id=waiting.id).update(start_before=past)
        await home.rooms.engine.control.close_late()
        row = await home.ended(waiting)
        assert row.error["diagnosis"]["actions"][0]["action"] == "retry"
        assert [name for name, *_ in await classed()] == ["the whole execution"] * 2


async def test_what_a_setting_of_the_program_went_on_without_is_handled(
    home: Home, gateway: ScriptedGateway
) -> None:
    """The items that a map leaves out or keeps as errors, and a branch."""
    gateway.answers["bad"] = [BROKEN]
    source = (
        'a { "goal": "Do", "model": "bad" }\nb { "goal": "Do", "model": "bad" }\n'
        'c { "goal": "Do", "model": "bad" }\nd { "goal": "Do", "model": "bad" }\n'
        "parallel (errors: collect) {\n"
        '  "left out": map (input, errors: skip) { a }\n'
        '  "branch": chain { b }\n'
        '  "kept": map (input, errors: collect) { chain { c } }\n'
        '  "handled": map (input, errors: skip) { d on_error skip }\n'
        "}"
    )
    row = await home.run(source, ["x", "y"])
    assert row.status is ExecutionStatus.COMPLETED, row.error
    assert await until_kept(home, 7) == [
        *[("a", "skip", True, True)] * 2,
        ("b", "collect", True, True),
        *[("c", "collect", True, True)] * 2,
        *[("d", "skip", True, True)] * 2,
    ]


async def test_what_comes_again_and_again_is_seen_and_closed(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["one"] = [BROKEN]
    bot = await home.bot(ONE)
    for _ in range(3):
        await home.ended(await home.start(bot, "x"))
    await until_kept(home, 3)
    first = await Incident.all().order_by("id").first()
    assert first is not None
    clock = home.rooms.clock
    past = clock.now() - timedelta(days=8)
    await Incident.filter(id=first.id).update(created_at=past)
    (monthly,) = await service.patterns(home.owner, clock, "month")
    assert all((at.day, at.hour) == (1, 0) for at, _ in monthly.by_period)
    (weekly,) = await service.patterns(home.owner, clock, "week")
    assert (weekly.count, weekly.name, weekly.kind) == (3, "a", "bad_request")
    assert [count for _, count in weekly.by_period] == [1, 2]
    assert all(at.weekday() == 0 for at, _ in weekly.by_period)
    (hourly,) = await service.patterns(home.owner, clock, "hour", days=2)
    assert hourly.count == 2
    closed = await service.resolve(home.owner, clock, first.id, "Another model.")
    assert (closed.resolved_by, closed.note) == (home.owner.name, "Another model.")
    with pytest.raises(InvalidState, match="resolved this"):
        await service.resolve(home.owner, clock, first.id)
    open_ones = await service.list_incidents(home.owner, where=IncidentFilter(resolved=False))
    assert len(open_ones.rows) == 2
    elsewhere = await Workspace.create(name="Elsewhere")
    stranger = replace(home.owner, workspace_id=elsewhere.id)
    assert (await service.list_incidents(stranger)).rows == []
    with pytest.raises(NotFound):
        await service.resolve(stranger, clock, first.id)
    with pytest.raises(Invalid):
        await service.rates(home.owner, clock, days=0)


async def test_what_comes_again_and_again_is_closed_as_one(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["one"] = [BROKEN]
    bot, other = await home.bot(ONE, "One"), await home.bot(ONE, "Other")
    for each in (bot, bot, bot, other):
        await home.ended(await home.start(each, "x"))
    await until_kept(home, 4)
    clock, same = home.rooms.clock, Same(bot.id, "a", "bad_request")
    first = await Incident.filter(bot_id=bot.id).order_by("id").first()
    assert first is not None
    await Incident.filter(id=first.id).update(created_at=clock.now() - timedelta(days=400))
    await service.resolve(home.owner, clock, first.id, "Before.")
    assert await service.resolve_all(home.owner, clock, same, "Another model.") == 2
    open_ones = await service.list_incidents(home.owner, where=IncidentFilter(resolved=False))
    assert [row.bot_id for row in open_ones.rows] == [other.id]
    notes = await Incident.filter(bot_id=bot.id).order_by("id").values_list("note", flat=True)
    assert notes == ["Before.", "Another model.", "Another model."]
    entries = await AuditEntry.filter(action="incident.pattern_resolved")
    assert [(one.subject, one.after["count"], one.reason) for one in entries] == [
        ("a", 2, "Another model.")
    ]
    with pytest.raises(InvalidState, match="None of these is open"):
        await service.resolve_all(home.owner, clock, same)
    elsewhere = await Workspace.create(name="Elsewhere too")
    stranger = replace(home.owner, workspace_id=elsewhere.id)
    with pytest.raises(NotFound):
        await service.resolve_all(stranger, clock, Same(other.id, "a", "bad_request"))
    assert await Incident.filter(resolved_at__isnull=True).count() == 1
