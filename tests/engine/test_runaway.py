"""A program whose value grows without end is stopped by name, before it takes all memory."""

from __future__ import annotations

from typing import Any

import pytest

from server.bal import evaluator
from server.bal.expressions import Scope, TooLarge, evaluate, parse_expression
from server.engine import walk as walking
from server.engine.walker import walk
from tests.engine.rig import Rig, echo, planned

LARGEST = 10_000
# Without a bound it would be 64 KiB in the end, which hurts no machine.
ROUNDS = 'loop ("until": "false", "max": 14)'
SAME = 'processor ("same") { "result" }'


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "LARGEST", LARGEST)
    monkeypatch.setattr(walking, "LARGEST", LARGEST)


@pytest.mark.parametrize(
    "source",
    [
        f'{ROUNDS} {{ processor ("twice") {{ "[result, result]" }} }}',
        f'{ROUNDS} {{ processor ("deep") {{ "{{a: result, b: {{c: [result]}}}}" }} }}',
        f"{ROUNDS} {{ select {{ one: result, two: result }} }}",
        f'{ROUNDS} {{ parallel {{ "a": {SAME} "b": {SAME} }} }}',
        f'chain {{ {SAME} => big processor ("two") {{ "[1, 2]" }} => two '
        f'{ROUNDS} {{ map $two {{ processor ("big") {{ "$big" }} }} => big }} }}',
    ],
    ids=["list", "object", "select", "parallel", "map"],
)  # S4-13.6
async def test_a_value_that_doubles_is_stopped(source: str) -> None:
    outcome = await walk(planned(source), "x" * 4, Rig(echo))
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.kind == "too_large"


async def test_a_large_text_of_a_call_is_stopped_too() -> None:
    outcome = await walk(planned("chain { a }"), "x", Rig(_long))
    assert outcome.error is not None
    assert outcome.error.kind == "too_large"


async def _long(_: Any) -> str:
    return "x" * (LARGEST + 1)


async def test_a_program_can_go_on_after_it() -> None:
    source = f"try {{ {ROUNDS} {{ select {{ one: result, two: result }} }} }} catch {{ {SAME} }}"
    outcome = await walk(planned(source), "x", Rig(echo))
    assert outcome.status == "completed"


@pytest.mark.parametrize("text", ["[result, result]", "{a: result, b: [[result]]}"])
def test_what_is_put_together_counts_once(text: str) -> None:
    tree: Any = parse_expression(text)
    half = Scope(["x" * (LARGEST // 2 - 100)])
    assert evaluate(tree, half) is not None
    with pytest.raises(TooLarge):
        evaluate(tree, Scope(["x" * (LARGEST // 2 + 100)]))
