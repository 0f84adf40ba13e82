"""The audit log as it is read: narrowed, paged, taken along as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.models.enums import Role
from server.workspaces.audit_export import _cell
from tests.support.front import Api, Front, open_front

LOG = """query($f: AuditFilter, $first: Int, $after: Cursor) {
  auditLog(filter: $f, first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage }
    nodes { id createdAt actor actorId via address action subjectKind subjectId subject before after
      reason } } }"""


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with open_front(tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest_asyncio.fixture(scope="module")
async def api(front: Front) -> Api:
    return await front.caller()


async def test_an_entry_says_who_what_and_how_it_was(api: Api) -> None:  # S76
    made = await api.change("createBudget", "budget { id }", limit="5", name="Small")
    budget = made["budget"]["id"]
    await api.change("updateBudget", "budget { id }", budgetId=budget, limit="7")
    found = (await api.data(LOG, f={"subjectId": budget}))["auditLog"]
    assert found["totalCount"] == 2
    changed, created = found["nodes"]
    assert (changed["action"], created["action"]) == ("budget.changed", "budget.created")
    assert (changed["via"], changed["address"]) == ("TOKEN", "127.0.0.1")
    assert changed["before"]["limit"] != changed["after"]["limit"]
    assert changed["subjectId"] == budget


async def test_the_log_is_narrowed_and_paged(api: Api) -> None:
    for number in range(5):
        await api.change("setModelPrice", "modelPrice { id }", model=f"openai:m{number}",
                         inputPrice="1", outputPrice="1")  # fmt: skip
    where = {"action": {"eq": "price.set"}}
    first = (await api.data(LOG, f=where, first=2))["auditLog"]
    assert [entry["subject"] for entry in first["nodes"]] == ["openai:m4", "openai:m3"]
    assert first["pageInfo"]["hasNextPage"]
    after = first["pageInfo"]["endCursor"]
    await api.change("setModelPrice", "modelPrice { id }", model="openai:later", inputPrice="1",
                     outputPrice="1")  # fmt: skip
    second = (await api.data(LOG, f=where, first=2, after=after))["auditLog"]
    assert [entry["subject"] for entry in second["nodes"]] == ["openai:m2", "openai:m1"]
    for narrowed, count in (
        ({"text": {"contains": "openai:m2"}}, 1),
        ({**where, "via": {"in": ["SESSION"]}}, 0),
        ({**where, "createdAt": {"lt": "2020-01-01T00:00:00Z"}}, 0),
        ({"subjectKind": {"eq": "price"}, "actor": {"contains": "OWN"}}, 6),
        ({**where, "address": {"eq": "203.0.113.1"}}, 0),
    ):
        assert (await api.data(LOG, f=narrowed))["auditLog"]["totalCount"] == count


async def test_whoever_may_not_read_it_does_not(front: Front) -> None:  # S01, S10
    editor = await front.caller(Role.EDITOR)
    answer = await editor.answer(LOG)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    headers = {"authorization": f"Bearer {editor.token}"}
    assert (await front.http.get("/exports/audit.csv", headers=headers)).status_code == 403
    assert (await front.http.get("/exports/audit.csv")).status_code == 401


async def test_another_workspace_sees_nothing_of_it(front: Front, api: Api) -> None:  # S11, S63
    stranger = await front.caller(workspace="strangers")
    assert (await api.data(LOG))["auditLog"]["totalCount"] > 0
    found = (await stranger.data(LOG))["auditLog"]["nodes"]
    assert {entry["action"] for entry in found} == {"token.created"}


async def test_the_export_has_every_entry_and_no_formula(front: Front, api: Api) -> None:  # S76
    await api.change("createBudget", "budget { id }", limit="5", name="=cmd|' /C calc'!A0")
    headers = {"authorization": f"Bearer {api.token}"}
    text = (await front.http.get("/exports/audit.jsonl", headers=headers)).text
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[-1]["action"] == "audit.exported"
    assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    table = await front.http.get("/exports/audit.csv", headers=headers)
    assert "attachment" in table.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert len(rows) == len(lines) + 1
    assert [row["subject"] for row in rows if row["subject"].startswith("=")] == []
    one = await front.http.get("/exports/audit.jsonl?action=budget", headers=headers)
    assert {json.loads(line)["subjectKind"] for line in one.text.splitlines()} == {"budget"}
    assert (await front.http.get("/exports/audit.xml", headers=headers)).status_code == 404
    odd = ("since=yesterday", "since=9999-12-31T23:59:59-23:59", "text=%00", "actor=" + "x" * 301)
    for query in odd:
        wrong = await front.http.get(f"/exports/audit.csv?{query}", headers=headers)
        assert wrong.status_code == 400, query


@pytest.mark.parametrize("text", [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\u00a0@x",
])  # fmt: skip
def test_no_cell_is_a_formula(text: str) -> None:
    assert _cell(text) == f"'{text}"
    assert _cell("plain = 1") == "plain = 1"
