"""Where the money went: bars per day, and shares per bot, agent, model, operation and provider."""

from datetime import date
from decimal import Decimal
from typing import Any

from reactpy import html
from reactpy.types import VdomDict

from frontend.components.blocks import empty
from frontend.format import count, money, plural
from frontend.kit.elements import icon

Line = dict[str, Any]


def amount(line: Line) -> Decimal:
    return Decimal(str(line["cost"]))


def day_chart(days: list[Line]) -> VdomDict:
    """A bar per day. Who cannot see it reads the same from its label."""
    top = max((amount(day) for day in days), default=Decimal(0))
    total = sum((amount(day) for day in days), Decimal(0))
    dearest = max(days, key=amount) if top else None
    said = f"{money(total)} in {plural(len(days), 'day')}."
    if dearest:
        said += f" Most on {_day(dearest['key'])}: {money(dearest['cost'])}."
    bars = [_bar(day, top) for day in days]
    middle = days[len(days) // 2]["key"] if len(days) > 2 else ""
    return html.figure(
        {"className": "card chart"},
        html.header(
            html.h2("Spend per day"),
            html.span({"className": "muted"}, f"highest {money(top)}" if top else "nothing spent"),
        ),
        html.div(
            {"role": "img", "aria-label": said},
            html.ul({"className": "day-bars", "aria-hidden": "true"}, *bars),
        ),
        html.div(
            {"className": "day-axis", "aria-hidden": "true"},
            html.span(_day(days[0]["key"])),
            html.span(_day(middle)),
            html.span(_day(days[-1]["key"])),
        ),
    )


def _bar(day: Line, top: Decimal) -> VdomDict:
    share = float(amount(day) / top) if top else 0
    unpriced = int(day["unpriced"])
    words = f"{_day(day['key'])}: {money(day['cost'])}, {plural(int(day['calls']), 'call')}"
    attributes: dict[str, Any] = {
        "key": day["key"],
        "title": f"{words}, {unpriced} unpriced" if unpriced else words,
    }
    if not share:
        attributes["data-zero"] = "yes"
    return html.li(attributes, html.i({"style": {"height": f"{round(100 * share, 1)}%"}}))


def _day(key: str) -> str:
    try:
        found = date.fromisoformat(key[:10])
    except ValueError:
        return key
    return f"{found.day} {found:%b}"


def shares(heading: str, lines: list[Line], total: Decimal, place: str, price: Any) -> VdomDict:
    """`place`: where a line's key leads to, nowhere when it is empty."""
    rows = [_share(line, total, place, price) for line in lines[:12]]
    body: Any = (
        html.ul({"className": "cost-lines"}, *rows)
        if rows
        else empty("coins", "Nothing yet", "No model was called in this time.")
    )
    return html.section(
        {"className": "panel", "aria-label": heading},
        html.header({"className": "panel-head"}, html.h2(heading)),
        body,
    )


def _share(line: Line, total: Decimal, place: str, price: Any) -> VdomDict:
    share = float(100 * amount(line) / total) if total else 0
    name: Any = line["name"]
    if place and line["key"]:
        name = html.a({"href": f"{place}/{line['key']}"}, line["name"])
    unpriced = int(line["unpriced"])
    tokens = int(line["inputTokens"]) + int(line["outputTokens"])
    note = f"{plural(int(line['calls']), 'call')} · {count(tokens)} tokens"
    return html.li(
        {"key": line["key"] or line["name"]},
        html.span({"className": "name", "title": line["name"]}, name),
        html.span({"className": "sum"}, _sum(line)),
        html.span(
            {"className": "share-bar", "aria-hidden": "true"},
            html.i({"style": {"width": f"{share:.1f}%"}}),
        ),
        html.small(note),
        _unpriced(line, unpriced, price) if unpriced else html.small(f"{share:.0f}%"),
    )


def _sum(line: Line) -> str:
    """What nobody knows the price of is not nothing."""
    return "not known" if int(line["unpriced"]) and not amount(line) else money(line["cost"])


def _unpriced(line: Line, unpriced: int, price: Any) -> VdomDict:
    words = f"{count(unpriced)} unpriced"
    if price is None:
        return html.small({"className": "unpriced"}, icon("triangle-alert"), " ", words)
    return html.button(
        {"className": "button small quiet unpriced", "type": "button", "onClick": price(line)},
        icon("triangle-alert"),
        f"{words}: set a price",
    )
