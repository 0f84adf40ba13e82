"""The queue: what waits for its turn and what runs now, live; its order can be changed here."""

from typing import Any, cast

from reactpy import component, html, use_state

from frontend.components.blocks import empty, notice, page_head, skeleton
from frontend.components.execution_table import DELETED
from frontend.components.queue_table import queue_table
from frontend.format import plural
from frontend.kit.elements import icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import Dialog, RowKeys, Watch
from frontend.kit.messages import use_messages
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import Answer, use_client, use_query

PAGE_SIZE = 50
BOTS_SHOWN = 12


@component
def QueuePage() -> Any:
    nav, client, guard, messages = use_nav(), use_client(), use_guard(), use_messages()
    first: list[str | None] = [None]
    pages, set_pages = use_state(first)
    asked, set_asked = use_state(cast(dict[str, Any] | None, None))
    waiting = nav.query("state") != "running"
    values = {"state": "WAITING" if waiting else "RUNNING", "botId": nav.query("bot") or None}
    answer = use_query("queue", {**values, "first": PAGE_SIZE, "after": pages[-1]})

    async def changed(_text: str = "") -> None:
        answer.reload()

    def change(execution_id: str, _now: str) -> Any:
        async def picked(found: dict[str, Any]) -> None:
            priority = int(found["value"])
            given = {"executionId": execution_id, "priority": priority}
            try:
                await client.mutate("set_execution_priority", given)
            finally:
                answer.reload()
            messages.say(f"It has priority {priority} now.")

        return guard.js(picked)

    async def cancelled(_found: dict[str, Any]) -> None:
        assert asked is not None
        given = {"executionId": asked["id"], "action": "CANCEL"}
        await client.mutate("control_execution", given)
        messages.say("Cancelled.")
        answer.reload()

    async def closed(_found: dict[str, Any]) -> None:
        set_asked(None)

    def turn(cursor: str | None) -> None:
        set_pages(pages[:-1] if cursor is None else [*pages, cursor])

    handlers = {"onConfirm": guard.js(cancelled), "onClose": guard.js(closed)}
    return html.div(
        page_head("Queue", _note(answer)),
        Watch({"onChange": changed}),
        RowKeys({"rows": "[data-execution] a.cover"}),
        _halves(nav, answer, waiting, lambda: set_pages([None])),
        _bots(nav, answer, lambda: set_pages([None])),
        _body(nav, answer, waiting, change, lambda one: lambda _event: set_asked(one)),
        _pager(answer, pages, turn),
        Dialog(_question(asked) | handlers) if asked else "",
    )


def _note(answer: Answer) -> str:
    if answer.data is None:
        return ""
    found = answer.data["queue"]
    workers = found["workers"]
    if workers == 0:
        return "No worker is running: what waits stays where it is."
    parts = [f"{found['waiting']} waiting", f"{found['running']} running"]
    return ", ".join(parts) + (f" · {plural(workers, 'worker')}" if workers else "")


def _address(nav: Nav, **changes: str | None) -> str:
    query = {**nav.place.query, **changes}
    words = "&".join(f"{name}={value}" for name, value in query.items() if value)
    return f"/queue?{words}" if words else "/queue"


def _halves(nav: Nav, answer: Answer, waiting: bool, reset: Any) -> Any:
    found = answer.data["queue"] if answer.data else {}

    def half(name: str, state: str | None, count: int | None, here: bool) -> Any:
        attributes: dict[str, Any] = {
            "href": _address(nav, state=state),
            "onClick": lambda _event: reset(),
            "key": name,
        }
        number: Any = html.span({"className": "number"}, str(count)) if count else ""
        return html.a({**attributes, **({"aria-current": "true"} if here else {})}, name, number)

    return html.div(
        {"className": "filters"},
        html.nav(
            {"className": "segmented", "aria-label": "Part of the queue"},
            half("Waiting", None, found.get("waiting"), waiting),
            half("Running", "running", found.get("running"), not waiting),
        ),
    )


def _bots(nav: Nav, answer: Answer, reset: Any) -> Any:
    """How much of it is of which bot; a press leaves only that one."""
    found = answer.data["queue"]["bots"] if answer.data else []
    chosen = nav.query("bot")
    if len(found) < 2 and not chosen:
        return ""
    shown = [one for one in found[:BOTS_SHOWN] if chosen in (None, "", one["bot"]["id"])]
    links = [_bot(nav, one, chosen == one["bot"]["id"], reset) for one in shown]
    every: Any = html.a(
        {"className": "button quiet", "href": _address(nav, bot=None), "key": "every"},
        icon("x"),
        "All bots",
    )
    return html.nav(
        {"className": "queue-bots", "aria-label": "By bot"}, *links, every if chosen else ""
    )


def _bot(nav: Nav, one: dict[str, Any], here: bool, reset: Any) -> Any:
    bot, limit = one["bot"], one["bot"]["concurrency"]["limit"]
    most = f" of {limit}" if limit is not None else ""
    attributes: dict[str, Any] = {
        "className": "queue-bot",
        "href": _address(nav, bot=bot["id"]),
        "onClick": lambda _event: reset(),
        "key": bot["id"],
    }
    return html.a(
        {**attributes, **({"aria-current": "true"} if here else {})},
        html.strong(bot["name"]),
        html.span(f"{one['waiting']} waiting · {one['running']}{most} running"),
    )


def _body(nav: Nav, answer: Answer, waiting: bool, change: Any, cancel: Any) -> Any:
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return skeleton("row", 6)
    entries = answer.data["queue"]["entries"]["nodes"]
    if entries:
        return queue_table(entries, waiting, change, cancel)
    if nav.query("bot"):
        return empty(
            "funnel",
            "Nothing of this bot",
            "Other bots may have something in the queue.",
            html.a({"className": "button primary", "href": _address(nav, bot=None)}, "All bots"),
        )
    if waiting:
        return empty(
            "circle-check",
            "Nothing waits",
            "Nothing is held up. When workers are busy, or a bot runs as many "
            "at once as it may, the others stand here with the reason.",
            html.a({"className": "button", "href": "/executions"}, "All executions"),
        )
    return empty(
        "activity",
        "Nothing runs now",
        "What a worker has in its hands stands here, the oldest first.",
        html.a({"className": "button", "href": "/bots"}, "Choose a bot to run"),
    )


def _pager(answer: Answer, pages: list[str | None], turn: Any) -> Any:
    info = answer.data["queue"]["entries"]["pageInfo"] if answer.data else {}
    more = bool(info.get("hasNextPage"))
    if len(pages) == 1 and not more:
        return ""

    def button(name: str, cursor: str | None, possible: bool) -> Any:
        attributes = {"className": "button small", "type": "button", "disabled": not possible}
        return html.button({**attributes, "onClick": lambda _event: turn(cursor)}, name)

    return html.nav(
        {"className": "pager", "aria-label": "Pages"},
        button("Sooner", None, len(pages) > 1),
        html.span(f"Page {len(pages)}"),
        button("Later", info.get("endCursor") or "", more),
    )


def _question(execution: dict[str, Any]) -> dict[str, Any]:
    name = (execution["bot"] or DELETED)["name"]
    return {
        "title": f"Cancel this execution of {name}?",
        "text": "What is finished of it stays stored; it can be done again later.",
        "confirm": "Cancel the execution",
        "danger": True,
    }
