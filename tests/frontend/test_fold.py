"""What the pages make of the events of an execution: their sources, without a page around them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.engine.state import fold
from server.engine.store import StoredEvent
from tests.frontend.conftest import Watched

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

SOURCES = Path(__file__).parents[2] / "frontend" / "js" / "src" / "run"
ORIGIN = "http://127.0.0.1:9"
LOADED = """async () => {
  const names = ["fold", "places", "repairs", "waits", "changed"];
  window.parts = Object.assign({}, ...await Promise.all(names.map((n) => import(`/${n}.js`))));
  window.folded = (events) => {
    const run = parts.startOf({ id: "e", status: "PENDING", createdAt: events[0]?.at });
    for (const event of events) parts.apply(run, event);
    return run;
  };
}"""
PICTURE = """(events) => {
  const run = folded(events);
  const steps = [...run.steps.values()];
  return {
    status: run.status, asked: run.asked?.action ?? null, reason: run.waiting?.reason ?? null,
    steps: Object.fromEntries(steps.map((s) => [s.key, s.status])),
    says: Object.fromEntries(steps.map((s) => [s.key, parts.sayingOf(s)])),
    labels: Object.fromEntries(steps.map((s) => [s.key, parts.labelOf(run, s)])),
    rows: Object.fromEntries(steps.map((s) => [s.key, parts.placeOf(run, s)])),
    failed: parts.failedStep(run, parts.rows(run))?.key ?? null,
  };
}"""
Told = tuple[Any, ...]
Look = Callable[[list[Told]], Awaitable[dict[str, Any]]]


def numbered(told: list[Told]) -> list[dict[str, Any]]:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {
            "seq": number,
            "type": kind,
            "at": (begin + timedelta(seconds=number)).isoformat(),
            "stepKey": rest[0] if rest else None,
            "data": rest[1] if len(rest) > 1 else {},
        }
        for number, (kind, *rest) in enumerate(told, start=1)
    ]


def stored(told: list[Told]) -> list[StoredEvent]:
    """The same events as the server has them."""
    return [
        StoredEvent(
            seq=one["seq"],
            type=one["type"],
            at=datetime.fromisoformat(one["at"]),
            step_key=one["stepKey"],
            attempt=0,
            data=one["data"],
        )
        for one in numbered(told)
    ]


@pytest_asyncio.fixture
async def page(watched: Callable[..., Awaitable[Watched]]) -> AsyncIterator[Any]:
    page = (await watched()).page

    async def give(route: Any) -> None:
        name = route.request.url.removeprefix(ORIGIN + "/")
        if not name:
            await route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            text = (SOURCES / name).read_text()
            await route.fulfill(body=text, content_type="text/javascript")

    await page.route(ORIGIN + "/**", give)
    await page.goto(ORIGIN + "/")
    await page.evaluate(LOADED)
    yield page


@pytest.fixture
def look(page: Any) -> Look:
    async def looked(told: list[Told]) -> dict[str, Any]:
        return await page.evaluate(PICTURE, numbered(told))

    return looked


def begun(key: str, kind: str, parent: str | None = None, name: str | None = None) -> Told:
    data = {"name": name or kind, "type": kind, "parentKey": parent}
    return ("step.started", key, data)


def ended(key: str, **data: Any) -> Told:
    return ("step.completed", key, data)


STARTED: list[Told] = [("execution.queued",), ("execution.started",)]
BLOCK, ASKS, SLOW, CHILD = "chain", "chain/x/use:pay", "chain/y/use:wait", "chain/z/use:spawn"
BESIDE: list[Told] = [
    *STARTED,
    begun(BLOCK, "parallel"),
    begun(ASKS, "use", BLOCK),
    begun(SLOW, "use", BLOCK),
    begun(CHILD, "use", BLOCK),
    ("step.child", CHILD, {"executionId": "exe_1", "botName": "Inner"}),
    ("approval.requested", ASKS, {"approvalId": "a1", "tool": "pay"}),
    ("step.waiting", ASKS, {"reason": "approval"}),
]
RESTS: list[Told] = [*BESIDE, ("execution.waiting", None, {"reason": "approval"})]
PAUSED: list[Told] = [*RESTS, ("execution.pause_requested",), ("execution.paused",)]
ON: list[Told] = [("execution.resumed",), ("execution.started",)]
DECIDED: Told = ("approval.decided", ASKS, {"approvalId": "a1", "verdict": "approved"})


async def test_what_is_under_way_rests_with_its_execution_and_says_why(look: Look) -> None:
    found = await look(RESTS)
    assert found["status"] == "WAITING"
    assert set(found["steps"].values()) == {"WAITING"}
    assert found["says"] == {
        BLOCK: "Waits for a step inside it.",
        ASKS: "Waits for a decision.",
        SLOW: "Waits with the execution, and goes on with it.",
        CHILD: "Waits for another bot.",
    }


async def test_in_a_pause_nothing_runs(look: Look) -> None:
    found = await look(PAUSED)
    assert found["status"] == "PAUSED"
    assert set(found["steps"].values()) == {"WAITING"}
    assert found["says"] == {
        BLOCK: "Paused with the execution.",
        ASKS: "Waits for a decision.",
        SLOW: "Paused with the execution.",
        CHILD: "Paused with the execution.",
    }


async def test_it_goes_on_with_its_execution_but_for_what_nobody_decided(look: Look) -> None:
    resumed = await look([*PAUSED, ON[0]])
    assert (resumed["status"], resumed["steps"][BLOCK]) == ("PENDING", "WAITING")
    found = await look([*PAUSED, *ON])
    waits = {key for key, status in found["steps"].items() if status == "WAITING"}
    assert (found["status"], waits) == ("RUNNING", {ASKS})
    for before, says in ((RESTS, "Waits for its turn."), (PAUSED, "Paused with the execution.")):
        assert (await look([*before, DECIDED]))["says"][ASKS] == says
    found = await look([*PAUSED, DECIDED, *ON])
    assert set(found["steps"].values()) == {"RUNNING"}


@pytest.mark.parametrize(("before", "status"), [(BESIDE, "RUNNING"), (RESTS, "WAITING")])
async def test_a_pause_that_is_taken_back_changes_nothing(
    look: Look, before: list[Told], status: str
) -> None:
    asked = await look([*before, ("execution.pause_requested",)])
    assert (asked["status"], asked["asked"]) == (status, "PAUSE")
    found = await look([*before, ("execution.pause_requested",), ("execution.resumed",)])
    assert found == await look(before)
    assert found["status"] == status


async def test_the_page_and_the_api_say_the_same_at_every_event(look: Look) -> None:
    told = [*PAUSED, *ON, ("execution.pause_requested",), ("execution.resumed",), DECIDED]
    told += [RESTS[-1], ("execution.started",), ended(ASKS), ended(BLOCK), RESTS[-1]]
    for until in range(1, len(told) + 1):
        state = fold(stored(told[:until]))
        found = await look(told[:until])
        assert found["status"] == state.status.upper()
        assert found["steps"] == {key: one.status.upper() for key, one in state.steps.items()}


async def test_a_pause_of_a_long_run_looks_only_at_what_is_under_way(page: Any) -> None:
    done = [part for n in range(500) for part in (begun(f"c~{n}", "entity"), ended(f"c~{n}"))]
    events = numbered([*STARTED, *done, begun(BLOCK, "chain"), ("execution.paused",), *ON])
    touched = await page.evaluate(
        """(events) => {
          const run = folded(events.slice(0, -3));
          let touched = 0;
          const counted = (name, by) => {
            const had = run.steps[name].bind(run.steps);
            run.steps[name] = (...given) => { touched += by; return had(...given); };
          };
          for (const one of ["get", "set"]) counted(one, 1);
          for (const all of ["keys", "values", "entries", "forEach"]) counted(all, run.steps.size);
          run.steps[Symbol.iterator] = run.steps.entries;
          for (const event of events.slice(-3)) parts.apply(run, event);
          return touched;
        }""",
        events,
    )
    assert 0 < touched < 10


def many(block: str, kind: str, numbers: range, **output: Any) -> list[Told]:
    inside = [begun(f"{block}[{n}]/c", "entity", block, "c") for n in numbers]
    done = [ended(f"{block}[{n}]/c") for n in numbers]
    return [*STARTED, begun(block, kind), *inside, *done, *([ended(block, **output)])]


@pytest.mark.parametrize(
    ("told", "key", "label"),
    [
        (many("map", "map", range(3)), "map[0]/c", "c · 1 of 3"),
        (many("map", "map", range(3))[:-1], "map[2]/c", "c · item 3"),
        (many("map", "map", range(1)), "map[0]/c", "c"),
        (many("map", "map", range(1), output=["a", "b"]), "map[0]/c", "c · 1 of 2"),
        (many("loop", "loop", range(1, 3)), "loop[2]/c", "c · round 2"),
        (many("loop", "loop", range(1, 2)), "loop[1]/c", "c"),
        (many("try", "try", range(2, 3)), "try[2]/c", "c · attempt 2"),
        (many("map", "map", range(2)), "map", "map"),
    ],
)
async def test_one_of_several_says_which_it_is(
    look: Look, told: list[Told], key: str, label: str
) -> None:
    assert (await look(told))["labels"][key] == label


async def test_branches_say_their_names_and_what_is_inside_says_all(look: Look) -> None:
    both, left = "map[0]/parallel", "map[0]/parallel/50%25 %2f left/q"
    right, deep = "map[0]/parallel/branch_1/chain", "map[0]/parallel/branch_1/chain/d"
    told = [
        *STARTED,
        begun("map", "map"),
        begun(both, "parallel", "map"),
        begun("map[1]/parallel", "parallel", "map"),
        begun(left, "entity", both, "q"),
        begun(right, "chain", both),
        begun(deep, "entity", right, "d"),
        begun("map[1]/parallel/q/q", "entity", "map[1]/parallel", "q"),
    ]
    found = await look(told)
    assert found["labels"][left] == "q · item 1, 50% / left"
    assert (found["rows"][left], found["rows"][both]) == ("50% / left", "item 1")
    assert (found["labels"][deep], found["rows"][deep]) == ("d · item 1", "")
    assert found["labels"]["map[1]/parallel/q/q"] == "q · item 2"


async def test_compared_steps_say_which_they_are(page: Any) -> None:
    step = {"status": "COMPLETED", "name": "c", "type": "entity", "parentKey": "map"}
    steps = [{**step, "key": f"map[{n}]/c", "position": n + 1} for n in range(2)]
    whole = {**step, "key": "map", "type": "map", "parentKey": None, "position": 0}
    run = {"steps": [whole, *steps]}
    found = await page.evaluate("(run) => parts.pairs(run, run).map((pair) => pair.place)", run)
    assert found == ["", "1 of 2", "2 of 2"]


ERROR = {"kind": "tool_failed", "message": "No."}
CAUGHT: list[Told] = [
    *STARTED,
    begun("try", "try"),
    begun("try/body/f", "entity", "try", "f"),
    ("step.failed", "try/body/f", {"error": ERROR}),
]


async def test_a_failure_that_was_caught_is_not_the_one_that_is_shown(look: Look) -> None:
    assert (await look(CAUGHT))["failed"] is None
    later: list[Told] = [
        *CAUGHT,
        ended("try"),
        begun("g", "entity"),
        ("step.failed", "g", {"error": ERROR}),
    ]
    assert (await look(later))["failed"] == "g"
    block: list[Told] = [
        *later,
        begun("map", "map"),
        ("step.failed", "map", {"error": ERROR}),
        ("execution.failed", None, {"error": {**ERROR, "stepKey": "map"}}),
    ]
    assert (await look(block))["failed"] == "map"


async def test_a_failure_whose_catch_failed_too_is_shown(look: Look) -> None:
    told: list[Told] = [*CAUGHT, ("step.failed", "try", {"error": ERROR})]
    assert (await look(told))["failed"] == "try/body/f"
