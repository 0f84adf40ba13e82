"""Executions that were recorded once: today's engine asks for the same and says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.bal.checker import check
from server.bal.plan import Plan
from server.bal.plan_steps import all_steps
from server.bal.planner import plan
from server.engine.replay import CALLS, History, HistoryChanged, next_calls, replay

FOLDER = Path(__file__).parent / "histories"
FILES = sorted(FOLDER.glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_there_are_some() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_the_same_commands_and_the_same_answer(path: Path) -> None:
    await replay(History.from_json(read(path)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_after_a_lost_worker_only_what_is_missing_is_asked(path: Path) -> None:
    history = History.from_json(read(path))
    for key in history.commands:
        asked = await next_calls(history, {key})
        assert asked in ([key], []), (key, asked)
    everything = await next_calls(history, set(history.recorded))
    assert set(everything) <= set(history.commands)
    assert everything


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_text_still_means_the_same_steps(path: Path) -> None:
    data = read(path)
    now = plan(check(data["source"]).program)
    then = Plan.from_json(data["plan"])
    assert [(step.key, step.type) for step in all_steps(now.root)] == [
        (step.key, step.type) for step in all_steps(then.root)
    ]


def test_every_construct_is_in_one_of_them() -> None:
    steps = [step for path in FILES for step in all_steps(Plan.from_json(read(path)["plan"]).root)]
    wanted = {
        "entity", "use", "chain", "parallel", "if", "gate", "loop", "map", "filter", "select",
        "processor", "try", "route", "when", "merge",
    }  # fmt: skip
    assert wanted <= {step.type for step in steps}
    assert CALLS <= wanted


async def test_a_changed_program_under_a_recorded_run_is_refused() -> None:
    data = read(FOLDER / "chain.json")
    history = History.from_json(data)
    source = data["source"]
    other_input = 'chain { a processor ("p") { "result + \'!\'" } b'
    for changed, words in (
        (source.replace("c with", "a b c with"), "was not called"),
        (source.replace("chain { a b", other_input), "now calls"),
        (source[: source.index("c with")] + "}", "does not call"),
    ):
        text = plan(check(changed).program).to_json()
        with pytest.raises(HistoryChanged, match=words):
            await replay(replace(history, plan=text))
    with pytest.raises(HistoryChanged, match="now ends"):
        await replay(replace(history, outcome=replace(history.outcome, output="other")))
