"""The tools of a workspace over the API."""

from __future__ import annotations

from server.tools.catalogue import BUILT_IN
from tests.support.front import Api

TOOLS = """
query Tools($first: Int, $after: Cursor, $last: Int, $before: Cursor) {
  tools(first: $first, after: $after, last: $last, before: $before) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { name description layer danger needsApproval idempotent timeoutSeconds inputSchema }
  }
}
"""


async def test_what_a_bot_may_be_given_is_listed_page_by_page(api: Api) -> None:
    everything = (await api.data(TOOLS))["tools"]
    names = [tool["name"] for tool in everything["nodes"]]
    assert names == sorted(tool.name for tool in BUILT_IN)
    wait = everything["nodes"][names.index("wait")]
    assert (wait["layer"], wait["needsApproval"]) == ("BUILT_IN", False)
    assert "seconds" in wait["inputSchema"]["properties"]

    first = (await api.data(TOOLS, first=2))["tools"]
    assert first["pageInfo"]["hasNextPage"]
    assert first["totalCount"] == len(names)
    rest = (await api.data(TOOLS, first=50, after=first["pageInfo"]["endCursor"]))["tools"]
    assert [tool["name"] for tool in first["nodes"] + rest["nodes"]] == names
    last = (await api.data(TOOLS, last=2))["tools"]
    assert [tool["name"] for tool in last["nodes"]] == names[-2:]
    assert last["pageInfo"]["hasPreviousPage"]
    before = (await api.data(TOOLS, last=1, before=last["pageInfo"]["startCursor"]))["tools"]
    assert before["nodes"][0]["name"] == names[-3]
