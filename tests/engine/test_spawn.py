"""Executions that start others: own rows, one answer, one end, a limit to the depth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.approvals import service as approvals
from server.core.ids import new_uuid, public_id
from server.engine.caps import Caps
from server.executions import service as executions
from server.executions.kinship import children_by_step, children_taken_over
from server.executions.rerun import RerunRequest, rerun
from server.executions.service import StartRequest
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import BotState, ExecutionStatus, TriggerKind, WaitingReason
from server.models.tables import Approval, Bot, Execution, Step
from tests.support.rooms import DEMO, Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.waiting import until

GREETER = 'greeter { "goal": "Greet", "model": "greet" }'
CALLER = 'use spawn_baleybot with { baleybot: "Greeter", input: "{{input}}" }'


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway(answers={"greet": ["Hello!"]})


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def child_of(execution: Execution) -> Execution:
    return await Execution.get(parent_id=execution.id)


async def test_the_caller_gets_the_answer_of_the_other_bot(home: Home) -> None:
    await home.bot(GREETER, "Greeter")
    execution = await home.run(CALLER, "Ann")
    child = await child_of(execution)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["output"] == "Hello!"
    assert execution.output["executionId"] == public_id("execution", child.id)
    assert execution.output["durationMs"] == child.duration_ms


async def test_the_child_has_its_own_row_and_knows_where_it_comes_from(home: Home) -> None:
    greeter = await home.bot(GREETER, "Greeter")
    execution = await home.run(CALLER, "Ann")
    child = await child_of(execution)
    assert (child.bot_id, child.workspace_id) == (greeter.id, execution.workspace_id)
    assert (child.trigger_kind, child.input) == (TriggerKind.PARENT, "Ann")
    assert child.created_by_id == home.owner.user_id
    assert child.trigger["data"]["executionId"] == public_id("execution", execution.id)
    assert child.trigger["user"]["email"] == home.owner.email


async def test_the_parents_timeline_names_the_child_which_can_be_followed(home: Home) -> None:
    await home.bot(GREETER, "Greeter")
    started = await home.start(await home.bot(CALLER), "Ann")
    events = await home.events(started)
    named = [event for event in events if event["type"] == "step.child"]
    child = await child_of(started)
    assert [event["data"]["executionId"] for event in named] == [public_id("execution", child.id)]
    assert named[0]["data"]["botName"] == "Greeter"
    assert named[0]["data"]["depth"] == 1
    kinds = [event["type"] for event in await home.events(child)]
    assert kinds[-1] == "execution.completed"


async def test_while_the_child_is_at_work_the_parent_holds_no_worker(
    home: Home, gateway: ScriptedGateway
) -> None:
    let_go = gateway.hold("greet")
    await home.bot(GREETER, "Greeter")
    started = await home.start(await home.bot(CALLER), "Ann")

    async def parent_waits() -> bool:
        return (
            await executions.get(home.owner, started.id)
        ).status is ExecutionStatus.WAITING and home.rooms.engine.runner.running == 1

    await until(parent_waits)
    row = await executions.get(home.owner, started.id)
    assert row.waiting_reason is WaitingReason.CHILD
    await gateway.asked["greet"].wait()
    let_go.set()
    async with asyncio.timeout(5):
        assert (await home.ended(started)).status is ExecutionStatus.COMPLETED


async def test_a_bot_that_calculates_only_is_over_at_once(home: Home) -> None:
    await home.bot('processor("double") { "{n: input.n * 2}" }', "Doubler")
    source = 'use spawn_baleybot with { baleybot: "Doubler", input: { n: 21 } }'
    execution = await home.run(source, {})
    assert execution.output["output"] == {"n": 42}
    assert execution.attempt == 1


async def test_a_model_can_ask_for_another_bot(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["boss"] = [
        asks(("spawn_baleybot", {"baleybot": "Greeter", "input": "Ann"})),
        lambda request: f"They said {request.messages[-1].content}",
    ]
    await home.bot(GREETER, "Greeter")
    source = 'boss { "goal": "Ask", "model": "boss", "tools": ["spawn_baleybot"] }'
    execution = await home.run(source, "x")
    assert execution.output.startswith('They said {"output":"Hello!"')
    assert (gateway.calls["boss"], gateway.calls["greet"]) == (2, 1)


async def test_what_a_step_that_is_taken_over_had_started_is_found(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Also when it is taken over once more, and not what other steps or workspaces have."""
    broken = ModelError(ModelErrorKind.BAD_REQUEST, "No.")
    gateway.answers["end"] = [broken, broken, "Well."]
    await home.bot(GREETER, "Greeter")
    source = f'end {{ "goal": "End", "model": "end" }} chain {{ {CALLER} end }}'
    first = await home.run(source, "Ann")
    child = await child_of(first)
    await home.run(CALLER, "Bob")
    runs = [first]
    for _ in range(2):
        request = RerunRequest(runs[-1].id)
        again = await rerun(home.owner, home.rooms.engine, request)
        runs.append(await home.ended(again))
    assert runs[-1].status is ExecutionStatus.COMPLETED
    for run in runs[1:]:
        found = await children_taken_over(home.owner, run.id)
        assert [(key.rpartition("/")[2], one.id) for key, one in found.items()] == [
            ("use:spawn_baleybot", child.id)
        ]
        assert await children_by_step(home.owner, run.id) == {}
    stranger = replace(home.owner, workspace_id=new_uuid())
    assert await children_taken_over(stranger, runs[-1].id) == {}


