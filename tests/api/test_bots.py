from __future__ import annotations

import pytest

from server.models.enums import Role
from tests.support.front import PURE, WRITER, Api, Front

BROKEN = """
writer { "goal": "Write" }
writer { "goal": "Write again" }
chain { writer editr }
"""
BOT = """query($id: ID, $name: String) { bot(id: $id, name: $name) {
  id name state source draftVersion published { id number } entities { name goal model }
  inputSchema sampleInput executionCount lastExecution { id } viewerCan { edit run publish delete }
  stats { total completed failed successRate medianDurationMs cost }
  versions { totalCount nodes { number source } } } }"""


async def test_a_bot_from_its_text_to_its_end(api: Api) -> None:
    made = await api.bot(WRITER, "Whole life")
    found = (await api.data(BOT, id=made["id"]))["bot"]
    assert found["name"] == "Whole life"
    assert found["state"] == "DRAFT"
    assert found["entities"] == [{"name": "writer", "goal": "Sum up the text", "model": None}]
    assert found["published"] is None
    assert found["viewerCan"] == {"edit": True, "run": True, "publish": True, "delete": True}
    assert found["stats"]["total"] == 0
    assert found["stats"]["successRate"] is None

    published = await api.change(
        "publishBot", "bot { state published { number } }", botId=made["id"]
    )
    assert published["bot"] == {"state": "ACTIVE", "published": {"number": 1}}

    saved = await api.change(
        "saveBotDraft", "bot { draftVersion }", botId=made["id"], source=PURE, expectedVersion=1
    )
    assert saved["bot"] == {"draftVersion": 2}

    version = (await api.data(BOT, id=made["id"]))["bot"]["published"]["id"]
    restored = await api.change(
        "restoreBotVersion", "bot { source }", botId=made["id"], versionId=version
    )
    assert restored["bot"]["source"] == WRITER

    deleted = await api.change("deleteBot", "bot { id }", botId=made["id"])
    assert deleted["errors"] == []
    assert (await api.data(BOT, id=made["id"]))["bot"] is None
    assert (await api.bot(PURE, "Whole life"))["id"] != made["id"]


async def test_a_bot_is_found_by_its_name(api: Api) -> None:
    made = await api.bot(PURE, "By name")
    assert (await api.data(BOT, name="by name"))["bot"]["id"] == made["id"]
    assert (await api.data(BOT, name="nobody"))["bot"] is None


async def test_every_mistake_of_a_text_comes_with_its_place(api: Api) -> None:
    answer = await api.change("createBot", "bot { id }", name="Broken", source=BROKEN)
    assert answer["bot"] is None
    assert len(answer["errors"]) >= 2
    for error in answer["errors"]:
        assert error["__typename"] == "BalError"
        assert error["code"] == "BAL_INVALID"
        assert error["path"] == ["source"]
        assert error["line"] >= 1
        assert error["column"] >= 1
    assert {3, 4} <= {error["line"] for error in answer["errors"]}
    assert any("editor" in (error["hint"] or "") or error["hint"] for error in answer["errors"])


async def test_a_draft_may_have_mistakes_but_cannot_be_published(api: Api) -> None:
    made = await api.bot(PURE, "Draft")
    saved = await api.change("saveBotDraft", "bot { source }", botId=made["id"], source=BROKEN)
    assert saved == {"bot": {"source": BROKEN}, "errors": []}
    published = await api.change("publishBot", "bot { id }", botId=made["id"])
    assert {error["code"] for error in published["errors"]} == {"BAL_INVALID"}


async def test_whoever_saves_second_is_told_the_present_version(api: Api) -> None:
    made = await api.bot(PURE, "Two editors")
    first = {"botId": made["id"], "source": WRITER, "expectedVersion": 1}
    assert (await api.change("saveBotDraft", "bot { id }", **first))["errors"] == []
    (error,) = (await api.change("saveBotDraft", "bot { id }", **first))["errors"]
    assert error["__typename"] == "ConflictError"
    assert (error["code"], error["currentVersion"]) == ("CONFLICT", 2)
    assert error["path"] == ["expectedVersion"]


