"""What failed is done again, all of it and nothing else: seen by what the models are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.bots import drafts
from server.core.errors import Invalid
from server.executions.foreseeing import foresee
from server.executions.rerun import RerunRequest, rerun
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ExecutionStatus
from server.models.tables import Approval, Execution, Step
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.waiting import until

ENTITIES = "".join(f'{name} {{ "goal": "Do", "model": "m{name}" }}\n' for name in "abcd")
DONE, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED


def four(errors: str) -> str:
    return ENTITIES + f"parallel (errors: {errors}) {{ a b c d }}"


def refused(name: str) -> ModelError:
    return ModelError(ModelErrorKind.BAD_REQUEST, f"No {name}.")


@pytest.fixture
def gateway() -> ScriptedGateway:
    gateway = ScriptedGateway()
    for name in "abcd":
        gateway.answers[f"m{name}"] = [well(name)]
    return gateway


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=gateway) as home:
        yield home


def well(name: str) -> Any:
    return lambda asked: asked.messages[-1].content + name


def fails(gateway: ScriptedGateway, *names: str) -> None:
    for name in names:
        gateway.answers[f"m{name}"] = [refused(name)]


def mended(gateway: ScriptedGateway) -> None:
    for name in "abcd":
        gateway.answers[f"m{name}"] = [well(name)]
    gateway.calls.clear()


async def again(home: Home, execution: Execution, **given: Any) -> Execution:
    request = RerunRequest(execution.id, **given)
    return await home.ended(await rerun(home.owner, home.rooms.engine, request))


async def reused(execution: Execution) -> set[str]:
    return {row.key for row in await Step.filter(execution_id=execution.id) if row.reused}


@pytest.mark.parametrize("errors", ["stop", "wait"])
async def test_every_branch_that_failed_is_done_again(
    home: Home, gateway: ScriptedGateway, errors: str
) -> None:
    fails(gateway, "b", "d")
    first = await home.run(four(errors), "x")
    assert first.status is FAILED
    done = [row.name for row in await Step.filter(execution_id=first.id, status="completed")]
    mended(gateway)
    second = await again(home, first)
    assert (second.status, second.output) == (
        DONE,
        {f"branch_{n}": f"x{name}" for n, name in enumerate("abcd")},
    )
    assert gateway.calls == {f"m{name}": 1 for name in "abcd" if name not in done}
    assert {"mb", "md"} <= set(gateway.calls)


async def test_beginning_at_one_of_them_leaves_no_other_one_failed(
    home: Home, gateway: ScriptedGateway
) -> None:
    fails(gateway, "b", "d")
    first = await home.run(four("wait"), "x")
    mended(gateway)
    second = await again(home, first, from_step="parallel/branch_1/b")
    assert (second.status, gateway.calls) == (DONE, {"mb": 1, "md": 1})


def odd(name: str) -> Any:
    def answer(asked: Any) -> Any:
        said = asked.messages[-1].content
        return refused(said) if int(said[0]) % 2 else said + name

    return answer


@pytest.mark.parametrize("errors", ["collect", "skip"])
async def test_only_the_items_that_failed_are_done_again(
    home: Home, gateway: ScriptedGateway, errors: str
) -> None:
    """A2, map: "resume only failed items"."""
    gateway.answers["mb"] = [odd("b")]
    items = [str(number) for number in range(6)]
    first = await home.run(
        ENTITIES + f"chain {{ map (input.all, errors: {errors}) {{ a b }} }}", {"all": items}
    )
    assert first.status is DONE
    assert len(first.output) == (6 if errors == "collect" else 3)
    mended(gateway)
    request = RerunRequest(first.id, only_failed=True)
    foreseen = await foresee(home.owner, home.rooms.engine, request)
    assert (len(foreseen.reused), len(foreseen.redone)) == (9, 3)
    second = await again(home, first, only_failed=True)
    assert second.output == [f"{number}ab" for number in range(6)]
    assert gateway.calls == {"mb": 3}
    with pytest.raises(Invalid, match="Nothing"):
        await again(home, second, only_failed=True)


async def test_what_the_program_went_on_without_is_done_again_with_what_follows(
    home: Home, gateway: ScriptedGateway
) -> None:
    fails(gateway, "b")
    first = await home.run(ENTITIES + "chain { a b on_error skip c }", "x")
    assert first.output == "xac"
    mended(gateway)
    second = await again(home, first, only_failed=True)
    assert (second.output, gateway.calls) == ("xabc", {"mb": 1, "mc": 1})


async def test_what_was_caught_stays_caught(home: Home, gateway: ScriptedGateway) -> None:
    fails(gateway, "a", "b", "d")
    source = ENTITIES + "chain { a on_error skip try { b } catch { c } d }"
    first = await home.run(source, "x")
    assert first.status is FAILED
    mended(gateway)
    second = await again(home, first)
    assert (second.output, gateway.calls) == ("xcd", {"md": 1})


async def test_an_attempt_that_failed_for_good_begins_anew(
    home: Home, gateway: ScriptedGateway
) -> None:
    fails(gateway, "b")
    first = await home.run(ENTITIES + 'try ("retries": 2) { a b } finally { c }', "x")
    assert (first.status, gateway.calls["mb"]) == (FAILED, 3)
    mended(gateway)
    second = await again(home, first)
    assert (second.output, gateway.calls) == ("xab", {"mb": 1, "mc": 1})


async def test_from_a_moment_a_stand_in_and_what_followed_it_stay_together(
    home: Home, gateway: ScriptedGateway
) -> None:
    fails(gateway, "a")
    first = await home.run(ENTITIES + 'chain { a on_error continue with "SUBST" b c }', "x")
    assert first.output == "SUBSTbc"
    mended(gateway)
    events = await home.events(first)
    done = {one["stepKey"]: one["seq"] for one in events if one["type"] == "step.completed"}
    second = await again(home, first, from_seq=done["chain/b"])
    assert (second.output, gateway.calls) == ("SUBSTbc", {"mc": 1})
    told = [one for one in await home.events(second) if one["type"] == "step.failed"]
    assert [(one["stepKey"], one["data"]["handled"]) for one in told] == [("chain/a", "continue")]


async def test_from_a_moment_a_failure_that_ended_it_gets_another_chance(
    home: Home, gateway: ScriptedGateway
) -> None:
    fails(gateway, "b", "d")
    first = await home.run(four("wait"), "x")
    mended(gateway)
    second = await again(home, first, from_seq=first.last_seq)
    assert (second.status, gateway.calls) == (DONE, {"mb": 1, "md": 1})


async def test_the_input_of_a_skipped_step_passes_on_however_large(
    home: Home, gateway: ScriptedGateway
) -> None:
    long = "long " * 210_000
    gateway.answers["ma"] = [long]
    fails(gateway, "b")
    gateway.answers["mc"] = [lambda asked: str(len(asked.messages[-1].content))]
    first = await home.run(ENTITIES + "chain { a b c }", "x")
    row = await Step.get(execution_id=first.id, name="b")
    second = await again(home, first, skip=("chain/b",))
    assert second.output == str(len(long))
    sign = row.input.to_json()
    third = await again(home, first, outputs={"chain/b": sign})
    assert third.output == str(len(long))
    with pytest.raises(Invalid, match="sign of a large value"):
        await again(home, second, outputs={"chain/b": sign})


async def test_places_to_begin_with_exclude_each_other(home: Home) -> None:
    first = await home.run(ENTITIES + "chain { a }", "x")
    for given in ({"from_step": "a", "from_seq": 1}, {"from_seq": 1, "only_failed": True}):
        with pytest.raises(Invalid, match="not both"):
            await again(home, first, **given)
    with pytest.raises(Invalid, match="has no step `chain/a#1`"):
        await again(home, first, from_step="chain/a#1")
    with pytest.raises(Invalid, match="another result or be skipped, not both") as refused:
        await again(home, first, outputs={"chain/a": "x"}, skip=("chain/a",))
    assert list(refused.value.path or ()) == ["skip"]


@pytest.mark.slow
async def test_a_step_with_a_long_name_is_named_like_any_other(
    home: Home, gateway: ScriptedGateway
) -> None:
    shape = ", ".join(f"number_{n}_of_them: result" for n in range(5))
    fails(gateway, "c", "d")
    source = f'chain {{ parallel {{ "{"x" * 70}": c on_error pause }} select {{ {shape} }} d }}'
    first = await home.start(await home.bot(ENTITIES + source), "x")
    question = await until(lambda: Approval.get_or_none(execution_id=first.id))
    assert question is not None
    skip = Answer("choose", action="skip")
    await approvals.decide(home.owner, home.rooms.engine, question.id, skip)
    first = await home.ended(first)
    mended(gateway)
    second = await again(home, first)
    assert (second.status, gateway.calls) == (DONE, {"md": 1})
    rows = await Step.filter(execution_id=first.id, type="select")
    third = await again(home, first, from_step=rows[0].key)
    assert (third.status, gateway.calls) == (DONE, {"md": 2})


async def test_an_edited_calculation_before_the_first_call_counts(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Nothing else is taken over then, and its log tells of nothing."""
    source = ENTITIES + 'chain { processor ("mark") { "result + \'!\'" } a }'
    first = await home.run(source, "x")
    assert first.output == "x!a"
    second = await again(home, first, from_step="chain/a", outputs={"chain/processor:mark": "new"})
    assert second.output == "newa"