async def test_many_children_at_once(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["greet"] = [lambda request: f"Hello {request.messages[-1].content}!"]
    await home.bot(GREETER, "Greeter")
    source = 'map input { use spawn_baleybot with { baleybot: "Greeter", input: "{{item}}" } }'
    execution = await home.run(source, [f"n{n}" for n in range(12)])
    assert [one["output"] for one in execution.output] == [f"Hello n{n}!" for n in range(12)]
    assert await Execution.filter(parent_id=execution.id).count() == 12
    assert gateway.calls["greet"] == 12


async def test_a_large_answer_comes_back_whole(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["greet"] = ["x" * 1_500_000]
    await home.bot(GREETER, "Greeter")
    execution = await home.run(CALLER + ' processor("n") { "length(result.output)" }', "Ann")
    assert execution.output == 1_500_000


async def test_children_of_a_map_are_no_more_than_may_be_under_way(
    home: Home, gateway: ScriptedGateway
) -> None:
    let_go = gateway.hold("greet")
    await home.bot(GREETER, "Greeter")
    source = (
        "map (input, concurrency: 2) "
        '{ use spawn_baleybot with { baleybot: "Greeter", input: "{{item}}" } }'
    )
    started = await home.start(await home.bot(source), list("abcde"))

    async def parent_waits() -> bool:
        row = await executions.get(home.owner, started.id)
        return row.status is ExecutionStatus.WAITING

    await until(parent_waits)
    assert await Execution.filter(parent_id=started.id).count() == 2
    let_go.set()
    assert len((await home.ended(started)).output) == 5
    assert gateway.calls["greet"] == 5


async def test_three_levels_work(home: Home) -> None:
    await home.bot(GREETER, "Greeter")
    await home.bot(CALLER, "Middle")
    top = CALLER.replace("Greeter", "Middle")
    execution = await home.run(top.replace("input }", "input }"), "Ann")
    assert execution.output["output"]["output"] == "Hello!"
    middle = await child_of(execution)
    assert (await child_of(middle)).trigger["data"]["depth"] == 2


async def test_endless_recursion_ends_at_the_limit_with_a_reason(home: Home) -> None:
    bot = await home.bot(CALLER.replace("Greeter", "Ouroboros"), "Ouroboros")
    execution = await home.ended(await home.start(bot, "x"))
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error["kind"] == "spawn_depth_exceeded"
    assert "5 deep" in execution.error["message"]
    assert await Execution.all().count() == 6
    assert await Execution.filter(status=ExecutionStatus.FAILED).count() == 6


async def test_what_failed_in_the_child_fails_the_step(home: Home) -> None:
    await home.bot("use gone", "Broken")
    source = CALLER.replace("Greeter", "Broken")
    execution = await home.run(source, {})
    assert (execution.error["kind"], execution.status) == ("tool_not_found", ExecutionStatus.FAILED)
    handled = await home.run(source + ' on_error continue with "none"', {})
    assert handled.output == "none"


async def test_who_tries_again_gets_another_child(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["greet"] = [ModelError(ModelErrorKind.PROVIDER_AUTH, "No key."), "Hello!"]
    await home.bot(GREETER, "Greeter")
    started = await home.start(await home.bot(CALLER + " on_error pause"), "Ann")
    asked = await until(Approval.first)
    assert asked is not None
    again = approvals.Answer("choose", action="retry")
    await approvals.decide(home.owner, home.rooms.engine, asked.id, again)
    ended = await home.ended(started)
    assert ended.output["output"] == "Hello!"
    children = await Execution.filter(parent_id=started.id).order_by("id")
    assert [child.status for child in children] == ["failed", "completed"]


async def test_cancelling_the_parent_cancels_the_whole_family(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.hold("greet")
    await home.bot(GREETER, "Greeter")
    await home.bot(CALLER, "Middle")
    started = await home.start(await home.bot(CALLER.replace("Greeter", "Middle")), "Ann")
    await until(lambda: _asked(gateway))
    await executions.control(home.owner, home.rooms.engine, started.id, "cancel")

    async def all_over() -> bool:
        return await Execution.filter(status=ExecutionStatus.CANCELLED).count() == 3

    await until(all_over, 5)
    assert gateway.hung_up == ["greet"]


async def _asked(gateway: ScriptedGateway) -> bool:
    return gateway.asked["greet"].is_set()


async def test_a_parent_that_fails_takes_its_children_with_it(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.hold("greet")
    await home.bot(GREETER, "Greeter")
    let_fail = gateway.hold("bad")
    gateway.answers["broken"] = [ModelError(ModelErrorKind.BAD_REQUEST, "No.")]
    source = f"""
    bad {{ "goal": "Fail", "model": "broken" }}
    slow {{ "goal": "Slow", "model": "bad" }}
    parallel {{ "left": {CALLER} "right": chain {{ slow bad }} }}
    """
    started = await home.start(await home.bot(source), "Ann")
    await gateway.asked["greet"].wait()
    let_fail.set()
    assert (await home.ended(started)).status is ExecutionStatus.FAILED

    async def child_over() -> bool:
        return (await child_of(started)).status is ExecutionStatus.CANCELLED

    await until(child_over)


async def test_cancelling_the_child_is_told_to_the_parent(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.hold("greet")
    await home.bot(GREETER, "Greeter")
    started = await home.start(await home.bot(CALLER), "Ann")
    await gateway.asked["greet"].wait()
    child = await child_of(started)
    await executions.control(home.owner, home.rooms.engine, child.id, "cancel")
    async with asyncio.timeout(5):
        ended = await home.ended(started)
    assert (ended.status, ended.error["kind"]) == (ExecutionStatus.FAILED, "cancelled")


@pytest.mark.parametrize("state", [BotState.ARCHIVED, BotState.PAUSED])
async def test_a_bot_that_rests_is_not_run(home: Home, state: BotState) -> None:
    bot = await home.bot(GREETER, "Greeter")
    await Bot.filter(id=bot.id).update(state=state)
    execution = await home.run(CALLER, "Ann")
    assert execution.error["kind"] == "tool_forbidden"


async def test_a_bot_is_named_by_its_id_too_and_an_unknown_one_is_said_so(home: Home) -> None:
    bot = await home.bot(GREETER, "Greeter")
    found = await home.run(CALLER.replace("Greeter", public_id("bot", bot.id)), "Ann")
    assert found.output["output"] == "Hello!"
    unknown = await home.run(CALLER.replace("Greeter", "Nobody"), "Ann")
    assert unknown.error["kind"] == "not_found"
    assert "`Nobody`" in unknown.error["message"]


async def test_a_bot_of_another_workspace_is_unknown(home: Home) -> None:  # S14
    from server.models.tables import Workspace

    elsewhere = await Workspace.create(name="Elsewhere")
    bot = await home.bot(GREETER, "Greeter")
    await Bot.filter(id=bot.id).update(workspace_id=elsewhere.id)
    for name in ("Greeter", public_id("bot", bot.id)):
        execution = await home.run(CALLER.replace("Greeter", name), "Ann")
        assert execution.error["kind"] == "not_found"


async def test_the_input_of_the_child_is_checked_before_it_is_born(home: Home) -> None:
    source = 'strict { "goal": "Greet", "model": "greet", "input": { "name": "string" } }'
    await home.bot(source, "Strict")
    execution = await home.run(CALLER.replace("Greeter", "Strict"), {"name": 7})
    assert execution.error["kind"] == "invalid_input"
    assert await Execution.filter(parent_id=execution.id).count() == 0


async def test_a_child_may_spend_what_the_entity_has_left(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["boss"] = [
        asks(("spawn_baleybot", {"baleybot": "Spender"})),
        lambda request: request.messages[-1].content,
    ]
    names = "abcde"
    entities = "".join(f'{name} {{ "goal": "Spend", "model": "greet" }}\n' for name in names)
    await home.bot(f"{entities} chain {{ {' '.join(names)} }}", "Spender")
    source = """
    boss { "goal": "Ask", "model": "boss", "budget": 0.000005, "tools": ["spawn_baleybot"] }
    """
    execution = await home.run(source, "x")
    child = await child_of(execution)
    assert child.trigger["data"]["left"] == {"costNano": 3_000, "calls": 9_998}
    assert gateway.calls["greet"] == 2
    assert (child.status, child.error["kind"]) == (ExecutionStatus.FAILED, "budget_exceeded")
    assert "budget_exceeded" in execution.output


async def test_what_children_used_counts_for_the_parent(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = home.rooms.engine.runner._around
    capped = replace(around, caps=Caps(cost_nano=3_000))
    monkeypatch.setattr(home.rooms.engine.runner._making, "_around", capped)
    await home.bot(GREETER, "Greeter")
    source = f"""
    last {{ "goal": "Greet", "model": "last" }}
    chain {{ {CALLER} {CALLER} last }}
    """
    execution = await home.run(source, "Ann")
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error["kind"] == "budget_exceeded"
    assert (gateway.calls["greet"], gateway.calls["last"]) == (2, 0)


async def test_a_demo_run_starts_demo_runs(home: Home) -> None:
    await home.bot(GREETER, "Greeter")
    execution = await home.run(CALLER, "Ann", mode=DEMO)
    assert (await child_of(execution)).mode is DEMO


async def test_the_published_version_is_what_runs(home: Home, gateway: ScriptedGateway) -> None:
    from server.bots import drafts, publishing

    bot = await home.bot(GREETER, "Greeter")
    await publishing.publish(home.owner, bot.id)
    await drafts.save(home.owner, bot.id, GREETER.replace('greet"', 'draft"'), 1)
    execution = await home.run(CALLER, "Ann")
    assert execution.output["output"] == "Hello!"
    assert await Step.filter(model="draft-1").count() == 0


async def test_a_token_for_some_bots_reaches_no_others_through_them(  # S14
    home: Home, gateway: ScriptedGateway
) -> None:
    greeter = await home.bot(GREETER, "Greeter")
    middle = await home.bot(CALLER, "Middle")
    source = 'use spawn_baleybot with { baleybot: "Middle", input: "{{input}}" }'
    caller = await home.bot(f"chain {{ {source} processor ('t') {{ '$trigger.bots' }} }}")

    async def ran(*allowed: Bot) -> Execution:
        narrowed = replace(home.owner, bot_ids=frozenset(bot.id for bot in allowed))
        request = StartRequest(caller.id, "Ann")
        return await home.ended(await executions.start(narrowed, home.rooms.engine, request))

    for allowed, missing in (((caller,), "Middle"), ((caller, middle), "Greeter")):
        refused = await ran(*allowed)
        assert refused.error["kind"] == "tool_forbidden"
        assert missing in refused.error["message"]
    assert gateway.calls == {}
    whole = await ran(caller, middle, greeter)
    assert (whole.status, whole.output) == (ExecutionStatus.COMPLETED, None)
    narrowed = replace(home.owner, bot_ids=frozenset({caller.id}))
    again = await rerun(
        narrowed, home.rooms.engine, RerunRequest(whole.id, "chain/use:spawn_baleybot")
    )
    assert (await home.ended(again)).error["kind"] == "tool_forbidden"
