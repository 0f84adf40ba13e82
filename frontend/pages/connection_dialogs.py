"""Adding, changing and deleting a connection. What is typed stays in the browser until it is
sent; the answer of the test is shown in the same dialog."""

from collections.abc import Callable
from typing import Any

from reactpy import component, use_state

from frontend.client import ClientError
from frontend.components.connections import form_of, values_of
from frontend.format import plural
from frontend.kit.handlers import Guard, use_guard
from frontend.kit.js import FormDialog
from frontend.kit.messages import use_messages
from frontend.kit.query import use_client

Closed = Callable[[bool], None]
FAILED = "UPSTREAM_FAILED"


def use_answer() -> tuple[dict[str, Any], Callable[..., None]]:
    """The last answer with a number, so that the dialog tells a new one from an old one."""
    start: dict[str, Any] = {"n": 0}
    answer, set_answer = use_state(start)

    def tell(**values: Any) -> None:
        set_answer(lambda old: {"n": old["n"] + 1, **values})

    return answer, tell


def refusal(error: ClientError) -> dict[str, Any]:
    first: dict[str, Any] = error.errors[0] if error.errors else {}
    return {
        "ok": False,
        "message": str(error),
        "path": [str(part) for part in first.get("path") or []],
        "canForce": error.code == FAILED,
    }


def sent(guard: Guard, tell: Callable[..., None], work: Callable[[dict[str, Any]], Any]) -> Any:
    """A handler of a dialog: what the server refuses is said in the dialog."""

    async def handled(found: dict[str, Any]) -> None:
        try:
            await work(found)
        except ClientError as error:
            tell(**refusal(error))

    return guard.js(handled)


@component
def ConnectionDialog(
    row: dict[str, Any] | None, kinds: dict[str, Any], first: str | None, closed: Closed
) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def test(found: dict[str, Any]) -> None:
        kind = kinds[found["variant"]]
        values = values_of(kind, found, row)
        stored = row is not None and not values["secrets"]
        if row is not None and stored:
            payload = await client.mutate("test_connection", {"connectionId": row["id"]})
        else:
            given = {name: v for name, v in values["settings"].items() if v is not None}
            payload = await client.mutate(
                "test_connection",
                {"kind": kind["name"], "settings": given, "secrets": values["secrets"]},
            )
        outcome = payload["test"]
        tell(ok=outcome["ok"], message=_words(outcome), models=outcome["models"])

    async def save(found: dict[str, Any]) -> None:
        kind = kinds[found["variant"]]
        if row is None:
            payload = await client.mutate("create_connection", new_values(kind, found))
        else:
            payload = await client.mutate("update_connection", changed_values(kind, found, row))
        messages.say(f"{payload['connection']['name']} is kept. {_words(payload['test'])}")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    chosen = [kinds[row["kind"]]] if row is not None else list(kinds.values())
    return FormDialog(
        {
            "title": f"Edit {row['name']}" if row else "Add an AI connection",
            "text": "It is tested by a real call before it is kept.",
            "variants": [_variant(kind, row) for kind in chosen],
            "variant": first,
            "confirm": "Test and save",
            "testable": True,
            "answer": answer,
            "onTest": sent(guard, tell, test),
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def _variant(kind: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
    words = {"value": kind["name"], "label": kind["label"], "help": kind["help"]}
    return {**words, "fields": form_of(kind, row)}


def new_values(kind: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    default = {"isDefault": True} if found["values"].get("isDefault") else {}
    return {"kind": kind["name"], **_common(kind, found, None), **default}


def changed_values(
    kind: dict[str, Any], found: dict[str, Any], row: dict[str, Any]
) -> dict[str, Any]:
    """Without a new secret the stored one stays; the default is only named when it changes."""
    values = _common(kind, found, row)
    if not values["secrets"]:
        del values["secrets"]
    default = bool(found["values"].get("isDefault"))
    if default != row["isDefault"]:
        values["isDefault"] = default
    return {**values, "connectionId": row["id"], "expectedVersion": row["version"]}


def _common(
    kind: dict[str, Any], found: dict[str, Any], row: dict[str, Any] | None
) -> dict[str, Any]:
    name = str(found["values"].get("name") or "").strip()
    return {**values_of(kind, found, row), "name": name, "force": bool(found.get("force"))}


@component
def FallbacksDialog(models: list[str], closed: Closed) -> Any:
    """One model a line, the first one first."""
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()

    async def save(found: dict[str, Any]) -> None:
        text = str(found["values"].get("models") or "").replace(",", "\n")
        wanted = [line.strip() for line in text.splitlines() if line.strip()]
        payload = await client.mutate("set_model_fallbacks", {"models": wanted})
        remarks = payload["modelFallbacks"]["warnings"]
        words = " ".join(remarks) or "They count from the next step on."
        messages.say(f"{plural(len(wanted), 'fallback')} kept. {words}")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    field = {
        "name": "models",
        "label": "Models, one a line",
        "type": "long",
        "value": "\n".join(models),
        "placeholder": "anthropic:claude-haiku-4-5",
        "help": "As provider:model, tried from the first to the last. Each must be reachable now. "
        "Empty it to have none.",
    }
    return FormDialog(
        {
            "title": "Fallbacks of this workspace",
            "text": "When a model fails for good, these are tried where a bot names none. A bot "
            'that wants none says "fallbacks": [].',
            "fields": [field],
            "confirm": "Save",
            "answer": answer,
            "onSubmit": sent(guard, tell, save),
            "onClose": guard.js(close),
        }
    )


def _words(test: dict[str, Any] | None) -> str:
    if test is None:
        return ""
    return test["message"] or ("It works." if test["ok"] else "It does not work.")


@component
def DeleteDialog(row: dict[str, Any], closed: Closed) -> Any:
    client, guard, messages = use_client(), use_guard(), use_messages()
    answer, tell = use_answer()
    used = bool(row["usedBy"] or row["inFallbacks"])

    async def delete(found: dict[str, Any]) -> None:
        values: dict[str, Any] = {"connectionId": row["id"]}
        if used:
            values |= {"force": True, "reason": found["values"].get("reason")}
        await client.mutate("delete_connection", values)
        messages.say(f"{row['name']} and its key are gone.")
        closed(True)

    async def close(_found: dict[str, Any]) -> None:
        closed(False)

    reason = {"name": "reason", "label": "Why", "type": "long", "required": True}
    reason["help"] = "Kept with the change, for whoever wonders later."
    return FormDialog(
        {
            "title": f"Delete {row['name']}?",
            "text": _consequence(row["usedBy"], row["inFallbacks"]),
            "fields": [reason] if used else [],
            "confirm": "Delete the connection",
            "danger": True,
            "answer": answer,
            "onSubmit": sent(guard, tell, delete),
            "onClose": guard.js(close),
        }
    )


def _consequence(uses: list[dict[str, Any]], chain: list[str]) -> str:
    if not uses and not chain:
        return "No bot uses it. Its key is deleted at once and cannot be brought back."
    said: list[str] = []
    if uses:
        names = ", ".join(f"{use['botName']} ({use['why']})" for use in uses[:6])
        more = f" and {len(uses) - 6} more" if len(uses) > 6 else ""
        said.append(f"{plural(len(uses), 'bot')} will have no way to the model: {names}{more}.")
    if chain:
        said.append(f"The fallbacks of this workspace go through it: {', '.join(chain)}.")
    return f"{' '.join(said)} The key is deleted at once."
