"""One act on all bots of the list that were chosen."""

from collections.abc import Callable
from typing import Any, cast

from reactpy import component, html, use_state

from frontend.format import plural
from frontend.kit.handlers import use_guard
from frontend.kit.js import BulkBar, Dialog, FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client
from frontend.pages.bot_dialogs import words_of

DONE = {
    "TAG": "tagged",
    "ARCHIVE": "archived",
    "UNARCHIVE": "taken back",
    "DELETE": "deleted",
}


@component
def Bulk(bots: list[dict[str, Any]], reload: Callable[[], None], archived: bool) -> Any:
    """What happens to all bots that are chosen. Each succeeds or fails for itself."""
    client, guard, messages = use_client(), use_guard(), use_messages()
    start: dict[str, Any] = {"n": 0}
    answer, set_answer = use_state(start)
    asked, set_asked = use_state(cast(dict[str, Any] | None, None))

    async def act(action: str, ids: list[str], tags: list[str] | None = None) -> None:
        values = {"botIds": ids, "action": action, **({"tags": tags} if tags else {})}
        failed: list[dict[str, Any]] = []
        try:
            payload = await client.mutate("change_bots", values)
            failed = [one for one in payload["results"] if one["errors"]]
            _tell(messages, action, len(ids) - len(failed), failed)
        finally:
            keep = [one["botId"] for one in failed]
            set_answer(lambda old: {"n": old["n"] + 1, "done": True, "keep": keep})
        reload()

    async def chosen(found: dict[str, Any]) -> None:
        if found["action"] in ("TAG", "DELETE"):
            set_asked(found)
        else:
            await act(found["action"], found["ids"])

    async def confirmed(_found: dict[str, Any]) -> None:
        await act("DELETE", asked["ids"] if asked else [])

    async def closed(_found: dict[str, Any]) -> None:
        set_asked(None)

    async def tagged(found: dict[str, Any]) -> None:
        ids = asked["ids"] if asked else []
        set_asked(None)
        await act("TAG", ids, words_of(found["values"]["tags"]))

    ask: Any = ""
    if asked:
        number = plural(len(asked["ids"]), "bot")
        handlers = {"onClose": guard.js(closed)}
        if asked["action"] == "DELETE":
            ask = Dialog(_delete_many(number) | handlers | {"onConfirm": guard.js(confirmed)})
        else:
            ask = FormDialog(_tag_many(number) | handlers | {"onSubmit": guard.js(tagged)})
    shown = [{"id": bot["id"], "name": bot["name"]} for bot in bots]
    bar = BulkBar(
        {
            "items": shown,
            "item": "[data-bot]",
            "label": "Chosen bots",
            "acts": _acts(archived),
            "exportTo": "/bundles/bots.zip",
            "answer": answer,
            "onAct": guard.js(chosen),
        }
    )
    return html.div(bar, ask)


def _acts(archived: bool) -> list[dict[str, Any]]:
    away = {"action": "ARCHIVE", "icon": "archive", "words": "Archive", "last": True}
    back = {"action": "UNARCHIVE", "icon": "rotate-cw", "words": "Take back", "last": True}
    return [
        {"action": "TAG", "icon": "tag", "words": "Tag", "asks": True},
        back if archived else away,
        {"action": "DELETE", "icon": "trash-2", "words": "Delete", "asks": True, "last": True},
    ]


def _delete_many(number: str) -> dict[str, Any]:
    return {
        "title": f"Delete {number}?",
        "text": "Their texts, versions and executions will be gone from every list. The archive "
        "puts them away without losing them.",
        "confirm": f"Delete {number}",
        "danger": True,
    }


def _tag_many(number: str) -> dict[str, Any]:
    field = {
        "name": "tags",
        "label": "Tags",
        "type": "text",
        "required": True,
        "placeholder": "nightly, customers",
        "help": "With commas between them.",
    }
    return {
        "title": f"Tag {number}",
        "text": "These come beside the tags that are there.",
        "fields": [field],
        "confirm": "Tag",
    }


def _tell(messages: Any, action: str, done: int, failed: list[dict[str, Any]]) -> None:
    if done:
        messages.say(f"{plural(done, 'bot')} {DONE[action]}.")
    if failed:
        first = failed[0]["errors"][0]["message"]
        messages.error(f"{plural(len(failed), 'bot')} left as before: {first}")
