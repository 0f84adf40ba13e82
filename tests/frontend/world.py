"""A small world behind the web app: bots, executions and a scripted engine, all in memory.

It answers the operations of graphql-schema/operations as the server does, so that pages can be
looked at and tested without one."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.frontend.money import Money

OPERATION = re.compile(r"\b(?:query|mutation|subscription)\s+(\w+)")
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usage(tokens_in: int, tokens_out: int, cost: str | None) -> dict[str, Any]:
    return {
        "inputTokens": tokens_in,
        "outputTokens": tokens_out,
        "totalTokens": tokens_in + tokens_out,
        "cost": cost,
        "estimated": False,
        "unpriced": False,
    }


class World(Money):
    def __init__(self, pace: float = 0.02) -> None:
        super().__init__()
        self.pace = pace
        self.bots: dict[str, dict[str, Any]] = {}
        self.executions: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.templates: list[dict[str, Any]] = []
        self.approvals: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.writable = True
        self.workers: int | None = 1
        self.short: int | None = 0
        self.points: dict[str, Any] | None = None
        self.notifications: list[dict[str, Any]] = []
        self.changed = asyncio.Condition()
        self.told = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.script: Callable[[World, dict[str, Any]], Any] | None = None
        self._count = 0

    def new_id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count:026d}"

    async def execute(
        self, document: str, variables: dict[str, Any], viewer: Any
    ) -> dict[str, Any]:
        found = OPERATION.search(document)
        assert found is not None
        self.calls.append((found[1], variables))
        try:
            return {"data": await getattr(self, f"do_{found[1]}")(variables), "errors": None}
        except PermissionError as error:
            refused = {"message": str(error), "extensions": {"code": "FORBIDDEN"}}
            return {"data": None, "errors": [refused]}
        except TimeoutError as error:
            refused = {"message": str(error), "extensions": {"code": "RATE_LIMITED"}}
            return {"data": None, "errors": [refused]}

    # Reading

    async def do_Shell(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "viewer": {
                "user": {"id": "usr_1", "name": "Ada Marlow", "email": "ada@example.com"},
                "workspace": {"id": "wsp_1", "name": "Marlow Research"},
                "role": "OWNER",
            },
            "bots": {"nodes": [{"id": b["id"], "name": b["name"]} for b in self.bots.values()]},
        }

    async def do_Standing(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.points is not None and self.points["remaining"] < 0:
            raise TimeoutError("You have asked for more than 6000 points. Try again in 9 s.")
        health = {"writable": self.writable, "workers": self.workers}
        health["workersShortOfMemory"] = self.short
        return {"health": health, "viewer": {"rateLimit": self.points}}

    async def do_Notifications(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"notifications": _connection(self.notifications)}

    async def do_ReadNotifications(self, variables: dict[str, Any]) -> dict[str, Any]:
        wanted = variables["input"].get("ids")
        for one in self.notifications:
            if wanted is None or one["id"] in wanted:
                one["readAt"] = stamp(datetime.now(UTC))
        unread = sum(one["readAt"] is None for one in self.notifications)
        return {"readNotifications": {"unread": unread, "errors": []}}

    async def do_Bots(self, variables: dict[str, Any]) -> dict[str, Any]:
        where = variables.get("filter") or {}
        states = (where.get("state") or {}).get("in") or []
        tag = (where.get("tag") or {}).get("eq")
        nodes = [
            self._bot(bot, 14)
            for bot in self.bots.values()
            if bot["state"] in states and (tag is None or tag in bot.get("tags", []))
        ]
        recent = [e for e in self._newest() if e["createdAt"] >= variables["since"]]
        return {
            "bots": _connection(nodes),
            "recent": {"totalCount": len(recent), "nodes": recent[:100]},
        }

    async def do_Bot(self, variables: dict[str, Any]) -> dict[str, Any]:
        bot = self.bots.get(variables["id"])
        return {"bot": self._bot(bot, 8) if bot else None}

    async def do_Templates(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"templates": self.templates}

    async def do_Executions(self, variables: dict[str, Any]) -> dict[str, Any]:
        wanted = variables.get("filter") or {}
        statuses = (wanted.get("status") or {}).get("in")
        found = [
            e
            for e in self._newest()
            if (not statuses or e["status"] in statuses)
            and (not wanted.get("botId") or e["bot"]["id"] == wanted["botId"])
        ]
        start = int(variables.get("after") or 0)
        size = variables.get("first") or 25
        page = _connection(found[start : start + size], total=len(found))
        more = start + size < len(found)
        page["pageInfo"] = {"hasNextPage": more, "endCursor": str(start + size)}
        return {"executions": page}

    async def do_Execution(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"execution": self.executions.get(variables["id"])}

    async def do_ExecutionStanding(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"execution": self.executions.get(variables["id"])}

    async def do_ExecutionSnapshots(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"execution": {"snapshots": []}}

    async def do_PreviewBal(self, variables: dict[str, Any]) -> dict[str, Any]:
        source = variables["source"]
        diagnostics = []
        for number, line in enumerate(source.split("\n"), 1):
            if (column := line.find("oops")) >= 0:
                diagnostics.append(_diagnostic(number, column + 1))
        names = re.findall(r"^(\w+) \{", source, re.MULTILINE)
        nodes = [
            {"id": n, "type": "baleybot", "data": {"name": n}, "position": {"x": 380 * i, "y": 100}}
            for i, n in enumerate(names)
            if n not in {"chain", "parallel", "merge"}
        ]
        return {
            "previewBalChange": {
                "ok": not diagnostics,
                "diagnostics": diagnostics,
                "formatted": re.sub(r"\n{3,}", "\n\n", source).strip() + "\n",
                "diagram": {"nodes": nodes, "edges": []},
            }
        }

    # Changing

    async def do_CreateBot(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        if any(bot["name"] == values["name"] for bot in self.bots.values()):
            error = {"code": "CONFLICT", "message": "This name is taken.", "path": ["name"]}
            return {"createBot": {"bot": None, "errors": [error]}}
        bot = self.add_bot(values["name"], values["source"], state="DRAFT")
        return {"createBot": {"bot": bot, "errors": []}}

    async def do_SaveBotDraft(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        bot = self.bots[values["botId"]]
        if values["expectedVersion"] != bot["draftVersion"]:
            error = {"code": "CONFLICT", "message": "The draft was changed.", "path": []}
            return {"saveBotDraft": {"bot": None, "errors": [error]}}
        bot["source"] = values["source"]
        bot["draftVersion"] += 1
        return {"saveBotDraft": {"bot": bot, "errors": []}}

    async def do_PublishBot(self, variables: dict[str, Any]) -> dict[str, Any]:
        bot = self.bots[variables["input"]["botId"]]
        number = (bot["published"] or {"number": 0})["number"] + 1
        bot.update(published={"id": self.new_id("ver"), "number": number}, state="ACTIVE")
        return {"publishBot": {"bot": bot, "errors": []}}

    async def do_ChangeBots(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        results = [self._changed(bot_id, values) for bot_id in values["botIds"]]
        return {"changeBots": {"results": results, "errors": []}}

    def _changed(self, bot_id: str, values: dict[str, Any]) -> dict[str, Any]:
        bot = self.bots[bot_id]
        states = {"ARCHIVE": "ARCHIVED", "UNARCHIVE": "PAUSED", "PAUSE": "PAUSED"}
        if values["action"] == "PAUSE" and bot["state"] != "ACTIVE":
            error = {"code": "INVALID_STATE", "message": "It is not active.", "path": []}
            return {"botId": bot_id, "bot": None, "errors": [error]}
        if values["action"] == "DELETE":
            del self.bots[bot_id]
        bot["state"] = states.get(values["action"], bot["state"])
        bot["tags"] = sorted({*bot.get("tags", []), *values.get("tags", [])})
        return {"botId": bot_id, "bot": bot, "errors": []}

    async def do_BotTags(self, _: dict[str, Any]) -> dict[str, Any]:
        names = sorted({tag for bot in self.bots.values() for tag in bot.get("tags", [])})
        return {"botTags": [{"name": name, "botCount": 1} for name in names]}

    async def do_StartExecution(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        bot = self.bots[values["botId"]]
        execution = self.add_execution(bot, "PENDING", input=values.get("input"))
        task = asyncio.create_task(self._run(execution))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return {"startExecution": {"execution": execution, "errors": []}}

    async def do_CancelExecutions(self, variables: dict[str, Any]) -> dict[str, Any]:
        ids = self._meant(variables["input"], ended=False)
        for one in ids:
            execution = self.executions[one]
            execution |= {"status": "CANCELLED", "finishedAt": stamp(datetime.now(UTC))}
            execution["viewerCan"] |= {"cancel": False, "delete": True}
        return {"cancelExecutions": _many(ids)}

    async def do_DeleteExecutions(self, variables: dict[str, Any]) -> dict[str, Any]:
        ids = self._meant(variables["input"], ended=True)
        for one in ids:
            del self.executions[one]
        return {"deleteExecutions": _many(ids)}

    def _meant(self, values: dict[str, Any], *, ended: bool) -> list[str]:
        fit = [e["id"] for e in self.executions.values() if (e["status"] in ENDED) == ended]
        return [one for one in fit if one in values.get("executionIds", fit)]

    async def do_ControlExecution(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        execution = self.executions[values["executionId"]]
        if execution["status"] in ENDED:
            error = {"code": "INVALID_STATE", "message": "It has ended already.", "path": []}
            return {"controlExecution": {"execution": None, "errors": [error]}}
        match values["action"]:
            case "CANCEL":
                execution["finishedAt"] = stamp(datetime.now(UTC))
                await self._turn(execution, "CANCELLED", "execution.cancelled")
            case "PAUSE":
                await self._turn(execution, "PAUSED", "execution.paused", by="ada@example.com")
            case _:
                await self._turn(execution, "RUNNING", "execution.resumed")
        return {"controlExecution": {"execution": execution, "errors": []}}

    async def _turn(self, execution: dict[str, Any], status: str, event: str, **data: Any) -> None:
        execution["status"] = status
        await self.tell(execution, event, **data)

    async def do_RerunExecution(self, variables: dict[str, Any]) -> dict[str, Any]:
        source = self.executions[variables["input"]["executionId"]]
        bot = self.bots[source["bot"]["id"]]
        new = self.add_execution(bot, "PENDING", input=source["input"], triggerKind="RERUN")
        new.update(forkedFrom={"id": source["id"]}, lastSeq=0)
        return {"rerunExecution": {"execution": new, "errors": []}}

    async def do_ApprovalsWaiting(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"approvals": {"totalCount": len(self._asked(["PENDING"], None))}}

    async def do_Approvals(self, variables: dict[str, Any]) -> dict[str, Any]:
        wanted = variables.get("filter") or {}
        found = self._asked(
            (wanted.get("status") or {}).get("in") or ["PENDING"], wanted.get("executionId")
        )
        return {"approvals": _connection(found)}

    def _asked(self, statuses: list[str], execution_id: str | None) -> list[dict[str, Any]]:
        return [
            one
            for one in reversed(self.approvals.values())
            if one["status"] in statuses
            and (execution_id is None or one["execution"]["id"] == execution_id)
        ]

    async def do_DecideApproval(self, variables: dict[str, Any]) -> dict[str, Any]:
        values = variables["input"]
        approval = self.approvals[values["approvalId"]]
        if approval["status"] != "PENDING":
            error = {"code": "ALREADY_DECIDED", "message": "Grace approved this.", "path": []}
            return {"decideApproval": {"approval": None, "errors": [error]}}
        status = "REJECTED" if "reject" in values else "APPROVED"
        status = "MODIFIED" if "modify" in values else status
        approval.update(status=status, decidedBy="Ada Marlow", decidedAt=stamp(datetime.now(UTC)))
        return {"decideApproval": {"approval": approval, "errors": []}}

    # What is there

    def add_bot(self, name: str, source: str, **more: Any) -> dict[str, Any]:
        names = re.findall(r"^(\w+) \{", source, re.MULTILINE)
        bot = {
            "id": self.new_id("bot"),
            "name": name,
            "description": "",
            "icon": "",
            "state": "ACTIVE",
            "source": source,
            "draftVersion": 1,
            "entities": [
                {"name": n, "goal": "", "model": None}
                for n in names
                if n not in {"chain", "parallel", "merge", "defaults", "analytics"}
            ],
            "published": None,
            "inputSchema": None,
            "sampleInput": None,
            **more,
        }
        self.bots[bot["id"]] = bot
        return bot

    def add_execution(
        self, bot: dict[str, Any], status: str, ago: float = 0, took: float = 0, **more: Any
    ) -> dict[str, Any]:
        created = datetime.now(UTC) - timedelta(seconds=ago)
        started = created + timedelta(milliseconds=38)
        ended = status in ENDED
        execution: dict[str, Any] = {
            "id": self.new_id("exe"),
            "status": status,
            "waitingReason": None,
            "mode": "LIVE",
            "triggerKind": "MANUAL",
            "bot": {"id": bot["id"], "name": bot["name"], "icon": bot["icon"]},
            "version": {"id": "ver_1", "number": 3},
            "input": None,
            "output": None,
            "error": None,
            "usage": usage(0, 0, "0"),
            "createdAt": stamp(created),
            "startedAt": None if status == "PENDING" else stamp(started),
            "finishedAt": stamp(started + timedelta(milliseconds=took)) if ended else None,
            "durationMs": took if ended else None,
            "queuedMs": 38,
            "lastSeq": 0,
            "viewerCan": {
                "cancel": not ended,
                "pause": not ended,
                "resume": False,
                "retry": ended,
                "delete": ended,
            },
            "forkedFrom": None,
            "forkedFromStep": None,
            "forks": [],
            "steps": [],
            **more,
        }
        self.executions[execution["id"]] = execution
        self.events[execution["id"]] = []
        return execution

    def ask(self, execution: dict[str, Any], tool: str, arguments: Any, **more: Any) -> Any:
        """A question to a person, as an execution that waits asks it."""
        approval = {
            "id": self.new_id("apr"),
            "kind": "TOOL",
            "status": "PENDING",
            "stepKey": f"writer/{tool}",
            "tool": tool,
            "arguments": arguments,
            "entity": "writer",
            "goal": "Tell the customers what changed.",
            "reason": None,
            "choices": [],
            "answerSchema": None,
            "to": None,
            "answer": None,
            "diagnosis": None,
            "createdAt": stamp(datetime.now(UTC) - timedelta(minutes=4)),
            "expiresAt": stamp(datetime.now(UTC) + timedelta(days=6, hours=23)),
            "decidedAt": None,
            "decidedBy": None,
            "action": None,
            "note": None,
            "modifiedArguments": None,
            "execution": {"id": execution["id"]},
            "bot": execution["bot"],
            **more,
        }
        self.approvals[approval["id"]] = approval
        return approval

    def _newest(self) -> list[dict[str, Any]]:
        return sorted(self.executions.values(), key=lambda e: e["createdAt"], reverse=True)

    def _bot(self, bot: dict[str, Any], shown: int) -> dict[str, Any]:
        runs = [e for e in self._newest() if e["bot"]["id"] == bot["id"]]
        can = {"edit": True, "run": True, "publish": True, "delete": True}
        return {
            **bot,
            "executionCount": len(runs),
            "executions": {"nodes": runs[:shown]},
            "stats": None,
            "viewerCan": can,
        }

    # Running

    async def tell(
        self, execution: dict[str, Any], kind: str, step: str | None = None, **data: Any
    ) -> None:
        events = self.events[execution["id"]]
        event = {
            "seq": len(events) + 1,
            "type": kind,
            "at": stamp(datetime.now(UTC)),
            "stepKey": step,
            "attempt": 1,
            "data": data,
        }
        events.append(event)
        execution["lastSeq"] = event["seq"]
        self.told += 1
        async with self.changed:
            self.changed.notify_all()

    async def _run(self, execution: dict[str, Any]) -> None:
        assert self.script is not None
        await self.script(self, execution)

    async def follow(self, execution_id: str, after: int) -> AsyncIterator[dict[str, Any]]:
        execution, events = self.executions[execution_id], self.events[execution_id]
        while True:
            new = events[after:]
            after = len(events)
            done = execution["status"] in ENDED
            yield {"lastSeq": after, "caughtUp": True, "done": done, "events": new}
            if done:
                return
            async with self.changed:
                await self.changed.wait_for(lambda seen=after: len(events) > seen)


def _many(ids: list[str]) -> dict[str, Any]:
    results = [{"executionId": one, "errors": []} for one in ids]
    return {"doneCount": len(ids), "remainingCount": 0, "results": results, "errors": []}


def _connection(nodes: list[Any], total: int | None = None) -> dict[str, Any]:
    return {
        "totalCount": len(nodes) if total is None else total,
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "nodes": nodes,
    }


def _diagnostic(line: int, column: int) -> dict[str, Any]:
    return {
        "severity": "ERROR",
        "kind": "unknown_entity",
        "message": "There is no entity named “oops”.",
        "hint": "Define it, or use one of the names above.",
        "line": line,
        "column": column,
        "endLine": line,
        "endColumn": column + 4,
    }
