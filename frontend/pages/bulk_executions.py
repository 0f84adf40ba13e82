"""One act on many executions: those that were chosen in the list, or all that its filter finds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from reactpy import component, html, use_state

from frontend.client import Client
from frontend.format import plural
from frontend.kit.handlers import use_guard
from frontend.kit.js import BulkBar, Dialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client

CALLS = {"CANCEL": "cancel_executions", "DELETE": "delete_executions"}
DONE = {"CANCEL": "cancelled", "DELETE": "deleted"}
ROUNDS = 50
ACTS: list[dict[str, Any]] = [
    {"action": "CANCEL", "icon": "circle-slash", "words": "Cancel", "only": "open"},
    {"action": "DELETE", "icon": "trash-2", "words": "Delete", "only": "ended"},
]


@dataclass
class Told:
    done: int = 0
    left: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@component
def BulkExecutions(
    executions: list[dict[str, Any]], total: int, where: dict[str, Any], reload: Callable[[], None]
) -> Any:
    """`where`: the filter of the list, for when everything that it finds is chosen."""
    client, guard, messages = use_client(), use_guard(), use_messages()
    start: dict[str, Any] = {"n": 0}
    answer, set_answer = use_state(start)
    asked, set_asked = use_state(cast(dict[str, Any] | None, None))

    async def chosen(found: dict[str, Any]) -> None:
        # What comes later was not looked at, and is not meant.
        set_asked({**found, "until": _now()})

    async def confirmed(_found: dict[str, Any]) -> None:
        keep: list[str] = []
        try:
            if asked is not None:
                told = await _do(client, asked, where)
                keep = [one["executionId"] for one in told.failed]
                _tell(messages, asked["action"], told)
        finally:
            set_answer(lambda old: {"n": old["n"] + 1, "done": True, "keep": keep})
        reload()

    async def closed(_found: dict[str, Any]) -> None:
        set_asked(None)

    bar = BulkBar(
        {
            "items": [_item(one) for one in executions],
            "item": "[data-execution]",
            "label": "Chosen executions",
            "acts": [{**act, "asks": True} for act in ACTS],
            "total": total,
            "answer": answer,
            "onAct": guard.js(chosen),
        }
    )
    handlers = {"onConfirm": guard.js(confirmed), "onClose": guard.js(closed)}
    return html.div(bar, Dialog(_words(asked) | handlers) if asked else "")


def may_choose(executions: list[dict[str, Any]]) -> bool:
    return any(one["open"] or one["ended"] for one in map(_item, executions))


def _item(execution: dict[str, Any]) -> dict[str, Any]:
    can = execution["viewerCan"]
    return {"id": execution["id"], "open": can["cancel"], "ended": can["delete"]}


async def _do(client: Client, asked: dict[str, Any], where: dict[str, Any]) -> Told:
    name, told = CALLS[asked["action"]], Told()
    if not asked["everything"]:
        _add(told, await client.mutate(name, {"executionIds": asked["ids"]}))
        return told
    created = {**where.get("createdAt", {}), "lte": asked["until"]}
    for _ in range(ROUNDS):
        payload = await client.mutate(name, {"filter": {**where, "createdAt": created}})
        _add(told, payload)
        if not payload["doneCount"] or not payload["remainingCount"]:
            break
    return told


def _add(told: Told, payload: dict[str, Any]) -> None:
    told.done += payload["doneCount"]
    told.left = payload["remainingCount"]
    told.failed += [one for one in payload["results"] if one["errors"]]


def _words(asked: dict[str, Any]) -> dict[str, Any]:
    some = plural(len(asked["ids"]), "execution")
    if asked["action"] == "CANCEL":
        what = "all that this filter finds and has not ended" if asked["everything"] else some
        return {
            "title": f"Cancel {what}?",
            "text": "A call under way is broken off, and sub-bots end too. What is finished stays "
            "stored, and what was spent stays spent.",
            "confirm": "Cancel them",
            "keep": "Let them run",
            "danger": True,
        }
    what = "all that this filter finds and has ended" if asked["everything"] else some
    return {
        "title": f"Delete {what}?",
        "text": "They go for good, with their steps, events and files. What was spent stays in "
        "the costs.",
        "confirm": "Delete them",
        "keep": "Keep them",
        "danger": True,
    }


def _tell(messages: Any, action: str, told: Told) -> None:
    if told.done or not told.failed:
        messages.say(f"{plural(told.done, 'execution')} {DONE[action]}.")
    if told.failed:
        first = told.failed[0]["errors"][0]["message"]
        messages.error(f"{plural(len(told.failed), 'execution')} left as before: {first}")
    if told.left:
        messages.say(f"{told.left} more are left; choose all of them once more.", "info")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