async def test_a_name_is_given_once(api: Api) -> None:
    await api.bot(PURE, "Only one")
    (error,) = (await api.change("createBot", "bot { id }", name="only ONE", source=PURE))["errors"]
    assert (error["code"], error["path"]) == ("CONFLICT", ["name"])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"source": PURE, "name": ""}, "INVALID_INPUT"),
        ({"source": PURE, "name": "x" * 201}, "INVALID_INPUT"),
        ({"source": "", "name": "Empty"}, "BAL_INVALID"),
        ({"source": "#" * 600_000, "name": "Large"}, "TOO_LARGE"),
    ],
)
async def test_what_cannot_be_a_bot(api: Api, values: dict[str, str], code: str) -> None:
    answer = await api.change("createBot", "bot { id }", **values)
    assert answer["bot"] is None
    assert answer["errors"][0]["code"] == code


@pytest.mark.parametrize("name", ["saveBotDraft", "publishBot", "deleteBot", "restoreBotVersion"])
@pytest.mark.parametrize("kind", ["unknown", "elsewhere", "junk", "other kind", "long", "empty"])
async def test_ids_of_elsewhere_answer_like_ids_that_never_were(
    front: Front, api: Api, name: str, kind: str
) -> None:
    stranger = await front.caller(workspace="other")
    if kind == "elsewhere":
        found = await stranger.data("{ bots { nodes { id } } }")
        theirs = found["bots"]["nodes"] or [await stranger.bot(PURE, "Theirs")]
        bot_id = theirs[0]["id"]
    else:
        made = (await api.bot(PURE, f"{name} {kind}"))["id"]
        bot_id = {
            "unknown": "bot_" + "0" * 26,
            "junk": "bot_%%%",
            "other kind": "exe_" + made[4:],
            "long": "bot_" + "0" * 10_000,
            "empty": "",
        }[kind]
    values = {"botId": bot_id}
    if name == "saveBotDraft":
        values["source"] = PURE
    if name == "restoreBotVersion":
        values["versionId"] = "ver_" + "0" * 26
    answer = await api.change(name, "bot { id }", **values)
    assert answer["bot"] is None
    (error,) = answer["errors"]
    assert (error["code"], error["message"]) == ("NOT_FOUND", "There is no such bot.")
    assert error["path"] == ["botId"]


