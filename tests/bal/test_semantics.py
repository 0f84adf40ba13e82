"""What a program means: each case in `semantics/*.txt` is a program with its input, its canned
replies, and what must come out. A new case needs no Python.

A case starts with `=== title`. The program follows, then any of the words in WORDS at the start of
a line, each with JSON. `entities:` at the top of a file defines plain entities for all its cases.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.bal.checker import check
from server.bal.plan import Plan
from server.bal.planner import plan
from server.engine.canned import Replies
from server.engine.offline import OfflineHost, run_source
from server.engine.walker import NO_INPUT, walk

FOLDER = Path(__file__).parent / "semantics"
WORDS = (
    "input",
    "replies",
    "output",
    "status",
    "error",
    "error_kind",
    "error_entity",
    "calls",
    "calls_unordered",
    "steps",
)


@dataclass
class Case:
    name: str
    program: str = ""
    given: dict[str, Any] = field(default_factory=dict)


def read_cases(path: Path) -> list[Case]:
    head, *blocks = ("\n" + path.read_text(encoding="utf-8")).split("\n=== ")
    names = head.partition("entities:")[2].split()
    return [_case(path.stem, block, names) for block in blocks]


def _case(stem: str, block: str, names: list[str]) -> Case:
    title, _, rest = block.partition("\n")
    program: list[str] = []
    texts: dict[str, str] = {}
    word = None
    for line in rest.split("\n"):
        key, colon, value = line.partition(":")
        if colon and key in WORDS:
            word = key
            texts[word] = value
        elif word is None:
            program.append(line)
        else:
            texts[word] += "\n" + line
    case = Case(f"{stem}: {title}")
    for key, text in texts.items():
        plain = key in ("status", "error_kind", "error_entity")
        case.given[key] = text.strip() if plain else json.loads(text)
    own = "\n".join(program).strip()
    plain_ones = (
        [] if "no_entities" in case.given else [n for n in names if f"{n} {{ goal" not in own]
    )
    case.program = "".join(f'{name} {{ goal: "g" }}\n' for name in plain_ones) + own
    if own.startswith("defaults"):
        case.program = own
    return case


CASES = [case for path in sorted(FOLDER.glob("*.txt")) for case in read_cases(path)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_program_means_what_the_language_says(case: Case) -> None:
    given = case.given
    run = await run_source(case.program, given.get("input", NO_INPUT), given.get("replies", {}))
    result = run.to_json()
    assert result["status"] == given.get("status", "completed"), result["error"]
    if result["status"] != "completed":
        assert result["output"] is None
    for word in ("output", "error", "calls"):
        if word in given:
            assert result[word] == given[word]
    if "calls_unordered" in given:
        assert sorted(map(json.dumps, result["calls"])) == sorted(
            map(json.dumps, given["calls_unordered"])
        )
    if "error_kind" in given:
        assert result["error"]["kind"] == given["error_kind"]
    if "error_entity" in given:
        wanted = given["error_entity"]
        assert result["error"]["entity"] == (None if wanted == "null" else wanted)


@pytest.mark.parametrize(
    "case", [case for case in CASES if "steps" in case.given], ids=lambda case: case.name
)
async def test_every_step_has_its_status(case: Case) -> None:
    host = OfflineHost(_stored_plan(case), Replies(case.given.get("replies", {})))
    await walk(_stored_plan(case), case.given.get("input", NO_INPUT), host)
    wanted = case.given["steps"]
    assert {key: host.statuses.get(key) for key in wanted} == wanted


def _stored_plan(case: Case) -> Plan:
    """By way of its JSON: a stored plan means the same."""
    return Plan.from_json(json.loads(json.dumps(plan(check(case.program).program).to_json())))


def test_there_are_enough_cases_and_none_twice() -> None:
    names = [case.name for case in CASES]
    assert len(names) >= 120
    assert len(set(names)) == len(names)


async def test_deep_programs_run() -> None:
    deep = 'a { goal: "g" }\n' + "chain { " * 95 + "a" + " }" * 95
    run = await run_source(deep, 1, {"a": {"wrap": "x"}})
    assert run.outcome.output == {"x": 1}


async def test_the_deepest_expression_in_the_deepest_program() -> None:
    deepest = "0||1&&1==0+1*abs(" * 50 + "1" + ")" * 50
    deep = "chain { " * 95 + f'processor("p") {{ "{deepest}" }}' + " }" * 95
    run = await run_source(deep, 1, {})
    assert (run.outcome.status, run.outcome.output) == ("completed", False)
