"""Bots from a bundle: what it would do, decided line by line, and then all of it or nothing."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.blocks import empty, notice, page_head, skeleton
from frontend.format import plural
from frontend.kit.elements import icon
from frontend.kit.handlers import message, use_guard
from frontend.kit.js import BundleUpload, Difference, Select
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import use_client, use_query

WORDS = {
    "CREATE": ("New", "Will be made, as a draft"),
    "UPDATE": ("Change", "Its draft will be replaced"),
    "UNCHANGED": ("Same", "Is here just so"),
    "CONFLICT": ("Conflict", "Was changed here too"),
}
RESOLUTIONS = [
    {"value": "", "label": "Decide …"},
    {"value": "SKIP", "label": "Keep what is here"},
    {"value": "OVERWRITE", "label": "Take the bundle's"},
    {"value": "COPY", "label": "Take it as a copy"},
]
NOTE = "Bots from another workspace or server. You see what would change before anything does."


@component
def ImportPage() -> Any:
    nav = use_nav()
    bundle = nav.query("bundle")

    @message
    async def uploaded(found: dict[str, Any]) -> None:
        nav.go("/bots/import", {"bundle": found["bundleId"]})

    return html.div(
        html.nav(
            {"className": "crumbs", "aria-label": "Way here"},
            html.a({"href": "/bots"}, "Bots"),
            icon("chevron-right"),
            html.span("Import"),
        ),
        page_head("Import bots", NOTE, _other_file() if bundle else ""),
        Preview(bundle, key=bundle) if bundle else BundleUpload({"onUpload": uploaded}),
        "" if bundle else _help(),
    )


def _other_file() -> Any:
    return html.a({"className": "button", "href": "/bots/import"}, icon("upload"), "Another file")


def _help() -> Any:
    return html.section(
        {"className": "card import-help"},
        html.h2("What is in a bundle"),
        html.ul(
            html.li("The text of each bot, with its tags and what was said about the version."),
            html.li("Which connections and tools the bots need, by name. Never a key."),
        ),
        html.p(
            "Everything that arrives is a draft: nothing runs and no trigger is live until you "
            "publish it. To make a bundle, choose bots in the list and press Export."
        ),
    )


@component
def Preview(bundle: str) -> Any:
    answer = use_query("preview_import", {"id": bundle})
    start: dict[str, str] = {}
    decided, set_decided = use_state(start)
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return skeleton("row", 6)
    found = answer.data["previewImport"]
    if not found["items"]:
        return empty("package", "This bundle is empty", "It holds no bot.", _other_file())

    def decide(name: str, resolution: str) -> None:
        set_decided(lambda old: {**old, name: resolution})

    open_ones = [
        item["name"]
        for item in found["items"]
        if item["status"] == "CONFLICT" and not decided.get(item["name"])
    ]
    return html.div(
        {"className": "import"},
        _missing(found),
        html.ul(
            {"className": "panel import-items", "aria-label": "Bots in the bundle"},
            *[
                Item(bundle, item, decided.get(item["name"], ""), decide, key=item["name"])
                for item in found["items"]
            ],
        ),
        Apply(bundle, found, decided, open_ones, answer.reload, key="apply"),
    )


def _missing(found: dict[str, Any]) -> Any:
    stubs = found["missingConnections"]
    if not stubs:
        return ""
    names = ", ".join(sorted({f"{stub['kind']} ({stub['name']})" for stub in stubs}))
    return html.div(
        {"className": "note"},
        icon("plug"),
        html.p(f"Not set up here: {names}. The bots arrive anyway and cannot use it before."),
        html.a({"className": "button small", "href": "/connections"}, "AI connections"),
    )


@component
def Item(bundle: str, item: dict[str, Any], resolution: str, decide: Any) -> Any:
    open_, set_open = use_state(False)
    word, told = WORDS[item["status"]]
    compared = item.get("comparison")

    @message
    async def picked(found: dict[str, Any]) -> None:
        decide(item["name"], found["value"])

    choice: Any = ""
    if item["status"] == "CONFLICT":
        label = f"What happens to {item['name']}"
        choice = Select(
            {
                "label": label,
                "quietLabel": True,
                "value": resolution,
                "options": RESOLUTIONS,
                "onChange": picked,
            }
        )
    show: Any = ""
    if compared and (compared["linesAdded"] or compared["linesRemoved"]):
        show = html.button(
            {
                "className": "button small quiet",
                "type": "button",
                "aria-expanded": "true" if open_ else "false",
                "onClick": lambda _event: set_open(not open_),
            },
            icon("git-compare"),
            f"+{compared['linesAdded']} −{compared['linesRemoved']}",
        )
    return html.li(
        {"data-status": item["status"]},
        html.div(
            {"className": "import-row"},
            html.span({"className": "chip mark", "data-import": item["status"]}, word),
            html.div(
                html.strong(item["name"]),
                html.p(": ".join(filter(None, (told, (compared or {}).get("summary"))))),
                *_remarks(item),
            ),
            show,
            choice,
        ),
        Difference({"wanted": {"bundleId": bundle, "name": item["name"]}}) if open_ else "",
    )


def _remarks(item: dict[str, Any]) -> list[Any]:
    words: list[str] = []
    if item["mistakeCount"]:
        found = plural(item["mistakeCount"], "mistake")
        words.append(f"Its text has {found}; it cannot run before that is mended.")
    words += [f"There is no {kind} connection here." for kind in item["missingConnections"]]
    words += [f"There is no tool {tool} here." for tool in item["missingTools"]]
    return [
        html.p({"className": "remark", "key": text}, icon("triangle-alert"), text) for text in words
    ]


@component
def Apply(
    bundle: str, found: dict[str, Any], decided: dict[str, str], open_ones: list[str], reload: Any
) -> Any:
    client, guard, messages, nav = use_client(), use_guard(), use_messages(), use_nav()
    busy, set_busy = use_state(False)
    changes = len(found["items"]) - found["unchangedCount"]

    async def apply() -> None:
        set_busy(True)
        chosen = [{"name": name, "resolution": one} for name, one in decided.items() if one]
        try:
            values = {"bundleId": bundle, "decisions": chosen}
            payload = await client.mutate("apply_import", values)
        finally:
            set_busy(False)
        done = [one for one in payload["results"] if one["bot"] and one["status"] != "UNCHANGED"]
        messages.say(f"{plural(len(done), 'bot')} imported, as drafts.")
        nav.go("/bots")

    counts = (
        ("createCount", "new"),
        ("updateCount", "changed"),
        ("unchangedCount", "the same"),
        ("conflictCount", "in conflict"),
    )
    told = ", ".join(f"{found[key]} {word}" for key, word in counts if found[key])
    waiting = plural(len(open_ones), "conflict")
    return html.footer(
        {"className": "import-foot"},
        html.p(told + (f" · decide {waiting} first" if open_ones else "")),
        html.span({"className": "spacer"}),
        html.a({"className": "button", "href": "/bots"}, "Leave it"),
        html.button(
            {
                "className": "button primary",
                "type": "button",
                "disabled": busy or bool(open_ones) or not changes,
                "onClick": guard.click(apply),
            },
            icon("download"),
            "Import" if changes else "Nothing to import",
        ),
    )
