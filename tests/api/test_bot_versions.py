"""Drafts, versions, tags and bundles, as the web app and scripts see them."""

from __future__ import annotations

import httpx
import pytest

from server.models.enums import Role
from tests.support.front import PURE, WRITER, Api, Front

VERSIONS = """query($id: ID!) { bot(id: $id) { draftIsLive canUndo canRedo editedBy { name } tags
  draftEdits { nodes { number cause undone linesAdded author { name } } }
  versions { nodes { id number name note isLive isDraft executionCount publishedAt summary
    author { name } publishedBy { name } viewerCan { restore publish run annotate } } } } }"""
COMPARE = """query($id: ID!, $old: ID, $new: ID) {
  compareBotVersions(botId: $id, oldVersionId: $old, newVersionId: $new) {
    summary changes { kind sentence } lines { kind old new text } linesAdded truncated } }"""
LATER = WRITER.replace("Sum up", "Translate")


async def test_versions_say_who_when_what_and_which_is_live(api: Api) -> None:
    bot = (await api.bot(WRITER, "Told"))["id"]
    await api.change("publishBot", "bot { id }", botId=bot, name="First", note="It sums up.")
    await api.change("saveBotDraft", "bot { id }", botId=bot, source=LATER, expectedVersion=1)
    named = await api.change("saveBotVersion", "version { number name }", botId=bot, name="Next")
    assert named["version"] == {"number": 2, "name": "Next"}
    found = (await api.data(VERSIONS, id=bot))["bot"]
    two, one = found["versions"]["nodes"]
    assert (one["isLive"], one["isDraft"], two["isLive"], two["isDraft"]) == (1, 0, 0, 1)
    assert (one["name"], one["note"], one["publishedBy"]) == (
        "First",
        "It sums up.",
        {"name": "Owner"},
    )
    assert "goal" in two["summary"]
    assert one["summary"] == ""
    assert found["draftIsLive"] is False
    assert found["editedBy"] == {"name": "Owner"}
    [edit] = found["draftEdits"]["nodes"]
    assert (edit["cause"], edit["undone"], edit["author"]["name"]) == ("TYPED", False, "Owner")

    by_default = (await api.data(COMPARE, id=bot))["compareBotVersions"]
    asked = (await api.data(COMPARE, id=bot, old=one["id"], new=two["id"]))["compareBotVersions"]
    assert by_default == asked
    assert [line["kind"] for line in asked["lines"]] == ["REMOVED", "ADDED"]

    run = await api.start(bot, versionId=one["id"], mode="DEMO")
    assert run["id"]
    live = await api.change(
        "publishBot", "bot { published { number } draftIsLive }", botId=bot, versionId=two["id"]
    )
    assert live["bot"] == {"published": {"number": 2}, "draftIsLive": True}
    gone = await api.change("unpublishBot", "bot { state published { id } }", botId=bot)
    assert gone["bot"] == {"state": "PAUSED", "published": None}


async def test_undo_goes_on_after_a_reload_and_names_who_was_faster(api: Api) -> None:
    bot = (await api.bot(WRITER, "Undone"))["id"]
    await api.change("saveBotDraft", "bot { id }", botId=bot, source=LATER, expectedVersion=1)
    undone = await api.change(
        "undoBotDraft", "bot { source canUndo canRedo }", botId=bot, expectedVersion=2
    )
    assert undone["bot"] == {"source": WRITER, "canUndo": False, "canRedo": True}
    document = """mutation($input: RedoBotDraftInput!) {
      redoBotDraft(input: $input) { bot { source }
      errors { code ... on ConflictError { currentVersion changedBy changedAt } } } }"""
    late = await api.data(document, input={"botId": bot, "expectedVersion": 2})
    [error] = late["redoBotDraft"]["errors"]
    assert (error["code"], error["currentVersion"], error["changedBy"]) == ("CONFLICT", 3, "Owner")
    redone = await api.data(document, input={"botId": bot, "expectedVersion": 3})
    assert redone["redoBotDraft"]["bot"]["source"] == LATER


async def test_tags_copies_and_acts_on_many(api: Api) -> None:
    one, two = (await api.bot(PURE, "Tagged 1"))["id"], (await api.bot(PURE, "Tagged 2"))["id"]
    await api.change("tagBot", "bot { tags }", botId=one, tags=["Nightly"])
    copy = await api.change("duplicateBot", "bot { name tags state }", botId=one)
    assert copy["bot"] == {"name": "Tagged 1 copy", "tags": ["Nightly"], "state": "DRAFT"}
    done = await api.change(
        "changeBots",
        "results { botId bot { tags } errors { code } }",
        botIds=[one, two, "bot_junk"],
        action="TAG",
        tags=["archive me"],
    )
    assert [result["errors"] for result in done["results"]] == [[], [], [{"code": "NOT_FOUND"}]]
    query = """query($tag: String) { botTags { name botCount }
      bots(filter: { tag: { eq: $tag } }) { nodes { name } } }"""
    found = await api.data(query, tag="ARCHIVE me")
    assert {bot["name"] for bot in found["bots"]["nodes"]} == {"Tagged 1", "Tagged 2"}
    assert {"name": "archive me", "botCount": 2} in found["botTags"]
    renamed = await api.change("renameBot", "bot { name }", botId=one, name="Tagged 2")
    assert renamed["errors"][0]["code"] == "CONFLICT"


