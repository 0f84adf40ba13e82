"""The only door to the server: named operations of graphql-schema/operations, nothing else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

OPERATIONS = Path(__file__).resolve().parent.parent / "graphql-schema" / "operations"

Execute = Callable[[str, dict[str, Any], Any], Awaitable[Mapping[str, Any]]]


class ClientError(Exception):
    """The server refused. The text is made for the person in front of the page."""

    def __init__(
        self, message: str, code: str = "INTERNAL", errors: list[Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.errors = errors or []


@cache
def operation(name: str) -> str:
    return (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Client:
    execute: Execute
    viewer: Any

    async def query(self, name: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        result = await self.execute(operation(name), variables or {}, self.viewer)
        errors = cast(list[Mapping[str, Any]], result.get("errors") or [])
        if errors:
            code = (errors[0].get("extensions") or {}).get("code", "INTERNAL")
            raise ClientError(str(errors[0].get("message", "The server refused.")), str(code))
        return dict(result.get("data") or {})

    async def mutate(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """Runs a mutation with one input; its payload, or ClientError with the first refusal."""
        data = await self.query(name, {"input": values})
        payload = cast(dict[str, Any], next(iter(data.values()), None) or {})
        if errors := payload.get("errors"):
            first = errors[0]
            raise ClientError(first["message"], str(first.get("code", "INTERNAL")), errors)
        return payload
