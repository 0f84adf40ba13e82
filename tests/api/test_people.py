"""Questions of bots, notifications, events from outside, limits and sub-bots, as a caller has
them."""

from __future__ import annotations

from typing import Any

import pytest

from server.core.ids import public_id, read_id
from server.models.enums import ApprovalKind, Role
from server.models.tables import Approval, Step
from tests.support import waiting
from tests.support.front import Api, Front, on_a_port, socket_to

ASK = 'use ask with { message: "How many?", fields: { count: "integer" } }'
QUESTIONS = """query($id: ID!) { approvals(filter: {executionId: $id}) { nodes {
  id kind fields to reason choices answer status viewerCan { decide } } } }"""
UNREAD = """{ notifications(filter: {unread: true}) { totalCount nodes {
  id title message priority source readAt viewerCan { read dismiss } } } }"""
STATUS = "query($id: ID!) { execution(id: $id) { status output waitingReason error { kind } } }"


async def until(api: Api, execution_id: str, *statuses: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = (await api.data(STATUS, id=execution_id))["execution"]
        return found if found["status"] in statuses else None

    return await waiting.until(look)  # type: ignore[return-value]


async def asked(api: Api, name: str) -> tuple[str, dict[str, Any]]:
    started = await api.start((await api.bot(ASK, name))["id"], input="x")
    await until(api, started["id"], "WAITING")
    (question,) = (await api.data(QUESTIONS, id=started["id"]))["approvals"]["nodes"]
    return started["id"], question


async def test_a_question_is_answered(api: Api) -> None:
    execution, question = await asked(api, "Asks")
    assert (question["kind"], question["fields"]) == ("QUESTION", {"count": "integer"})
    assert question["viewerCan"]["decide"]
    wrong = await api.change(
        "decideApproval", "approval { id }",
        approvalId=question["id"], answer={"values": {"count": "many"}},
    )  # fmt: skip
    assert [(one["code"], one["path"]) for one in wrong["errors"]] == [
        ("INVALID_INPUT", ["answer", "values", "count"])
    ]
    made = await api.change(
        "decideApproval", "approval { status answer }",
        approvalId=question["id"], answer={"values": {"count": 3}},
    )  # fmt: skip
    assert made["approval"] == {"status": "APPROVED", "answer": {"count": 3}}
    assert (await until(api, execution, "COMPLETED"))["output"] == {"count": 3}


async def test_a_question_is_told_to_who_may_answer(front: Front) -> None:
    api = await front.caller(workspace="told")
    execution, question = await asked(api, "Tells")
    found = (await api.data(UNREAD))["notifications"]
    (note,) = found["nodes"]
    assert (note["title"], note["message"]) == ("Tells asks", "How many?")
    assert note["source"]["approvalId"] == question["id"]
    assert note["source"]["executionId"] == execution
    assert note["viewerCan"] == {"read": True, "dismiss": True}
    document = "query($id: ID!) { node(id: $id) { __typename id } }"
    assert (await api.data(document, id=note["id"]))["node"]["__typename"] == "Notification"
    read = await api.change("readNotifications", "unread", ids=[note["id"]])
    assert read == {"unread": 0, "errors": []}
    gone = await api.change("dismissNotifications", "unread", ids=[note["id"]])
    assert gone["errors"] == []
    everything = await api.data("{ notifications { totalCount } }")
    assert everything["notifications"]["totalCount"] == 0
    stranger = await front.caller(workspace="not told")
    assert (await stranger.data(document, id=note["id"]))["node"] is None


async def test_what_was_answered_counts_as_read(front: Front) -> None:
    api = await front.caller(workspace="answered")
    execution, question = await asked(api, "Answered")
    other, _ = await asked(api, "Cancelled")
    assert (await api.data(UNREAD))["notifications"]["totalCount"] == 2
    values = {"approvalId": question["id"], "answer": {"values": {"count": 3}}}
    assert (await api.change("decideApproval", "approval { id }", **values))["errors"] == []
    await until(api, execution, "COMPLETED")
    assert (await api.data(UNREAD))["notifications"]["totalCount"] == 1
    await api.change("controlExecution", "execution { id }", executionId=other, action="CANCEL")
    await until(api, other, "CANCELLED")
    await front.rooms.tidy()  # a worker does so every few seconds
    assert (await api.data(UNREAD))["notifications"]["totalCount"] == 0


async def test_both_are_heard_live(front: Front) -> None:
    api = await front.caller(workspace="live")
    async with on_a_port(front.app) as url:
        header = {"authorization": f"Bearer {api.token}"}
        async with socket_to(url, header) as approvals, socket_to(url, header) as notes:
            for wire, query in (
                (approvals, "subscription { approvalsChanged { ids resync } }"),
                (notes, "subscription { notificationsChanged { unread } }"),
            ):
                await wire.send(type="connection_init", payload={})
                assert (await wire.next())["type"] == "connection_ack"
                await wire.send(type="subscribe", id="1", payload={"query": query})
            none = await notes.next()
            assert none["payload"]["data"] == {"notificationsChanged": {"unread": 0}}
            began = (await approvals.next())["payload"]["data"]["approvalsChanged"]
            assert began == {"ids": [], "resync": True}
            _, question = await asked(api, "Live")
            heard = (await approvals.next())["payload"]["data"]["approvalsChanged"]
            assert heard == {"ids": [question["id"]], "resync": False}
            one = await notes.next()
            assert one["payload"]["data"] == {"notificationsChanged": {"unread": 1}}


async def test_an_event_wakes_who_waits(api: Api) -> None:
    bot = await api.bot('use wait with { event: "order.paid" }', "Waits")
    started = await api.start(bot["id"], input="x")
    assert (await until(api, started["id"], "WAITING"))["waitingReason"] == "WAIT"
    sent = {"name": "order.paid", "data": {"id": 7}, "dedupeKey": "order-7"}
    made = await api.change("emitEvent", "event { id name data woken }", **sent)
    event_id = made["event"].pop("id")
    assert made["event"] == {"name": "order.paid", "data": {"id": 7}, "woken": 1}
    ended = await until(api, started["id"], "COMPLETED")
    assert ended["output"]["event"]["data"] == {"id": 7}
    again = await api.change("emitEvent", "event { id woken }", **sent)
    assert again["event"].pop("id") == event_id
    assert again["event"] == {"woken": 0}
    other = await api.change("emitEvent", "event { woken }", **{**sent, "data": 8})
    assert [one["code"] for one in other["errors"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_a_viewer_cannot_answer_or_emit(front: Front, api: Api) -> None:
    viewer = await front.caller(Role.VIEWER)
    _, question = await asked(api, "Not for viewers")
    for name, given in (
        ("emitEvent", {"name": "x"}),
        ("decideApproval", {"approvalId": question["id"], "answer": {"values": {"count": 1}}}),
        ("setExecutionLimits", {}),
    ):
        kind = name[0].upper() + name[1:]
        document = f"mutation($i: {kind}Input!) {{ {name}(input: $i) {{ errors {{ code }} }} }}"
        answer = await viewer.answer(document, i=given)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


LIMITS = "{ executionLimits { seconds steps calls tokens cost own } }"


async def test_limits_are_set_and_hold(front: Front) -> None:
    api = await front.caller(workspace="limited")
    before = (await api.data(LIMITS))["executionLimits"]
    assert (before["seconds"], before["own"]) == (3600, [])
    made = await api.change("setExecutionLimits", "limits { calls own }", calls=2, cost="0.5")
    assert made["limits"] == {"calls": 2, "own": ["calls", "cost"]}
    source = 'map (input) { use store_memory with { action: "list" } }'
    started = await api.start((await api.bot(source, "Limited"))["id"], input=[1, 2, 3])
    ended = await until(api, started["id"], "FAILED", "COMPLETED")
    assert ended["error"] == {"kind": "budget_exceeded"}
    freed = await api.change("setExecutionLimits", "limits { calls own }")
    assert freed["limits"] == {"calls": 10_000, "own": []}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seconds": 0}, "a whole number from 1 to 2,592,000"),
        ({"steps": 0}, "a whole number from 1 to 10,000,000"),
        ({"calls": -1}, "a whole number from 0 to 1,000,000"),
        ({"cost": "-1"}, "US dollars from 0 to 1,000,000"),
        ({"cost": "9e999999"}, "US dollars from 0 to 1,000,000"),
        ({"cost": "0.0000000001"}, "less than can be counted"),
    ],
)
async def test_limits_have_limits(api: Api, given: dict[str, Any], said: str) -> None:
    made = await api.change("setExecutionLimits", "limits { calls } errors { message }", **given)
    (error,) = made["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", list(given))
    assert said in error["message"]


async def test_a_number_that_was_sent_as_text_is_told_so(api: Api) -> None:
    document = """mutation($i: SetExecutionLimitsInput!) {
      setExecutionLimits(input: $i) { limits { calls } } }"""
    answer = await api.answer(document, i={"tokens": "-1"})
    assert "not as text" in answer["errors"][0]["message"]


FAMILY = """query($id: ID!) { execution(id: $id) {
  children(first: 1) { totalCount pageInfo { hasNextPage }
    nodes { id parent { id } steps { name } } }
  steps { key type child { id status steps { name status } } }
  stepPages(first: 1) { totalCount nodes { key } pageInfo { hasNextPage endCursor } } } }"""


async def test_sub_bots_stand_inside_the_view_of_their_parent(api: Api) -> None:
    await api.bot('processor ("twice") { "result * 2" }', "Doubler")
    source = 'map (input) { use spawn_baleybot with { baleybot: "Doubler", input: "{{item}}" } }'
    started = await api.start((await api.bot(source, "Parent"))["id"], input=[1, 2])
    await until(api, started["id"], "COMPLETED")
    found = (await api.data(FAMILY, id=started["id"]))["execution"]
    assert found["children"]["totalCount"] == 2
    assert found["children"]["pageInfo"]["hasNextPage"]
    (first,) = found["children"]["nodes"]
    assert first["parent"] == {"id": started["id"]}
    born = [step["child"] for step in found["steps"] if step["child"] is not None]
    assert [child["status"] for child in born] == ["COMPLETED", "COMPLETED"]
    assert born[0]["steps"] == [{"name": "twice", "status": "COMPLETED"}]
    pages = found["stepPages"]
    assert pages["totalCount"] == 3
    more = """query($id: ID!, $after: Cursor) { execution(id: $id) {
      stepPages(first: 5, after: $after) { nodes { key } } } }"""
    after = pages["pageInfo"]["endCursor"]
    rest = (await api.data(more, id=started["id"], after=after))["execution"]["stepPages"]["nodes"]
    keys = {step["key"] for step in found["steps"]}
    assert {step["key"] for step in [*pages["nodes"], *rest]} == keys


ESTIMATE = """query($id: ID!, $from: String) { estimateRerun(executionId: $id, fromStep: $from) {
  fromStep reused redone reusedCost cost tokens durationMs unknown unpriced } }"""


async def test_a_repeat_is_estimated_before_it_starts(api: Api) -> None:
    spawns = 'use spawn_baleybot with { baleybot: "Nobody" }'
    source = f'chain {{ use store_memory with {{ action: "list" }} {spawns} }}'
    started = await api.start((await api.bot(source, "Estimated"))["id"], input="x")
    await until(api, started["id"], "FAILED")
    found = (await api.data(ESTIMATE, id=started["id"]))["estimateRerun"]
    assert (found["fromStep"], found["redone"]) == (found["unknown"][0], found["unknown"])
    assert len(found["reused"]) == 1
    assert (float(found["cost"]), found["unpriced"]) == (0, [])
    await Step.filter(key=found["fromStep"]).update(unpriced=True)
    found = (await api.data(ESTIMATE, id=started["id"]))["estimateRerun"]
    assert found["unpriced"] == [found["fromStep"]]
    whole = (await api.data(ESTIMATE, id=started["id"], **{"from": found["reused"][0]}))[
        "estimateRerun"
    ]
    assert (whole["reused"], len(whole["redone"])) == ([], 2)
    refused = await api.answer(ESTIMATE, id=started["id"], **{"from": "nowhere"})
    assert refused["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert (await api.data(ESTIMATE, id="exe_" + "0" * 26))["estimateRerun"] is None


async def test_an_unknown_outcome_is_not_answered_by_a_plain_yes(front: Front, api: Api) -> None:
    """Doing twice what must not be done twice has to be said in words."""
    _, question = await asked(api, "Unknown outcome")
    row = await Approval.get(id=read_id("approval", question["id"]))
    row.kind, row.choices = ApprovalKind.OUTCOME, ["retry", "skip", "done"]
    await row.save()
    for said in ({"approve": {}}, {"reject": {}}, {"modify": {"arguments": {}}}):
        made = await api.change(
            "decideApproval", "approval { id }", approvalId=public_id("approval", row.id), **said
        )
        (error,) = made["errors"]
        assert error["code"] == "INVALID_INPUT"
        assert "retry, skip, done" in error["message"]
    assert (await Approval.get(id=row.id)).decision is None


PLACES = """query($id: ID!) { execution(id: $id) { lastSeq snapshots {
  seq kind label bookmarked bookmarkId } } }"""


async def test_places_of_an_execution_are_listed_and_marked(api: Api) -> None:
    source = 'use store_memory with { action: "list" }'
    started = await api.start((await api.bot(source, "Marked"))["id"], input="x")
    await until(api, started["id"], "COMPLETED")
    found = (await api.data(PLACES, id=started["id"]))["execution"]
    kinds = [place["kind"] for place in found["snapshots"]]
    assert kinds == ["START", "CHECKPOINT", "COMPLETION"]
    given = {"executionId": started["id"], "seq": 2, "label": "Here"}
    made = (await api.change("addBookmark", "snapshot { kind bookmarkId }", **given))["snapshot"]
    assert made["kind"] == "MANUAL"
    twice = await api.change("addBookmark", "snapshot { seq }", **given)
    assert [one["code"] for one in twice["errors"]] == ["CONFLICT"]
    gone = await api.change("removeBookmark", "removed", bookmarkId=made["bookmarkId"])
    assert gone["removed"]
    checkpoint = found["snapshots"][1]["seq"]
    again = await api.change(
        "rerunExecution", "execution { id }", executionId=started["id"], fromSeq=checkpoint
    )
    assert again["errors"] == []
    ended = await until(api, again["execution"]["id"], "COMPLETED")
    assert ended["error"] is None
