"""Lines above every page while nothing can be changed, nobody takes new work, or few requests are
left."""

import asyncio
from typing import Any

from reactpy import component, html, use_async_effect, use_state

from frontend.client import ClientError
from frontend.components.points import are_few, points_left
from frontend.kit.elements import icon
from frontend.kit.query import use_client

EVERY_SECONDS = 5.0
WORDS = (
    "Nothing can be changed at the moment: the database takes no writes, mostly because its disk "
    "is full. Make space there; executions wait and go on by themselves."
)
IDLE = (
    "Executions wait in the queue and begin by themselves when there is one. "
    "Start it with the settings of the server: baleybots worker"
)
CROWDED = (
    "Every worker holds more than it may: what runs goes on, and the rest waits in the queue or "
    "begins one at a time until they hold less. Give them more memory, or start more of them."
)
FEW, NONE = "Few requests are left. ", "Too many requests. "
GOES_ON = "Executions go on all the same."
NOTHING: tuple[str, str] = ("", "")


@component
def Standing() -> Any:
    """Asks again and again: it must appear, and go away, without a reload."""
    client = use_client()
    writable, set_writable = use_state(True)
    staffed, set_staffed = use_state(True)
    roomy, set_roomy = use_state(True)
    (title, words), set_short = use_state(NOTHING)

    async def watch() -> None:
        while True:
            try:
                found = await client.query("standing", {})
            except ClientError as refused:
                set_short((NONE, str(refused)) if refused.code == "RATE_LIMITED" else NOTHING)
            else:
                health = found["health"]
                set_writable(health["writable"])
                set_staffed(health["workers"] != 0)
                set_roomy(not _all_short(health))
                left = found["viewer"]["rateLimit"]
                set_short((FEW, points_left(left)) if are_few(left) else NOTHING)
            await asyncio.sleep(EVERY_SECONDS)

    use_async_effect(watch, dependencies=[])
    if writable and staffed and roomy and not words:
        return ""
    return html.div(
        {"className": "standing"},
        "" if writable else _note("read-only", "Read only. ", WORDS),
        "" if staffed else _note("no-worker", "No worker is running. ", IDLE),
        "" if roomy else _note("crowded", "Memory is short. ", CROWDED),
        _note("few-requests", title, f"{words} {GOES_ON}") if words else "",
    )


def _all_short(health: dict[str, Any]) -> bool:
    """One that still has room is enough for everything to begin, if later."""
    return 0 < (health["workers"] or 0) <= (health["workersShortOfMemory"] or 0)


def _note(name: str, title: str, words: str) -> Any:
    return html.div(
        {"className": f"note {name}", "role": "alert", "key": name},
        icon("triangle-alert"),
        html.p(html.strong(title), words),
    )
