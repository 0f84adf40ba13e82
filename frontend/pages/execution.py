"""One execution. The picture itself is live and drawn in the browser from numbered events."""

from typing import Any, cast

from reactpy import component, html, use_state

from frontend.client import ClientError
from frontend.components.blocks import notice, skeleton
from frontend.components.deciding import decide, question_of
from frontend.kit.elements import title
from frontend.kit.handlers import Guard, use_guard
from frontend.kit.js import Dialog, ExecutionView
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.execution_acts import Acts, replayable
from frontend.pages.execution_dialogs import EventDialog, ModifyDialog
from frontend.pages.not_found import missing

DELETE = {
    "title": "Delete this execution?",
    "text": "It goes for good, with its steps, events and files. What it spent stays in the costs, "
    "and recordings of it stay.",
    "confirm": "Delete it",
    "danger": True,
}


@component
def ExecutionPage() -> Any:
    execution_id = use_nav().parameters["execution_id"]
    answer = use_query("execution", {"id": execution_id})
    if answer.error:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return html.div(skeleton("head"), skeleton("strip"), skeleton("half", 2))
    execution = answer.data["execution"]
    if execution is None:
        return html.div(
            html.h1({"className": "visually-hidden"}, "Not found"), missing("execution")
        )
    name = (execution["bot"] or {}).get("name", "Deleted bot")
    return html.div(title(f"{name}, execution"), Desk(execution, answer, key=execution_id))


@component
def Desk(execution: dict[str, Any], answer: Answer) -> Any:
    nav, client, guard, messages = use_nav(), use_client(), use_guard(), use_messages()
    acts = Acts(execution, client, nav, messages)
    asked, set_asked = use_state(execution["status"] == "WAITING")
    questions = use_query(
        "approvals",
        {"filter": {"executionId": execution["id"], "withStarted": True}},
        wanted=bool(asked),
    )
    answers, set_answers = use_state(0)
    refused, set_refused = use_state(0)
    dialog, set_dialog = use_state(cast(dict[str, Any] | None, None))

    async def rerun(found: dict[str, Any]) -> None:
        try:
            await acts.rerun(found)
        except ClientError:
            set_refused(lambda n: n + 1)
            raise

    async def decided(found: dict[str, Any]) -> None:
        try:
            messages.say(await decide(client, found))
        finally:
            set_answers(lambda n: n + 1)
            questions.reload()

    async def more(_found: dict[str, Any]) -> None:
        set_asked(True)
        questions.reload()

    async def modify(found: dict[str, Any]) -> None:
        set_dialog({"what": "modify", "entity": found.get("entity")})

    async def send(found: dict[str, Any]) -> None:
        set_dialog({"what": "event", "event": found["event"]})

    async def remove(_found: dict[str, Any]) -> None:
        set_dialog({"what": "delete"})

    can, taped = execution["viewerCan"], replayable(execution)
    handlers = {"onDecide": guard.js(decided), "onAsked": guard.js(more)}
    view = ExecutionView(
        {
            "execution": execution,
            "approvals": _questions(questions),
            "answer": answers,
            "refused": refused,
            "onControl": guard.js(acts.control),
            "onAgain": guard.js(acts.again),
            "onRerun": guard.js(rerun) if execution["bot"] else None,
            "onReplay": guard.js(acts.replay) if taped else None,
            "onKeep": guard.js(acts.keep) if taped else None,
            "onModify": guard.js(modify),
            "onDelete": guard.js(remove),
            "onSend": guard.js(send) if can["cancel"] else None,
            **(handlers if can["cancel"] or can["retry"] else {"onAsked": handlers["onAsked"]}),
        }
    )
    return html.div(view, _dialog(acts, dialog, guard, lambda _changed: set_dialog(None)))


def _dialog(acts: Acts, dialog: dict[str, Any] | None, guard: Guard, closed: Any) -> Any:
    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    match dialog:
        case {"what": "delete"}:
            handlers = {"onConfirm": guard.js(acts.delete), "onClose": guard.js(close)}
            return Dialog(DELETE | handlers)
        case {"what": "modify", "entity": entity}:
            return ModifyDialog(acts.execution["id"], entity, closed)
        case {"what": "event", "event": event}:
            return EventDialog(event, closed)
        case _:
            return ""


def _questions(answer: Answer) -> list[dict[str, Any]]:
    nodes = answer.data["approvals"]["nodes"] if answer.data else []
    return [question_of(node) for node in nodes]
