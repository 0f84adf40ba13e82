"""One bot: its text on the left, a run of it on the right, its last executions below."""

from typing import Any

from reactpy import component, html, use_ref, use_state

from frontend.components.blocks import notice, skeleton
from frontend.components.execution_table import execution_table
from frontend.kit.elements import icon, title
from frontend.kit.handlers import use_guard
from frontend.kit.js import RunPanel, Studio
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.bot_head import BotHead
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
        BotHead({**bot, **(desk.view.facts or {})}, answer.reload, "Text and runs", key="head"),
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
    is_recorded, set_recorded = use_state(False)
    recordings = use_query("recordings", {"botId": bot["id"], "first": 50}, wanted=is_recorded)
    messages = use_messages()

    async def run(wanted: dict[str, Any]) -> None:
        try:
            await desk.save_before_run(wanted.get("draft"))
            payload = await client.mutate("start_execution", _start(bot["id"], wanted))
        finally:
            set_answers(lambda n: n + 1)
        nav.go(f"/bots/{bot['id']}", {"run": payload["execution"]["id"]}, replace=True)

    async def cancel(wanted: dict[str, Any]) -> None:
        await client.mutate("control_execution", {"executionId": wanted["id"], "action": "CANCEL"})

    async def forget(wanted: dict[str, Any]) -> None:
        payload = await client.mutate("delete_recording", {"recordingId": wanted["id"]})
        messages.say(f"The recording “{payload['recording']['name']}” is deleted.")
        recordings.reload()

    async def recorded(_found: dict[str, Any]) -> None:
        set_recorded(True)

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
            "draft": desk.draft.version,
            "recordings": recordings.data["recordings"]["nodes"] if recordings.data else None,
            "onRecorded": guard.js(recorded),
            "onForget": guard.js(forget),
            "onRun": guard.js(run),
            "onCancel": guard.js(cancel),
            "onFinished": guard.js(finished),
        }
    )


def _start(bot_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Without an input the bot's own run(…) line counts; null would be an input."""
    given = {} if wanted.get("empty") else {"input": wanted.get("input")}
    how = {"mode": wanted.get("mode", "LIVE"), "idempotencyKey": wanted.get("key")}
    named = {name: wanted[name] for name in ("recordingId", "continues") if wanted.get(name)}
    return {"botId": bot_id, **how, **named, **given}
