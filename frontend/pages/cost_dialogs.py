"""The forms of budgets and prices."""

from decimal import Decimal, InvalidOperation
from typing import Any

from reactpy import component

from frontend.client import ClientError
from frontend.components.budgets import ACTIONS, PERIODS, SCOPES
from frontend.kit.handlers import use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client
from frontend.pages.connection_dialogs import Closed, sent, use_answer

PRICES = (("inputPrice", "Tokens sent"), ("outputPrice", "Tokens written"))
MORE_PRICES = (
    ("cachedPrice", "Tokens from the cache"),
    ("cacheWritePrice", "Tokens into the cache"),
    ("reasoningPrice", "Tokens of thinking"),
)


def dollars(text: Any, name: str) -> str:
    """What was typed as an amount, without the sign and the commas of a person."""
    plain = str(text or "").strip().removeprefix("$").replace(",", "").strip()
    try:
        return str(Decimal(plain))
    except InvalidOperation:
        error = {"message": "An amount in US dollars, such as 25 or 0.40.", "path": [name]}
        raise ClientError(error["message"], "INVALID_INPUT", [error]) from None


def _choice(name: str, label: str, words: dict[str, str], **more: Any) -> dict[str, Any]:
    options = [{"value": value, "label": text} for value, text in words.items()]
    return {"name": name, "label": label, "type": "choice", "options": options, **more}


@component
def BudgetDialog(
    budget: dict[str, Any] | None, bots: dict[str, str], people: dict[str, str], closed: Closed
) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        values = {key: value for key, value in found["values"].items() if value not in ("", None)}
        values["limit"] = dollars(found["values"].get("limit"), "limit")
        if budget is None:
            payload = await client.mutate("create_budget", values)
        else:
            values |= {"budgetId": budget["id"], "expectedVersion": budget["version"]}
            payload = await client.mutate("update_budget", values)
        name = payload["budget"].get("name") or "The budget"
        messages.say(f"{name} is kept.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    return FormDialog(
        {
            "title": "Edit the budget" if budget else "Add a budget",
            "text": "Before each call its likely cost is set aside, so a limit holds also when "
            "many executions run at once.",
            "fields": budget_fields(budget, bots, people),
            "confirm": "Save",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def budget_fields(
    budget: dict[str, Any] | None, bots: dict[str, str], people: dict[str, str]
) -> list[Any]:
    found = budget or {}
    limit = str(Decimal(str(found["limit"])).normalize().__format__("f")) if budget else ""
    fields: list[Any] = [
        {"name": "name", "label": "Name", "type": "text", "value": found.get("name", "")},
        {
            "name": "limit",
            "label": "Limit in US dollars",
            "type": "money",
            "value": limit,
            "required": True,
        },
    ]
    if budget is None:
        subjects = {"BOT": ("botId", "Bot", bots), "USER": ("userId", "Person", people)}
        offered = {key: found for key, found in subjects.items() if found[2]}
        missing = subjects.keys() - offered.keys()
        scopes = {key: words for key, words in SCOPES.items() if key not in missing}
        fields.append(_choice("scope", "Whose spending", scopes))
        for scope, (name, label, names) in offered.items():
            only = {"name": "scope", "values": [scope]}
            fields.append(_choice(name, label, names, when=only))
        once = {"name": "scope", "values": ["WORKSPACE", "BOT", "USER"]}
        periods = {key: words.capitalize() for key, words in PERIODS.items()}
        fields.append(_choice("period", "For", periods, value="MONTH", when=once))
    action = found.get("action", "STOP")
    fields.append(_choice("action", "At the limit", ACTIONS, value=action))
    return fields


@component
def AdjustDialog(budget: dict[str, Any], closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        amount = dollars(found["values"].get("amount"), "amount")
        reason = found["values"].get("reason")
        values = {"budgetId": budget["id"], "amount": amount, "reason": reason}
        await client.mutate("adjust_budget", values)
        messages.say("Corrected; the reason is kept.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    amount = {"name": "amount", "label": "US dollars", "type": "money", "required": True}
    amount["help"] = "Added to what is spent; with a minus after a refund."
    reason = {"name": "reason", "label": "Why", "type": "long", "required": True}
    return FormDialog(
        {
            "title": f"Correct {budget['name'] or 'the budget'}",
            "text": "For spending that went past us, or money that came back.",
            "fields": [amount, reason],
            "confirm": "Correct",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


@component
def PriceDialog(model: str, price: dict[str, Any] | None, names: list[str], closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        given = found["values"]
        values = {"model": str(given.get("model") or "").strip()}
        for name, _ in PRICES:
            values[name] = dollars(given.get(name), name)
        for name, _ in MORE_PRICES:
            if str(given.get(name) or "").strip():
                values[name] = dollars(given.get(name), name)
        await client.mutate("set_model_price", values)
        messages.say(f"{values['model']} has this price from the next call on.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    known = price or {}
    named = {
        "name": "model",
        "label": "Model",
        "type": "text",
        "value": model,
        "required": True,
        "placeholder": "openai:gpt-5-mini",
        "suggestions": names,
        "help": "As provider:model.",
    }
    fields = [
        {
            "name": name,
            "label": label,
            "type": "money",
            "required": (name, label) in PRICES,
            "value": plain(known.get(name)),
        }
        for name, label in (*PRICES, *MORE_PRICES)
    ]
    return FormDialog(
        {
            "title": "Price of a model",
            "text": "In US dollars per million tokens. It stands in the place of the shipped price "
            "and counts from the next call on.",
            "fields": [named, *fields],
            "confirm": "Save",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def plain(value: Any) -> str:
    return "" if value is None else f"{Decimal(str(value)).normalize():f}"
