"""What one execution of the workspace may use at most: as it is, and the product's own."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reactpy import component, html, use_state

from frontend.components.settings import settings_page, waiting
from frontend.format import duration, money
from frontend.kit.elements import icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client, use_query
from frontend.pages.connection_dialogs import Closed, sent, use_answer

HERE = "/settings/limits"
NOTE = "What one execution may use at most. No retry, pause or restart gives anything back."


@dataclass(frozen=True)
class Limit:
    name: str
    label: str
    mark: str
    unit: str
    words: str


LIMITS = (
    Limit("seconds", "Working time", "timer", "seconds",
          "Waiting for people, events and other bots does not count. Ends as timed out."),
    Limit("steps", "Steps", "list-ordered", "steps",
          "Every step that it goes through, each turn of a loop too."),
    Limit("calls", "Calls", "zap", "calls", "Calls of models and tools. Stops loops that cost."),
    Limit("tokens", "Tokens", "cpu", "tokens", "In and out, those of its sub-bots included."),
    Limit("cost", "Money", "coins", "US dollars",
          "Its sub-bots included. For days and months there are budgets, on the page Costs."),
)  # fmt: skip


@component
def LimitsPage() -> Any:
    answer = use_query("execution_limits")
    if (nothing := waiting(answer)) is not None:
        return settings_page(HERE, NOTE, "", nothing)
    return Limits(answer)


@component
def Limits(answer: Answer) -> Any:
    editing, set_editing = use_state(False)
    data = answer.data or {}
    limits, may = data["executionLimits"], data["viewer"]["viewerCan"]["createBudgets"]

    def closed(changed: bool) -> None:
        set_editing(False)
        if changed:
            answer.reload()

    change = html.button(
        {"className": "button", "type": "button", "onClick": lambda _event: set_editing(True)},
        icon("pen-line"),
        "Change",
    )
    return settings_page(
        HERE,
        NOTE,
        change if may else "",
        html.ul({"className": "limits"}, *[_limit(one, limits) for one in LIMITS]),
        html.p(
            {"className": "muted"},
            "Whatever is over a limit ends as failed with budget_exceeded, or as timed out; what "
            "it did until then is kept and can be taken over by a rerun. A change holds for what "
            "starts or goes on from then, everywhere within five seconds.",
            "" if may else " Administrators may change them.",
        ),
        LimitsDialog(limits, closed) if editing else "",
    )


def shown(name: str, value: Any) -> str:
    if not Decimal(str(value)):
        return "No limit"
    if name == "seconds":
        return duration(float(value) * 1000)
    return money(value) if name == "cost" else f"{int(value):,}"


def _limit(one: Limit, limits: dict[str, Any]) -> Any:
    own = one.name in limits["own"]
    default = shown(one.name, limits["defaults"][one.name])
    chip = "set here" if own else "the product's own"
    return html.li(
        {"className": "card limit", "key": one.name, "data-own": "yes" if own else "no"},
        html.span({"className": "limit-mark", "aria-hidden": "true"}, icon(one.mark)),
        html.div(html.h2(one.label), html.p(one.words)),
        html.div(
            {"className": "limit-value"},
            html.strong(shown(one.name, limits[one.name])),
            html.span({"className": "chip"}, chip),
            html.small({"className": "muted"}, f"Otherwise {default.lower()}.") if own else "",
        ),
    )


def _field(one: Limit, limits: dict[str, Any]) -> dict[str, Any]:
    own = one.name in limits["own"]
    default = shown(one.name, limits["defaults"][one.name])
    free = "" if one.name in ("seconds", "steps") else " 0: no limit."
    return {
        "name": one.name,
        "label": f"{one.label} in {one.unit}" if one.unit != one.name else one.label,
        "type": "money" if one.name == "cost" else "number",
        "value": f"{Decimal(str(limits[one.name])).normalize():f}" if own else "",
        "help": f"Empty: the product's own, {default[:1].lower() + default[1:]}.{free}",
    }


def values_of(values: dict[str, Any]) -> dict[str, Any]:
    """What is empty goes back to the product's own, so it is not sent at all."""
    given = {name: str(text).strip() for name, text in values.items()}
    numbers = {name: text for name, text in given.items() if text}
    return {
        name: text if name in ("cost", "tokens") else int(float(text))
        for name, text in numbers.items()
    }


@component
def LimitsDialog(limits: dict[str, Any], closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        await client.mutate("set_execution_limits", values_of(found["values"]))
        messages.say("The limits are set, for what starts or goes on from now.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return FormDialog(
        {
            "title": "Limits of one execution",
            "text": "They hold for every execution of this workspace.",
            "fields": [_field(one, limits) for one in LIMITS],
            "confirm": "Save",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )
