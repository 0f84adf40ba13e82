"""What the buttons of one execution do, as far as it needs nothing of the page's own state."""

from dataclasses import dataclass
from typing import Any

from frontend.client import Client, ClientError
from frontend.kit.messages import Messages
from frontend.kit.place import Nav

CONTROLLED = {
    "CANCEL": "Cancelling. The step that runs now is stopped.",
    "PAUSE": "Pausing before the next step.",
    "RESUME": "It goes on.",
    "STEP": "One action is taken, then it holds again.",
}


@dataclass(frozen=True)
class Acts:
    execution: dict[str, Any]
    client: Client
    nav: Nav
    messages: Messages

    async def control(self, found: dict[str, Any]) -> None:
        values = {"executionId": self.execution["id"], "action": found["action"]}
        await self.client.mutate("control_execution", values)
        self.messages.say(CONTROLLED[found["action"]], "info")

    async def again(self, found: dict[str, Any]) -> None:
        recording = self.execution.get("recording")
        await self._start(
            input=self.execution["input"],
            mode=found.get("mode") or "LIVE",
            **pressed(found),
            **({"recordingId": recording["id"]} if recording else {}),
        )

    async def replay(self, found: dict[str, Any]) -> None:
        recording = self.execution["id"]
        await self._start(mode="RECORDED", recordingId=recording, **pressed(found))

    async def keep(self, _found: dict[str, Any]) -> None:
        values = {"executionId": self.execution["id"]}
        name = (await self.client.mutate("keep_recording", values))["recording"]["name"]
        self.messages.say(f"Kept as “{name}”. Choose “Recorded” on the bot's page to replay it.")

    async def delete(self, _found: dict[str, Any]) -> None:
        values = {"executionIds": [self.execution["id"]]}
        (outcome,) = (await self.client.mutate("delete_executions", values))["results"]
        if outcome["errors"]:
            raise ClientError(outcome["errors"][0]["message"])
        self.messages.say("The execution is deleted.")
        self.nav.go("/executions")

    async def rerun(self, found: dict[str, Any]) -> None:
        values = {"executionId": self.execution["id"], **rerun_values(found)}
        payload = await self.client.mutate("rerun_execution", values)
        self.messages.say("A new execution has begun. What stands before is taken over at no cost.")
        self._show(payload)

    async def _start(self, **values: Any) -> None:
        version = (self.execution.get("version") or {}).get("id")
        asked = {"botId": self.execution["bot"]["id"], "versionId": version, **values}
        self._show(await self.client.mutate("start_execution", asked))

    def _show(self, payload: dict[str, Any]) -> None:
        self.nav.go(f"/executions/{payload['execution']['id']}")


def replayable(execution: dict[str, Any]) -> bool:
    """What was itself a replay needs no recording of its own."""
    return bool(execution["bot"]) and execution.get("mode") != "RECORDED"


def rerun_values(found: dict[str, Any]) -> dict[str, Any]:
    """Without an input the earlier one counts; null would be one."""
    values = {"version": found.get("version", "SAME"), "outputs": found.get("outputs") or {}}
    for place in ("fromStep", "fromSeq", "onlyFailed", "skip", "models"):
        if found.get(place):
            values[place] = found[place]
    for given in ("input", "arguments"):
        if given in found:
            values[given] = found[given]
    return values | pressed(found)


def pressed(found: dict[str, Any]) -> dict[str, str]:
    """A button that is pressed twice begins one execution."""
    return {"idempotencyKey": found["key"]} if found.get("key") else {}
