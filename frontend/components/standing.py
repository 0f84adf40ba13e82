"""A line above every page while nothing can be changed."""

import asyncio
from typing import Any

from reactpy import component, html, use_async_effect, use_state

from frontend.client import ClientError
from frontend.kit.elements import icon
from frontend.kit.query import use_client

EVERY_SECONDS = 5.0
WORDS = (
    "Nothing can be changed at the moment: the database takes no writes, mostly because its disk "
    "is full. Make space there; executions wait and go on by themselves."
)


@component
def ReadOnly() -> Any:
    """Asks again and again: it must appear, and go away, without a reload."""
    client = use_client()
    writable, set_writable = use_state(True)

    async def watch() -> None:
        while True:
            try:
                found = await client.query("standing", {})
            except ClientError:
                found = None
            if found is not None:
                set_writable(found["health"]["writable"])
            await asyncio.sleep(EVERY_SECONDS)

    use_async_effect(watch, dependencies=[])
    if writable:
        return ""
    return html.div(
        {"className": "note read-only", "role": "alert"},
        icon("triangle-alert"),
        html.p(html.strong("Read only. "), WORDS),
    )
