"""All bots: numbers of the day, a card per bot; with none yet, bots to run at once."""

from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode

from reactpy import component, html, use_memo, use_state

from frontend.components.blocks import empty, notice, page_head, show_more, skeleton
from frontend.components.bot_card import bot_card
from frontend.components.gallery import gallery
from frontend.components.kpis import Kpi, kpi_strip
from frontend.format import ENDED, count, duration, moment, money, plural
from frontend.kit.elements import icon
from frontend.kit.handlers import message
from frontend.kit.js import Select, TextField, Watch
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import Answer, use_query
from frontend.pages.bulk import Bulk
from frontend.pages.start import use_template_runner

PAGE_SIZE = 48
FEW = 3
MOST = 100


IN_USE = ["DRAFT", "ACTIVE", "PAUSED"]
SORTS = {
    "": ("Latest changed", {"field": "UPDATED_AT", "direction": "DESC"}),
    "name": ("Name", {"field": "NAME", "direction": "ASC"}),
    "newest": ("Newest", {"field": "CREATED_AT", "direction": "DESC"}),
}


@component
def BotsPage() -> Any:
    nav = use_nav()
    since = use_memo(_yesterday, dependencies=[])
    wanted, set_wanted = use_state("")
    size, set_size = use_state(PAGE_SIZE)
    # What fits on the page is filtered here, at once and by every word; the rest by the server.
    many, set_many = use_state(False)
    where = _where(nav, wanted if many else "")
    order = [SORTS.get(nav.query("sort") or "", SORTS[""])[1]]
    values = {"first": size, "since": since, "filter": where, "orderBy": order}
    answer = use_query("bots", values)
    hidden = answer.data is not None and answer.data["bots"]["pageInfo"]["hasNextPage"]
    archived = nav.query("view") == "archived"

    turn, set_turn = use_state(0)

    async def changed(_text: str = "") -> None:
        answer.reload()

    def acted() -> None:
        """Tags may be new, or gone."""
        set_turn(lambda n: n + 1)
        answer.reload()

    @message
    async def filtered(found: dict[str, Any]) -> None:
        set_many(many or hidden)
        set_wanted(found["value"].strip())

    bots = answer.data["bots"]["nodes"] if answer.data else []
    shown = [bot for bot in bots if wanted.lower() in _searchable(bot)]
    narrowed = bool(wanted or nav.query("tag"))
    new = html.a(
        {"className": "button primary", "href": "/bots/new"}, icon("plus"), html.span("New bot")
    )
    bring = html.a(
        {"className": "button", "href": "/bots/import"}, icon("upload"), html.span("Import")
    )
    tools = bots or narrowed or archived
    return html.div(
        page_head("Bots", _note(answer), _search(filtered) if tools else "", bring, new),
        Watch({"onChange": changed}),
        Filters(key=f"filters {turn}") if tools else "",
        _body(nav, answer, shown, wanted),
        show_more(hidden and size < MOST, lambda _event: set_size(MOST)),
        Bulk(shown, acted, archived, key="bulk"),
    )


def _search(filtered: Any) -> Any:
    return html.div(
        {"data-filter": "bots", "className": "filter"},
        TextField(
            {
                "label": "Filter bots",
                "quietLabel": True,
                "placeholder": "Filter bots",
                "icon": "search",
                "onChange": filtered,
            }
        ),
    )


def _where(nav: Nav, text: str) -> dict[str, Any]:
    states = ["ARCHIVED"] if nav.query("view") == "archived" else IN_USE
    where: dict[str, Any] = {"state": {"in": states}}
    if text:
        where["text"] = text
    if tag := nav.query("tag"):
        where["tag"] = {"eq": tag}
    return where


@component
def Filters() -> Any:
    """In use or archived, by tag, sorted: all of it in the address."""
    nav = use_nav()
    tags = use_query("bot_tags")
    archived = nav.query("view") == "archived"

    def tab(name: str, value: str, here: bool) -> Any:
        href = _address(nav, view=value)
        return html.a(
            {"href": href, "key": name, **({"aria-current": "true"} if here else {})}, name
        )

    def picker(name: str, label: str, options: list[dict[str, str]]) -> Any:
        @message
        async def picked(found: dict[str, Any]) -> None:
            nav.go("/bots", {**nav.place.query, name: found["value"]})

        value = nav.query(name) or ""
        shown = {"label": label, "quietLabel": True, "value": value, "options": options}
        return Select({**shown, "onChange": picked, "key": name})

    named = (tags.data or {}).get("botTags") or []
    by_tag = [
        {"value": tag["name"], "label": f"{tag['name']} ({tag['botCount']})"} for tag in named
    ]
    sorts = [{"value": key, "label": words} for key, (words, _) in SORTS.items()]
    return html.div(
        {"className": "filters"},
        html.nav(
            {"className": "segmented", "aria-label": "Which bots"},
            tab("In use", "", not archived),
            tab("Archived", "archived", archived),
        ),
        picker("tag", "Tag", [{"value": "", "label": "All tags"}, *by_tag]) if by_tag else "",
        html.span({"className": "spacer"}),
        picker("sort", "Sorted by", sorts),
    )


