"""One execution. The picture itself is live and drawn in the browser from numbered events."""

from typing import Any

from reactpy import component, html

from frontend.components.blocks import notice, skeleton
from frontend.kit.elements import title
from frontend.kit.handlers import use_guard
from frontend.kit.js import ExecutionView
from frontend.kit.messages import use_messages
from frontend.kit.place import use_nav
from frontend.kit.query import use_client, use_query
from frontend.pages.not_found import missing


@component
def ExecutionPage() -> Any:
    nav, client, guard, messages = use_nav(), use_client(), use_guard(), use_messages()
    execution_id = nav.parameters["execution_id"]
    answer = use_query("execution", {"id": execution_id})

    async def cancel(_found: dict[str, Any]) -> None:
        await client.mutate("control_execution", {"executionId": execution_id, "action": "CANCEL"})
        messages.say("Cancelling. The step that runs now is stopped.", "info")

    async def again(found: dict[str, Any]) -> None:
        old = (answer.data or {})["execution"]
        payload = await client.mutate(
            "start_execution",
            {
                "botId": old["bot"]["id"],
                "versionId": (old.get("version") or {}).get("id"),
                "input": old["input"],
                "mode": found.get("mode", "LIVE"),
            },
        )
        nav.go(f"/executions/{payload['execution']['id']}")

    if answer.error:
        return notice(answer.error, lambda _event: answer.reload())
    if answer.data is None:
        return html.div(skeleton("head"), skeleton("strip"), skeleton("half", 2))
    execution = answer.data["execution"]
    if execution is None:
        return html.div(
            html.h1({"className": "visually-hidden"}, "Not found"), missing("execution")
        )
    return html.div(
        title(f"{execution['bot']['name']}, execution"),
        ExecutionView(
            {
                "key": execution_id,
                "execution": execution,
                "onCancel": guard.js(cancel),
                "onAgain": guard.js(again),
            }
        ),
    )
