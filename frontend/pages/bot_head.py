"""The head of a bot, over its text and over its versions: state, ways there, what can be done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reactpy import component, html, use_state

from frontend.components.badges import bot_tile, state_pill
from frontend.format import plural
from frontend.kit.elements import icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import Dialog
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import use_client
from frontend.pages import bot_dialogs as forms
from frontend.pages.bot_dialogs import BotForm
from frontend.pages.concurrency_dialog import ConcurrencyDialog
from frontend.pages.retention_dialog import RetentionDialog

SAID = {
    "PAUSE": "is paused: its triggers rest.",
    "RESUME": "is active again.",
    "ARCHIVE": "is in the archive.",
    "UNARCHIVE": "is back.",
    "UNPUBLISH": "has no live version any more.",
    "DELETE": "was deleted.",
}


@dataclass(frozen=True)
class Act:
    """A line of the menu."""

    mark: str
    words: str
    on_click: Any
    danger: bool = False


@component
def BotHead(bot: dict[str, Any], reload: Callable[[], None], here: str) -> Any:
    form, set_form = use_state(None)
    asking, set_asking = use_state(False)
    keeping, set_keeping = use_state(False)
    limiting, set_limiting = use_state(False)
    act = use_acts(bot, reload)
    can = bot["viewerCan"]

    def closed(changed: bool) -> None:
        set_form(None)
        if changed:
            reload()

    async def deleted(_found: dict[str, Any]) -> None:
        await act("DELETE")

    async def kept(_found: dict[str, Any]) -> None:
        set_asking(False)

    opens = lambda made: lambda _event: set_form(made)  # noqa: E731
    keep = lambda _event: set_keeping(True)  # noqa: E731
    limit = lambda _event: set_limiting(True)  # noqa: E731
    menu = _menu(bot, act, opens, keep, limit, lambda _event: set_asking(True))
    return html.header(
        {"className": "page-head bot-head"},
        bot_tile(bot["name"], bot.get("icon"), large=True),
        html.div(
            html.h1(bot["name"], state_pill(bot["state"]), *_tags(bot)),
            html.p({"className": "page-note"}, _note(bot)),
        ),
        html.div(
            {"className": "actions"},
            _publish(bot, can["publish"], opens(forms.publish_form(bot))),
            menu,
        ),
        _places(bot, here),
        BotForm(form, closed, key=form["title"]) if form else "",
        _question(bot, deleted, kept) if asking else "",
        RetentionDialog(bot, lambda _changed: set_keeping(False)) if keeping else "",
        ConcurrencyDialog(bot, lambda _changed: set_limiting(False)) if limiting else "",
    )


def use_acts(bot: dict[str, Any], reload: Callable[[], None]) -> Callable[[str], Any]:
    client, guard, messages, nav = use_client(), use_guard(), use_messages(), use_nav()

    async def act(action: str) -> None:
        values = {"botIds": [bot["id"]], "action": action}
        payload = await client.mutate("change_bots", values)
        errors = payload["results"][0]["errors"]
        if errors:
            messages.error(errors[0]["message"])
            return
        messages.say(f"{bot['name']} {SAID[action]}")
        if action in ("DELETE", "ARCHIVE"):
            nav.go("/bots")
        else:
            reload()

    async def guarded(action: str) -> None:
        await guard.click(lambda: act(action))()

    return guarded


def _note(bot: dict[str, Any]) -> str:
    words = [bot.get("description") or ""]
    published = bot.get("published")
    if not published:
        words.append("Not published yet.")
    elif bot.get("draftIsLive"):
        words.append(f"Version {published['number']} is live.")
    else:
        words.append(f"Version {published['number']} is live; the draft is newer.")
    return " · ".join(word.rstrip(".") for word in words if word)


def _tags(bot: dict[str, Any]) -> list[Any]:
    return [
        html.a({"className": "chip tag", "href": f"/bots?tag={tag}", "key": tag}, icon("tag"), tag)
        for tag in bot.get("tags") or []
    ]


def _places(bot: dict[str, Any], here: str) -> Any:
    def place(name: str, target: str, mark: str) -> Any:
        attributes: dict[str, Any] = {"href": f"/bots/{bot['id']}{target}", "key": name}
        if name == here:
            attributes["aria-current"] = "page"
        return html.a(attributes, icon(mark), name)

    return html.nav(
        {"className": "tabs bot-tabs", "aria-label": "Parts of the bot"},
        place("Text and runs", "", "code-xml"),
        place("Versions", "/versions", "history"),
    )


def _publish(bot: dict[str, Any], allowed: bool, on_click: Any) -> Any:
    if not allowed or bot["state"] == "ARCHIVED":
        return ""
    live = bool(bot.get("draftIsLive"))
    attributes: dict[str, Any] = {
        "className": "button",
        "type": "button",
        "onClick": on_click,
        "disabled": live,
    }
    if live:
        attributes["title"] = "The draft is what is live"
    return html.button(attributes, icon("rocket"), "Live" if live else "Publish")


def _menu(bot: dict[str, Any], act: Any, opens: Any, keep: Any, limit: Any, ask: Any) -> Any:
    can, state = bot["viewerCan"], bot["state"]
    does = lambda action: lambda _event: act(action)  # noqa: E731
    lines: list[Act] = []
    if can["edit"]:
        lines += [
            Act("pen-line", "Rename", opens(forms.rename_form(bot))),
            Act("tag", "Tags", opens(forms.tags_form(bot))),
            Act("copy", "Duplicate", opens(forms.duplicate_form(bot))),
            Act("timer", "Keep executions", keep),
            Act("list-ordered", "Run at once…", limit),
        ]
    if can["publish"] and state == "ACTIVE":
        lines.append(Act("pause", "Pause the triggers", does("PAUSE")))
    if can["publish"] and state == "PAUSED" and bot.get("published"):
        lines.append(Act("play", "Resume the triggers", does("RESUME")))
    if can["publish"] and bot.get("published"):
        lines.append(Act("undo-2", "Unpublish", does("UNPUBLISH")))
    if can["edit"] and state == "ARCHIVED":
        lines.append(Act("rotate-cw", "Take out of the archive", does("UNARCHIVE")))
    elif can["edit"]:
        lines.append(Act("archive", "Archive", does("ARCHIVE")))
    if can["delete"]:
        lines.append(Act("trash-2", "Delete", ask, danger=True))
    return html.details(
        {"className": "menu", "data-menu": "true"},
        html.summary(
            {"className": "icon-button", "aria-label": "More", "title": "More"}, icon("ellipsis")
        ),
        html.div({"className": "menu-list"}, _export(bot), *[_line(line) for line in lines]),
    )


def _export(bot: dict[str, Any]) -> Any:
    attributes = {"href": f"/bundles/bots.zip?bot={bot['id']}", "download": "bots.zip"}
    return html.a({**attributes, "key": "export"}, icon("download"), "Export")


def _line(line: Act) -> Any:
    attributes: dict[str, Any] = {"type": "button", "onClick": line.on_click, "key": line.words}
    if line.danger:
        attributes["className"] = "bad"
    return html.button(attributes, icon(line.mark), line.words)


def _question(bot: dict[str, Any], deleted: Any, kept: Any) -> Any:
    guard = use_guard()
    runs = plural(bot.get("executionCount") or 0, "execution")
    return Dialog(
        {
            "title": f"Delete {bot['name']}?",
            "text": f"Its text, its versions and {runs} will be gone from every list. The archive "
            "puts it away without losing it.",
            "confirm": "Delete the bot",
            "danger": True,
            "onConfirm": guard.js(deleted),
            "onClose": guard.js(kept),
        }
    )