def _address(nav: Nav, **changes: str) -> str:
    query = {name: value for name, value in {**nav.place.query, **changes}.items() if value}
    return f"/bots?{urlencode(query)}" if query else "/bots"


def _yesterday() -> str:
    return (datetime.now(UTC) - timedelta(hours=24)).isoformat().replace("+00:00", "Z")


def _note(answer: Answer) -> str:
    if answer.data is None:
        return ""
    bots = answer.data["bots"]["nodes"]
    running = sum(run["status"] not in ENDED for bot in bots for run in bot["executions"]["nodes"])
    words = plural(answer.data["bots"]["totalCount"], "bot")
    return f"{words}, {running} running now" if running else words


def _body(nav: Nav, answer: Answer, shown: list[dict[str, Any]], wanted: str) -> Any:
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return html.div(skeleton("strip"), skeleton("tall-card", 6))
    bots = answer.data["bots"]["nodes"]
    tag, archived = nav.query("tag"), nav.query("view") == "archived"
    if not bots and not wanted and not tag:
        return _no_archive() if archived else FirstBots()
    cards: Any = (
        html.div({"className": "cards"}, *[bot_card(bot) for bot in shown])
        if shown
        else _no_match(wanted, tag, len(bots))
    )
    few = len(bots) <= FEW and not wanted and not tag and not archived
    more: Any = MoreBots([bot["name"] for bot in bots]) if few else ""
    numbers = "" if archived else _numbers(answer.data["recent"])
    return html.div(numbers, cards, more)


def _no_archive() -> Any:
    return empty(
        "archive",
        "The archive is empty",
        "A bot that you archive cannot be started and leaves the list; here it can be taken back.",
        html.a({"className": "button primary", "href": "/bots"}, "Bots in use"),
    )


def _no_match(wanted: str, tag: str | None, number: int) -> Any:
    if tag and not wanted:
        clear = html.a({"className": "button primary", "href": "/bots"}, "Show all bots")
        return empty("tag", f"No bot here has the tag “{tag}”", "Only the tag hides them.", clear)
    return empty(
        "search",
        f"No bot matches “{wanted}”",
        f"The filter hides {plural(number, 'bot') if number else 'every bot'}. "
        "Clear it to see them again.",
    )


def _searchable(bot: dict[str, Any]) -> str:
    return " ".join([bot["name"], bot.get("description") or "", *(bot.get("tags") or [])]).lower()


def _numbers(recent: dict[str, Any]) -> Any:
    """The last 24 hours; beyond a hundred executions the rates speak of the newest hundred."""
    runs = recent["nodes"]
    ended = [run for run in runs if run["status"] in ENDED and run["status"] != "CANCELLED"]
    good = sum(run["status"] == "COMPLETED" for run in ended)
    times = [run["durationMs"] for run in ended if run.get("durationMs") is not None]
    cost = sum(float((run.get("usage") or {}).get("cost") or 0) for run in runs)
    rate = f"{100 * good / len(ended):.1f}%".replace(".0%", "%") if ended else "–"
    return kpi_strip(
        Kpi("Executions", count(recent["totalCount"]), "last 24 h", _per_hour(runs)),
        Kpi("Success rate", rate, _failed_words(len(ended) - good)),
        Kpi("Spend", money(f"{cost:.6f}"), "last 24 h"),
        Kpi("Median time", duration(median(times)) if times else "–", "start to end"),
    )


def _failed_words(failed: int) -> str:
    return f"{failed} failed" if failed else "none failed"


def _per_hour(runs: list[dict[str, Any]]) -> list[int]:
    now = datetime.now(UTC)
    hours = [0] * 24
    for run in runs:
        age = int((now - moment(run["createdAt"])).total_seconds() // 3600)
        if 0 <= age < 24:
            hours[23 - age] += 1
    return hours


@component
def FirstBots() -> Any:
    answer = use_query("templates")
    busy, run = use_template_runner()
    if answer.data is None:
        return skeleton("tall-card", 3)
    return html.section(
        {"className": "first"},
        html.h2("Run your first bot now"),
        html.p(
            "Each of these is a whole bot. One click makes it yours and runs it on a sample, live. "
            "No key is needed: the demo model answers until you add one."
        ),
        gallery(answer.data["templates"], run, busy),
        html.p(
            {"className": "or"},
            "Or ",
            html.a({"href": "/bots/new"}, "write one from an empty page"),
            ".",
        ),
    )


@component
def MoreBots(taken: list[str]) -> Any:
    """A list with room left shows what else could be in it."""
    answer = use_query("templates")
    busy, run = use_template_runner()
    templates = answer.data["templates"] if answer.data else []
    left = [template for template in templates if template["name"] not in taken][:FEW]
    if not left:
        return ""
    return html.section(
        {"className": "more-bots"}, html.h2("Run another one now"), gallery(left, run, busy)
    )
