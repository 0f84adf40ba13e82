"""The walker where meaning alone does not show: what runs at once, what is cancelled, what a
replay calls again, and how a program stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.engine import walk as walking
from server.engine.host import (
    Cancelled,
    EntityCall,
    Failure,
    Limits,
    Outcome,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    Suspended,
)
from server.engine.walker import NO_INPUT, walk
from tests.engine.rig import Answer, Rig, echo, planned


def together(parties: int) -> tuple[Answer, list[int]]:
    """Answers only once `parties` calls are under way; notes how many ever were at once."""
    barrier = asyncio.Barrier(parties)
    under_way: list[int] = []
    most: list[int] = [0]

    async def answer(call: EntityCall) -> Any:
        under_way.append(1)
        most[0] = max(most[0], len(under_way))
        await asyncio.wait_for(barrier.wait(), 5)
        under_way.pop()
        return call.input

    return answer, most


async def test_branches_really_run_at_once() -> None:
    answer, most = together(4)
    outcome = await walk(planned("parallel { a b c chain { select { x: 1 } d } }"), 1, Rig(answer))
    assert outcome.status == "completed"
    assert most == [4]


async def test_items_of_a_map_run_at_once_and_stay_in_order() -> None:
    answer, most = together(5)
    outcome = await walk(planned("map result { a }"), [5, 4, 3, 2, 1], Rig(answer))
    assert outcome.output == [5, 4, 3, 2, 1]
    assert most == [5]


async def test_items_of_a_filter_body_run_at_once() -> None:
    answer, most = together(3)
    outcome = await walk(planned('filter ("item > 1") { a }'), [1, 2, 3, 4], Rig(answer))
    assert outcome.output == [2, 3, 4]
    assert most == [3]


async def test_a_map_starts_twenty_at_once_unless_told() -> None:
    answer, most = together(20)
    await walk(planned("map result { a }"), list(range(60)), Rig(answer))
    assert most == [20]


@pytest.mark.parametrize(
    ("source", "value"),
    [("map (result, concurrency: 2) { a }", [1] * 8), ("parallel (concurrency: 2) { a b c d }", 1)],
)
async def test_concurrency_is_kept(source: str, value: Any) -> None:
    answer, most = together(2)
    outcome = await walk(planned(source), value, Rig(answer))
    assert outcome.status == "completed"
    assert most == [2]


async def test_concurrency_stays_within_the_limit_of_the_workspace() -> None:
    answer, most = together(2)
    rig = Rig(answer)
    rig.limits = Limits(items_at_once=2, branches_at_once=2)
    await walk(planned("map (result, concurrency: 50) { a }"), [1] * 8, rig)
    await walk(planned("parallel { a b c d }"), 1, rig)
    assert most == [2]


async def test_the_first_failure_cancels_the_siblings() -> None:
    others_wait = asyncio.Barrier(3)

    async def answer(call: EntityCall) -> Any:
        if call.entity.name == "c":
            return "finished before"
        await others_wait.wait()
        if call.entity.name == "a":
            raise StepFailed("entity_failed", "first")
        await asyncio.Event().wait()

    rig = Rig(answer)
    source = "chain { parallel { a b c chain { d a } } b }"
    outcome = await walk(planned(source), 1, rig)
    assert outcome.error == Failure("entity_failed", "first", "a")
    block = "chain/parallel"
    assert rig.statuses == {
        "chain": "failed",
        block: "failed",
        f"{block}/branch_0/a": "failed",
        f"{block}/branch_1/b": "cancelled",
        f"{block}/branch_2/c": "completed",
        f"{block}/branch_3/chain": "cancelled",
        f"{block}/branch_3/chain/d": "cancelled",
        "chain/b": "skipped",
    }


async def test_branches_that_never_began_are_skipped() -> None:
    async def answer(call: EntityCall) -> Any:
        raise StepFailed("entity_failed", "at once")

    rig = Rig(answer)
    await walk(planned("parallel (concurrency: 1) { a b }"), 1, rig)
    assert rig.statuses["parallel/branch_1/b"] == "skipped"
    assert rig.called == ["parallel/branch_0/a"]


async def test_a_failing_item_cancels_the_others() -> None:
    barrier = asyncio.Barrier(3)

    async def answer(call: EntityCall) -> Any:
        await barrier.wait()
        if call.input == "bad":
            raise StepFailed("entity_failed", "bad item")
        await asyncio.Event().wait()

    rig = Rig(answer)
    outcome = await walk(planned("map result { a }"), ["x", "bad", "y"], rig)
    assert outcome.status == "failed"
    assert rig.statuses["map[0]/a"] == "cancelled"
    assert rig.statuses["map[1]/a"] == "failed"


EVERYTHING = """
run({ items: ["x", "y", "z"] })
parallel { "left": a => l chain { b => r } } => both
map input.items { a with { i: index } } => mapped
loop ("until": "iteration == 2", "max": 5) { b }
try ("retries": 1) { c } catch { d }
route (d) { "known": a default: use note with { text: "{{result}} {{$run.cost}}" } }
if ("$run.cost == 0") { a } else { b }
select { l: $l, r: $r, m: $mapped, last: result, cost: $run.cost }
"""


async def test_a_replay_calls_nothing_again_and_says_the_same() -> None:
    fails: list[str] = []

    async def answer(call: EntityCall) -> Any:
        if call.entity.name == "c":
            fails.append(call.key)
            raise StepFailed("rate_limited", "too fast")
        return f"{call.entity.name}{len(call.key)}"

    program = planned(EVERYTHING)
    first = Rig(answer)
    outcome = await walk(program, NO_INPUT, first)
    assert outcome.status == "completed"
    assert len(fails) == 2

    again = Rig(answer, first.recorded)
    again.cost = 5_000
    assert await walk(program, NO_INPUT, again) == outcome
    assert again.called == []
    assert again.statuses == first.statuses


async def test_a_walk_that_was_cut_goes_on_where_it_was() -> None:
    """After every single call the process dies; each call is made exactly once."""
    program = planned(EVERYTHING.replace("c }", "a }"))
    whole = Rig(echo)
    wanted = await walk(program, NO_INPUT, whole)

    recorded: dict[str, Recorded] = {}
    called: list[str] = []
    outcome: Outcome | None = None
    for _ in range(50):
        rig = Rig(echo, recorded)

        def stop_after_one(rig: Rig = rig) -> None:
            if rig.called:
                raise Suspended

        rig.checkpoint = stop_after_one
        try:
            outcome = await walk(program, NO_INPUT, rig)
        except Suspended:
            outcome = None
        called += rig.called
        recorded = rig.recorded
        if outcome is not None and not rig.called:
            break
    assert outcome == wanted
    assert sorted(called) == sorted(whole.called)
    assert len(set(called)) == len(called)


async def test_rounds_items_and_attempts_have_keys_of_their_own() -> None:
    source = 'map result { loop ("max": 2) { try ("retries": 1) { a } } }'
    tries: list[str] = []

    async def answer(call: EntityCall) -> Any:
        tries.append(call.key)
        if "[2]/body" not in call.key:
            raise StepFailed("entity_failed", "once")
        return call.input

    rig = Rig(answer)
    rig.limits = Limits(items_at_once=1)
    await walk(planned(source), ["x"], rig)
    assert tries == [
        "map[0]/loop[1]/try/body/a",
        "map[0]/loop[1]/try[2]/body/a",
        "map[0]/loop[2]/try/body/a",
        "map[0]/loop[2]/try[2]/body/a",
    ]


async def test_every_started_step_has_a_parent_that_started_before() -> None:
    rig = Rig(echo)
    await walk(planned(EVERYTHING), NO_INPUT, rig)
    seen: set[str] = set()
    for step in rig.started:
        assert step.parent_key is None or step.parent_key in seen
        assert step.key not in seen
        seen.add(step.key)
    assert [step.position for step in rig.started] == list(range(1, len(rig.started) + 1))


async def test_cancel_stops_before_the_next_step() -> None:
    rig = Rig(echo)

    def cancel_after_two() -> None:
        if len(rig.called) == 2:
            raise Cancelled

    rig.checkpoint = cancel_after_two
    outcome = await walk(planned("try { chain { a b c on_error skip } } catch { d }"), 1, rig)
    assert outcome.status == "cancelled"
    assert outcome.output is None
    assert rig.called == ["try/body/chain/a", "try/body/chain/b"]
    assert rig.statuses["try"] == "cancelled"


async def test_cancel_in_one_branch_stops_all() -> None:
    barrier = asyncio.Barrier(2)

    async def answer(call: EntityCall) -> Any:
        await barrier.wait()
        if call.entity.name == "a":
            raise Cancelled
        await asyncio.Event().wait()

    rig = Rig(answer)
    outcome = await walk(planned("try { parallel (errors: collect) { a b } } catch { c }"), 1, rig)
    assert outcome.status == "cancelled"
    assert set(rig.statuses.values()) == {"cancelled"}


async def test_a_walk_that_is_cancelled_from_outside_leaves_no_task_behind() -> None:
    begun = asyncio.Event()
    ended: list[str] = []

    async def answer(call: EntityCall) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(call.key)

    running = asyncio.create_task(walk(planned("parallel { a b }"), 1, Rig(answer)))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(ended) == 2


async def test_a_branch_that_waits_lets_the_others_end_first() -> None:
    async def answer(call: EntityCall) -> Any:
        if call.entity.name == "a":
            raise Suspended
        return "done"

    rig = Rig(answer)
    with pytest.raises(Suspended):
        await walk(planned("try { parallel { a chain { b c } } } catch { d }"), 1, rig)
    assert rig.statuses["try/body/parallel/branch_1/chain/c"] == "completed"
    assert rig.statuses["try/body/parallel/branch_0/a"] == "running"


async def test_a_branch_that_waits_ends_with_the_block_that_fails() -> None:
    async def answer(call: EntityCall) -> Any:
        if call.entity.name == "a":
            raise Suspended
        raise StepFailed("entity_failed", "no")

    rig = Rig(answer)
    source = "try { parallel { chain { chain { a } } b } } catch { select { x: 1 } }"
    outcome = await walk(planned(source), 1, rig)
    assert outcome.output == {"x": 1}
    block = "try/body/parallel"
    assert rig.statuses == {
        "try": "completed",
        block: "failed",
        f"{block}/branch_0/chain": "cancelled",
        f"{block}/branch_0/chain/chain": "cancelled",
        f"{block}/branch_0/chain/chain/a": "cancelled",
        f"{block}/branch_1/b": "failed",
        "try/catch/select:x": "completed",
    }


async def test_a_step_that_fails_for_good_has_no_output() -> None:
    ends: list[StepEnd] = []
    rig = Rig(echo)
    rig.limits = Limits(items=1)
    rig.step_ended = ends.append  # type: ignore[method-assign]
    await walk(planned("map result { a } on_error continue with 5"), [1, 2], rig)
    assert [(end.status, end.output, end.handled) for end in ends] == [("failed", None, None)]


async def test_limits_of_the_workspace_cannot_be_caught() -> None:
    rig = Rig(echo)
    rig.limits = Limits(items=2)
    source = "try { map (result, errors: collect) { a } on_error skip } catch { b } finally { c }"
    outcome = await walk(planned(source), [1, 2, 3], rig)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.kind == "budget_exceeded"
    assert rig.called == []


async def test_a_run_has_a_limit_of_steps() -> None:
    rig = Rig(echo)
    rig.limits = Limits(steps=5)
    outcome = await walk(planned('map result { processor("p") { "item" } }'), [0] * 50, rig)
    assert outcome.error is not None
    assert outcome.error.kind == "budget_exceeded"
    assert len(rig.started) == 5


ABOVE_AVERAGE = 'filter ("item > sum(input) / length(input)") { }'


@pytest.mark.parametrize(
    ("source", "items"),
    [('map result { processor("p") { "item" } }', 5000), (ABOVE_AVERAGE, 400)],
    ids=["map", "filter"],
)
async def test_long_calculations_let_others_go_on(
    source: str, items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "BREATH_SECONDS", 0.001)
    breaths = 0
    done = asyncio.Event()

    async def count() -> None:
        nonlocal breaths
        while not done.is_set():
            breaths += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await walk(planned(source), [0] * items, Rig(echo))
    done.set()
    await counting
    assert breaths > 10


async def test_a_long_filter_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "BREATH_SECONDS", 0.001)
    rig = Rig(echo)
    looks = 0

    def cancelled_at_the_third_look() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise Cancelled

    rig.checkpoint = cancelled_at_the_third_look
    outcome = await walk(planned(ABOVE_AVERAGE), [0] * 400, rig)
    assert outcome.status == "cancelled"


@pytest.mark.parametrize(
    ("remedy", "output", "calls"),
    [
        (Remedy("retry"), "second time", 2),
        (Remedy("skip"), "in", 1),
        (Remedy("continue", {"n": 0}), {"n": 0}, 1),
    ],
)
async def test_a_person_decides_about_a_paused_step(
    remedy: Remedy, output: Any, calls: int
) -> None:
    async def answer(call: EntityCall) -> Any:
        if len(rig.called) == 1:
            raise StepFailed("entity_failed", "no")
        return "second time"

    rig = Rig(answer)
    rig.remedies = [remedy]
    rig.recall = lambda key: None  # type: ignore[method-assign]
    outcome = await walk(planned("chain { a on_error pause }"), "in", rig)
    assert outcome.output == output
    assert len(rig.called) == calls


async def test_a_person_lets_a_paused_step_fail() -> None:
    async def answer(call: EntityCall) -> Any:
        raise StepFailed("entity_failed", "no")

    rig = Rig(answer)
    rig.remedies = [Remedy("fail")]
    outcome = await walk(planned("chain { a on_error pause }"), "in", rig)
    assert outcome.error == Failure("entity_failed", "no", "a")


async def test_cancelling_while_a_person_is_asked_ends_the_step() -> None:
    async def answer(call: EntityCall) -> Any:
        raise StepFailed("entity_failed", "no")

    async def ask(key: str, failure: Failure) -> Remedy:
        raise Cancelled

    rig = Rig(answer)
    rig.ask_for_remedy = ask  # type: ignore[method-assign]
    outcome = await walk(planned("chain { a on_error pause }"), "in", rig)
    assert outcome.status == "cancelled"
    assert set(rig.statuses.values()) == {"cancelled"}


async def test_the_delay_of_try_is_waited_for() -> None:
    async def answer(call: EntityCall) -> Any:
        raise StepFailed("entity_failed", "no")

    rig = Rig(answer)
    source = 'try ("retries": 2, "delay": 1500) { a } catch { select { x: 1 } }'
    outcome = await walk(planned(source), 1, rig)
    assert outcome.output == {"x": 1}
    assert rig.waited == [("try[1]#delay", 1.5), ("try[2]#delay", 1.5)]


async def test_an_entity_with_a_trigger_of_its_own_runs_alone() -> None:
    source = 'e { goal: "g" trigger: "schedule:daily@9am" }\nchain { a b }'
    program = planned(source)
    rig = Rig(echo)
    outcome = await walk(program, "tick", rig, entry="e")
    assert outcome.output == "tick"
    assert rig.called == ["e"]
    assert [entry.name for entry in program.entries] == ["e"]


async def test_a_block_without_models_starts_no_task() -> None:
    before = asyncio.all_tasks()
    seen: list[set[asyncio.Task[Any]]] = []
    rig = Rig(echo)
    rig.checkpoint = lambda: seen.append(asyncio.all_tasks() - before)
    source = 'parallel { processor("p") { "1" } chain { select { x: 1 } } }'
    await walk(planned(source), 1, rig)
    assert seen
    assert not any(seen)
