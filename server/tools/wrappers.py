"""What stands around every call of a tool, one function each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from server.bal.types import Issue
from server.core.errors import AppError, Unavailable
from server.core.logs import REDACTION
from server.models.away import is_away
from server.tools.base import Layer, Tool, ToolContext, ToolFailed

MOST_ISSUES_TOLD = 10

Call = Callable[[Tool, dict[str, Any], ToolContext], Coroutine[Any, Any, Any]]

log = structlog.get_logger("tools")


class ArgumentsRefused(ToolFailed):
    """The arguments do not fit what the tool takes."""

    def __init__(self, tool: str, issues: list[Issue]) -> None:
        told = "; ".join(_told(issue) for issue in issues[:MOST_ISSUES_TOLD])
        super().__init__(f"The arguments do not fit `{tool}`: {told}", "invalid_arguments")


def wrapped() -> Call:
    """Everything around `Tool.run`, the outermost first."""
    return checked(limited(timed(scrubbed(translated(plain)))))


async def plain(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
    return await tool.run(arguments, context)


def checked(inner: Call) -> Call:
    async def call(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        issues = tool.issues(arguments)
        if issues:
            raise ArgumentsRefused(tool.name, issues)
        return await inner(tool, arguments, context)

    return call


def limited(inner: Call) -> Call:
    """A tool that says so is called only so many times at once, by all runs of the process."""
    places: dict[str, asyncio.Semaphore] = {}

    async def call(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        if not tool.at_once:
            return await inner(tool, arguments, context)
        async with places.setdefault(tool.name, asyncio.Semaphore(tool.at_once)):
            return await inner(tool, arguments, context)

    return call


def timed(inner: Call) -> Call:
    """One deadline for the whole call, whatever the other side does in between."""

    async def call(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        deadline = asyncio.timeout(tool.timeout)
        try:
            async with deadline:
                return await inner(tool, arguments, context)
        except TimeoutError:
            if not deadline.expired():
                raise
            message = f"`{tool.name}` gave no answer within {tool.timeout:g} s."
            raise ToolFailed(message, "timeout", retryable=True) from None

    return call


def scrubbed(inner: Call) -> Call:
    """A secret that comes back, such as a key in an error page, ends here: no model is shown it and
    no table keeps it."""

    async def call(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        try:
            return REDACTION.kept_value(await inner(tool, arguments, context))
        except ToolFailed as failed:
            failed.message = REDACTION.kept(failed.message)
            raise

    return call


def translated(inner: Call) -> Call:
    """A failing tool fails its step, never the engine."""

    async def call(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Any:
        try:
            return await inner(tool, arguments, context)
        except ToolFailed:
            raise
        except AppError as error:
            away = isinstance(error, Unavailable)
            raise ToolFailed(error.message, error.code.value.lower(), retryable=away) from error
        except TimeoutError:
            raise
        except Exception as error:
            if tool.layer is Layer.BUILT_IN and is_away(error):
                message = f"`{tool.name}` could not reach the database."
                raise ToolFailed(message, "unavailable", retryable=True) from error
            log.exception("tool_broke", tool=tool.name, execution=str(context.execution_id))
            message = f"`{tool.name}` broke: {type(error).__name__}."
            raise ToolFailed(message) from error

    return call


def _told(issue: Issue) -> str:
    where = ".".join(str(part) for part in issue.path)
    return f"{where}: {issue.message}" if where else issue.message
