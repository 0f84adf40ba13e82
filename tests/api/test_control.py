"""Steering executions, deciding and repeating, as a caller does it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.api import written
from server.api.written import Written, encoded
from server.models.enums import Role
from tests.support import waiting
from tests.support.front import PURE, Api, Front

TWO = 'a { "goal": "Sum up the text" }\nb { "goal": "List the key points" }\nchain { a b }'
BROKEN = 'a { "goal": "Sum up" }\nchain { a use nothing_there on_error pause }'
SHOWN = """query($id: ID!) { execution(id: $id) { id status lastSeq output forkedFromStep
  forkedFrom { id } forks { id } viewerCan { cancel pause resume modify retry }
  error { kind diagnosis { failureClass cause actions { action label } } }
  steps { key name status reused output usage { cost } error { diagnosis { cause } } } } }"""
STATE = "query($id: ID!, $seq: Int!) { execution(id: $id) { stateAt(seq: $seq) } }"
ASKED = """query($f: ApprovalFilter) { approvals(filter: $f) { totalCount nodes {
  id kind status stepKey reason choices arguments argumentsHash expiresAt decidedBy action
  bot { name } execution { id status waitingReason }
  diagnosis { failureClass actions { action } } } } }"""
LONG = "word " * 3_000


async def until(api: Api, execution_id: str, *statuses: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = (await api.data(SHOWN, id=execution_id))["execution"]
        return found if found["status"] in statuses else None

    found = await waiting.until(look)
    assert found is not None
    return found


async def control(api: Api, execution_id: str, action: str) -> dict[str, Any]:
    values = {"executionId": execution_id, "action": action}
    return await api.change("controlExecution", "execution { id status }", **values)


@pytest.mark.slow
async def test_pause_step_resume(api: Api) -> None:
    bot = await api.bot(TWO, "Held")
    started = await api.start(bot["id"], input=LONG, mode="DEMO")
    assert (await control(api, started["id"], "PAUSE"))["errors"] == []
    held = await until(api, started["id"], "PAUSED")
    assert held["viewerCan"] == {
        "cancel": True, "pause": False, "resume": True, "modify": True, "retry": False,
    }  # fmt: skip
    again = await control(api, started["id"], "PAUSE")
    assert [error["code"] for error in again["errors"]] == ["INVALID_STATE"]
    assert "paused" in again["errors"][0]["message"]
    changed = await api.change(
        "modifyExecution", "execution { id }",
        executionId=started["id"], entity="b", notes="Be brief.",
    )  # fmt: skip
    assert changed["errors"] == []
    await control(api, started["id"], "STEP")
    if (await until(api, started["id"], "PAUSED", "COMPLETED"))["status"] == "PAUSED":
        await control(api, started["id"], "RESUME")
    assert (await until(api, started["id"], "COMPLETED"))["viewerCan"]["retry"]


@pytest.mark.parametrize("action", ["CANCEL", "PAUSE", "RESUME", "STEP"])
async def test_an_ended_one_stays_as_it_is(api: Api, action: str) -> None:
    bot = await api.bot(PURE, f"Over {action}")
    started = await api.start(bot["id"], input=1)
    answer = await control(api, started["id"], action)
    assert [error["code"] for error in answer["errors"]] == ["INVALID_STATE"]
    assert "completed already" in answer["errors"][0]["message"]


@pytest.mark.slow
async def test_a_repeat_reuses_what_stands_before_it(api: Api) -> None:
    bot = await api.bot(TWO, "Repeated")
    first = await until(
        api, (await api.start(bot["id"], input="Tea is good.", mode="DEMO"))["id"], "COMPLETED"
    )
    made = await api.change(
        "rerunExecution", "execution { id status }",
        executionId=first["id"], fromStep="chain/b", outputs={"chain/a": "Coffee is better."},
    )  # fmt: skip
    assert made["errors"] == []
    second = await until(api, made["execution"]["id"], "COMPLETED")
    assert second["forkedFrom"] == {"id": first["id"]}
    assert second["forkedFromStep"] == "chain/b"
    steps = {step["name"]: step for step in second["steps"]}
    assert (steps["a"]["reused"], steps["b"]["reused"]) == (True, False)
    assert steps["a"]["output"] == "Coffee is better."
    assert float(steps["a"]["usage"]["cost"]) == 0
    assert (await until(api, first["id"], "COMPLETED"))["forks"] == [{"id": second["id"]}]
    draft = await api.change(
        "rerunExecution", "execution { id }", executionId=first["id"], version="DRAFT"
    )
    assert draft["errors"] == []


async def test_what_cannot_be_repeated_is_said(api: Api, front: Front) -> None:
    bot = await api.bot(PURE, "Not again")
    started = await api.start(bot["id"], input=1)
    for values, code in (
        ({"fromStep": "nowhere"}, "INVALID_INPUT"),
        ({"outputs": {"nowhere": 1}}, "INVALID_INPUT"),
        ({"outputs": [1]}, "INVALID_INPUT"),
    ):
        answer = await api.change(
            "rerunExecution", "execution { id }", executionId=started["id"], **values
        )
        assert [error["code"] for error in answer["errors"]] == [code]
    stranger = await front.caller(workspace="repeats")
    for unknown in ("exe_" + "0" * 26, "junk"):
        answer = await api.change("rerunExecution", "execution { id }", executionId=unknown)
        assert [error["code"] for error in answer["errors"]] == ["NOT_FOUND"]
    answer = await stranger.change("rerunExecution", "execution { id }", executionId=started["id"])
    assert [error["code"] for error in answer["errors"]] == ["NOT_FOUND"]


async def test_a_failed_step_asks_and_is_decided(api: Api, front: Front) -> None:
    bot = await api.bot(BROKEN, "Asks")
    started = await api.start(bot["id"], input="x", mode="DEMO")
    await until(api, started["id"], "WAITING")
    found = await api.data(ASKED, f={"executionId": started["id"]})
    (asked,) = found["approvals"]["nodes"]
    assert (asked["kind"], asked["status"], asked["bot"]) == ("REMEDY", "PENDING", {"name": "Asks"})
    assert asked["execution"]["waitingReason"] == "APPROVAL"
    assert asked["choices"] == ["retry", "skip", "continue", "fail"]
    assert asked["diagnosis"]["failureClass"] == "PROGRAM"

    async def decide(caller: Api, **answer: Any) -> dict[str, Any]:
        wanted = "approval { id status action decidedBy decidedAt note }"
        return await caller.change("decideApproval", wanted, approvalId=asked["id"], **answer)

    for wrong in ({}, {"approve": {}, "reject": {}}, {"choose": {"action": "dance"}}):
        assert (await decide(api, **wrong))["errors"][0]["code"] == "INVALID_INPUT"
    stranger = await front.caller(workspace="deciders")
    assert (await decide(stranger, approve={}))["errors"][0]["code"] == "NOT_FOUND"
    chosen = {"action": "continue", "value": {"n": 1}, "note": "By hand."}
    decided = await decide(api, choose=chosen)
    assert decided["errors"] == []
    assert (decided["approval"]["status"], decided["approval"]["note"]) == ("APPROVED", "By hand.")
    late = await decide(api, reject={"reason": "No."})
    assert late["errors"][0]["code"] == "ALREADY_DECIDED"
    assert decided["approval"]["decidedBy"] in late["errors"][0]["message"]
    ended = await until(api, started["id"], "COMPLETED")
    assert ended["output"] == {"n": 1}
    node = await api.data("query($id: ID!) { node(id: $id) { id } }", id=asked["id"])
    assert node["node"] == {"id": asked["id"]}


async def test_deciding_needs_the_right_to(front: Front) -> None:
    viewer = await front.caller(Role.VIEWER)
    document = (
        "mutation($i: DecideApprovalInput!) { decideApproval(input: $i) { errors { code } } }"
    )
    answer = await viewer.answer(document, i={"approvalId": "apr_" + "0" * 26, "approve": {}})
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_state_at_any_event_and_a_diagnosis(api: Api) -> None:
    bot = await api.bot(TWO, "Watched")
    started = await api.start(bot["id"], input="Tea is good.", mode="DEMO")
    ended = await until(api, started["id"], "COMPLETED")
    states = [
        (await api.data(STATE, id=started["id"], seq=seq))["execution"]["stateAt"]
        for seq in (0, 1, 4, ended["lastSeq"], 10_000)
    ]
    assert [state["status"] for state in states] == [
        "pending", "pending", "running", "completed", "completed",
    ]  # fmt: skip
    assert states[-1]["output"] == ended["output"]
    assert states[-1]["seq"] == ended["lastSeq"]
    answer = await api.answer(STATE, id=started["id"], seq=-1)
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"

    failing = await api.bot("chain { use nothing_there }", "Failing")
    failed = await until(api, (await api.start(failing["id"], input=1))["id"], "FAILED")
    diagnosis = failed["error"]["diagnosis"]
    assert diagnosis["failureClass"] == "PROGRAM"
    assert 2 <= len(diagnosis["actions"]) <= 3
    assert failed["steps"][-1]["error"]["diagnosis"]["cause"] == diagnosis["cause"]


async def test_the_state_of_a_long_execution_is_whole(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "STEPS_AT_ONCE", 2)
    bot = await api.bot('map result { processor ("same") { "result" } }', "Long")
    started = await api.start(bot["id"], input=[3, 1, 2])
    document = """query($id: ID!) { execution(id: $id) {
      first: stateAt(seq: 1) last: stateAt(seq: 100) steps { key output } } }"""
    answer = await api.post(document, {"id": started["id"]})
    assert int(answer.headers["content-length"]) == len(answer.content)
    found = answer.json()["data"]["execution"]
    assert found["first"]["steps"] == {}
    outputs = {key: step["output"] for key, step in found["last"]["steps"].items()}
    assert outputs == {step["key"]: step["output"] for step in found["steps"]}
    assert (len(outputs), found["last"]["output"]) == (4, [3, 1, 2])


def test_what_was_written_before_stands_where_it_belongs() -> None:
    """Also beside a number that is larger than most writers of JSON take."""
    for other in (1, 2**70):
        data = {"a": Written([b"[1,", b"2]"]), "b": other, "c": Written([b"{}"])}
        assert json.loads(b"".join(encoded(data))) == {"a": [1, 2], "b": other, "c": {}}


async def test_what_failed_is_counted_and_closed(front: Front) -> None:
    api = await front.caller(workspace="incidents")
    bot = await api.bot("chain { use nothing_there }", "Fails often")
    for _ in range(2):
        await until(api, (await api.start(bot["id"], input=1))["id"], "FAILED")
    document = """query($f: IncidentFilter) {
      incidents(filter: $f) { totalCount nodes { id name kind action healed failureClass
        resolvedAt executionId bot { name } } }
      healing(period: WEEK) {
        rates { failureClass action count healed successRate priority }
        patterns { name count unresolved viewerCan { resolve } byPeriod { beginsAt count } } } }"""

    async def two_noted() -> dict[str, Any] | None:
        """The sums are read beside the list: they may be a moment older."""
        found = await api.data(document, f={})
        counts = [one["count"] for one in found["healing"]["rates"]]
        return found if (found["incidents"]["totalCount"], counts) == (2, [2]) else None

    found = await waiting.until(two_noted)
    assert found is not None
    first = found["incidents"]["nodes"][0]
    assert (first["name"], first["kind"], first["action"]) == (
        "nothing_there", "tool_not_found", None,
    )  # fmt: skip
    assert found["healing"]["rates"][0] == {
        "failureClass": "PROGRAM", "action": None, "count": 2, "healed": 0, "successRate": 0.0,
        "priority": 3,
    }  # fmt: skip
    (pattern,) = found["healing"]["patterns"]
    assert (pattern["count"], pattern["unresolved"]) == (2, 2)
    assert pattern["viewerCan"] == {"resolve": True}
    closed = await api.change(
        "resolveIncident", "incident { resolvedBy note }", incidentId=first["id"], note="Mended."
    )
    assert (closed["errors"], closed["incident"]["note"]) == ([], "Mended.")
    again = await api.change("resolveIncident", "incident { id }", incidentId=first["id"])
    assert again["errors"][0]["code"] == "INVALID_STATE"
    open_ones = await api.data(document, f={"resolved": False, "failureClass": {"eq": "PROGRAM"}})
    assert open_ones["incidents"]["totalCount"] == 1
    pattern = {"botId": bot["id"], "name": "nothing_there", "kind": "tool_not_found"}
    rest = await api.change("resolveIncidents", "count", **pattern, note="All mended.")
    assert (rest["errors"], rest["count"]) == ([], 1)
    late = await api.change("resolveIncidents", "count", **pattern)
    assert (late["errors"][0]["code"], late["count"]) == ("INVALID_STATE", 0)
    other = await api.bot('processor ("same") { "result" }', "Never fails")
    nobody = await api.change("resolveIncidents", "count", **{**pattern, "botId": other["id"]})
    assert nobody["errors"][0]["code"] == "NOT_FOUND"