async def test_what_the_draft_does_not_have_is_not_taken_over(
    home: Home, gateway: ScriptedGateway
) -> None:
    first = await home.run(ENTITIES + "chain { a b c }", "x")
    await drafts.save(home.owner, first.bot_id, ENTITIES + "chain { a d c }", 1)
    second = await again(home, first, from_step="chain/c", version="draft")
    assert second.output == "xadc"
    assert await reused(second) == {"chain/a"}


async def test_what_a_caught_failure_broke_off_is_not_begun_again(
    home: Home, gateway: ScriptedGateway
) -> None:
    source = ENTITIES + "chain { try { parallel { a b } } catch { c } d }"
    held = gateway.hold("ma")
    fails(gateway, "b")
    first = await home.run(source, "x")
    assert first.output == "xcd"
    held.set()
    mended(gateway)
    second = await again(home, first, from_step="chain/d")
    assert (second.output, gateway.calls) == ("xcd", {"md": 1})
    broken = await Step.get(execution_id=second.id, name="a")
    assert (broken.status, broken.reused) == ("cancelled", True)
    third = await again(home, second, from_step="chain/try/body/parallel/branch_1/b")
    assert (third.status, gateway.calls) == (DONE, {"ma": 1, "mb": 1, "md": 2})


async def test_the_estimate_leaves_out_what_a_sub_bot_has_finished(
    home: Home, gateway: ScriptedGateway
) -> None:
    await home.bot(ENTITIES + "chain { a b c }", "Inner")
    fails(gateway, "c")
    call = 'use spawn_baleybot with { baleybot: "Inner", input: "{{input}}" }'
    first = await home.run(call, "x")
    child = await Execution.get(parent_id=first.id)
    assert child.cost_nano > 0
    engine = home.rooms.engine
    retried = await foresee(home.owner, engine, RerunRequest(first.id))
    assert retried.redone_cost == 0
    anew = await foresee(home.owner, engine, RerunRequest(first.id, input="y"))
    assert anew.redone_cost == child.cost_nano