async def test_lists_page_both_ways_and_are_stable_under_inserts(front: Front) -> None:
    caller = await front.caller(workspace="paging")
    for number in range(7):
        await caller.bot(PURE, f"Bot {number}")
    page = """query($first: Int, $after: String, $last: Int, $before: String) {
      bots(first: $first, after: $after, last: $last, before: $before,
           orderBy: [{field: NAME, direction: ASC}]) {
        totalCount edges { cursor node { name } } nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    seen, after = [], None
    while True:
        found = (await caller.data(page, first=3, after=after))["bots"]
        seen += [edge["node"]["name"] for edge in found["edges"]]
        after = found["pageInfo"]["endCursor"]
        await caller.bot(PURE, f"A bot before {len(seen)}")
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert seen == [f"Bot {number}" for number in range(7)]
    back = (await caller.data(page, last=2, before=after))["bots"]
    assert [node["name"] for node in back["nodes"]] == ["Bot 4", "Bot 5"]
    assert back["pageInfo"]["hasPreviousPage"] is True
    assert back["totalCount"] == 10


@pytest.mark.parametrize(
    "arguments",
    ["first: 101", "first: -1", "first: 1, last: 1", 'after: "junk"', "last: 101"],
)
async def test_pages_that_cannot_be(api: Api, arguments: str) -> None:
    answer = await api.answer("{ bots(" + arguments + ") { nodes { id } } }")
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_filters_know_their_fields_and_nothing_else(api: Api) -> None:
    await api.bot(PURE, "Red fox")
    found = await api.data(
        "query($f: BotFilter) { bots(filter: $f) { nodes { name } } }",
        f={"name": {"contains": "red"}, "state": {"in": ["DRAFT"]}},
    )
    assert [node["name"] for node in found["bots"]["nodes"]] == ["Red fox"]
    sly = {"name": {"contains": "%' OR 1=1 --"}}
    found = await api.data("query($f: BotFilter) { bots(filter: $f) { nodes { name } } }", f=sly)
    assert found["bots"]["nodes"] == []
    for unknown in ({"owner__password": {"eq": "x"}}, {"name": {"startswith": "x"}}):
        answer = await api.answer(
            "query($f: BotFilter) { bots(filter: $f) { nodes { id } } }", f=unknown
        )
        assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_node_finds_anything_by_its_id(front: Front, api: Api) -> None:
    made = await api.bot(PURE, "A node")
    started = await api.start(made["id"], input="x")
    stranger = await front.caller(workspace="other")
    ids = [made["id"], started["id"], "bot_" + "0" * 26, "junk", ""]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = (await api.data(document, ids=ids))["nodes"]
    assert [node and node["__typename"] for node in found] == ["Bot", "Execution", None, None, None]
    assert (await stranger.data(document, ids=ids))["nodes"] == [None] * 5


async def test_a_viewer_may_look_and_no_more(front: Front, api: Api) -> None:
    made = await api.bot(PURE, "Looked at")
    viewer = await front.caller(Role.VIEWER)
    found = (await viewer.data(BOT, id=made["id"]))["bot"]
    assert found["viewerCan"] == {"edit": False, "run": False, "publish": False, "delete": False}
    document = "mutation($i: DeleteBotInput!) { deleteBot(input: $i) { errors { code } } }"
    answer = await viewer.answer(document, i={"botId": made["id"]})
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "bots:write" in answer["errors"][0]["message"]
    assert (await api.data(BOT, id=made["id"]))["bot"] is not None


async def test_templates_are_bots_that_can_be_made_at_once(api: Api) -> None:
    found = await api.data("{ templates { id name description source sampleInput } }")
    assert len(found["templates"]) >= 5
    for template in found["templates"]:
        made = await api.bot(template["source"], f"From {template['id']}")
        shown = (await api.data(BOT, id=made["id"]))["bot"]
        assert shown["sampleInput"] == template["sampleInput"]


async def test_how_long_executions_are_kept(api: Api) -> None:
    bot = await api.bot(name="kept for a while")
    wanted = "bot { retention { maxAgeDays maxCount statuses } }"
    given = {"botId": bot["id"], "maxAgeDays": 30, "statuses": ["COMPLETED"]}
    made = await api.change("updateBotRetention", wanted, **given)
    rule = {"maxAgeDays": 30, "maxCount": None, "statuses": ["COMPLETED"]}
    assert made == {"bot": {"retention": rule}, "errors": []}
    back = await api.change("updateBotRetention", wanted, botId=bot["id"], inherit=True)
    assert back["bot"]["retention"] is None
    late = {"botId": bot["id"], "maxAgeDays": 1, "expectedVersion": 2}
    lost = await api.change("updateBotRetention", f"{wanted}", **late)
    assert lost["bot"] is None
    assert [(one["code"], one["path"]) for one in lost["errors"]] == [
        ("CONFLICT", ["expectedVersion"])
    ]
    third = await api.change("updateBotRetention", wanted, **{**late, "expectedVersion": 3})
    assert third["errors"] == []
    wrong = await api.change("updateBotRetention", wanted, botId=bot["id"], maxAgeDays=0)
    assert [error["path"] for error in wrong["errors"]] == [["maxAgeDays"]]
