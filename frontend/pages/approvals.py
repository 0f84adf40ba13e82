"""What waits for a person, and what was decided lately."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.blocks import empty, notice, page_head, skeleton
from frontend.components.deciding import decide, question_of
from frontend.format import plural
from frontend.kit.elements import ago, icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import ApprovalInbox, Watch
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client, use_query

SHOWN = 50
SHOWN_DECIDED = 12
DECIDED = ["APPROVED", "REJECTED", "MODIFIED", "EXPIRED"]
WORDS = {
    "APPROVED": "Approved",
    "REJECTED": "Rejected",
    "MODIFIED": "Approved with changes",
    "EXPIRED": "Nobody decided in time",
    "WITHDRAWN": "What asked had ended",
}


@component
def ApprovalsPage() -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    waiting = use_query("approvals", {"first": SHOWN})
    only_decided = {"status": {"in": DECIDED}}
    decided = use_query("approvals", {"first": SHOWN_DECIDED, "filter": only_decided})
    answers, set_answers = use_state(0)

    async def changed(_text: str = "") -> None:
        waiting.reload()
        decided.reload()

    async def answered(found: dict[str, Any]) -> None:
        try:
            messages.say(await decide(client, found))
        finally:
            set_answers(lambda n: n + 1)
            await changed()

    return html.div(
        page_head("Approvals", _note(waiting)),
        Watch({"onChange": changed}),
        _waiting(waiting, answers, guard.js(answered)),
        _decided(decided),
    )


def _note(answer: Answer) -> str:
    if answer.data is None:
        return ""
    number = answer.data["approvals"]["totalCount"]
    return f"{plural(number, 'question')} waiting for a decision" if number else ""


def _waiting(answer: Answer, answers: int, on_decide: Any) -> Any:
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return skeleton("tall-card", 2)
    found = answer.data["approvals"]
    if not found["nodes"]:
        return empty(
            "circle-check",
            "Nothing waits for you",
            "When a bot wants to use a tool that needs a person, or a failure needs a choice, "
            "it asks here and holds no worker meanwhile.",
            html.a({"className": "button", "href": "/executions"}, "See what runs"),
        )
    hidden = found["totalCount"] - len(found["nodes"])
    more: Any = (
        html.p({"className": "muted"}, f"{plural(hidden, 'older question')} follow after these.")
        if hidden > 0
        else ""
    )
    questions = [question_of(node) for node in found["nodes"]]
    return html.div(
        ApprovalInbox(
            {
                "approvals": questions,
                "answer": answers,
                "canDecide": True,
                "onDecide": on_decide,
            }
        ),
        more,
    )


def _decided(answer: Answer) -> Any:
    nodes = answer.data["approvals"]["nodes"] if answer.data else []
    if not nodes:
        return ""
    return html.section(
        html.h2({"className": "section-head"}, "Decided lately"),
        html.ul({"className": "panel decided"}, *[_past(node) for node in nodes]),
    )


def _past(node: dict[str, Any]) -> Any:
    status = node["status"]
    good = status in {"APPROVED", "MODIFIED"}
    who = f" by {node['decidedBy']}" if node.get("decidedBy") else ""
    said: Any = html.q(node["note"]) if node.get("note") else ""
    bot = (node.get("bot") or {}).get("name", "Deleted bot")
    where = (node.get("execution") or {}).get("id")
    name = node.get("tool") or node["stepKey"].split("/")[-1]
    return html.li(
        {"key": node["id"], "data-status": status},
        icon("circle-check" if good else "circle-slash"),
        html.div(
            html.p(html.code(name), " in ", _link(where, bot)),
            html.p({"className": "muted"}, f"{_verdict(node)}{who} ", said),
        ),
        html.span({"className": "muted"}, ago(node.get("decidedAt") or node["createdAt"])),
    )


def _verdict(node: dict[str, Any]) -> Any:
    if node["kind"] == "REMEDY" and node["status"] == "MODIFIED":
        return "Tried again with changes"
    status: str = node["status"]
    return WORDS.get(status, status)


def _link(execution: str | None, text: str) -> Any:
    return html.a({"href": f"/executions/{execution}"}, text) if execution else text
