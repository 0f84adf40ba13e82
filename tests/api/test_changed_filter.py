"""`executionsChanged` for one bot: what a page of that bot wants to hear."""

from __future__ import annotations

from tests.support.front import PURE, Front, on_a_port, socket_to

CHANGED = """subscription($bot: ID!) {
  executionsChanged(filter: {botId: $bot}) { ids resync } }"""


async def test_a_page_of_one_bot_hears_of_that_bot_alone(front: Front) -> None:
    api, stranger = await front.caller(), await front.caller(workspace="other")
    mine, other = await api.bot(PURE, "Mine"), await api.bot(PURE, "Other")
    headers = {"authorization": f"Bearer {api.token}"}
    async with on_a_port(front.app) as url, socket_to(url, headers) as wire:
        await wire.hello()
        await wire.subscribe(CHANGED, bot=mine["id"])
        await wire.next()  # it has begun
        await api.start(other["id"], input=1)
        started = await api.start(mine["id"], input=1)
        message = await wire.next()
        assert message["payload"]["data"]["executionsChanged"] == {
            "ids": [started["id"]],
            "resync": False,
        }
        foreign = (await stranger.bot(PURE, "Foreign"))["id"]
        await wire.subscribe(CHANGED, id="2", bot=foreign)
        refused = await wire.refusal()
        assert refused["id"] == "2"
        assert refused["payload"][0]["extensions"]["code"] == "NOT_FOUND"
