"""From a template to a running bot: shared by the empty list and the page for a new bot."""

from collections.abc import Awaitable, Callable
from typing import Any

from reactpy import use_state

from frontend.client import Client, ClientError
from frontend.kit.handlers import use_guard
from frontend.kit.place import use_nav
from frontend.kit.query import use_client

TRIES = 8


async def create_named(client: Client, name: str, source: str) -> dict[str, Any]:
    """Makes the bot; when the name is taken, with the next free number behind it."""
    for number in range(1, TRIES + 1):
        wanted = name if number == 1 else f"{name} {number}"
        try:
            payload = await client.mutate("create_bot", {"name": wanted, "source": source})
            return payload["bot"]
        except ClientError as error:
            if error.code != "CONFLICT" or number == TRIES:
                raise
    raise ClientError("This name is taken. Choose another one.", "CONFLICT")


def use_template_runner() -> tuple[str | None, Callable[[dict[str, Any]], Callable[..., Any]]]:
    """Which template is being started, and a handler per template that creates and runs it."""
    client, nav, guard = use_client(), use_nav(), use_guard()
    busy, set_busy = use_state(None)

    def run(template: dict[str, Any]) -> Callable[..., Awaitable[None]]:
        async def clicked() -> None:
            set_busy(template["id"])
            try:
                bot = await create_named(client, template["name"], template["source"])
                payload = await client.mutate(
                    "start_execution", {"botId": bot["id"], "input": template.get("sampleInput")}
                )
            finally:
                set_busy(None)
            nav.go(f"/bots/{bot['id']}", {"run": payload["execution"]["id"]})

        return guard.click(clicked)

    return busy, run
