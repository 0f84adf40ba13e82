"""The draft of one bot: checked and saved as it is typed, never over somebody else's change."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from reactpy import use_async_effect, use_state

from frontend.client import Client, ClientError
from frontend.kit.handlers import Guard, use_guard
from frontend.kit.query import use_client
from frontend.pages.flow import flow_of

FACTS = ("description", "icon", "draftIsLive")


@dataclass
class Draft:
    """What the server knows of the text, kept for the life of the page."""

    version: int
    lock: asyncio.Lock
    session: str
    seq: int = 0
    burst: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True)
class View:
    """What the editor is told. Marks and saves carry the number of the text they speak of."""

    source: str
    rev: int = 0
    base: int | None = None
    checked: dict[str, Any] | None = None
    saved: dict[str, Any] | None = None
    flow: list[dict[str, Any]] | None = None
    schema: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None
    quiet: bool = False
    steps: dict[str, bool] | None = None


class DeskModel:
    def __init__(
        self,
        bot: dict[str, Any],
        client: Client,
        guard: Guard,
        draft: Draft,
        view: View,
        change: Any,
    ) -> None:
        self.bot, self.client, self.guard = bot, client, guard
        self.draft, self.view, self._change = draft, view, change

    def studio(self) -> dict[str, Any]:
        view = self.view
        return {
            "botId": self.bot["id"],
            "source": view.source,
            "rev": view.rev,
            "quiet": view.quiet,
            "steps": view.steps,
            "base": view.base,
            "session": self.draft.session,
            "checked": view.checked,
            "saved": view.saved or {"seq": 0, "state": "saved"},
            "flow": view.flow,
            "canEdit": self.bot["viewerCan"]["edit"],
            "onText": self.guard.js(self.typed),
            "onFormat": self.guard.js(self.format),
            "onUndo": self.guard.js(self.undo),
            "onRedo": self.guard.js(self.redo),
            "onTake": self.guard.js(self.take_other),
            "onKeep": self.guard.js(self.keep_mine),
        }

    async def typed(self, found: dict[str, Any]) -> None:
        text, seq = found["text"], found["seq"]
        stepping = found.get("stepping", False)
        preview, draft = await asyncio.gather(self.check(text, seq), self.save(text, seq, stepping))
        if preview["ok"] and draft:
            facts = {name: draft[name] for name in FACTS if name in draft}
            self._change(schema=draft.get("inputSchema"), facts=facts)

    async def check(self, text: str, seq: int) -> dict[str, Any]:
        preview = (await self.client.query("preview_bal", {"source": text}))["previewBalChange"]
        checked = {"seq": seq, "items": preview["diagnostics"]}
        self._change(checked=checked, **flow_change(preview))
        return preview

    async def save(self, text: str, seq: int, stepping: bool = False) -> dict[str, Any] | None:
        """The saved bot; None when the text is older than what is saved, or in conflict."""
        async with self.draft.lock:
            if seq <= self.draft.seq:
                return None
            values = {
                "botId": self.bot["id"],
                "source": text,
                "expectedVersion": self.draft.version,
                "stepping": stepping,
                "burst": self.draft.burst,
            }
            try:
                payload = await self.client.mutate("save_bot_draft", values)
            except ClientError as error:
                self._refused(error, seq)
                return None
            self.draft.version = payload["bot"]["draftVersion"]
            self.draft.seq = seq
            self._change(saved={"seq": seq, "state": "saved"}, steps=steps_of(payload["bot"]))
            return payload["bot"]

    def _refused(self, error: ClientError, seq: int) -> None:
        """A conflict is shown with who was faster; anything else goes on to the person."""
        if error.code != "CONFLICT":
            self._change(saved={"seq": seq, "state": "failed"})
            raise error
        first = error.errors[0] if error.errors else {}
        told = {"by": first.get("changedBy"), "at": first.get("changedAt")}
        self._change(saved={"seq": seq, "state": "conflict", "told": told})

    async def undo(self, found: dict[str, Any]) -> None:
        await self._step("undo_bot_draft", found)

    async def redo(self, found: dict[str, Any]) -> None:
        await self._step("redo_bot_draft", found)

    async def _step(self, operation: str, found: dict[str, Any]) -> None:
        """In the journal of the draft; what is on the page is saved first."""
        await self.save(found["text"], found["seq"])
        async with self.draft.lock:
            if self.draft.seq < found["seq"]:
                return
            values = {"botId": self.bot["id"], "expectedVersion": self.draft.version}
            try:
                bot = (await self.client.mutate(operation, values))["bot"]
            except ClientError as error:
                if error.code == "INVALID_STATE":
                    self._change(steps=await self._steps())
                    return
                self._refused(error, found["seq"])
                return
            self.draft.version = bot["draftVersion"]
        self.show_text(bot["source"], found["seq"], quiet=True, steps=steps_of(bot))

    async def _steps(self) -> dict[str, bool]:
        return steps_of(await self.newest())

    async def save_before_run(self, wanted: dict[str, Any] | None) -> None:
        if not wanted or wanted["seq"] <= self.draft.seq or not self.bot["viewerCan"]["edit"]:
            return
        await self.save(wanted["text"], wanted["seq"])
        if self.draft.seq < wanted["seq"]:
            raise ClientError(
                "The bot was changed in another place. Decide which text to keep first."
            )

    async def format(self, found: dict[str, Any]) -> None:
        preview = await self.check(found["text"], found["seq"])
        if not preview["ok"] or not preview.get("formatted"):
            raise ClientError("Correct the errors first, then the text can be formatted.")
        self.show_text(preview["formatted"], found["seq"])

    def show_text(self, text: str, base: int | None = None, **more: Any) -> None:
        """Puts a text into the editor, which then sends it back as any other change."""
        self._change(
            **{"source": text, "rev": self.view.rev + 1, "base": base, "quiet": False, **more}
        )

    async def newest(self) -> dict[str, Any]:
        return (await self.client.query("bot", {"id": self.bot["id"]}))["bot"]

    async def take_other(self, _found: dict[str, Any]) -> None:
        bot = await self.newest()
        self.draft.version = bot["draftVersion"]
        self._change(saved={"seq": self.draft.seq, "state": "saved"})
        self.show_text(bot["source"])

    async def keep_mine(self, found: dict[str, Any]) -> None:
        """In an entry of its own: undoing it brings back the text that it replaces."""
        self.draft.burst = uuid4().hex
        self.draft.version = (await self.newest())["draftVersion"]
        await self.save(found["text"], found["seq"])


def steps_of(bot: dict[str, Any]) -> dict[str, bool]:
    return {"undo": bool(bot.get("canUndo")), "redo": bool(bot.get("canRedo"))}


def flow_change(preview: dict[str, Any]) -> dict[str, Any]:
    """Broken text keeps the last picture that was right."""
    return {"flow": flow_of(preview.get("diagram"))} if preview["ok"] else {}


def use_desk(bot: dict[str, Any]) -> DeskModel:
    client, guard = use_client(), use_guard()
    draft, _ = use_state(lambda: Draft(bot["draftVersion"], asyncio.Lock(), uuid4().hex))
    view, set_view = use_state(
        lambda: View(source=bot["source"], schema=bot.get("inputSchema"), steps=steps_of(bot))
    )

    def change(**changes: Any) -> None:
        set_view(lambda old: View(**{**old.__dict__, **changes}))

    desk = DeskModel(bot, client, guard, draft, view, change)

    async def first_check() -> None:
        try:
            await desk.check(bot["source"], 0)
        except ClientError as error:
            guard.messages.error(str(error))

    use_async_effect(first_check, dependencies=[])
    return desk
