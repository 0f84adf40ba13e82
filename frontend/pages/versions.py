"""The versions of a bot: who froze what and why, what changed, and the way back."""

from typing import Any

from reactpy import component, html, use_state

from frontend.components.blocks import empty, notice, section_row, skeleton
from frontend.components.kpis import Kpi, kpi_strip
from frontend.format import TRIGGERS, count, money, plural
from frontend.kit.elements import ago, icon, title
from frontend.kit.handlers import message, use_guard
from frontend.kit.js import Difference, Select
from frontend.kit.messages import use_messages
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages import bot_dialogs as forms
from frontend.pages.bot_dialogs import BotForm
from frontend.pages.bot_head import BotHead
from frontend.pages.not_found import missing

PAGE_SIZE, MOST = 25, 100
DRAFT = "draft"


@component
def VersionsPage() -> Any:
    nav = use_nav()
    size, set_size = use_state(PAGE_SIZE)
    bot_id = nav.parameters["bot_id"]
    answer = use_query("bot_versions", {"id": bot_id, "first": size})
    costs = use_query("version_costs", {"botId": bot_id})
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return html.div(skeleton("head"), skeleton("half", 2))
    bot = answer.data["bot"]
    if bot is None:
        return html.div(html.h1({"className": "visually-hidden"}, "Not found"), missing("bot"))
    more = bot["versions"]["pageInfo"]["hasNextPage"] and size < MOST
    return html.div(
        {"className": "bot-page"},
        title(f"Versions of {bot['name']}"),
        BotHead(bot, answer.reload, "Versions", key="head"),
        _none(bot)
        if not bot["versions"]["nodes"]
        else html.div(
            {"className": "split versions-split"},
            _list(nav, bot, _costs(costs), (lambda _event: set_size(MOST)) if more else None),
            Compared(bot, answer, key="compared"),
        ),
        _by_trigger(costs),
    )


def _costs(answer: Answer) -> dict[str, str]:
    """What each version cost; who may not see costs is told nothing."""
    found = (answer.data or {}).get("botCosts") or {"byVersion": []}
    return {
        line["key"]: f"{money(line['cost'])}{' and unpriced calls' if line['unpriced'] else ''}"
        for line in found["byVersion"]
    }


def _by_trigger(answer: Answer) -> Any:
    lines = ((answer.data or {}).get("botCosts") or {}).get("byTrigger") or []
    if not lines:
        return ""
    return html.section(
        {"aria-label": "Costs by trigger"},
        section_row("Costs by trigger", "Of what was started in the last 90 days, all versions."),
        kpi_strip(*[_trigger(line) for line in lines]),
    )


def _trigger(line: dict[str, Any]) -> Kpi:
    kind, runs = str(line["key"]).upper(), plural(int(line["executions"]), "run")
    unpriced = int(line["unpriced"])
    note = f"{runs}, {count(unpriced)} with unpriced calls" if unpriced else runs
    spent = "not known" if unpriced and not float(line["cost"]) else money(line["cost"])
    return Kpi(TRIGGERS.get(kind, kind.capitalize()), spent, note)


def _none(bot: dict[str, Any]) -> Any:
    return empty(
        "history",
        "No version yet",
        "Publish the draft, or run it: each text that runs is kept here, with who wrote it, what "
        "changed, and a way back.",
        html.a({"className": "button primary", "href": f"/bots/{bot['id']}"}, "Open the text"),
    )


