"""Costs: where the money went, budgets and where they stand, prices of models."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from reactpy import component, html, use_state

from frontend.components.blocks import (
    add_button,
    empty,
    notice,
    page_head,
    section_row,
    show_more,
    skeleton,
)
from frontend.components.budgets import SCOPES, budget_card
from frontend.components.kpis import Kpi, kpi_strip
from frontend.components.spending import day_chart, shares
from frontend.format import count, money, plural
from frontend.kit.elements import ago, icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import Dialog, Watch
from frontend.kit.messages import use_messages
from frontend.kit.place import Nav, use_nav
from frontend.kit.query import Answer, use_client, use_query
from frontend.kit.rest import Rest, use_rest, whole
from frontend.pages.cost_dialogs import AdjustDialog, BudgetDialog, PriceDialog
from frontend.pages.price_list import PriceList

SPANS = (7, 30, 90)
USUAL = 30
MOST_PRICES = 50  # pages of a hundred
# The budgets behind the first hundred, and what shows more of them.
Further = tuple[Rest, Callable[[Any], None]]
NOTHING = {"setPrices": False, "setBudgets": False}


@component
def CostsPage() -> Any:
    nav = use_nav()
    days = days_of(nav)
    answer = use_query("costs", {"days": days})
    prices = use_query("model_prices", {"first": 100})
    bots = use_query("shell")
    may = answer.data["costs"]["viewerCan"] if answer.data else NOTHING
    people = use_query("budget_people", wanted=may["setBudgets"])
    more, set_more = use_state(0)
    budgets = use_query("budgets")
    further, read_further = use_rest("budgets", (budgets.data or {}).get("budgets"), more)
    own, read_own = use_rest("more_prices", (prices.data or {}).get("modelPrices"), MOST_PRICES)
    nothing: dict[str, Any] = {}
    dialog, set_dialog = use_state(nothing)

    async def changed(_text: str = "") -> None:
        for read in (answer.reload, budgets.reload, read_further):
            read()

    def opened(what: str, **more: Any) -> Any:
        return lambda _event: set_dialog({"what": what, **more})

    def closed(saved: bool) -> None:
        set_dialog({})
        if saved:
            for read in (answer, prices, budgets):
                read.reload()
            read_further()
            read_own()

    names = {bot["id"]: bot["name"] for bot in _bots(bots)}
    persons = _people(people)
    return html.div(
        page_head("Costs", _note(answer), _spans(days)),
        Watch({"onChange": changed}),
        _body(
            _both(answer, budgets),
            opened,
            names | persons,
            (further, lambda _event: set_more(more + 1)),
        ),
        PriceList(prices, own, opened, may["setPrices"], key="prices") if answer.data else "",
        _dialog(dialog, (names, persons), _models(prices), closed),
    )


def days_of(nav: Nav) -> int:
    wanted = nav.query("days") or ""
    return int(wanted) if wanted.isdecimal() and int(wanted) in SPANS else USUAL


def _bots(answer: Answer) -> list[dict[str, Any]]:
    return answer.data["bots"]["nodes"] if answer.data else []


def _people(answer: Answer) -> dict[str, str]:
    nodes = answer.data["members"]["nodes"] if answer.data else []
    users = [node["user"] for node in nodes]
    return {user["id"]: user["name"] or user["email"] for user in users}


def _models(answer: Answer) -> list[str]:
    return [model["id"] for model in answer.data["models"]] if answer.data else []


def _note(answer: Answer) -> str:
    return "In US dollars, by the prices at the time of each call." if answer.data else ""


def _spans(days: int) -> Any:
    links = [
        html.a(
            {
                "key": str(span),
                "href": "/costs" if span == USUAL else f"/costs?days={span}",
                **({"aria-current": "true"} if span == days else {}),
            },
            f"{span} days",
        )
        for span in SPANS
    ]
    return html.nav({"className": "segmented", "aria-label": "Time"}, *links)


def _both(one: Answer, other: Answer) -> Answer:
    """As if they had been asked for at once."""
    data = {**one.data, **other.data} if one.data and other.data else None

    def again() -> None:
        one.reload()
        other.reload()

    return Answer(data, one.error or other.error, again)


def _body(answer: Answer, opened: Any, names: dict[str, str], budgets: Further) -> Any:
    if answer.error and answer.data is None:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return html.div(skeleton("strip"), skeleton("tall-card", 3))
    costs = answer.data["costs"]
    return html.div(
        _numbers(costs),
        _unpriced(costs, opened) if int(costs["total"]["unpriced"]) else "",
        day_chart(costs["byDay"]) if costs["byDay"] else "",
        _split(costs, opened),
        _budgets(answer.data, opened, names, budgets),
    )


def _numbers(costs: dict[str, Any]) -> Any:
    total, days = costs["total"], costs["byDay"]
    spent = Decimal(str(total["cost"]))
    a_month = spent / len(days) * 30 if days else Decimal(0)
    tokens = int(total["inputTokens"]) + int(total["outputTokens"])
    sent = f"{count(int(total['inputTokens']))} sent"
    unpriced = int(total["unpriced"])
    asked = sum(int(line["calls"]) for line in costs["byOperation"] if line["key"] == "model")
    return kpi_strip(
        Kpi("Spend", money(spent), f"last {plural(len(days), 'day')}"),
        Kpi("At this rate", f"≈ {money(a_month)}", "a month"),
        Kpi("Calls of models", count(asked), f"{count(unpriced)} unpriced"),
        Kpi("Tokens", count(tokens), sent),
    )


def _unpriced(costs: dict[str, Any], opened: Any) -> Any:
    number = int(costs["total"]["unpriced"])
    models = [line["name"] for line in costs["byModel"] if int(line["unpriced"])]
    first = models[0] if models else ""
    return html.div(
        {"className": "note", "role": "status"},
        icon("triangle-alert"),
        html.p(
            f"{plural(number, 'call')} of models without a known price "
            f"{'is' if number == 1 else 'are'} not in these sums: {', '.join(models[:4])}."
        ),
        html.span({"className": "spacer"}),
        html.button(
            {
                "className": "button small",
                "type": "button",
                "onClick": opened("price", model=first),
            },
            "Set a price",
        )
        if costs["viewerCan"]["setPrices"]
        else "",
    )


def _split(costs: dict[str, Any], opened: Any) -> Any:
    total, may = Decimal(str(costs["total"]["cost"])), costs["viewerCan"]["setPrices"]

    def price(line: dict[str, Any]) -> Any:
        return opened("price", model=line["key"])

    return html.div(
        {"className": "cost-split"},
        html.div(
            {"className": "column"},
            shares("By bot", costs["byBot"], total, "/bots", None),
            shares("By agent", costs["byEntity"], total, "", None),
            shares("Dearest executions", costs["byExecution"], total, "/executions", None),
        ),
        html.div(
            {"className": "column"},
            shares("By model", costs["byModel"], total, "", price if may else None),
            shares("By operation", costs["byOperation"], total, "", None),
            shares("By provider", costs["byProvider"], total, "", None),
            shares("By connection", costs["byConnection"], total, "", None),
        ),
    )


def _budgets(data: dict[str, Any], opened: Any, names: dict[str, str], further: Further) -> Any:
    rest, show_further = further
    nodes = whole(data["budgets"], rest)
    total = data["budgets"]["totalCount"]
    actions = {
        "edit": lambda budget: opened("budget", budget=budget),
        "adjust": lambda budget: opened("adjust", budget=budget),
        "delete": lambda budget: opened("delete", budget=budget),
    }
    may = data["costs"]["viewerCan"]["setBudgets"]
    add: Any = add_button("Add budget", opened("budget")) if may else ""
    cards = [budget_card(node, _whose(node, names), actions if may else None) for node in nodes]
    body: Any = (
        html.div({"className": "budgets"}, *cards)
        if cards
        else empty(
            "wallet",
            "No limit is set",
            "A budget warns at 50, 75 and 90 percent, and at its limit warns, asks or stops, "
            "whichever you choose.",
            add,
        )
    )
    return html.section(
        section_row(
            "Budgets", "They hold also when many executions run at once.", add if cards else ""
        ),
        body,
        notice(rest.error) if rest.error else "",
        show_more(len(nodes) < total, show_further, f"{count(len(nodes))} of {count(total)}"),
        _notices(data, nodes),
    )


def _whose(budget: dict[str, Any], names: dict[str, str]) -> str:
    if budget["scope"] == "BOT":
        return names.get(budget["botId"], "A deleted bot")
    if budget["scope"] == "USER":
        return names.get(budget["userId"], SCOPES["USER"])
    return SCOPES[budget["scope"]]


def _notices(data: dict[str, Any], budgets: list[dict[str, Any]]) -> Any:
    names = {budget["id"]: budget["name"] or "A budget" for budget in budgets}
    nodes = [node for node in data["budgetNotices"]["nodes"] if node["budgetId"] in names][:5]
    if not nodes:
        return ""
    lines = [
        html.li(
            {"key": node["id"]},
            icon("triangle-alert"),
            html.div(
                html.p(f"{names[node['budgetId']]} passed {node['percent']} percent"),
                html.p({"className": "muted"}, f"{money(node['spent'])} of {money(node['limit'])}"),
            ),
            html.span({"className": "muted"}, ago(node["at"])),
        )
        for node in nodes
    ]
    return html.fragment(
        html.h3({"className": "section-head"}, "Thresholds passed"),
        html.ul({"className": "panel decided notices"}, *lines),
    )


def _dialog(dialog: dict[str, Any], subjects: Any, models: list[str], closed: Any) -> Any:
    match dialog.get("what"):
        case "budget":
            return BudgetDialog(dialog.get("budget"), *subjects, closed)
        case "adjust":
            return AdjustDialog(dialog["budget"], closed)
        case "price":
            return PriceDialog(dialog.get("model", ""), dialog.get("price"), models, closed)
        case "delete":
            budget = dialog["budget"]
            values = {"budgetId": budget["id"]}
            name = budget["name"] or "the budget"
            text = "Its limit holds no longer. What was spent stays in the sums."
            return Sure(f"Delete {name}?", text, "delete_budget", values, closed)
        case "drop":
            price = dialog["price"]
            text = f"The shipped price of {price['model']} counts again from the next call on."
            values = {"priceId": price["id"]}
            return Sure("Use the shipped price?", text, "delete_model_price", values, closed)
        case _:
            return ""


@component
def Sure(heading: str, text: str, operation: str, values: dict[str, Any], closed: Any) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()

    async def act(_found: dict[str, Any]) -> None:
        await client.mutate(operation, values)
        messages.say("Done.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return Dialog(
        {
            "title": heading,
            "text": text,
            "confirm": "Delete" if operation.startswith("delete_budget") else "Use it",
            "danger": operation == "delete_budget",
            "onConfirm": guard.js(act),
            "onClose": guard.js(close),
        }
    )
