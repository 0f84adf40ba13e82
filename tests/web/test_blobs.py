from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from server.core.ids import new_uuid, public_id
from tests.support.front import Front, open_front

LARGE = "é" * 1_500_000
EXECUTION = """
query One($id: ID!) { execution(id: $id) {
  status output outputBlob { id url bytes sha256 preview } inputBlob { id }
  steps { output outputBlob { id } } } }
"""


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with open_front(tmp_path_factory.mktemp("data")) as front:
        yield front


async def test_a_large_output_is_previewed_and_read_whole_by_those_who_may(  # S11
    front: Front, tmp_path: Path
) -> None:
    api, stranger = await front.caller(), await front.caller(workspace="Elsewhere")
    bot = await api.bot('processor ("same") { "result" }', "same")
    started = await api.start(bot["id"], input=LARGE)
    row = (await api.data(EXECUTION, id=started["id"]))["execution"]
    blob = row["outputBlob"]
    assert row["status"] == "COMPLETED"
    assert row["output"]["$large"] == {
        "blob": blob["id"],
        "url": blob["url"],
        "bytes": blob["bytes"],
        "preview": "é" * 2_000,
    }
    assert row["inputBlob"]["id"] == row["steps"][0]["outputBlob"]["id"] == blob["id"]

    mine = {"authorization": f"Bearer {api.token}"}
    whole = await front.http.get(blob["url"], headers=mine)
    assert whole.status_code == 200
    assert whole.json() == LARGE
    assert len(whole.content) == blob["bytes"]
    assert "attachment" in whole.headers["content-disposition"]
    again = {**mine, "if-none-match": whole.headers["etag"]}
    assert (await front.http.get(blob["url"], headers=again)).status_code == 304

    theirs = {"authorization": f"Bearer {stranger.token}"}
    assert (await front.http.get(blob["url"], headers=theirs)).status_code == 404
    assert (await front.http.get(blob["url"])).status_code == 401


async def test_junk_and_unknown_blobs_are_not_found(front: Front) -> None:  # S12
    api = await front.caller()
    mine = {"authorization": f"Bearer {api.token}"}
    for name in ("x", public_id("blob", new_uuid()), public_id("bot", new_uuid())):
        answer = await front.http.get(f"/blobs/{name}", headers=mine)
        assert answer.status_code == 404
        assert "no such blob" in answer.json()["error"]
