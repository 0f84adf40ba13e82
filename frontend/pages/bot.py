"""One bot: its text on the left, a run of it on the right, its last executions below."""

from typing import Any

from reactpy import component, html, use_ref, use_state

from frontend.components.badges import bot_tile, state_pill
from frontend.components.blocks import notice, skeleton
from frontend.components.execution_table import execution_table
from frontend.format import plural
from frontend.kit.elements import icon, title
from frontend.kit.handlers import use_guard
from frontend.kit.js import Dialog, RunPanel, Studio
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.desk import use_desk
from frontend.pages.not_found import missing


@component
def BotPage() -> Any:
    bot_id = use_nav().parameters["bot_id"]
    answer = use_query("bot", {"id": bot_id})
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return html.div(skeleton("head"), skeleton("half", 2))
    if answer.data["bot"] is None:
        return html.div(html.h1({"className": "visually-hidden"}, "Not found"), missing("bot"))
    return Desk(answer.data["bot"], answer, key=bot_id)


@component
def Desk(bot: dict[str, Any], answer: Answer) -> Any:
    desk = use_desk(bot)
    return html.div(
        {"className": "bot-page"},
        title(bot["name"]),
        Head({**bot, **(desk.view.facts or {})}, answer),
        html.div(
            {"className": "split studio-split"},
            Studio(desk.studio()),
            html.div(
                {"className": "column"},
                Run(bot, answer, desk),
                _recent(bot),
            ),
        ),
    )


def _recent(bot: dict[str, Any]) -> Any:
    runs = bot["executions"]["nodes"]
    if not runs:
        return ""
    return html.section(
        {"className": "panel", "aria-label": "Last executions"},
        html.header(
            {"className": "panel-head"},
            html.h2("Last executions"),
            html.span({"className": "spacer"}),
            html.a(
                {"className": "button small quiet", "href": f"/executions?bot={bot['id']}"},
                f"All {bot['executionCount']:,}",
                icon("arrow-right"),
            ),
        ),
        execution_table(runs, with_bot=False),
    )


@component
def Run(bot: dict[str, Any], answer: Answer, desk: Any) -> Any:
    nav, client, guard = use_nav(), use_client(), use_guard()
    chosen = nav.query("run")
    last = bot["executions"]["nodes"][0]["id"] if bot["executions"]["nodes"] else None
    first = use_ref(last)
    shown = chosen or first.current
    found = use_query("execution", {"id": shown}, wanted=shown is not None)
    answers, set_answers = use_state(0)

    async def run(wanted: dict[str, Any]) -> None:
        try:
            await desk.save_before_run(wanted.get("draft"))
            # Without an input the bot's own run(…) line counts; null would be an input.
            given = {} if wanted.get("empty") else {"input": wanted.get("input")}
            how = {"mode": wanted.get("mode", "LIVE"), "idempotencyKey": wanted.get("key")}
            values = {"botId": bot["id"], **how, **given}
            payload = await client.mutate("start_execution", values)
        finally:
            set_answers(lambda n: n + 1)
        nav.go(f"/bots/{bot['id']}", {"run": payload["execution"]["id"]}, replace=True)

    async def cancel(wanted: dict[str, Any]) -> None:
        await client.mutate("control_execution", {"executionId": wanted["id"], "action": "CANCEL"})

    async def finished(_found: dict[str, Any]) -> None:
        answer.reload()

    execution = (found.data or {}).get("execution")
    ready = execution is not None and execution["id"] == shown
    return RunPanel(
        {
            "botId": bot["id"],
            "schema": desk.view.schema,
            "sample": bot.get("sampleInput"),
            "executionId": shown if ready else None,
            "execution": execution if ready else None,
            "answer": answers,
            "canRun": bot["viewerCan"]["run"],
            "onRun": guard.js(run),
            "onCancel": guard.js(cancel),
            "onFinished": guard.js(finished),
        }
    )


@component
def Head(bot: dict[str, Any], answer: Answer) -> Any:
    client, guard, messages, nav = use_client(), use_guard(), use_messages(), use_nav()
    asking, set_asking = use_state(False)
    can = bot["viewerCan"]

    async def publish() -> None:
        payload = await client.mutate("publish_bot", {"botId": bot["id"]})
        number = (payload["bot"].get("published") or {}).get("number")
        messages.say(f"Version {number} is live." if number else "Published.")
        answer.reload()

    async def delete(_found: dict[str, Any]) -> None:
        await client.mutate("delete_bot", {"botId": bot["id"]})
        messages.say(f"{bot['name']} was deleted.")
        nav.go("/bots")

    async def close(_found: dict[str, Any]) -> None:
        set_asking(False)

    question: Any = (
        Dialog(
            {
                "title": f"Delete {bot['name']}?",
                "text": f"Its text, its versions and {plural(bot['executionCount'], 'execution')} "
                "will be gone from every list.",
                "confirm": "Delete the bot",
                "danger": True,
                "onConfirm": guard.js(delete),
                "onClose": guard.js(close),
            }
        )
        if asking
        else ""
    )
    return html.header(
        {"className": "page-head bot-head"},
        bot_tile(bot["name"], bot.get("icon"), large=True),
        html.div(
            html.h1(bot["name"], state_pill(bot["state"])),
            html.p({"className": "page-note"}, _note(bot)),
        ),
        html.div(
            {"className": "actions"},
            _publish(bot, can["publish"], guard.click(publish)),
            _delete(can["delete"], lambda _event: set_asking(True)),
        ),
        question,
    )


def _note(bot: dict[str, Any]) -> str:
    words = [bot.get("description") or ""]
    published = bot.get("published")
    words.append(f"Version {published['number']} is live." if published else "Not published yet.")
    return " · ".join(word.rstrip(".") for word in words if word)


def _publish(bot: dict[str, Any], allowed: bool, on_click: Any) -> Any:
    if not allowed:
        return ""
    return html.button(
        {"className": "button", "type": "button", "onClick": on_click}, icon("rocket"), "Publish"
    )


def _delete(allowed: bool, on_click: Any) -> Any:
    if not allowed:
        return ""
    return html.button(
        {
            "className": "icon-button",
            "type": "button",
            "aria-label": "Delete the bot",
            "title": "Delete the bot",
            "onClick": on_click,
        },
        icon("trash-2"),
    )
