"""Tools for tests: they count how often they are called, wait until they are let go, and fail when
told to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from server.bal.types import AnyType, ObjectType, OptionalType, StringType, TypeField
from server.tools.base import Tool, ToolContext, ToolFailed
from server.tools.catalogue import BUILT_IN, Catalogue, Catalogues

INPUT = ObjectType((TypeField("text", StringType()), TypeField("more", OptionalType(AnyType()))))


def catalogues_with(tools: Sequence[Tool]) -> Catalogues:
    found = Catalogue([*BUILT_IN, *tools])

    async def catalogue(workspace_id: UUID) -> Catalogue:
        return found

    return catalogue


@dataclass
class Counted:
    """A tool that repeats its text. `gate`: calls wait for it; `together`: calls wait until so many
    are there; `failures`: what the next calls raise."""

    name: str = "echo"
    idempotent: bool = True
    timeout: float = 30.0
    needs_approval: bool = False
    gate: asyncio.Event | None = None
    together: int = 0
    failures: list[ToolFailed] = field(default_factory=list)
    answer: Any = None
    calls: list[str] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tool(self) -> Tool:
        return Tool(
            name=self.name,
            description="Repeats a text.",
            run=self._run,
            input=INPUT,
            idempotent=self.idempotent,
            timeout=self.timeout,
            needs_approval=self.needs_approval,
        )

    async def _run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        self.calls.append(context.idempotency_key)
        self.arguments.append(arguments)
        if len(self.calls) >= self.together:
            self.entered.set()
        if self.together:
            await self.entered.wait()
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return arguments["text"] if self.answer is None else self.answer
