"""The plan as data: stored plans keep loading, keys stay where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.bal.checker import check
from server.bal.keys import LONGEST_KEY, child_key, step_keys
from server.bal.parser import parse
from server.bal.plan import VERSION, Needs, Plan, PlanUnreadable
from server.bal.plan_steps import CallStep, all_steps
from server.bal.planner import plan

PLANS = Path(__file__).parent / "plans"
SOURCE = (PLANS / "everything.v1.bal").read_text(encoding="utf-8")
STORED: dict[str, Any] = json.loads((PLANS / "everything.v1.json").read_text(encoding="utf-8"))


def planned(source: str) -> Plan:
    report = check(source)
    assert report.ok, report.diagnostics
    return plan(report.program)


def test_a_stored_plan_of_an_earlier_release_loads_and_means_the_same() -> None:
    """Its keys are its own: a run goes on under the keys it was recorded with."""
    old = Plan.from_json(STORED)
    assert without_keys(old) == without_keys(planned(SOURCE))
    assert [step.key for step in all_steps(old.root)][:2] == [
        "parallel:researcher",
        "parallel:researcher/facts/researcher",
    ]


def without_keys(one: Plan) -> dict[str, Any]:
    data = one.to_json()
    for row in data["steps"]["rows"]:
        del row["key"]
        row.pop("tail", None)
    return data


def test_todays_plan_comes_back_from_its_json() -> None:
    today = planned(SOURCE)
    assert Plan.from_json(json.loads(json.dumps(today.to_json()))) == today


def test_there_is_a_stored_plan_of_the_current_version() -> None:
    assert STORED["version"] == VERSION


def test_every_construct_stands_in_the_stored_plan() -> None:
    kinds = {step.type for step in all_steps(Plan.from_json(STORED).root)}
    words = "entity use chain parallel if gate loop map filter merge processor try route when"
    assert kinds == {*words.split(), "select"}


@pytest.mark.parametrize(
    "damage",
    [
        {"version": VERSION + 1},
        {"version": None},
        {"steps": {"root": [99], "rows": []}},
        {"steps": {"root": [0], "rows": [{"type": "teleport"}]}},
        {"steps": {"root": [0], "rows": [{"type": "entity", "surprise": 1}]}},
        {"entities": [{"goal": "nameless"}]},
        {"needs": {}},
        {"run": None},
    ],
)
def test_what_is_no_plan_is_refused_in_words(damage: dict[str, Any]) -> None:
    with pytest.raises(PlanUnreadable):
        Plan.from_json({**STORED, **damage})


def test_what_a_run_needs_is_known_ahead() -> None:
    stored = planned(SOURCE)
    assert stored.needs == Needs(
        models=("anthropic:claude-sonnet-4-5", "demo:standard", "openai:gpt-4o-mini"),
        tools=("web_search", "fetch_url", "send_notification", "store_memory", "note"),
        default_model=False,
    )
    assert not stored.pure
    assert stored.strict


def test_a_program_of_calculations_is_pure() -> None:
    assert planned('chain { select { a: 1 } parallel { processor("p") { "1" } } }').pure
    assert not planned("map result { use note }").pure


def test_an_entity_without_a_model_needs_the_default_one() -> None:
    assert planned('a { goal: "g" }').needs.default_model


def test_entities_with_triggers_outside_the_composition_are_entry_points() -> None:
    stored = planned(SOURCE)
    assert [entry.name for entry in stored.entries] == ["nightly"]
    assert [row["kind"] for row in stored.entries[0].triggers] == ["schedule", "webhook"]
    assert stored.entry("nightly") == (
        CallStep(key="nightly", tail="nightly", entity="nightly", pure=False),
    )
    with pytest.raises(KeyError):
        stored.entry("nobody")


def test_a_trigger_of_an_entity_inside_starts_the_composition() -> None:
    inside = planned('a { goal: "g" trigger: "webhook" }\nb { goal: "g" }\nchain { a b }')
    assert inside.entries == ()
    assert [row["kind"] for row in inside.triggers] == ["webhook"]


def test_without_a_composition_the_first_entity_is_the_root() -> None:
    alone = planned('a { goal: "g" }\nb { goal: "g" trigger: "webhook" }')
    assert [step.key for step in alone.root] == ["a"]
    assert [entry.name for entry in alone.entries] == ["b"]


@pytest.mark.parametrize(
    ("steps", "given", "gives"),
    [
        ("", "object { x: string }", "object { y: number }"),
        ("chain { a b }", "object { x: string }", None),
        ("chain { b chain { a } }", None, "object { y: number }"),
        ("parallel { a b }", None, None),
        ('chain { a } loop ("max": 2) { a }', "object { x: string }", None),
    ],
)
def test_what_a_run_takes_and_gives(steps: str, given: str | None, gives: str | None) -> None:
    a = 'a { goal: "g" input: { x: string } output: { y: number } }\n'
    found = planned(a + 'b { goal: "g" }\n' + steps)
    assert (found.input, found.output) == (given, gives)


@pytest.mark.parametrize(
    ("steps", "fewest", "most"),
    [
        ("chain { a b }", 2, 2),
        ("parallel { a chain { b b } }", 3, 3),
        ('if ("result") { a b }', 0, 2),
        ('if ("result") { a b } else { a }', 1, 2),
        ('gate ("result") { a }', 0, 1),
        ('loop ("max": 3) { a b }', 6, 6),
        ('loop ("until": "result", "max": 3) { a b }', 2, 6),
        ("map result { a }", 0, None),
        ('map result { processor("p") { "1" } }', 0, 0),
        ("chain { a map result { b } }", 1, None),
        ('try ("retries": 2) { a } catch { b } finally { b }', 2, 5),
        ('route (a) { "x": b default: { b b } }', 2, 3),
        ('when a { "pass": b }', 1, 2),
        ("use note", 0, 0),
    ],
)
def test_how_often_entities_are_asked_is_known_ahead(
    steps: str, fewest: int, most: int | None
) -> None:
    calls = plan(parse(ENTITIES + steps).program).calls
    assert (calls.fewest, calls.most) == (fewest, most)


ENTITIES = 'a { goal: "g" }\nb { goal: "g" }\nc { goal: "g" }\n'


def keys_of(steps: str) -> list[str]:
    program = parse(ENTITIES + steps).program
    return [step.key for step in all_steps(plan(program).root)]


@pytest.mark.parametrize(
    ("steps", "keys"),
    [
        ("chain { a a b }", ["chain", "chain/a", "chain/a~2", "chain/b"]),
        (
            'parallel { "left": a b "x/y": c }',
            ["parallel", "parallel/left/a", "parallel/branch_1/b", "parallel/x%2fy/c"],
        ),
        ('loop ("max": 2) { a }', ["loop", "loop/a"]),
        ("map result { use note }", ["map", "map/use:note"]),
        (
            'if ("result") { a } else if ("input") { b } else if ("input") { b } else { c }',
            ["if", "if/then/a", "if/elif:b/b", "if/elif:b~2/b", "if/else/c"],
        ),
        (
            'route (a) { "x": b default: { c c } }',
            ["route", "route/a", "route/x/b", "route/default/c", "route/default/c~2"],
        ),
        ('when a { "pass": b }', ["when", "when/a", "when/pass/b"]),
        (
            "try { a } catch { b } finally { c }",
            ["try", "try/body/a", "try/catch/b", "try/finally/c"],
        ),
        (
            'chain { select { x: 1 y: 2 } select { x: 1 } => kept processor("my sum") { "1" } a }',
            ["chain", "chain/select:x+y", "chain/select:kept", "chain/processor:my sum",
             "chain/a"],
        ),
        ('filter ("item") { }', ["filter"]),
        (
            'loop ("max": 2) { a } loop ("max": 3) { a b } gate ("1") { b } loop ("max": 2) { c }',
            ["loop:a", "loop:a/a", "loop:a~2", "loop:a~2/a", "loop:a~2/b", "gate", "gate/b",
             "loop:c", "loop:c/c"],
        ),
        (
            'if ("result") { a } else if ("input") { chain { b } }',
            ["if", "if/then/a", "if/elif/chain", "if/elif/chain/b"],
        ),
    ],
)  # fmt: skip
def test_keys_are_made_of_names(steps: str, keys: list[str]) -> None:
    assert keys_of(steps) == keys


def test_an_edit_elsewhere_moves_no_key() -> None:
    before = keys_of('chain { a b }\nloop ("max": 3) { c }')
    after = keys_of('chain { a b }\nparallel { b c }\nselect { n: 1 }\nloop ("max": 9) { c a }')
    assert set(before) <= set(after)


def test_what_is_put_into_a_container_renames_nothing() -> None:
    before = keys_of('chain { b c }\nloop ("max": 3) { c }')
    after = keys_of('chain { a b c }\nloop ("max": 3) { select { n: 1 } c }')
    assert set(before) <= set(after)


def test_an_entity_called_like_a_container_keeps_the_keys_apart() -> None:
    program = 'route { goal: "g" }\na { goal: "g" }\nchain { route route ("1") { x: a } }'
    keys = [step.key for step in all_steps(planned(program).root)]
    assert keys == ["chain", "chain/route", "chain/route~2", "chain/route~2/x/a"]


def test_keys_are_unique_and_short_however_deep() -> None:
    deep = "chain { " * 90 + "a b" + " }" * 90
    keys = keys_of(deep)
    assert len(set(keys)) == len(keys) == 92
    assert max(map(len, keys)) <= LONGEST_KEY + 60
    assert keys == keys_of(deep)


def test_a_long_label_is_cut_but_stays_its_own() -> None:
    one, two = (keys_of(f'processor("{"x" * 300}{n}") {{ "1" }}')[0] for n in (1, 2))
    assert one != two
    assert len(one) < 80


def test_equal_nodes_at_different_places_are_different_steps() -> None:
    program = parse(ENTITIES + "chain { a chain { a } }").program
    keys = step_keys(program)
    assert len(keys) == 4
    assert keys[program.steps[0]] == "chain"


def test_a_very_long_way_down_becomes_a_digest() -> None:
    assert child_key("", "a") == "a"
    assert child_key("x", "a") == "x/a"
    long = child_key("x" * 400, "a")
    assert long.startswith("#")
    assert long.endswith("/a")