def _chosen(nav: Nav, bot: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The version on the right (None for the draft), and what it is compared with."""
    nodes: list[dict[str, Any]] = bot["versions"]["nodes"]
    by_id = {version["id"]: version for version in nodes}
    wanted = nav.query("v")
    fresh = not any(version["isDraft"] for version in nodes)
    if wanted == DRAFT or (wanted not in by_id and fresh):
        live = next((version["id"] for version in nodes if version["isLive"]), nodes[0]["id"])
        return None, nav.query("with") or live
    version = by_id.get(wanted or "", nodes[0])
    before = [other["id"] for other in nodes if other["number"] < version["number"]]
    return version, nav.query("with") or (before[0] if before else DRAFT)


def _list(nav: Nav, bot: dict[str, Any], costs: dict[str, str], more: Any) -> Any:
    chosen, _ = _chosen(nav, bot)
    nodes = bot["versions"]["nodes"]
    rows = [
        _row(
            bot,
            version,
            costs.get(version["id"]),
            chosen is not None and chosen["id"] == version["id"],
        )
        for version in nodes
    ]
    if not any(version["isDraft"] for version in nodes):
        rows.insert(0, _draft_row(bot, chosen is None))
    button: Any = (
        html.button({"className": "button small", "type": "button", "onClick": more}, "Show more")
        if more
        else ""
    )
    return html.section(
        {"className": "panel version-list", "aria-label": "Versions"},
        html.header(
            {"className": "panel-head"},
            html.h2(plural(bot["versions"]["totalCount"], "version")),
        ),
        html.ol(*rows),
        button,
    )


def _draft_row(bot: dict[str, Any], here: bool) -> Any:
    who = (bot.get("editedBy") or {}).get("name")
    return html.li(
        {"key": DRAFT},
        html.a(
            _link(bot, DRAFT, here),
            html.span({"className": "version-head"}, html.strong("Draft"), _mark("Not published")),
            html.span({"className": "version-what"}, "Changes that no version has yet"),
            html.span({"className": "version-who"}, _by(who), ago(bot.get("editedAt"))),
        ),
    )


def _row(bot: dict[str, Any], version: dict[str, Any], cost: str | None, here: bool) -> Any:
    marks = [_mark("Live", "ACTIVE")] if version["isLive"] else []
    if version["isDraft"]:
        marks.append(_mark("Draft"))
    what = version["note"].partition("\n")[0] or version["summary"]
    runs = version["executionCount"]
    return html.li(
        {"key": version["id"]},
        html.a(
            _link(bot, version["id"], here),
            html.span(
                {"className": "version-head"},
                html.strong(version["name"] or f"Version {version['number']}"),
                html.small(f"{version['number']}") if version["name"] else "",
                *marks,
            ),
            html.span({"className": "version-what"}, what or "No note"),
            html.span(
                {"className": "version-who"},
                _by((version.get("author") or {}).get("name")),
                ago(version["createdAt"]),
                html.span(plural(runs, "run") if runs else "never run"),
                html.span({"title": "In the last 90 days"}, cost) if cost and runs else "",
            ),
        ),
    )


def _link(bot: dict[str, Any], version: str, here: bool) -> dict[str, Any]:
    attributes: dict[str, Any] = {"href": f"/bots/{bot['id']}/versions?v={version}"}
    if here:
        attributes["aria-current"] = "true"
    return attributes


def _by(name: str | None) -> Any:
    return html.span(name or "Unknown")


def _mark(words: str, state: str = "") -> Any:
    return html.span({"className": "chip mark", "data-state": state, "key": words}, words)


@component
def Compared(bot: dict[str, Any], answer: Answer) -> Any:
    nav = use_nav()
    form, set_form = use_state(None)
    version, other = _chosen(nav, bot)

    def closed(changed: bool) -> None:
        set_form(None)
        if changed:
            answer.reload()

    wanted: dict[str, Any] = {"botId": bot["id"]}
    wanted |= {"newVersionId": version["id"]} if version else {}
    wanted |= {"oldVersionId": other} if other != DRAFT else {}
    alone = version is not None and other == DRAFT
    if alone:
        wanted = {"botId": bot["id"], "oldVersionId": version["id"]}  # type: ignore[index]
    name = _name(version)
    return html.section(
        {"className": "panel version-detail", "aria-label": name},
        html.header(
            {"className": "panel-head"},
            html.h2(name),
            html.span({"className": "spacer"}),
            Acts(bot, version, answer, set_form, key=f"acts-{version['id'] if version else ''}"),
        ),
        _told(version),
        html.div(
            {"className": "compare-with"},
            html.span("The draft against this version" if alone else "Changes since"),
            _others(nav, bot, version, other),
        ),
        Difference({"wanted": wanted, "label": f"{name}, line by line"}),
        BotForm(form, closed, key=form["title"]) if form else "",
    )


def _name(version: dict[str, Any] | None) -> str:
    if version is None:
        return "The draft"
    name = f"Version {version['number']}"
    return f"{name} · {version['name']}" if version["name"] else name


def _told(version: dict[str, Any] | None) -> Any:
    if version is None:
        return ""
    live: Any = ""
    if version["publishedAt"]:
        words = "Live since " if version["isLive"] else "Was made live "
        live = html.p(
            {"className": "version-live"}, icon("rocket"), words, ago(version["publishedAt"])
        )
    note: Any = html.p({"className": "version-note"}, version["note"]) if version["note"] else ""
    return html.div({"className": "version-told"}, note, live) if note or live else ""


def _others(nav: Nav, bot: dict[str, Any], version: dict[str, Any] | None, other: str) -> Any:
    @message
    async def picked(found: dict[str, Any]) -> None:
        here = version["id"] if version else DRAFT
        nav.go(f"/bots/{bot['id']}/versions", {"v": here, "with": found["value"]})

    options = [
        {"value": one["id"], "label": _name(one) + (" (live)" if one["isLive"] else "")}
        for one in bot["versions"]["nodes"]
        if version is None or one["id"] != version["id"]
    ]
    if version is not None:
        options.insert(0, {"value": DRAFT, "label": "The draft"})
    return Select(
        {
            "label": "Compared with",
            "quietLabel": True,
            "value": other,
            "options": options,
            "onChange": picked,
        }
    )


@component
def Acts(
    bot: dict[str, Any], version: dict[str, Any] | None, answer: Answer, open_form: Any
) -> Any:
    client, guard, messages, nav = use_client(), use_guard(), use_messages(), use_nav()

    async def restore() -> None:
        assert version is not None
        values = {"botId": bot["id"], "versionId": version["id"]}
        await client.mutate("restore_bot_version", values)
        messages.say(f"The draft is version {version['number']} again. Undo brings the other back.")
        nav.go(f"/bots/{bot['id']}")

    if version is None:
        keep = lambda _event: open_form(forms.name_draft_form(bot))  # noqa: E731
        return html.div(
            {"className": "actions"},
            _button("Keep as a version", "history", keep, bot["viewerCan"]["edit"]),
        )
    can = version["viewerCan"]
    tell = lambda _event: open_form(forms.annotate_form(version))  # noqa: E731
    publish = lambda _event: open_form(forms.publish_form(bot, version))  # noqa: E731
    start = lambda _event: open_form(forms.run_form(bot, version))  # noqa: E731
    older = can["restore"] and not version["isDraft"]
    return html.div(
        {"className": "actions"},
        _button("Name and note", "pen-line", tell, can["annotate"]),
        _button("Run", "play", start, can["run"]),
        _button("Restore", "undo-2", guard.click(restore), older),
        _button("Publish", "rocket", publish, can["publish"] and not version["isLive"]),
    )


def _button(words: str, mark: str, on_click: Any, possible: bool) -> Any:
    if not possible:
        return ""
    return html.button(
        {"className": "button small", "type": "button", "onClick": on_click, "key": words},
        icon(mark),
        words,
    )
