"""A tool that holds on to memory: for good, as one that leaks, or until its process dies of it."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import orjson

from server.bal.types import NumberType, ObjectType, OptionalType, TypeField
from server.tools import catalogue
from server.tools.base import Tool, ToolContext

MIB = 1024 * 1024
# So much more than it has already is what the process may have in the end.
LAST_MIB = 256
_INPUT = ObjectType((TypeField("mib", OptionalType(NumberType())),))
_held: list[bytearray] = []


async def _hoard(arguments: dict[str, Any], context: ToolContext) -> Any:
    if "mib" in arguments:
        _held.append(bytearray(b"x") * int(arguments["mib"] * MIB))
        return os.getpid()
    return _without_end()


def _without_end() -> str:
    """A value that doubles is written out by a library that does not ask whether there is memory:
    the process dies when the system gives it no more. The bound is of this process alone, so that
    the machine of the tests does not suffer."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bound = pages * os.sysconf("SC_PAGE_SIZE") + LAST_MIB * MIB
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    value: list[Any] = ["x" * 100]
    for _ in range(40):
        value = [value, value]
    return orjson.dumps(value).decode()


HOARD = Tool("hoard", "Holds on to memory.", _hoard, input=_INPUT, idempotent=True)


def give() -> None:
    """To every bot of this process."""
    found = catalogue.Catalogue([*catalogue._BUILT_IN.tools, HOARD])  # pyright: ignore[reportPrivateUsage]
    catalogue._BUILT_IN = found  # type: ignore[misc]