PREVIEW = """query($id: ID!) { previewImport(bundleId: $id) {
  createCount updateCount unchangedCount conflictCount missingConnections { kind name }
  items { name status mistakeCount missingConnections missingTools bot { id }
    comparison { linesAdded summary } } } }"""


async def test_a_bundle_goes_out_and_comes_in_over_http(front: Front) -> None:
    dev, prod = await front.caller(workspace="dev"), await front.caller(workspace="prod")
    bot = (await dev.bot(WRITER, "Promoted"))["id"]
    query = "query($ids: [ID!]) { bundleExport(botIds: $ids) { url size sha256 botCount } }"
    offered = (await dev.data(query, ids=[bot]))["bundleExport"]
    fetched = await front.http.get(offered["url"], headers=bearer(dev))
    assert fetched.headers["content-type"] == "application/zip"
    assert (len(fetched.content), offered["botCount"]) == (offered["size"], 1)

    sent = await upload(front, prod, fetched.content)
    assert sent.status_code == 201
    assert sent.json()["sha256"] == offered["sha256"]
    bundle = sent.json()["bundleId"]
    seen = (await prod.data(PREVIEW, id=bundle))["previewImport"]
    assert (seen["createCount"], seen["items"][0]["status"]) == (1, "CREATE")
    done = await prod.change("applyImport", "results { name bot { state } }", bundleId=bundle)
    assert done["results"] == [{"name": "Promoted", "bot": {"state": "DRAFT"}}]

    await dev.change("saveBotDraft", "bot { id }", botId=bot, source=LATER, expectedVersion=1)
    there = (await prod.data('{ bot(name: "Promoted") { id } }'))["bot"]["id"]
    await prod.change("saveBotDraft", "bot { id }", botId=there, source=PURE, expectedVersion=1)
    again = await front.http.get("/bundles/bots.zip", headers=bearer(dev))
    bundle = (await upload(front, prod, again.content)).json()["bundleId"]
    [item] = (await prod.data(PREVIEW, id=bundle))["previewImport"]["items"]
    assert (item["status"], item["comparison"]["linesAdded"]) == ("CONFLICT", 1)
    refused = await prod.change("applyImport", "results { name }", bundleId=bundle)
    assert (refused["results"], refused["errors"][0]["code"]) == ([], "CONFLICT")
    decided = await prod.change(
        "applyImport", "results { bot { source } }", bundleId=bundle, onConflict="OVERWRITE"
    )
    assert decided["results"] == [{"bot": {"source": LATER}}]


async def test_who_may_not_gets_nothing_over_http(front: Front) -> None:
    dev, foreign = await front.caller(workspace="dev"), await front.caller(workspace="foreign")
    looker = await front.caller(Role.VIEWER, workspace="dev")
    bot = (await dev.bot(PURE, "Private"))["id"]
    url = f"/bundles/bots.zip?bot={bot}"
    assert (await front.http.get(url)).status_code == 401
    assert (await front.http.post("/bundles", content=b"x")).status_code == 401
    assert (await front.http.get(url, headers=bearer(foreign))).status_code == 404
    data = (await front.http.get(url, headers=bearer(looker))).content
    assert (await upload(front, looker, data)).status_code == 403
    bundle = (await upload(front, dev, data)).json()["bundleId"]
    answer = await foreign.answer(PREVIEW, id=bundle)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"no zip", "application/zip", 400, "INVALID_INPUT"),
        (b"PK\x05\x06", "text/plain", 415, "INVALID_INPUT"),
    ],
)
async def test_another_file_is_refused_with_a_sentence(
    front: Front, body: bytes, kind: str, status: int, code: str
) -> None:
    caller = await front.caller(workspace="dev")
    headers = {**bearer(caller), "content-type": kind}
    answer = await front.http.post("/bundles", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_page_of_another_site_brings_no_bundle(front: Front) -> None:
    async with front.browser() as browser:
        headers = {"origin": "https://evil.test", "content-type": "application/zip"}
        answer = await browser.post("/bundles", content=b"x", headers=headers)
        assert answer.status_code == 403


def bearer(caller: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {caller.token}"}


async def upload(front: Front, caller: Api, data: bytes) -> httpx.Response:
    headers = {**bearer(caller), "content-type": "application/zip"}
    return await front.http.post("/bundles?name=bots.zip", content=data, headers=headers)
