"""What somebody asks for who wants an execution to be done again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from server.core.errors import Invalid
from server.core.jsontext import dumps
from server.engine.store import UNSET, Unset


@dataclass(frozen=True, slots=True)
class RerunRequest:
    """`from_step` None: what failed and was not caught, or the first step when nothing failed; with
    `only_failed` all that failed, also what the program has caught with `on_error` or collected.
    `outputs` puts other results in the place of those of steps before it; one for `from_step`
    itself stands for its result, so that it is passed by, and `skip` does that with the input of a
    step. `arguments`: what the tool call `from_step` of a model is made with. `models`: which one
    an entity asks, by its name."""

    execution_id: UUID
    from_step: str | None = None
    from_seq: int | None = None
    version: Literal["same", "draft"] = "same"
    input: Any = UNSET
    only_failed: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    skip: tuple[str, ...] = ()
    arguments: Any = UNSET
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None

    def check(self) -> None:
        """Of the places to begin with there is one at most, and a step has one result."""
        given = {
            "fromStep": self.from_step is not None,
            "fromSeq": self.from_seq is not None,
            "onlyFailed": self.only_failed,
        }
        named = [name for name, is_given in given.items() if is_given]
        if len(named) > 1:
            raise Invalid(f"Give {' or '.join(named)}, not both.", path=[named[-1]])
        for key in self.skip:
            if key in self.outputs:
                message = f"`{key}` can be given another result or be skipped, not both."
                raise Invalid(message, path=["skip"])

    @property
    def hash(self) -> str:
        """Two requests with one key must be the same request."""
        given = None if isinstance(self.input, Unset) else {"value": self.input}
        begin = self.from_step if self.from_seq is None else self.from_seq
        parts = [str(self.execution_id), begin, self.version, given, dict(self.outputs)]
        if self.models:
            parts.append(dict(self.models))
        more = {
            "onlyFailed": self.only_failed,
            "skip": list(self.skip),
            "arguments": None if isinstance(self.arguments, Unset) else [self.arguments],
        }
        if any(more.values()):
            parts.append(more)
        return hashlib.sha256(dumps(parts).encode()).hexdigest()