async def test_what_it_had_started_goes_on_where_it_failed_too(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Two levels down, and only with the same input."""
    await home.bot(ENTITIES + "chain { a b c }", "Inner")
    call = 'use spawn_baleybot with {{ baleybot: "{}", input: "{{{{input}}}}" }}'
    await home.bot(call.format("Inner"), "Middle")
    fails(gateway, "c")
    first = await home.run(call.format("Middle"), "x")
    assert first.status is FAILED
    mended(gateway)
    second = await again(home, first)
    assert (second.status, gateway.calls) == (DONE, {"mc": 1})
    middle = await Execution.get(parent_id=second.id)
    inner = await Execution.get(parent_id=middle.id)
    assert inner.output == "xabc"
    before = await Execution.get(parent_id=first.id)
    assert middle.forked_from_id == before.id
    assert inner.cost_nano == 2_000
    assert len(await reused(inner)) == 2
    gateway.calls.clear()
    third = await again(home, first, input="y")
    assert (third.status, gateway.calls) == (DONE, {"ma": 1, "mb": 1, "mc": 1})


async def test_a_block_or_a_calculation_that_failed_is_passed_by(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Nothing inside it is asked for that."""
    first = await home.run(ENTITIES + "chain { a map (result) { b } c }", "x")
    assert (first.status, first.error["kind"]) == (FAILED, "not_a_list")
    second = await again(home, first, from_step="chain/map", skip=("chain/map",))
    assert (second.status, second.output) == (DONE, "xac")
    gateway.calls.clear()
    third = await home.run(ENTITIES + 'chain { a when b { "pass": c } d }', "x")
    assert (third.status, gateway.calls) == (FAILED, {"ma": 1, "mb": 1})
    gateway.calls.clear()
    fourth = await again(home, third, outputs={"chain/when": "by hand"})
    assert (fourth.output, gateway.calls) == ("by handd", {"md": 1})
    gateway.calls.clear()
    fifth = await again(home, fourth, outputs={"chain/when": "another"})
    assert (fifth.output, gateway.calls) == ("anotherd", {"ma": 1, "md": 1})


async def test_for_another_result_of_a_block_nothing_in_it_is_paid_again(
    home: Home, gateway: ScriptedGateway
) -> None:
    """And what was captured in it is still there."""
    source = ENTITIES + "chain { a chain { b => kept c } d select { now: result, then: $kept } }"
    first = await home.run(source, "x")
    assert first.output == {"now": "xabcd", "then": "xab"}
    gateway.calls.clear()
    second = await again(home, first, outputs={"chain/chain": "other"})
    assert second.output == {"now": "otherd", "then": "xab"}
    assert gateway.calls == {"ma": 1, "md": 1}
