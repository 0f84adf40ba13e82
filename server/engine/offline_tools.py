"""The built-in tools where there is no server: what needs nobody else works for real, for as long
as the run lasts; the others say what they need."""

from __future__ import annotations

from typing import Any

from server.engine.host import StepFailed
from server.tools.base import Tool, ToolFailed
from server.tools.builtin.keyed import MOST_LISTED, checked_key, checked_value
from server.tools.catalogue import BUILT_IN, Catalogue
from server.tools.wrappers import ArgumentsRefused

BUILT_INS = Catalogue(BUILT_IN)
HERE = "in `bal run`; answer it with --replies, or run the bot on a server."


class OfflineTools:
    """One for a run: nothing is kept after it."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Any]] = {"store_memory": {}, "shared_storage": {}}

    async def use(self, name: str, arguments: dict[str, Any]) -> Any:
        tool = BUILT_INS.get(name)
        if tool is None:
            raise StepFailed("tool_not_found", f"There is no tool `{name}` {HERE}", entity=name)
        try:
            return self._used(tool, arguments)
        except ToolFailed as failed:
            raise StepFailed(failed.kind, failed.message, entity=name) from failed

    def _used(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        issues = tool.issues(arguments)
        if issues:
            raise ArgumentsRefused(tool.name, issues)
        match tool.name:
            case "store_memory" | "shared_storage":
                return self._kept(self._values[tool.name], arguments)
            case "wait":
                return _waited(arguments)
            case "send_notification":
                return {"sent": False, "notification_id": None}
            case "ask":
                message = f"The run would ask a person here: {arguments['message']}"
                raise StepFailed("approval_required", message, entity="ask", catchable=False)
            case _:
                raise ToolFailed(f"`{tool.name}` does not work {HERE}", "not_available")

    def _kept(self, values: dict[str, Any], arguments: dict[str, Any]) -> Any:
        """Nothing lapses in so short a time."""
        match arguments["action"]:
            case "set" | "write":
                values[checked_key(arguments)] = checked_value(arguments)
                return {"success": True}
            case "get" | "read":
                key = checked_key(arguments)
                return {"success": key in values, "value": values.get(key)}
            case "delete":
                key = checked_key(arguments)
                return {"success": values.pop(key, self) is not self}
            case _:
                begin = arguments.get("prefix") or ""
                keys = sorted(key for key in values if key.startswith(begin))
                return {"success": True, "keys": keys[:MOST_LISTED]}


def _waited(arguments: dict[str, Any]) -> Any:
    """Time that nobody spends: the program goes on at once."""
    if arguments.get("event") is not None:
        message = f"The event `{arguments['event']}` cannot come {HERE}"
        raise ToolFailed(message, "not_available")
    if (arguments.get("seconds") is None) == (arguments.get("until") is None):
        raise ToolFailed("Give `seconds` or `until`, and not both.", "invalid_arguments")
    return {"waited": arguments.get("seconds") or 0}
