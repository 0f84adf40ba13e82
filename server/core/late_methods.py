"""The methods that Python writes for dataclasses, written when they are called.

A start makes a thousand dataclasses. For each, Python puts together the text of up to five methods
beside `__init__` and compiles them: a sixth of a start, for methods of which few are ever called.
From Python 3.13 on it compiles them in one go, and is left alone.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

_MARK = "written_late"


def write_methods_late() -> None:
    python: Any = dataclasses
    write = getattr(python, "_create_fn", None)
    if write is None or sys.version_info >= (3, 13) or hasattr(write, _MARK):
        return
    python._create_fn = _late(write)


def _late(write: Callable[..., Any]) -> Callable[..., Any]:
    def late(name: str, args: list[str], body: list[str], **more: Any) -> Any:
        if name == "__init__":  # its arguments are looked at
            return write(name, args, body, **more)
        written: Any = None

        def method(*given: Any) -> Any:
            nonlocal written
            if written is None:
                written = write(name, args, body, **more)
            return written(*given)

        method.__name__ = name
        method.__module__ = (more.get("globals") or {}).get("__name__", __name__)
        return method

    setattr(late, _MARK, True)
    return late
