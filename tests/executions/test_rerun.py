"""An execution done again from a step: what stands before it is taken over at no cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.bots import drafts
from server.core.errors import Conflict, Invalid, InvalidState, NotFound
from server.core.ids import new_uuid
from server.executions import marks
from server.executions import service as executions
from server.executions.inputs import InputRefused
from server.executions.rerun import RerunRequest, rerun
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ExecutionStatus, TriggerKind
from server.models.tables import Approval, Execution, Step, Usage, Workspace
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

ENTITIES = "".join(f'{name} {{ "goal": "Do", "model": "m{name}" }}\n' for name in "abcde")
FIVE = ENTITIES + "chain { a b c d e }"
BROKEN = ModelError(ModelErrorKind.BAD_REQUEST, "No.")
DONE = ExecutionStatus.COMPLETED


@pytest.fixture
def gateway() -> ScriptedGateway:
    """Each model adds its name to what it is given."""
    gateway = ScriptedGateway()
    for name in "abcde":
        gateway.answers[f"m{name}"] = [lambda asked, name=name: asked.messages[-1].content + name]
    return gateway


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def again(home: Home, execution: Execution, **given: Any) -> Execution:
    request = RerunRequest(execution.id, **given)
    return await home.ended(await rerun(home.owner, home.rooms.engine, request))


async def steps_of(home: Home, execution: Execution) -> dict[str, Step]:
    return {step.name: step for step in await executions.steps(home.owner, execution.id)}


async def test_from_step_three_with_an_edited_result_of_step_two(
    home: Home, gateway: ScriptedGateway
) -> None:
    first = await home.run(FIVE, "x")
    assert first.output == "xabcde"
    gateway.calls.clear()
    second = await again(home, first, from_step="chain/c", outputs={"chain/b": "EDITED"})
    assert (second.status, second.output) == (DONE, "EDITEDcde")
    assert gateway.calls == {"mc": 1, "md": 1, "me": 1}
    assert (second.forked_from_id, second.forked_from_step) == (first.id, "chain/c")
    assert second.trigger_kind is TriggerKind.RERUN
    assert second.cost_nano == 6_000
    assert await Usage.filter(execution_id=second.id).count() == 3
    steps = await steps_of(home, second)
    assert [steps[name].reused for name in "abcde"] == [True, True, False, False, False]
    assert [steps[name].cost_nano for name in "ab"] == [0, 0]
    assert steps["a"].output == "xa"
    events = await home.events(second)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    reused = [event["stepKey"] for event in events if (event["data"] or {}).get("reused")]
    assert reused == ["chain/a", "chain/b"]
    assert events[0]["data"]["fromStep"] == "chain/c"
    assert (await executions.get(home.owner, first.id)).output == "xabcde"


async def test_a_failed_one_goes_on_where_it_failed(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["mc"] = [BROKEN]
    first = await home.run(FIVE, "x")
    assert first.status is ExecutionStatus.FAILED
    gateway.answers["mc"] = ["mended"]
    gateway.calls.clear()
    second = await again(home, first)
    assert (second.status, second.output) == (DONE, "mendedde")
    assert second.forked_from_step == "chain/c"
    assert gateway.calls == {"mc": 1, "md": 1, "me": 1}


async def test_the_failed_step_itself_can_be_passed_by(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["mc"] = [BROKEN]
    first = await home.run(FIVE, "x")
    second = await again(home, first, outputs={"chain/c": "by hand"})
    assert (second.status, second.output) == (DONE, "by handde")


async def test_a_whole_one_begins_at_the_beginning(home: Home, gateway: ScriptedGateway) -> None:
    first = await home.run(FIVE, "x")
    second = await again(home, first, input="y")
    assert (second.output, gateway.calls["ma"]) == ("yabcde", 2)


async def test_with_the_present_draft(home: Home, gateway: ScriptedGateway) -> None:
    bot = await home.bot(FIVE)
    first = await home.ended(await home.start(bot, "x"))
    await drafts.save(home.owner, bot.id, FIVE.replace("d e }", "e }"), 1)
    second = await again(home, first, from_step="chain/c", version="draft")
    assert (second.output, second.version_id == first.version_id) == ("xabce", False)
    with pytest.raises(Invalid, match="no step `chain/d`"):
        await again(home, first, from_step="chain/d", version="draft")


async def test_other_branches_and_items_are_kept(home: Home, gateway: ScriptedGateway) -> None:
    source = ENTITIES + (
        'chain { parallel { "l": chain { a b } "r": c } '
        'processor ("three") { "[result.l, result.r, \'z\']" } map (result) { d } }'
    )
    first = await home.run(source, "x")
    assert first.status is DONE, first.error
    gateway.calls.clear()
    keys = {
        row.name: row.key for row in await Step.filter(execution_id=first.id) if row.name in "abc"
    }
    second = await again(home, first, from_step=keys["b"])
    assert gateway.calls == {"mb": 1, "md": 3}
    assert second.output == first.output
    gateway.calls.clear()
    item = next(
        row.key for row in await Step.filter(execution_id=first.id) if row.key.endswith("[1]/d")
    )
    third = await again(home, first, from_step=item)
    assert gateway.calls == {"md": 1}
    assert third.output == first.output


async def test_rounds_of_a_loop_before_it_are_kept(home: Home, gateway: ScriptedGateway) -> None:
    first = await home.run(ENTITIES + 'loop ("until": "false", "max": 3) { a b }', "x")
    assert first.output == "xababab"
    gateway.calls.clear()
    keys = sorted(row.key for row in await Step.filter(execution_id=first.id, name="b"))
    second = await again(home, first, from_step=keys[1])
    assert second.output == "xababab"
    assert gateway.calls == {"ma": 1, "mb": 2}


async def test_a_handled_failure_is_taken_over_as_it_was(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["mb"] = [BROKEN]
    first = await home.run(ENTITIES + "chain { a b on_error skip c }", "x")
    assert first.output == "xac"
    second = await again(home, first, from_step="chain/c")
    assert (second.output, gateway.calls["mb"]) == ("xac", 1)


async def test_calculations_can_be_edited(home: Home, gateway: ScriptedGateway) -> None:
    source = ENTITIES + 'chain { a processor ("mark") { "result + \'!\'" } b }'
    first = await home.run(source, "x")
    assert first.output == "xa!b"
    key = next(row.key for row in await Step.filter(execution_id=first.id, name="mark"))
    second = await again(home, first, from_step="chain/b", outputs={key: "other"})
    assert second.output == "otherb"
    assert gateway.calls["ma"] == 1


async def test_a_repeat_can_be_repeated(home: Home, gateway: ScriptedGateway) -> None:
    first = await home.run(FIVE, "x")
    second = await again(home, first, from_step="chain/c", outputs={"chain/b": "B"})
    third = await again(home, second, from_step="chain/e")
    assert third.output == "Bcde"
    assert third.forked_from_id == second.id
    assert gateway.calls == {"ma": 1, "mb": 1, "mc": 2, "md": 2, "me": 3}


async def test_what_cannot_be_done_again_is_refused_and_stores_nothing(
    home: Home, gateway: ScriptedGateway
) -> None:
    typed = 'a { "goal": "g", "model": "ma", "input": { "n": "integer" } }'
    first = await home.run(FIVE, "x")
    strict = await home.run(typed, {"n": 1})
    elsewhere = await Workspace.create(name="Elsewhere")
    stranger = replace(home.owner, workspace_id=elsewhere.id)
    engine = home.rooms.engine
    before = await Execution.all().count()
    with pytest.raises(Invalid, match="no step `chain/z`"):
        await again(home, first, from_step="chain/z")
    with pytest.raises(Invalid, match="No finished step"):
        await again(home, first, from_step="chain/c", outputs={"chain/z": 1})
    with pytest.raises(InputRefused):
        await again(home, strict, input={"n": "many"})
    for viewer, wanted in ((stranger, first.id), (home.owner, new_uuid())):
        with pytest.raises(NotFound):
            await rerun(viewer, engine, RerunRequest(wanted))
    gateway.hold("ma")
    running = await home.start(await home.bot(FIVE, "Slow"), "x")
    await gateway.asked["ma"].wait()
    with pytest.raises(InvalidState, match="only an ended one"):
        await again(home, running)
    assert await Execution.all().count() == before + 1
    gateway.held["ma"].set()
    await home.ended(running)


async def test_large_results_are_taken_over_whole(home: Home, gateway: ScriptedGateway) -> None:
    long = "long " * 300_000
    gateway.answers["ma"] = [long]
    gateway.answers["mb"] = [lambda asked: str(len(asked.messages[-1].content))]
    first = await home.run(ENTITIES + "chain { a b }", "x")
    second = await again(home, first, from_step="chain/b")
    assert second.output == first.output == str(len(long))
    await first.delete()
    third = await again(home, second, from_step="chain/b")
    assert third.output == str(len(long))
    assert gateway.calls == {"ma": 1, "mb": 3}


async def test_from_a_place_in_its_log(home: Home, gateway: ScriptedGateway) -> None:
    """S4-10.7: what was finished there is taken over, everything after it is done anew."""
    source = await home.run(FIVE, "x")
    places = await marks.snapshots(home.owner, source.id)
    checkpoints = [place for place in places if place.kind == "checkpoint"]
    assert places[0].kind == "start"
    assert (places[-1].kind, places[-1].bookmarked) == ("completion", True)
    before = dict(gateway.calls)
    request = RerunRequest(source.id, from_seq=checkpoints[0].seq)
    repeat = await home.ended(await rerun(home.owner, home.rooms.engine, request))
    assert (repeat.status, repeat.output) == (source.status, source.output)
    new = {name: gateway.calls[name] - before.get(name, 0) for name in gateway.calls}
    assert sorted(new.values()) == [0] + [1] * (len(checkpoints) - 1)
    wrong = RerunRequest(source.id, from_seq=source.last_seq + 1)
    with pytest.raises(Invalid):
        await rerun(home.owner, home.rooms.engine, wrong)


async def test_places_are_marked_by_people(home: Home) -> None:
    source = await home.run(FIVE, "x")
    clock = home.rooms.clock
    made = await marks.add(home.owner, clock, source.id, 3, "  Look here ")
    assert made.label == "Look here"
    own = [one for one in await marks.snapshots(home.owner, source.id) if one.kind == "manual"]
    assert [(one.seq, one.bookmarked) for one in own] == [(3, True)]
    with pytest.raises(Conflict):
        await marks.add(home.owner, clock, source.id, 3, "Again")
    for seq, label in ((0, "x"), (source.last_seq + 1, "x"), (1, " ")):
        with pytest.raises(Invalid):
            await marks.add(home.owner, clock, source.id, seq, label)
    assert made.bookmark_id is not None
    await marks.remove(home.owner, made.bookmark_id)
    with pytest.raises(NotFound):
        await marks.remove(home.owner, made.bookmark_id)


async def test_another_model_is_asked_in_the_place_of_one_that_cannot_be_reached(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Also when the first one was refused before the first step."""
    gateway.unreachable["mc"] = ModelError(ModelErrorKind.MODEL_UNKNOWN, "No such model.")
    first = await home.run(FIVE, "x")
    assert (first.status, first.error["kind"]) == (ExecutionStatus.FAILED, "model_unknown")
    second = await again(home, first, models={"c": "me"})
    assert (second.status, second.output) == (DONE, "xabede")
    step = (await steps_of(home, second))["c"]
    assert step.requested_model == "me"
    told = [one for one in await home.events(second) if one["type"] == "entity.modified"]
    assert [(one["data"]["name"], one["data"]["model"]) for one in told] == [("c", "me")]
    third = await again(home, second)
    assert third.error["kind"] == "model_unknown"  # the program itself is as it was


@pytest.mark.parametrize(("models", "path"), [({"z": "me"}, "z"), ({"c": "no model"}, "c")])
async def test_another_model_needs_an_entity_and_a_name(
    home: Home, models: dict[str, str], path: str
) -> None:
    first = await home.run(FIVE, "x")
    with pytest.raises(Invalid) as refused:
        await again(home, first, models=models)
    assert list(refused.value.path or ()) == ["models", path]


async def test_an_input_that_was_edited_is_of_that_execution(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["mb"] = [BROKEN, lambda asked: asked.messages[-1].content + "b"]
    started = await home.start(await home.bot(ENTITIES + "chain { a b on_error pause }"), "x")
    await home.until(started, ExecutionStatus.WAITING)
    question = await Approval.get(execution_id=started.id)
    answer = Answer("modify", arguments="edited")
    await approvals.decide(home.owner, home.rooms.engine, question.id, answer)
    first = await home.ended(started)
    assert first.output == "editedb"
    assert (await again(home, first, from_step="chain/b")).output == "xab"
